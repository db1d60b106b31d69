package project

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// readOthers reads the indexes of the tables of other tools that count for the
// source in a file, and notes the rest for [loader.readSettings].
func (l *loader) readOthers(f *pyproject) error {
	if err := l.readUV(f); err != nil || f.script || l.pipToolsDone[f.rel] {
		return err
	}
	l.pipToolsDone[f.rel] = true
	return l.readPipTools(f)
}

// readUV reads the indexes of the settings of uv that count for a file, of
// which [loader.readSettings] reads the rest.
func (l *loader) readUV(f *pyproject) error {
	w, err := l.workspaceOf(f.dir)
	if err != nil {
		return err
	}
	if w != nil && w.file != f && !f.script {
		for _, key := range slices.Concat(ruleKeys, settingKeys) {
			if v := f.uv.get(key); v != nil {
				l.warn(f.text.place(v.off), "%s is ignored, since the workspace root %s decides on it", key, w.file.rel)
			}
		}
		if path := filepath.Join(f.dir, uvName); isFile(path) {
			l.warn(Place{File: l.rel(path)}, "is ignored, since the workspace root %s decides", w.file.rel)
		}
		f = w.file
	}
	if !slices.Contains(l.uvFiles, f) {
		l.uvFiles = append(l.uvFiles, f)
	}
	if f.script {
		return l.useUV(f)
	}
	settings, err := l.uvSettings(f.dir)
	if err != nil {
		return err
	}
	return l.useUV(settings)
}

// useUV reads the indexes of a file with settings of uv, nil for none.
func (l *loader) useUV(f *pyproject) error {
	if err := l.readOwnIndexes(); err != nil || f == nil || f.uv == nil || slices.Contains(l.uvSet, f) {
		return err
	}
	l.uvSet = append(l.uvSet, f)
	if filepath.Base(f.rel) == uvName {
		l.warnMasked(f)
	}
	for _, table := range []struct {
		path  string
		value *tomlValue
	}{{tableUVPip, f.uv.get("pip")}, {tableUV, f.uv}} {
		if table.value == nil {
			continue
		}
		if err := f.want(table.value, tomlTable, table.path); err != nil {
			return err
		}
		if err := l.readIndexes(f, table.value, table.path); err != nil {
			return err
		}
		l.warnUnheeded(settingsTable{f, table.value, table.path, table.path})
	}
	return nil
}

// readOwnIndexes reads the indexes of our tables, which come before uv's.
func (l *loader) readOwnIndexes() error {
	if l.ownIndexes {
		return nil
	}
	l.ownIndexes = true
	tables, err := l.ownTables(l.p.Dir)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := l.readIndexes(t.file, t.value, t.path); err != nil {
			return err
		}
	}
	return nil
}

// nearestUV reads the settings of uv and pip-tools that apply to a requirements
// file: those of the nearest files that have some, up to the root.
func (l *loader) nearestUV(dir string) error {
	settings, err := l.uvSettings(dir)
	if err != nil {
		return err
	}
	if settings != nil && filepath.Base(settings.rel) == uvName {
		if err := l.useUV(settings); err != nil {
			return err
		}
	}
	for d := dir; within(l.root, d); d = filepath.Dir(d) {
		f, err := l.pyprojectAt(d)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && (f.uv != nil || f.doc.get("tool").get("pip-tools") != nil) {
			return l.readOthers(f)
		}
		if d == l.root {
			break
		}
	}
	return nil
}

