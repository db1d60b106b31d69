package pubgrub

import (
	"math/rand/v2"
	"testing"
)

func TestSetLaws(t *testing.T) {
	const size = 12
	r := rand.New(rand.NewPCG(1, 2))
	all := Range(0, size)
	random := func() Set {
		var spans []Span
		for range r.IntN(4) {
			lo := r.IntN(size)
			spans = append(spans, Span{int32(lo), int32(lo + r.IntN(size-lo+1))})
		}
		return Of(spans...)
	}
	canonical := func(s Set) bool {
		for i, x := range s.Spans() {
			if x.Lo >= x.Hi || i > 0 && s.Spans()[i-1].Hi >= x.Lo {
				return false
			}
		}
		return true
	}
	for range 20000 {
		a, b := random(), random()
		u, x, m, c := a.Union(b), a.Intersect(b), a.Minus(b), a.Complement(size)
		for _, s := range []Set{a, u, x, m, c} {
			if !canonical(s) {
				t.Fatalf("%v is not canonical (a=%v b=%v)", s, a, b)
			}
		}
		n, subset, disjoint := 0, true, true
		for v := range size {
			ina, inb := a.Has(v), b.Has(v)
			if ina {
				n++
			}
			subset = subset && (!ina || inb)
			disjoint = disjoint && !(ina && inb)
			if u.Has(v) != (ina || inb) || x.Has(v) != (ina && inb) || m.Has(v) != (ina && !inb) || c.Has(v) == ina {
				t.Fatalf("a=%v b=%v: union %v, intersection %v, minus %v, complement %v at %d", a, b, u, x, m, c, v)
			}
		}
		if a.Len() != n || a.SubsetOf(b) != subset || a.Disjoint(b) != disjoint {
			t.Fatalf("a=%v b=%v: len %d, subset %v, disjoint %v", a, b, a.Len(), a.SubsetOf(b), a.Disjoint(b))
		}
		if !c.Complement(size).Equal(a) || !a.Union(c).Equal(all) {
			t.Fatalf("complement of %v is %v", a, c)
		}
	}
}
