package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// FuzzReference: what is accepted has no option, no credentials to show and no
// folder outside, and shown it is read as the same.
func FuzzReference(f *testing.F) {
	for _, s := range []string{
		"https://u:p@example.org/a-1.whl#sha256=" + strings.Repeat("a", 64) + "&subdirectory=x/y", "git+ssh://git@example.org/o/a.git@v1.0#subdirectory=x",
		"git+https://example.org/a@feature/x", "git+file:///srv/a@b/c", "git+ssh://-oProxyCommand=x/a", "git+https://example.org/a@--x", "ext::sh", "https://example.org/a.whl#subdirectory=../x",
		"git+https://example.org/a@%2e%2e", "git+https://[::1]:80/a@x", "git+ssh://a@b@c/d@e", "https://example.org/%00.whl",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := parseReference(raw)
		if err != nil {
			return
		}
		shown := r.String()
		if strings.HasPrefix(r.URL, "-") || strings.HasPrefix(r.Revision, "-") || strings.HasPrefix(r.Subdirectory, "-") {
			t.Fatalf("%q could be an option: %+v", raw, r)
		}
		if r.Subdirectory == ".." || strings.HasPrefix(r.Subdirectory, "../") || strings.HasPrefix(r.Subdirectory, "/") {
			t.Fatalf("%q leaves its repository: %+v", raw, r)
		}
		if strings.ContainsAny(r.Revision, " \n\x00:^~") {
			t.Fatalf("%q has the revision %q", raw, r.Revision)
		}
		back, err := parseReference(shown)
		if err != nil {
			return // a subdirectory or revision that would have to be escaped
		}
		if back.Kind != r.Kind || canonicalURL(back.URL) != canonicalURL(r.URL) || back.String() != shown {
			t.Fatalf("%q is shown as %q, which is %+v", raw, shown, back)
		}
	})
}

func TestReferenceBare(t *testing.T) {
	for raw, want := range map[string]string{
		"https://u:p@example.org/a.whl#sha256=" + strings.Repeat("a", 64): "https://example.org/a.whl",
		"git+https://token@example.org/a@main":                            "git+https://example.org/a@main",
		"git+ssh://git:pw@example.org/a@main":                             "git+ssh://git@example.org/a@main",
		"git+ssh://git@example.org:2222/a.git#subdirectory=x":             "git+ssh://git@example.org:2222/a.git#subdirectory=x",
	} {
		r, err := parseReference(raw)
		if err != nil || r.String() != want {
			t.Errorf("%s: got %v %v, want %s", raw, r, err, want)
		}
	}
}

// fakeTree is the files of a commit.
type fakeTree map[string]string

func (f fakeTree) File(_ context.Context, path string) ([]byte, error) {
	if text, ok := f[path]; ok {
		return []byte(text), nil
	}
	return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
}

func (f fakeTree) Find(_ context.Context, name string) ([]string, error) {
	var out []string
	for path := range f {
		if path == name || strings.HasSuffix(path, "/"+name) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out, nil
}

// fakeDescriber has the same tree at each commit of each repository, and
// archives that ask for nothing.
type fakeDescriber struct {
	tree  fakeTree
	asked atomic.Int64
	fail  string // part of a reference that is not to be had
}

func (d *fakeDescriber) Describe(_ context.Context, r *Reference) (*Described, error) {
	d.asked.Add(1)
	if d.fail != "" && strings.Contains(r.String(), d.fail) {
		return nil, errors.New("no answer")
	}
	if r.Kind == Git {
		return &Described{Commit: strings.Repeat("c", 40), Tree: d.tree}, nil
	}
	return &Described{Filename: "x", Hash: "sha256:x", Metadata: &StaticMetadata{Name: r.Name, Version: pep440.MustParse("1"), Extras: []pypi.Extra{"x"},
		Requires: []pep508.Requirement{{Name: "dep", NameText: "dep"}}}}, nil
}

func describe(t *testing.T, d Describer, requirements string) (*Project, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "r.in"), []byte(requirements), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Load(LoadOptions{Root: dir, WorkDir: dir, Sources: []string{"r.in"}})
	if err != nil {
		t.Fatal(err)
	}
	return p, p.Describe(t.Context(), d)
}

