package pep508

import (
	"slices"
	"strings"
)

// A node is a decision of a diagram, reduced and ordered: each path asks keys in ascending order, no node has equal
// children side by side, and within one diagram no two nodes are equal. Nodes are immutable.
//
// A node of kind keyValue splits the values of a variable at cuts. Where a text variable has one certain value, what is
// asked of its parts (keyIn, keyContains) is known, so it is not asked below that value; and a value is split off only
// if it leads elsewhere than its neighbours do with that knowledge.
type node struct {
	key     key
	cuts    []cut   // of keyValue, else nil
	kids    []*node // of keyValue one more than cuts, ascending; else where the key is false, and where it is true
	members uint16  // of which variables parts are asked here or below, a bit for each
	hash    uint64
}

var (
	falseNode = &node{hash: 1}
	trueNode  = &node{hash: 2}
)

func (n *node) isTerminal() bool { return n.kids == nil }

func (k key) member() uint16 {
	if k.kind == keyIn || k.kind == keyContains {
		return 1 << k.v
	}
	return 0
}

// leaf gives the node for the meaning of a comparison.
func (b *builder) leaf(l *leaf) *node {
	switch l.kind {
	case leafSpan:
		kids := make([]*node, len(l.span.cuts)+1)
		for i := range kids {
			kids[i] = terminal(l.span.first == (i%2 == 0))
		}
		return b.make(l.key, l.span.cuts, kids)
	case leafFlag:
		return b.make(l.key, nil, []*node{terminal(!l.want), terminal(l.want)})
	}
	return terminal(l.kind == leafTrue)
}

func terminal(holds bool) *node {
	if holds {
		return trueNode
	}
	return falseNode
}

// make gives the reduced node that asks k. It may change kids, and keeps cuts and kids.
func (b *builder) make(k key, cuts []cut, kids []*node) *node {
	if k.kind == keyValue {
		cuts, kids = b.reduce(k.v, cuts, kids)
	} else if kids[0] == kids[1] {
		kids = kids[:1]
	}
	if len(kids) == 1 {
		return kids[0]
	}
	n := &node{key: k, cuts: cuts, kids: kids, members: k.member(), hash: hash(k, cuts, kids)}
	for _, kid := range kids {
		n.members |= kid.members
	}
	return b.unique(n)
}

// reduce makes use of what a certain value of v tells of its parts, and removes the cuts without need.
func (b *builder) reduce(v variable, cuts []cut, kids []*node) ([]cut, []*node) {
	asksParts := false
	for i, kid := range kids {
		if kid.members&(1<<v) == 0 {
			continue
		}
		asksParts = true
		if text, ok := single(cuts, i); ok {
			kids[i] = b.resolve(kid, v, text)
		}
	}
	if asksParts {
		for i := range kids {
			text, ok := single(cuts, i)
			switch {
			case !ok:
			case i > 0 && b.resolve(kids[i-1], v, text) == kids[i]:
				kids[i] = kids[i-1]
			case i+1 < len(kids) && b.resolve(kids[i+1], v, text) == kids[i]:
				kids[i] = kids[i+1]
			}
		}
	}
	cuts, kids = compress(cuts, kids)
	if asksParts {
		// A value that is right on either side of a cut goes to the left, so that the cut has one place.
		for i, c := range cuts {
			if _, isSingle := single(cuts, i+1); !c.after && !isSingle &&
				b.resolve(kids[i], v, c.text) == b.resolve(kids[i+1], v, c.text) {
				cuts = slices.Clone(cuts)
				cuts[i].after = true
			}
		}
	}
	return cuts, kids
}

// compress removes the cuts between equal children.
func compress(cuts []cut, kids []*node) ([]cut, []*node) {
	same := 0
	for i := 1; i < len(kids); i++ {
		if kids[i] == kids[i-1] {
			same++
		}
	}
	if same == 0 {
		return cuts, kids
	}
	keptCuts, keptKids := make([]cut, 0, len(cuts)-same), append(make([]*node, 0, len(kids)-same), kids[0])
	for i, c := range cuts {
		if kids[i+1] != kids[i] {
			keptCuts, keptKids = append(keptCuts, c), append(keptKids, kids[i+1])
		}
	}
	return keptCuts, keptKids
}

// single gives the text of the only value between cuts i-1 and i, if there is but one.
func single(cuts []cut, i int) (text string, ok bool) {
	p, ok := singlePoint(cuts, i)
	return p.text, ok
}

func singlePoint(cuts []cut, i int) (p point, ok bool) {
	if i >= len(cuts) || !cuts[i].after {
		return p, false
	}
	p = cuts[i].point
	if i == 0 {
		return p, p == point{}
	}
	return p, cuts[i-1] == cut{p, false}
}

