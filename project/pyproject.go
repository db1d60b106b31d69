package project

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

const pyprojectName = "pyproject.toml"

// maxExtras bounds the extras, and the groups, of a project.
const maxExtras = 10_000

// pyproject is a pyproject.toml, or the metadata block of a script, as far as
// it needs no other file to be understood. Requirements stay strings with
// positions.
type pyproject struct {
	text   *text
	doc    *tomlValue
	dir    string // absolute
	rel    string // of the file, relative to the root
	script bool

	declared bool // has a [project] table
	name     pypi.Name
	nameAt   Place
	version  pep440.Version

	requiresPython   pep440.Specifiers
	requiresPythonAt Place
	dependencies     []*tomlValue
	extras           []extraDecl // in written order
	extraIndex       map[pypi.Extra]int
	dynamic          map[string]*tomlValue

	groups     []groupDecl
	groupIndex map[string]*tomlValue
	sources    map[pypi.Name]*sourceDecl
	// tool.uv
	uv        *tomlValue
	workspace *tomlValue
}

type extraDecl struct {
	name  pypi.Extra
	items []*tomlValue
}

func (f *pyproject) extra(name pypi.Extra) (extraDecl, bool) {
	if i, ok := f.extraIndex[name]; ok {
		return f.extras[i], true
	}
	return extraDecl{}, false
}

func (f *pyproject) extraNames() []string {
	var names []string
	for _, e := range f.extras {
		names = append(names, string(e.name))
	}
	slices.Sort(names)
	return names
}

// origin is the label of the requirements of f; see [Requirement.Origin].
func (f *pyproject) origin(group string) string {
	if f.script {
		return ""
	}
	path := f.rel
	if group != "" {
		path += ":" + group
	}
	if f.name == "" {
		return "(" + path + ")"
	}
	return string(f.name) + " (" + path + ")"
}

// errorAt is an error about a value.
func (f *pyproject) errorAt(v *tomlValue, format string, args ...any) error {
	return f.text.errorAt(v.off, v.n, format, args...)
}

// parsePyproject reads the tables that matter here.
func parsePyproject(t *text, dir string) (*pyproject, error) {
	doc, err := parseTOML(t)
	if err != nil {
		return nil, err
	}
	f := &pyproject{text: t, doc: doc, dir: dir, rel: t.name, dynamic: map[string]*tomlValue{}, extraIndex: map[pypi.Extra]int{}, groupIndex: map[string]*tomlValue{}}
	if err := f.readProject(doc.get("project")); err != nil {
		return nil, err
	}
	if err := f.readGroups(doc.get("dependency-groups")); err != nil {
		return nil, err
	}
	if err := f.readTool(doc.get("tool")); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *pyproject) readProject(p *tomlValue) error {
	if p == nil {
		return nil
	}
	if err := f.want(p, tomlTable, "project"); err != nil {
		return err
	}
	f.declared = true
	name, err := f.stringKey(p, "project", "name")
	if err != nil {
		return err
	}
	if name == nil {
		return f.errorAt(p, "project.name is missing: add it")
	}
	if f.name, err = pypi.ParseName(name.text); err != nil {
		return f.errorAt(name, "project.name: %s", err)
	}
	f.nameAt = f.text.place(name.off)

	dynamic, err := f.stringsKey(p, "project", "dynamic")
	if err != nil {
		return err
	}
	for _, d := range dynamic {
		f.dynamic[d.text] = d
	}
	if v, err := f.stringKey(p, "project", "version"); err != nil {
		return err
	} else if v != nil {
		if f.version, err = pep440.Parse(v.text); err != nil {
			return f.errorAt(v, "project.version: %s", err)
		}
	}
	if err := f.readRequiresPython(p, "project"); err != nil {
		return err
	}
	if f.dependencies, err = f.stringsKey(p, "project", "dependencies"); err != nil {
		return err
	}
	optional := p.get("optional-dependencies")
	if optional == nil {
		return nil
	}
	if err := f.want(optional, tomlTable, "project.optional-dependencies"); err != nil {
		return err
	}
	if len(optional.keys) > maxExtras {
		return f.errorAt(optional, "%d extras, more than %d: split the project", len(optional.keys), maxExtras)
	}
	for _, k := range optional.keys {
		name, err := pypi.ParseExtra(k.name)
		if err != nil {
			return f.text.errorAt(k.off, len(k.name), "project.optional-dependencies: %s", err)
		}
		if _, dup := f.extra(name); dup {
			return f.text.errorAt(k.off, len(k.name), "extra %q is given twice, in different spellings: join the two", string(name))
		}
		items, err := f.strings(k.value, "project.optional-dependencies."+k.name)
		if err != nil {
			return err
		}
		f.extraIndex[name] = len(f.extras)
		f.extras = append(f.extras, extraDecl{name, items})
	}
	return nil
}

