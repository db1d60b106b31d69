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
	wantedNode
)

const python pubgrub.Package = 1

// node is what a package of the solver stands for.
//
// A wanted node has one version, "yes": that somebody wants an extra of a
// package, or, where several targets are resolved together, the package or an
// extra of it on one of them. What a release asks for because of an extra or
// on a target is a clause over the package, the wanted node and the dependency,
// so no version of an extra has to be kept equal to its package's.
type node struct {
	kind  nodeKind
	name  pypi.Name
	extra pypi.Extra // of a wanted node; "" for the package itself
	cand  *candidates
	base  pubgrub.Package // of a wanted node: its package
	seen  int             // order in which the package was first met

	pinned     bool // somebody asks for one exact version
	turn       int  // higher is decided earlier; raised after many conflicts
	builds     int  // releases found to need a build
	unreadable int  // releases whose metadata must not be used
	walk       walk // through its releases, as far as they failed
}

// problem answers the solver's questions. It lives on the search's goroutine.
type problem struct {
	*question
	fetch     *fetcher
	observer  Observer
	nodes     []node
	byName    map[pypi.Name]pubgrub.Package
	wanted    map[wantedKey]pubgrub.Package
	ofBase    map[pubgrub.Package][]pubgrub.Package // wanted nodes by package
	expanded  map[expansion]bool
	reasons   map[exclusionWhy]int32
	pending   []pubgrub.Clause // of packages met since the last answer
	stats     Stats
	rivals    map[[2]pubgrub.Package]int // conflicts of a package with a decision for another
	moved     int                        // how often packages changed places
	only      map[pypi.Name]pubgrub.Set  // versions besides which there are no others
	held      map[pypi.Name]int          // versions to take while they are allowed
	probing   pypi.Name                  // the package that the search is made for; "" where it is for a solution
	edges     map[pubgrub.Package][]edge // of a universal scope, by what is asked for
	tagSets   *memo[string, where]
	state     pubgrub.State
	contested *contested         // what a conflict among pins was about
	refused   map[pypi.Name]bool // packages of which somebody wants, or could use, no pin
	skipped   map[skip]string    // releases whose metadata was of no use, and why
}

// wantedKey names a wanted node; target is everywhere unless several targets
// are resolved together.
type wantedKey struct {
	extraKey
	target int
}

const everywhere = -1

// skip is a release that was left out.
type skip struct {
	name  pypi.Name
	state int
}

type expansion struct {
	p     pubgrub.Package
	state int
	extra pypi.Extra
}

// reason is why a clause holds; it is kept in pubgrub.Clause.Reason.
type reason struct {
	kind    reasonKind
	dep     dependency           // dependsOn
	from    *project.Requirement // asked: the root's requirement, or the override of it; constrained: the constraint
	written *project.Requirement // asked: the requirement that an override replaced
	excl    *exclusion           // unusable
	want    pubgrub.Set          // the versions that dep or from admit
}

type reasonKind uint8

const (
	asked       reasonKind = iota + 1 // the root requires it
	dependsOn                         // a release requires it
	constrained                       // a constraint forbids the rest
	unusable                          // releases cannot be used
	targetIs                          // the root's Python
)

// maxBuildProbes is how many source distributions of a package are read to
// learn that they need a build.
const maxBuildProbes = 3 // source distributions of a package

// maxUnreadable is how many releases of a package may turn out to have metadata
// that must not be used. Whole families of broken releases exist, of this size
// they are an index that is broken or means no good.
const maxUnreadable = 1000 // releases of a package whose metadata must not be used

// TooManyUnreadableError ends a search that does nothing but read metadata
// that must not be used.
type TooManyUnreadableError struct {
	Name   pypi.Name
	Count  int
	Detail string // of the last one
}

func (e *TooManyUnreadableError) Error() string {
	return fmt.Sprintf("%s: %d releases have unusable metadata, the last one read since %s; narrow the requirement to releases that can be used, or ask who runs the index", e.Name, e.Count, e.Detail)
}

// conflictThreshold is how many releases of a package fail against one
// decision before the two packages change places.
const conflictThreshold = 5

