package project

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// legacyFiles are what setuptools reads of a project without a pyproject.toml.
var legacyFiles = []string{"setup.py", "setup.cfg"}

// legacyFile returns the one that is in an absolute folder, "" for none.
func legacyFile(dir string) string {
	for _, name := range legacyFiles {
		if isFile(filepath.Join(dir, name)) {
			return name
		}
	}
	return ""
}

// legacyAt stands for the pyproject.toml of a folder that has none: one that
// says nothing, so that only a build can tell. Its name is that of a file that
// is there.
func (l *loader) legacyAt(dir string) (*pyproject, error) {
	t, err := newText(l.rel(filepath.Join(dir, legacyFile(dir))), nil)
	if err != nil {
		return nil, err
	}
	return parsePyproject(t, dir)
}

// needsBuild reports whether only a build tells what the project asks for:
// because nothing is stated, or because dependencies are dynamic, or extras are
// that somebody wants. A file of tools, groups or a workspace alone is no project.
func (f *pyproject) needsBuild(extras bool) bool {
	switch {
	case f.script:
		return false
	case f.declared:
		return f.dynamic["dependencies"] != nil || extras && f.dynamic["optional-dependencies"] != nil
	case f.doc.get("tool").get("poetry").get("name") != nil || legacyFile(f.dir) != "":
		return true
	}
	return f.doc.get("build-system") != nil && f.workspace == nil
}

// buildRoots has the sources built that need it.
func (l *loader) buildRoots() error {
	if l.o.Build == nil {
		return nil
	}
	for i, f := range l.roots {
		if !f.needsBuild(l.o.AllExtras || len(l.o.Extras) > 0) || !f.declared && len(l.o.Groups) > 0 && len(f.groups) > 0 {
			continue
		}
		// What a build requires comes from the indexes that the files name, within
		// the bounds that they set.
		for _, g := range l.roots {
			if err := l.readOthers(g); err != nil {
				return err
			}
		}
		if err := l.readSettings(); err != nil {
			return err
		}
		built, err := l.built(f)
		if err != nil {
			return err
		}
		l.roots[i] = built
	}
	return nil
}

// built returns f with what a build tells of it; LoadOptions.Build is set.
func (l *loader) built(f *pyproject) (*pyproject, error) {
	m := l.builds[f.dir]
	if m == nil {
		tree := BuildTree{Dir: f.dir, Rel: l.rel(f.dir), Name: f.name}
		var err error
		if tree.Outside, err = f.cacheKeysOutside(); err != nil {
			return nil, err
		}
		if g, err := l.uvTOML(f.dir); err != nil {
			return nil, err
		} else if g != nil {
			outside, err := g.cacheKeysOutside()
			if err != nil {
				return nil, err
			}
			tree.Outside = tree.Outside || outside
		}
		if m, err = l.o.Build(l.p, tree); err != nil {
			return nil, err
		}
		l.builds[f.dir] = m
		l.p.Built = append(l.p.Built, l.rel(f.dir))
	}
	return f.withMetadata(m)
}

// cacheKeysOutside reports whether cache-keys of [tool.uv] name files outside of
// the folder. Those of git and of the environment are no matter: a build sees
// neither.
func (f *pyproject) cacheKeysOutside() (bool, error) {
	v := f.uv.get("cache-keys")
	if v == nil {
		return false, nil
	}
	const path = tableUV + ".cache-keys"
	if err := f.want(v, tomlArray, path); err != nil {
		return false, err
	}
	for _, item := range v.items {
		paths := []*tomlValue{item}
		if item.kind == tomlTable {
			paths = []*tomlValue{item.get("file"), item.get("dir")}
		}
		for _, p := range paths {
			if p == nil {
				continue
			}
			if err := f.want(p, tomlString, path); err != nil {
				return false, err
			}
			if !filepath.IsLocal(filepath.FromSlash(p.text)) {
				return true, nil
			}
		}
	}
	return false, nil
}

