package rules

import (
	"fmt"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var unpinnedInstall = Rule{
	Rule: lockfile.Rule{ID: "unpinned-install", Severity: lockfile.Stale,
		Title: "an image installs ranges beside its lock",
		Help:  "Add the package to what the service asks for and compile its lock; install folders of the repository with --no-deps."},
	Reason: `What is installed beside the lock is resolved by pip when the image is built, and may replace pinned packages by other
versions. A folder of the repository brings the ranges of its pyproject.toml, unless --no-deps says that the lock has them.`,
	Cost: "a resolution in each build, and packages that the lock does not know",
	Before: `RUN pip install --no-cache-dir -r requirements.lock
RUN pip install --no-cache-dir gunicorn ./shared`,
	After: `RUN pip install --no-cache-dir -r requirements.lock
RUN pip install --no-cache-dir --no-deps ./shared`,
	Lang:  "dockerfile",
	Mends: "adds --no-deps where folders alone are installed",
	find:  findUnpinnedInstall,
}

func findUnpinnedInstall(e *examiner) {
	for _, i := range e.shipped() {
		for _, s := range sites(i) {
			if isDeveloping(s.stage.Name) || s.Unclear {
				continue
			}
			for _, o := range s.opens(e.tree) {
				if len(s.Constraints) > 0 {
					continue
				}
				lock := e.lockBeside(i, &s, o)
				if lock == nil || e.elsewhere(&s, i) {
					continue
				}
				what := o.what
				switch {
				case o.path:
					what = fmt.Sprintf("%s with the ranges of %s (%s)", o.word.Text, o.file, o.what)
				case o.file != "":
					what = fmt.Sprintf("%s of %s", o.what, o.file)
				}
				e.add(s.Place, howUnpinned(o), fmt.Sprintf("installs %s beside %s", what, lock.Path), s.noDeps(e)...)
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

// lockBeside is the lock that the image installs besides an open install; nil
// for none, or where the file of the install has none of its own.
func (e *examiner) lockBeside(i *tree.Image, s *site, o open) *tree.Lock {
	var all []*tree.Lock
	for _, other := range sites(i) {
		all = append(all, other.locks(e.tree)...)
	}
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// elsewhere reports whether the install goes where the lock does not: another
// prefix, or a virtual environment of its own.
func (e *examiner) elsewhere(s *site, i *tree.Image) bool {
	where := func(s *site) [3]string {
		return [3]string{s.Prefix.Text, s.Target.Text, s.Command.Words[0].Text}
	}
	for _, other := range sites(i) {
		if len(other.locks(e.tree)) > 0 && where(&other)[0] == where(s)[0] && where(&other)[1] == where(s)[1] {
			return false
		}
	}
	return true
}

// noDeps adds --no-deps to an install of folders alone.
func (s *site) noDeps(e *examiner) []fix.Edit {
	if len(s.Specs)+len(s.Files) > 0 || s.At.Column == 0 {
		return nil
	}
	return []fix.Edit{{File: s.Place.File, Line: s.At.Line, Column: s.At.Column + len(s.At.Text), Insert: " --no-deps"}}
}