func newProblem(q *question, f *fetcher, o Observer) *problem {
	p := &problem{question: q, fetch: f, observer: o, byName: map[pypi.Name]pubgrub.Package{}, wanted: map[wantedKey]pubgrub.Package{},
		ofBase: map[pubgrub.Package][]pubgrub.Package{}, expanded: map[expansion]bool{}, reasons: map[exclusionWhy]int32{}, rivals: map[[2]pubgrub.Package]int{},
		edges: map[pubgrub.Package][]edge{}, tagSets: newMemo[string, where](), skipped: map[skip]string{}}
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
	p.test(c, c.states().Minus(c.excluded))
	for i := range c.exclusions {
		p.pending = append(p.pending, p.exclude(id, &c.exclusions[i])...)
	}
	if v, ok := p.only[name]; ok {
		p.pending = append(p.pending, pubgrub.Clause{Terms: []pubgrub.Term{{Package: id, Set: c.states().Minus(v)}}})
	}
	for i, con := range p.constraints[name] {
		if p.partial(con) {
			continue
		}
		want := c.cachedSet(con.Specifiers)
		p.test(c, want)
		for _, given := range p.given(id, "", con.in) {
			p.pending = append(p.pending, pubgrub.Clause{Subject: id, Kind: constraintKind(i),
				Terms:  append(given, pubgrub.Term{Package: id, Set: c.states().Minus(want)}),
				Reason: &reason{kind: constrained, from: con.Requirement, want: want}})
		}
	}
	return id, nil
}

// constraintKind tells apart the constraints on one package: each is a reason of
// its own, so their clauses must not be merged.
func constraintKind(i int) int32 { return int32(constrained) + int32(i+1)<<8 }

// partial reports whether a constraint holds in a part of a universal scope.
// It then concerns those who ask for the package there, and no others.
func (p *problem) partial(con constraint) bool {
	return p.scope.here.universal && !con.in.covers(p.scope.here)
}

// given returns the conditions under which something concerns a package, or
// an extra of it, in a part of the scope: none where it always does, else that
// the extra is wanted, on each target in question.
func (p *problem) given(id pubgrub.Package, x pypi.Extra, in where) [][]pubgrub.Term {
	wanted := func(t int) []pubgrub.Term {
		return []pubgrub.Term{{Package: p.wantedNode(id, x, t), Set: pubgrub.One(1)}}
	}
	switch {
	case x == "" && (!p.scope.several() || in.covers(p.scope.here)):
		return [][]pubgrub.Term{nil}
	case !p.scope.several():
		return [][]pubgrub.Term{wanted(everywhere)}
	}
	var out [][]pubgrub.Term
	for t := range in.each {
		out = append(out, wanted(t))
	}
	return out
}

// exclude returns the clauses that forbid releases where they cannot be used.
func (p *problem) exclude(id pubgrub.Package, e *exclusion) []pubgrub.Clause {
	return p.excludeUnder(id, "", e)
}

// excludeUnder forbids releases where an extra of theirs is wanted.
func (p *problem) excludeUnder(id pubgrub.Package, x pypi.Extra, e *exclusion) []pubgrub.Clause {
	// Releases are taken together only where they are excluded for one reason.
	if p.reasons[e.exclusionWhy] == 0 {
		p.reasons[e.exclusionWhy] = int32(len(p.reasons) + 1)
	}
	var out []pubgrub.Clause
	for _, given := range p.given(id, x, e.in) {
		terms := append(given, pubgrub.Term{Package: id, Set: e.set})
		if e.kind == requiresPython {
			terms = append(terms, pubgrub.Term{Package: python, Set: pubgrub.One(1)})
		}
		out = append(out, pubgrub.Clause{Subject: id, Kind: int32(unusable) + p.reasons[e.exclusionWhy]<<8, Terms: terms,
			Reason: &reason{kind: unusable, excl: e}})
	}
	return out
}

