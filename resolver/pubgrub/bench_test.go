package pubgrub

import (
	"context"
	"math/rand/v2"
	"testing"
)

// synthetic is a source whose dependencies are known in advance. It decides
// the package of the lowest number first, always at its newest version, so
// that a benchmark shows the search alone and no policy.
type synthetic struct {
	versions []int        // by package, [0] is the root
	clauses  [][][]Clause // by package and version
	solvable bool
}

func (s *synthetic) Versions(p Package) int   { return s.versions[p] }
func (s *synthetic) Next(c []Package) Package { return c[0] }

func (s *synthetic) Choose(_ context.Context, _ Package, allowed Set) (int, []Clause, error) {
	spans := allowed.Spans()
	return int(spans[len(spans)-1].Hi) - 1, nil, nil
}

func (s *synthetic) Clauses(_ context.Context, p Package, v int, _ State) ([]Clause, error) {
	return s.clauses[p][v], nil
}

func (s *synthetic) Conflict(_, _ Package, _ []Term) Package { return Root }

// newSynthetic makes packages with the given numbers of versions, in this
// order, after the root.
func newSynthetic(versions ...int) *synthetic {
	s := &synthetic{versions: append([]int{1}, versions...), solvable: true}
	s.clauses = make([][][]Clause, len(s.versions))
	for p, n := range s.versions {
		s.clauses[p] = make([][]Clause, n+1)
	}
	return s
}

// needs adds "version v of p depends on q in the versions lo to hi".
func (s *synthetic) needs(p Package, v int, q Package, lo, hi int) {
	s.clauses[p][v] = append(s.clauses[p][v], Clause{Subject: p, Kind: 1, Terms: []Term{
		{p, One(v)}, {q, Range(lo, hi+1).Complement(s.versions[q] + 1)},
	}})
}

// whole adds a dependency on every version of q.
func (s *synthetic) whole(p Package, v int, q Package) { s.needs(p, v, q, 1, s.versions[q]) }

// wide is an SDK and its core: each of n versions of one package needs one
// exact version of another, of which a third admits the oldest alone.
func wide(n int) *synthetic {
	s := newSynthetic(n, n, 1)
	const sdk, core, app Package = 1, 2, 3
	s.whole(Root, 1, sdk)
	s.whole(Root, 1, app)
	for v := 1; v <= n; v++ {
		s.needs(sdk, v, core, v, v)
	}
	s.needs(app, 1, core, 1, 1)
	return s
}

// wideFailing is wide with a third package that admits no version of the
// core that the SDK can use.
func wideFailing(n int) *synthetic {
	s := newSynthetic(n, n+1, 1)
	const sdk, core, app Package = 1, 2, 3
	s.whole(Root, 1, sdk)
	s.whole(Root, 1, app)
	for v := 1; v <= n; v++ {
		s.needs(sdk, v, core, v+1, v+1)
	}
	s.needs(app, 1, core, 1, 1)
	s.solvable = false
	return s
}

// chain is n packages of which each needs the next in its own version; the
// last has only the older half.
func chain(n, versions int) *synthetic {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = versions
	}
	s := newSynthetic(sizes...)
	s.whole(Root, 1, 1)
	for p := 1; p < n; p++ {
		for v := 1; v <= versions; v++ {
			hi := v
			if p == n-1 && v > versions/2 {
				hi = v - 1 // nothing
			}
			s.needs(Package(p), v, Package(p+1), v, hi)
		}
	}
	return s
}

// diamond is layers of packages: each version needs some packages of the next
// layer in random ranges. One version of each package is planted as a
// solution, so that there is one.
func diamond(layers, width, versions int, seed uint64) *synthetic {
	r := rand.New(rand.NewPCG(seed, 0))
	sizes := make([]int, layers*width)
	planted := make([]int, len(sizes)+1)
	for i := range sizes {
		sizes[i] = versions
		planted[i+1] = 1 + r.IntN(versions)
	}
	s := newSynthetic(sizes...)
	for i := range width {
		s.whole(Root, 1, Package(1+i))
	}
	for p := 1; p <= (layers-1)*width; p++ {
		next := ((p-1)/width + 1) * width
		for v := 1; v <= versions; v++ {
			for _, i := range r.Perm(width)[:3] {
				q := 1 + next + i
				lo, hi := 1+r.IntN(versions), 1+r.IntN(versions)
				lo, hi = min(lo, hi), max(lo, hi)
				if v == planted[p] {
					lo, hi = min(lo, planted[q]), max(hi, planted[q])
				}
				s.needs(Package(p), v, Package(q), lo, hi)
			}
		}
	}
	return s
}

