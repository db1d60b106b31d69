package project

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
)

// uvName is the file that holds what [tool.uv] would, without the prefix.
const uvName = "uv.toml"

// pyprojectKeys are the keys of [tool.uv] that a uv.toml cannot have, and that
// count in a pyproject.toml beside one.
var pyprojectKeys = []string{
	"build-backend", "conflicts", "default-groups", "dependency-groups", "dev-dependencies", "environments", "managed", "package",
	"required-environments", "sources", "workspace",
}

// uvSettings returns the file whose settings of uv count in an absolute folder,
// as uv finds it: from the root of its workspace, else from the folder itself,
// the nearest that has a uv.toml or a pyproject.toml with a [tool.uv]; where it
// has both, the uv.toml alone. It looks no further than the root, and returns
// nil where there is none.
func (l *loader) uvSettings(dir string) (*pyproject, error) {
	for d := dir; ; d = filepath.Dir(d) {
		if isFile(filepath.Join(d, pyprojectName)) {
			w, err := l.workspaceOf(d)
			if err != nil {
				return nil, err
			}
			if w != nil {
				dir = w.file.dir
			}
			break
		}
		if d == l.root || d == filepath.Dir(d) || !within(l.root, d) {
			break
		}
	}
	for d := dir; ; d = filepath.Dir(d) {
		f, err := l.uvTOML(d)
		if f != nil || err != nil {
			return f, err
		}
		f, err = l.pyprojectAt(d)
		switch {
		case err != nil && d == dir && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case err == nil && f.uv != nil:
			return f, nil
		}
		if d == l.root || d == filepath.Dir(d) || !within(l.root, d) {
			return nil, nil
		}
	}
}

// uvTOML reads the uv.toml of a folder as if it were a pyproject.toml with
// [tool.uv] alone; nil when there is none.
func (l *loader) uvTOML(dir string) (*pyproject, error) {
	path := filepath.Join(dir, uvName)
	if f, ok := l.uvTOMLs[path]; ok {
		return f, nil
	}
	t, err := readText(path, l.rel(path))
	if errors.Is(err, fs.ErrNotExist) {
		l.uvTOMLs[path] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := parseTOML(t)
	if err != nil {
		return nil, err
	}
	for _, k := range doc.keys {
		if slices.Contains(pyprojectKeys, k.name) {
			return nil, t.errorAt(k.off, len(k.name), "a %s has no %s: move it to [tool.uv] of the %s beside it", uvName, k.name, pyprojectName)
		}
	}
	tool := &tomlValue{kind: tomlTable, keys: []tomlKey{{name: "uv", value: doc}}}
	f := &pyproject{
		text: t, dir: dir, rel: t.name, dynamic: map[string]*tomlValue{}, uv: doc,
		doc: &tomlValue{kind: tomlTable, keys: []tomlKey{{name: "tool", value: tool}}},
	}
	l.uvTOMLs[path] = f
	return f, nil
}

// warnMasked tells of what [tool.uv] beside a uv.toml says for nothing.
func (l *loader) warnMasked(f *pyproject) {
	beside, err := l.pyprojectAt(f.dir)
	if err != nil || beside.uv == nil {
		return
	}
	for _, e := range beside.uv.keys {
		known := slices.ContainsFunc(Keys, func(k Key) bool { return k.UV == e.name })
		if (known || e.name == "pip") && !slices.Contains(pyprojectKeys, e.name) {
			l.warn(beside.text.place(e.off), "%s.%s is ignored, since %s takes the place of this table: move it there", tableUV, e.name, f.rel)
		}
	}
}

// pyprojectOnly returns of the [tool.uv] of a project, or of the root of its
// workspace, the keys that no other file can have; nil where it has none.
func (l *loader) pyprojectOnly(f *pyproject) (*settingsTable, error) {
	if w, err := l.workspaceOf(f.dir); err != nil {
		return nil, err
	} else if w != nil {
		f = w.file
	}
	if f.uv == nil || f.uv.kind != tomlTable {
		return nil, nil
	}
	table := *f.uv
	table.keys = slices.DeleteFunc(slices.Clone(table.keys), func(k tomlKey) bool { return !slices.Contains(pyprojectKeys, k.name) })
	return &settingsTable{f, &table, tableUV, tableUV}, nil
}