func (p *problem) wantedNode(base pubgrub.Package, x pypi.Extra, target int) pubgrub.Package {
	k := wantedKey{extraKey{p.nodes[base].name, x}, target}
	if id, ok := p.wanted[k]; ok {
		return id
	}
	id := pubgrub.Package(len(p.nodes))
	p.nodes = append(p.nodes, node{kind: wantedNode, name: k.name, extra: x, base: base, seen: p.nodes[base].seen})
	p.wanted[k] = id
	if x != "" {
		p.ofBase[base] = append(p.ofBase[base], id)
	}
	return id
}

// Next implements pubgrub.Source: extras first, since they cost nothing, then
// exact pins, then packages hurt by many conflicts, then in the order in which
// they were met.
func (p *problem) Next(candidates []pubgrub.Package) pubgrub.Package {
	rank := func(id pubgrub.Package) (class, seen int) {
		n := &p.nodes[id]
		switch {
		case n.kind != packageNode || n.cand.local != nil:
			return 0, n.seen
		case n.pinned || p.probing == n.name:
			return 1, n.seen
		}
		return 2 + p.moved - n.turn, n.seen
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
	if p.contested != nil {
		return 0, nil, p.contested
	}
	n := &p.nodes[id]
	if n.kind != packageNode {
		return 1, nil, nil
	}
	state := p.prefer(n.cand, allowed)
	if state == 0 {
		panic("resolver: no version to choose for " + string(n.name))
	}
	want, held := p.held[n.name]
	if held = held && allowed.Has(want); held {
		state = want
	} else if p.probing != "" && n.walk.fails >= pace.probeOver {
		return 0, nil, errProbe
	} else if n.walk.fails >= min(readAheadAfter, pace.strideAfter) || !n.walk.passed.IsEmpty() {
		state = p.stride(ctx, n, allowed, state)
	}
	if !held {
		var err error
		if state, err = p.besideLocal(id, state, allowed); err != nil {
			return 0, nil, err
		}
	}
	if n.walk.last = state; n.walk.first == 0 {
		n.walk.first = state
	}
	if at := n.cand.split[state-1]; !at.IsZero() {
		return 0, nil, p.splitPython(at)
	}
	if clauses, err := p.requireFiles(id, state); err != nil || len(clauses) > 0 {
		return 0, clauses, err
	}
	p.stats.Decisions++
	if p.observer != nil {
		p.observer.Progress(Event{Package: n.name, Stats: p.stats, Known: len(p.byName)})
	}
	return state, nil, nil
}

// Conflict implements pubgrub.Source. When releases of one package keep
// failing against the same decision for another, walking on is the wrong way:
// the two change places, so that the other one gives way. Once for each pair.
func (p *problem) Conflict(affected, culprit pubgrub.Package, cause []pubgrub.Term) pubgrub.Package {
	p.stats.Conflicts++
	p.contest(cause)
	affected, culprit = p.base(affected), p.base(culprit)
	a, c := &p.nodes[affected], &p.nodes[culprit]
	if a.kind != packageNode {
		return pubgrub.Root
	}
	a.walk.failed(a.cand, p.causeOf(affected, cause))
	if c.kind != packageNode || affected == culprit {
		return pubgrub.Root
	}
	k := [2]pubgrub.Package{affected, culprit}
	// What the project itself asks for is not held back for the sake of
	// something that it does not name, unless that has failed to its old end.
	if p.direct[c.name] && !p.direct[a.name] {
		if !a.walk.vain || p.rivals[k] >= conflictThreshold {
			return pubgrub.Root
		}
		p.rivals[k] = conflictThreshold - 1
		// Who asks for the other comes before it, and so before both.
		c.turn--
	}
	if p.rivals[k]++; p.rivals[k] != conflictThreshold || p.rivals[[2]pubgrub.Package{culprit, affected}] >= conflictThreshold {
		return pubgrub.Root
	}
	// Before anything else that has been moved, after what it gave way to.
	p.moved++
	a.turn, a.pinned = max(a.turn, p.moved), false
	c.pinned = false
	if c.turn >= a.turn {
		a.turn = c.turn + 1
	}
	return culprit
}

// base returns the package that a node is about.
func (p *problem) base(id pubgrub.Package) pubgrub.Package {
	if p.nodes[id].kind == wantedNode {
		return p.nodes[id].base
	}
	return id
}

// Clauses implements pubgrub.Source.
func (p *problem) Clauses(ctx context.Context, id pubgrub.Package, state int, st pubgrub.State) ([]pubgrub.Clause, error) {
	p.state = st
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
	case wantedNode:
		if v := st.Version(n.base); v != pubgrub.Absent && n.extra != "" {
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
	deps := make([]dependency, len(p.requirements))
	for i, r := range p.requirements {
		deps[i] = r.dependency
		p.fetch.guess(ctx, r.dependency)
	}
	if err := p.diverge(ctx, deps); err != nil {
		return nil, err
	}
	for i := range p.requirements {
		r := &p.requirements[i]
		if p.strange(r.dependency) {
			return nil, unsupportedURL(r)
		}
		cs, err := p.require(ctx, r.dependency, &reason{kind: asked, dep: r.dependency, from: r.from, written: r.written}, pubgrub.Root, "", root)
		if err != nil {
			return nil, err
		}
		out = append(out, cs...)
	}
	return out, nil
}

func unsupportedURL(r *rootRequirement) error {
	return fmt.Errorf("%s: %s is not read: %s", r.from.Place, r.Name, project.Redact(r.dependency.String()))
}

// require returns the clauses "if the term holds, and the extra of the
// subject is wanted, then the dependency holds", for each target where it does.
func (p *problem) require(ctx context.Context, d dependency, why *reason, subject pubgrub.Package, extra pypi.Extra, given pubgrub.Term) ([]pubgrub.Clause, error) {
	id, err := p.pkg(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	n := &p.nodes[id]
	if p.scope.here.universal {
		p.edges[id] = append(p.edges[id], edge{subject, given.Set.First(), d.in})
	}
	why.want = n.cand.cachedSet(d.Specifiers)
	p.test(n.cand, why.want)
	if len(d.Specifiers) == 1 {
		n.pinned = n.pinned || isExact(d.Specifiers[0])
	}
	var out []pubgrub.Clause
	clause := func(t pubgrub.Term, target int) {
		terms := []pubgrub.Term{given}
		if subject != pubgrub.Root && (extra != "" || target != everywhere) {
			terms = append(terms, pubgrub.Term{Package: p.wantedNode(subject, extra, target), Set: pubgrub.One(1)})
		}
		out = append(out, pubgrub.Clause{Subject: subject, Kind: int32(dependsOn), Terms: append(terms, t), Reason: why})
	}
	version := pubgrub.Term{Package: id, Set: why.want.Complement(p.Versions(id) + 1)}
	if !p.scope.several() {
		clause(version, everywhere)
		for i, con := range p.constraints[d.Name] {
			if !p.partial(con) || con.in.and(d.in).isNone() {
				continue
			}
			want := n.cand.cachedSet(con.Specifiers)
			p.test(n.cand, want)
			bound := out[0]
			bound.Kind = constraintKind(i)
			bound.Terms = append(slices.Clone(bound.Terms[:len(bound.Terms)-1]), pubgrub.Term{Package: id, Set: n.cand.states().Minus(want)})
			bound.Reason = &reason{kind: constrained, from: con.Requirement, want: want}
			out = append(out, bound)
		}
		for _, x := range d.Extras {
			clause(pubgrub.Term{Package: p.wantedNode(id, x, everywhere), Set: pubgrub.One(pubgrub.Absent)}, everywhere)
		}
		return out, nil
	}
	// The root is on every target, and so is a release as such: what holds on
	// all of them needs no clause a target.
	whole := subject == pubgrub.Root || extra == "" && d.in.covers(p.scope.here)
	if whole {
		clause(version, everywhere)
	}
	for t := range d.in.each {
		if !whole {
			clause(version, t)
		}
		for _, x := range append([]pypi.Extra{""}, d.Extras...) {
			clause(pubgrub.Term{Package: p.wantedNode(id, x, t), Set: pubgrub.One(pubgrub.Absent)}, t)
		}
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
	var out []pubgrub.Clause
	if unusable != nil {
		switch n := &p.nodes[id]; unusable.kind {
		case needsBuild:
			p.giveUpSdists(id, unusable)
		case unreadable:
			if n.unreadable++; n.unreadable == maxUnreadable {
				return nil, &TooManyUnreadableError{c.name, maxUnreadable, unusable.detail}
			}
		}
		out = p.exclude(id, unusable)
		if unusable.in.covers(p.scope.here) {
			return out, nil
		}
	}
	deps := p.dependencies(c, m, extra)
	for _, d := range deps {
		if !p.strange(d) && d.Name != c.name {
			p.fetch.guess(ctx, d)
		}
	}
	if err := p.diverge(ctx, deps); err != nil {
		return nil, err
	}
	given := pubgrub.Term{Package: id, Set: pubgrub.One(state)}
	for _, d := range deps {
		if p.strange(d) {
			e := p.exclusion(state, urlDependency, d.String())
			e.in = d.in
			out = append(out, p.excludeUnder(id, extra, e)...)
			continue
		}
		why := &reason{kind: dependsOn, dep: d}
		if d.Name == c.name {
			// A release that asks for another version of itself cannot be
			// installed; one that asks for its own extras is common.
			if !c.cachedSet(d.Specifiers).Has(state) {
				e := p.exclusion(state, selfConflict, d.String())
				e.in = d.in
				out = append(out, p.excludeUnder(id, extra, e)...)
			}
			if d.Extras = slices.DeleteFunc(slices.Clone(d.Extras), func(x pypi.Extra) bool { return x == extra }); len(d.Extras) == 0 {
				continue
			}
			// What is left is that the extras are wanted.
			d.Specifiers = nil
		}
		cs, err := p.require(ctx, d, why, id, extra, given)
		if err != nil {
			return nil, err
		}
		for _, cl := range cs {
			if d.Name != c.name || p.nodes[cl.Terms[len(cl.Terms)-1].Package].kind == wantedNode {
				out = append(out, cl)
			}
		}
	}
	return out, nil
}

// giveUpSdists widens the exclusion of a release that needs a build, after a
// few of them, to all older releases that have nothing but a source
// distribution: those state less, not more, and reading each whole to learn
// that it says nothing takes minutes.
func (p *problem) giveUpSdists(id pubgrub.Package, e *exclusion) {
	n := &p.nodes[id]
	if n.builds++; n.builds < maxBuildProbes {
		return
	}
	var spans []pubgrub.Span
	for s := e.set.First() - 1; s > 0; s-- {
		if f := n.cand.file(s); f != nil && f.IsSdist() {
			spans = append(spans, pubgrub.Span{Lo: int32(s), Hi: int32(s + 1)})
		}
	}
	e.set = e.set.Union(pubgrub.Of(spans...))
}

func (p *problem) exclusion(state int, kind exclusionKind, detail string) *exclusion {
	return &exclusion{pubgrub.One(state), p.scope.here, exclusionWhy{kind, detail}}
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
		p.skipped[skip{c.name, state}] = "it has only a source distribution whose dependencies a build would have to tell: allow that with --build, choose a version with wheels, or state them in [tool.uv] dependency-metadata"
		return nil, p.exclusion(state, needsBuild, ""), nil
	case errors.As(err, &unusable):
		p.skipped[skip{c.name, state}] = unusable.Error()
		return nil, p.exclusion(state, unreadable, unusable.Error()), nil
	default:
		return nil, nil, fmt.Errorf("%s %s: %w", c.name, c.versions[state-1], err)
	}
	if c.file(state) != nil && len(m.RequiresPython) > 0 && p.requiresPython(c, state) == "" {
		if p.scope.here.universal {
			at, ok := p.splitAt(m.RequiresPython)
			if ok && !at.IsZero() {
				return nil, nil, p.splitPython(at)
			} else if !ok {
				return nil, p.exclusion(state, requiresPython, m.RequiresPython.String()), nil
			}
			return m, nil, nil
		}
		var in where
		for t := range p.scope.here.each {
			if admits(m.RequiresPython, p.scope.pythons[t]) == refused {
				in.bits |= 1 << t
			}
		}
		if !in.isNone() {
			e := p.exclusion(state, requiresPython, m.RequiresPython.String())
			e.in = in
			return m, e, nil
		}
	}
	return m, nil, nil
}
