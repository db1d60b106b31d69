package pep508

import (
	"cmp"
	"slices"
	"strings"
)

// A literal is a comparison of the text of a set.
type literal struct {
	leaf leaf
	text string
}

// rank orders the comparisons of a conjunction for the reader: versions, texts by name, sets, extras.
func (l *literal) rank() int {
	switch k := l.leaf.key; {
	case k.kind == keyExtra:
		return 102
	case k.kind == keyList:
		return 100 + int(k.v-varExtras)
	case k.v.isVersion():
		return int(k.v - varImplementationVersion)
	default:
		return 10 + slices.Index([]variable{varImplementationName, varOSName, varPlatformMachine,
			varPlatformPythonImplementation, varPlatformRelease, varPlatformSystem, varPlatformVersion, varSysPlatform}, k.v)
	}
}

// String is the text of s in uv's spelling, a disjunction of conjunctions: "" for all environments, "python_version < '0'"
// for none, and for a set that is too complex, or has no text short enough, "(too complex)".
func (s MarkerSet) String() string {
	text, err := s.render()
	if err != nil {
		return "(too complex)"
	}
	return text
}

// Marker gives a marker that holds in s. The error is ErrTooComplex.
func (s MarkerSet) Marker() (Marker, error) {
	text, err := s.render()
	if err != nil || text == "" {
		return Marker{}, err
	}
	m, _, err := ParseMarker(text)
	return m, err
}

func (s MarkerSet) render() (string, error) {
	switch {
	case s.err != nil:
		return "", s.err
	case s.IsTrue():
		return "", nil
	case s.IsFalse():
		return "python_version < '0'", nil
	}
	b := new(builder)
	root := b.adopt(s.node())
	p := paths{builder: b, budget: maxPathLiterals}
	p.walk(root)
	if p.budget < 0 {
		return "", ErrTooComplex
	}
	clauses := b.minimal(root, p.clauses)
	terms := 0
	for _, clause := range clauses {
		terms += len(clause)
	}
	if b.full || terms > MaxMarkerTerms {
		return "", ErrTooComplex
	}

	for _, clause := range clauses {
		slices.SortStableFunc(clause, func(x, y literal) int { return cmp.Compare(x.rank(), y.rank()) })
	}
	slices.SortStableFunc(clauses, func(x, y []literal) int {
		return slices.CompareFunc(x, y, func(x, y literal) int { return cmp.Compare(x.rank(), y.rank()) })
	})
	var text strings.Builder
	for i, clause := range clauses {
		if i > 0 {
			text.WriteString(" or ")
		}
		parentheses := len(clauses) > 1 && len(clause) > 1
		if parentheses {
			text.WriteByte('(')
		}
		for j, l := range clause {
			if j > 0 {
				text.WriteString(" and ")
			}
			text.WriteString(l.text)
		}
		if parentheses {
			text.WriteByte(')')
		}
	}
	return text.String(), nil
}

// minimal removes the literals and clauses without which the disjunction is still root.
func (b *builder) minimal(root *node, clauses [][]literal) [][]literal {
	outside := b.not(root)
	nodes := make([]*node, len(clauses))
	for i, clause := range clauses {
		// rest[j] is what the literals from j on give.
		rest := make([]*node, len(clause)+1)
		rest[len(clause)] = trueNode
		for j := len(clause) - 1; j >= 0; j-- {
			rest[j] = b.and(rest[j+1], b.leaf(&clause[j].leaf))
		}
		var kept []literal
		nodes[i] = trueNode
		for j, l := range clause {
			if len(kept)+len(clause) > j+1 && b.and(b.and(nodes[i], rest[j+1]), outside) == falseNode {
				continue
			}
			kept = append(kept, l)
			nodes[i] = b.and(nodes[i], b.leaf(&l.leaf))
		}
		clauses[i] = kept
	}
	// after[i] is what the clauses from i on give.
	after := make([]*node, len(clauses)+1)
	after[len(clauses)] = falseNode
	for i := len(clauses) - 1; i >= 0; i-- {
		after[i] = b.or(after[i+1], nodes[i])
	}
	before := falseNode
	var kept [][]literal
	for i, clause := range clauses {
		if b.and(b.not(b.or(before, after[i+1])), root) != falseNode {
			before = b.or(before, nodes[i])
			kept = append(kept, clause)
		}
	}
	return kept
}

// maxPathLiterals is how many literals a disjunction may have before it is made minimal.
const maxPathLiterals = 1 << 14

// paths collects the conjunctions of the paths that lead to true.
type paths struct {
	builder *builder
	path    []literal
	clauses [][]literal
	budget  int // literals left
}

