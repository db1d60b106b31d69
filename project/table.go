package project

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// settingsName is the file that holds what [tool.pylock] would, for a root
// whose pyproject.toml is not to have it.
const settingsName = ".pylock.toml"

// Value is what a setting is set to.
type Value struct {
	Key *Key
	// Texts are the values of a text or of texts, "true" or "false" of a
	// boolean; files are absolute paths. Of other kinds it is nil.
	Texts []string
	// Entries say of the other kinds what they hold, each in a word or two, in
	// the order of the file.
	Entries []string
	// Table is the table that says it, such as tool.pylock.service.api.
	Table string
	Place Place
	// Places are those of the texts.
	Places []Place
	// More are the values of weaker tables, where they count as well.
	More []Value
}

// Bool reports whether a boolean is set to true.
func (v Value) Bool() bool { return len(v.Texts) == 1 && v.Texts[0] == "true" }

// Values are settings by the name of their key.
type Values map[string]Value

// settingsTable is one of the tables that say something about a lock.
type settingsTable struct {
	file  *pyproject
	value *tomlValue
	path  string
	// kind is the table that names of keys are looked up by.
	kind string
}

// groups are keys that replace each other: where a table gives one of a
// group, weaker tables have no say in all of it.
var groups = map[string]string{
	"generate-hashes": "hashes", "hashes": "hashes",
	"extra": "extra", "all-extras": "extra",
	"universal": "platforms", "platforms": "platforms",
}

// add takes over what the table gives and no stronger one did. by holds which
// table, by number, decides on a group.
func (vs Values) add(t settingsTable, n int, by map[string]int) error {
	for i := range Keys {
		k := &Keys[i]
		if k.Root && t.kind == tablePylock && t.path != tablePylock && k.Name != "service" {
			continue // refused by checkTable
		}
		name := k.in(t.kind)
		if name == "" {
			continue
		}
		v := t.value.get(name)
		if v == nil && k.Alias != "" && t.kind == tablePylock {
			v = t.value.get(k.Alias)
		}
		if v == nil {
			continue
		}
		group := k.Name
		if g := groups[k.Name]; g != "" {
			group = g
		}
		first, taken := by[group]
		if taken && first != n && !k.Joined {
			continue
		}
		got, err := t.file.settingValue(k, v, t.path+"."+name)
		if err != nil {
			return err
		}
		got.Table = t.path
		if stronger, ok := vs[k.Name]; ok && k.Joined {
			stronger.More = append(stronger.More, got)
			vs[k.Name] = stronger
			continue
		}
		by[group] = n
		vs[k.Name] = got
	}
	return nil
}

// settingValue checks and reads the value of a key.
func (f *pyproject) settingValue(k *Key, v *tomlValue, path string) (Value, error) {
	out := Value{Key: k, Place: f.text.place(v.off)}
	switch k.Kind {
	case KindText, KindTexts:
		items := []*tomlValue{v}
		if k.Kind == KindTexts && v.kind == tomlArray {
			items = v.items
		}
		out.Texts = []string{}
		for _, item := range items {
			if k.Kind == KindTexts && item.kind != tomlString && v.kind != tomlArray {
				return out, f.errorAt(v, "%s must be a string or an array of strings, not %s", path, tomlKindNames[v.kind])
			}
			if err := f.want(item, tomlString, path); err != nil {
				return out, err
			}
			text := strings.TrimSpace(item.text)
			switch {
			case text == "":
				return out, f.errorAt(item, "%s is empty: give a value, or take it out", path)
			case k.Choices != nil && !slices.Contains(k.Choices, text):
				return out, f.errorAt(item, "%s: unknown value %q: use one of %s", path, text, strings.Join(k.Choices, ", "))
			case k.Name == "python-version" && !isPythonVersion(text):
				return out, f.errorAt(item, "%s must be a version such as 3.12 or 3.12.4, not %q", path, text)
			case k.Files && !filepath.IsAbs(text):
				text = filepath.Join(f.dir, filepath.FromSlash(text))
			}
			out.Texts = append(out.Texts, text)
			out.Places = append(out.Places, f.text.place(item.off))
		}
	case KindBool:
		if err := f.want(v, tomlBool, path); err != nil {
			return out, err
		}
		out.Texts = []string{"false"}
		if v.isSet {
			out.Texts[0] = "true"
		}
	case KindCutoff:
		s, err := f.setting(v, path, true)
		if err != nil {
			return out, err
		}
		out.Texts = []string{s.Text}
	case KindByPackage, KindTable:
		if err := f.want(v, tomlTable, path); err != nil {
			return out, err
		}
		for _, e := range v.keys {
			out.Entries = append(out.Entries, strings.TrimSuffix(e.name+"="+briefly(e.value), "="))
		}
	case KindMarkers:
		if v.kind == tomlArray {
			for _, item := range v.items {
				out.Entries = append(out.Entries, item.text)
			}
		} else {
			out.Entries = []string{v.text}
		}
	default:
		if err := f.want(v, tomlArray, path); err != nil {
			return out, err
		}
		for i, item := range v.items {
			what := briefly(item)
			if what == "" {
				what = fmt.Sprintf("entry %d", i+1)
			}
			out.Entries = append(out.Entries, what)
		}
	}
	return out, nil
}

