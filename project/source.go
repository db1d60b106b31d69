package project

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// sourceDecl says where a package comes from: an entry of [tool.uv.sources] or
// [tool.pylock.sources].
type sourceDecl struct {
	table        string // tool.uv.sources
	alternatives []sourceAlternative
}

// sourceAlternative is one table of an entry. A path or the workspace is
// where the package is; other says what it is instead.
type sourceAlternative struct {
	value     *tomlValue
	path      *tomlValue
	workspace bool
	editable  bool
	index     *tomlValue // the name of one
	ref       *Reference // of git and url
	other     string     // git, url
	marker    pep508.Marker
	extra     pypi.Extra
	group     string
}

var sourceKeys = []string{"branch", "editable", "extra", "git", "group", "index", "lfs", "marker", "package", "path", "rev", "subdirectory", "tag", "url", "workspace"}

func (f *pyproject) readSources(table *tomlValue, path string) error {
	if table == nil {
		return nil
	}
	if err := f.want(table, tomlTable, path); err != nil {
		return err
	}
	seen := map[pypi.Name]bool{}
	for _, k := range table.keys {
		name, err := pypi.ParseName(k.name)
		if err != nil {
			return f.text.errorAt(k.off, len(k.name), "%s: %s", path, err)
		}
		if seen[name] {
			return f.text.errorAt(k.off, len(k.name), "%s: %q is given twice, in different spellings: remove one", path, string(name))
		}
		seen[name] = true
		d := &sourceDecl{table: path}
		items := []*tomlValue{k.value}
		if k.value.kind == tomlArray {
			items = k.value.items
		}
		for _, item := range items {
			a, err := f.readSource(item, path+"."+k.name)
			if err != nil {
				return err
			}
			if len(items) > 1 && a.marker.IsTrivial() && a.extra == "" && a.group == "" {
				return f.errorAt(item, "%s.%s: each of several sources needs a marker, an extra or a group: add one", path, k.name)
			}
			d.alternatives = append(d.alternatives, a)
		}
		if _, won := f.sources[name]; !won {
			f.sources[name] = d
		}
	}
	return nil
}

func (f *pyproject) readSource(v *tomlValue, path string) (sourceAlternative, error) {
	a := sourceAlternative{value: v}
	if err := f.want(v, tomlTable, path); err != nil {
		return a, err
	}
	for _, k := range v.keys {
		if !slices.Contains(sourceKeys, k.name) {
			return a, f.text.errorAt(k.off, len(k.name), "%s has an unknown key %q: %s", path, k.name, Choices(k.name, sourceKeys))
		}
	}
	var err error
	if a.path, err = f.stringKey(v, path, "path"); err != nil {
		return a, err
	}
	if a.workspace, err = f.boolKey(v, path, "workspace"); err != nil {
		return a, err
	}
	if a.editable, err = f.boolKey(v, path, "editable"); err != nil {
		return a, err
	}
	n := 0
	for _, key := range []string{"git", "url", "index"} {
		s, err := f.stringKey(v, path, key)
		if err != nil {
			return a, err
		}
		switch {
		case s != nil && key == "index":
			a.index, n = s, n+1
		case s != nil:
			a.other, n = key, n+1
		}
	}
	if a.path != nil {
		n++
	}
	if a.workspace {
		n++
	}
	if n != 1 {
		return a, f.errorAt(v, "%s must have exactly one of path, workspace = true, index, git and url", path)
	}
	if a.ref, err = f.sourceReference(v, path, a.other); err != nil {
		return a, err
	}
	if m, err := f.stringKey(v, path, "marker"); err != nil {
		return a, err
	} else if m != nil {
		if a.marker, _, err = pep508.ParseMarker(m.text); err != nil {
			return a, f.errorAt(m, "%s.marker: %s", path, err)
		}
	}
	if e, err := f.stringKey(v, path, "extra"); err != nil {
		return a, err
	} else if e != nil {
		if a.extra, err = pypi.ParseExtra(e.text); err != nil {
			return a, f.errorAt(e, "%s.extra: %s", path, err)
		}
	}
	if g, err := f.stringKey(v, path, "group"); err != nil {
		return a, err
	} else if g != nil {
		name, err := pypi.ParseName(g.text)
		if err != nil {
			return a, f.errorAt(g, "%s.group: %s", path, err)
		}
		a.group = string(name)
	}
	return a, nil
}

