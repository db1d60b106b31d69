package pep440

import (
	"slices"
	"sort"
)

// A Set is a set of versions: a finite union of intervals of PEP 440's order, locals and pre-releases included. The zero
// Set is empty. A set has one form only: its bounds ascend strictly, and between two neighbours lies at least one version,
// so that the algebra is exact.
type Set struct {
	lowest bool    // the versions below the first bound are in the set
	bounds []bound // membership changes at each
}

// Full is the set of all versions.
func Full() Set { return Set{lowest: true} }

// Empty is the set of no version.
func Empty() Set { return Set{} }

// Exactly is the set of v alone: not of v's locals, if it has none itself.
func Exactly(v Version) Set { return between(before(v), after(v)) }

func between(a, b bound) Set {
	if a.isLowest() {
		return Set{lowest: true, bounds: []bound{b}}
	}
	return Set{bounds: []bound{a, b}}
}

func above(a bound) Set {
	if a.isLowest() {
		return Full()
	}
	return Set{bounds: []bound{a}}
}

func below(a bound) Set { return above(a).Complement() }

// Set is the set of the versions that s contains. For Arbitrary it is Exactly its version if the text is a normal form
// apart from case, else empty; Contains is stricter there, as ===1.0 does not match 1.
func (s Specifier) Set() Set {
	v := s.Version
	switch s.Op {
	case Equal, NotEqual:
		var set Set
		switch {
		case s.Wildcard:
			n := int(v.segments)
			set = between(beforeRelease(v, n, false), beforeRelease(v, n, true))
		case v.flags&hasLocal != 0:
			set = Exactly(v)
		default:
			set = between(before(v), afterLocals(v))
		}
		if s.Op == NotEqual {
			return set.Complement()
		}
		return set
	case GreaterEqual:
		return above(before(v))
	case LessEqual:
		return below(afterLocals(v))
	case Greater:
		if v.flags&(hasPost|hasDev) != 0 {
			return above(afterLocals(v))
		}
		return above(afterPosts(v))
	case Less:
		if v.IsPrerelease() {
			return below(before(v))
		}
		return below(before(firstDev(v)))
	case Compatible:
		return between(before(v), beforeRelease(v, int(v.segments)-1, true))
	case Arbitrary:
		if v, err := Parse(s.operand()); err == nil && s.Contains(v) {
			return Exactly(v)
		}
	}
	return Empty()
}

// Set is the set of the versions that s contains; see Specifier.Set for ===.
func (s Specifiers) Set() Set {
	set := Full()
	for _, spec := range s {
		set = set.Intersect(spec.Set())
	}
	return set
}

// An operation is a truth table: the bit 2a+b tells whether a version is in the result that is in the first set (a) and
// in the second (b).
type operation uint8

const (
	union        operation = 0b1110
	intersection operation = 0b1000
	difference   operation = 0b0100
)

func (o operation) of(a, b bool) bool {
	bit := 0
	if a {
		bit = 2
	}
	if b {
		bit++
	}
	return o>>bit&1 != 0
}

// walk visits the pieces into which the bounds of both sets cut the order, ascending, until visit returns false. A piece
// begins at the bound given, nil for the first, and holds at least one version.
func (s Set) walk(t Set, visit func(from *bound, inS, inT bool) bool) {
	inS, inT := s.lowest, t.lowest
	if !visit(nil, inS, inT) {
		return
	}
	for i, j := 0, 0; i < len(s.bounds) || j < len(t.bounds); {
		c := 0
		switch {
		case j == len(t.bounds):
			c = -1
		case i == len(s.bounds):
			c = +1
		default:
			c = s.bounds[i].compare(t.bounds[j])
		}
		var from *bound
		if c >= 0 {
			from, inT = &t.bounds[j], !inT
			j++
		}
		if c <= 0 {
			from, inS = &s.bounds[i], !inS
			i++
		}
		if !visit(from, inS, inT) {
			return
		}
	}
}

func (s Set) combine(t Set, o operation) Set {
	result := Set{bounds: make([]bound, 0, len(s.bounds)+len(t.bounds))}
	in := false
	s.walk(t, func(from *bound, inS, inT bool) bool {
		switch now := o.of(inS, inT); {
		case from == nil:
			result.lowest, in = now, now
		case now != in:
			result.bounds, in = append(result.bounds, *from), now
		}
		return true
	})
	if len(result.bounds) == 0 {
		result.bounds = nil
	}
	return result
}

