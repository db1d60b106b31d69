package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

type nodeKind uint8

const (
	rootNode nodeKind = iota
	pythonNode
	packageNode
	extraNode
)

const python pubgrub.Package = 1

// node is what a package of the solver stands for. An extra has one version,
// "wanted": what it adds is a clause over the package, the extra and the
// dependency, so no version of an extra has to be kept equal to the package's.
type node struct {
	kind  nodeKind
	name  pypi.Name
	extra pypi.Extra
	cand  *candidates
	base  pubgrub.Package // of an extra: its package
	seen  int             // order in which the package was first met

	pinned            bool // somebody asks for one exact version
	early, late       bool // changed place after many conflicts
	affected, culprit int
}

// problem answers the solver's questions. It lives on the search's goroutine.
type problem struct {
	*question
	fetch    *fetcher
	observer Observer
	nodes    []node
	byName   map[pypi.Name]pubgrub.Package
	extras   map[extraKey]pubgrub.Package
	ofBase   map[pubgrub.Package][]pubgrub.Package
	expanded map[expansion]bool
	reasons  map[exclusionWhy]int32
	pending  []pubgrub.Clause // of packages met since the last answer
	stats    Stats
	decided  int
}

type extraKey struct {
	name  pypi.Name
	extra pypi.Extra
}

type expansion struct {
	p     pubgrub.Package
	state int
	extra pypi.Extra
}

// reason is why a clause holds; it is kept in pubgrub.Clause.Reason.
type reason struct {
	kind reasonKind
	dep  dependency           // dependsOn
	from *project.Requirement // asked: the root's requirement; constrained: the constraint
	excl *exclusion           // unusable
	want pubgrub.Set          // the versions that dep or from admit
}

type reasonKind uint8

const (
	asked       reasonKind = iota + 1 // the root requires it
	dependsOn                         // a release requires it
	constrained                       // a constraint forbids the rest
	unusable                          // releases cannot be used
	targetIs                          // the root's Python
)

// conflictThreshold is how many conflicts a package takes part in before it
// changes place in the order of decisions.
const conflictThreshold = 5

func newProblem(q *question, f *fetcher, o Observer) *problem {
	p := &problem{question: q, fetch: f, observer: o, byName: map[pypi.Name]pubgrub.Package{}, extras: map[extraKey]pubgrub.Package{},
		ofBase: map[pubgrub.Package][]pubgrub.Package{}, expanded: map[expansion]bool{}, reasons: map[exclusionWhy]int32{}}
	p.nodes = []node{{kind: rootNode}, {kind: pythonNode}}
	return p
}

// Versions implements pubgrub.Source.
func (p *problem) Versions(id pubgrub.Package) int {
	if n := &p.nodes[id]; n.kind == packageNode {
		return len(n.cand.versions)
	}
	return 1
}

// pkg returns the node of a package, waiting for its releases. A package met
// for the first time brings the clauses that hold whatever is chosen.
func (p *problem) pkg(ctx context.Context, name pypi.Name) (pubgrub.Package, error) {
	if id, ok := p.byName[name]; ok {
		return id, nil
	}
	c, err := p.fetch.candidates(ctx, name).wait(ctx)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	p.stats.Projects++
	id := pubgrub.Package(len(p.nodes))
	p.nodes = append(p.nodes, node{kind: packageNode, name: name, cand: c, seen: len(p.byName)})
	p.byName[name] = id
	for i := range c.exclusions {
		p.pending = append(p.pending, p.exclude(id, &c.exclusions[i]))
	}
	for _, con := range p.constraints[name] {
		want := c.cachedSet(con.Specifiers)
		p.pending = append(p.pending, pubgrub.Clause{Subject: id, Kind: int32(constrained),
			Terms:  []pubgrub.Term{{Package: id, Set: c.states().Minus(want)}},
			Reason: &reason{kind: constrained, from: con, want: want}})
	}
	return id, nil
}

func (p *problem) exclude(id pubgrub.Package, e *exclusion) pubgrub.Clause {
	c := pubgrub.Clause{Subject: id, Kind: int32(unusable), Terms: []pubgrub.Term{{Package: id, Set: e.set}}, Reason: &reason{kind: unusable, excl: e}}
	if e.kind == requiresPython {
		c.Terms = append(c.Terms, pubgrub.Term{Package: python, Set: pubgrub.One(1)})
	}
	// Releases are taken together only where they are excluded for one reason.
	k := exclusionWhy{e.kind, e.detail}
	if p.reasons[k] == 0 {
		p.reasons[k] = int32(len(p.reasons) + 1)
	}
	c.Kind += p.reasons[k] << 8
	return c
}

