package pubgrub

import (
	"encoding/binary"
	"slices"
)

// Package is a package of the problem, numbered from 0 by the [Source].
type Package int32

// Term says that the state of Package lies in Set.
type Term struct {
	Package Package
	Set     Set
}

// Clause is a conjunction of terms that no solution satisfies.
type Clause struct {
	// Terms are over distinct packages, in ascending order of package.
	Terms []Term
	// Subject is the package whose versions the clause speaks of. Clauses of
	// one kind that differ in the subject's term alone are merged into one.
	Subject Package
	// Kind tells the source's clauses apart; it is not looked into, but only
	// clauses of one kind are merged.
	Kind int32
	// Reason is the source's own note, kept for the proof. A merged clause
	// keeps the reason of the first.
	Reason any
}

// ID numbers the clauses of a solver in the order in which they were added.
type ID int32

const none ID = -1

// clause is a Clause in the solver's arena.
type clause struct {
	Clause
	// left and right are the clauses that this one was learned from; none
	// for the source's own.
	left, right ID
	pivot       Package
	// contraAt and contraSerial name the assignment that last contradicted
	// the clause: while it stands, the clause has nothing to say.
	contraAt     int32
	contraSerial uint32
}

func (c *clause) term(p Package) (Set, bool) {
	for i := range c.Terms {
		if c.Terms[i].Package == p {
			return c.Terms[i].Set, true
		}
	}
	return Set{}, false
}

// mergeKey is equal for clauses that may be merged: all is the same but the
// subject's set.
func (c *Clause) mergeKey() string {
	b := make([]byte, 0, 64)
	b = binary.AppendVarint(b, int64(c.Kind))
	b = binary.AppendVarint(b, int64(c.Subject))
	for _, t := range c.Terms {
		b = binary.AppendVarint(b, int64(t.Package))
		if t.Package == c.Subject {
			continue
		}
		b = binary.AppendVarint(b, int64(len(t.Set.spans)))
		for _, s := range t.Set.spans {
			b = binary.AppendVarint(b, int64(s.Lo))
			b = binary.AppendVarint(b, int64(s.Hi))
		}
	}
	return string(b)
}

// resolvent returns the terms that follow from a and b by resolution on p.
// Terms that hold for every state are left out.
func resolvent(a, b []Term, p Package, size func(Package) int) []Term {
	out := make([]Term, 0, len(a)+len(b))
	for i, j := 0, 0; i < len(a) || j < len(b); {
		var t Term
		switch {
		case j == len(b) || i < len(a) && a[i].Package < b[j].Package:
			t, i = a[i], i+1
		case i == len(a) || b[j].Package < a[i].Package:
			t, j = b[j], j+1
		case a[i].Package == p:
			t = Term{p, a[i].Set.Union(b[j].Set)}
			i, j = i+1, j+1
		default:
			t = Term{a[i].Package, a[i].Set.Intersect(b[j].Set)}
			i, j = i+1, j+1
		}
		if t.Set.isFull(size(t.Package)) {
			continue
		}
		out = append(out, t)
	}
	return out
}

func sortTerms(ts []Term) []Term {
	slices.SortFunc(ts, func(a, b Term) int { return int(a.Package) - int(b.Package) })
	return ts
}
