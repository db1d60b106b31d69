package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// TestBuilt loads sources that only a build understands.
func TestBuilt(t *testing.T) {
	requirement := func(text string) pep508.Requirement {
		r, _, err := pep508.ParseRequirement(text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	metadata := &StaticMetadata{
		Name: "demo", Version: pep440.MustParse("1"), Extras: []pypi.Extra{"a", "b"},
		Requires: []pep508.Requirement{
			requirement("plain>=1"), requirement("old; python_version < '3.9'"), requirement("both; os_name == 'nt' or extra == 'b'"),
			requirement("only[x]; extra == 'a'"), requirement("narrow; sys_platform == 'linux' and extra == 'a'"), requirement("demo[a]; extra == 'b'"),
			requirement("unknown; extra == 'z'"),
		},
	}
	metadata.RequiresPython, _ = pep440.ParseSpecifiers(">=3.8")
	const want = `both; os_name == "nt" | old; python_version < "3.9" | plain>=1`
	const wantA = want + ` | narrow; sys_platform == "linux" | only[x]`
	const dynamic = "[project]\nname = 'demo'\nversion = '1'\n"
	for _, test := range []struct {
		name    string
		files   map[string]string
		source  string
		extras  []string
		want    string // requirements, sorted, or after a dash part of the error
		origin  string
		unbuilt string // the error where nothing may be built
	}{
		{"setup.py", map[string]string{"setup.py": ""}, "svc", nil, want, "demo (svc/setup.py)", "allow that with --build"},
		{"setup.cfg named", map[string]string{"setup.cfg": ""}, "svc/setup.cfg", nil, want, "demo (svc/setup.cfg)", "allow that with --build"},
		{"setup.py beside a file of tools", map[string]string{"setup.py": "", "pyproject.toml": "[tool.black]\n"}, "svc", nil, want, "demo (svc/pyproject.toml)", "tell them with --build"},
		{"build system", map[string]string{"pyproject.toml": "[build-system]\nrequires = []\n"}, "svc", nil, want, "demo (svc/pyproject.toml)", "tell them with --build"},
		{"Poetry", map[string]string{"pyproject.toml": "[tool.poetry]\nname = 'demo'\n"}, "svc/pyproject.toml", nil, want, "demo (svc/pyproject.toml)", "tell them with --build"},
		{"dynamic", map[string]string{"pyproject.toml": dynamic + "dynamic = ['dependencies']\n"}, "svc", nil, want, "demo (svc/pyproject.toml)", "tell them with --build"},
		{"extra", map[string]string{"setup.py": ""}, "svc", []string{"a"}, wantA, "demo (svc/setup.py)", "--build"},
		{"extra that asks for another", map[string]string{"setup.py": ""}, "svc", []string{"B"}, `both | ` + wantA, "demo (svc/setup.py)", "--build"},
		{"unknown extra", map[string]string{"setup.py": ""}, "svc", []string{"z"}, "-unknown extra", "", "--build"},
		{"dynamic extras that are asked for", map[string]string{"pyproject.toml": dynamic + "dynamic = ['optional-dependencies']\ndependencies = ['stated']\n"}, "svc", []string{"a"}, wantA, "demo (svc/pyproject.toml)", "tell them with --build"},
		{"another name", map[string]string{"pyproject.toml": strings.Replace(dynamic, "demo", "other", 1) + "dynamic = ['dependencies']\n"}, "svc", nil, "-its build is that of demo, not of other", "", "--build"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(root, "svc", name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			o := LoadOptions{Root: root, WorkDir: root, Sources: []string{test.source}, Extras: test.extras}
			if _, err := Load(o); err == nil || !strings.Contains(err.Error(), test.unbuilt) {
				t.Errorf("without builds: %v", err)
			}
			builds := 0
			o.Build = func(p *Project, dir string) (*StaticMetadata, error) {
				if builds++; dir != filepath.Join(root, "svc") || p.Root != root || p.Dir != dir {
					t.Errorf("asked to build %s of %s", dir, p.Dir)
				}
				return metadata, nil
			}
			p, err := Load(o)
			if builds != 1 {
				t.Errorf("%d builds", builds)
			}
			if want, bad := strings.CutPrefix(test.want, "-"); bad {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range p.Requirements {
				got = append(got, r.Requirement.String())
				if r.Origin != test.origin || r.Place.Line != 0 || r.Place.File == "" {
					t.Errorf("%s: origin %q, place %v", r.Name, r.Origin, r.Place)
				}
			}
			if got := joinSorted(got); got != joinSorted(strings.Split(test.want, " | ")) {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
			if p.Name != "demo" || fmt.Sprint(p.RequiresPython) != ">=3.8" {
				t.Errorf("got %s, python %s", p.Name, p.RequiresPython)
			}
			o.Build = func(*Project, string) (*StaticMetadata, error) { return nil, errors.New("no compiler") }
			if _, err := Load(o); err == nil || err.Error() != "no compiler" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestNotBuilt leaves alone what states all that is asked for, and what is no
// project.
func TestNotBuilt(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		groups []string
		want   string // part of the error, "" for success
	}{
		"static":                          {"[project]\nname = 'a'\ndynamic = ['version', 'readme']\n[build-system]\nrequires = []\n", nil, ""},
		"dynamic extras that nobody asks": {"[project]\nname = 'a'\nversion = '1'\ndynamic = ['optional-dependencies']\n", nil, ""},
		"groups alone":                    {"[build-system]\nrequires = []\n[dependency-groups]\ndev = ['x']\n", []string{"dev"}, ""},
		"tools":                           {"[tool.black]\n", nil, "has no [project] table"},
		"workspace":                       {"[build-system]\nrequires = []\n[tool.uv.workspace]\nmembers = ['x']\n", nil, "root of a workspace"},
	} {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "pyproject.toml"), []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Load(LoadOptions{Root: root, WorkDir: root, Sources: []string{"."}, Groups: test.groups, Build: func(*Project, string) (*StaticMetadata, error) {
			t.Errorf("%s: built", name)
			return nil, errors.New("built")
		}})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func joinSorted(s []string) string { return strings.Join(slices.Sorted(slices.Values(s)), " | ") }
