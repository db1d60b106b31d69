package resolver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

const (
	// farBack is how many preferable releases a package is behind to be held
	// back far.
	farBack = strideAfter
	// maxGiveWay is how many packages that are held back far others are asked
	// to give way to.
	maxGiveWay = 4
	// giveWayBudget is how many decisions that may take, apart from two a
	// package.
	giveWayBudget = 100
)

// giveWay looks for a better solution where a package walked through its
// releases and ended far back: one with the release at which the walk began,
// to which others give way. It is taken if fewer packages are far back in it,
// and what the project asks for gives way by a few releases at most.
func (r *resolving) giveWay(ctx context.Context, s *solved) (*solved, error) {
	for _, name := range s.walkedFar() {
		n := &s.nodes[s.byName[name]]
		if n.walk.first == s.sol[s.byName[name]] || s.behind(name) < farBack {
			continue
		}
		other, err := r.besides(ctx, s, name, n.walk.first)
		if err != nil {
			return nil, err
		}
		if other == nil {
			continue
		}
		most := conflictThreshold
		if s.direct[name] {
			most = farBack - 1
		}
		if other.far() < s.far() && !slices.ContainsFunc(sortedKeys(s.direct), func(d pypi.Name) bool {
			return other.behind(d) > s.behind(d)+most
		}) {
			s = other
		}
	}
	return s, nil
}

// walkedFar returns packages of which many releases failed, those that the
// project asks for first.
func (s *solved) walkedFar() []pypi.Name {
	var out []pypi.Name
	for name, id := range s.byName {
		if s.sol[id] != pubgrub.Absent && s.nodes[id].walk.tries >= conflictThreshold && s.behind(name) >= farBack {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b pypi.Name) int {
		if s.direct[a] != s.direct[b] {
			return map[bool]int{true: -1, false: 1}[s.direct[a]]
		}
		return strings.Compare(string(a), string(b))
	})
	return out[:min(len(out), maxGiveWay)]
}

// far counts the packages that are held back far.
func (s *solved) far() int {
	n := 0
	for name := range s.byName {
		if s.behind(name) >= farBack {
			n++
		}
	}
	return n
}

// behind counts the releases that are preferable to the one chosen and that
// neither the project nor a constraint forbids; none of a pin that is kept.
func (s *solved) behind(name pypi.Name) int {
	c, chosen := s.state(name)
	if chosen == 0 || c.local != nil || s.pinnedByUser(c, chosen) {
		return 0
	}
	allowed := c.states().Minus(c.excluded)
	for _, r := range s.requirements {
		if r.Name == name {
			allowed = allowed.Intersect(c.cachedSet(r.Specifiers))
		}
	}
	for _, con := range s.constraints[name] {
		allowed = allowed.Intersect(c.cachedSet(con.Specifiers))
	}
	n, tier, passed := 0, s.tier(c, chosen), false
	for state := range s.inOrder(c, allowed) {
		passed = passed || state == chosen
		if d := cmp.Compare(s.tier(c, state), tier); d < 0 || d == 0 && !passed {
			n++
		}
	}
	return n
}

// besides searches for a solution with no release of a package but one. It
// returns nil where that forks, is long, or walks far.
func (r *resolving) besides(ctx context.Context, s *solved, name pypi.Name, state int) (*solved, error) {
	p := newProblem(s.question, s.fetch, r.observer)
	p.only = map[pypi.Name]int{name: state}
	p.stats = r.stats
	solver := pubgrub.New(p)
	solver.Budget = 2*len(s.sol) + giveWayBudget
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
