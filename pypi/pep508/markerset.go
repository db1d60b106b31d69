package pep508

import (
	"errors"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// A MarkerSet is the set of the environments, with the extras active there, in which a marker holds by uv's reading:
// Python versions are releases, and an extra is active or not independently of others. The zero MarkerSet is that of
// all. Sets are immutable, canonical and safe for concurrent use.
//
// An operation that would grow too large gives a set of which Err is ErrTooComplex, as does every operation on such a
// set; all questions about it are answered no. Ask Err once, at the end.
type MarkerSet struct {
	root  *node // nil: all
	known bool  // the environments are those that exist
	err   error
}

// ErrTooComplex says that a set, or the text of it, is too large.
var ErrTooComplex = errors.New("the marker is too complex, simplify the markers that were combined")

// Set gives the environments in which m holds, where variables take any values.
func (m Marker) Set() MarkerSet { return m.set(false) }

// KnownSet is Set with what is known of the values that go together: platform_system is spelled as the sys_platform that
// says the same, and a set is empty, or full, if no environment that exists is in it, or outside it. Possible has the
// rules. What is made of a known set is known.
func (m Marker) KnownSet() MarkerSet { return m.set(true) }

func (m Marker) set(known bool) MarkerSet {
	if m.root == nil {
		return MarkerSet{known: known}
	}
	b := new(builder)
	n, void := b.group(m.root, known)
	if void {
		n = trueNode
	}
	return b.result(n, known)
}

// group gives the node of what has meaning; void tells that nothing has.
func (b *builder) group(g group, known bool) (n *node, void bool) {
	var or []*node
	for _, conjunction := range g {
		if n, void := b.conjunction(conjunction, known); !void {
			or = append(or, n)
		}
	}
	return b.combineAll(disjunction, or, known), len(or) == 0
}

func (b *builder) conjunction(terms []term, known bool) (n *node, void bool) {
	var and []*node
	for _, t := range terms {
		if t.atom == nil {
			if n, void := b.group(t.group, known); !void {
				and = append(and, n)
			}
		} else if l := t.atom.leaf; l.kind != leafVoid {
			if known {
				l = asSysPlatform(l)
			}
			and = append(and, b.leaf(&l))
		}
	}
	return b.combineAll(conjunction, and, known), len(and) == 0
}

// combineAll combines nodes in pairs, and the results again, which makes fewer nodes than one after the other.
func (b *builder) combineAll(op operation, all []*node, known bool) *node {
	switch len(all) {
	case 0:
		return terminal(op == conjunction)
	case 1:
		return all[0]
	}
	half := len(all) / 2
	return b.combine(op, b.combineAll(op, all[:half], known), b.combineAll(op, all[half:], known), known)
}

// combine is apply, and with known the result is constant where it is so in all environments that exist.
func (b *builder) combine(op operation, x, y *node, known bool) *node {
	n := b.apply(op, x, y)
	if !known || n.isTerminal() || !n.asksPlatform() && n.members&platformMembers == 0 {
		return n
	}
	for _, t := range []*node{falseNode, trueNode} {
		if b.isConstant(n, t) {
			return t
		}
	}
	return n
}

func (b *builder) result(n *node, known bool) MarkerSet {
	if b.full {
		return MarkerSet{known: known, err: ErrTooComplex}
	}
	return MarkerSet{root: n, known: known}
}

func (s MarkerSet) node() *node {
	if s.root == nil {
		return trueNode
	}
	return s.root
}

func (s MarkerSet) combine(op operation, t MarkerSet) MarkerSet {
	known := s.known || t.known
	if s.err != nil || t.err != nil {
		return MarkerSet{known: known, err: ErrTooComplex}
	}
	x, y := s.node(), t.node()
	if x.isTerminal() || y.isTerminal() || x == y {
		var none builder
		return MarkerSet{root: none.apply(op, x, y), known: known}
	}
	b := new(builder)
	return b.result(b.combine(op, b.adopt(x), b.adopt(y), known), known)
}

// And gives the intersection.
func (s MarkerSet) And(t MarkerSet) MarkerSet { return s.combine(conjunction, t) }

// Or gives the union.
func (s MarkerSet) Or(t MarkerSet) MarkerSet { return s.combine(disjunction, t) }

// Not gives the complement.
func (s MarkerSet) Not() MarkerSet {
	return s.rebuild(func(b *builder, n *node) *node { return b.not(n) })
}

func (s MarkerSet) rebuild(f func(b *builder, n *node) *node) MarkerSet {
	if s.err != nil {
		return s
	}
	b := new(builder)
	return b.result(f(b, b.adopt(s.node())), s.known)
}

// Err is ErrTooComplex for a set that could not be made, else nil.
func (s MarkerSet) Err() error { return s.err }

// IsTrue tells whether s has all environments.
func (s MarkerSet) IsTrue() bool { return s.err == nil && s.node() == trueNode }

// IsFalse tells whether s has none.
func (s MarkerSet) IsFalse() bool { return s.err == nil && s.node() == falseNode }

// Equal tells whether s and t are the same set, known sets in the same writing.
func (s MarkerSet) Equal(t MarkerSet) bool {
	return s.err == nil && t.err == nil && equal(s.node(), t.node())
}

// Disjoint tells whether no environment is in both.
func (s MarkerSet) Disjoint(t MarkerSet) bool { return s.And(t).IsFalse() }

// Implies tells whether s is a subset of t.
func (s MarkerSet) Implies(t MarkerSet) bool { return s.Disjoint(t.Not()) }

// Simplify gives a set that equals s inside assumption, is arbitrary outside, and has a short text. It is empty where
// assumption is.
func (s MarkerSet) Simplify(assumption MarkerSet) MarkerSet {
	if s.err != nil || assumption.err != nil {
		return MarkerSet{known: s.known, err: ErrTooComplex}
	}
	return s.rebuild(func(b *builder, n *node) *node {
		if assumption.IsFalse() || s.known && s.Disjoint(assumption) {
			return falseNode
		}
		if s.known && assumption.Implies(s) {
			return trueNode
		}
		return b.restrict(n, b.adopt(assumption.node()))
	})
}

// Contains tells whether an environment with these extras active is in s.
func (s MarkerSet) Contains(env Environment, extras ...pypi.Extra) bool {
	n := s.node()
	for !n.isTerminal() {
		i := child(n, &env)
		if i < 0 {
			i = 0
			if n.key.holds(&env, extras...) {
				i = 1
			}
		}
		n = n.kids[i]
	}
	return s.err == nil && n == trueNode
}

// child gives the index of the child for an environment, or -1 where an extra decides.
func child(n *node, env *Environment) int {
	switch n.key.kind {
	case keyValue:
		p, ok := env.position(n.key.v)
		if !ok {
			return 0
		}
		i, _ := slices.BinarySearchFunc(n.cuts, p, func(c cut, p position) int {
			if c.isBelow(p) {
				return -1
			}
			return 1
		})
		return i
	case keyIn, keyContains:
		if n.key.holds(env) {
			return 1
		}
		return 0
	}
	return -1
}

// In gives the extras with which env is in s: a set that asks of extras alone.
func (s MarkerSet) In(env Environment) MarkerSet {
	return s.rebuild(func(b *builder, n *node) *node {
		return b.answer(n, func(n *node) int { return child(n, &env) }, map[*node]*node{})
	})
}

// WithExtra gives what s says where an extra is active, or inactive.
func (s MarkerSet) WithExtra(extra pypi.Extra, active bool) MarkerSet {
	return s.rebuild(func(b *builder, n *node) *node {
		return b.answer(n, func(n *node) int {
			switch {
			case n.key.kind != keyExtra || n.key.text != string(extra):
				return -1
			case active:
				return 1
			}
			return 0
		}, map[*node]*node{})
	})
}

// WithoutExtras gives the environments that are in s with some extras active or none.
func (s MarkerSet) WithoutExtras() MarkerSet {
	return s.rebuild(func(b *builder, n *node) *node {
		return b.project(n, func(k key) bool { return k.kind != keyExtra }, map[*node]*node{})
	})
}

// Extras gives the extras that s asks of, sorted.
func (s MarkerSet) Extras() []pypi.Extra {
	var extras []pypi.Extra
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.key.kind == keyExtra && !n.isTerminal() {
			extras = append(extras, pypi.Extra(n.key.text))
		}
		for _, kid := range n.kids {
			walk(kid)
		}
	}
	walk(s.node())
	slices.Sort(extras)
	return slices.Compact(extras)
}

