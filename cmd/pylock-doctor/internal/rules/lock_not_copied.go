package rules

import (
	"fmt"
	"path"
	"slices"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi"
)

var lockNotCopied = Rule{
	Rule: lockfile.Rule{ID: "lock-not-copied", Severity: lockfile.Stale,
		Title: "an image installs what its service asks for, and has no lock",
		Help:  "Copy the lock and install it: COPY requirements.lock . and pip install -r requirements.lock."},
	Reason: `Without the lock pip resolves the ranges anew in every build that does not come from the cache. Two builds of one commit
then have different packages, nobody has tested the second one, and a release on the index can break a build that changed nothing.`,
	Cost: "a resolution in every clean build, and other versions than those that were tested",
	Before: `COPY services/api/pyproject.toml .
RUN pip install --no-cache-dir .`,
	After: `COPY services/api/requirements.lock .
RUN pip install --no-cache-dir -r requirements.lock
COPY services/api/pyproject.toml .
COPY services/api/src src
RUN pip install --no-cache-dir --no-deps .`,
	Lang: "dockerfile",
	find: func(e *examiner) { e.unlocked(func(u unlocked) { e.reportNotCopied(u) }) },
}

var lockNotInstalled = Rule{
	Rule: lockfile.Rule{ID: "lock-not-installed", Severity: lockfile.Stale,
		Title: "an image has the lock and installs something else",
		Help:  "Install the lock: pip install -r requirements.lock."},
	Reason: `The lock lies in the image and nothing reads it: what is installed are the ranges of another file, resolved anew.
Whoever reads the Dockerfile believes the versions to be those of the lock.`,
	Cost: "a resolution in every clean build, and other versions than those of the lock",
	Before: `COPY services/api/requirements.lock services/api/requirements.in ./
RUN pip install --no-cache-dir -r requirements.in`,
	After: `COPY services/api/requirements.lock .
RUN pip install --no-cache-dir -r requirements.lock`,
	Lang:  "dockerfile",
	Mends: "installs the lock in the place of the other requirements file, where both are in one folder of the image",
	find:  func(e *examiner) { e.unlocked(func(u unlocked) { e.reportNotInstalled(u) }) },
}

// unlocked is an install of what a service asks for in an image that installs no
// lock of it.
type unlocked struct {
	site
	open   open
	lock   string // its path; "" where the service has none
	dir    string // of the service
	copied bool
}

// unlocked calls yield for each.
func (e *examiner) unlocked(yield func(unlocked)) {
	for _, i := range e.shipped() {
		if e.unclear(i) {
			continue
		}
		told := map[string]bool{}
		for _, s := range e.sites(i) {
			if isDeveloping(s.stage.Name) {
				continue
			}
			for _, o := range s.opens(e.tree) {
				u, ok := e.serviceOf(i, &s, o)
				if !ok || told[u.dir] {
					continue
				}
				told[u.dir] = true
				yield(u)
			}
		}
		e.otherTools(i, yield)
	}
}

// serviceOf is the service whose requirements an open install is about; ok is
// false where that is no service, or has its lock installed.
func (e *examiner) serviceOf(i *tree.Image, s *site, o open) (u unlocked, ok bool) {
	u = unlocked{site: *s, open: o}
	if e.pinned(s) {
		return u, false
	}
	if locks := e.locksOf(i, o); len(locks) > 0 {
		u.lock, u.dir = locks[0].Path, locks[0].Dir
		u.copied = slices.ContainsFunc(locks, func(l *tree.Lock) bool { return brings(i.Final, l.Path) })
		return u, !e.installed(i, locks)
	}
	// Where others have locks, a service without one is a fault, too. What has a
	// lock of another kind is another tool's.
	p := e.projectOf(i, o)
	if p == nil || len(e.tree.Locks) == 0 || len(e.tree.LocksIn(p.Dir)) > 0 || e.isLibraryProject(p) || e.lockBeside(i) != "" {
		return u, false
	}
	for _, name := range toolLocks {
		if e.tree.Has(path.Join(p.Dir, name)) || e.tree.Has(name) {
			return u, false
		}
	}
	u.dir = p.Dir
	return u, true
}

