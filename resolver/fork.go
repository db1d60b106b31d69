package resolver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// forked ends the search of a universal scope: its parts, of which no two
// overlap, are to be searched apart, in the order given.
type forked struct{ parts []where }

func (f *forked) Error() string { return "the environments must be solved apart" }

func pythonFrom(low pep440.Version) where {
	s := pep440.Specifiers{{Op: pep440.GreaterEqual, Version: low, Text: low.String()}}
	return where{set: pep508.RequiresPython(s), universal: true}
}

// splitPython forks at a Python, the higher part first: it gets the newest
// releases.
func (p *problem) splitPython(at pep440.Version) error {
	high := p.scope.here.and(pythonFrom(at))
	return &forked{[]where{high, p.scope.here.minus(high)}}
}

// branch is one of the parts that the dependencies of a release split the
// scope into, with those that hold in it.
type branch struct {
	here where
	deps []dependency
}

// diverge returns a *forked if a release asks for one package in different
// ways in disjoint environments; overlapping markers alone do not split, as one
// version may fit all. This is uv's rule: only siblings fork, so the same
// conflict through different parents is unsatisfiable. What a constraint says of
// a dependency stands beside it, where both hold.
func (p *problem) diverge(ctx context.Context, deps []dependency) error {
	here := p.scope.here
	if !here.universal {
		return nil
	}
	deps, err := p.withConstraints(ctx, deps)
	if err != nil {
		return err
	}
	branches := []branch{{here: here}}
	for i := 0; i < len(deps); {
		j := i + 1
		for j < len(deps) && deps[j].Name == deps[i].Name {
			j++
		}
		group := deps[i:j]
		i = j
		alike := !slices.ContainsFunc(group, func(d dependency) bool { return !d.in.equal(group[0].in) })
		if alike && !p.raisesPython(group[0].in) {
			for k := range branches {
				branches[k].add(group...)
			}
			continue
		}
		for _, d := range group {
			if d.in.covers(here) {
				for k := range branches {
					branches[k].add(d)
				}
				continue
			}
			var next []branch
			for _, b := range branches {
				yes := b.here.and(d.in)
				if yes.isNone() {
					next = append(next, b)
					continue
				}
				if no := b.here.minus(d.in); !no.isNone() {
					next = append(next, b.narrow(no))
				}
				b = b.narrow(yes)
				b.add(d)
				next = append(next, b)
			}
			branches = next
		}
	}
	if len(branches) < 2 {
		return nil
	}
	lows := make(map[int]pep440.Version)
	order := make([]int, len(branches))
	uppers := make([]int, len(branches))
	for k, b := range branches {
		order[k] = k
		lows[k] = p.scope.narrow(b.here).lower
		uppers[k] = b.uppers()
	}
	// After the Pythons, what is bounded above, since its answer may serve the
	// rest.
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(p.compareTurns(lows[a], lows[b]), uppers[a]-uppers[b])
	})
	f := &forked{}
	for _, k := range slices.Backward(order) {
		f.parts = append(f.parts, branches[k].here)
	}
	return f
}

// withConstraints puts behind each dependency the constraints on it that exclude
// some release.
func (p *problem) withConstraints(ctx context.Context, deps []dependency) ([]dependency, error) {
	if len(p.constraints) == 0 {
		return deps, nil
	}
	var out []dependency
	for _, d := range deps {
		out = append(out, d)
		for _, con := range p.constraints[d.Name] {
			in := con.in.and(d.in)
			if in.isNone() {
				continue
			}
			c, err := p.fetch.candidates(ctx, d.Name).wait(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.Name, err)
			}
			if !c.states().SubsetOf(c.set(con.Specifiers)) {
				out = append(out, dependency{in: in, Name: d.Name, Specifiers: con.Specifiers})
			}
		}
	}
	return out, nil
}

func compareLower(a, b pep440.Version) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return -1
	case b.IsZero():
		return 1
	}
	return a.Compare(b)
}

func (b *branch) add(deps ...dependency) {
	for _, d := range deps {
		if !b.here.and(d.in).isNone() {
			b.deps = append(b.deps, d)
		}
	}
}

func (b branch) narrow(here where) branch {
	n := branch{here: here}
	n.add(b.deps...)
	return n
}

// uppers counts the dependencies that are bounded above.
func (b branch) uppers() int {
	n := 0
	for _, d := range b.deps {
		if set := d.Specifiers.Set(); !set.IsEmpty() && !set.Contains(beyond) {
			n++
		}
	}
	return n
}

// beyond is newer than any version.
var beyond = pep440.MustParse("9999999!0")

// raisesPython reports whether a marker speaks only of Pythons above the
// lowest of the scope: what it asks for must not bind the lower ones.
func (p *problem) raisesPython(in where) bool {
	low, _, ok := in.set.Python().Lower()
	if !ok {
		return false
	}
	return p.scope.lower.IsZero() || low.Base().Compare(p.scope.lower) > 0
}

// solveUniversal solves the scopes that a universal one is cut into, and the
// parts that they fall into, each on its own; what one part chose the later
// ones prefer.
func (r *resolving) solveUniversal(ctx context.Context, scopes []*scope) ([]*solved, error) {
	scopes = r.inTurn(scopes)
	locked := r.lockedParts(scopes, 2)
	parts, err := r.solveParts(ctx, locked)
	u := (*unsolved)(nil)
	if err != nil && (!errors.As(err, &u) || len(locked) == len(scopes)) {
		return nil, err
	}
	// A pin may hold only where the search once forked for a package that has
	// one pin, or none.
	if finer := r.lockedParts(scopes, 1); len(finer) > len(locked) && (parts == nil || r.lost(parts) > 0) {
		again, err := r.solveParts(ctx, finer)
		if err != nil && !errors.As(err, &u) {
			return nil, err
		}
		if err == nil && (parts == nil || r.lost(again) < r.lost(parts)) {
			parts, locked = again, finer
		}
	}
	switch {
	case parts == nil:
		return r.solveParts(ctx, scopes)
	case len(locked) == len(scopes):
		return parts, nil
	}
	return r.unifyLocked(ctx, scopes, parts)
}

