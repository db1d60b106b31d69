package rules

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

var sharedInstalledTwice = Rule{
	Rule: lockfile.Rule{ID: "shared-installed-twice", Severity: lockfile.Warning,
		Title: "a package of the repository is installed twice, or in different ways",
		Help:  "Install it once in each image, everywhere the same way: pip install --no-deps ./shared behind the lock."},
	Reason: `A package that services share should be the same thing in all of them. Installed once as a copy, once in editable mode, once
with its dependencies, it differs in what it imports, in which versions it brings along, and in which layers a change of it makes anew.`,
	Cost: "images that differ, and layers that are built twice",
	Before: `# services/api/Dockerfile
RUN pip install --no-deps ./shared
# services/worker/Dockerfile
RUN pip install -e ./shared`,
	After: `# both
RUN pip install --no-deps ./shared`,
	Lang: "dockerfile",
	find: findSharedInstalledTwice,
}

// The ways in which a folder gets into an image.
const (
	asCopy     = "with --no-deps"
	asProject  = "with its own dependencies"
	asEditable = "in editable mode"
	asLine     = "by a line of a requirements file"
	asLocked   = "by a line of its lock"
	asFiles    = "as plain files, not installed"
)

// use is one of them in an image.
type use struct {
	dir, way string
	image    *tree.Image
	place    project.Place
}

func findSharedInstalledTwice(e *examiner) {
	uses := e.uses()
	byDir := map[string][]use{}
	var dirs []string
	for _, u := range uses {
		if byDir[u.dir] == nil {
			dirs = append(dirs, u.dir)
		}
		byDir[u.dir] = append(byDir[u.dir], u)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		all := byDir[dir]
		// In the order of the file: what comes second is too much.
		slices.SortStableFunc(all, func(a, b use) int {
			return cmp.Or(cmp.Compare(a.place.File, b.place.File), cmp.Compare(a.place.Line, b.place.Line))
		})
		if e.isLibrary(dir, all) {
			e.ways(slices.DeleteFunc(slices.Clone(all), e.twice(all)))
		}
	}
}

// isLibrary reports whether a folder is a package that several services use.
func (e *examiner) isLibrary(dir string, uses []use) bool {
	if slices.ContainsFunc(e.tree.Libraries, func(p *tree.Project) bool { return p.Dir == dir }) {
		return true
	}
	files := map[string]bool{}
	for _, u := range uses {
		files[u.image.Dockerfile.Path] = true
	}
	return len(files) > 1 && !slices.ContainsFunc(uses, func(u use) bool { return path.Dir(u.image.Dockerfile.Path) == dir })
}

// uses are the ways of all folders with a project into the images.
func (e *examiner) uses() []use {
	var out []use
	add := func(u use) {
		same := func(o use) bool { return o.place == u.place && o.dir == u.dir }
		if !slices.ContainsFunc(out, same) {
			out = append(out, u)
		}
	}
	for _, i := range e.shipped() {
		for _, s := range e.sites(i) {
			if !s.isPip() || s.stage.Image.Dockerfile != i.Dockerfile || isDeveloping(s.stage.Name) || s.Verb != "install" {
				continue
			}
			for _, p := range s.Paths {
				repo, found := s.step.Project(p.Argument.Path)
				pr := e.tree.ProjectIn(repo)
				if found != tree.Found || pr == nil {
					continue
				}
				way := asProject
				switch {
				case p.Editable:
					way = asEditable
				case s.NoDeps || len(pr.Dependencies) == 0 && !pr.Dynamic:
					way = asCopy
				}
				add(use{repo, way, i, s.Place})
			}
			for _, a := range s.Files {
				e.linesOf(&s, a, i, add)
			}
		}
		e.locked(i, add)
		e.plain(i, add)
	}
	return out
}

// linesOf adds the folders that a requirements file names.
func (e *examiner) linesOf(s *site, a tree.Argument, i *tree.Image, add func(use)) {
	repo, _, found := s.step.Lookup(a.Path)
	if found != tree.Found || !e.tree.Has(repo) || e.tree.LockAt(repo) != nil {
		return
	}
	for _, text := range e.tree.Requirements(repo).Paths {
		text, _, _ = strings.Cut(text, "[")
		// pip takes such a path from the folder that it runs in.
		at := path.Join(s.Dir, text)
		if dir, found := s.step.Project(at); found == tree.Found && e.tree.ProjectIn(dir) != nil {
			add(use{dir, asLine, i, s.Place})
		}
	}
}

