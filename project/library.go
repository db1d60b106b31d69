package project

import (
	"cmp"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Library is a package of the repository that others of it ask for by its name
// alone, so that an index would have the say in what they get.
type Library struct {
	Name pypi.Name
	Dir  string // absolute
	Rel  string // slash path relative to the root
	// Askers are the requirements that name it, by path and line.
	Askers []Place
}

// Libraries returns the packages below the root that need a source, sorted by
// name. Of folders with one name it returns none, since no source is right.
func (w *Workspace) Libraries() ([]Library, error) {
	var files []*pyproject
	err := w.walk(w.Root, map[string]bool{}, func(dir, name string) error {
		if name != pyprojectName {
			return nil
		}
		f, err := w.l.pyprojectAt(dir)
		if err == nil && f.declared {
			files = append(files, f)
		}
		return nil // what is wrong with it is told where it is locked
	})
	if err != nil {
		return nil, err
	}
	homes := map[pypi.Name][]*pyproject{}
	for _, f := range files {
		homes[f.name] = append(homes[f.name], f)
	}
	askers := map[pypi.Name][]Place{}
	for _, f := range files {
		for _, item := range f.allRequirements() {
			r, _, err := pep508.ParseRequirement(item.text)
			if err != nil || r.URL != "" || r.Name == f.name || len(homes[r.Name]) != 1 {
				continue
			}
			if v := homes[r.Name][0].version; !v.IsZero() && !r.Specifiers.Set().Contains(v) {
				continue // a stranger of the same name is meant
			}
			if _, d, err := w.l.source(scope{file: f}, r.Name); err != nil || d != nil {
				continue
			}
			askers[r.Name] = append(askers[r.Name], f.text.place(item.off))
		}
	}
	var out []Library
	for name, places := range askers {
		slices.SortFunc(places, func(a, b Place) int {
			return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
		})
		dir := homes[name][0].dir
		out = append(out, Library{Name: name, Dir: dir, Rel: w.l.rel(dir), Askers: places})
	}
	slices.SortFunc(out, func(a, b Library) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// allRequirements are the requirement strings of a project, of its extras and
// of its groups.
func (f *pyproject) allRequirements() []*tomlValue {
	items := slices.Clone(f.dependencies)
	for _, e := range f.extras {
		items = append(items, e.items...)
	}
	for _, g := range f.groups {
		for _, item := range g.value.items {
			if item.kind == tomlString {
				items = append(items, item)
			}
		}
	}
	return items
}