// sourceReference reads what goes with git and url, and refuses it elsewhere.
func (f *pyproject) sourceReference(v *tomlValue, path, key string) (*Reference, error) {
	given := map[string]*tomlValue{}
	for _, k := range []string{"rev", "tag", "branch", "subdirectory"} {
		s, err := f.stringKey(v, path, k)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		if key != "git" && !(key == "url" && k == "subdirectory") {
			return nil, f.errorAt(s, "%s.%s goes with git alone: take it out", path, k)
		}
		given[k] = s
	}
	lfs, err := f.boolKey(v, path, "lfs")
	if err != nil {
		return nil, err
	}
	if key != "git" && key != "url" {
		return nil, nil
	}
	address := v.get(key)
	fail := func(at *tomlValue, err error) error { return f.errorAt(at, "%s: %s", path, err) }
	ref := &Reference{Kind: Git, LFS: lfs}
	if key == "url" {
		if s := scheme(address.text); s != "http" && s != "https" {
			return nil, f.errorAt(address, "%s.url is an http or https address: for a repository use git, for a file path", path)
		}
		if ref, err = parseReference(address.text); err != nil {
			return nil, fail(address, err)
		}
	}
	at := address
	for _, k := range []struct {
		name string
		kind RevisionKind
	}{{"rev", AnyRevision}, {"tag", TagRevision}, {"branch", BranchRevision}} {
		if s := given[k.name]; s != nil {
			if at != address {
				return nil, f.errorAt(s, "%s has more than one of rev, tag and branch: keep one", path)
			}
			ref.Revision, ref.RevisionKind, at = s.text, k.kind, s
		}
	}
	if key == "git" {
		if err := ref.repository(strings.TrimPrefix(address.text, "git+")); err != nil {
			return nil, fail(address, err)
		}
	}
	if s := given["subdirectory"]; s != nil {
		if err := ref.setSubdirectory(s.text); err != nil {
			return nil, fail(s, err)
		}
	}
	return ref, nil
}

// source finds the declaration for a name and the file that holds it: the
// file's own, else the workspace root's, else the root's.
func (l *loader) source(s scope, name pypi.Name) (*pyproject, *sourceDecl, error) {
	if l.o.NoSources {
		return nil, nil, nil
	}
	dir := s.dir
	if s.file != nil {
		dir = s.file.dir
		if d := s.file.sources[name]; d != nil {
			return s.file, d, nil
		}
		w, err := l.workspaceOf(s.file.dir)
		if err != nil {
			return nil, nil, err
		}
		if w != nil {
			if d := w.file.sources[name]; d != nil {
				return w.file, d, nil
			}
		}
	}
	root, _, err := l.pylockTable(l.root)
	if err != nil {
		return nil, nil, err
	}
	if root != nil && within(l.root, dir) {
		if d := root.sources[name]; d != nil && strings.HasPrefix(d.table, tablePylock+".") {
			return root, d, nil
		}
	}
	return nil, nil, nil
}

// rootFile is the pyproject.toml of the root, nil when there is none.
func (l *loader) rootFile() (*pyproject, error) {
	if l.noRootFile {
		return nil, nil
	}
	f, err := l.pyprojectAt(l.root)
	if errors.Is(err, fs.ErrNotExist) {
		l.noRootFile = true
		return nil, nil
	}
	return f, err
}

// placed applies the source of a plain requirement, if any: it returns the
// requirements that stand for it, and whether a source was declared.
func (l *loader) placed(s scope, r Requirement, fail failure) ([]Requirement, bool, error) {
	f, d, err := l.source(s, r.Name)
	if err != nil || d == nil {
		return []Requirement{r}, false, err
	}
	l.addFile(f)
	return l.alternatives(s, f, r, d, func(a sourceAlternative) (found, error) { return l.sourceTarget(f, r.Name, d, a) }, fail)
}

// alternatives applies the entries of a source, which f holds, to a requirement;
// target finds what one leads to.
func (l *loader) alternatives(s scope, f *pyproject, r Requirement, d *sourceDecl, target func(sourceAlternative) (found, error), fail failure) ([]Requirement, bool, error) {
	var err error
	var out []Requirement
	var markers []pep508.Marker
	whole, inScope, indexed := false, false, false
	for _, a := range d.alternatives {
		if a.extra != "" && a.extra != s.extra || a.group != "" && a.group != s.group {
			continue
		}
		inScope = true
		each := r
		if a.marker.IsTrivial() {
			whole = true
		} else {
			if r.Marker.Set().Disjoint(a.marker.Set()) {
				continue
			}
			if each.Marker, err = conjunction(r.Marker, a.marker); err != nil {
				return nil, true, fail("%s: %s", r.Name, err)
			}
			markers = append(markers, a.marker)
		}
		at, err := target(a)
		if err != nil {
			return nil, true, err
		}
		each.Editable = a.editable
		switch {
		case at.index != nil:
			each.Index, indexed = at.index, true
		case at != (found{}):
			if err := l.settle(&each, at, fail); err != nil {
				return nil, true, err
			}
		}
		out = append(out, each)
	}
	if len(out) == 0 {
		return []Requirement{r}, inScope, nil
	}
	if whole {
		return out, true, nil
	}
	rest, err := without(r.Marker, markers)
	if err != nil {
		return nil, true, fail("%s: %s", r.Name, err)
	}
	if !rest.Set().IsFalse() {
		r.Marker = rest
		if indexed {
			r.Index = &IndexSource{Place: f.text.place(d.alternatives[0].value.off)}
		}
		out = append(out, r)
	}
	return out, true, nil
}

