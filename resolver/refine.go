package resolver

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

const (
	// probeBudget is how many decisions a probe may take, apart from two a
	// package.
	probeBudget = 100
	// maxProbes is how many searches are made to refine a solution.
	maxProbes = 64
)

// errProbe ends a probe in which some package walks far.
var errProbe = errors.New("a probe walked far")

// probe searches for a solution with certain releases alone, and with those
// held wherever they are allowed. It returns nil where there is none, and
// where that forks, is long, or walks far.
func (r *resolving) probe(ctx context.Context, s *solved, name pypi.Name, only map[pypi.Name]pubgrub.Set, held map[pypi.Name]int) (*solved, error) {
	p := newProblem(s.question, s.fetch, r.observer)
	p.probing, p.only, p.held = name, only, held
	p.stats = r.stats
	solver := pubgrub.New(p)
	solver.Budget = 2*len(s.sol) + probeBudget
	sol, _, err := solver.Solve(ctx)
	r.stats = p.stats
	if f := (*forked)(nil); errors.Is(err, errProbe) || errors.Is(err, pubgrub.ErrBudget) || errors.As(err, &f) {
		return nil, nil
	}
	if err != nil || sol == nil {
		return nil, err
	}
	return &solved{p, sol}, nil
}

// refinement is the search for better releases of what was strode over.
type refinement struct {
	*resolving
	names  []pypi.Name       // those that the project asks for first
	after  map[pypi.Name]int // the last release before the choice that is taken to fail, or 0
	probes int
}

// refine walks the packages that the search strode over back up, one after the
// other, as long as one of them can have a better release while no other gets
// worse by it.
func (r *resolving) refine(ctx context.Context, s *solved) (*solved, error) {
	f := &refinement{resolving: r, after: map[pypi.Name]int{}}
	for name, id := range s.byName {
		if after, ok := s.strode(id); ok {
			f.names = append(f.names, name)
			f.after[name] = after
		}
	}
	slices.SortFunc(f.names, func(a, b pypi.Name) int {
		if s.direct[a] != s.direct[b] {
			return map[bool]int{true: -1, false: 1}[s.direct[a]]
		}
		return strings.Compare(string(a), string(b))
	})
	// What each was last raised to: there is no more to gain until another moves.
	best := map[pypi.Name]*solved{}
	for i := 0; i < len(f.names); i++ {
		name := f.names[i]
		if best[name] == s {
			continue
		}
		better, err := f.raise(ctx, s, name)
		if err != nil {
			return nil, err
		}
		best[name] = better
		if better != s {
			s, i = better, -1
		}
	}
	return s, nil
}

// strode reports whether releases of a package in the solution were passed
// over, and the last one before the choice that is taken to fail, or 0.
func (s *solved) strode(id pubgrub.Package) (after int, ok bool) {
	n := &s.nodes[id]
	if n.kind != packageNode || n.cand.local != nil || s.sol[id] == pubgrub.Absent {
		return 0, false
	}
	w := &n.walk
	switch {
	case w.striding():
		return w.order[w.from], true
	case !w.passed.IsEmpty():
		for _, state := range s.better(n.name) {
			if w.passed.Has(state) {
				after = state
			}
		}
		return after, true
	}
	_, ok = s.only[n.name]
	return 0, ok
}

// ranked returns the releases that neither the project nor a constraint
// forbids, and the one chosen, the best first.
func (s *solved) ranked(name pypi.Name) []int {
	c, chosen := s.state(name)
	allowed := c.states().Minus(c.excluded)
	for _, r := range s.requirements {
		if r.Name == name {
			allowed = allowed.Intersect(c.cachedSet(r.Specifiers))
		}
	}
	for _, con := range s.constraints[name] {
		if s.partial(con) && !slices.ContainsFunc(s.edges[s.byName[name]], func(e edge) bool { return !con.in.and(e.in).isNone() }) {
			continue
		}
		allowed = allowed.Intersect(c.cachedSet(con.Specifiers))
	}
	allowed = allowed.Union(pubgrub.One(chosen))
	var ranks [5][]int // pins, then by tier
	for v := range s.pins(c) {
		i, found := slices.BinarySearchFunc(c.versions, v, pep440.Version.Compare)
		if found && allowed.Has(i+1) {
			ranks[0] = append(ranks[0], i+1)
			allowed = allowed.Minus(pubgrub.One(i + 1))
		}
	}
	for state := range s.inOrder(c, allowed) {
		t := 1 + s.tier(c, state)
		ranks[t] = append(ranks[t], state)
	}
	return slices.Concat(ranks[:]...)
}

// better returns those of ranked that are preferable to the one chosen.
func (s *solved) better(name pypi.Name) []int {
	c, chosen := s.state(name)
	if chosen == 0 || c.local != nil {
		return nil
	}
	ranked := s.ranked(name)
	return ranked[:slices.Index(ranked, chosen)]
}

// raise looks for a better release of a package between the choice and the
// last one that is taken to fail, by halving. Releases do not always fail and
// work in one run, so those next to the choice are then tried in turn. What the
// project does not ask for seldom moves by itself: there these come first.
func (f *refinement) raise(ctx context.Context, s *solved, name pypi.Name) (*solved, error) {
	if !s.direct[name] {
		better, err := f.step(ctx, s, name)
		if err != nil || better == s {
			return s, err
		}
		s = better
	}
	open := s.better(name)
	lo, hi := slices.Index(open, f.after[name])+1, len(open)
	for lo < hi {
		mid := (lo + hi) / 2
		other, err := f.with(ctx, s, name, open[mid:mid+1])
		if err != nil {
			return nil, err
		}
		if other == nil {
			f.after[name], lo = open[mid], mid+1
			continue
		}
		s, hi = other, mid
	}
	for {
		better, err := f.step(ctx, s, name)
		if err != nil || better == s {
			return s, err
		}
		s = better
	}
}

// step tries the releases next to the choice, the best first; it returns s
// where none of them works.
func (f *refinement) step(ctx context.Context, s *solved, name pypi.Name) (*solved, error) {
	open := s.better(name)
	if len(open) == 0 {
		return s, nil
	}
	other, err := f.with(ctx, s, name, open[max(0, len(open)-pace.refineStep):])
	if err != nil || other == nil {
		return s, err
	}
	return other, nil
}

// with searches for a solution with one of some releases of a package in which
// nothing that the project asks for is worse, and, where it does not ask for
// the package, nothing else that was there.
func (f *refinement) with(ctx context.Context, s *solved, name pypi.Name, states []int) (*solved, error) {
	if f.probes == maxProbes {
		return nil, nil
	}
	f.probes++
	only, held := map[pypi.Name]pubgrub.Set{}, map[pypi.Name]int{}
	for n, id := range s.byName {
		if s.sol[id] != pubgrub.Absent && s.nodes[id].cand.local == nil && (s.direct[n] || !s.direct[name]) {
			only[n] = setOf(append(slices.Clone(s.better(n)), s.sol[id]))
		}
	}
	for _, n := range f.names {
		if _, state := s.state(n); state != 0 && n != name {
			held[n] = state
		}
	}
	only[name] = setOf(states)
	return f.probe(ctx, s, name, only, held)
}

func setOf(states []int) pubgrub.Set {
	var spans []pubgrub.Span
	for _, s := range states {
		spans = append(spans, pubgrub.Span{Lo: int32(s), Hi: int32(s + 1)})
	}
	return pubgrub.Of(spans...)
}
