// Package lockfile turns a resolution into the text of a requirements.lock or
// of a pylock.toml, reads such texts back, compares them, turns one into the
// other and writes them to disk.
//
// A requirements.lock is a requirements file as pip reads it, restricted so that nothing in
// it can surprise pip:
//
//	lock       = header options { pin } { blank trailer }
//	header     = { "# " text }                      ; from the first line on
//	options    = [ { "--index-url " url | … } blank ]
//	pin        = requirement
//	             { " \" newline "    --hash=" algorithm ":" hex } annotation
//	requirement = name [ "[" extras "]" ] ( "==" version | " @ " url ) [ " ; " marker ]
//	annotation = "    # via " label
//	           | "    # via" { newline "    #   " label }
//	           | "    # from " url
//	trailer    = { "# " text }
//
// In the line style the annotation is "# via " and all labels, separated by
// ", ", behind the pin or, after hashes, on a line of its own.
//
// [Render] refuses text that pip would read as something else: line breaks of
// any kind that Python knows, comments, options, continuations, variables, a
// coding declaration. [Parse] also reads what uv and pip-tools write; it
// refuses what is not a lock: ranges, includes, options of unknown meaning.
//
// [RenderTOML] and [ParseTOML] do the same for PEP 751.
//
// The format is pip's: https://pip.pypa.io/en/stable/reference/requirements-file-format/
package lockfile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Lock is the content of a lock file.
type Lock struct {
	// Header are the comment lines at the top, without "# ".
	Header []string
	// Options are global options, one a string, such as
	// "--extra-index-url https://example.org/simple/".
	Options []string
	// OptionPlaces say where the options were read, one each; empty in a lock
	// that was not read.
	OptionPlaces []project.Place
	Pins         []Pin
	// Direct are the entries of packages that are taken from one place instead of
	// an index: URLs, git repositories, files and folders. Folders are read; a
	// pylock.toml alone can be written with them.
	Direct []Direct
	// Scope says where the lock can be installed, as a pylock.toml does.
	Scope
	// Trailer are the comment lines after the pins, without "# "; "" stands
	// for a blank line.
	Trailer []string
	// Warnings are what a reader of the file should be told.
	Warnings []string
}

// Pin is one package at one version.
type Pin struct {
	Name     pypi.Name
	NameText string       // as read; "" in a lock that was not read
	Extras   []pypi.Extra // sorted
	Version  pep440.Version
	// Marker is the condition under which the pin applies; "" for always.
	Marker string
	// Hashes are "sha256:…", sorted.
	Hashes []string
	// Files and RequiresPython are of a pylock.toml: where the hashes belong
	// to, by name, and the Pythons that the files are for, or "".
	Files          []Distribution
	RequiresPython string
	// Via are the labels of what asked for the package: names of packages, and
	// origins such as "-r requirements.in". [Render] sorts them.
	Via []string
	// From is the index that the pin comes from, without credentials, where
	// the lock says so: in an annotation, or in a pylock.toml.
	From string
	// Place is where it was read.
	Place project.Place
}

// Direct is an entry that names a place instead of a version.
type Direct struct {
	Name   pypi.Name // "" when the entry does not name it
	Text   string    // as in a requirements file: "-e ./shared", "x @ https://…"
	Marker string    // also part of Text where that names a URL
	// Directory is set for a folder in a pylock.toml.
	Directory *Directory
	// URL is what a line "NAME @ URL" names: "https://…", "git+https://…@COMMIT",
	// "file:path", and "#subdirectory=…" where the package is below; without
	// hashes and credentials. "" for what is no such line.
	URL string
	// Version and Size are for a pylock.toml; zero where they are not known.
	Version pep440.Version
	Size    int64
	Hashes  []string // of an archive
	Via     []string
	// From is what the project asks for, where URL does not tell it: the branch
	// or tag of a commit.
	From  string
	Place project.Place
}