// without is m and none of the others.
func without(m pep508.Marker, others []pep508.Marker) (pep508.Marker, error) {
	set := others[0].Set()
	for _, o := range others[1:] {
		set = set.Or(o.Set())
	}
	no, err := set.Not().Marker()
	if err != nil {
		return m, err
	}
	return conjunction(m, no)
}

// indexSource finds the index that a source names.
func (l *loader) indexSource(f *pyproject, name *tomlValue) (*IndexSource, error) {
	s := &IndexSource{Name: name.text, Place: f.text.place(name.off)}
	files := []*pyproject{f}
	w, err := l.workspaceOf(f.dir)
	if err != nil {
		return nil, err
	}
	if w != nil {
		files = append(files, w.file)
	}
	root, err := l.rootFile()
	if err != nil {
		return nil, err
	}
	if root != nil && within(l.root, f.dir) {
		files = append(files, root)
	}
	if settings, err := l.uvSettings(f.dir); err != nil {
		return nil, err
	} else if settings != nil {
		files = append(files, settings)
	}
	for _, file := range files {
		for _, table := range []string{"pylock", "uv"} {
			list := file.doc.get("tool").get(table).get("index")
			if list == nil || list.kind != tomlArray {
				continue // told where indexes are read
			}
			for _, v := range list.items {
				if k, err := l.indexEntry(file, v, "tool."+table+".index"); err != nil {
					return nil, err
				} else if k.Name == s.Name {
					s.Link = k.Link
					return s, nil
				}
			}
		}
	}
	return s, nil
}

// memberDir finds a workspace source.
func (l *loader) memberDir(f *pyproject, name pypi.Name, a sourceAlternative, d *sourceDecl) (string, error) {
	w, err := l.workspaceOf(f.dir)
	if err != nil {
		return "", err
	}
	if w == nil {
		return "", f.errorAt(a.value, "%s.%s: no [tool.uv.workspace] here or above: declare one, or give a path", d.table, name)
	}
	m, ok := w.members[name]
	if !ok {
		var names []string
		for n := range w.members {
			names = append(names, string(n))
		}
		slices.Sort(names)
		return "", f.errorAt(a.value, "%s.%s: no such member of the workspace at %s: %s", d.table, name, w.file.rel, Choices(string(name), names))
	}
	return m, nil
}

// conjunction is a and b.
func conjunction(a, b pep508.Marker) (pep508.Marker, error) {
	switch {
	case a.IsTrivial():
		return b, nil
	case b.IsTrivial():
		return a, nil
	}
	m, _, err := pep508.ParseMarker("(" + a.String() + ") and (" + b.String() + ")")
	return m, err
}

// sourceTarget finds what an entry of a table leads to.
func (l *loader) sourceTarget(f *pyproject, name pypi.Name, d *sourceDecl, a sourceAlternative) (found, error) {
	switch {
	case a.index != nil:
		index, err := l.indexSource(f, a.index)
		return found{index: index}, err
	case a.workspace:
		dir, err := l.memberDir(f, name, a, d)
		return found{dir: dir}, err
	case a.path != nil:
		return l.sourcePath(a.path.text, f.dir, func(format string, args ...any) error {
			return f.errorAt(a.path, d.table+"."+string(name)+": "+format, args...)
		})
	}
	ref := *a.ref
	if ref.LFS {
		l.warn(f.text.place(a.value.off), "%s.%s: lfs is for who installs, and a lock cannot say it: where its files are needed, install git-lfs beside pip, or set UV_GIT_LFS for uv", d.table, name)
	}
	return found{ref: &ref}, nil
}

// sourcePath finds what the path of a source leads to.
func (l *loader) sourcePath(path, base string, fail failure) (found, error) {
	file := filepath.FromSlash(path)
	if !filepath.IsAbs(file) {
		file = filepath.Join(base, file)
	}
	file = filepath.Clean(file)
	archive, err := l.checkPath(file, path, fail)
	if err != nil || !archive {
		return found{dir: file}, err
	}
	return found{ref: fileReference(file)}, nil
}