// projectOf is the project that asks for what an open install installs.
func (e *examiner) projectOf(i *tree.Image, o open) *tree.Project {
	if o.dir != "" {
		return e.tree.ProjectIn(o.dir)
	}
	for _, dir := range folders(i) {
		p := e.tree.ProjectIn(dir)
		if p != nil && slices.ContainsFunc(p.Dependencies, func(d tree.Requirement) bool { return slices.Contains(o.names, d.Name) }) {
			return p
		}
	}
	return nil
}

// isLibraryProject reports whether another project of the repository asks for it.
func (e *examiner) isLibraryProject(p *tree.Project) bool {
	return slices.Contains(e.tree.Libraries, p) || slices.ContainsFunc(e.tree.Projects, func(o *tree.Project) bool {
		return o != p && p.Name != "" && slices.ContainsFunc(o.Dependencies, func(d tree.Requirement) bool { return d.Name == p.Name })
	})
}

// locksOf are the locks that have what an open install is about.
func (e *examiner) locksOf(i *tree.Image, o open) []*tree.Lock {
	has := func(l *tree.Lock) bool {
		return slices.ContainsFunc(o.names, func(n pypi.Name) bool { return l.Pinned[n] != nil })
	}
	if o.dir != "" {
		return slices.DeleteFunc(e.tree.LocksIn(o.dir), func(l *tree.Lock) bool { return !has(l) || l.Path == o.file })
	}
	for _, dir := range folders(i) {
		if locks := e.tree.LocksIn(dir); len(locks) > 0 && has(locks[0]) {
			return locks
		}
	}
	return nil
}

// toolLocks are the locks of tools that install projects.
var toolLocks = map[tree.Tool]string{tree.Uv: "uv.lock", tree.Poetry: "poetry.lock", tree.PDM: "pdm.lock", tree.Pipenv: "Pipfile.lock"}

// otherTools looks for uv sync, poetry install and the like without their locks.
func (e *examiner) otherTools(i *tree.Image, yield func(unlocked)) {
	for _, s := range e.sites(i) {
		name := toolLocks[s.Tool]
		if name == "" || s.Unclear || s.Dir == "" {
			continue
		}
		about := "pyproject.toml"
		if s.Tool == tree.Pipenv {
			about = "Pipfile"
		}
		repo, _, a := s.step.Lookup(path.Join(s.Dir, about))
		_, _, there := s.step.Lookup(path.Join(s.Dir, name))
		if a != tree.Found || there != tree.Absent {
			continue
		}
		lock := path.Join(path.Dir(repo), name)
		if e.tree.Has(lock) && !e.namedIgnored(i, lock) {
			yield(unlocked{site: s, lock: lock, dir: path.Dir(lock), open: open{what: "what " + repo + " asks for"}})
		}
	}
}

// namedIgnored reports whether a COPY of an image names a file that is left out
// of its context.
func (e *examiner) namedIgnored(i *tree.Image, file string) bool {
	for _, s := range i.Final.Needs() {
		for _, st := range s.Steps {
			if st.Copy != nil && slices.ContainsFunc(st.Copy.Ignored, func(g tree.Ignored) bool { return g.Path == file }) {
				return true
			}
		}
	}
	return false
}

func (e *examiner) reportNotCopied(u unlocked) {
	if u.copied || u.lock != "" && e.namedIgnored(u.image, u.lock) {
		return
	}
	what := u.open.what
	if u.open.file != "" {
		what = fmt.Sprintf("%s of %s", what, u.open.file)
	}
	if u.lock == "" {
		e.add(u.Place, fmt.Sprintf("pylock compile %s, then copy its requirements.lock and install it", u.dir),
			fmt.Sprintf("installs %s, and %s has no lock", what, u.dir))
		return
	}
	e.add(u.Place, "copy "+u.lock+" and install it", fmt.Sprintf("installs %s, and does not copy %s", what, u.lock))
}

func (e *examiner) reportNotInstalled(u unlocked) {
	if !u.copied {
		return
	}
	what := u.open.what
	if u.open.file != "" {
		what = fmt.Sprintf("%s of %s", what, u.open.file)
	}
	e.add(u.Place, "", fmt.Sprintf("installs %s, and never %s, which it copies", what, u.lock), u.installLock()...)
}