// resolve answers what n asks of the parts of v where v is text.
func (b *builder) resolve(n *node, v variable, text string) *node {
	if n.members&(1<<v) == 0 {
		return n
	}
	p := part{n, v, text}
	if known, ok := b.parts.get(p); ok {
		return known
	}
	var m *node
	switch {
	case n.key.member() != 1<<v:
		m = b.each(n, func(kid *node) *node { return b.resolve(kid, v, text) })
	case n.key.kind == keyIn && strings.Contains(n.key.text, text),
		n.key.kind == keyContains && strings.Contains(text, n.key.text):
		m = b.resolve(n.kids[1], v, text)
	default:
		m = b.resolve(n.kids[0], v, text)
	}
	b.parts.put(p, m)
	return m
}

// each applies f to the children.
func (b *builder) each(n *node, f func(*node) *node) *node {
	kids := make([]*node, len(n.kids))
	for i, kid := range n.kids {
		kids[i] = f(kid)
	}
	return b.make(n.key, n.cuts, kids)
}

func (b *builder) and(x, y *node) *node { return b.apply(conjunction, x, y) }
func (b *builder) or(x, y *node) *node  { return b.apply(disjunction, x, y) }

func (b *builder) not(x *node) *node {
	if x.isTerminal() {
		return terminal(x == falseNode)
	}
	c := call{op: negation, x: x}
	if known, ok := b.memo.get(c); ok {
		return known
	}
	n := b.each(x, b.not)
	b.memo.put(c, n)
	return n
}

func (b *builder) apply(op operation, x, y *node) *node {
	absorbing, neutral := falseNode, trueNode
	if op == disjunction {
		absorbing, neutral = trueNode, falseNode
	}
	switch {
	case x == absorbing, y == absorbing:
		return absorbing
	case x == neutral, x == y:
		return y
	case y == neutral:
		return x
	case b.full:
		return absorbing
	}
	order := x.key.compare(y.key)
	if order > 0 || order == 0 && x.hash > y.hash {
		x, y, order = y, x, -order
	}
	c := call{op, x, y}
	if known, ok := b.memo.get(c); ok {
		return known
	}
	var n *node
	if order < 0 {
		n = b.each(x, func(kid *node) *node { return b.apply(op, kid, y) })
	} else {
		kids := make([]*node, 0, len(x.kids)+len(y.kids)-1)
		cuts := merge(x, y, func(x, y *node) { kids = append(kids, b.apply(op, x, y)) })
		n = b.make(x.key, cuts, kids)
	}
	if b.memo.put(c, n); len(b.memo.keys) > maxSteps {
		b.full = true
	}
	return n
}

// merge visits the children of two nodes of one key pairwise, with both nodes' cuts taken together.
func merge(x, y *node, visit func(x, y *node)) []cut {
	if x.key.kind != keyValue {
		visit(x.kids[0], y.kids[0])
		visit(x.kids[1], y.kids[1])
		return nil
	}
	cuts := make([]cut, 0, len(x.cuts)+len(y.cuts))
	for i, j := 0, 0; ; {
		visit(x.kids[i], y.kids[j])
		order := -1
		switch {
		case i == len(x.cuts) && j == len(y.cuts):
			return cuts
		case i == len(x.cuts):
			order = 1
		case j < len(y.cuts):
			order = x.cuts[i].compare(y.cuts[j])
		}
		if order <= 0 {
			cuts = append(cuts, x.cuts[i])
			i++
		} else {
			cuts = append(cuts, y.cuts[j])
		}
		if order >= 0 {
			j++
		}
	}
}

// equal tells whether two diagrams are the same.
func equal(x, y *node) bool {
	if x == y {
		return true
	}
	if x.hash != y.hash {
		return false
	}
	b := new(builder)
	return b.adopt(x) == b.adopt(y)
}

// hash is a hash of a node's content, the same in each process.
func hash(k key, cuts []cut, kids []*node) uint64 {
	const prime = 1099511628211 // of FNV-1a
	h := uint64(14695981039346656037)
	number := func(n uint64) { h = (h ^ n) * prime; h ^= h >> 29 }
	text := func(s string) {
		for i := 0; i < len(s); i++ {
			h = (h ^ uint64(s[i])) * prime
		}
		number(uint64(len(s)))
	}
	number(uint64(k.kind)<<8 | uint64(k.v))
	text(k.text)
	for _, c := range cuts {
		number(c.packed)
		text(c.text)
		if c.after {
			number(1)
		}
	}
	for _, kid := range kids {
		number(kid.hash)
	}
	return h
}
