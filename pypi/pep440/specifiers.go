package pep440

import (
	"fmt"
	"slices"
	"strings"
)

// MaxClauses is the largest number of clauses accepted in one text.
const MaxClauses = 1000 // clauses of one specifier

// Specifiers are clauses that a version must all match, in the order written. None match everything.
type Specifiers []Specifier

// ParseSpecifiers reads clauses separated by commas, with white space around clauses and operands. A text of white space
// alone gives nil. An empty clause, as in `>=1,,<2` and `>=1,`, is an error although the reference implementation passes
// over it. The error is a *ParseError.
func ParseSpecifiers(s string) (Specifiers, error) { return parseSpecifiers(s, MaxVersionLength) }

func parseSpecifiers(s string, maxVersionLength int) (Specifiers, error) {
	if begin, end := trim(s); begin == end {
		return nil, nil
	}
	count := strings.Count(s, ",") + 1
	if count > MaxClauses {
		return nil, &ParseError{"specifier", s, 0, fmt.Sprintf("it has %d clauses, the limit is %d", count, MaxClauses)}
	}
	specs := make(Specifiers, 0, count)
	for offset := 0; offset <= len(s); {
		clause := s[offset:]
		if i := strings.IndexByte(clause, ','); i >= 0 {
			clause = clause[:i]
		}
		begin, end := trim(clause)
		if begin == end {
			return nil, &ParseError{"specifier", s, offset, "a clause is empty, remove the comma"}
		}
		spec, at, msg := parseSpecifier(clause[begin:end], maxVersionLength)
		if msg != "" {
			return nil, &ParseError{"specifier", s, offset + begin + at, msg}
		}
		specs = append(specs, spec)
		offset += len(clause) + 1
	}
	return specs, nil
}

// String gives the normal form: the clauses as written, without white space, sorted by their text, and of clauses that
// are equal (==1.0 and ==1) the first.
func (s Specifiers) String() string {
	if len(s) == 1 {
		return s[0].String()
	}
	type clause struct{ text, key string }
	clauses := make([]clause, len(s))
	for i, spec := range s {
		clauses[i] = clause{spec.String(), spec.key()}
	}
	slices.SortFunc(clauses, func(a, b clause) int { return strings.Compare(a.text, b.text) })
	texts := make([]string, 0, len(s))
	seen := make(map[string]bool, len(s))
	for _, c := range clauses {
		if !seen[c.key] {
			seen[c.key] = true
			texts = append(texts, c.text)
		}
	}
	return strings.Join(texts, ",")
}

// Contains reports whether v matches every clause, a pre-release like any other version.
func (s Specifiers) Contains(v Version) bool {
	for _, spec := range s {
		if !spec.Contains(v) {
			return false
		}
	}
	return true
}

// ContainsText is Contains for a candidate as it is written, for the sake of ===.
func (s Specifiers) ContainsText(text string) bool {
	for _, spec := range s {
		if !spec.ContainsText(text) {
			return false
		}
	}
	return true
}

// NamesPrerelease reports whether a clause asks for pre-releases by naming one. Neither != nor a wildcard does.
func (s Specifiers) NamesPrerelease() bool {
	return slices.ContainsFunc(s, func(spec Specifier) bool {
		return spec.Op != NotEqual && !spec.Wildcard && spec.Version.IsPrerelease()
	})
}
