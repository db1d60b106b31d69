package resolver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// TestScenarios resolves the public scenarios, with uv's answers.
func TestScenarios(t *testing.T) {
	all, err := indextest.LoadScenarios("../testdata/scenarios")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, sc := range all {
		ran++
		t.Run(sc.Name, func(t *testing.T) {
			platform := sc.Platform
			if platform == "" {
				platform = "x86_64-manylinux_2_28"
			}
			q := Request{Targets: []Target{target(t, sc.Python, platform)}}
			if sc.Universal {
				q = Request{Universal: true, LowestPython: pep440.MustParse(sc.Python)}
			}
			for _, text := range sc.RequiredEnvironments {
				m, _, err := pep508.ParseMarker(text)
				if err != nil {
					t.Fatal(err)
				}
				q.RequiredEnvironments = append(q.RequiredEnvironments, m)
			}
			for _, r := range sc.Requires {
				q.Requirements = append(q.Requirements, requirement(t, r))
			}
			if sc.Resolution != "" {
				if q.Resolution, err = ParseMode(sc.Resolution); err != nil {
					t.Fatal(err)
				}
			}
			if sc.Prerelease != "" {
				if q.Prerelease, err = ParsePrereleaseMode(sc.Prerelease); err != nil {
					t.Fatal(err)
				}
			}
			set := func(names []string) Names {
				s := Names{Names: map[pypi.Name]bool{}}
				for _, n := range names {
					s.Names[pypi.NormalizeName(n)] = true
				}
				return s
			}
			q.OnlyBinary, q.NoBinary = set(sc.NoBuild), set(sc.NoBinary)
			res, err := Resolve(t.Context(), newMemory(t, sc.Universe), q, nil)
			var none *NoSolutionError
			switch {
			case errors.As(err, &none):
				if sc.Satisfiable {
					t.Fatalf("no solution, want %v:\n%v", sc.Pins, err)
				}
				t.Log(err)
				return
			case err != nil:
				t.Fatal(err)
			case !sc.Satisfiable:
				t.Fatalf("got %s, want no solution", pins(res))
			}
			type pin struct{ name, version string }
			got, want := map[pin]pep508.MarkerSet{}, map[pin]pep508.MarkerSet{}
			markers := func(text string) pep508.MarkerSet {
				if text == "" {
					return pep508.MarkerSet{}.And(above(sc.Python))
				}
				m, _, err := pep508.ParseMarker(text)
				if err != nil {
					t.Fatal(err)
				}
				return m.KnownSet().And(above(sc.Python))
			}
			for _, p := range res.Packages {
				got[pin{string(p.Name), p.Version.String()}] = markers(p.Marker)
			}
			for _, p := range sc.Lock {
				want[pin{p.Name, p.Version}] = markers(p.Marker)
			}
			if !maps.EqualFunc(got, want, pep508.MarkerSet.Equal) {
				var have []string
				for _, p := range res.Packages {
					have = append(have, fmt.Sprintf("%s==%s ; %s", p.Name, p.Version, p.Marker))
				}
				var expect []string
				for _, p := range sc.Lock {
					expect = append(expect, fmt.Sprintf("%s==%s ; %s", p.Name, p.Version, p.Marker))
				}
				slices.Sort(expect)
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(have, "\n  "), strings.Join(expect, "\n  "))
			}
		})
	}
	if ran < 189 {
		t.Errorf("%d scenarios, want the lot", ran)
	}
}

// above gives the environments from a Python on.
func above(python string) pep508.MarkerSet {
	v := pep440.MustParse(python)
	return pep508.RequiresPython(pep440.Specifiers{{Op: pep440.GreaterEqual, Version: v, Text: python}})
}
