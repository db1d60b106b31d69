package pep508

import "slices"

// How much work one operation on sets may be.
const (
	maxNodes = 1 << 16 // nodes made
	maxSteps = 1 << 18 // pairs of nodes combined
)

// A builder makes the nodes of one diagram, each once. When it has made too many it makes nonsense, and full tells so.
type builder struct {
	nodes   table[uint64, *node] // by hash, or by the next free number
	adopted table[*node, *node]
	memo    table[call, *node]
	parts   table[part, *node]
	made    int
	full    bool
}

// A table is a map that is quick where there are few entries.
type table[K comparable, V any] struct {
	keys   []K
	values []V
	large  map[K]V // all entries, once there are more than a few
}

func (t *table[K, V]) get(k K) (v V, ok bool) {
	if t.large != nil {
		v, ok = t.large[k]
		return v, ok
	}
	for i := range t.keys {
		if t.keys[i] == k {
			return t.values[i], true
		}
	}
	return v, false
}

// put adds an entry for a key that has none.
func (t *table[K, V]) put(k K, v V) {
	const few = 16
	t.keys, t.values = append(t.keys, k), append(t.values, v)
	if t.large == nil && len(t.keys) > few {
		t.large = make(map[K]V, 4*few)
		for i, k := range t.keys {
			t.large[k] = t.values[i]
		}
	} else if t.large != nil {
		t.large[k] = v
	}
}

// A call is an operation on two nodes.
type call struct {
	op   operation
	x, y *node
}

// A part is what a node says where a text variable has a certain value.
type part struct {
	n    *node
	v    variable
	text string
}

type operation uint8

const (
	conjunction operation = iota
	disjunction
	negation    // of x
	restriction // of x to where y holds
)

// adopt makes the diagram of n part of this one.
func (b *builder) adopt(n *node) *node {
	if n.isTerminal() {
		return n
	}
	if known, ok := b.adopted.get(n); ok {
		return known
	}
	var kids []*node // nil while they are those of n
	for i, kid := range n.kids {
		m := b.adopt(kid)
		if m != kid && kids == nil {
			kids = slices.Clone(n.kids)
		}
		if kids != nil {
			kids[i] = m
		}
	}
	m := n
	if kids != nil {
		m = &node{key: n.key, cuts: n.cuts, kids: kids, members: n.members, hash: n.hash}
	}
	m = b.unique(m)
	b.adopted.put(n, m)
	return m
}

// unique gives the node of this diagram that equals n, which becomes it if there is none.
func (b *builder) unique(n *node) *node {
	for place := n.hash; ; place++ {
		m, ok := b.nodes.get(place)
		if !ok {
			if b.made++; b.made > maxNodes {
				b.full = true
			}
			b.nodes.put(place, n)
			return n
		}
		if m == n || m.key == n.key && slices.Equal(m.kids, n.kids) && slices.Equal(m.cuts, n.cuts) {
			return m
		}
	}
}
