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
		Title: "an image installs ranges although there is a lock, which it does not copy",
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

// unlocked is an install of ranges in an image that installs no lock, although
// there is one.
type unlocked struct {
	site
	open   open
	lock   *tree.Lock
	copied bool
}

// unlocked calls yield for each.
func (e *examiner) unlocked(yield func(unlocked)) {
	for _, i := range e.shipped() {
		if unclear(i) {
			continue
		}
		for _, s := range sites(i) {
			for _, o := range s.opens(e.tree) {
				locks := e.locksOf(i, o)
				if len(locks) == 0 || s.pinned(e.tree) || installed(e.tree, i, locks) {
					continue
				}
				u := unlocked{site: s, open: o, lock: locks[0]}
				u.copied = slices.ContainsFunc(locks, func(l *tree.Lock) bool { return brings(i.Final, l.Path) })
				yield(u)
				break // of an install, once
			}
		}
		e.otherTools(i, yield)
	}
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
	for _, s := range sites(i) {
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
			yield(unlocked{site: s, lock: &tree.Lock{Path: lock}, open: open{what: "what " + repo + " asks for"}})
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
	if u.copied || e.namedIgnored(u.image, u.lock.Path) {
		return
	}
	what := u.open.what
	if u.open.file != "" {
		what = fmt.Sprintf("%s of %s", what, u.open.file)
	}
	e.add(u.Place, fmt.Sprintf("copy %s and install it with -r", u.lock.Path),
		fmt.Sprintf("installs %s, and does not copy %s", what, u.lock.Path))
}

func (e *examiner) reportNotInstalled(u unlocked) {
	if !u.copied {
		return
	}
	what := u.open.what
	if u.open.file != "" {
		what = fmt.Sprintf("%s of %s", what, u.open.file)
	}
	e.add(u.Place, "", fmt.Sprintf("installs %s, and never %s, which it copies", what, u.lock.Path), u.installLock()...)
}
