package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// maxWorkspaceDirs bounds the folders that member globs look at.
const maxWorkspaceDirs = 20_000

// workspace is a [tool.uv.workspace]: a root and the packages that it lists.
type workspace struct {
	file    *pyproject
	members map[pypi.Name]string // absolute folders
}

// workspaceOf returns the workspace that the package in dir belongs to, nil
// for none: the nearest [tool.uv.workspace] from dir upwards, if it lists dir.
func (l *loader) workspaceOf(dir string) (*workspace, error) {
	if w, ok := l.memberOf[dir]; ok {
		return w, nil
	}
	w, err := l.findWorkspace(dir)
	if err != nil {
		return nil, err
	}
	l.memberOf[dir] = w
	return w, nil
}

func (l *loader) findWorkspace(dir string) (*workspace, error) {
	for d := dir; ; {
		if isFile(filepath.Join(d, pyprojectName)) {
			f, err := l.pyprojectAt(d)
			if err != nil {
				return nil, err
			}
			if f.workspace != nil {
				w, err := l.readWorkspace(f)
				if err != nil || d == dir {
					return w, err
				}
				for _, m := range w.members {
					if m == dir {
						return w, nil
					}
				}
				return nil, nil
			}
		}
		up := filepath.Dir(d)
		if up == d || d == l.root {
			return nil, nil
		}
		d = up
	}
}

func (l *loader) readWorkspace(f *pyproject) (*workspace, error) {
	if w, ok := l.workspaces[f.dir]; ok {
		return w, nil
	}
	w := &workspace{file: f, members: map[pypi.Name]string{}}
	include, err := f.stringsKey(f.workspace, "tool.uv.workspace", "members")
	if err != nil {
		return nil, err
	}
	exclude, err := f.stringsKey(f.workspace, "tool.uv.workspace", "exclude")
	if err != nil {
		return nil, err
	}
	excluded := map[string]bool{}
	for _, p := range exclude {
		dirs, err := globDirs(f, p)
		if err != nil {
			return nil, err
		}
		for _, d := range dirs {
			excluded[d] = true
		}
	}
	at := map[pypi.Name]*tomlValue{}
	if f.declared {
		w.members[f.name] = f.dir
	}
	for _, p := range include {
		dirs, err := globDirs(f, p)
		if err != nil {
			return nil, err
		}
		for _, d := range dirs {
			if excluded[d] || d == f.dir {
				continue
			}
			if !isFile(filepath.Join(d, pyprojectName)) {
				if !strings.ContainsAny(p.text, "*?[") {
					return nil, f.errorAt(p, "workspace member %s has no %s: add one, or take it out of members", l.rel(d), pyprojectName)
				}
				continue
			}
			m, err := l.pyprojectAt(d)
			if err != nil {
				return nil, err
			}
			if !m.declared {
				continue
			}
			if other, dup := w.members[m.name]; dup && other != d {
				return nil, f.errorAt(p, "workspace members %s and %s are both called %s: rename one", l.rel(other), l.rel(d), m.name)
			}
			w.members[m.name], at[m.name] = d, p
		}
	}
	l.workspaces[f.dir] = w
	return w, nil
}

// globDirs returns the folders that a member pattern matches, sorted. Its
// segments may hold *, ? and [classes]; ** stands for any number of folders.
// Hidden folders match only where the pattern names them.
func globDirs(f *pyproject, pattern *tomlValue) ([]string, error) {
	p := strings.TrimSuffix(filepath.ToSlash(pattern.text), "/")
	if filepath.IsAbs(p) || strings.HasPrefix(p, "/") {
		return nil, f.errorAt(pattern, "workspace patterns are relative to the workspace: write a relative path")
	}
	if _, err := filepath.Match(strings.ReplaceAll(p, "**", "*"), ""); err != nil {
		return nil, f.errorAt(pattern, "malformed pattern: close its brackets")
	}
	g := dirGlob{found: map[string]bool{}, seen: map[string]bool{}}
	g.match(f.dir, strings.Split(p, "/"))
	if g.visited > maxWorkspaceDirs {
		return nil, f.errorAt(pattern, "matches among more than %d folders: narrow the pattern", maxWorkspaceDirs)
	}
	out := make([]string, 0, len(g.found))
	for d := range g.found {
		out = append(out, d)
	}
	slices.Sort(out)
	return out, nil
}

