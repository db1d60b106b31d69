package resolver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// The universes of the benchmarks, as text; see the package indextest.

// wideUniverse is an SDK of n releases, each of which needs its own release of
// a core, and an app that admits the oldest core alone.
func wideUniverse(n int) string {
	var b strings.Builder
	for v := 1; v <= n; v++ {
		fmt.Fprintf(&b, "core 1.%d\nsdk 1.%d\n  core==1.%d\n", v, v, v)
	}
	b.WriteString("app 1\n  core<1.2\n")
	return b.String()
}

// chainUniverse is n packages, each of which needs the next.
func chainUniverse(n, versions int) string {
	var b strings.Builder
	for p := range n {
		for v := 1; v <= versions; v++ {
			fmt.Fprintf(&b, "p%d 1.%d\n", p, v)
			if p < n-1 {
				fmt.Fprintf(&b, "  p%d>=1.%d\n", p+1, v)
			}
		}
	}
	return b.String()
}

// diamondUniverse is layers of packages: each release needs some packages of
// the next layer in random ranges, one planted release of each such that there
// is a solution.
func diamondUniverse(layers, width, versions int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	planted := make([]int, layers*width)
	for i := range planted {
		planted[i] = 1 + r.IntN(versions)
	}
	var b strings.Builder
	for p := range planted {
		next := (p/width + 1) * width
		for v := 1; v <= versions; v++ {
			fmt.Fprintf(&b, "p%d 1.%d\n", p, v)
			if next >= len(planted) {
				continue
			}
			for _, i := range r.Perm(width)[:3] {
				q := next + i
				lo, hi := 1+r.IntN(versions), 1+r.IntN(versions)
				lo, hi = min(lo, hi), max(lo, hi)
				if v == planted[p] {
					lo, hi = min(lo, planted[q]), max(hi, planted[q])
				}
				fmt.Fprintf(&b, "  p%d>=1.%d,<=1.%d\n", q, lo, hi)
			}
		}
	}
	return b.String()
}

// ladderUniverse is a client whose newest release shuts out what n releases
// of an SDK want of a base by way of their cores. The oldest releases are
// loose: they want nothing of the base. The client one release older avoids
// them.
func ladderUniverse(n, loose int) string {
	var b strings.Builder
	for v := 1; v <= n; v++ {
		fmt.Fprintf(&b, "sdk 1.%d\n  core>=1.%d,<1.%d\ncore 1.%d\n", v, v, v+1, v)
		if v > loose {
			b.WriteString("  base<3\n")
		}
	}
	b.WriteString("client 1\n  base\nclient 2\n  base>=3\nbase 1\nbase 2\nbase 3\nbase 4\n")
	return b.String()
}

// webUniverse is like a service: n packages with a few hundred releases whose
// lower bounds rise over time, and extras and markers here and there.
func webUniverse(n, versions int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	for p := range n {
		var deps []int
		if p < n-1 {
			for range min(6, n-1-p) {
				deps = append(deps, p+1+r.IntN(min(20, n-1-p)))
			}
		}
		for v := 1; v <= versions; v++ {
			fmt.Fprintf(&b, "p%d %d.%d\n", p, v/10, v%10)
			for i, d := range deps {
				lo := max(1, v-1-r.IntN(40))
				marker := []string{"", "", ` ; python_version >= "3.8"`, ` ; sys_platform == "win32"`, ` ; extra == "fast"`}[i%5]
				fmt.Fprintf(&b, "  p%d>=%d.%d,<%d%s\n", d, lo/10, lo%10, versions/10+2, marker)
			}
		}
	}
	return b.String()
}

func BenchmarkResolve(b *testing.B) {
	for _, bm := range []struct {
		name, universe string
		asks           []string
	}{
		{"wide-5000", wideUniverse(5000), []string{"sdk", "app"}},
		{"chain-1000", chainUniverse(1000, 20), []string{"p0"}},
		{"diamond-10x20", diamondUniverse(10, 20, 20, 1), []string{"p0", "p1", "p2", "p3", "p4"}},
		{"ladder-2000", ladderUniverse(2000, 20), []string{"client", "sdk"}},
		{"web-80x300", webUniverse(80, 300, 3), []string{"p0[fast]", "p1", "p2", "p3", "p4"}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			m := newMemory(b, indextest.MustParse(bm.universe))
			q := request(b, bm.asks...)
			var stats Stats
			b.ReportAllocs()
			for b.Loop() {
				res, err := Resolve(b.Context(), m, q, nil)
				var no *NoSolutionError
				if errors.As(err, &no) {
					b.Fatalf("got no solution:\n%s", no.Report)
				} else if err != nil {
					b.Fatal(err)
				}
				stats = res.Stats
			}
			b.ReportMetric(float64(stats.Decisions), "decisions/op")
			b.ReportMetric(float64(stats.Conflicts), "conflicts/op")
			b.ReportMetric(float64(stats.Metadata), "documents/op")
		})
	}
}