// inTurn puts the parts of a universal scope in their order, as a fork does:
// what has the highest Python comes last and is solved first, then what is
// bounded above, then what was cut out first.
func (r *resolving) inTurn(scopes []*scope) []*scope {
	if len(scopes) < 2 {
		return scopes
	}
	scopes = slices.Clone(scopes)
	slices.Reverse(scopes)
	uppers := map[*scope]int{}
	for _, sc := range scopes {
		b := branch{here: sc.here}
		for _, root := range newQuestion(r.request, sc, nil).requirements {
			b.add(root.dependency)
		}
		uppers[sc] = b.uppers()
	}
	slices.SortStableFunc(scopes, func(a, b *scope) int {
		return cmp.Or(r.request.compareTurns(a.lower, b.lower), uppers[a]-uppers[b])
	})
	return scopes
}

// compareTurns orders parts by their lowest Pythons. What comes last is solved
// first: high Pythons, so that they get the newest releases, or low ones where
// few pins are wanted.
func (r *Request) compareTurns(a, b pep440.Version) int {
	if r.ForkStrategy == ForkFewest || r.Resolution == Lowest {
		return compareLower(b, a)
	}
	return compareLower(a, b)
}

// solveParts solves scopes, the last one first.
func (r *resolving) solveParts(ctx context.Context, stack []*scope) ([]*solved, error) {
	var out []*solved
	for len(stack) > 0 {
		sc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		s, parts, err := r.solve(ctx, sc, r.earlier(sc, out))
		if err != nil {
			return nil, err
		}
		if s == nil {
			for _, part := range slices.Backward(parts) {
				stack = append(stack, sc.narrow(part))
			}
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

// earlier returns what the parts solved so far chose and a scope prefers, its
// favourite first; not what comes from another index than there, unless those
// are the usual ones.
func (r *resolving) earlier(sc *scope, parts []*solved) map[pypi.Name][]pep440.Version {
	out := map[pypi.Name][]pep440.Version{}
	// Which packages are direct differs from part to part, so what
	// lowest-direct chose in one is no guide for another.
	if r.request.Resolution == LowestDirect {
		return out
	}
	for _, s := range parts {
		for name, v := range s.versions() {
			here, there := s.home(name, sc.here), s.home(name, s.scope.here)
			if (here == nil || here == there) && !slices.ContainsFunc(out[name], v.Equal) {
				out[name] = append(out[name], v)
			}
		}
	}
	for _, vs := range out {
		slices.SortFunc(vs, func(a, b pep440.Version) int {
			if r.request.Resolution == Lowest {
				return a.Compare(b)
			}
			return b.Compare(a)
		})
	}
	return out
}

// units returns the targets of the scope, those together that no marker tells
// apart: one pin must serve them.
func (s *scope) units() []where {
	var out []where
	index := map[pep508.Environment]int{}
	for t := range s.here.each {
		i, ok := index[s.envs[t]]
		if !ok {
			i = len(out)
			index[s.envs[t]] = i
			out = append(out, where{})
		}
		out[i].bits |= 1 << t
	}
	return out
}

// solveTogether solves several concrete targets: one version of each package
// for all of them, or, where that cannot be, for as many as go together.
func (r *resolving) solveTogether(ctx context.Context, whole *scope) ([]*solved, error) {
	s, _, err := r.solve(ctx, whole, nil)
	if err == nil {
		return []*solved{s}, nil
	}
	if _, ok := err.(*unsolved); !ok || !whole.several() {
		return nil, err
	}
	// A target that has no solution by itself is the best explanation.
	var first *unsolved
	failures := 0
	for t := range whole.here.each {
		_, _, err := r.solve(ctx, whole.narrow(where{bits: 1 << t}), nil)
		u, ok := err.(*unsolved)
		if err != nil && !ok {
			return nil, err
		}
		if ok {
			failures++
			if first == nil {
				first = u
			}
		}
	}
	if first != nil {
		first.everywhere = failures == bits.OnesCount64(whole.here.bits)
		return nil, first
	}
	var out []*solved
	earlier := map[pypi.Name][]pep440.Version{}
	for _, unit := range whole.units() {
		joined := false
		for i, s := range out {
			// The group keeps what it has if it can: its pins come first.
			own := map[pypi.Name][]pep440.Version{}
			for name, v := range s.versions() {
				own[name] = []pep440.Version{v}
			}
			both, _, err := r.solve(ctx, whole.narrow(s.question.scope.here.or(unit)), own)
			if err == nil {
				out[i], joined = both, true
				break
			}
			if _, ok := err.(*unsolved); !ok {
				return nil, err
			}
		}
		if joined {
			continue
		}
		s, _, err := r.solve(ctx, whole.narrow(unit), earlier)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		earlier = maps.Clone(earlier)
		for name, v := range s.versions() {
			earlier[name] = append(slices.Clone(earlier[name]), v)
		}
	}
	return r.unify(ctx, out, func(_ pypi.Name, chosen []pep440.Version) []pep440.Version { return chosen })
}