// RequiresPython gives the environments whose python_full_version, as a release, every specifier admits. A === clause
// with no version admits all.
func RequiresPython(specifiers pep440.Specifiers) MarkerSet {
	b := new(builder)
	n := trueNode
	for _, specifier := range specifiers {
		if !specifier.Version.IsZero() {
			l := spanLeaf(key{kind: keyValue, v: varPythonFullVersion},
				releaseSpan(specifier.Op, specifier.Version.Release(), specifier.Wildcard))
			n = b.and(n, b.leaf(&l))
		}
	}
	return b.result(n, false)
}

// Python gives the Python versions for which some environment is in s; all, where Err is not nil. A pre-release of 3.12
// counts as less than 3.12.
func (s MarkerSet) Python() pep440.Set {
	if s.err != nil {
		return pep440.Full()
	}
	b := new(builder)
	n := b.project(b.adopt(s.node()), func(k key) bool { return k.kind == keyValue && k.v == varPythonFullVersion },
		map[*node]*node{})
	if b.full {
		return pep440.Full()
	}
	set := pep440.Empty()
	if n.isTerminal() {
		if n == trueNode {
			set = pep440.Full()
		}
		return set
	}
	for i, kid := range n.kids {
		if kid == falseNode {
			continue
		}
		interval := pep440.Full()
		if i > 0 {
			interval = n.cuts[i-1].above()
		}
		if i < len(n.cuts) {
			interval = interval.Intersect(n.cuts[i].above().Complement())
		}
		set = set.Union(interval)
	}
	return set
}

// above gives the versions above a cut between releases.
func (c cut) above() pep440.Set {
	v := pep440.MustParse(c.releaseString())
	if c.after {
		return pep440.Specifier{Op: pep440.LessEqual, Version: v}.Set().Complement()
	}
	return pep440.Specifier{Op: pep440.GreaterEqual, Version: v}.Set()
}

// WithoutOSName gives the environments that are in s with some os_name. Where os_name follows from sys_platform, as
// Possible knows, a set asks of it in vain.
func (s MarkerSet) WithoutOSName() MarkerSet {
	return s.rebuild(func(b *builder, n *node) *node {
		return b.project(n, func(k key) bool { return k.kind == keyExtra || k.v != varOSName }, map[*node]*node{})
	})
}