type dirGlob struct {
	found   map[string]bool
	seen    map[string]bool // dir and remaining pattern
	visited int
}

func (g *dirGlob) match(dir string, segments []string) {
	key := dir + "\x00" + strings.Join(segments, "/")
	if g.seen[key] || g.visited > maxWorkspaceDirs {
		return
	}
	g.seen[key] = true
	if len(segments) == 0 {
		g.found[dir] = true
		return
	}
	s, rest := segments[0], segments[1:]
	switch {
	case s == "" || s == ".":
		g.match(dir, rest)
		return
	case s == "..":
		g.match(filepath.Dir(dir), rest)
		return
	case s == "**":
		g.match(dir, rest)
	case !strings.ContainsAny(s, "*?["):
		if next := filepath.Join(dir, s); isDir(next) {
			g.match(next, rest)
		}
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(s, ".") || name == "node_modules" || name == "__pycache__" {
			continue
		}
		next := filepath.Join(dir, name)
		// A link may be a member, but ** does not walk through it.
		if !e.IsDir() && (s == "**" || e.Type()&os.ModeSymlink == 0 || !isDir(next)) {
			continue
		}
		g.visited++
		if s == "**" {
			g.match(next, segments)
		} else if ok, err := filepath.Match(s, name); ok && err == nil {
			g.match(next, rest)
		}
	}
}

// repositoryPackage returns where the repository holds a package called name:
// in a folder directly under the root or under the top of the repository, or
// as a member of the workspace that s belongs to. at is nil where it does not.
func (l *loader) repositoryPackage(s scope, name pypi.Name) (at *Place, dir string, member bool) {
	if s.file != nil {
		if w, err := l.workspaceOf(s.file.dir); err == nil && w != nil {
			if dir, ok := w.members[name]; ok {
				if f, err := l.pyprojectAt(dir); err == nil {
					return &f.nameAt, dir, true
				}
			}
		}
	}
	if l.packages == nil {
		l.packages = map[pypi.Name]repositoryFolder{}
		l.listPackages(l.root)
		for d := l.root; ; {
			if exists(filepath.Join(d, ".git")) {
				if d != l.root {
					l.listPackages(d)
				}
				break
			}
			up := filepath.Dir(d)
			if up == d {
				break
			}
			d = up
		}
		if f, err := l.rootFile(); err == nil && f != nil && f.workspace != nil {
			if w, err := l.readWorkspace(f); err == nil {
				for n, dir := range w.members {
					if m, err := l.pyprojectAt(dir); err == nil {
						l.packages[n] = repositoryFolder{m.nameAt, dir}
					}
				}
			}
		}
	}
	p, ok := l.packages[name]
	if !ok {
		return nil, "", false
	}
	return &p.place, p.dir, false
}

type repositoryFolder struct {
	place Place
	dir   string
}

// listPackages adds the packages directly under top. A folder that only a
// build could name is taken to be called like the folder.
func (l *loader) listPackages(top string) {
	entries, err := os.ReadDir(top)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(top, e.Name())
		if strings.HasPrefix(e.Name(), ".") || !isDir(dir) {
			continue
		}
		var name pypi.Name
		var place Place
		if isFile(filepath.Join(dir, pyprojectName)) {
			f, err := l.pyprojectAt(dir)
			if err == nil && f.declared {
				name, place = f.name, f.nameAt
			} else if err != nil || f.doc.get("build-system") != nil || f.doc.get("tool").get("poetry") != nil {
				place.File = l.rel(filepath.Join(dir, pyprojectName))
			}
		} else {
			for _, legacy := range []string{"setup.py", "setup.cfg"} {
				if isFile(filepath.Join(dir, legacy)) {
					place.File = l.rel(filepath.Join(dir, legacy))
					break
				}
			}
		}
		if place.File == "" {
			continue
		}
		if name == "" {
			if name, err = pypi.ParseName(e.Name()); err != nil {
				continue
			}
		}
		if _, ok := l.packages[name]; !ok {
			l.packages[name] = repositoryFolder{place, dir}
		}
	}
}
