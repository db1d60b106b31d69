package resolver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// Resolve answers a request. A *NoSolutionError means that there is no
// answer; any other error means that none could be found out.
func Resolve(ctx context.Context, ix Index, q Request, obs Observer) (*Resolution, error) {
	return resolve(ctx, ix, q, obs, true)
}

// resolve searches in any case, unless what an existing lock has may be kept
// without a search.
func resolve(ctx context.Context, ix Index, q Request, obs Observer, keep bool) (*Resolution, error) {
	whole, err := newScope(&q)
	if err != nil {
		return nil, err
	}
	if err := checkRequiresPython(&q, whole); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &resolving{request: &q, library: &library{index: ix}, observer: obs}
	defer r.library.wg.Wait()
	defer cancel()

	var parts []*solved
	if keep && len(q.Preferences) > 0 {
		parts, err = r.fromPins(ctx, whole)
	}
	if parts == nil && err == nil {
		parts, err = r.solveWhole(ctx, whole)
	}
	if u := (*unsolved)(nil); errors.As(err, &u) {
		e, err := r.explain(ctx, u)
		if err != nil {
			return nil, err
		}
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	a := &assembly{whole: whole, entries: map[entryKey]*entry{}, warnings: map[string]bool{}, overridden: map[pypi.Name]bool{}}
	for _, s := range parts {
		if err := a.add(ctx, s); err != nil {
			return nil, err
		}
		if err := s.verify(ctx); err != nil {
			return nil, fmt.Errorf("internal error: the solution found does not hold: %w; please report this", err)
		}
	}
	res, err := a.resolution()
	if err != nil {
		return nil, err
	}
	res.Stats = r.stats
	res.Stats.Projects, res.Stats.Metadata, res.Stats.Forks = r.library.pages.len(), r.library.docs.len(), len(parts)
	return res, nil
}

// solveWhole solves the whole scope, in parts where it must be.
func (r *resolving) solveWhole(ctx context.Context, whole *scope) ([]*solved, error) {
	scopes, err := r.sourceParts(whole)
	if err != nil {
		return nil, err
	}
	if whole.here.universal {
		return r.solveUniversal(ctx, scopes)
	}
	var parts []*solved
	for _, sc := range scopes {
		more, err := r.solveTogether(ctx, sc)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	if len(scopes) < 2 {
		return parts, nil
	}
	return r.unify(ctx, parts, func(_ pypi.Name, chosen []pep440.Version) []pep440.Version { return chosen })
}

// checkRequiresPython refuses a target that the project itself does not
// support: its lock would be for a Python that it does not run on.
func checkRequiresPython(q *Request, sc *scope) error {
	if len(q.RequiresPython) == 0 || sc.here.universal {
		return nil
	}
	for t := range sc.here.each {
		if admits(q.RequiresPython, sc.pythons[t]) != refused {
			continue
		}
		where := ""
		if q.RequiresPythonPlace.File != "" {
			where = " (" + q.RequiresPythonPlace.String() + ")"
		}
		root := q.Root
		if root == "" {
			root = "your project"
		}
		return &NoSolutionError{
			Report: fmt.Sprintf("%s requires Python %s%s, and the target is Python %s", root, q.RequiresPython, where, q.Targets[t].Python),
			Hints:  []string{"choose a Python that the project supports with --python-version, or change requires-python"},
		}
	}
	return nil
}

// resolving is one request while it is being answered.
type resolving struct {
	request  *Request
	library  *library
	observer Observer
	stats    Stats
	budget   int // decisions that each search may take; 0 is no limit
	// pins are the only releases that the search knows of some packages; nil
	// where it knows all of all.
	pins map[pypi.Name][]index.Pinned
}

// fetcher returns one for a search.
func (r *resolving) fetcher(q *question) *fetcher {
	return &fetcher{library: r.library, q: q, pins: r.pins}
}

// solved is the solution of one scope.
type solved struct {
	*problem
	sol pubgrub.Solution
}

// solve searches one scope. Where the scope has to be split, it returns the
// parts in the place of a solution.
func (r *resolving) solve(ctx context.Context, sc *scope, earlier map[pypi.Name][]pep440.Version) (*solved, []where, error) {
	return r.answer(ctx, newQuestion(r.request, sc, earlier))
}

// answer is solve for a question.
func (r *resolving) answer(ctx context.Context, q *question) (*solved, []where, error) {
	p := newProblem(q, r.fetcher(q), r.observer)
	p.stats = r.stats
	solver := pubgrub.New(p)
	solver.Budget = r.budget
	sol, proof, err := solver.Solve(ctx)
	r.stats = p.stats
	if r.pins != nil && (proof != nil || solver.Stats().Conflicts > 0) {
		p.contest(nil)
	}
	if p.contested != nil {
		return nil, nil, p.contested
	}
	if f := (*forked)(nil); errors.As(err, &f) {
		return nil, f.parts, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if proof != nil {
		return nil, nil, &unsolved{scope: q.scope, problem: p, proof: proof}
	}
	s, err := r.giveWay(ctx, &solved{p, sol})
	if err != nil {
		return nil, nil, err
	}
	s, err = r.refine(ctx, s)
	return s, nil, err
}

// unsolved is a scope that has no solution.
type unsolved struct {
	scope   *scope
	problem *problem
	proof   *pubgrub.Proof
	// everywhere says that no other target has a solution either.
	everywhere bool
}

func (u *unsolved) Error() string { return "no solution" }

// state returns the chosen version of a package, or 0.
func (s *solved) state(name pypi.Name) (*candidates, int) {
	id, ok := s.byName[name]
	if !ok {
		return nil, 0
	}
	return s.nodes[id].cand, s.sol[id]
}

// versions returns the version of every package chosen.
func (s *solved) versions() map[pypi.Name]pep440.Version {
	out := map[pypi.Name]pep440.Version{}
	for name, id := range s.byName {
		if v := s.sol[id]; v != pubgrub.Absent && s.nodes[id].cand.local == nil {
			out[name] = s.nodes[id].cand.versions[v-1]
		}
	}
	return out
}

// verify checks the solution by the plain meaning of requirements, with none
// of the search's sets and clauses: whatever is reached has all it asks for.
func (s *solved) verify(ctx context.Context) error {
	check := func(who string, d dependency) error {
		c, state := s.state(d.Name)
		if state == 0 {
			return fmt.Errorf("%s needs %s, which is not there", who, d)
		}
		if c.local != nil && c.local.Version.IsZero() {
			return nil
		}
		if v := c.versions[state-1]; !d.Specifiers.Contains(v) {
			return fmt.Errorf("%s needs %s and has %s", who, d, v)
		}
		return nil
	}
	for _, r := range s.requirements {
		if err := check(s.rootName(), r.dependency); err != nil {
			return err
		}
	}
	reach, err := s.reach(ctx)
	if err != nil {
		return err
	}
	for k, in := range reach {
		c, state := s.state(k.name)
		for _, con := range s.constraints[k.name] {
			stated := c.local == nil || !c.local.Version.IsZero()
			if v := c.versions[state-1]; stated && !con.in.and(in).isNone() && !con.Specifiers.Contains(v) {
				return fmt.Errorf("%s %s is outside the constraint %s", k.name, v, con.Requirement.Requirement)
			}
		}
		if s.noDeps {
			continue
		}
		m, bad, err := s.metadata(ctx, c, state)
		if err != nil {
			return err
		}
		if bad != nil && !bad.in.and(in).isNone() {
			return fmt.Errorf("%s %s cannot be used", k.name, c.versions[state-1])
		}
		for _, e := range c.exclusions {
			if e.set.Has(state) && !e.in.and(in).isNone() {
				return fmt.Errorf("%s %s cannot be used", k.name, c.versions[state-1])
			}
		}
		for _, d := range s.dependencies(c, m, k.extra) {
			if d.in.and(in).isNone() {
				continue
			}
			if err := check(string(k.name), d); err != nil {
				return err
			}
			for _, x := range append([]pypi.Extra{""}, d.Extras...) {
				if !reach[extraKey{d.Name, x}].covers(d.in.and(in)) {
					return fmt.Errorf("%s needs %s where it is not there", k.name, d)
				}
			}
		}
	}
	return nil
}

func (q *question) rootName() string {
	if q.Root == "" {
		return "your project"
	}
	return q.Root
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
