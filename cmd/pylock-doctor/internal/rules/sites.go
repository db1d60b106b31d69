package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/pypi"
)

// site is an install in an image.
type site struct {
	*tree.Install
	image *tree.Image
	stage *tree.Stage
	step  *tree.Step
}

// developing are words in the names of Dockerfiles and stages that are no
// product: what they install, nobody ships.
var developing = []string{"dev", "devel", "development", "devcontainer", "test", "tests", "testing", "lint", "ci", "debug", "docs", "e2e", "bench", "local", "tools", "tooling"}

// isDeveloping reports whether a name has such a word.
func isDeveloping(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_./ ", r) })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(developing, w) })
}

// shipped are the images that are a product.
func (e *examiner) shipped() []*tree.Image {
	var out []*tree.Image
	for _, i := range e.tree.Images {
		if i.Final == nil || strings.HasPrefix(i.Dockerfile.Path, ".devcontainer/") || strings.Contains(i.Dockerfile.Path, "/.devcontainer/") {
			continue
		}
		if isDeveloping(path.Base(i.Dockerfile.Path)) || isDeveloping(i.Target) {
			continue
		}
		out = append(out, i)
	}
	return out
}

// sites are the installs that an image is made with, of its own Dockerfile and
// of those that it builds on.
func (e *examiner) sites(i *tree.Image) []site {
	if out, ok := e.sitesOf[i]; ok {
		return out
	}
	var out []site
	for _, s := range i.Final.Needs() {
		for _, st := range s.Steps {
			if st.Run == nil {
				continue
			}
			for _, in := range st.Run.Installs {
				out = append(out, site{in, i, s, st})
			}
		}
	}
	e.sitesOf[i] = out
	return out
}

// all are the installs of all shipped images.
func (e *examiner) all() []site {
	var out []site
	for _, i := range e.shipped() {
		out = append(out, e.sites(i)...)
	}
	return out
}

// isPip reports whether pip, or uv in its place, installs.
func (s *site) isPip() bool { return s.Tool == tree.Pip || s.Tool == tree.UvPip }

// locks are the locks of the repository that the install takes its pins from,
// as files or as constraints.
func (e *examiner) locks(s *site) []*tree.Lock {
	if out, ok := e.locksOfInstall[s.Install]; ok {
		return out
	}
	var out []*tree.Lock
	for _, a := range slices.Concat(s.Files, s.Constraints) {
		repo, _, found := s.step.Lookup(a.Path)
		if found != tree.Found {
			continue
		}
		if l := e.tree.LockAt(repo); l != nil {
			out = append(out, l)
		}
	}
	e.locksOfInstall[s.Install] = out
	return out
}

// pinned reports whether a file of an install, or a constraint, is not known to
// be open: it may pin all there is.
func (e *examiner) pinned(s *site) bool { return len(e.locks(s)) > 0 || len(s.Constraints) > 0 }

// open is what an install takes by range.
type open struct {
	word  tree.Word
	dir   string // the folder of the repository that says it, "" for the command line
	file  string // the requirements file, or the pyproject.toml
	what  string // "fastapi>=0.110"
	names []pypi.Name
	path  bool // a folder is installed
}

// installers are packages that install or build others: which version of them is
// at work is no matter of a lock.
var installers = strings.Fields(`pip setuptools wheel uv build poetry poetry-core pdm pipenv hatch hatchling flit flit-core
 virtualenv pip-tools twine tox nox maturin setuptools-scm setuptools-rust scikit-build-core meson-python cython ninja cmake
 poetry-plugin-export poetry-dynamic-versioning crcmod pylock certifi keyring keyrings-google-artifactregistry-auth artifacts-keyring`)

// opens are what an install takes by range.
func (s *site) opens(t *tree.Tree) []open {
	if !s.isPip() || s.NoIndex || s.NoDeps || s.Verb == "download" {
		return nil
	}
	var out []open
	for _, a := range s.Files {
		repo, _, found := s.step.Lookup(a.Path)
		if found != tree.Found || !t.Has(repo) || t.LockAt(repo) != nil {
			continue
		}
		r := t.Requirements(repo)
		if r.Open == nil || r.Unclear {
			continue
		}
		o := open{word: a.Word, dir: path.Dir(repo), file: repo, what: r.Open.String()}
		for n := range r.Names {
			o.names = append(o.names, n)
		}
		slices.Sort(o.names)
		out = append(out, o)
	}
	for _, p := range s.Paths {
		repo, found := s.step.Project(p.Argument.Path)
		if found != tree.Found {
			continue
		}
		pr := t.ProjectIn(repo)
		if pr == nil {
			continue
		}
		if d := t.Open(pr); d != nil {
			o := open{word: p.Word, dir: repo, file: d.Place.File, what: d.Requirement.String(), path: true}
			for _, d := range pr.Dependencies {
				o.names = append(o.names, d.Name)
			}
			out = append(out, o)
		}
	}
	for _, sp := range s.Specs {
		if sp.Pinned || slices.Contains(installers, string(sp.Name)) {
			continue
		}
		out = append(out, open{word: sp.Word, what: sp.Text, names: []pypi.Name{sp.Name}})
	}
	return out
}

// folders are those of the repository that an image is about: that of its
// Dockerfile, unless it is the root's, and those that it copies from by name.
func folders(i *tree.Image) []string {
	var out []string
	if dir := path.Dir(i.Dockerfile.Path); dir != "." || i.Context == "." {
		out = append(out, dir)
	}
	for _, s := range i.Final.Needs() {
		if s.Image != i {
			continue
		}
		for _, st := range s.Steps {
			if st.Copy == nil || st.Copy.From != nil {
				continue
			}
			for _, src := range st.Copy.Sources {
				for dir := src; ; dir = path.Dir(dir) {
					if !slices.Contains(out, dir) {
						out = append(out, dir)
					}
					if dir == "." || path.Dir(dir) == "." {
						break
					}
				}
			}
		}
	}
	return out
}

// brings reports whether a file of the repository is in a stage when it is done,
// or shown to one of its steps.
func brings(s *tree.Stage, repo string) bool {
	for _, st := range s.Needs() {
		if st.Brings(repo) {
			return true
		}
	}
	return false
}

// installed reports whether some install of the image takes its pins from one of
// the locks.
func (e *examiner) installed(i *tree.Image, locks []*tree.Lock) bool {
	for _, s := range e.sites(i) {
		for _, l := range e.locks(&s) {
			if slices.Contains(locks, l) {
				return true
			}
		}
	}
	return false
}

// unclear reports whether an image has an install, or a step, that nobody can
// tell all of: what is not seen may be the lock.
func (e *examiner) unclear(i *tree.Image) bool {
	for _, s := range i.Final.Needs() {
		for _, st := range s.Steps {
			if st.Run == nil {
				continue
			}
			if !st.Run.Known {
				return true
			}
			for _, in := range st.Run.Installs {
				if in.Unclear && in.Tool != tree.Conda {
					return true
				}
				for _, a := range in.Files {
					if _, _, found := st.Lookup(a.Path); found == tree.Unknown {
						return true
					}
				}
			}
		}
	}
	return false
}
