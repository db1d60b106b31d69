package resolver

import (
	"slices"

	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// heldBack looks for the newest version that the cutoff hides, that all who
// ask for the package admit, and that could be used where it is needed. Where
// a version between that and the chosen one was free to take, something else
// holds the package back.
func (s *solved) heldBack(c *candidates, state int, wants []pep440.Specifiers, in where) (HeldBack, bool) {
	var hidden pubgrub.Set
	for _, e := range c.exclusions {
		if e.kind == tooNew {
			hidden = hidden.Union(e.set)
		}
	}
	if hidden.IsEmpty() || s.lowest(c.name) {
		return HeldBack{}, false
	}
	chosen, newest := c.versions[state-1], 0
	stable := s.prereleaseMode(c.name) != anyOrder && !chosen.IsPrerelease()
	for v := state + 1; v <= len(c.versions); v++ {
		version := c.versions[v-1]
		if stable && version.IsPrerelease() || slices.ContainsFunc(wants, func(w pep440.Specifiers) bool { return !w.Contains(version) }) {
			continue
		}
		switch {
		case hidden.Has(v):
			bad := s.judgeFiles(c.name, version, c.releases[v-1].Files(), true).bad
			if !slices.ContainsFunc(bad, func(e exclusion) bool { return !e.in.and(in).isNone() }) {
				newest = v
			}
		case !c.excluded.Has(v):
			return HeldBack{}, false
		}
	}
	if newest == 0 {
		return HeldBack{}, false
	}
	r := c.releases[newest-1]
	files := make([]*index.File, len(r.Files()))
	for i := range r.Files() {
		files[i] = &r.Files()[i]
	}
	return HeldBack{Name: c.name, Chosen: chosen, Newer: r.Version, Uploaded: firstUpload(files)}, true
}
