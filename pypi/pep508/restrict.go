package pep508

// restrict gives a node that equals x where y holds, and is simple; y is not false.
func (b *builder) restrict(x, y *node) *node {
	switch {
	case x.isTerminal(), y == trueNode:
		return x
	case x == y:
		return trueNode
	case y == falseNode, b.full:
		return falseNode
	}
	c := call{restriction, x, y}
	if known, ok := b.memo.get(c); ok {
		return known
	}
	var n *node
	switch order := x.key.compare(y.key); {
	case order < 0:
		n = b.each(x, func(kid *node) *node { return b.restrict(kid, y) })
	case order > 0:
		n = b.restrict(x, b.any(y))
	default:
		var kids []*node // nil where y does not hold
		cuts := merge(x, y, func(x, y *node) {
			if y == falseNode {
				kids = append(kids, nil)
			} else {
				kids = append(kids, b.restrict(x, y))
			}
		})
		fill(x.key, cuts, kids)
		n = b.make(x.key, cuts, kids)
	}
	b.memo.put(c, n)
	return n
}

// fill puts a child where none is needed so that few cuts remain: of a text, of which single values are split off, that
// of all other values, else the neighbour's.
func fill(k key, cuts []cut, kids []*node) {
	inOrder := k.kind == keyValue && (!k.v.isString() || k.v.isOrdered())
	var fallback *node
	for i, kid := range kids {
		if kid == nil {
			continue
		}
		if _, isSingle := singlePoint(cuts, i); fallback == nil || !inOrder && !isSingle {
			fallback = kid
		}
		if inOrder {
			break
		}
	}
	for i, kid := range kids {
		if kid == nil {
			kids[i] = fallback
		} else if inOrder {
			fallback = kid
		}
	}
}

// any gives the disjunction of the children.
func (b *builder) any(n *node) *node {
	all := falseNode
	for _, kid := range n.kids {
		all = b.or(all, kid)
	}
	return all
}

// project leaves only the decisions of which keep tells, and holds where n holds for some answer to the others.
func (b *builder) project(n *node, keep func(key) bool, memo map[*node]*node) *node {
	if n.isTerminal() || b.full {
		return n
	}
	if known := memo[n]; known != nil {
		return known
	}
	kids := make([]*node, len(n.kids))
	for i, kid := range n.kids {
		kids[i] = b.project(kid, keep, memo)
	}
	var m *node
	if keep(n.key) {
		m = b.make(n.key, n.cuts, kids)
	} else {
		m = b.any(&node{kids: kids})
	}
	memo[n] = m
	return m
}

// answer replaces decisions by what is known of their keys; known gives the index of the child, or -1.
func (b *builder) answer(n *node, known func(*node) int, memo map[*node]*node) *node {
	if n.isTerminal() {
		return n
	}
	if m := memo[n]; m != nil {
		return m
	}
	var m *node
	if i := known(n); i >= 0 {
		m = b.answer(n.kids[i], known, memo)
	} else {
		m = b.each(n, func(kid *node) *node { return b.answer(kid, known, memo) })
	}
	memo[n] = m
	return m
}