// line is the entry as a line of a requirements file, without hashes.
func (d *Direct) line() string {
	if d.URL == "" {
		return d.Text
	}
	s := string(d.Name) + " @ " + d.URL
	if d.Marker != "" {
		s += " ; " + d.Marker
	}
	return s
}

// isGit reports whether the entry is a commit of a git repository.
func (d *Direct) isGit() bool { return strings.HasPrefix(d.URL, "git+") }

// Directory is a package of the repository, installed from its folder.
type Directory struct {
	Path     string // with slashes, relative to the folder of the lock
	Editable bool
	// Subdirectory is the place of the package within Path, "" for Path.
	Subdirectory string
}

// text is the directory as a line of a requirements file.
func (d *Directory) text() string {
	s := d.Path
	if d.Subdirectory != "" {
		s += "/" + d.Subdirectory
	}
	if !strings.HasPrefix(s, "/") && !strings.HasPrefix(s, ".") {
		s = "./" + s
	}
	if d.Editable {
		s = "-e " + s
	}
	return s
}

const (
	headerFirst  = "This file was autogenerated by pylock via the following command:"
	headerIndent = "   "
	headerTarget = "Target: "
)

// Header returns the header lines of a lock: the command that makes it, its
// target, and notes for who installs it.
func Header(command, target string, notes ...string) []string {
	h := []string{headerFirst, headerIndent + command}
	if target != "" {
		h = append(h, headerTarget+target)
	}
	return append(h, notes...)
}

// Command returns the command that the header names, as pylock, uv and
// pip-tools write it; "" when there is none.
func (l *Lock) Command() string {
	c, _ := l.command()
	return c
}

// command returns also the line of the header that has the command, from 1; 0
// for none.
func (l *Lock) command() (text string, number int) {
	for i, line := range l.Header {
		if !strings.HasSuffix(line, "the following command:") {
			continue
		}
		for j, next := range l.Header[i+1:] {
			if c, ok := strings.CutPrefix(next, headerIndent); ok {
				return strings.TrimSpace(c), i + j + 2
			}
			if next != "" {
				break
			}
		}
	}
	return "", 0
}

// Target returns what the header says that the lock is for, such as
// "CPython 3.12 on linux (x86_64)"; "" when it says nothing.
func (l *Lock) Target() string {
	t, _ := l.target()
	return t
}

func (l *Lock) target() (text string, number int) {
	for i, line := range l.Header {
		if t, ok := strings.CutPrefix(line, headerTarget); ok {
			return t, i + 1
		}
	}
	return "", 0
}

// comparePins orders pins: by name, version, marker and extras.
func comparePins(a, b Pin) int {
	return cmp.Or(
		cmp.Compare(a.Name, b.Name),
		a.Version.Compare(b.Version),
		cmp.Compare(a.Marker, b.Marker),
		slices.Compare(a.Extras, b.Extras),
	)
}

// labelRank puts origins before packages, in uv's order: constraints,
// overrides, requirements files, projects.
func labelRank(label string) int {
	switch {
	case strings.HasPrefix(label, "-c "):
		return 0
	case strings.HasPrefix(label, "--override "):
		return 1
	case strings.HasPrefix(label, "-r "):
		return 2
	case strings.ContainsAny(label, " ("):
		return 3
	}
	return 4
}

const (
	constraintRank = 1 // and that of an override
	packageRank    = 4
)

// sortLabels returns labels in the order of the split style, each once.
func sortLabels(labels []string) []string {
	s := slices.Clone(labels)
	slices.SortFunc(s, func(a, b string) int {
		return cmp.Or(cmp.Compare(labelRank(a), labelRank(b)), cmp.Compare(a, b))
	})
	return slices.Compact(s)
}

// packagesFirst returns sorted labels in the order of the line style.
func packagesFirst(sorted []string) []string {
	i := slices.IndexFunc(sorted, func(l string) bool { return labelRank(l) == packageRank })
	if i < 0 {
		return sorted
	}
	return slices.Concat(sorted[i:], sorted[:i])
}
