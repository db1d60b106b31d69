package pubgrub

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var (
	cases = flag.Int("oracle.cases", 3000, "random problems to compare with brute force")
	seed  = flag.Uint64("oracle.seed", 0, "seed of the random problems; 0 takes one at random")
)

// problem is a random source whose clauses are all known in advance.
type problem struct {
	versions []int // by package, [0] is the root
	clauses  [][][]Clause
	all      []Clause
	always   []Clause // hold whatever is selected; given by Choose
	given    map[Package]bool
	r        *rand.Rand
	backs    int
	next     func([]Package) Package
}

func (p *problem) Versions(q Package) int { return p.versions[q] }
func (p *problem) Next(c []Package) Package {
	return p.next(c)
}

func (p *problem) Choose(_ context.Context, q Package, allowed Set) (int, []Clause, error) {
	if !p.given[q] {
		p.given[q] = true
		var out []Clause
		for _, c := range p.always {
			if c.Subject == q {
				out = append(out, c)
			}
		}
		if len(out) > 0 {
			return 0, out, nil
		}
	}
	spans := allowed.Spans()
	return int(spans[len(spans)-1].Hi) - 1, nil, nil
}

func (p *problem) Clauses(_ context.Context, q Package, v int, _ State) ([]Clause, error) {
	return p.clauses[q][v], nil
}

func (p *problem) Conflict(affected, culprit Package, _ []Term) Package {
	if p.backs > 0 && p.r.IntN(3) == 0 {
		p.backs--
		return []Package{affected, culprit, Package(p.r.IntN(len(p.versions)))}[p.r.IntN(3)]
	}
	return Root
}

func randomSet(r *rand.Rand, n int) Set {
	var spans []Span
	for v := 1; v <= n; v++ {
		if r.IntN(2) == 0 {
			spans = append(spans, Span{int32(v), int32(v + 1)})
		}
	}
	return Of(spans...)
}

func randomProblem(r *rand.Rand) *problem {
	n := 2 + r.IntN(6)
	p := &problem{versions: []int{1}, given: map[Package]bool{}, r: r, backs: r.IntN(4)}
	for range n {
		p.versions = append(p.versions, r.IntN(5))
	}
	for q, k := range p.versions {
		p.clauses = append(p.clauses, make([][]Clause, k+1))
		for v := 1; v <= k; v++ {
			deps := r.IntN(3)
			if q == 0 {
				deps = 1 + r.IntN(3)
			}
			for range deps {
				d := Package(1 + r.IntN(n))
				if int(d) == q {
					continue
				}
				want := randomSet(r, p.versions[d])
				c := Clause{Subject: Package(q), Kind: 1, Terms: []Term{{Package(q), One(v)}, {d, want.Complement(p.versions[d] + 1)}}}
				if e := Package(1 + r.IntN(n)); r.IntN(4) == 0 && e != d && int(e) != q && p.versions[e] > 0 {
					c.Terms = append(c.Terms, Term{e, Range(1, p.versions[e]+1)})
				}
				p.clauses[q][v] = append(p.clauses[q][v], c)
				p.all = append(p.all, c)
			}
		}
		if q > 0 && k > 0 && r.IntN(5) == 0 {
			if bad := randomSet(r, k); !bad.IsEmpty() {
				c := Clause{Subject: Package(q), Kind: 2, Terms: []Term{{Package(q), bad}}}
				p.always = append(p.always, c)
				p.all = append(p.all, c)
			}
		}
	}
	// Any order of decisions must do.
	prio := r.Perm(len(p.versions))
	p.next = func(c []Package) Package {
		best := c[0]
		for _, q := range c {
			if prio[q] < prio[best] {
				best = q
			}
		}
		return best
	}
	return p
}

// possible tries every assignment.
func (p *problem) possible() bool {
	state := make([]int, len(p.versions))
	state[0] = 1
	var try func(int) bool
	try = func(q int) bool {
		if q == len(state) {
			return p.violates(func(q Package) int { return state[q] }) == nil
		}
		for v := 0; v <= p.versions[q]; v++ {
			state[q] = v
			if try(q + 1) {
				return true
			}
		}
		return false
	}
	return try(1)
}

func (p *problem) violates(state func(Package) int) *Clause {
	for i, c := range p.all {
		holds := true
		for _, t := range c.Terms {
			holds = holds && t.Set.Has(state(t.Package))
		}
		if holds {
			return &p.all[i]
		}
	}
	return nil
}

// checkProof verifies each step: the source's clauses are unions of clauses
// that exist, the others are resolvents, and the end speaks of the root alone.
func (p *problem) checkProof(t *testing.T, pr *Proof) {
	t.Helper()
	for i, st := range pr.Steps {
		if st.Left >= 0 {
			if st.Left >= i || st.Right >= i {
				t.Fatalf("step %d comes before what it follows from", i)
			}
			want := resolvent(pr.Steps[st.Left].Terms, pr.Steps[st.Right].Terms, st.Pivot, func(q Package) int { return p.versions[q] + 1 })
			if fmt.Sprint(want) != fmt.Sprint(st.Terms) {
				t.Fatalf("step %d is %v, want %v", i, st.Terms, want)
			}
			continue
		}
		// Every state of the subject must be excluded by a clause of the problem.
		sub := st.Clause
		set, _ := (&clause{Clause: sub}).term(sub.Subject)
		for _, x := range set.Spans() {
			for v := x.Lo; v < x.Hi; v++ {
				if !p.has(sub, int(v)) {
					t.Fatalf("step %d: %v is no clause of the problem", i, st.Terms)
				}
			}
		}
	}
	for _, term := range pr.Steps[len(pr.Steps)-1].Terms {
		if term.Package != Root {
			t.Fatalf("the proof ends in %v", term)
		}
	}
}

func (p *problem) has(sub Clause, v int) bool {
	for _, c := range p.all {
		if c.Subject != sub.Subject || c.Kind != sub.Kind {
			continue
		}
		ok := true
		for _, t := range c.Terms {
			if t.Package != c.Subject && t.Set.isFull(p.versions[t.Package]+1) {
				continue // holds whatever happens
			}
			got, found := (&clause{Clause: sub}).term(t.Package)
			if t.Package == c.Subject {
				ok = ok && t.Set.Has(v)
			} else {
				ok = ok && found && got.Equal(t.Set)
			}
		}
		if ok {
			return true
		}
	}
	return false
}

func TestAgainstBruteForce(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("seed %d, %d cases", s, *cases)
	solved, failed := 0, 0
	for i := range *cases {
		p := randomProblem(rand.New(rand.NewPCG(s, uint64(i))))
		sol, proof, err := New(p).Solve(t.Context())
		if err != nil {
			t.Fatalf("seed %d case %d: %v", s, i, err)
		}
		if proof != nil {
			failed++
			if p.possible() {
				t.Fatalf("seed %d case %d: there is a solution, and none was found", s, i)
			}
			p.checkProof(t, proof)
			continue
		}
		solved++
		if c := p.violates(func(q Package) int { return sol[q] }); c != nil {
			t.Fatalf("seed %d case %d: %v violates %v", s, i, sol, c.Terms)
		}
	}
	t.Logf("%d solved, %d without a solution", solved, failed)
	if *cases >= 1000 && (solved < *cases/10 || failed < *cases/10) {
		t.Errorf("%d solved, %d failed: the random problems are lopsided", solved, failed)
	}
}
