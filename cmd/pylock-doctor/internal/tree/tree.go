// Package tree reads what a repository says of its images: Dockerfiles, compose
// files, workflows, Makefiles, .dockerignore files, projects and locks. Nothing
// is run and nothing is fetched.
//
// An [Image] is a Dockerfile together with what builds it: a context, build
// arguments and a target, as a compose file, a Makefile or a workflow names
// them. Its stages are followed instruction by instruction, so that a path in a
// container leads back to the file of the repository that a COPY brought there.
// What cannot be followed (a variable without a value, a file that a command
// writes, an image of somebody else's) is unknown, and stays so: no answer is
// guessed.
//
// Every file is read through [os.Root], so that no symbolic link leads out of
// the repository. What is too large or cannot be parsed is left out with a
// [Note].
package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/pylock-dev/pylock/project"
)

const (
	maxFiles     = 200_000  // of the repository
	maxDepth     = 24       // of its folders
	maxTextBytes = 1 << 20  // of a Dockerfile, a compose file, a workflow, a Makefile
	maxDataBytes = 32 << 20 // of a lock
	maxParsed    = 2_000    // files of one kind
)

// Tree is a repository. Its paths are slash paths relative to the root.
type Tree struct {
	Root  string   // absolute
	Files []string // sorted, without those of folders that no person edits

	Images    []*Image
	Compose   []*ComposeFile
	Workflows []*Workflow
	Makefiles []*Makefile
	Locks     []*Lock
	Projects  []*Project
	// Libraries are the folders of packages that services install by path.
	Libraries []*Project

	// Notes are what was left out, and why.
	Notes []Note

	root         *os.Root
	options      Options
	folders      map[string]bool
	dockerfiles  map[string]*Dockerfile // nil for one that cannot be read
	texts        map[string]*Text
	requirements map[string]*Requirements
}

// Note says what was left out.
type Note struct {
	Place   project.Place
	Message string
}

// Options say how a repository is read.
type Options struct {
	// Exclude are patterns of folders and files that are left out, with * and **.
	Exclude []string
	// Overlay are texts that take the place of those of files.
	Overlay map[string]string
}

// Read reads the repository in an absolute folder. What only some rules look at
// is read when they do, until the tree is closed.
func Read(root string, o Options) (*Tree, error) {
	if !filepath.IsAbs(root) {
		return nil, fmt.Errorf("%s is no absolute folder", root) // compose's paths are
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, cause(err))
	}
	t := &Tree{
		Root: root, root: r, options: o, folders: map[string]bool{".": true},
		dockerfiles: map[string]*Dockerfile{}, texts: map[string]*Text{}, requirements: map[string]*Requirements{},
	}
	if err := t.walk(".", 0); err != nil {
		r.Close()
		return nil, err
	}
	slices.Sort(t.Files)
	t.readLocks()
	t.readProjects()
	t.readMakefiles()
	t.readWorkflows()
	t.readCompose()
	t.readImages()
	slices.SortStableFunc(t.Notes, func(a, b Note) int { return strings.Compare(a.Place.String(), b.Place.String()) })
	t.Notes = slices.CompactFunc(t.Notes, func(a, b Note) bool { return a == b })
	return t, nil
}

// unlooked are folders that hold what tools made or fetched.
var unlooked = []string{"node_modules", "__pycache__", "venv", "site-packages", "vendor", "dist", "build", "target", "third_party"}

// hidden are folders with a leading dot that are looked into.
var hidden = []string{".github", ".devcontainer", ".docker", ".ci", ".gitlab", ".circleci"}

