package resolver

import (
	"context"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// keep returns the pins of the existing lock as a solution, in the parts that
// they were locked in, or nil if they are none. What is solved is not searched
// anew: a search looks at all releases and cuts the environments in its own
// way, and might end elsewhere for no reason that the project gives.
//
// What cannot be read is no solution: the search meets it again, and says so.
func (r *resolving) keep(ctx context.Context, whole *scope) []*solved {
	if len(r.request.Preferences) == 0 {
		return nil
	}
	var out []*solved
	scopes, err := r.sourceParts(whole)
	if err != nil {
		return nil
	}
	for _, part := range scopes {
		for _, sc := range r.lockedParts([]*scope{part}, 2) {
			s := r.keepPart(ctx, sc)
			if s == nil {
				return nil
			}
			out = append(out, s)
		}
	}
	return out
}

// keepPart follows the requirements through the pins of a part.
func (r *resolving) keepPart(ctx context.Context, sc *scope) *solved {
	q := newQuestion(r.request, sc, nil)
	s := &solved{newProblem(q, r.fetcher(q), nil), pubgrub.Solution{}}
	reach := map[extraKey]where{}
	var queue []extraKey
	ask := func(d dependency, in where) bool {
		if in = in.and(d.in); in.isNone() {
			return true
		}
		if !s.choosePin(ctx, d) {
			return false
		}
		for _, x := range append([]pypi.Extra{""}, d.Extras...) {
			k := extraKey{d.Name, x}
			old, ok := reach[k]
			if !ok {
				old = in.none()
			}
			if !old.covers(in) {
				reach[k] = old.or(in)
				queue = append(queue, k)
			}
		}
		return true
	}
	for _, d := range q.requirements {
		s.fetch.guess(ctx, d.dependency)
	}
	for _, d := range q.requirements {
		if !ask(d.dependency, sc.here) {
			return nil
		}
	}
	for len(queue) > 0 && !q.noDeps {
		k := queue[0]
		queue = queue[1:]
		c, state := s.state(k.name)
		m, _, err := s.metadata(ctx, c, state)
		if m == nil || err != nil {
			return nil
		}
		for _, d := range q.dependencies(c, m, k.extra) {
			if !ask(d, reach[k]) {
				return nil
			}
		}
	}
	for k, in := range reach {
		if c, state := s.state(k.name); k.extra == "" && c.local == nil && !s.serves(c, state, in) {
			return nil
		}
	}
	if s.verify(ctx) != nil {
		return nil
	}
	return s
}

// choosePin decides for the only pin that a package has here, or for the local
// package.
func (s *solved) choosePin(ctx context.Context, d dependency) bool {
	if id, ok := s.byName[d.Name]; ok {
		return s.sol[id] != pubgrub.Absent
	}
	var pins []pep440.Version
	for _, p := range s.Preferences[d.Name] {
		if !s.scope.holds(p.Marker, "").isNone() {
			pins = append(pins, p.Version)
		}
	}
	local := s.locals[d.Name] != nil
	if !local && (len(pins) != 1 || d.URL != "") {
		return false
	}
	id, err := s.pkg(ctx, d.Name)
	if err != nil {
		return false
	}
	c := s.nodes[id].cand
	if local {
		s.sol[id] = 1
		return true
	}
	for i := range c.versions {
		if c.versions[i].Equal(pins[0]) && c.usable(i+1) {
			s.sol[id] = i + 1
			return true
		}
	}
	return false
}

// serves reports whether a universal resolution can use a release where it is
// needed: on each Python there, and in the environments that must have a file.
func (s *solved) serves(c *candidates, state int, in where) bool {
	if at := c.split[state-1]; !at.IsZero() && !pythonFrom(at).covers(in) {
		return false
	}
	return s.uncovered(c.name, c.releases[state-1], in).isNone()
}

// uncovered returns the required environments, of those in which a release is
// needed, for which it has no file.
func (p *problem) uncovered(name pypi.Name, r *index.Release, in where) where {
	out := in.none()
	if !in.universal || len(p.RequiredEnvironments) == 0 {
		return out
	}
	covered := p.covers(name, r)
	for _, m := range p.RequiredEnvironments {
		if env := p.scope.holds(m, ""); covered.and(env).isNone() {
			out = out.or(env.and(in))
		}
	}
	return out
}
