package project

import (
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// member is what can be declared to conflict: an extra of a package, one of
// its groups, or, with neither, the package.
type member struct {
	pkg   pypi.Name
	extra pypi.Extra
	group string
}

func (m member) String() string {
	switch {
	case m.extra != "":
		return `extra "` + string(m.extra) + `"`
	case m.group != "":
		return `group "` + m.group + `"`
	}
	return "package " + string(m.pkg)
}

func (l *loader) ask(m member) {
	if !slices.Contains(l.asked, m) {
		l.asked = append(l.asked, m)
	}
}

// checkConflicts refuses to lock together what `conflicts` declares to
// exclude each other. A path dependency counts where the project itself asks
// for it in every environment.
func (l *loader) checkConflicts() error {
	for _, r := range l.p.Requirements {
		if r.Path == "" || !r.Marker.IsTrivial() {
			continue
		}
		l.ask(member{pkg: r.Name})
		for _, x := range r.Extras {
			l.ask(member{pkg: r.Name, extra: x})
		}
	}
	files := slices.Concat(l.roots, l.groupFiles, l.uvFiles)
	for _, p := range l.localList {
		files = append(files, p.file)
	}
	done := map[*pyproject]bool{}
	for _, f := range files {
		if done[f] {
			continue
		}
		done[f] = true
		for _, name := range []string{"pylock", "uv"} {
			if err := l.checkConflictTable(f, f.doc.get("tool").get(name).get("conflicts"), "tool."+name+".conflicts"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) checkConflictTable(f *pyproject, sets *tomlValue, path string) error {
	if sets == nil {
		return nil
	}
	if err := f.want(sets, tomlArray, path); err != nil {
		return err
	}
	for _, set := range sets.items {
		if err := f.want(set, tomlArray, path); err != nil {
			return err
		}
		var all, both []member
		for _, item := range set.items {
			m, err := l.conflictMember(f, item, path)
			if err != nil {
				return err
			}
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
			if slices.Contains(l.asked, m) && !slices.Contains(both, m) {
				both = append(both, m)
			}
		}
		if len(all) < 2 {
			return f.errorAt(first(set), "%s: a conflict is between two or more: name what excludes each other", path)
		}
		if len(both) > 1 {
			return l.conflict(f, first(set), both)
		}
	}
	return nil
}

// first is the place of an array in an array, which has none of its own.
func first(v *tomlValue) *tomlValue {
	if len(v.items) > 0 {
		return v.items[0]
	}
	return v
}

func (l *loader) conflict(f *pyproject, at *tomlValue, both []member) error {
	var names []string
	extras := true
	for _, m := range both {
		s := m.String()
		if m.pkg != f.name && (m.extra != "" || m.group != "") {
			s += " of " + string(m.pkg)
		}
		names = append(names, s)
		extras = extras && m.extra != ""
	}
	last := len(names) - 1
	fix := "leave all but one out, or lock them apart"
	if l.o.AllExtras && extras {
		fix = "name the extras with --extra in place of --all-extras, or lock them apart"
	}
	few := "both"
	if last > 1 {
		few = "all"
	}
	return f.errorAt(at, "%s and %s are declared to conflict, and %s are asked for: %s", strings.Join(names[:last], ", "), names[last], few, fix)
}

// conflictMember reads {package, extra} or {package, group}; the package is
// the project itself where it is not named.
func (l *loader) conflictMember(f *pyproject, v *tomlValue, path string) (member, error) {
	m := member{pkg: f.name}
	if err := f.want(v, tomlTable, path); err != nil {
		return m, err
	}
	if err := f.onlyKeys(v, path, "package", "extra", "group"); err != nil {
		return m, err
	}
	var texts [3]*tomlValue
	for i, key := range []string{"package", "extra", "group"} {
		var err error
		if texts[i], err = f.stringKey(v, path, key); err != nil {
			return m, err
		}
	}
	pkg, extra, group := texts[0], texts[1], texts[2]
	switch {
	case extra != nil && group != nil:
		return m, f.errorAt(v, "%s: an entry has an extra or a group: make two of it", path)
	case pkg == nil && extra == nil && group == nil:
		return m, f.errorAt(v, "%s: an entry names an extra, a group or a package: add one", path)
	}
	var err error
	if pkg != nil {
		if m.pkg, err = pypi.ParseName(pkg.text); err != nil {
			return m, f.errorAt(pkg, "%s.package: %s", path, err)
		}
	}
	if extra != nil {
		if m.extra, err = pypi.ParseExtra(extra.text); err != nil {
			return m, f.errorAt(extra, "%s.extra: %s", path, err)
		}
		if _, ok := f.extra(m.extra); !ok && m.pkg == f.name && f.dynamic["optional-dependencies"] == nil {
			l.warn(f.text.place(extra.off), "%s: no such extra: %s", path, Choices(string(m.extra), f.extraNames()))
		}
	}
	if group != nil {
		name, err := pypi.ParseName(group.text)
		if err != nil {
			return m, f.errorAt(group, "%s.group: %s", path, err)
		}
		m.group = string(name)
		if f.group(m.group) == nil && m.pkg == f.name && f.uv.get("dev-dependencies") == nil {
			l.warn(f.text.place(group.off), "%s: no such group: %s", path, Choices(m.group, f.groupNames()))
		}
	}
	return m, nil
}
