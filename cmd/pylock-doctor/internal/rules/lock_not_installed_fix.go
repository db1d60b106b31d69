package rules

import (
	"path"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
)

// installLock names the lock in the place of the requirements file beside it.
func (u *unlocked) installLock() []fix.Edit {
	if u.open.file == "" || u.open.path || u.open.word.Column == 0 || len(u.Files) != 1 || len(u.Paths)+len(u.Specs) > 0 {
		return nil
	}
	for _, a := range u.Files {
		if a.Word != u.open.word || a.Path == "" {
			continue
		}
		at := path.Join(path.Dir(a.Path), path.Base(u.lock))
		if repo, _, found := u.step.Lookup(at); found != tree.Found || repo != u.lock {
			return nil
		}
		base := path.Base(u.open.word.Text)
		return []fix.Edit{{
			File: u.Place.File, Line: a.Line, Column: a.Column + len(a.Text) - len(base),
			Delete: len(base), Insert: path.Base(u.lock),
		}}
	}
	return nil
}
