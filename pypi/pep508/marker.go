package pep508

import (
	"strings"
)

// A Marker is a parsed environment marker. The zero Marker always holds. Markers are immutable and safe for concurrent
// use; two are the same text in normal form when their String is equal (for sameness of meaning compare their Set).
type Marker struct {
	root group // nil: always holds
}

// A group is a disjunction of conjunctions of terms, which is how a marker without parentheses reads.
type group [][]term

// A term is a comparison, or a group in parentheses.
type term struct {
	atom  *atom
	group group
}

// An atom is one comparison. Its value side is the text of a literal, or the name of a second variable, which is
// compared as if it were a literal; both sides may be literals.
type atom struct {
	left, right variable // none where a literal stands
	op          operator
	leftText    string // the literal, or the name of the variable
	rightText   string
	leaf        leaf // the meaning to uv
}

// ParseMarker reads a marker; the empty text, or white space alone, is refused. The error is a *ParseError.
func ParseMarker(text string) (Marker, []Warning, error) {
	s := scanner{text: text}
	err := s.checkUTF8()
	var m Marker
	if err == nil {
		m, err = s.marker()
	}
	if err == nil {
		err = s.markerEnd()
	}
	if err != nil {
		return Marker{}, nil, err
	}
	return m, s.warnings, nil
}

// IsTrivial tells whether m is the zero Marker, written as nothing. A marker may hold everywhere and not be trivial:
// see MarkerSet.IsTrue.
func (m Marker) IsTrivial() bool { return m.root == nil }

// MentionsExtra tells whether the variable extra occurs in m.
func (m Marker) MentionsExtra() bool { return m.root.mentions(varExtra) }

func (g group) mentions(v variable) bool {
	for _, and := range g {
		for _, t := range and {
			if a := t.atom; a != nil && (a.left == v || a.right == v) || t.group.mentions(v) {
				return true
			}
		}
	}
	return false
}

// String is the normal form that the packaging library prints: current names of variables, single blanks, double quotes,
// parentheses only as written and where needed, extras normalized. Unlike there, what does not print is escaped. It is ""
// for the zero Marker.
func (m Marker) String() string {
	if m.root == nil {
		return ""
	}
	var b strings.Builder
	m.root.write(&b, false)
	return b.String()
}

func (g group) write(b *strings.Builder, parentheses bool) {
	for len(g) == 1 && len(g[0]) == 1 && g[0][0].atom == nil {
		g = g[0][0].group
	}
	parentheses = parentheses && (len(g) > 1 || len(g[0]) > 1)
	if parentheses {
		b.WriteByte('(')
	}
	for i, and := range g {
		if i > 0 {
			b.WriteString(" or ")
		}
		for j, t := range and {
			if j > 0 {
				b.WriteString(" and ")
			}
			if t.atom != nil {
				t.atom.write(b)
			} else {
				t.group.write(b, true)
			}
		}
	}
	if parentheses {
		b.WriteByte(')')
	}
}

func (a *atom) write(b *strings.Builder) {
	writeOperand(b, a.left, a.leftText)
	b.WriteString(" " + a.op.String() + " ")
	writeOperand(b, a.right, a.rightText)
}

func writeOperand(b *strings.Builder, v variable, text string) {
	if v != none {
		b.WriteString(v.String())
		return
	}
	b.WriteString(quoteLiteral(text, '"'))
}
