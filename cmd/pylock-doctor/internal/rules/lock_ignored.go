package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var lockIgnored = Rule{
	Rule: lockfile.Rule{ID: "lock-ignored", Severity: lockfile.Stale,
		Title: "a .dockerignore leaves out a lock that an image copies",
		Help:  "Let the lock into the context: behind the pattern, add !requirements.lock with its path."},
	Reason: `What a .dockerignore leaves out is not sent to the builder. A COPY of the lock by its name then fails, and one of the whole
folder silently comes without it.`,
	Cost: "a build that fails, or one without the lock",
	Before: `# .dockerignore
**/*.lock`,
	After: `# .dockerignore
**/*.lock
!services/*/requirements.lock`,
	Lang:  "text",
	Mends: "adds a line with ! and the path of the lock",
	find:  findLockIgnored,
}

func findLockIgnored(e *examiner) {
	for _, i := range e.shipped() {
		for _, s := range i.Final.Needs() {
			if s.Image != i {
				continue
			}
			for _, st := range s.Steps {
				if st.Copy == nil {
					continue
				}
				for _, g := range st.Copy.Ignored {
					if g.Place.Line > 0 && e.wantsLock(i, st, g.Path) {
						e.reportIgnored(i, g)
					}
				}
			}
		}
	}
}

// wantsLock reports whether a lock that is left out is meant to be there: a COPY
// names it, or an install asks for it where a COPY of its folder would put it.
func (e *examiner) wantsLock(i *tree.Image, st *tree.Step, file string) bool {
	base := path.Base(file)
	if e.tree.LockAt(file) == nil && !slices.Contains([]string{"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"}, base) {
		return false
	}
	for _, text := range st.Copy.Texts {
		if path.Base(text) == base {
			return true
		}
	}
	for _, s := range e.sites(i) {
		for _, a := range s.Files {
			if _, _, found := s.step.Lookup(a.Path); found != tree.Found && path.Base(a.Path) == base && a.Path == path.Join(st.Copy.Dest, e.below(st, file)) {
				return true
			}
		}
	}
	return false
}

// below is the path of a file within the folder that a COPY copies.
func (e *examiner) below(st *tree.Step, file string) string {
	for _, src := range st.Copy.Sources {
		if src == "." {
			return file
		}
		if rest, ok := strings.CutPrefix(file, src+"/"); ok {
			return rest
		}
	}
	return file
}

func (e *examiner) reportIgnored(i *tree.Image, g tree.Ignored) {
	rel := g.Path
	if i.Context != "." {
		rel = strings.TrimPrefix(rel, i.Context+"/")
	}
	text := e.tree.Text(g.Place.File)
	if text == nil {
		return
	}
	pattern := strings.TrimSpace(text.Lines[g.Place.Line-1])
	e.add(g.Place, "add the line !"+rel, fmt.Sprintf("%s leaves out %s, which %s copies", pattern, g.Path, i.Dockerfile.Path),
		fix.Edit{File: g.Place.File, Line: len(text.Lines), After: []string{"!" + rel}})
}
