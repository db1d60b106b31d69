package project

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// remote is a package of the commit of a repository while it is read.
type remote struct {
	l    *loader
	ctx  context.Context
	at   *Direct
	tree Tree
	f    *pyproject
}

// read reads the pyproject.toml of the package as that of a folder: what its
// sources name by path or workspace is of the same commit. Where it does not
// state the dependencies, stated is false, and the error says so.
func (x *remote) read(p *Local) (stated bool, err error) {
	f, err := x.pyproject(p.Direct.Subdirectory)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) || x.legacy() == "", placed(p.Place, err)
	}
	x.f = f
	if !f.declared {
		return false, placed(p.Place, f.undeclared())
	}
	for _, field := range []string{"dependencies", "optional-dependencies"} {
		if err := f.static(field); err != nil {
			return false, placed(p.Place, err)
		}
	}
	return true, x.readFile(p)
}

// readBuilt reads what a build told of the package, after read: its sources hold
// for that, too.
func (x *remote) readBuilt(p *Local, m *StaticMetadata) error {
	if x.f == nil {
		t, err := newText(x.fileName(path.Join(p.Direct.Subdirectory, x.legacy())), nil)
		if err != nil {
			return err
		}
		if x.f, err = parsePyproject(t, p.Direct.Subdirectory); err != nil {
			return err
		}
	}
	f, err := x.f.withMetadata(m)
	if err != nil {
		return placed(p.Place, err)
	}
	x.f = f
	return x.readFile(p)
}

// readFile takes over what the file states.
func (x *remote) readFile(p *Local) error {
	f := x.f
	p.Name, p.Version, p.RequiresPython, p.Place = f.name, f.version, f.requiresPython, f.nameAt
	n := 0
	read := func(extra pypi.Extra) ([]Requirement, error) {
		e := expansion{l: x.l, f: f, seen: map[string]bool{}, n: &n, remote: x}
		err := e.add(extra, conditions{}, nil)
		return e.out, err
	}
	var err error
	if p.Requirements, err = read(""); err != nil {
		return err
	}
	p.Extras = map[pypi.Extra][]Requirement{}
	for _, e := range f.extras {
		if p.Extras[e.name], err = read(e.name); err != nil {
			return err
		}
	}
	return nil
}

// legacy is the file of a package that is one of setuptools alone, "" for none.
func (x *remote) legacy() string {
	for _, name := range legacyFiles {
		if _, err := x.tree.File(x.ctx, path.Join(x.at.Subdirectory, name)); err == nil {
			return name
		}
	}
	return ""
}

// fileName is what a file of the commit is called in places.
func (x *remote) fileName(file string) string {
	where := *x.at
	where.Subdirectory = ""
	return where.Exact() + ":" + file
}

// pyproject reads the pyproject.toml of a folder of the commit.
func (x *remote) pyproject(dir string) (*pyproject, error) {
	file := path.Join(dir, pyprojectName)
	data, err := x.tree.File(x.ctx, file)
	if err != nil {
		return nil, err
	}
	t, err := newText(x.fileName(file), data)
	if err != nil {
		return nil, err
	}
	return parsePyproject(t, dir)
}

// declared reads a requirement string of the package.
func (x *remote) declared(s scope, v *tomlValue) ([]Requirement, error) {
	f := x.f
	fail := func(format string, args ...any) error { return f.errorAt(v, format, args...) }
	req, _, err := pep508.ParseRequirement(v.text)
	if err != nil {
		return nil, requirementError(f.text, v.stringAt, v.text, err)
	}
	r := Requirement{Requirement: req, Text: v.text, Place: f.text.place(v.off), Origin: string(f.name)}
	if r.URL != "" {
		sch := scheme(r.URL)
		if sch == "" || sch == "file" {
			dir, err := x.within(r.URL, fail)
			if err != nil {
				return nil, err
			}
			return []Requirement{r}, x.l.point(&r, x.sibling(dir), fail)
		}
		ref, err := parseReference(r.URL)
		if err != nil {
			return nil, fail("%s: %s", r.Name, err)
		}
		if err := x.reachable(ref, fail); err != nil {
			return nil, err
		}
		if err := x.l.point(&r, ref, fail); err != nil {
			return nil, err
		}
		return []Requirement{r}, nil
	}
	home, d, err := x.source(r.Name)
	if err != nil || d == nil || r.Name == f.name {
		return []Requirement{r}, err
	}
	target := func(a sourceAlternative) (found, error) {
		switch {
		case a.workspace:
			dir, err := x.member(r.Name, fail)
			return found{ref: x.sibling(dir)}, err
		case a.path != nil:
			dir, err := x.within(path.Join(home.dir, a.path.text), fail)
			return found{ref: x.sibling(dir)}, err
		case a.ref != nil:
			ref := *a.ref
			return found{ref: &ref}, x.reachable(&ref, fail)
		}
		return found{}, nil // an index: which ones there are is the project's say
	}
	rs, _, err := x.l.alternatives(s, home, r, d, target, fail)
	return rs, err
}

