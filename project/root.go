package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FindRoot returns the absolute folder that paths in a lock are relative to:
// the nearest folder, from dir upwards, with settings of ours (a [tool.pylock]
// table or a .pylock.toml), unless one further up has some and counts that
// folder among its services; else the nearest with a .git, else dir. A .git
// ends the search, so that nothing outside a repository changes its locks, and
// a table with sources alone does not count: to say where a package is makes
// no root.
func FindRoot(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	root := ""
	for d := dir; ; {
		if f, table := rootTable(d); table != nil && (root == "" || claims(f, table, root)) {
			root = d
		}
		if root == "" && exists(filepath.Join(d, ".git")) {
			return d
		}
		up := filepath.Dir(d)
		if up == d || exists(filepath.Join(d, ".git")) {
			break
		}
		d = up
	}
	if root == "" {
		return dir
	}
	return root
}

// rootTable returns the settings of a folder, as far as they make it a root;
// what is wrong with them is told by who reads them.
func rootTable(dir string) (*pyproject, *tomlValue) {
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
	if table == nil || len(table.keys) == 1 && table.keys[0].name == "sources" {
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
