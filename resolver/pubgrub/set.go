package pubgrub

import (
	"slices"
	"strconv"
	"strings"
)

// Span is a run of states, Lo included, Hi not.
type Span struct{ Lo, Hi int32 }

// Set is a set of states of one package: spans in ascending order that
// neither overlap nor touch, so that equal sets are equal slices. A Set is
// immutable; the zero Set is empty.
type Set struct{ spans []Span }

// Absent is the state of a package that is not selected.
const Absent = 0

// One returns the set of a single state.
func One(v int) Set { return Range(v, v+1) }

// Range returns the states lo ≤ v < hi.
func Range(lo, hi int) Set {
	if lo >= hi {
		return Set{}
	}
	return Set{[]Span{{int32(lo), int32(hi)}}}
}

// Of returns the set with the given spans, in any order; they may overlap.
func Of(spans ...Span) Set {
	s := slices.DeleteFunc(slices.Clone(spans), func(x Span) bool { return x.Lo >= x.Hi })
	slices.SortFunc(s, func(a, b Span) int { return int(a.Lo) - int(b.Lo) })
	out := s[:0]
	for _, x := range s {
		if n := len(out); n > 0 && x.Lo <= out[n-1].Hi {
			out[n-1].Hi = max(out[n-1].Hi, x.Hi)
			continue
		}
		out = append(out, x)
	}
	return Set{out}
}

// Spans returns the runs of the set, ascending. The caller must not change them.
func (s Set) Spans() []Span { return s.spans }

// IsEmpty reports whether the set holds nothing.
func (s Set) IsEmpty() bool { return len(s.spans) == 0 }

func (s Set) isFull(size int) bool {
	return len(s.spans) == 1 && s.spans[0].Lo == 0 && int(s.spans[0].Hi) == size
}

// First returns the least state, or -1 of an empty set.
func (s Set) First() int {
	if len(s.spans) == 0 {
		return -1
	}
	return int(s.spans[0].Lo)
}

// Len returns the number of states in the set.
func (s Set) Len() int {
	n := 0
	for _, x := range s.spans {
		n += int(x.Hi - x.Lo)
	}
	return n
}

// Has reports whether v is in the set.
func (s Set) Has(v int) bool {
	// The first span whose end lies beyond v is the only one that can hold it.
	lo, hi := 0, len(s.spans)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if int(s.spans[m].Hi) > v {
			hi = m
		} else {
			lo = m + 1
		}
	}
	return lo < len(s.spans) && int(s.spans[lo].Lo) <= v
}

// Equal reports whether both sets hold the same.
func (s Set) Equal(t Set) bool { return slices.Equal(s.spans, t.spans) }

// Complement returns the states 0 ≤ v < size that are not in the set.
func (s Set) Complement(size int) Set {
	out := make([]Span, 0, len(s.spans)+1)
	lo := int32(0)
	for _, x := range s.spans {
		if lo < x.Lo {
			out = append(out, Span{lo, x.Lo})
		}
		lo = x.Hi
	}
	if lo < int32(size) {
		out = append(out, Span{lo, int32(size)})
	}
	return Set{out}
}

// Intersect returns what is in both sets.
func (s Set) Intersect(t Set) Set {
	a, b := s.spans, t.spans
	if len(a) == 1 && len(b) == 1 {
		return Range(int(max(a[0].Lo, b[0].Lo)), int(min(a[0].Hi, b[0].Hi)))
	}
	var out []Span
	for i, j := 0, 0; i < len(a) && j < len(b); {
		lo, hi := max(a[i].Lo, b[j].Lo), min(a[i].Hi, b[j].Hi)
		if lo < hi {
			if out == nil {
				out = make([]Span, 0, max(len(a)-i, len(b)-j))
			}
			out = append(out, Span{lo, hi})
		}
		if a[i].Hi < b[j].Hi {
			i++
		} else {
			j++
		}
	}
	return Set{out}
}

// Union returns what is in either set.
func (s Set) Union(t Set) Set {
	switch {
	case s.IsEmpty():
		return t
	case t.IsEmpty():
		return s
	}
	a, b := s.spans, t.spans
	out := make([]Span, 0, len(a)+len(b))
	for i, j := 0, 0; i < len(a) || j < len(b); {
		var x Span
		if j == len(b) || i < len(a) && a[i].Lo <= b[j].Lo {
			x, i = a[i], i+1
		} else {
			x, j = b[j], j+1
		}
		if n := len(out); n > 0 && x.Lo <= out[n-1].Hi {
			out[n-1].Hi = max(out[n-1].Hi, x.Hi)
			continue
		}
		out = append(out, x)
	}
	return Set{out}
}

// Minus returns what is in s and not in t.
func (s Set) Minus(t Set) Set {
	if s.IsEmpty() || t.IsEmpty() {
		return s
	}
	return s.Intersect(t.Complement(int(s.spans[len(s.spans)-1].Hi)))
}

// SubsetOf reports whether all of s is in t.
func (s Set) SubsetOf(t Set) bool {
	j := 0
	for _, x := range s.spans {
		for j < len(t.spans) && t.spans[j].Hi < x.Hi {
			j++
		}
		if j == len(t.spans) || t.spans[j].Lo > x.Lo {
			return false
		}
	}
	return true
}

// Disjoint reports whether the sets have nothing in common.
func (s Set) Disjoint(t Set) bool {
	a, b := s.spans, t.spans
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if max(a[i].Lo, b[j].Lo) < min(a[i].Hi, b[j].Hi) {
			return false
		}
		if a[i].Hi < b[j].Hi {
			i++
		} else {
			j++
		}
	}
	return true
}

// String lists the states, runs as lo..hi with both ends included.
func (s Set) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, x := range s.spans {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(int(x.Lo)))
		if x.Hi > x.Lo+1 {
			b.WriteString(".." + strconv.Itoa(int(x.Hi-1)))
		}
	}
	b.WriteByte('}')
	return b.String()
}