// sibling is a reference to another folder of the commit.
func (x *remote) sibling(dir string) *Reference {
	r := x.at.Reference
	r.Revision, r.RevisionKind, r.Subdirectory, r.Hashes, r.Name = x.at.Commit, AnyRevision, dir, nil, ""
	return &r
}

// reachable refuses a repository of this machine that one from elsewhere names.
func (x *remote) reachable(ref *Reference, fail failure) error {
	if scheme(ref.URL) == "file" && scheme(x.at.URL) != "file" {
		return fail("the repository %s names one of this machine: it cannot be followed", bareURL(x.at.URL))
	}
	return nil
}

// within cleans a path, which must not leave the repository.
func (x *remote) within(p string, fail failure) (string, error) {
	p = path.Clean(strings.TrimPrefix(p, "file:"))
	if path.IsAbs(p) || p == ".." || strings.HasPrefix(p, "../") {
		return "", fail("the path %s leaves the repository %s: it cannot be followed", p, bareURL(x.at.URL))
	}
	if p == "." {
		p = ""
	}
	return p, nil
}

// source finds the declaration for a name: that of the package, else that of
// the nearest workspace above it.
func (x *remote) source(name pypi.Name) (*pyproject, *sourceDecl, error) {
	if x.l.o.NoSources {
		return nil, nil, nil
	}
	if d := x.f.sources[name]; d != nil {
		return x.f, d, nil
	}
	w, err := x.workspace()
	if err != nil || w == nil {
		return nil, nil, err
	}
	return w, w.sources[name], nil
}

// workspace returns the nearest pyproject.toml with a [tool.uv.workspace], nil
// for none.
func (x *remote) workspace() (*pyproject, error) {
	if x.f.workspace != nil {
		return x.f, nil
	}
	files, err := x.tree.Find(x.ctx, pyprojectName)
	if err != nil {
		return nil, err
	}
	for dir := x.f.dir; dir != "" && dir != "."; {
		if dir = path.Dir(dir); dir == "." {
			dir = ""
		}
		if !slices.Contains(files, path.Join(dir, pyprojectName)) {
			continue
		}
		f, err := x.pyproject(dir)
		if err != nil {
			return nil, err
		}
		if f.workspace != nil {
			return f, nil
		}
	}
	return nil, nil
}

// maxMembers bounds the packages of a workspace of a repository that are looked
// through for a name.
const maxMembers = 1000

// member finds a package of the workspace by its name.
func (x *remote) member(name pypi.Name, fail failure) (string, error) {
	w, err := x.workspace()
	if err != nil {
		return "", err
	}
	if w == nil {
		return "", fail("%s has a workspace source, and %s has no [tool.uv.workspace]", name, bareURL(x.at.URL))
	}
	members, err := w.stringsKey(w.workspace, tableUV+".workspace", "members")
	if err != nil {
		return "", err
	}
	excluded, err := w.stringsKey(w.workspace, tableUV+".workspace", "exclude")
	if err != nil {
		return "", err
	}
	files, err := x.tree.Find(x.ctx, pyprojectName)
	if err != nil {
		return "", err
	}
	match := func(globs []*tomlValue, dir string) bool {
		return slices.ContainsFunc(globs, func(g *tomlValue) bool {
			ok, err := path.Match(path.Join(w.dir, strings.TrimSuffix(g.text, "/")), dir)
			return err == nil && ok
		})
	}
	read := 0
	for _, file := range files {
		dir := path.Dir(file)
		if dir == "." {
			dir = ""
		}
		if dir != w.dir && (!match(members, dir) || match(excluded, dir)) {
			continue
		}
		if read++; read > maxMembers {
			break
		}
		f, err := x.pyproject(dir)
		if err == nil && f.declared && f.name == name {
			return dir, nil
		}
	}
	return "", fail("%s has a workspace source, and the workspace of %s has no member of that name", name, bareURL(x.at.URL))
}