// holds reports whether some version is in the result of the operation.
func (s Set) holds(t Set, o operation) bool {
	some := false
	s.walk(t, func(_ *bound, inS, inT bool) bool {
		some = o.of(inS, inT)
		return !some
	})
	return some
}

// Union is the set of the versions in s or t.
func (s Set) Union(t Set) Set {
	switch {
	case s.IsFull() || t.IsEmpty():
		return s
	case t.IsFull() || s.IsEmpty():
		return t
	}
	return s.combine(t, union)
}

// Intersect is the set of the versions in s and t.
func (s Set) Intersect(t Set) Set {
	switch {
	case s.IsEmpty() || t.IsFull():
		return s
	case t.IsEmpty() || s.IsFull():
		return t
	}
	return s.combine(t, intersection)
}

// Difference is the set of the versions in s and not in t.
func (s Set) Difference(t Set) Set { return s.combine(t, difference) }

// Complement is the set of the versions not in s. It allocates nothing.
func (s Set) Complement() Set { return Set{lowest: !s.lowest, bounds: s.bounds} }

// Contains reports whether v is in s.
func (s Set) Contains(v Version) bool {
	const few = 8 // bounds, up to which a scan beats bisection
	below := len(s.bounds)
	if below <= few {
		for i := range s.bounds {
			if !s.bounds[i].below(v) {
				below = i
				break
			}
		}
	} else {
		below = sort.Search(below, func(i int) bool { return !s.bounds[i].below(v) })
	}
	return s.lowest != (below%2 == 1)
}

// IsEmpty reports whether no version is in s.
func (s Set) IsEmpty() bool { return !s.lowest && len(s.bounds) == 0 }

// IsFull reports whether every version is in s.
func (s Set) IsFull() bool { return s.lowest && len(s.bounds) == 0 }

// Equal reports whether s and t hold the same versions.
func (s Set) Equal(t Set) bool {
	return s.lowest == t.lowest && slices.EqualFunc(s.bounds, t.bounds, func(a, b bound) bool { return a.compare(b) == 0 })
}

// SubsetOf reports whether every version in s is in t.
func (s Set) SubsetOf(t Set) bool { return !s.holds(t, difference) }

// Disjoint reports whether no version is in both s and t.
func (s Set) Disjoint(t Set) bool { return !s.holds(t, intersection) }

// Indexes gives the runs [begin, end) of the ascending versions that are in s. Runs are not empty, ascend, and do not
// touch.
func (s Set) Indexes(sorted []Version) [][2]int {
	var runs [][2]int
	add := func(begin, end int) {
		switch last := len(runs) - 1; {
		case begin == end:
		case last >= 0 && runs[last][1] == begin:
			runs[last][1] = end
		default:
			runs = append(runs, [2]int{begin, end})
		}
	}
	begin, in := 0, s.lowest
	for _, b := range s.bounds {
		end := begin + sort.Search(len(sorted)-begin, func(i int) bool { return b.below(sorted[begin+i]) })
		if in {
			add(begin, end)
		}
		begin, in = end, !in
	}
	if in {
		add(begin, len(sorted))
	}
	return runs
}

// Lower gives the bound below which s holds nothing. It is not ok where there is none: s holds the lowest versions, or
// nothing at all. For a bound such as >1.0, which leaves out 1.0's post-releases as well, it is 1.0, not inclusive.
func (s Set) Lower() (v Version, inclusive, ok bool) {
	if s.lowest || len(s.bounds) == 0 {
		return Version{}, false, false
	}
	b := s.bounds[0]
	if b.isAfterPosts() {
		return b.at.Base(), false, true
	}
	return b.at, !b.after, true
}

// Upper gives the bound above which s holds nothing, as Lower does that below. For a bound such as <2.0, which leaves
// out 2.0's pre-releases as well, it is the lowest version that is out, 2.0.dev0; for <=2.0, which lets in the locals
// of 2.0, it is 2.0.post0.dev0, again not inclusive.
func (s Set) Upper() (v Version, inclusive, ok bool) {
	n := len(s.bounds)
	if n == 0 || s.lowest == (n%2 == 0) {
		return Version{}, false, false
	}
	b := s.bounds[n-1]
	if b.isAfterPosts() {
		return b.at.Base(), true, true
	}
	return b.at, b.after, true
}