func (p *problem) extraNode(base pubgrub.Package, x pypi.Extra) pubgrub.Package {
	k := extraKey{p.nodes[base].name, x}
	if id, ok := p.extras[k]; ok {
		return id
	}
	id := pubgrub.Package(len(p.nodes))
	p.nodes = append(p.nodes, node{kind: extraNode, name: k.name, extra: x, base: base, seen: p.nodes[base].seen})
	p.extras[k] = id
	p.ofBase[base] = append(p.ofBase[base], id)
	return id
}

// Next implements pubgrub.Source: extras first, since they cost nothing, then
// exact pins, then packages in the order in which they were met, except that
// those hurt by many conflicts come earlier and their culprits later.
func (p *problem) Next(candidates []pubgrub.Package) pubgrub.Package {
	rank := func(id pubgrub.Package) (class, seen int) {
		n := &p.nodes[id]
		switch {
		case n.kind != packageNode || n.cand.local != nil:
			return 0, n.seen
		case n.pinned:
			return 1, n.seen
		case n.early:
			return 2, n.seen
		case n.late:
			return 4, n.seen
		}
		return 3, n.seen
	}
	best := candidates[0]
	bc, bs := rank(best)
	for _, id := range candidates[1:] {
		if c, s := rank(id); c < bc || c == bc && s < bs {
			best, bc, bs = id, c, s
		}
	}
	return best
}

// Choose implements pubgrub.Source.
func (p *problem) Choose(ctx context.Context, id pubgrub.Package, allowed pubgrub.Set) (int, []pubgrub.Clause, error) {
	n := &p.nodes[id]
	if n.kind != packageNode {
		return 1, nil, nil
	}
	state := p.prefer(n.cand, allowed)
	if state == 0 {
		panic("resolver: no version to choose for " + string(n.name))
	}
	p.stats.Decisions++
	if p.observer != nil {
		p.observer.Progress(Event{Package: n.name, Stats: p.stats, Decided: p.decided})
	}
	return state, nil, nil
}

// Conflict implements pubgrub.Source.
func (p *problem) Conflict(affected pubgrub.Package, violated []pubgrub.Package) pubgrub.Package {
	p.stats.Conflicts++
	base := func(id pubgrub.Package) pubgrub.Package {
		if p.nodes[id].kind == extraNode {
			return p.nodes[id].base
		}
		return id
	}
	affected = base(affected)
	back, real := pubgrub.Root, false
	for _, v := range violated {
		v = base(v)
		n := &p.nodes[v]
		if v == affected || n.kind != packageNode {
			continue
		}
		real = true
		if n.culprit++; n.culprit == conflictThreshold && !n.late && !n.early {
			n.late, back = true, v
		}
	}
	if n := &p.nodes[affected]; real && n.kind == packageNode {
		if n.affected++; n.affected == conflictThreshold {
			n.early, n.late = true, false
		}
	}
	return back
}

// Clauses implements pubgrub.Source.
func (p *problem) Clauses(ctx context.Context, id pubgrub.Package, state int, st pubgrub.State) ([]pubgrub.Clause, error) {
	out, err := p.clauses(ctx, id, state, st)
	if err != nil {
		return nil, err
	}
	out = append(out, p.pending...)
	p.pending = nil
	return out, nil
}

