package resolver

import (
	"errors"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// cost is what a search takes: decisions, conflicts, and documents read.
func cost(t *testing.T, m *memory, q Request) int {
	t.Helper()
	m.reads.Store(0)
	res, err := Resolve(t.Context(), m, q, nil)
	var none *NoSolutionError
	if err != nil && !errors.As(err, &none) {
		t.Fatal(err)
	}
	if res == nil {
		return int(m.reads.Load())
	}
	return res.Stats.Decisions + res.Stats.Conflicts + int(m.reads.Load())
}

// checkGrowth fails where doubling the size more than doubles the cost, by
// more than a tenth and a constant: what is read ahead depends on timing.
func checkGrowth(t *testing.T, sizes, costs []int) {
	t.Helper()
	t.Logf("sizes %v, costs %v", sizes, costs)
	for i := 1; i < len(costs); i++ {
		if most := costs[i-1]*sizes[i]/sizes[i-1]*11/10 + 50; costs[i] > most {
			t.Errorf("from size %d to %d the cost grows from %d to %d, more than %d", sizes[i-1], sizes[i], costs[i-1], costs[i], most)
		}
	}
}

// TestGrowth holds that the cost of a search grows no worse than linearly with
// the versions and with the packages there are.
func TestGrowth(t *testing.T) {
	random := []string{"p0", "p1", "p2", "p3", "p4"}
	for _, shape := range []struct {
		name  string
		sizes []int
		seeds int // universes a size, which are added up
		asks  []string
		text  func(n int, seed uint64) string
	}{
		{"wide", []int{625, 1250, 2500, 5000}, 1, []string{"sdk", "app"}, func(n int, _ uint64) string { return wideUniverse(n) }},
		{"wide-failing", []int{625, 1250, 2500, 5000}, 1, []string{"sdk", "none"}, func(n int, _ uint64) string {
			return wideUniverse(n) + "core 0\nnone 1\n  core<1\n"
		}},
		{"chain of packages", []int{125, 250, 500, 1000}, 1, []string{"p0"}, func(n int, _ uint64) string { return chainUniverse(n, 20) }},
		{"chain of versions", []int{20, 40, 80, 160}, 1, []string{"p0"}, func(n int, _ uint64) string { return chainUniverse(100, n) }},
		{"ladder", []int{250, 500, 1000, 2000}, 1, []string{"client", "sdk"}, func(n int, _ uint64) string { return ladderUniverse(n, 20) }},
		{"ladder that must be climbed, short", []int{250, 500, 1000, 2000}, 1, []string{"client==2", "sdk"}, func(n int, _ uint64) string { return ladderUniverse(n, n-20) }},
		{"ladder that must be climbed, long", []int{250, 500, 1000, 2000}, 1, []string{"client==2", "sdk"}, func(n int, _ uint64) string { return ladderUniverse(n, 20) }},
		{"two pin one", []int{500, 1000, 2000}, 1, []string{"sdk", "other"}, func(n int, _ uint64) string { return meetingUniverse(n) }},
		{"diamond of versions", []int{10, 20, 40, 80}, 10, random, func(n int, seed uint64) string { return diamondUniverse(5, 10, n, seed) }},
		{"diamond of width", []int{10, 20, 40, 80}, 10, random, func(n int, seed uint64) string { return diamondUniverse(5, n, 20, seed) }},
		{"web of versions", []int{100, 200, 400, 800}, 1, random, func(n int, seed uint64) string { return webUniverse(80, n, seed) }},
		{"web of packages", []int{20, 40, 80, 160}, 1, random, func(n int, seed uint64) string { return webUniverse(n, 200, seed) }},
	} {
		if testing.Short() {
			shape.sizes = shape.sizes[:2]
		}
		t.Run(shape.name, func(t *testing.T) {
			var costs []int
			for _, n := range shape.sizes {
				sum := 0
				for seed := range uint64(shape.seeds) {
					sum += cost(t, newMemory(t, indextest.MustParse(shape.text(n, seed))), request(t, shape.asks...))
				}
				costs = append(costs, sum)
			}
			checkGrowth(t, shape.sizes, costs)
		})
	}
}

// TestGrowthRecorded takes ever more of the history of boto3, of which all
// releases since a certain one need a newer urllib3 than is asked for.
func TestGrowthRecorded(t *testing.T) {
	m := recordings[0].load(t)
	var sizes, costs []int
	for _, year := range []int{2022, 2023, 2024, 2025, 2026, 2027} {
		q := request(t, "boto3", "urllib3<1.25.4")
		q.ExcludeNewer = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		n := 0
		for _, r := range m.projects["boto3"].Releases {
			if r.Files()[0].UploadTime.Before(q.ExcludeNewer) {
				n++
			}
		}
		sizes, costs = append(sizes, n), append(costs, cost(t, m, q))
	}
	checkGrowth(t, sizes, costs)
}