func (f *pyproject) readRequiresPython(table *tomlValue, path string) error {
	v, err := f.stringKey(table, path, "requires-python")
	if err != nil || v == nil {
		return err
	}
	if f.requiresPython, err = pep440.ParseSpecifiers(v.text); err != nil {
		return f.errorAt(v, "requires-python: %s", err)
	}
	f.requiresPythonAt = f.text.place(v.off)
	return nil
}

func (f *pyproject) readTool(tool *tomlValue) error {
	if tool == nil {
		return nil
	}
	if err := f.want(tool, tomlTable, "tool"); err != nil {
		return err
	}
	f.sources = map[pypi.Name]*sourceDecl{}
	for _, name := range []string{"pylock", "uv"} { // pylock's own come first, and win
		table := tool.get(name)
		if table == nil {
			continue
		}
		if err := f.want(table, tomlTable, "tool."+name); err != nil {
			return err
		}
		if err := f.readSources(table.get("sources"), "tool."+name+".sources"); err != nil {
			return err
		}
	}
	f.uv = tool.get("uv")
	if f.workspace = f.uv.get("workspace"); f.workspace != nil {
		if err := f.want(f.workspace, tomlTable, tableUV+".workspace"); err != nil {
			return err
		}
	}
	return nil
}

// want checks the type of a value.
func (f *pyproject) want(v *tomlValue, kind tomlKind, path string) error {
	if v.kind == kind {
		return nil
	}
	return f.errorAt(v, "%s must be %s, not %s", path, tomlKindNames[kind], tomlKindNames[v.kind])
}

// stringKey returns a string of a table, nil when absent.
func (f *pyproject) stringKey(table *tomlValue, path, key string) (*tomlValue, error) {
	v := table.get(key)
	if v == nil {
		return nil, nil
	}
	return v, f.want(v, tomlString, path+"."+key)
}

// boolKey returns a boolean of a table, false when absent.
func (f *pyproject) boolKey(table *tomlValue, path, key string) (bool, error) {
	v := table.get(key)
	if v == nil {
		return false, nil
	}
	return v.isSet, f.want(v, tomlBool, path+"."+key)
}

// stringsKey returns an array of strings of a table, nil when absent.
func (f *pyproject) stringsKey(table *tomlValue, path, key string) ([]*tomlValue, error) {
	v := table.get(key)
	if v == nil {
		return nil, nil
	}
	return f.strings(v, path+"."+key)
}

func (f *pyproject) strings(v *tomlValue, path string) ([]*tomlValue, error) {
	if err := f.want(v, tomlArray, path); err != nil {
		return nil, err
	}
	for i, item := range v.items {
		if err := f.want(item, tomlString, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return nil, err
		}
	}
	return v.items, nil
}

// static refuses what only a build could tell.
func (f *pyproject) static(field string) error {
	if d := f.dynamic[field]; d != nil {
		return f.errorAt(d, "the %s of %s are dynamic: write them in [project] and take %q out of dynamic", strings.ReplaceAll(field, "-", " "), f.name, field)
	}
	return nil
}

// pyprojectAt reads and caches a pyproject.toml.
func (l *loader) pyprojectAt(dir string) (*pyproject, error) {
	path := filepath.Join(dir, pyprojectName)
	if f, ok := l.pyprojects[path]; ok {
		return f, nil
	}
	t, err := readText(path, l.rel(path))
	if err != nil {
		return nil, err
	}
	f, err := parsePyproject(t, dir)
	if err != nil {
		return nil, err
	}
	l.pyprojects[path] = f
	return f, nil
}

// undeclared explains a pyproject.toml without [project].
func (f *pyproject) undeclared() error {
	tool := f.doc.get("tool")
	switch {
	case tool.get("poetry").get("dependencies") != nil || tool.get("poetry").get("name") != nil:
		return f.errorAt(tool.get("poetry"), "has no [project] table, only Poetry's: move name, requires-python and dependencies to [project]")
	case f.workspace != nil:
		return f.text.errorIn("has no [project] table: it is the root of a workspace, so name one of its members")
	case len(f.groups) > 0:
		return f.text.errorIn("has no [project] table: add one with name and dependencies, or ask for one of its groups only (--group %s:%s)", f.rel, f.groups[0].name)
	}
	return f.text.errorIn("has no [project] table: add one with name and dependencies")
}
