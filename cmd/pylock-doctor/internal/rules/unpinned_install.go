package rules

import (
	"fmt"
	"slices"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi"
)

var unpinnedInstall = Rule{
	Rule: lockfile.Rule{ID: "unpinned-install", Severity: lockfile.Stale,
		Title: "an image installs ranges",
		Help:  "Add the package to what the service asks for and compile its lock; install folders of the repository with --no-deps."},
	Reason: `What no lock pins is resolved when the image is built, and may replace pinned packages by other versions. A folder of the repository brings the ranges of its pyproject.toml, unless --no-deps says that the lock has them.`,
	Cost:   "a resolution in each build, and packages that the lock does not know",
	Before: `RUN pip install --no-cache-dir -r requirements.lock
RUN pip install --no-cache-dir gunicorn ./shared`,
	After: `RUN pip install --no-cache-dir -r requirements.lock
RUN pip install --no-cache-dir --no-deps ./shared`,
	Lang:  "dockerfile",
	Mends: "adds --no-deps where one folder is installed beside a lock that has all that it asks for",
	find:  findUnpinnedInstall,
}

func findUnpinnedInstall(e *examiner) {
	if len(e.tree.Locks) == 0 {
		return // a repository without locks has no fault to find here
	}
	for _, i := range e.shipped() {
		for _, s := range e.sites(i) {
			if isDeveloping(s.stage.Name) || s.Unclear {
				continue
			}
			for _, o := range s.opens(e.tree) {
				if len(s.Constraints) > 0 {
					continue
				}
				beside := e.lockBeside(i)
				if beside != "" && e.elsewhere(&s, i) {
					continue
				}
				what := o.what
				switch {
				case o.path:
					what = fmt.Sprintf("%s with the ranges of %s (%s)", o.word.Text, o.file, o.what)
				case o.file != "":
					what = fmt.Sprintf("%s of %s", o.what, o.file)
				}
				e.add(s.Place, howUnpinned(o), "installs "+what+beside, s.noDeps(e, i, o)...)
				break
			}
		}
	}
}

func howUnpinned(o open) string {
	if o.path {
		return "add --no-deps: what the folder asks for is to be in the lock"
	}
	return ""
}

// lockBeside ends a sentence with the lock that the image installs; "" for none.
func (e *examiner) lockBeside(i *tree.Image) string {
	for _, s := range e.sites(i) {
		if locks := e.locks(&s); len(locks) > 0 {
			return " beside " + locks[0].Path
		}
	}
	return ""
}

// elsewhere reports whether the install goes where the lock does not: another
// prefix, or a virtual environment of its own.
func (e *examiner) elsewhere(s *site, i *tree.Image) bool {
	where := func(s *site) [3]string {
		return [3]string{s.Prefix.Text, s.Target.Text, s.Command.Words[0].Text}
	}
	for _, other := range e.sites(i) {
		if len(e.locks(&other)) > 0 && where(&other)[0] == where(s)[0] && where(&other)[1] == where(s)[1] {
			return false
		}
	}
	return true
}

// noDeps adds --no-deps to an install of one folder alone, where the locks that
// the image installs have all that it asks for.
func (s *site) noDeps(e *examiner, i *tree.Image, o open) []fix.Edit {
	if len(s.Specs)+len(s.Files) > 0 || len(s.Paths) != 1 || s.Paths[0].Extras || s.At.Column == 0 {
		return nil
	}
	pinned := func(n pypi.Name) bool {
		return e.tree.IsLocal(n) || slices.ContainsFunc(e.sites(i), func(other site) bool {
			return slices.ContainsFunc(e.locks(&other), func(l *tree.Lock) bool { return l.Pinned[n] != nil })
		})
	}
	if slices.ContainsFunc(o.names, func(n pypi.Name) bool { return !pinned(n) }) {
		return nil
	}
	return []fix.Edit{{File: s.Place.File, Line: s.At.Line, Column: s.At.Column + len(s.At.Text), Insert: " --no-deps"}}
}
