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

var lockAfterSource = Rule{
	Rule: lockfile.Rule{ID: "lock-after-source", Severity: lockfile.Warning,
		Title: "the source is copied before the lock is installed",
		Help:  "Copy the lock alone, install it, and copy the source behind that."},
	Reason: `A layer is taken from the cache only if everything before it is unchanged. Where the source comes before the install,
each change of a line of code installs all packages anew.`,
	Cost: "the whole install in each build after a change of the source",
	Before: `COPY services/api .
RUN pip install --no-cache-dir -r requirements.lock`,
	After: `COPY services/api/requirements.lock .
RUN pip install --no-cache-dir -r requirements.lock
COPY services/api .`,
	Lang:  "dockerfile",
	Mends: "copies the lock by its name and moves the install before the source, where the step does nothing else and only COPYs stand between",
	find:  findLockAfterSource,
}

func findLockAfterSource(e *examiner) {
	for _, s := range e.all() {
		if !s.isPip() {
			continue
		}
		for _, a := range s.Files {
			repo, by, found := s.step.Lookup(a.Path)
			if found != tree.Found || e.tree.LockAt(repo) == nil || by == nil {
				continue
			}
			if src, folder := e.sourceBefore(&s, repo); src != nil {
				how := ""
				if by == src {
					how = fmt.Sprintf("copy %s alone above, install it, and copy %s behind that", repo, folder)
				}
				e.add(src.Place, how, fmt.Sprintf("copies %s before %s is installed (line %d): each change of the source installs all packages anew", folder, repo, s.Place.Line),
					e.moveUp(&s, src, by, repo, a)...)
			}
			break
		}
	}
}

// sourceBefore is the first step of the Dockerfile before an install that copies
// the source that belongs to a lock, and the folder.
func (e *examiner) sourceBefore(s *site, lock string) (*tree.Step, string) {
	for _, stage := range s.stage.Chain() {
		for _, st := range stage.Steps {
			if st == s.step {
				return nil, ""
			}
			if st.Copy == nil || st.Copy.From != nil {
				continue
			}
			for _, src := range st.Copy.Sources {
				if e.isSource(stage.Image, src, path.Dir(lock)) {
					return st, src
				}
			}
		}
	}
	return nil, ""
}

// isSource reports whether a folder has code of the service that a lock in dir
// is of: it is the folder, one above it, or one within it.
func (e *examiner) isSource(i *tree.Image, src, dir string) bool {
	if !e.tree.HasFolder(src) {
		return false
	}
	if src != dir && src != "." && dir != "." && !strings.HasPrefix(dir, src+"/") && !strings.HasPrefix(src, dir+"/") {
		return false
	}
	if dir == "." && src != "." && path.Base(src) != "src" && !e.tree.Has(src+"/__init__.py") {
		return false // scripts, or a package of its own
	}
	return slices.ContainsFunc(e.tree.Below(src), func(f string) bool {
		return path.Ext(f) == ".py" && !i.Ignores(f)
	})
}

// moveUp moves an install, and the COPY of its lock, before the COPY of the
// source.
func (e *examiner) moveUp(s *site, src, by *tree.Step, lock string, a tree.Argument) []fix.Edit {
	if s.step.Stage != src.Stage || len(s.step.Run.Commands) != 1 || len(s.Files) != 1 || len(s.Paths)+len(s.Specs) > 0 || by.Run != nil || by.Copy == nil {
		return nil
	}
	if l := e.tree.LockAt(lock); l == nil || len(l.Direct) > 0 {
		return nil // it may need what the source brings
	}
	text := e.tree.Text(src.Place.File)
	if text == nil || s.step.End > len(text.Lines) {
		return nil
	}
	first := s.step.Place.Line
	for n := src.End + 1; n < first; n++ {
		line := strings.TrimSpace(text.Lines[n-1])
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(strings.ToUpper(line), "COPY ") {
			return nil
		}
	}
	move := fix.Edit{File: src.Place.File, Line: first, To: s.step.End, Move: true, Before: src.Place.Line}
	if by != src {
		// The COPY of the lock stands between: with all from there on.
		if len(by.Copy.Texts) != 1 || by.Place.Line < src.Place.Line {
			return nil
		}
		if by.Place.Line > src.Place.Line {
			for n := by.End + 1; n < first; n++ {
				if strings.TrimSpace(text.Lines[n-1]) != "" {
					return nil
				}
			}
			move.Line = by.Place.Line
		}
		return []fix.Edit{move}
	}
	rel := lock
	if c := src.Stage.Image.Context; c != "." {
		rel = strings.TrimPrefix(lock, c+"/")
	}
	dest := path.Dir(a.Word.Text) + "/"
	if dest == "./" {
		dest = "."
	}
	copyLine := fmt.Sprintf("COPY %s %s", rel, dest)
	return []fix.Edit{{File: src.Place.File, Line: src.Place.Line - 1, After: []string{copyLine}}, move}
}
