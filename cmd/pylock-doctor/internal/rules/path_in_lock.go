package rules

import (
	"path"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var pathInLock = Rule{
	Rule: lockfile.Rule{ID: "path-in-lock", Severity: lockfile.Stale,
		Title: "a lock has a folder of the repository",
		Help:  "Compile the lock with pylock, which leaves folders out of it, and install the folder with pip install --no-deps."},
	Reason: `Once one line of a requirements file has a hash, pip wants one of every line, and of a folder there is none: it refuses the
whole file. Without hashes, the folder has to be there before the lock is installed, so that each change of it installs all packages anew.`,
	Cost: "a build that fails, or all packages installed anew with each change of the folder",
	Before: `./shared
httpx==0.28.1 \
    --hash=sha256:d909fcccc110f8c7faf814ca82a9a4d816bc5a6dbfea25d6591d6985b8ba59ad`,
	After: `httpx==0.28.1 \
    --hash=sha256:d909fcccc110f8c7faf814ca82a9a4d816bc5a6dbfea25d6591d6985b8ba59ad
# and in the Dockerfile: RUN pip install --no-deps ./shared`,
	Lang: "text",
	find: func(e *examiner) {
		for _, l := range e.tree.Locks {
			if path.Ext(l.Path) == ".toml" {
				continue // where folders have a place of their own
			}
			hashes := false
			for _, p := range l.Pins {
				hashes = hashes || len(p.Hashes) > 0
			}
			for _, d := range l.Direct {
				local := strings.HasPrefix(d.Text, ".") || strings.HasPrefix(d.Text, "-e ") && !strings.Contains(d.Text, "://") ||
					strings.HasPrefix(d.URL, "file:") || d.Directory != nil
				text := strings.TrimSpace(firstOf(d.Text, d.URL, string(d.Name)))
				switch {
				case !local || len(d.Hashes) > 0:
				case hashes:
					e.add(d.Place, "", text+" is a folder in a lock with hashes, which pip refuses")
				case e.sharedFolder(l, text):
					e.add(d.Place, "", text+" is a folder in a lock: a change of it installs the whole lock anew, and pip looks for it where it runs")
				}
			}
		}
	},
}

// sharedFolder reports whether an entry of a lock is a package of the repository
// beside that which the lock is of.
func (e *examiner) sharedFolder(l *tree.Lock, text string) bool {
	text = strings.TrimSpace(strings.TrimPrefix(text, "-e "))
	if !strings.HasPrefix(text, ".") {
		return false
	}
	for _, from := range []string{l.Dir, "."} {
		dir := path.Join(from, text)
		if p := e.tree.ProjectIn(dir); p != nil && dir != l.Dir && dir != "." {
			return true
		}
	}
	return false
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
