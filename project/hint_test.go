package project

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

// files writes "path: content" files into a new folder; \n in the content is
// a line break.
func files(t testing.TB, lines ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, l := range lines {
		name, content, _ := strings.Cut(l, ": ")
		writeFile(t, filepath.Join(root, filepath.FromSlash(name)), []byte(strings.ReplaceAll(content, `\n`, "\n")))
	}
	return root
}

func TestPythonVersionHint(t *testing.T) {
	const project = `svc/pyproject.toml: [project]\nname = "svc"\nrequires-python = ">=3.10"\n`
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"nothing", nil, ""},
		{"requires-python", []string{project}, "3.10 svc/pyproject.toml:3:19"},
		{"Dockerfile first", []string{project, "svc/Dockerfile: FROM python:3.11.4-slim"}, "3.11 svc/Dockerfile:1:1"},
		{"a Dockerfile without Python", []string{project, "svc/Dockerfile: FROM nginx"}, "3.10 svc/pyproject.toml:3:19"},
		{".python-version first", []string{project, "svc/Dockerfile: FROM python:3.11", `.python-version: # pyenv\n3.12.4\n3.11`}, "3.12.4 .python-version:2:1"},
		{"nearest .python-version", []string{"svc/.python-version: cpython-3.13.1-linux-x86_64-gnu", ".python-version: 3.12"}, "3.13.1 svc/.python-version:1:1"},
		{".python-version of an environment", []string{project, ".python-version: my-env-3.9"}, "3.10 svc/pyproject.toml:3:19"},
		{".python-version of PyPy", []string{project, ".python-version: pypy@3.9"}, "3.10 svc/pyproject.toml:3:19"},
		{".python-version of major alone", []string{".python-version: 3"}, ""},
		{"settings first", []string{".python-version: 3.12", `svc/pyproject.toml: [tool.pylock]\npython-version = "3.14"`}, "3.14 svc/pyproject.toml:2:18"},
		{"settings of the root", []string{".python-version: 3.12", project, `pyproject.toml: [tool.pylock]\npython-version = "3.13"`}, "3.13 pyproject.toml:2:18"},
		{"bad setting", []string{`svc/pyproject.toml: [tool.pylock]\npython-version = ">=3.13"`}, `svc/pyproject.toml:2:18: tool.pylock.python-version must be a version such as 3.12 or 3.12.4, not ">=3.13"`},
		{"broken pyproject", []string{`svc/pyproject.toml: [tool`}, `svc/pyproject.toml:1:5: invalid TOML: expected ']' to close table name`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := files(t, append(tt.files, "svc/README: x")...)
			h, err := PythonVersionHint(filepath.Join(root, "svc"), root)
			got := strings.TrimSpace(h.Version + " " + h.Place.String())
			if err != nil {
				got, _, _ = strings.Cut(err.Error(), "\n")
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLowerPython(t *testing.T) {
	for spec, want := range map[string]string{
		">=3.12": "3.12", ">=3.12.4": "3.12.4", "~=3.11": "3.11", "==3.12.*": "3.12", ">3.11": "3.11.1", ">3.11.2": "3.11.2",
		"<4": "", "": "", ">=3": "", ">=3.8,!=3.8.*,!=3.9.*": "3.10", ">=3.9,<3.13": "3.9", "==3.12.1": "3.12.1", "!=3.9.*": "", ">=3.13rc1": "3.13",
	} {
		s, err := pep440.ParseSpecifiers(spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := LowerPython(s); got != want {
			t.Errorf("%q: got %q, want %q", spec, got, want)
		}
	}
}

func TestReadDockerfile(t *testing.T) {
	tests := []struct {
		name  string
		file  string
		files []string
		want  string // version, place, alpine
	}{
		{"plain", `FROM python:3.12`, nil, "3.12 svc/Dockerfile:1:1"},
		{"slim, patch and digest", `FROM python:3.12.7-slim-bookworm@sha256:abc`, nil, "3.12 svc/Dockerfile:1:1"},
		{"registry and platform", `FROM --platform=$BUILDPLATFORM docker.io/library/python:3.13-alpine3.20`, nil, "3.13 svc/Dockerfile:1:1 alpine"},
		{"registry with port", `FROM registry.example:5000/mirror/python:3.11`, nil, "3.11 svc/Dockerfile:1:1"},
		{"pre-release", `FROM python:3.15-rc-slim`, nil, "3.15 svc/Dockerfile:1:1"},
		{"no minor", `FROM python:3`, nil, ""},
		{"latest", `FROM python`, nil, ""},
		{"lower case", `from python:3.12 as build`, nil, "3.12 svc/Dockerfile:1:1"},
		{"last stage", `FROM python:3.11 AS build\nRUN x\nFROM python:3.12-slim`, nil, "3.12 svc/Dockerfile:3:1"},
		{"alias", `FROM python:3.11 AS Base\nFROM node:20 AS web\nFROM base`, nil, "3.11 svc/Dockerfile:1:1"},
		{"alias of itself", `FROM a AS a\nFROM a AS a`, nil, ""},
		{"ARG", `# x\nARG PY=3.12\nARG TAG=${PY}-slim\nFROM python:${TAG}`, nil, "3.12 svc/Dockerfile:4:1"},
		{"ARG in a stage does not count", `ARG PY=3.12\nFROM node\nARG PY=3.10\nFROM python:$PY`, nil, "3.12 svc/Dockerfile:4:1"},
		{"ARG quoted", `ARG V="3.12"\nFROM python:$V-slim`, nil, "3.12 svc/Dockerfile:2:1"},
		{"ARG without default", `ARG V\nFROM python:${V:-3.11}-slim`, nil, "3.11 svc/Dockerfile:2:1"},
		{"ARG alternative", `ARG V=1\nFROM python:3.12${V:+-alpine}`, nil, "3.12 svc/Dockerfile:2:1 alpine"},
		{"continuation", `FROM \\n  # why\n\n  python:3.12 \\n AS x`, nil, "3.12 svc/Dockerfile:1:1"},
		{"heredoc", `FROM python:3.12\nRUN <<EOF\nFROM python:3.9\nEOF\nRUN cat <<-"A" <<B\n\tA\nFROM x\nB\nCMD x`, nil, "3.12 svc/Dockerfile:1:1"},
		{"escape directive", "# escape=`\\nFROM `\\n python:3.12", nil, "3.12 svc/Dockerfile:2:1"},
		{"uv's image", `FROM ghcr.io/astral-sh/uv:python3.12-bookworm-slim`, nil, "3.12 svc/Dockerfile:1:1"},
		{"another image", `FROM node:20-alpine`, nil, " svc/Dockerfile:1:1 alpine"},
		{"local base", `FROM mono-base:latest`, []string{"docker/base.Dockerfile: FROM python:3.12-alpine"}, "3.12 docker/base.Dockerfile:1:1 alpine"},
		{"local base by name", `FROM registry.example/mono:1`, []string{"mono.Dockerfile: ARG V=3.13\\nFROM python:$V"}, "3.13 mono.Dockerfile:2:1"},
		{"two local bases", `FROM mono-base`, []string{"docker/base.Dockerfile: FROM python:3.12", "Dockerfile.base: FROM python:3.11"}, " svc/Dockerfile:1:1"},
		{"local base of itself", `FROM base`, []string{"docker/base.Dockerfile: FROM base"}, " docker/base.Dockerfile:1:1"},
		{"empty", ``, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := files(t, append(tt.files, "svc/Dockerfile: "+tt.file)...)
			b, err := ReadDockerfile(filepath.Join(root, "svc"), root)
			if err != nil {
				t.Fatal(err)
			}
			got := b.Python.Version
			if b.Place.File != "" {
				got += " " + b.Place.String()
			}
			if b.Alpine {
				got += " alpine"
			}
			if tt.want == "" && b.Python.Version == "" {
				return
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	b, err := ReadDockerfile(t.TempDir(), t.TempDir())
	if b != (BaseImage{}) || err != nil {
		t.Errorf("without a file: got %v, %v", b, err)
	}
}

func TestFindRoot(t *testing.T) {
	root := files(t,
		"repo/.git/HEAD: x",
		`repo/a/pyproject.toml: [project]\nname = "pylock"`,
		`repo/b/pyproject.toml: [tool.pylock]`,
		`repo/b/c/pyproject.toml: [tool.other]`,
		`repo/b/own/pyproject.toml: [tool.pylock]\nhashes = "none"`,
		`repo/svc/pyproject.toml: [tool.pylock]\nhashes = "none"`,
		`repo/many/pyproject.toml: [tool.pylock]\nservices = ["a"]`,
		`repo/many/a/pyproject.toml: [tool.pylock]\ncoherent = true`,
		`repo/many/b/pyproject.toml: [tool.pylock]\ncoherent = true`,
		`repo/broken/pyproject.toml: pylock [`,
		`above/pyproject.toml: [tool.pylock]\nx = 1`,
		`above/repo/.git: gitdir`,
		`above/repo/x: y`,
		`above/plain/svc/pyproject.toml: [tool.pylock.sources]\nx = {path = "x"}`,
		`above/plain/x: y`)
	for dir, want := range map[string]string{
		"repo/a": "repo", "repo/b/c": "repo/b", "repo/b": "repo/b", "repo/b/own": "repo/b", "repo/svc": "repo", "repo/many/a": "repo/many", "repo/many/b": "repo/many/b", "repo/broken": "repo",
		"above/repo": "above/repo", "above/plain": "above", "above/plain/svc": "above",
	} {
		got := relative(root, FindRoot(filepath.Join(root, filepath.FromSlash(dir))))
		if got != want {
			t.Errorf("%s: got %s, want %s", dir, got, want)
		}
	}
}