func (t *Tree) walk(dir string, depth int) error {
	f, err := t.root.Open(dir)
	if err != nil {
		t.note(dir, "left out: %s", cause(err))
		return nil
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		t.note(dir, "left out: %s", cause(err))
		return nil
	}
	if depth > maxDepth {
		t.note(dir, "left out: more than %d folders deep", maxDepth)
		return nil
	}
	if dir != "." && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" }) {
		return nil // another repository
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if t.excluded(name) {
			continue
		}
		switch {
		case e.IsDir():
			if strings.HasPrefix(e.Name(), ".") && !slices.Contains(hidden, e.Name()) || slices.Contains(unlooked, e.Name()) || t.isEnvironment(name) {
				continue
			}
			t.folders[name] = true
			if err := t.walk(name, depth+1); err != nil {
				return err
			}
		case e.Type().IsRegular(), e.Type()&fs.ModeSymlink != 0:
			if len(t.Files) >= maxFiles {
				return &project.InputError{Place: project.Place{File: name}, Msg: fmt.Sprintf("the repository has more than %d files: name a folder of it", maxFiles)}
			}
			if e.Type()&fs.ModeSymlink != 0 {
				st, err := t.root.Stat(name)
				if err != nil || !st.Mode().IsRegular() {
					continue // it leads out of the repository, nowhere, or to a folder that is walked itself
				}
			}
			t.Files = append(t.Files, name)
		}
	}
	return nil
}

// Close lets go of the repository.
func (t *Tree) Close() { t.root.Close() }

// excluded reports whether the settings leave a folder or a file out.
func (t *Tree) excluded(name string) bool {
	for _, p := range t.options.Exclude {
		p = strings.Trim(path.Clean(filepath.ToSlash(p)), "/")
		if ok, err := patternmatcher.Matches(name, []string{p}); err == nil && ok {
			return true
		}
	}
	return false
}

// isEnvironment reports whether a folder is a virtual environment.
func (t *Tree) isEnvironment(dir string) bool {
	_, err := t.root.Lstat(path.Join(dir, "pyvenv.cfg"))
	return err == nil
}

// Has reports whether there is a file of that path.
func (t *Tree) Has(file string) bool {
	_, ok := slices.BinarySearch(t.Files, file)
	return ok
}

// HasFolder reports whether there is a folder of that path.
func (t *Tree) HasFolder(dir string) bool { return t.folders[dir] }

// Below are the files in a folder and the folders in it.
func (t *Tree) Below(dir string) []string {
	if dir == "." {
		return t.Files
	}
	prefix := dir + "/"
	i, _ := slices.BinarySearch(t.Files, prefix)
	j := i
	for j < len(t.Files) && strings.HasPrefix(t.Files[j], prefix) {
		j++
	}
	return t.Files[i:j]
}

// Text is a file as lines.
type Text struct {
	Path  string
	Raw   string   // byte for byte
	Data  string   // without a byte order mark
	Lines []string // without their ends
}

// Text reads a text file; nil for what is none, with a note.
func (t *Tree) Text(file string) *Text {
	if x, ok := t.texts[file]; ok {
		return x
	}
	t.texts[file] = nil
	data, err := t.read(file, maxTextBytes)
	switch {
	case err != nil:
		t.note(file, "left out: %s", cause(err))
		return nil
	case slices.Contains(data, 0):
		t.note(file, "left out: it is no text")
		return nil
	}
	s := strings.TrimPrefix(string(data), "\uFEFF")
	x := &Text{Path: file, Raw: string(data), Data: s, Lines: strings.Split(s, "\n")}
	for i, line := range x.Lines {
		x.Lines[i] = strings.TrimSuffix(line, "\r")
	}
	t.texts[file] = x
	return x
}

// read reads a file of the repository of at most limit bytes.
func (t *Tree) read(file string, limit int64) ([]byte, error) {
	if text, ok := t.options.Overlay[file]; ok {
		return []byte(text), nil
	}
	f, err := t.root.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return data, err
}

func (t *Tree) note(file, format string, args ...any) {
	t.Notes = append(t.Notes, Note{project.Place{File: file}, fmt.Sprintf(format, args...)})
}

// noteAt notes an error, of its first line.
func (t *Tree) noteAt(place project.Place, err error) {
	line, _, _ := strings.Cut(err.Error(), "\n")
	t.Notes = append(t.Notes, Note{place, "left out: " + line})
}

// cause unwraps the error of a system call, whose path is told already.
func cause(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// join is path.Join for a path from the root; ok is false for what leads out of
// it.
func join(parts ...string) (string, bool) {
	p := path.Join(parts...)
	if p == ".." || strings.HasPrefix(p, "../") || path.IsAbs(p) {
		return "", false
	}
	return p, true
}

// base is the last part of a file's path.
func base(file string) string { return path.Base(filepath.ToSlash(file)) }