func TestDescribe(t *testing.T) {
	d := &fakeDescriber{tree: fakeTree{
		"pyproject.toml": "[project]\nname = 'root'\nversion = '1'\ndependencies = ['near[x]', 'plain', 'far', 'self']\n[project.optional-dependencies]\nall = ['root[some]']\nsome = ['extra']\n" +
			"[tool.uv.sources]\nnear = { workspace = true }\nfar = { url = 'https://example.org/far-1.whl' }\nself = { path = 'libs/self' }\n[tool.uv.workspace]\nmembers = ['libs/*']\nexclude = ['libs/self']\n",
		"libs/near/pyproject.toml": "[project]\nname = 'near'\nversion = '2'\ndependencies = ['root']\noptional-dependencies = { x = ['deep'] }\n[tool.uv.sources]\nroot = { workspace = true }\n",
		"libs/self/pyproject.toml": "[project]\nname = 'self'\ndynamic = ['version']\n",
	}}
	p, err := describe(t, d, "root[all] @ git+https://example.org/r@main\nfar @ https://example.org/far-1.whl\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range p.Locals {
		l := &p.Locals[i]
		var reqs []string
		for _, r := range l.Requirements {
			reqs = append(reqs, string(r.Name)+"="+r.Target())
		}
		got = append(got, fmt.Sprintf("%s %s %s %s", l.Name, l.Version, l.Direct.Exact(), strings.Join(reqs, " ")))
	}
	c := strings.Repeat("c", 40)
	at := "git https://example.org/r@" + c + "#"
	want := []string{
		"far 1 https://example.org/far-1.whl ",
		"near 2 git+https://example.org/r@" + c + "#subdirectory=libs/near root=" + at,
		"root 1 git+https://example.org/r@" + c + " near=" + at + "libs/near plain= far=url https://example.org/far-1.whl# self=" + at + "libs/self",
		"self  git+https://example.org/r@" + c + "#subdirectory=libs/self ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if l := p.Locals[2]; len(l.Extras["all"]) != 1 || l.Extras["all"][0].Name != "extra" || !strings.Contains(l.Place.String(), "@"+c+":pyproject.toml:2") {
		t.Errorf("extras %v at %s", l.Extras, l.Place)
	}
	if p.References() {
		t.Error("something is still to be described")
	}
	if n := d.asked.Load(); n != 5 {
		t.Errorf("asked %d times, want 5: root by branch and commit, near, self, far", n)
	}
}

func TestDescribeErrors(t *testing.T) {
	for _, tt := range []struct{ pyproject, requirements, fail, want string }{
		{"[project]\nname = 'other'\nversion='1'\n", "a @ git+https://example.org/r\n", "", "r.in:1:1: the package at git+https://example.org/r is called other, not a: use its name"},
		{"[project]\nname = 'a'\ndynamic = ['dependencies']\nversion='1'\n", "a @ git+https://example.org/r\n", "", "the dependencies of a are dynamic"},
		{"[tool.poetry]\nname = 'a'\n", "a @ git+https://example.org/r\n", "", "has no [project] table"},
		{"[project\n", "a @ git+https://example.org/r\n", "", "@cccccccccccccccccccccccccccccccccccccccc:pyproject.toml:1"},
		{"[project]\nname = 'a'\nversion='1'\ndependencies = ['b']\n[tool.uv.sources]\nb = { path = '../b' }\n", "a @ git+https://example.org/r\n", "", "leaves the repository https://example.org/r"},
		{"[project]\nname = 'a'\nversion='1'\ndependencies = ['b @ file:///etc/b']\n", "a @ git+https://example.org/r\n", "", "leaves the repository"},
		{"[project]\nname = 'a'\nversion='1'\ndependencies = ['b @ git+file:///srv/b']\n", "a @ git+https://example.org/r\n", "", "names one of this machine"},
		{"[project]\nname = 'a'\nversion='1'\ndependencies = ['b']\n[tool.uv.sources]\nb = { workspace = true }\n", "a @ git+https://example.org/r\n", "", "has no [tool.uv.workspace]"},
		{"", "a\nb @ https://example.org/b-1.whl\n", "b-1", "r.in:2:1: no answer"},
		{"", "a @ git+https://example.org/r#subdirectory=x\n", "", "file does not exist"},
	} {
		_, err := describe(t, &fakeDescriber{tree: fakeTree{"pyproject.toml": tt.pyproject}, fail: tt.fail}, tt.requirements)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %q: got %v, want %s", tt.pyproject, tt.requirements, err, tt.want)
		}
	}
}

func TestServes(t *testing.T) {
	commit := strings.Repeat("c", 40)
	git := &Direct{Reference: Reference{Kind: Git, URL: "https://u:p@example.org/r.git", Revision: "v1"}, Commit: commit}
	url := &Direct{Reference: Reference{Kind: Archive, URL: "https://example.org/a-1.whl"}}
	for _, tt := range []struct {
		d    *Direct
		url  string
		want bool
	}{
		{git, "git+https://example.org/r@v1", true}, {git, "git+https://EXAMPLE.org/r.git@" + commit, true}, {git, "git+https://example.org/r@v2", false},
		{git, "git+https://example.org/r@v1#subdirectory=x", false}, {git, "git+https://example.com/r@v1", false}, {git, "https://example.org/r@v1", false},
		{url, "https://example.org/a-1.whl#sha256=" + strings.Repeat("0", 64), true}, {url, "http://example.org/a-1.whl", false}, {url, "https://example.org/a-2.whl", false}, {url, "./a-1.whl", false},
	} {
		if got := tt.d.Serves(tt.url); got != tt.want {
			t.Errorf("%s: %s is served: %v", tt.d.String(), tt.url, got)
		}
	}
}