func (p *paths) walk(n *node) {
	switch {
	case n == falseNode, p.budget < 0:
	case n == trueNode:
		p.budget -= len(p.path)
		p.clauses = append(p.clauses, slices.Clone(p.path))
	case n.key.kind != keyValue:
		// The literal is left out on the way to what the other child has too.
		low, high := n.kids[0], n.kids[1]
		if p.implies(high, low) {
			p.follow(high)
		} else {
			p.follow(high, flagLiteral(n.key, true))
		}
		if p.implies(low, high) {
			p.follow(low)
		} else {
			p.follow(low, flagLiteral(n.key, false))
		}
	default:
		var done []*node
		for i, kid := range n.kids {
			if kid == falseNode || slices.Contains(done, kid) {
				continue
			}
			done = append(done, kid)
			for _, conjunction := range literals(n, i) {
				p.follow(kid, conjunction...)
			}
		}
	}
}

func (p *paths) implies(x, y *node) bool { return p.builder.and(x, p.builder.not(y)) == falseNode }

func (p *paths) follow(kid *node, conjunction ...literal) {
	depth := len(p.path)
	p.path = append(p.path, conjunction...)
	p.budget--
	p.walk(kid)
	p.path = p.path[:depth]
}

func flagLiteral(k key, want bool) literal {
	value := quoteLiteral(k.text, '\'')
	not := ""
	if !want {
		not = "not "
	}
	l := literal{leaf: leaf{kind: leafFlag, key: k, want: want}}
	switch {
	case k.kind == keyIn:
		l.text = k.v.String() + " " + not + "in " + value
	case k.kind == keyContains, k.kind == keyList:
		l.text = value + " " + not + "in " + k.v.String()
	case want:
		l.text = "extra == " + value
	default:
		l.text = "extra != " + value
	}
	return l
}

// literals gives, for the values of n that lead to child i, conjunctions of which one holds.
func literals(n *node, i int) [][]literal {
	kid := n.kids[i]
	if except := allBut(n, kid); except != nil {
		return [][]literal{except}
	}
	var all [][]literal
	for ; i < len(n.kids); i++ {
		if n.kids[i] == kid {
			all = append(all, interval(n, i))
		}
	}
	return all
}

// allBut gives the values of n that lead to kid as all but a few: single values, or a minor release.
func allBut(n, kid *node) []literal {
	last := len(n.kids) - 1
	if n.kids[0] != kid || n.kids[last] != kid {
		_, first := singlePoint(n.cuts, 0)
		if n.kids[last] != kid || !first {
			return nil
		}
	}
	var all []literal
	minor := false
	for i, other := range n.kids {
		if other == kid {
			continue
		}
		l, ok := equality(n, i, "!=")
		if !ok {
			return nil
		}
		_, isSingle := singlePoint(n.cuts, i)
		minor = minor || !isSingle
		all = append(all, l)
	}
	if minor && len(all) > 1 {
		return nil
	}
	return all
}

// equality gives VARIABLE == VALUE (or !=) where the i-th interval of n is one value or one minor release.
func equality(n *node, i int, op string) (l literal, ok bool) {
	s := span{first: op == "!="}
	if i > 0 {
		s.cuts = append(s.cuts, n.cuts[i-1])
	} else {
		s.first = !s.first
	}
	if i < len(n.cuts) {
		s.cuts = append(s.cuts, n.cuts[i])
	}
	l = literal{leaf: leaf{kind: leafSpan, key: n.key, span: s}}
	if p, ok := singlePoint(n.cuts, i); ok {
		l.text = comparison(n.key.v, op, p)
		return l, true
	}
	if n.key.v.isVersion() && i < len(n.cuts) && !n.cuts[i].after && (i == 0 || !n.cuts[i-1].after) {
		p := point{}
		if i > 0 {
			p = n.cuts[i-1].point
		}
		minor := p.release()
		if len(minor) == 1 {
			minor = append(minor, 0)
		}
		if len(minor) == 2 && n.cuts[i].point == releasePoint(successor(minor)) {
			l.text = n.key.v.String() + " " + op + " '" + formatRelease(minor) + ".*'"
			return l, true
		}
	}
	return l, false
}

// interval gives the conjunction for the i-th interval of n.
func interval(n *node, i int) []literal {
	if l, ok := equality(n, i, "=="); ok {
		return []literal{l}
	}
	var all []literal
	add := func(c cut, below bool) {
		op := map[[2]bool]string{{false, false}: ">=", {false, true}: ">", {true, false}: "<", {true, true}: "<="}[[2]bool{below, c.after}]
		all = append(all, literal{
			leaf: leaf{kind: leafSpan, key: n.key, span: span{first: below, cuts: []cut{c}}},
			text: comparison(n.key.v, op, c.point),
		})
	}
	if i > 0 {
		add(n.cuts[i-1], false)
	}
	if i < len(n.cuts) {
		add(n.cuts[i], true)
	}
	return all
}

func comparison(v variable, op string, p point) string {
	value := "'" + p.releaseString() + "'"
	if v.isString() {
		value = quoteLiteral(p.text, '\'')
	}
	return v.String() + " " + op + " " + value
}