// locked adds the folders that an installed lock names.
func (e *examiner) locked(i *tree.Image, add func(use)) {
	for _, s := range e.sites(i) {
		for _, l := range e.locks(&s) {
			for _, d := range l.Direct {
				text := strings.TrimSpace(strings.TrimPrefix(d.Text, "-e "))
				if !strings.HasPrefix(text, ".") {
					continue
				}
				if dir, found := s.step.Project(path.Join(s.Dir, text)); found == tree.Found && e.tree.ProjectIn(dir) != nil {
					add(use{dir, asLocked, i, s.Place})
				}
			}
		}
	}
}

// plain adds the libraries that an image copies by name and never installs,
// although its service asks for them.
func (e *examiner) plain(i *tree.Image, add func(use)) {
	all := e.sites(i)
	if len(all) == 0 || e.unclear(i) || slices.ContainsFunc(all, func(s site) bool { return !s.isPip() || s.Verb != "install" }) {
		return
	}
	asks := func(l *tree.Project) bool {
		for _, dir := range folders(i) {
			if p := e.tree.ProjectIn(dir); p != nil && slices.ContainsFunc(p.Dependencies, func(d tree.Requirement) bool { return d.Name == l.Name }) {
				return true
			}
		}
		return false
	}
	for _, l := range e.tree.Libraries {
		if l.Name == "" || !asks(l) {
			continue
		}
		inside := func(p string) bool { return p == l.Dir || strings.HasPrefix(p, l.Dir+"/") }
		isInstalled := slices.ContainsFunc(all, func(s site) bool {
			return slices.ContainsFunc(s.Paths, func(p tree.Path) bool {
				repo, found := s.step.Project(p.Argument.Path)
				return found == tree.Unknown || inside(repo)
			}) || slices.ContainsFunc(s.Files, func(a tree.Argument) bool {
				repo, _, found := s.step.Lookup(a.Path)
				return found != tree.Found || e.tree.Has(repo) && len(e.tree.Requirements(repo).Paths) > 0
			})
		})
		if isInstalled {
			continue
		}
		for _, s := range i.Final.Needs() {
			for _, st := range s.Steps {
				if s.Image == i && st.Copy != nil && st.Copy.From == nil && slices.ContainsFunc(st.Copy.Sources, inside) {
					add(use{l.Dir, asFiles, i, st.Place})
				}
			}
		}
	}
}

// twice reports installs of a folder in an image that has it already, and
// returns which uses are of such images, or not ones to compare.
func (e *examiner) twice(uses []use) func(use) bool {
	out := map[*tree.Image]bool{}
	for n, u := range uses {
		for _, before := range uses[:n] {
			if before.image == u.image && before.way != asFiles && u.way != asFiles {
				e.add(u.place, "", fmt.Sprintf("installs %s a second time: line %d has it already", u.dir, before.place.Line))
				out[u.image] = u.way != before.way
				break
			}
		}
	}
	return func(u use) bool { return out[u.image] || u.way == asLocked }
}

// ways reports images that get a folder in another way than most.
func (e *examiner) ways(uses []use) {
	order := []string{asCopy, asProject, asLine, asEditable, asFiles}
	votes, files := map[string]int{}, map[string]bool{}
	for _, u := range uses {
		if key := u.way + " " + u.image.Dockerfile.Path; !files[key] {
			files[key] = true
			votes[u.way]++
		}
	}
	if len(votes) < 2 {
		return
	}
	usual := slices.MinFunc(order, func(a, b string) int { return cmp.Compare(votes[b], votes[a]) })
	if slices.ContainsFunc(uses, func(u use) bool { return u.way == asCopy }) {
		usual = asCopy // which is what the rule asks for
	}
	other := uses[slices.IndexFunc(uses, func(u use) bool { return u.way == usual })]
	for _, u := range uses {
		if u.way != usual && u.image.Dockerfile != other.image.Dockerfile {
			e.add(u.place, "", fmt.Sprintf("takes %s %s, and %s takes it %s", u.dir, u.way, other.place, usual))
		}
	}
}