// ladder is a newest release that shuts out what n releases of an SDK want by
// way of their cores. The SDK's oldest releases are loose, they want nothing
// of the base, and only stepping down once elsewhere avoids them.
func ladder(n, loose int) *synthetic {
	s := newSynthetic(2, n, n, 4)
	const client, sdk, core, base Package = 1, 2, 3, 4
	s.whole(Root, 1, client)
	s.whole(Root, 1, sdk)
	s.needs(client, 2, base, 3, 4)
	s.whole(client, 1, base)
	for v := 1; v <= n; v++ {
		s.needs(sdk, v, core, max(1, v-1), v)
		if v > loose {
			s.needs(core, v, base, 1, 2)
		}
	}
	return s
}

func BenchmarkSolve(b *testing.B) {
	for _, bm := range []struct {
		name string
		new  func() *synthetic
	}{
		{"wide-5000", func() *synthetic { return wide(5000) }},
		{"wide-5000-failing", func() *synthetic { return wideFailing(5000) }},
		{"chain-1000", func() *synthetic { return chain(1000, 20) }},
		{"diamond-5x10", func() *synthetic { return diamond(5, 10, 20, 1) }},
		{"diamond-10x20", func() *synthetic { return diamond(10, 20, 20, 2) }},
		{"ladder-2000", func() *synthetic { return ladder(2000, 20) }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			src := bm.new()
			var stats Stats
			b.ReportAllocs()
			for b.Loop() {
				s := New(src)
				sol, proof, err := s.Solve(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if (proof == nil) != src.solvable {
					b.Fatalf("got solution %v, proof %v, want solvable %v", sol, proof, src.solvable)
				}
				stats = s.Stats()
			}
			b.ReportMetric(float64(stats.Decisions), "decisions/op")
			b.ReportMetric(float64(stats.Conflicts), "conflicts/op")
		})
	}
}

// The problems of the benchmark have the answers that they are made for, and
// take as many decisions and conflicts as they should: a slip in learning or
// going back shows there and leaves the answer right.
func TestSynthetic(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    *synthetic
		want map[Package]int // nil for no check of versions

		decisions, conflicts int
	}{
		{"wide", wide(50), map[Package]int{1: 1, 2: 1, 3: 1}, 54, 1},
		{"wide-failing", wideFailing(50), nil, 52, 2},
		{"chain", chain(30, 6), map[Package]int{1: 3, 30: 3}, 117, 3},
		{"diamond", diamond(4, 6, 5, 1), nil, 117, 20},
		{"big diamond", diamond(8, 12, 12, 2), nil, 3301, 362},
		{"ladder", ladder(40, 5), map[Package]int{1: 2, 2: 6, 3: 5}, 73, 34},
	} {
		solver := New(tt.s)
		sol, proof, err := solver.Solve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := proof == nil; got != tt.s.solvable {
			t.Errorf("%s: got solvable %v, want %v", tt.name, got, tt.s.solvable)
			continue
		}
		if got := solver.Stats(); got.Decisions != tt.decisions || got.Conflicts != tt.conflicts {
			t.Errorf("%s: got %d decisions and %d conflicts, want %d and %d", tt.name, got.Decisions, got.Conflicts, tt.decisions, tt.conflicts)
		}
		for p, v := range tt.want {
			if sol[p] != v {
				t.Errorf("%s: got package %d at %d, want %d", tt.name, p, sol[p], v)
			}
		}
		for p, v := range sol {
			for _, c := range tt.s.clauses[p][v] {
				violated := true
				for _, term := range c.Terms {
					violated = violated && term.Set.Has(sol[term.Package])
				}
				if violated {
					t.Errorf("%s: %v violates %v", tt.name, sol, c.Terms)
				}
			}
		}
	}
}
