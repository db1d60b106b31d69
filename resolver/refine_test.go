package resolver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// setPace makes the search stride, and refine, as small universes need it.
func setPace(t *testing.T, p pacing) {
	t.Helper()
	was := pace
	pace = p
	t.Cleanup(func() { pace = was })
}

// lineWorld is a universe in which what a release asks for is the same over
// runs of releases. Versions are 1 to n, the names of packages a, b, c …
type lineWorld struct {
	pkgs [][]lineVersion
	root []lineDep
	pins map[int]int // of an existing lock
	mode Mode
}

type lineVersion struct {
	deps []lineDep
	lax  bool // its Requires-Python admits the target by the lower bound alone
}

// lineDep asks for a version from lo to hi.
type lineDep struct{ pkg, lo, hi int }

func randomLines(r *rand.Rand) *lineWorld {
	w := &lineWorld{pins: map[int]int{}, mode: Mode(r.IntN(3))}
	sizes := make([]int, 3+r.IntN(3))
	for i := range sizes {
		sizes[i] = 6 + r.IntN(farBack-6) // too short for giveWay
	}
	bounds := func(pkg int) lineDep {
		n := sizes[pkg]
		d := lineDep{pkg, 1, n}
		switch r.IntN(4) {
		case 0:
			d.lo = 1 + r.IntN(n)
		case 1:
			d.hi = 1 + r.IntN(n)
		case 2:
			d.lo = 1 + r.IntN(n)
			d.hi = d.lo + r.IntN(n-d.lo+1)
		}
		return d
	}
	for i, n := range sizes {
		vs := make([]lineVersion, n)
		for other := range sizes {
			if other == i || r.IntN(2) == 0 {
				continue
			}
			for v := 0; v < n; {
				run := 1 + r.IntN(n)
				d := bounds(other)
				none := r.IntN(4) == 0
				for ; run > 0 && v < n; run, v = run-1, v+1 {
					if !none {
						vs[v].deps = append(vs[v].deps, d)
					}
				}
			}
		}
		for v := range vs {
			vs[v].lax = r.IntN(12) == 0
		}
		w.pkgs = append(w.pkgs, vs)
	}
	for range 2 + r.IntN(2) {
		w.root = append(w.root, bounds(r.IntN(len(sizes))))
	}
	if r.IntN(4) == 0 {
		i := r.IntN(len(sizes))
		w.pins[i] = 1 + r.IntN(sizes[i])
	}
	return w
}

func lineName(i int) string { return string(rune('a' + i)) }

func (d lineDep) String() string { return fmt.Sprintf("%s>=%d,<=%d", lineName(d.pkg), d.lo, d.hi) }

func (w *lineWorld) universe() string {
	var b strings.Builder
	for i, vs := range w.pkgs {
		for v := range vs {
			fmt.Fprintf(&b, "%s %d\n", lineName(i), v+1)
			for _, d := range vs[v].deps {
				fmt.Fprintf(&b, "  %s\n", d)
			}
			if vs[v].lax {
				b.WriteString("  @python >=3.8,<3.12\n")
			}
		}
	}
	return b.String()
}

func (w *lineWorld) request(t *testing.T) Request {
	var reqs []string
	for _, d := range w.root {
		reqs = append(reqs, d.String())
	}
	q := request(t, reqs...)
	q.Resolution = w.mode
	q.Preferences = map[pypi.Name][]Preference{}
	for i, v := range w.pins {
		q.Preferences[pypi.Name(lineName(i))] = []Preference{{Version: pep440.MustParse(fmt.Sprint(v))}}
	}
	return q
}

// worse ranks a version: lower is preferred.
func (w *lineWorld) worse(pkg, v int) int {
	if w.pins[pkg] == v {
		return 0
	}
	lowest := w.mode == Lowest || w.mode == LowestDirect && slices.ContainsFunc(w.root, func(d lineDep) bool { return d.pkg == pkg })
	rank := len(w.pkgs[pkg]) + 1 - v
	if lowest {
		rank = v
	}
	if w.pkgs[pkg][v-1].lax {
		rank += 1000
	}
	return rank
}

// outdone searches exhaustively for a solution with a preferred version of a
// package where no other of those chosen has a worse one. What a solution does
// without, or has besides, does not count. It returns nil where there is none.
func (w *lineWorld) outdone(chosen map[int]int) map[int]int {
	have := map[int]int{}
	var meet func(todo []lineDep, better bool) bool
	meet = func(todo []lineDep, better bool) bool {
		if len(todo) == 0 {
			return better
		}
		d, rest := todo[0], todo[1:]
		if v, ok := have[d.pkg]; ok {
			return d.lo <= v && v <= d.hi && meet(rest, better)
		}
		for v := d.lo; v <= d.hi; v++ {
			was, known := chosen[d.pkg]
			if known && w.worse(d.pkg, v) > w.worse(d.pkg, was) {
				continue
			}
			have[d.pkg] = v
			if meet(append(slices.Clone(rest), w.pkgs[d.pkg][v-1].deps...), better || known && v != was) {
				return true
			}
			delete(have, d.pkg)
		}
		return false
	}
	if !meet(w.root, false) {
		return nil
	}
	return have
}

// unrefined is what the search itself ends at.
func (w *lineWorld) unrefined(t *testing.T, m *memory) (chosen map[int]int, strode bool) {
	q := w.request(t)
	whole, err := newScope(&q)
	if err != nil {
		t.Fatal(err)
	}
	l := &library{index: m}
	defer l.wg.Wait()
	qu := newQuestion(&q, whole, nil)
	p := newProblem(qu, &fetcher{library: l, q: qu}, nil)
	sol, _, err := pubgrub.New(p).Solve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	chosen = map[int]int{}
	for name, id := range p.byName {
		if v := sol[id]; v != pubgrub.Absent {
			chosen[int(name[0]-'a')] = v
		}
		_, s := (&solved{p, sol}).strode(id)
		strode = strode || s
	}
	return chosen, strode
}

// TestRefine: after all, no package can have a preferred version while no other
// one gets a worse one, whatever was strode over on the way.
func TestRefine(t *testing.T) {
	setPace(t, pacing{strideAfter: 1, strideOver: 2, probeOver: 1000, refineStep: 1000})
	seed := *oracleSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	var solved, strode, mended int
	for i := range *oracleCases / 3 {
		w := randomLines(rand.New(rand.NewPCG(seed, uint64(i))))
		m := newMemory(t, indextest.MustParse(w.universe()))
		res, err := Resolve(t.Context(), m, w.request(t), nil)
		if none := (*NoSolutionError)(nil); errors.As(err, &none) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		solved++
		chosen := map[int]int{}
		for _, p := range res.Packages {
			var v int
			fmt.Sscan(p.Version.String(), &v)
			chosen[int(p.Name[0]-'a')] = v
		}
		before, far := w.unrefined(t, m)
		if far {
			strode++
		}
		if w.outdone(before) != nil {
			mended++
		}
		if better := w.outdone(chosen); better != nil {
			t.Errorf("seed %d case %d\n%sroot %v pins %v mode %v\ngot %v at first, %v after refining, where there is %v", seed, i, w.universe(), w.root, w.pins, w.mode, before, chosen, better)
			if t.Failed() {
				break
			}
		}
	}
	t.Logf("seed %d: of %d solved %d strode, %d ended at what can be outdone", seed, solved, strode, mended)
}
