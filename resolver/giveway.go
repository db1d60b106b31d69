package resolver

import (
	"context"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

const (
	// farBack is how many preferable releases a package is behind to be held
	// back far.
	farBack = 16
	// maxGiveWay is how many packages that are held back far others are asked
	// to give way to.
	maxGiveWay = 4
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

// behind counts the releases that are preferable to the one chosen.
func (s *solved) behind(name pypi.Name) int { return len(s.better(name)) }

// besides searches for a solution with no release of a package but one. It
// returns nil where that forks, is long, or walks far.
func (r *resolving) besides(ctx context.Context, s *solved, name pypi.Name, state int) (*solved, error) {
	return r.probe(ctx, s, name, map[pypi.Name]pubgrub.Set{name: pubgrub.One(state)}, nil)
}