// subValues reads a table with keys of its own.
func (f *pyproject) subValues(k *Key, v *tomlValue, path string) (Values, error) {
	if err := f.want(v, tomlTable, path); err != nil {
		return nil, err
	}
	vs := Values{}
	var known []string
	for i := range k.Sub {
		sub := &k.Sub[i]
		known = append(known, sub.Name)
		value := v.get(sub.Name)
		if value == nil {
			continue
		}
		got, err := f.settingValue(sub, value, path+"."+sub.Name)
		if err != nil {
			return nil, err
		}
		vs[sub.Name] = got
	}
	for _, e := range v.keys {
		if !slices.Contains(known, e.name) {
			return nil, f.text.errorAt(e.off, len(e.name), "%s has no key %q: %s", path, e.name, Choices(e.name, known))
		}
	}
	return vs, nil
}

// briefly says what an entry of a table or an array is: a text, or what tells a
// table from its neighbours.
func briefly(v *tomlValue) string {
	switch v.kind {
	case tomlString:
		return v.text
	case tomlBool:
		return strconv.FormatBool(v.isSet)
	case tomlArray:
		var parts []string
		for _, item := range v.items {
			parts = append(parts, briefly(item))
		}
		return strings.Join(parts, " or ")
	}
	for _, key := range []string{"name", "package", "path", "index", "url", "git", "requirement", "extra", "group"} {
		if e := v.get(key); e != nil && e.kind == tomlString {
			return e.text
		}
	}
	if v.get("workspace") != nil {
		return "workspace"
	}
	return v.literal
}

// outputKeys are what an entry of output has beside settings.
var outputKeys = []string{"file", "constrained-by"}

// checkTable refuses unknown keys of a table of ours, and those that belong to
// the root alone.
func (f *pyproject) checkTable(table *tomlValue, path string, root bool, extra ...string) error {
	for _, e := range table.keys {
		if slices.Contains(extra, e.name) {
			continue
		}
		k := keyOf(e.name)
		switch {
		case k == nil:
			known := slices.Clone(extra)
			for i := range Keys {
				if root || !Keys[i].Root {
					known = append(known, Keys[i].Name)
				}
			}
			return f.text.errorAt(e.off, len(e.name), "%s has no key %q: %s", path, e.name, Choices(e.name, known))
		case k.Root && !root:
			return f.text.errorAt(e.off, len(e.name), "%s.%s: %s belongs to [tool.pylock] of the root", path, e.name, e.name)
		case len(extra) > 0 && (k.Name == "output" || k.Loaded && k.Kind != KindText && k.Kind != KindCutoff):
			return f.text.errorAt(e.off, len(e.name), "%s.%s: %s is for a service as a whole: move it there", path, e.name, e.name)
		case path != tablePylock && (k.Name == "sources" || k.Name == "conflicts"):
			return f.text.errorAt(e.off, len(e.name), "%s.%s: %s belongs to [tool.pylock] of the service or of the root", path, e.name, e.name)
		}
	}
	if out := table.get("output"); out != nil {
		if err := f.want(out, tomlArray, path+".output"); err != nil {
			return err
		}
		for _, item := range out.items {
			if err := f.want(item, tomlTable, path+".output"); err != nil {
				return err
			}
			if err := f.checkTable(item, path+".output", false, outputKeys...); err != nil {
				return err
			}
		}
	}
	for _, e := range table.keys {
		if k := keyOf(e.name); k != nil && k.Sub != nil {
			if _, err := f.subValues(k, e.value, path+"."+e.name); err != nil {
				return err
			}
		}
	}
	services := table.get("service")
	if services == nil {
		return nil
	}
	if err := f.want(services, tomlTable, path+".service"); err != nil {
		return err
	}
	for _, e := range services.keys {
		at := path + ".service." + e.name
		if err := f.want(e.value, tomlTable, at); err != nil {
			return err
		}
		if err := f.checkTable(e.value, at, false); err != nil {
			return err
		}
	}
	return nil
}