func (p *problem) clauses(ctx context.Context, id pubgrub.Package, state int, st pubgrub.State) ([]pubgrub.Clause, error) {
	n := p.nodes[id]
	switch n.kind {
	case rootNode:
		return p.rootClauses(ctx)
	case pythonNode:
		return nil, nil
	case extraNode:
		if v := st.Version(n.base); v != pubgrub.Absent {
			return p.expand(ctx, n.base, v, n.extra)
		}
		return nil, nil
	}
	out, err := p.expand(ctx, id, state, "")
	if err != nil {
		return nil, err
	}
	for _, x := range p.ofBase[id] {
		if st.Selected(x) {
			more, err := p.expand(ctx, id, state, p.nodes[x].extra)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

func (p *problem) rootClauses(ctx context.Context) ([]pubgrub.Clause, error) {
	root := pubgrub.Term{Package: pubgrub.Root, Set: pubgrub.One(1)}
	out := []pubgrub.Clause{{Terms: []pubgrub.Term{root, {Package: python, Set: pubgrub.One(pubgrub.Absent)}}, Reason: &reason{kind: targetIs}}}
	for _, r := range p.requirements {
		p.fetch.guess(ctx, r.dependency)
	}
	for i := range p.requirements {
		r := &p.requirements[i]
		cs, err := p.require(ctx, r.dependency, &reason{kind: asked, dep: r.dependency, from: r.from}, pubgrub.Root, root)
		if err != nil {
			return nil, err
		}
		out = append(out, cs...)
	}
	return out, nil
}

// require returns the clauses "if the terms hold, then the dependency does".
func (p *problem) require(ctx context.Context, d dependency, why *reason, subject pubgrub.Package, given ...pubgrub.Term) ([]pubgrub.Clause, error) {
	id, err := p.pkg(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	n := &p.nodes[id]
	why.want = n.cand.cachedSet(d.Specifiers)
	if len(d.Specifiers) == 1 {
		n.pinned = n.pinned || isExact(d.Specifiers[0])
	}
	clause := func(t pubgrub.Term) pubgrub.Clause {
		return pubgrub.Clause{Subject: subject, Kind: int32(dependsOn), Terms: append(slices.Clone(given), t), Reason: why}
	}
	out := []pubgrub.Clause{clause(pubgrub.Term{Package: id, Set: why.want.Complement(p.Versions(id) + 1)})}
	for _, x := range d.Extras {
		out = append(out, clause(pubgrub.Term{Package: p.extraNode(id, x), Set: pubgrub.One(pubgrub.Absent)}))
	}
	return out, nil
}

func isExact(s pep440.Specifier) bool {
	return s.Op == pep440.Equal && !s.Wildcard || s.Op == pep440.Arbitrary
}

// expand returns what a release asks for, without extras or for one.
func (p *problem) expand(ctx context.Context, id pubgrub.Package, state int, extra pypi.Extra) ([]pubgrub.Clause, error) {
	k := expansion{id, state, extra}
	if p.noDeps || p.expanded[k] {
		return nil, nil
	}
	c := p.nodes[id].cand
	m, unusable, err := p.metadata(ctx, c, state)
	if err != nil {
		return nil, err
	}
	p.expanded[k] = true
	if unusable != nil {
		return []pubgrub.Clause{p.exclude(id, unusable)}, nil
	}
	deps := p.dependencies(c, m, extra)
	for _, d := range deps {
		if d.URL != "" {
			e := &exclusion{pubgrub.One(state), exclusionWhy{urlDependency, d.String()}}
			return []pubgrub.Clause{p.exclude(id, e)}, nil
		}
		if d.Name != c.name {
			p.fetch.guess(ctx, d)
		}
	}
	given := []pubgrub.Term{{Package: id, Set: pubgrub.One(state)}}
	if extra != "" {
		given = append(given, pubgrub.Term{Package: p.extraNode(id, extra), Set: pubgrub.One(1)})
	}
	var out []pubgrub.Clause
	for _, d := range deps {
		if d.Name == c.name {
			// A release that asks for another version of itself cannot be
			// installed; one that asks for its own extras is common.
			if !c.cachedSet(d.Specifiers).Has(state) {
				e := &exclusion{pubgrub.One(state), exclusionWhy{selfConflict, d.String()}}
				out = append(out, p.exclude(id, e))
			}
			for _, x := range d.Extras {
				if x == extra {
					continue
				}
				t := pubgrub.Term{Package: p.extraNode(id, x), Set: pubgrub.One(pubgrub.Absent)}
				out = append(out, pubgrub.Clause{Subject: id, Kind: int32(dependsOn), Terms: append(slices.Clone(given), t),
					Reason: &reason{kind: dependsOn, dep: d, want: c.states()}})
			}
			continue
		}
		cs, err := p.require(ctx, d, &reason{kind: dependsOn, dep: d}, id, given...)
		if err != nil {
			return nil, err
		}
		out = append(out, cs...)
	}
	return out, nil
}

// metadata waits for the metadata of a release; where it cannot be had or
// shows that the release is of no use, it says why.
func (p *problem) metadata(ctx context.Context, c *candidates, state int) (*dist.Metadata, *exclusion, error) {
	m, err := p.fetch.metadata(ctx, c, state).wait(ctx)
	var unusable *index.UnusableError
	var hash *index.HashError
	switch {
	case err == nil:
	case errors.As(err, &hash):
		return nil, nil, fmt.Errorf("%s %s: %w", c.name, c.versions[state-1], err)
	case errors.Is(err, index.ErrNeedsBuild):
		return nil, &exclusion{pubgrub.One(state), exclusionWhy{kind: needsBuild}}, nil
	case errors.As(err, &unusable):
		return nil, &exclusion{pubgrub.One(state), exclusionWhy{unreadable, unusable.Error()}}, nil
	default:
		return nil, nil, fmt.Errorf("%s %s: %w", c.name, c.versions[state-1], err)
	}
	p.stats.Metadata++
	if f := c.files[state-1]; f != nil && f.RequiresPython == "" && p.python.judge(m.RequiresPython) == refused {
		return nil, &exclusion{pubgrub.One(state), exclusionWhy{requiresPython, m.RequiresPython.String()}}, nil
	}
	return m, nil, nil
}
