package resolver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// ladder is a package of n releases, each of which pins its core exactly; all
// cores down to the floor need a library older than the bound.
func ladder(b *strings.Builder, name string, n, floor int, needs, old string) {
	for i := 1; i <= n; i++ {
		fmt.Fprintf(b, "%s 1.%d\n  %score==1.%d\n%score 1.%d\n  %s\n", name, i, name, i, name, i, map[bool]string{true: needs, false: old}[i > floor])
	}
}

func solvePit(t *testing.T, universe string, reqs ...string) (*Resolution, *memory) {
	t.Helper()
	m := newMemory(t, indextest.MustParse(universe))
	res, err := Resolve(t.Context(), m, request(t, reqs...), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d decisions, %d conflicts, %d documents", res.Stats.Decisions, res.Stats.Conflicts, m.reads.Load())
	return res, m
}

// TestRivals: one step back of one package saves a walk through all releases
// of another, whichever of the two is met first.
func TestRivals(t *testing.T) {
	for _, names := range [][2]string{{"kube", "aboto"}, {"kube", "zboto"}} {
		var b strings.Builder
		ladder(&b, names[1], 2000, 0, "date<3", "date<3")
		b.WriteString("date 2\ndate 3\n")
		fmt.Fprintf(&b, "%s 1\n  date>=2\n%s 2\n  date>=3\n", names[0], names[0])
		res, m := solvePit(t, b.String(), names[0], names[1])
		for _, want := range []string{"date==2", "kube==1", names[1] + "==1.2000"} {
			if got := pins(res); !strings.Contains(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		if n := m.reads.Load(); n > 60 {
			t.Errorf("%d documents read", n)
		}
	}
}

// TestYield: what the project asks for gives way to something that it does not
// name once no release of that goes with it, and only then.
func TestYield(t *testing.T) {
	for _, tt := range []struct {
		name  string
		app   string
		old   string // what release 1 of the app needs; 2 to the newest need date>=3
		apps  int
		floor int // the releases of boto up to this one go with any date
		want  string
	}{
		{"by one release, met first", "app", "date>=2", 2, 0, "app==1 boto==1.2000 botocore==1.2000 date==2 mock==9"},
		{"by one release, met last", "zapp", "date>=2", 2, 0, "boto==1.2000 botocore==1.2000 date==2 mock==9 zapp==1"},
		{"by many releases", "app", "date>=2", 12, 0, "app==1 boto==1.2000 botocore==1.2000 date==2 mock==9"},
		{"not while an old release does", "app", "date>=2", 12, 700, "app==12 boto==1.700 botocore==1.700 date==3 mock==9"},
		{"not where that does not help", "app", "date>=3", 2, 0, "app==2 date==3 mock==1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			ladder(&b, "boto", 2000, tt.floor, "date<3", "date")
			b.WriteString("date 1\ndate 2\ndate 3\nmock 1\n")
			for i := 2; i <= 9; i++ {
				fmt.Fprintf(&b, "mock %d\n  boto>=1.20\n", i)
			}
			fmt.Fprintf(&b, "%s 1\n  %s\n", tt.app, tt.old)
			for i := 2; i <= tt.apps; i++ {
				fmt.Fprintf(&b, "%s %d\n  date>=3\n", tt.app, i)
			}
			res, m := solvePit(t, b.String(), tt.app, "mock")
			if got := pins(res); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			// Where nothing helps, each release has to be read.
			if n := m.reads.Load(); n > 250 && tt.old != "date>=3" {
				t.Errorf("%d documents read", n)
			}
		})
	}
}

// TestStride: where only a release far back fits, the newest such one is
// found in a number of steps that grows with the logarithm of the way.
func TestStride(t *testing.T) {
	for _, n := range []int{200, 2000, 5000} {
		var b strings.Builder
		floor := n / 3
		ladder(&b, "boto", n, floor, "url>=2", "url>=1")
		b.WriteString("url 1\nurl 2\n")
		res, m := solvePit(t, b.String(), "boto", "url<2")
		want := fmt.Sprintf("boto==1.%d botocore==1.%d url==1", floor, floor)
		if got := pins(res); got != want {
			t.Errorf("n=%d: got %s, want %s", n, got, want)
		}
		if reads := m.reads.Load(); reads > 250 {
			t.Errorf("n=%d: %d documents read", n, reads)
		}
	}
}

// TestWindow: what works may lie between two stretches that fail for
// different causes.
func TestWindow(t *testing.T) {
	for _, n := range []int{190, 1900} {
		var b strings.Builder
		b.WriteString("lib 1\nlib 7\nlib 40\n")
		for i := 1; i <= n; i++ {
			needs := "lib>=40"
			switch {
			case i == 1:
				needs = "lib"
			case i < 45:
				needs = "other==7"
			case i <= 60:
				needs = "lib<40"
			}
			fmt.Fprintf(&b, "app %d\n  %s\n", i, needs)
		}
		b.WriteString("other 1\n")
		res, m := solvePit(t, b.String(), "app", "lib<40")
		if got, want := pins(res), "app==60 lib==7"; got != want {
			t.Errorf("n=%d: got %s, want %s", n, got, want)
		}
		if reads := m.reads.Load(); reads > 300 {
			t.Errorf("n=%d: %d documents read", n, reads)
		}
	}
}

// meetingUniverse has two packages each release of which pins a third. What the
// one pins in its newer half, the other has no release for.
func meetingUniverse(n int) string {
	var b strings.Builder
	for v := 1; v <= n; v++ {
		fmt.Fprintf(&b, "sdk 1.%d\n  core==1.%d\ncore 1.%d\n", v, v, v)
		if v <= n/2 {
			fmt.Fprintf(&b, "other 1.%d\n  core==1.%d\n", v, v)
		}
	}
	return b.String()
}

// TestMeeting: where two packages pin a third, what is too new turns into what
// is too old, and the release in between is found.
func TestMeeting(t *testing.T) {
	for _, n := range []int{60, 200, 1000} {
		for _, reqs := range [][]string{{"sdk", "other"}, {"other", "sdk"}} {
			res, _ := solvePit(t, meetingUniverse(n), reqs...)
			if got, want := pins(res), fmt.Sprintf("core==1.%d other==1.%d sdk==1.%d", n/2, n/2, n/2); got != want {
				t.Errorf("n=%d, %v: got %s, want %s", n, reqs, got, want)
			}
		}
	}
}

// TestGiveWay: a package is not handed out in a release of long ago where
// another one a few releases older avoids it.
func TestGiveWay(t *testing.T) {
	steps := func(name string, n int, needs func(i int) string) string {
		var b strings.Builder
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "%s %d\n  %s\n", name, i, needs(i))
		}
		return b.String()
	}
	const lib = "lib 1\nlib 2\nlib 3\n"
	for _, tt := range []struct {
		name, universe string
		reqs           []string
		want           string
	}{
		{
			// They change places after five releases; the sixth would have done.
			"in the sixth step", lib + steps("app", 200, func(i int) string { return map[bool]string{true: "lib>=3", false: "lib"}[i > 4] }) +
				steps("core", 200, func(i int) string { return map[bool]string{true: "lib<3", false: "lib"}[i > 194] }),
			[]string{"app", "core"}, "app==200 core==194 lib==3",
		},
		{
			"what the project asks for, for what it does not", lib + steps("core", 200, func(i int) string { return map[bool]string{true: "lib<3", false: "lib"}[i > 5] }) +
				"app 1\n  lib>=2\napp 2\n  lib>=3\nbase 1\n  core\n",
			[]string{"app", "base"}, "app==1 base==1 core==200 lib==2",
		},
		{
			"not by more than a few steps", lib + steps("core", 200, func(i int) string { return map[bool]string{true: "lib<3", false: "lib"}[i > 5] }) +
				steps("app", 20, func(i int) string { return map[bool]string{true: "lib>=3", false: "lib"}[i > 8] }) + "base 1\n  core\n",
			[]string{"app", "base"}, "app==20 base==1 core==5 lib==3",
		},
		{
			"where nothing else can give way", lib + steps("core", 200, func(i int) string { return map[bool]string{true: "lib<3", false: "lib"}[i > 5] }),
			[]string{"core", "lib>=3"}, "core==5 lib==3",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, m := solvePit(t, tt.universe, tt.reqs...)
			if got := pins(res); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if n := m.reads.Load(); n > 150 {
				t.Errorf("%d documents read", n)
			}
		})
	}
}
