package pep508

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTooComplex(t *testing.T) {
	join := func(n int, op string, term func(i int) string) string {
		var terms []string
		for i := range n {
			terms = append(terms, term(i))
		}
		return strings.Join(terms, op)
	}
	tests := []struct {
		name, text    string
		set, readable bool
	}{
		{"many values", join(300, " or ", func(i int) string { return fmt.Sprintf("sys_platform == 'x%d'", i) }), true, true},
		{"few values excluded", join(300, " and ", func(i int) string { return fmt.Sprintf("sys_platform != 'x%d'", i) }), true, true},
		{"many versions", join(300, " or ", func(i int) string { return fmt.Sprintf("python_full_version == '3.%d.1'", i) }), true, true},
		{"many extras", join(150, " or ", func(i int) string { return fmt.Sprintf("extra == 'x%d'", i) }), true, true},
		{"extras in pairs, far apart", join(200, " or ", func(i int) string {
			return fmt.Sprintf("(extra == 'a%03d' and extra == 'b%03d')", i, i)
		}), false, false},
		{"parities of extras", join(11, " and ", func(i int) string {
			return fmt.Sprintf("((extra == 'a%d' and extra != 'b%d') or (extra != 'a%d' and extra == 'b%d'))", i, i, i, i)
		}), true, false},
		{"parts of texts", join(500, " and ", func(i int) string {
			return fmt.Sprintf("('%d' in sys_platform or sys_platform == 'x%d')", i, i)
		}), true, false},
		{"pairs of extras and values", join(60, " and ", func(i int) string {
			return fmt.Sprintf("(extra == 'a%02d' or python_full_version < '3.%d' or 'b%d' in sys_platform)", i, i, i)
		}), false, false},
	}
	for _, test := range tests {
		s := mustMarker(t, test.text).Set()
		if got := s.Err() == nil; got != test.set {
			t.Errorf("%s: error %v", test.name, s.Err())
		}
		text, err := s.render()
		if got := err == nil; got != test.readable {
			t.Errorf("%s: text of %d bytes, error %v", test.name, len(text), err)
		}
		if s.Err() == nil {
			continue
		}
		if !errors.Is(s.And(MarkerSet{}).Not().Simplify(MarkerSet{}).Err(), ErrTooComplex) {
			t.Errorf("%s: the error is lost", test.name)
		}
		if s.IsTrue() || s.IsFalse() || s.Equal(s) || s.Disjoint(s) || s.Implies(s) || s.Contains(Environment{}) {
			t.Errorf("%s: a question is answered yes", test.name)
		}
		if _, err := s.Marker(); !errors.Is(err, ErrTooComplex) {
			t.Errorf("%s: Marker gives %v", test.name, err)
		}
	}
}

func TestParseLimits(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat("(", n) + "os_name == 'nt'" + strings.Repeat(")", n)
	}
	terms := func(n int) string { return strings.Repeat("os_name == 'nt' or ", n-1) + "os_name == 'nt'" }
	for _, test := range []struct {
		name, within, beyond string
	}{
		{"depth", "x; " + nested(MaxMarkerDepth), "x; " + nested(MaxMarkerDepth+1)},
		{"terms", "x; " + terms(MaxMarkerTerms), "x; " + terms(MaxMarkerTerms+1)},
		{"name", strings.Repeat("x", MaxNameLength), strings.Repeat("x", MaxNameLength+1)},
		{"extra", "x[" + strings.Repeat("x", MaxNameLength) + "]", "x[" + strings.Repeat("x", MaxNameLength+1) + "]"},
		{"extras", "x[y" + strings.Repeat(",y", MaxExtras-1) + "]", "x[y" + strings.Repeat(",y", MaxExtras) + "]"},
		{"clauses", "x!=1" + strings.Repeat(",!=1", MaxClauses-1), "x!=1" + strings.Repeat(",!=1", MaxClauses)},
	} {
		if _, _, err := ParseRequirement(test.within); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, _, err := ParseRequirement(test.beyond); err == nil {
			t.Errorf("%s: the limit does not hold", test.name)
		}
	}
}
