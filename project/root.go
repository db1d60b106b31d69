package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FindRoot returns the absolute folder that paths in a lock are relative to:
// the nearest folder, from dir upwards, whose settings make it a root, unless
// one further up is a root too and counts that folder among its services; else
// the nearest with a .git; else the nearest with any settings; else dir. A .git
// ends the search, so that nothing outside a repository changes its locks.
//
// Settings are a [tool.pylock] table or a .pylock.toml. They make a root if
// they hold a key that belongs to a root, or nothing at all; a service may have
// settings of its own without being a root, and to say where a package is
// makes none either.
func FindRoot(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	root, other := "", ""
	for d := dir; ; {
		f, table := settingsAt(d)
		switch {
		case table == nil:
		case !makesRoot(table):
			if other == "" && (len(table.keys) != 1 || table.keys[0].name != "sources") {
				other = d
			}
		case root == "" || claims(f, table, root):
			root = d
		}
		if exists(filepath.Join(d, ".git")) {
			if root == "" {
				return d
			}
			break
		}
		up := filepath.Dir(d)
		if up == d {
			break
		}
		d = up
	}
	switch {
	case root != "":
		return root
	case other != "":
		return other
	}
	return dir
}

// makesRoot reports whether settings are those of a root.
func makesRoot(table *tomlValue) bool {
	return len(table.keys) == 0 || slices.ContainsFunc(table.keys, func(e tomlKey) bool {
		k := keyOf(e.name)
		return k != nil && k.Root
	})
}

// settingsAt returns the settings of a folder; what is wrong with them is told
// by who reads them.
func settingsAt(dir string) (*pyproject, *tomlValue) {
	l := &loader{root: dir}
	if f, err := l.settingsFile(dir); err == nil && f != nil {
		return f, f.doc.get("tool").get("pylock")
	}
	t, err := readText(filepath.Join(dir, pyprojectName), pyprojectName)
	if err != nil || !strings.Contains(string(t.data), "pylock") {
		return nil, nil
	}
	doc, err := parseTOML(t)
	if err != nil {
		return nil, nil
	}
	table := doc.get("tool").get("pylock")
	if table == nil {
		return nil, nil
	}
	return &pyproject{text: t, doc: doc, dir: dir, rel: pyprojectName}, table
}

// claims reports whether the root that a table makes has dir, below it, as a
// service.
func claims(f *pyproject, table *tomlValue, dir string) bool {
	match := func(key string) (listed, matched bool) {
		v := table.get(key)
		if v == nil {
			return false, false
		}
		items := v.items
		if v.kind == tomlString {
			items = []*tomlValue{v}
		}
		for _, item := range items {
			dirs, err := globDirs(f, item)
			if err == nil && slices.Contains(dirs, dir) {
				return true, true
			}
		}
		return true, false
	}
	if _, out := match("exclude-services"); out {
		return false
	}
	listed, in := match("services")
	return in || !listed
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// relative returns path as a slash path relative to root; where that is not
// possible (another volume), the path itself.
func relative(root, path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	return filepath.ToSlash(rel)
}

// within reports whether path is root or below it.
func within(root, path string) bool {
	rel := relative(root, path)
	return rel != ".." && !strings.HasPrefix(rel, "../") && !filepath.IsAbs(rel)
}
