package project

import (
	"os"
	"path/filepath"
	"strings"
)

// FindRoot returns the absolute folder that paths in a lock are relative to:
// the nearest folder, from dir upwards, whose pyproject.toml has a
// [tool.pylock] table, else the nearest with a .git, else dir. A .git ends the
// search, so that nothing outside a repository changes its locks, and a table
// with sources alone does not count: to say where a package is makes no root.
func FindRoot(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	for d := dir; ; {
		if hasPylockTable(d) || exists(filepath.Join(d, ".git")) {
			return d
		}
		up := filepath.Dir(d)
		if up == d {
			return dir
		}
		d = up
	}
}

func hasPylockTable(dir string) bool {
	t, err := readText(filepath.Join(dir, pyprojectName), pyprojectName)
	if err != nil || !strings.Contains(string(t.data), "pylock") {
		return false
	}
	doc, err := parseTOML(t)
	if err != nil {
		return false
	}
	table := doc.get("tool").get("pylock")
	return table != nil && (len(table.keys) != 1 || table.keys[0].name != "sources")
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
