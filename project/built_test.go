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
			o.Build = func(p *Project, tree BuildTree) (*StaticMetadata, error) {
				if builds++; tree.Dir != filepath.Join(root, "svc") || tree.Rel != "svc" || tree.Outside || p.Root != root || p.Dir != tree.Dir {
					t.Errorf("asked to build %+v of %s", tree, p.Dir)
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
			o.Build = func(*Project, BuildTree) (*StaticMetadata, error) { return nil, errors.New("no compiler") }
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
		_, err := Load(LoadOptions{Root: root, WorkDir: root, Sources: []string{"."}, Groups: test.groups, Build: func(*Project, BuildTree) (*StaticMetadata, error) {
			t.Errorf("%s: built", name)
			return nil, errors.New("built")
		}})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func joinSorted(s []string) string { return strings.Join(slices.Sorted(slices.Values(s)), " | ") }

// TestBuiltLocals builds path dependencies when all else is read: what builds
// require comes from the indexes that the files name, wherever they do.
func TestBuiltLocals(t *testing.T) {
	requirement := func(text string) pep508.Requirement {
		r, _, err := pep508.ParseRequirement(text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tell := map[string]*StaticMetadata{
		"lib":  {Name: "lib", Version: pep440.MustParse("3"), Requires: []pep508.Requirement{requirement("a"), requirement("b; extra == 'more'"), requirement("inner")}, Extras: []pypi.Extra{"more"}},
		"two":  {Name: "two", Requires: []pep508.Requirement{requirement("lib[more]")}},
		"evil": {Name: "evil", Requires: []pep508.Requirement{requirement("x @ file:///etc")}},
	}
	const dynamic = "[project]\nname = 'lib'\nversion = '1'\n"
	const inner = "[project]\nname = 'inner'\nversion = '1'\ndependencies = ['deep']\n"
	const sources = "[tool.uv.sources]\ninner = { path = '../inner' }\n"
	for _, test := range []struct {
		name    string
		files   map[string]string
		want    string // locals with their requirements, or after a dash part of the error
		unbuilt string // the error where nothing may be built
		built   string
	}{
		{"dynamic", map[string]string{"in.txt": "lib @ file:lib\n--index-url https://example.org/private\n", "lib/pyproject.toml": dynamic + "dynamic = ['dependencies']\n" + sources, "inner/pyproject.toml": inner},
			"inner: deep; lib 3: a inner(folder)", "in.txt:1:1: lib (lib) leaves its dependencies to its build: allow that with --build, or write them in [project] at lib/pyproject.toml:4:12", "lib"},
		{"setup.py", map[string]string{"in.txt": "lib @ file:lib\n", "lib/setup.py": ""}, "lib 3: a inner", "in.txt:1:1: file:lib has no pyproject.toml, only a setup.py, which needs a build: allow that with --build", "lib"},
		{"setup.py without a name", map[string]string{"in.txt": "-e ./lib[more] ; python_version >= '3.8'\n--index-url https://example.org/private\n", "lib/setup.cfg": ""}, "lib 3: a inner [more] b", "in.txt:1:4: ./lib has no", "lib"},
		{"tools alone", map[string]string{"in.txt": "./lib\n--index-url https://example.org/private\n", "lib/pyproject.toml": "[build-system]\nrequires = []\n"}, "lib 3: a inner [more] b", "in.txt:1:1: lib does not state its name and dependencies: allow its build", "lib"},
		{"extras that somebody wants later", map[string]string{"in.txt": "lib @ file:lib\ntwo @ file:two\n", "lib/pyproject.toml": dynamic + "dynamic = ['optional-dependencies']\ndependencies = ['stated']\n" + sources,
			"two/pyproject.toml": strings.Replace(dynamic, "lib", "two", 1) + "dynamic = ['dependencies']\n[tool.uv.sources]\nlib = { path = '../lib' }\n", "inner/pyproject.toml": inner},
			"inner: deep; lib 3: a inner(folder) [more] b; two: lib(folder)", "in.txt:2:1: two (two) leaves its dependencies", "lib two"},
		{"extras that nobody wants", map[string]string{"in.txt": "lib @ file:lib\n", "lib/pyproject.toml": dynamic + "dynamic = ['optional-dependencies']\ndependencies = ['stated']\n"}, "lib 1: stated", "", ""},
		{"workspace member", map[string]string{"in.txt": "./svc\n", "svc/pyproject.toml": "[project]\nname = 'svc'\nversion = '1'\ndependencies = ['lib']\n[tool.uv.sources]\nlib = { workspace = true }\n",
			"pyproject.toml": "[tool.uv.workspace]\nmembers = ['svc', 'lib']\n", "lib/pyproject.toml": dynamic + "dynamic = ['dependencies']\n"}, "lib 3: a inner; svc 1: lib(folder)", "svc/pyproject.toml:4:17: lib (lib) leaves its dependencies", "lib"},
		{"another name", map[string]string{"in.txt": "other @ file:lib\n", "lib/setup.py": ""}, "-in.txt:1:1: the package at lib is called lib, not other: use its name", "", "lib"},
		{"a path in the copy", map[string]string{"in.txt": "evil @ file:evil\n", "evil/setup.py": ""}, "-evil/setup.py", "", "evil"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(root, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			o := LoadOptions{Root: root, WorkDir: root, Sources: []string{"in.txt"}}
			if _, err := Load(o); test.unbuilt != "" && (err == nil || !strings.HasPrefix(err.Error(), test.unbuilt)) {
				t.Errorf("without builds: %v", err)
			}
			var built []string
			o.Build = func(p *Project, tree BuildTree) (*StaticMetadata, error) {
				built = append(built, tree.Rel)
				if strings.Contains(test.files["in.txt"], "--index-url") && p.Index.Default.URL != "https://example.org/private" {
					t.Errorf("the indexes of the build of %s are %+v", tree.Rel, p.Index)
				}
				return tell[tree.Rel], nil
			}
			p, err := Load(o)
			slices.Sort(built)
			if got := strings.Join(built, " "); got != test.built {
				t.Errorf("built %q, want %q", got, test.built)
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
			for _, l := range p.Locals {
				line := string(l.Name)
				if !l.Version.IsZero() && l.Name != "inner" {
					line += " " + l.Version.String()
				}
				line += ":"
				show := func(rs []Requirement) {
					for _, r := range rs {
						line += " " + string(r.Name)
						if r.Path != "" {
							line += "(folder)"
						}
					}
				}
				show(l.Requirements)
				for x, rs := range l.Extras {
					if strings.Contains(test.want, "["+string(x)+"]") {
						line += " [" + string(x) + "]"
						show(rs)
					}
				}
				got = append(got, line)
			}
			if got := strings.Join(got, "; "); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestBuildBounds: the bounds of builds are read before the sources are built.
func TestBuildBounds(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"svc/pyproject.toml": "[project]\nname = 'svc'\nversion = '1'\ndynamic = ['dependencies']\n[tool.uv]\nbuild-constraint-dependencies = ['maker<2']\nexclude-newer = '2024-01-01'\nconstraint-dependencies = ['c<1']\n[tool.uv.pip]\nprerelease = 'allow'\n",
		"pyproject.toml":     "[tool.pylock]\nbuild-constraint-dependencies = ['helper<3']\n",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	bounds := func(p *Project) (s []string) {
		for _, r := range p.BuildConstraints {
			s = append(s, r.Requirement.String())
		}
		return s
	}
	const want = "[helper<3 maker<2]"
	p, err := Load(LoadOptions{Root: root, WorkDir: root, Sources: []string{"svc"}, Build: func(p *Project, tree BuildTree) (*StaticMetadata, error) {
		if got := fmt.Sprint(bounds(p)); got != want || p.Settings.ExcludeNewer.Text != "2024-01-01" {
			t.Errorf("the build has the bounds %s, and %+v", got, p.Settings.ExcludeNewer)
		}
		return &StaticMetadata{Name: "svc"}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(bounds(p)); got != want || len(p.Constraints) != 1 || p.Settings.Prerelease.Text != "allow" {
		t.Errorf("read twice, or not at all: %s, %v", got, p.Constraints)
	}
}

// TestCacheKeys: what names files outside of the folder is not to be kept.
func TestCacheKeys(t *testing.T) {
	for keys, want := range map[string]string{
		`[]`: "false", `["pyproject.toml", "src/**/*.py"]`: "false", `[{ file = "VERSION" }, { git = true }, { env = "X" }, { git = { tags = true } }]`: "false", `[{ dir = "src" }]`: "false",
		`[{ file = "../VERSION" }]`: "true", `["/etc/x"]`: "true", `[{ dir = ".." }]`: "true", `["a/../../b"]`: "true",
		`"x"`: "must be an array", `[1]`: "must be a string",
	} {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "pyproject.toml"), []byte("[project]\nname = 'a'\nversion = '1'\ndynamic = ['dependencies']\n[tool.uv]\ncache-keys = "+keys+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		got := ""
		_, err := Load(LoadOptions{Root: root, WorkDir: root, Sources: []string{"."}, Build: func(p *Project, tree BuildTree) (*StaticMetadata, error) {
			got = fmt.Sprint(tree.Outside)
			return &StaticMetadata{Name: "a"}, nil
		}})
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", keys, got, want)
		}
	}
}