// pylockTable returns the settings of a folder: [tool.pylock] of its
// pyproject.toml, or all of its .pylock.toml. The value is nil where there are
// none.
func (l *loader) pylockTable(dir string) (*pyproject, *tomlValue, error) {
	if t, ok := l.tables[dir]; ok {
		return t.file, t.value, nil
	}
	f, err := l.pyprojectAt(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	var table *tomlValue
	if f != nil {
		table = f.doc.get("tool").get("pylock")
	}
	own, err := l.settingsFile(dir)
	if err != nil {
		return nil, nil, err
	}
	if own != nil {
		if table != nil {
			return nil, nil, own.text.errorIn("%s has a [tool.pylock] table already: keep the settings in one of the two", f.rel)
		}
		f, table = own, own.doc.get("tool").get("pylock")
	}
	if table != nil {
		if err := f.checkTable(table, tablePylock, true); err != nil {
			return nil, nil, err
		}
	}
	l.tables[dir] = settingsTable{file: f, value: table}
	return f, table, nil
}

// settingsFile reads the .pylock.toml of a folder as if it were a
// pyproject.toml with that table alone; nil when there is none.
func (l *loader) settingsFile(dir string) (*pyproject, error) {
	path := filepath.Join(dir, settingsName)
	t, err := readText(path, l.rel(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := parseTOML(t)
	if err != nil {
		return nil, err
	}
	tool := &tomlValue{kind: tomlTable, keys: []tomlKey{{name: "pylock", value: doc}}}
	f := &pyproject{
		text: t, dir: dir, rel: t.name, dynamic: map[string]*tomlValue{},
		doc: &tomlValue{kind: tomlTable, keys: []tomlKey{{name: "tool", value: tool}}},
	}
	return f, f.readTool(tool)
}

// serviceTable is the root's table for one service: by path, else by the name
// of its folder.
func (l *loader) serviceTable(root *tomlValue, dir string) (*tomlValue, string) {
	services := root.get("service")
	rel := l.rel(dir)
	for _, name := range []string{rel, filepath.Base(dir)} {
		if t := services.get(name); t != nil && dir != l.root {
			return t, tablePylock + ".service." + name
		}
	}
	return nil, ""
}

// ownTables are our tables that count for the service in dir, the strongest
// first: the root's for that service, its own, the root's.
func (l *loader) ownTables(dir string) ([]settingsTable, error) {
	var out []settingsTable
	rootFile, root, err := l.pylockTable(l.root)
	if err != nil {
		return nil, err
	}
	if t, path := l.serviceTable(root, dir); t != nil {
		out = append(out, settingsTable{rootFile, t, path, tablePylock})
	}
	if dir != l.root {
		f, own, err := l.pylockTable(dir)
		if err != nil {
			return nil, err
		}
		if own != nil {
			if err := f.checkTable(own, tablePylock, false); err != nil {
				return nil, err
			}
			out = append(out, settingsTable{f, own, tablePylock, tablePylock})
		}
	}
	if root != nil {
		out = append(out, settingsTable{rootFile, root, tablePylock, tablePylock})
	}
	return out, nil
}

// otherTables are those of uv and pip-tools that count for the service in dir:
// of uv what [loader.uvSettings] finds, of pip-tools those of the nearest
// pyproject.toml.
func (l *loader) otherTables(dir string) ([]settingsTable, error) {
	var f *pyproject
	for d := dir; ; d = filepath.Dir(d) {
		var err error
		if f, err = l.pyprojectAt(d); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if d == l.root || d == filepath.Dir(d) {
			break
		}
	}
	var out []settingsTable
	add := func(f *pyproject, kind string) error {
		v := f.doc
		for _, k := range strings.Split(kind, ".") {
			v = v.get(k)
		}
		if v == nil {
			return nil
		}
		if err := f.want(v, tomlTable, kind); err != nil {
			return err
		}
		out = append(out, settingsTable{f, v, kind, kind})
		return nil
	}
	uv, err := l.uvSettings(dir)
	if err != nil {
		return nil, err
	}
	if uv != nil {
		for _, kind := range []string{tableUVPip, tableUV} {
			if err := add(uv, kind); err != nil {
				return nil, err
			}
		}
	}
	if f != nil {
		if own, err := l.pyprojectOnly(f); err != nil {
			return nil, err
		} else if own != nil && own.file != uv {
			out = append(out, *own)
		}
		tables, err := f.pipToolsTables()
		if err != nil {
			return nil, err
		}
		out = append(out, tables...)
	}
	return out, nil
}
