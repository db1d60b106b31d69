package rules

import (
	"fmt"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var prefixWithoutIgnoreInstalled = Rule{
	Rule: lockfile.Rule{ID: "prefix-without-ignore-installed", Severity: lockfile.Stale,
		Title: "pip install --prefix skips what the builder has already",
		Help:  "Add --ignore-installed."},
	Reason: `pip looks at the site-packages of the Python that it runs in, not at the prefix. What is there already, in the version that
the lock pins, it takes for installed and leaves out of the prefix. The next stage, which copies the prefix alone, lacks it.`,
	Cost:   "packages that are missing in the image, which shows when it runs",
	Before: `RUN pip install --no-cache-dir --prefix=/install -r requirements.lock`,
	After:  `RUN pip install --no-cache-dir --ignore-installed --prefix=/install -r requirements.lock`,
	Lang:   "dockerfile",
	Mends:  "adds --ignore-installed",
	find: func(e *examiner) {
		for _, s := range e.all() {
			if s.Tool != tree.Pip || s.Prefix.Text == "" || s.IgnoreInstalled || s.Unclear || s.Verb != "install" || !s.bringsPackages(e) {
				continue
			}
			var edits []fix.Edit
			if s.At.Column > 0 {
				edits = append(edits, fix.Edit{File: s.Place.File, Line: s.At.Line, Column: s.At.Column + len(s.At.Text), Insert: " --ignore-installed"})
			}
			e.add(s.Place, "", fmt.Sprintf("installs into %s without --ignore-installed: what the builder's own site-packages have is left out", s.Prefix.Text), edits...)
		}
	},
}

// bringsPackages reports whether packages of an index are installed.
func (s *site) bringsPackages(e *examiner) bool {
	if len(s.Files)+len(s.Specs) > 0 {
		return true
	}
	return !s.NoDeps && len(s.opens(e.tree)) > 0
}
