package resolver

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// maxPinRounds is how often packages are let go of their pins before the search
// reads all pages.
const maxPinRounds = 8

// fromPins answers from little: of the packages that the existing lock has, the
// index is asked for the pinned versions alone, all at once, and for pages only
// of the others. It returns nil where that cannot be told from a search that
// knows all releases.
//
// It is the same search among fewer releases. As long as it meets no conflict,
// each pinned package is at its pin, which a search among all releases prefers
// too, and learns nothing that the other releases would change: both decide the
// same, step by step. At a conflict the packages that it is about are let go of
// their pins, and the search starts anew.
func (r *resolving) fromPins(ctx context.Context, whole *scope) ([]*solved, error) {
	q := newQuestion(r.request, whole, nil)
	few := *r
	few.pins = pinsOf(q)
	few.readPins(ctx, q)
	if parts := few.keep(ctx, whole); parts != nil {
		return parts, nil
	}
	for range maxPinRounds {
		if len(few.pins) == 0 {
			break
		}
		parts, err := few.solveWhole(ctx, whole)
		r.stats = few.stats
		var c *contested
		if !errors.As(err, &c) {
			return parts, err
		}
		before := len(few.pins)
		few.pins = maps.Clone(few.pins) // goroutines that read ahead still hold the old map
		for name := range c.names {
			delete(few.pins, name)
		}
		if len(few.pins) == before {
			break
		}
	}
	return nil, nil
}

// pinsOf returns the versions that the existing lock has of each package in
// the environments of the resolution, but for those that the project no longer
// admits, or that come from several indexes. There are none where a cutoff
// counts: what it holds back is told, and a pinned version alone does not know.
func pinsOf(q *question) map[pypi.Name][]index.Pinned {
	out := map[pypi.Name][]index.Pinned{}
	if !q.ExcludeNewer.IsZero() || len(q.ExcludeNewerPackage) > 0 {
		return out
	}
	whole := q.scope.narrow(q.scope.all)
	for name, pins := range q.Preferences {
		if q.locals[name] != nil || len(q.homes[name]) > 0 {
			continue
		}
		for _, p := range pins {
			if !whole.holds(p.Marker, "").isNone() {
				out[name] = append(out[name], index.Pinned{Version: p.Version, Hashes: p.Hashes})
			}
		}
	}
	refuse := func(name pypi.Name, s pep440.Specifiers) {
		if pins, ok := out[name]; ok && !slices.ContainsFunc(pins, func(p index.Pinned) bool { return s.Contains(p.Version) }) {
			delete(out, name)
		}
	}
	for _, r := range q.requirements {
		refuse(r.Name, r.Specifiers)
	}
	for name, cs := range q.constraints {
		for _, c := range cs {
			refuse(name, c.Specifiers)
		}
	}
	return out
}

// readPins starts to read all pins at once, and as soon as one is there its
// metadata: what they depend on is known to be other pins.
func (r *resolving) readPins(ctx context.Context, q *question) {
	f := r.fetcher(q)
	for name := range r.pins {
		c := f.candidates(ctx, name)
		f.wg.Go(func() {
			c, err := c.wait(ctx)
			if err != nil || q.noDeps {
				return
			}
			for state := 1; state <= len(c.versions); state++ {
				if c.usable(state) {
					f.metadata(ctx, c, state)
				}
			}
		})
	}
}

// contested ends a search among pins that met a conflict.
type contested struct {
	names map[pypi.Name]bool // what the conflict is about
}

func (*contested) Error() string { return "the pins of the lock do not go together" }

// test notes packages that a conflict among pins will be about: those of which
// not every pin is one of the releases wanted.
func (p *problem) test(c *candidates, wanted pubgrub.Set) {
	if p.fetch == nil || p.fetch.pins[c.name] == nil || len(c.versions) > 0 && c.states().SubsetOf(wanted) {
		return
	}
	if p.refused == nil {
		p.refused = map[pypi.Name]bool{}
	}
	p.refused[c.name] = true
}

// contest notes a conflict among pins: it is about the packages whose pins
// were refused, or else those of its own terms.
func (p *problem) contest(cause []pubgrub.Term) {
	if p.fetch == nil || p.fetch.pins == nil || p.contested != nil {
		return
	}
	p.contested = &contested{p.refused}
	if len(p.refused) > 0 {
		return
	}
	p.contested.names = map[pypi.Name]bool{}
	for _, t := range cause {
		if n := &p.nodes[p.base(t.Package)]; n.kind == packageNode {
			p.contested.names[n.name] = true
		}
	}
}
