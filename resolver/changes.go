package resolver

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// A trial solves a request with something changed, so that no change is
// offered that would not help.
type trial struct {
	*resolving
	scope  *scope
	helped bool // some change did
}

// solves answers a request within the budget and returns the part of the
// answer for what the trial is about, nil where there is none.
func (t *trial) solves(ctx context.Context, n *Request) (*solved, error) {
	whole, err := newScope(n)
	if err != nil {
		return nil, nil // a change that leaves nothing to solve for is none
	}
	r := &resolving{request: n, library: t.library, budget: explainBudget}
	parts, err := r.solveWhole(ctx, whole)
	if errors.As(err, new(*unsolved)) || errors.Is(err, pubgrub.ErrBudget) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t.helped = true
	for _, s := range parts {
		if !s.question.scope.here.and(t.scope.here).isNone() {
			return s, nil
		}
	}
	return parts[0], nil
}

// changes finds single requirements without whose bounds the whole request has
// a solution, and says what would be chosen.
func (t *trial) changes(ctx context.Context, core, overrides []*project.Requirement) ([]string, error) {
	var out []string
	all := append(slices.Clone(core), overrides...)
	slices.SortStableFunc(all, t.movesLast)
	for _, c := range all {
		if len(out) == maxChanges || len(out) > 0 && t.request.moves(c) {
			break
		}
		if len(c.Specifiers) == 0 {
			continue
		}
		loosen := func(all []project.Requirement) []project.Requirement {
			all = slices.Clone(all)
			for i := range all {
				if sameRequirement(c, &all[i]) {
					all[i].Specifiers = nil
				}
			}
			return all
		}
		n := *t.request
		n.Requirements, n.Constraints, n.Overrides = loosen(n.Requirements), loosen(n.Constraints), loosen(n.Overrides)
		s, err := t.solves(ctx, &n)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		cand, state := s.state(c.Name)
		if state == pubgrub.Absent {
			continue
		}
		out = append(out, fmt.Sprintf("%s==%s in place of %s would make it solvable", c.Name, cand.versions[state-1], describe(c)))
	}
	return out, nil
}

// omissions says without which single requirement, or target, the rest has a
// solution.
func (t *trial) omissions(ctx context.Context, core []*project.Requirement, everywhere bool) ([]string, error) {
	var out []string
	if !everywhere && !t.request.Universal && bits.OnesCount64(t.scope.here.bits) == 1 {
		n := *t.request
		n.Targets = nil
		for i, target := range t.request.Targets {
			if t.scope.here.bits&(1<<i) == 0 {
				n.Targets = append(n.Targets, target)
			}
		}
		if len(n.Targets) > 0 {
			s, err := t.solves(ctx, &n)
			if err != nil {
				return nil, err
			}
			if s != nil {
				out = append(out, fmt.Sprintf("without %s the rest is solvable", t.scope))
			}
		}
	}
	core = slices.Clone(core)
	slices.SortStableFunc(core, t.movesLast)
	for _, c := range core {
		if len(core) < 2 || len(out) == maxChanges || len(out) > 0 && t.request.moves(c) {
			break
		}
		n := t.request.without(c)
		s, err := t.solves(ctx, n)
		if err != nil {
			return nil, err
		}
		if s != nil {
			out = append(out, fmt.Sprintf("without %s the rest is solvable", describe(c)))
		}
	}
	return out, nil
}

// moves reports whether a constraint is one of q.Moves.
func (q *Request) moves(c *project.Requirement) bool {
	return slices.ContainsFunc(q.Moves, func(m project.Requirement) bool { return sameRequirement(&m, c) })
}

// movesLast sorts q.Moves behind everything else.
func (t *trial) movesLast(a, b *project.Requirement) int {
	rank := func(c *project.Requirement) int {
		if t.request.moves(c) {
			return 1
		}
		return 0
	}
	return rank(a) - rank(b)
}

func describe(q *project.Requirement) string {
	return q.Requirement.String() + place(q)
}

// without returns the request without one of its requirements or constraints.
func (q *Request) without(c *project.Requirement) *Request {
	n := *q
	drop := func(all []project.Requirement) []project.Requirement {
		return slices.DeleteFunc(slices.Clone(all), func(r project.Requirement) bool { return sameRequirement(c, &r) })
	}
	n.Requirements, n.Constraints = drop(q.Requirements), drop(q.Constraints)
	return &n
}

// lift finds the least change of a setting that lets releases be used that
// something else than requirements keeps out, and says how to make it: "" where
// that alone does not help. The releases are of one package, excluded for
// reasons of one kind.
func (t *trial) lift(ctx context.Context, c *candidates, set pubgrub.Set, kind exclusionKind, details []string) (string, error) {
	n := *t.request
	how := ""
	switch kind {
	case prerelease:
		n.PrereleasePackage = with(n.PrereleasePackage, c.name, Allow)
		how = fmt.Sprintf("--prerelease-package %s=allow", c.name)
	case tooNew:
		var last time.Time
		for _, d := range details {
			at, err := time.Parse(time.RFC3339, d)
			if err != nil {
				return "", nil
			}
			if last.IsZero() || at.Before(last) {
				last = at
			}
		}
		// A date means the end of its day.
		day := last.UTC().Truncate(24 * time.Hour)
		n.ExcludeNewerPackage = with(n.ExcludeNewerPackage, c.name, day.Add(24*time.Hour))
		how = fmt.Sprintf("--exclude-newer-package %s=%s", c.name, day.Format(time.DateOnly))
	case yanked:
		spans := set.Spans()
		if len(spans) == 0 {
			return "", nil
		}
		v := c.versions[spans[len(spans)-1].Hi-2]
		req, _, err := pep508.ParseRequirement(fmt.Sprintf("%s==%s", c.name, v))
		if err != nil {
			return "", nil
		}
		n.Requirements = append(slices.Clone(n.Requirements), project.Requirement{Requirement: req})
		how = fmt.Sprintf("to require %s==%s", c.name, v)
	case requiresPython:
		v, ok := leastPython(details)
		if !ok || len(n.RequiresPython) > 0 && !n.RequiresPython.Contains(v) {
			return "", nil
		}
		if n.Universal {
			if !n.LowestPython.IsZero() && v.Compare(n.LowestPython) <= 0 {
				return "", nil
			}
			n.LowestPython = v
		} else {
			n.Targets = slices.Clone(n.Targets)
			for i := range n.Targets {
				if t.scope.here.bits&(1<<i) != 0 {
					n.Targets[i].Python = v
				}
			}
		}
		how = "--python-version " + v.String()
	default:
		return "", nil
	}
	s, err := t.solves(ctx, &n)
	if err != nil || s == nil {
		return "", err
	}
	return how + " would make it solvable", nil
}

// leastPython is the lowest of the Pythons that what is required begins with.
func leastPython(requires []string) (least pep440.Version, ok bool) {
	for _, text := range requires {
		s, err := dist.ParseRequiresPython(text)
		if err != nil {
			continue
		}
		v, inclusive, bounded := s.Set().Lower()
		if !bounded || !inclusive {
			continue
		}
		if !ok || v.Compare(least) < 0 {
			least, ok = v, true
		}
	}
	return least, ok
}

func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	n := map[K]V{k: v}
	for old, value := range m {
		if old != k {
			n[old] = value
		}
	}
	return n
}
