package pep508

import "github.com/pylock-dev/pylock/pypi/pep440"

// An operator compares the two sides of an atom.
type operator uint8

const (
	opEqual operator = iota
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opCompatible
	opArbitrary
	opIn
	opNotIn
)

var operatorTexts = [...]string{"==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in"}

func (op operator) String() string { return operatorTexts[op] }

func parseOperator(text string) (operator, bool) {
	for op, t := range operatorTexts[:opIn] {
		if t == text {
			return operator(op), true
		}
	}
	return 0, false
}

// mirror gives the operator that holds with the two sides exchanged; '~=', '===', 'in' and 'not in' stay.
func (op operator) mirror() operator {
	switch op {
	case opLess:
		return opGreater
	case opLessEqual:
		return opGreaterEqual
	case opGreater:
		return opLess
	case opGreaterEqual:
		return opLessEqual
	}
	return op
}

// specifier gives the operator of a version specifier, of which 'in' and 'not in' are none.
func (op operator) specifier() pep440.Operator {
	return [...]pep440.Operator{pep440.Equal, pep440.NotEqual, pep440.Less, pep440.LessEqual, pep440.Greater,
		pep440.GreaterEqual, pep440.Compatible, pep440.Arbitrary}[op]
}
