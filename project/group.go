package project

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// groupDecl is one of [dependency-groups]. Its entries are checked when it is
// asked for, as PEP 735 wants.
type groupDecl struct {
	name  string // normalized
	value *tomlValue
}

// readGroups checks the names alone.
//
// https://peps.python.org/pep-0735/#specification
func (f *pyproject) readGroups(table *tomlValue) error {
	if table == nil {
		return nil
	}
	if err := f.want(table, tomlTable, "dependency-groups"); err != nil {
		return err
	}
	if len(table.keys) > maxExtras {
		return f.errorAt(table, "%d groups, more than %d: split the project", len(table.keys), maxExtras)
	}
	for _, k := range table.keys {
		name, err := pypi.ParseName(k.name)
		if err != nil {
			return f.text.errorAt(k.off, len(k.name), "dependency-groups: %s", err)
		}
		if f.group(string(name)) != nil {
			return f.text.errorAt(k.off, len(k.name), "group %q is given twice, in different spellings: join the two", string(name))
		}
		f.groupIndex[string(name)] = k.value
		f.groups = append(f.groups, groupDecl{string(name), k.value})
	}
	return nil
}

func (f *pyproject) group(name string) *tomlValue {
	return f.groupIndex[name]
}

func (f *pyproject) groupNames() []string {
	var names []string
	for _, g := range f.groups {
		names = append(names, g.name)
	}
	slices.Sort(names)
	return names
}

// flatten returns the requirement strings of a group with those of the groups
// that it includes, each group once, and the names of all of them.
func (f *pyproject) flatten(name string) (items []*tomlValue, groups map[string]bool, err error) {
	w := groupWalk{f: f, done: map[string]bool{}}
	err = w.visit(name)
	return w.out, w.done, err
}

type groupWalk struct {
	f    *pyproject
	path []string // groups being read
	done map[string]bool
	out  []*tomlValue
}

func (w *groupWalk) visit(name string) error {
	if w.done[name] {
		return nil
	}
	w.path = append(w.path, name)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	v := w.f.group(name)
	if err := w.f.want(v, tomlArray, "dependency-groups."+name); err != nil {
		return err
	}
	for _, item := range v.items {
		if item.kind == tomlString {
			w.out = append(w.out, item)
			continue
		}
		include := item.get("include-group")
		if item.kind != tomlTable || len(item.keys) != 1 || include == nil || include.kind != tomlString {
			return w.f.errorAt(item, `group %q: an entry must be a requirement or {include-group = "name"}`, name)
		}
		next, err := pypi.ParseName(include.text)
		if err != nil {
			return w.f.errorAt(include, "group %q includes a group: %s", name, err)
		}
		if w.f.group(string(next)) == nil {
			return w.f.errorAt(include, "group %q includes %q, which does not exist: %s", name, include.text, Choices(string(next), w.f.groupNames()))
		}
		if i := slices.Index(w.path, string(next)); i >= 0 {
			return w.f.errorAt(include, "groups include each other: %s → %s: take one of the includes out", strings.Join(w.path[i:], " → "), next)
		}
		if err := w.visit(string(next)); err != nil {
			return err
		}
	}
	w.done[name] = true
	return nil
}

// loadGroups reads what --group asks for.
func (l *loader) loadGroups() error {
	type wanted struct {
		f    *pyproject
		name string
	}
	var found []wanted
	var unknown []string
	var at Place
	file := ""
	for _, given := range l.o.Groups {
		// The path may hold a colon, the name cannot.
		i := strings.LastIndexByte(given, ':')
		name, err := pypi.ParseName(given[i+1:])
		if err != nil {
			return &InputError{Msg: "--group " + given + ": " + err.Error(), Err: err}
		}
		files := l.roots
		if i >= 0 {
			path := given[:i]
			if filepath.Base(path) == pyprojectName {
				path = filepath.Dir(path)
			} else if !isDir(l.abs(path)) {
				return &InputError{Msg: "--group " + given + ": the path must be a " + pyprojectName + " or its folder"}
			}
			files = nil
			f, err := l.pyprojectAt(l.abs(path))
			if err != nil {
				return err
			}
			files = append(files, f)
		} else if len(files) == 0 {
			f, err := l.pyprojectAt(l.workDir)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		known := map[string]bool{}
		n := len(found)
		for _, f := range files {
			if f.group(string(name)) != nil {
				found = append(found, wanted{f, string(name)})
			}
			for _, g := range f.groupNames() {
				known[g] = true
			}
		}
		if len(found) == n {
			if file == "" {
				at, file = l.o.Asked[Asking("group", given)], files[0].rel
			}
			unknown = append(unknown, quoteChoice(given, string(name), known))
		}
	}
	if len(unknown) > 0 {
		return unknownNames(at, file, plural(len(unknown), "unknown group ", "unknown groups: "), unknown)
	}
	for _, w := range found {
		key := w.f.text.name + ":" + w.name
		if l.readGroup[key] {
			continue
		}
		l.readGroup[key] = true
		l.addFile(w.f)
		items, groups, err := w.f.flatten(w.name)
		if err != nil {
			return err
		}
		l.groupFiles = append(l.groupFiles, w.f)
		for _, g := range w.f.groupNames() {
			if groups[g] {
				l.ask(member{pkg: w.f.name, group: g})
			}
		}
		s := scope{file: w.f, origin: w.f.origin(w.name), group: w.name}
		for _, item := range items {
			rs, err := l.declared(s, item)
			if err != nil {
				return err
			}
			l.p.Requirements = append(l.p.Requirements, rs...)
		}
		if err := l.groupPython(w.f, w.name); err != nil {
			return err
		}
	}
	return nil
}

// groupPython reads uv's requires-python of a group.
func (l *loader) groupPython(f *pyproject, name string) error {
	table := f.uv.get("dependency-groups")
	if table == nil {
		return nil
	}
	if err := f.want(table, tomlTable, "tool.uv.dependency-groups"); err != nil {
		return err
	}
	for _, k := range table.keys {
		if string(pypi.NormalizeName(k.name)) != name {
			continue
		}
		g := pyproject{text: f.text}
		if err := g.readRequiresPython(k.value, "tool.uv.dependency-groups."+name); err != nil {
			return err
		}
		l.requirePython(&g)
	}
	return nil
}

// quoteChoice names something unknown and what it may have meant.
func quoteChoice(given, name string, known map[string]bool) string {
	var names []string
	for k := range known {
		names = append(names, k)
	}
	slices.Sort(names)
	return `"` + given + `" (` + Choices(name, names) + ")"
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