// readIndexes reads the index settings of a table. Those of requirements files
// win.
func (l *loader) readIndexes(f *pyproject, table *tomlValue, path string) error {
	ix := &l.p.Index
	read := func(v *tomlValue) (Link, error) {
		return l.link(v.text, f.dir, f.text.place(v.off), func(format string, args ...any) error { return f.errorAt(v, format, args...) })
	}
	if v, err := f.stringKey(table, path, "index-url"); err != nil {
		return err
	} else if v != nil && ix.Default.URL == "" {
		if ix.Default, err = read(v); err != nil {
			return err
		}
	}
	for _, key := range []string{"extra-index-url", "find-links"} {
		list := &ix.Extra
		if key == "find-links" {
			list = &ix.FindLinks
		}
		v := table.get(key)
		if v == nil {
			continue
		}
		items := []*tomlValue{v}
		if v.kind != tomlString {
			var err error
			if items, err = f.strings(v, path+"."+key); err != nil {
				return err
			}
		}
		for _, v := range items {
			k, err := read(v)
			if err != nil {
				return err
			}
			*list = append(*list, k)
		}
	}
	no, err := f.boolKey(table, path, "no-index")
	if err != nil {
		return err
	}
	ix.NoIndex = ix.NoIndex || no
	indexes := table.get("index")
	if indexes == nil || path == tableUVPip || strings.HasPrefix(path, tablePipTools) {
		return nil
	}
	path += ".index"
	if err := f.want(indexes, tomlArray, path); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, v := range indexes.items {
		k, err := l.indexEntry(f, v, path)
		if err != nil {
			return err
		}
		if cut := v.get("exclude-newer"); cut != nil {
			l.warn(f.text.place(cut.off), "exclude-newer of an index is not heeded: use exclude-newer-package for what comes from it")
		}
		if k.Name != "" && seen[k.Name] {
			return f.errorAt(v, "%s has two of the name %q: rename one", path, k.Name)
		}
		seen[k.Name] = true
		l.addFile(f)
		switch {
		case k.isDefault && k.Flat:
			return f.errorAt(v, "%s: a flat index cannot be the default one: leave out default", path)
		case k.isDefault:
			if ix.Default.URL == "" {
				ix.Default = k.Link
			}
		default:
			ix.Extra = append(ix.Extra, k.Link)
		}
	}
	return nil
}

// indexEntry is an entry of index.
type indexEntry struct {
	Link
	isDefault bool
}

var indexKeys = []string{"authenticate", "default", "explicit", "format", "ignore-error-codes", "name", "url"}

// indexRules reads how the index of an entry is asked.
func (f *pyproject) indexRules(v *tomlValue, path string) (r IndexRules, err error) {
	how, err := f.stringKey(v, path, "authenticate")
	if err != nil {
		return r, err
	}
	if values := []string{"always", "auto", "never"}; how != nil {
		if r.Authenticate = how.text; !slices.Contains(values, how.text) {
			return r, f.errorAt(how, "%s.authenticate: unknown value %q: %s", path, how.text, Choices(how.text, values))
		}
	}
	codes := v.get("ignore-error-codes")
	if codes == nil {
		return r, nil
	}
	if err := f.want(codes, tomlArray, path+".ignore-error-codes"); err != nil {
		return r, err
	}
	for _, c := range codes.items {
		n, err := strconv.Atoi(c.literal)
		if err != nil || n < 100 || n > 599 {
			return r, f.errorAt(c, "%s.ignore-error-codes: want statuses of HTTP, such as 403", path)
		}
		r.IgnoreErrorCodes = append(r.IgnoreErrorCodes, n)
	}
	return r, nil
}

func (l *loader) indexEntry(f *pyproject, v *tomlValue, path string) (k indexEntry, err error) {
	if err := f.want(v, tomlTable, path); err != nil {
		return k, err
	}
	for _, e := range v.keys {
		if path == tablePylock+".index" && !slices.Contains(indexKeys, e.name) {
			return k, f.text.errorAt(e.off, len(e.name), "%s has an unknown key %q: %s", path, e.name, Choices(e.name, indexKeys))
		}
	}
	u, err := f.stringKey(v, path, "url")
	if err != nil {
		return k, err
	}
	if u == nil {
		return k, f.errorAt(v, "%s has no url: add it", path)
	}
	if k.Link, err = l.link(u.text, f.dir, f.text.place(u.off), func(format string, args ...any) error { return f.errorAt(u, format, args...) }); err != nil {
		return k, err
	}
	if name, err := f.stringKey(v, path, "name"); err != nil {
		return k, err
	} else if name != nil {
		k.Name = name.text
	}
	if k.Explicit, err = f.boolKey(v, path, "explicit"); err != nil {
		return k, err
	}
	if k.Explicit && k.Name == "" {
		return k, f.errorAt(v, "%s is explicit and has no name, by which a source could ask for it: add name", path)
	}
	if k.isDefault, err = f.boolKey(v, path, "default"); err != nil {
		return k, err
	}
	format, err := f.stringKey(v, path, "format")
	if err != nil {
		return k, err
	}
	if format != nil {
		if format.text != "simple" && format.text != "flat" {
			return k, f.errorAt(format, "%s.format: unknown format %q: use simple or flat", path, format.text)
		}
		k.Flat = format.text == "flat"
	}
	if !k.Flat && filepath.IsAbs(k.URL) {
		return k, f.errorAt(u, `%s: an index in a folder is not supported: serve it, or list its files with format = "flat"`, path)
	}
	k.IndexRules, err = f.indexRules(v, path)
	return k, err
}
