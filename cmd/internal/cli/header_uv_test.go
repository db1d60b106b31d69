package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// renovate is how Renovate (44) reads the header of a lock: the last line of
// the comment that is indented so.
var renovate = regexp.MustCompile(`^(?:#.*?\r?\n)+# {4}(\S*)( .*?)?\r?\n`)

// The options that it takes of uv; those of the first list have a value.
var (
	renovateValues = strings.Fields("--constraints --constraint --python-version --no-emit-package --prerelease --format --resolution --fork-strategy --exclude-newer --exclude-newer-package --group --override --overrides --output-file --extra --extra-index-url")
	renovateTakes  = append(strings.Fields("--no-strip-extras --universal -v --generate-hashes --emit-index-url --index-url --all-extras"), renovateValues...)
)

// Each command of uv is one that Renovate takes, and describes the same lock.
func TestUVCommand(t *testing.T) {
	app := &App{Getenv: func(string) (string, bool) { return "", false }}
	python, err := pep440.Parse("3.12")
	if err != nil {
		t.Fatal(err)
	}
	for _, flags := range []string{
		"--universal --no-hashes",
		"--universal --generate-hashes --python-version=3.12",
		"--universal --generate-hashes --all-extras --group=dev --group=more/pyproject.toml:test",
		"--universal --generate-hashes --extra=b --extra=a --constraints=c.txt --overrides=o.txt",
		"--universal --generate-hashes --fork-strategy=fewest --resolution=lowest --prerelease=allow --exclude-newer='7 days' --exclude-newer-package=a=2024-01-01",
		"--universal --generate-hashes --no-emit-package=a --no-strip-extras --emit-index-url --default-index=https://a.example/simple/ --index=https://b.example/ --index=https://a.example/",
	} {
		o := &compileOptions{global: &global{app: app}}
		o.written = o
		cmd := &cobra.Command{}
		o.register(cmd)
		words, _ := unquote(flags)
		if err := cmd.ParseFlags(words); err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		t.Chdir(root)
		o.sources, o.headerStyle = []string{"svc/pyproject.toml"}, choice{value: "uv", set: true}
		r := &run{project: &project.Project{Root: root, Sources: o.sources}, output: "svc/requirements.lock"}
		r.request.LowestPython = python
		line, err := o.headerCommand(r)
		if err != nil {
			t.Errorf("%s: %v", flags, err)
			continue
		}
		var text strings.Builder
		for _, l := range lockfile.Header(line, "CPython 3.12 and newer on every platform", "Install with pip install --no-deps") {
			text.WriteString("# " + l + "\n")
		}
		m := renovate.FindStringSubmatch(text.String())
		if m == nil || m[1] != "uv" {
			t.Errorf("%s: Renovate does not find the command in\n%s", flags, &text)
			continue
		}
		words, _ = unquote(strings.TrimSpace(m[2]))
		for _, w := range words[2:] {
			name, _, valued := strings.Cut(w, "=")
			if strings.HasPrefix(w, "-") && (!slices.Contains(renovateTakes, name) || !valued && slices.Contains(renovateValues, name)) {
				t.Errorf("%s: Renovate does not take %s", flags, w)
			}
		}
		back, _, err := o.fromUV(words[2:], "svc/requirements.lock")
		if err != nil {
			t.Errorf("%s: %v", flags, err)
			continue
		}
		o.output = "svc/requirements.lock"
		if len(o.pythons) == 0 {
			o.pythons = []string{"3.12"}
		}
		got, want := back.command(root, back.sources).String(), o.command(root, o.sources).String()
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", flags, got, want)
		}
	}
}

func TestFromUV(t *testing.T) {
	const platform = " --python-platform=x86_64-manylinux_2_28"
	app := &App{Getenv: func(string) (string, bool) { return "", false }}
	for _, tt := range []struct{ file, line, want string }{
		{"r.txt", "uv pip compile r.in -o r.txt", "r.in --no-hashes --output-file=r.txt" + platform},
		{"r.txt", "uv pip compile r.in", "r.in --no-hashes --output-file=r.txt" + platform},
		{"a/r.txt", "uv pip compile r.in -c c.txt", "a/r.in --constraints=a/c.txt --no-hashes --output-file=a/r.txt" + platform},
		{"a/b/r.txt", "uv pip compile b/r.in -o b/r.txt --group b/pyproject.toml:dev", "a/b/r.in --group=a/b/pyproject.toml:dev --no-hashes --output-file=a/b/r.txt" + platform},
		{"a/r.txt", "uv pip compile ../r.in -o r.txt", "r.in --no-hashes --output-file=a/r.txt" + platform},
		{"r.txt", "uv pip compile r.in --universal --python 3.11 -U -P x --pre", "r.in --no-hashes --output-file=r.txt --prerelease=allow --python-version=3.11 --universal"},
		{"r.txt", "uv pip compile r.in --index-strategy first-index --keyring-provider=subprocess -n -v --offline --python cpython@3.13", "r.in --no-hashes --output-file=r.txt" + platform + " --python-version=3.13"},
		{"r.txt", "uv pip compile r.in --python pypy", "r.in --no-hashes --output-file=r.txt" + platform},
		{"r.txt", "uv pip compile r.in --python-platform macos --exclude skip.txt", "r.in --excludes=skip.txt --no-hashes --output-file=r.txt --python-platform=macos"},
		{"r.txt", "pip-compile --allow-unsafe --strip-extras r.in", "r.in --no-hashes --output-file=r.txt" + platform},
		{"r.txt", "pip-compile -p --unsafe-package=pip r.in", "r.in --no-emit-package=pip --no-hashes --no-strip-extras --output-file=r.txt --prerelease=allow" + platform},
		{"r.txt", "uv pip compile", "the command names no source"},
		{"r.txt", "uv pip compile r.in --torch-backend cpu", "r.in --no-hashes --output-file=r.txt" + platform + " --torch-backend=cpu"},
		{"r.txt", "uv pip compile r.in --torch-backend auto", "auto asks the machine for its GPU"},
		{"r.txt", "uv pip compile r.in --upgrade-group dev", "pylock does not have it: --upgrade-package names packages"},
		{"r.txt", "uv pip compile r.in -o ../r.txt", "not known where it was run"},
		{"r.txt", "uv pip sync r.in", ""},
		{"r.txt", "pipenv lock", ""},
		{"r.txt", "uv 'r.in", ""},
	} {
		o := &compileOptions{global: &global{app: app}}
		o.written = o
		root := t.TempDir()
		t.Chdir(root)
		got := ""
		was, err := o.described(&lockfile.Lock{Header: lockfile.Header(tt.line, "")}, tt.file, root)
		switch {
		case err != nil:
			if got = err.Error(); strings.Contains(got, tt.want) && tt.want != "" {
				got = tt.want
			}
		case was != nil:
			got = strings.TrimPrefix(was.command(root, was.sources).String(), "pylock compile ")
		}
		if got != tt.want {
			t.Errorf("%s in %s:\ngot  %s\nwant %s", tt.line, tt.file, got, tt.want)
		}
	}
}
