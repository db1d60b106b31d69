package pep508

import (
	"fmt"

	"github.com/pylock-dev/pylock/pypi"
)

// marker reads a marker up to what cannot continue it.
func (s *scanner) marker() (Marker, error) {
	root, err := s.group()
	return Marker{root: root}, err
}

func (s *scanner) markerEnd() error {
	if s.space(); !s.atEnd() {
		return s.expected(s.pos, `"and", "or" or the end`)
	}
	return nil
}

func (s *scanner) group() (group, error) {
	var g group
	for {
		and, err := s.conjunction()
		if err != nil {
			return nil, err
		}
		if g = append(g, and); !s.word("or") {
			return g, nil
		}
	}
}

func (s *scanner) conjunction() ([]term, error) {
	var and []term
	for {
		t, err := s.term()
		if err != nil {
			return nil, err
		}
		and = append(and, t)
		if s.space(); !s.word("and") {
			return and, nil
		}
	}
}

func (s *scanner) term() (term, error) {
	s.space()
	open := s.pos
	if !s.accept('(') {
		a, err := s.comparison()
		return term{atom: a}, err
	}
	if s.depth++; s.depth > MaxMarkerDepth {
		return term{}, s.fail(open, 1, fmt.Sprintf("parentheses are nested more than %d deep", MaxMarkerDepth))
	}
	g, err := s.group()
	if err != nil {
		return term{}, err
	}
	s.depth--
	if !s.accept(')') {
		if s.atEnd() {
			return term{}, s.fail(open, 1, `the parenthesis is not closed: expected "and", "or" or ")" before the end`)
		}
		return term{}, s.expected(s.pos, `"and", "or" or ")"`)
	}
	return term{group: g}, nil
}

func (s *scanner) comparison() (*atom, error) {
	start := s.pos
	if s.terms++; s.terms > MaxMarkerTerms {
		return nil, s.fail(start, 0, fmt.Sprintf("a marker of more than %d comparisons is not supported", MaxMarkerTerms))
	}
	a := new(atom)
	var err error
	if a.left, a.leftText, err = s.operand(); err != nil {
		return nil, err
	}
	s.space()
	if a.op, err = s.operator(); err != nil {
		return nil, err
	}
	s.space()
	if a.right, a.rightText, err = s.operand(); err != nil {
		return nil, err
	}
	if a.left == varExtra && a.right == none {
		a.rightText = string(pypi.NormalizeExtra(a.rightText))
	} else if a.left == none && (a.right == varExtra || a.right.isList()) {
		a.leftText = string(pypi.NormalizeExtra(a.leftText))
	}
	var why string
	if a.leaf, why = lower(a); why != "" {
		s.warn(start, why)
	}
	return a, nil
}

// operand reads a variable or a quoted literal. The text of a variable is its current name.
func (s *scanner) operand() (variable, string, error) {
	start := s.pos
	if c := s.peek(); c == '"' || c == '\'' {
		for s.pos++; s.pos < len(s.text); s.pos++ {
			if s.text[s.pos] == c {
				s.pos++
				return none, unescape(s.text[start+1 : s.pos-1]), nil
			}
		}
		return none, "", s.fail(start, len(s.text)-start, fmt.Sprintf("the quoted text is not closed: expected %q", c))
	}
	end := start
	for end < len(s.text) && (isWord(s.text[end]) || s.text[end] == '.') {
		end++
	}
	text := s.text[start:end]
	v, old := parseVariable(text)
	if v == none {
		if text == "" {
			return none, "", s.expected(start, "a marker variable or a quoted text")
		}
		return none, "", s.fail(start, len(text), "expected a marker variable or a quoted text, found "+quote(text))
	}
	s.pos = end
	if old {
		s.warn(start, fmt.Sprintf("%s is an old name, write %s", text, v))
	}
	return v, v.String(), nil
}

func (s *scanner) operator() (operator, error) {
	const what = `a comparison ("==", "!=", "<", "<=", ">", ">=", "~=", "===", "in" or "not in")`
	start := s.pos
	switch {
	case s.word("in"):
		return opIn, nil
	case s.word("not"):
		at := s.pos
		if s.space(); s.pos == at || !s.word("in") {
			return 0, s.expected(s.pos, `white space and "in" after "not"`)
		}
		return opNotIn, nil
	}
	end := start
	for end < len(s.text) && isOperatorByte(s.text[end]) {
		end++
	}
	op, ok := parseOperator(s.text[start:end])
	if !ok {
		if end > start {
			return 0, s.fail(start, end-start, "expected "+what+", found "+quote(s.text[start:end]))
		}
		return 0, s.expected(start, what)
	}
	s.pos = end
	return op, nil
}

func isOperatorByte(c byte) bool { return c == '<' || c == '=' || c == '>' || c == '!' || c == '~' }
