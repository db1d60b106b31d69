package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

const (
	// maxReportLines bounds what a person is asked to read.
	maxReportLines = 40
	// explainBudget is how many decisions each of the searches may take that
	// make an explanation shorter or try out a hint.
	explainBudget = 400
	// maxChanges is how many changes are offered.
	maxChanges = 3
)

// explain says why a scope has no solution: by as few of the user's own
// requirements as will do, and with changes that were tried and would help.
// everywhere says that no part of the whole has one.
func (r *resolving) explain(ctx context.Context, u *unsolved) (*NoSolutionError, error) {
	sc, p, proof, everywhere := u.scope, u.problem, u.proof, u.everywhere
	core := p.blamed(proof)
	// Leave out what the contradiction does not need, last things first: what
	// is left is minimal.
	for i := len(core) - 1; i >= 0 && len(core) > 1; i-- {
		less := slices.Delete(slices.Clone(core), i, i+1)
		q, _, pr, err := r.search(ctx, sc, r.request.only(less), explainBudget)
		if err != nil {
			return nil, err
		}
		if pr != nil {
			core, p, proof = less, q, pr
		}
	}
	rep := newReporter(p, proof)
	e := &NoSolutionError{Report: rep.write()}
	t := &trial{resolving: r, scope: sc}
	var err error
	if e.Hints, err = p.hints(ctx, rep, t); err != nil {
		return nil, err
	}
	if where := sc.String(); where != "" && !everywhere {
		e.Report = "For " + where + ":\n" + e.Report
	}
	changes, err := t.changes(ctx, core, rep.overrides())
	if err == nil && len(changes) == 0 && !t.helped {
		changes, err = t.omissions(ctx, core, everywhere)
	}
	e.Hints = append(e.Hints, changes...)
	return e, err
}

// search is one search on the side, within a budget of decisions. Neither a
// solution nor a proof means that the budget did not do.
func (r *resolving) search(ctx context.Context, sc *scope, q *Request, budget int) (*problem, pubgrub.Solution, *pubgrub.Proof, error) {
	question := newQuestion(q, sc, nil)
	p := newProblem(question, r.fetcher(question), nil)
	s := pubgrub.New(p)
	s.Budget = budget
	sol, proof, err := s.Solve(ctx)
	if f := (*forked)(nil); errors.Is(err, pubgrub.ErrBudget) || errors.As(err, &f) {
		return p, nil, nil, nil
	}
	if err != nil || sol == nil {
		return p, nil, proof, err
	}
	best, err := r.refine(ctx, &solved{p, sol})
	if err != nil {
		return nil, nil, nil, err
	}
	return best.problem, best.sol, nil, nil
}

// blamed returns the user's requirements and constraints that a proof uses,
// in the order of their places.
func (p *problem) blamed(proof *pubgrub.Proof) []*project.Requirement {
	var out []*project.Requirement
	for _, st := range proof.Steps {
		w, ok := st.Reason.(*reason)
		if !ok || st.Left >= 0 || w.kind != asked && w.kind != constrained {
			continue
		}
		if from := w.asked(); !slices.Contains(out, from) {
			out = append(out, from)
		}
	}
	slices.SortStableFunc(out, func(a, b *project.Requirement) int {
		if c := strings.Compare(a.Place.File, b.Place.File); c != 0 {
			return c
		}
		return a.Place.Line - b.Place.Line
	})
	return out
}

// asked is the requirement as the user wrote it, of which an override may have
// taken the place.
func (w *reason) asked() *project.Requirement {
	if w.written != nil {
		return w.written
	}
	return w.from
}

// sameRequirement tells whether two are one as written: copies of a request
// have copies of its requirements.
func sameRequirement(a, b *project.Requirement) bool {
	return a.Place == b.Place && a.Requirement.String() == b.Requirement.String()
}

// only returns the request with no other requirements and constraints than
// those given; what overrides say stays.
func (q *Request) only(keep []*project.Requirement) *Request {
	n := *q
	if n.homesBy == nil {
		n.homesBy = q
	}
	pick := func(all []project.Requirement) []project.Requirement {
		var out []project.Requirement
		for i := range all {
			for _, k := range keep {
				if sameRequirement(k, &all[i]) {
					out = append(out, all[i])
					break
				}
			}
		}
		return out
	}
	n.Requirements, n.Constraints = pick(q.Requirements), pick(q.Constraints)
	return &n
}

// summary replaces a derivation that is too long: what depends on what, each
// pair of packages once, nearest to the user's requirements first.
func (r *reporter) summary() string {
	type pair struct{ subject, target pubgrub.Package }
	type facts struct {
		set   pubgrub.Set
		first string
		count int
		level int
	}
	all := map[pair]*facts{}
	var order []pair
	level := map[pubgrub.Package]int{pubgrub.Root: 0}
	var b strings.Builder
	b.WriteString("What follows cannot all hold:\n")
	var edges []int
	for _, i := range r.leaves {
		st := &r.steps[i]
		w, ok := st.Reason.(*reason)
		if !ok {
			continue
		}
		switch w.kind {
		case asked, constrained:
			if line := "  " + r.text(i) + ".\n"; !strings.Contains(b.String(), line) {
				b.WriteString(line)
			}
			if id, ok := r.byName[w.name()]; ok {
				level[id] = 1
			}
		case dependsOn, unusable:
			edges = append(edges, i)
		}
	}
	target := func(i int) pubgrub.Package {
		w := r.steps[i].Reason.(*reason)
		if w.kind == unusable {
			return -pubgrub.Package(w.excl.kind) - 1
		}
		return r.byName[w.dep.Name]
	}
	for changed := true; changed; {
		changed = false
		for _, i := range edges {
			l, ok := level[r.base(r.steps[i].Subject)]
			t := target(i)
			if _, known := level[t]; ok && t >= 0 && !known {
				level[t] = l + 1
				changed = true
			}
		}
	}
	for _, i := range edges {
		st := &r.steps[i]
		k := pair{r.base(st.Subject), target(i)}
		f := all[k]
		if f == nil {
			l, ok := level[k.subject]
			if !ok {
				l = 1 << 20
			}
			f = &facts{first: r.text(i), level: l}
			all[k] = f
			order = append(order, k)
		}
		for _, t := range st.Terms {
			if t.Package == st.Subject {
				f.set = f.set.Union(t.Set)
			}
		}
		f.count++
	}
	slices.SortStableFunc(order, func(x, y pair) int { return all[x].level - all[y].level })
	lines := strings.Count(b.String(), "\n")
	for n, k := range order {
		if lines+n >= maxReportLines-16 {
			fmt.Fprintf(&b, "  … and %d more of the kind.\n", len(order)-n)
			break
		}
		f := all[k]
		if f.count == 1 {
			fmt.Fprintf(&b, "  %s.\n", f.first)
			continue
		}
		what := "cannot be used, for like reasons"
		if k.target >= 0 {
			what = "need " + string(r.nodes[k.target].name) + " in some way or other"
		}
		fmt.Fprintf(&b, "  %s; likewise %s %s.\n", f.first, r.releases(k.subject, f.set, nil), what)
	}
	return b.String()
}

// name is the package that a root's reason is about.
func (w *reason) name() pypi.Name {
	if w.kind == constrained {
		return w.from.Name
	}
	return w.dep.Name
}