// withMetadata returns f with the metadata of a build in the place of its own
// [project]. Its sources hold for what a build asks for, too.
func (f *pyproject) withMetadata(m *StaticMetadata) (*pyproject, error) {
	if f.declared && m.Name != f.name {
		return nil, f.text.errorIn("its build is that of %s, not of %s", m.Name, f.name)
	}
	g := *f
	g.declared, g.name = true, m.Name
	g.nameAt = Place{File: f.rel}
	g.version, g.requiresPython, g.requiresPythonAt = m.Version, m.RequiresPython, g.nameAt
	g.dynamic = map[string]*tomlValue{}
	g.dependencies, g.extras, g.extraIndex = nil, nil, map[pypi.Extra]int{}
	for _, x := range m.Extras {
		g.extraIndex[x] = len(g.extras)
		g.extras = append(g.extras, extraDecl{name: x})
	}
	for _, r := range m.Requires {
		if err := g.addBuilt(r); err != nil {
			return nil, f.text.errorIn("its build asks for %s: %s", r, err)
		}
	}
	return &g, nil
}

// addBuilt adds a requirement of built metadata, whose marker may ask for extras.
func (f *pyproject) addBuilt(r pep508.Requirement) error {
	item := func(set pep508.MarkerSet) (*tomlValue, error) {
		if r.Marker.MentionsExtra() {
			r.Marker = pep508.Marker{}
			if !set.IsTrue() {
				var err error
				if r.Marker, _, err = pep508.ParseMarker(set.String()); err != nil {
					return nil, err
				}
			}
		}
		// Nowhere in a file.
		return &tomlValue{kind: tomlString, text: r.String(), off: -1, inner: -1}, nil
	}
	if !r.Marker.MentionsExtra() {
		v, err := item(pep508.MarkerSet{})
		f.dependencies = append(f.dependencies, v)
		return err
	}
	set, marker := r.Marker.Set(), r.Marker
	asked := set.Extras()
	without := set
	for _, x := range asked {
		without = without.WithExtra(x, false)
	}
	if !without.IsFalse() {
		v, err := item(without)
		if err != nil {
			return err
		}
		f.dependencies = append(f.dependencies, v)
	}
	for _, x := range asked {
		i, ok := f.extraIndex[x]
		with := set.WithExtra(x, true).WithoutExtras()
		if !ok || with.IsFalse() {
			continue
		}
		r.Marker = marker
		v, err := item(with)
		if err != nil {
			return err
		}
		f.extras[i].items = append(f.extras[i].items, v)
	}
	return nil
}

// orBuild adds to an error about what is not stated that a build may tell it.
func (l *loader) orBuild(err error) error {
	if input := (*InputError)(nil); l.o.Build == nil && errors.As(err, &input) {
		input.Msg += "; or let its build tell them with --build"
	}
	return err
}

// mayBuild reports whether a build may tell what the package in an absolute
// folder asks for, which states neither that nor its name.
func (l *loader) mayBuild(f *pyproject) bool {
	return l.o.Build != nil && !f.declared && f.needsBuild(false)
}

// packageAt reads the pyproject.toml of a folder; where builds are allowed,
// setup.py or setup.cfg will do.
func (l *loader) packageAt(dir string) (*pyproject, error) {
	f, err := l.pyprojectAt(dir)
	if errors.Is(err, fs.ErrNotExist) && l.o.Build != nil && legacyFile(dir) != "" {
		return l.legacyAt(dir)
	}
	return f, err
}

// stateLocal sees to it that the file of a path dependency states what is asked
// for, by a build where that may be. It is called when all else is read: what a
// build requires comes from the indexes that the files name, within their bounds.
func (l *loader) stateLocal(p *local) error {
	f := p.file
	if p.built || !f.needsBuild(p.extras) {
		return nil
	}
	if l.o.Build == nil {
		field := "dependencies"
		if f.dynamic[field] == nil {
			field = "optional-dependencies"
		}
		return p.fail("%s (%s) leaves its %s to its build: allow that with --build, or write them in [project] at %s and take %q out of dynamic",
			p.Name, p.Rel, strings.ReplaceAll(field, "-", " "), f.text.place(f.dynamic[field].off), field)
	}
	g, err := l.built(f)
	if err != nil {
		return err
	}
	if p.Name != "" && g.name != p.Name {
		return p.fail("the package at %s is called %s, not %s: use its name", p.Rel, g.name, p.Name)
	}
	p.file, p.built = g, true
	p.Name, p.Version, p.RequiresPython, p.Place = g.name, g.version, g.requiresPython, g.nameAt
	return nil
}
