package resolver

import (
	"errors"
	"maps"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// TestScenarios resolves the public scenarios that ask for one environment.
func TestScenarios(t *testing.T) {
	all, err := indextest.LoadScenarios("../testdata/scenarios")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, sc := range all {
		if sc.Universal {
			continue
		}
		ran++
		t.Run(sc.Name, func(t *testing.T) {
			platform := sc.Platform
			if platform == "" {
				platform = "x86_64-manylinux_2_28"
			}
			q := Request{Target: target(t, sc.Python, platform)}
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
			got := map[string]string{}
			for _, p := range res.Packages {
				got[string(p.Name)] = p.Version.String()
			}
			if !maps.Equal(got, sc.Pins) {
				t.Errorf("got %v, want %v", got, sc.Pins)
			}
		})
	}
	if ran < 90 {
		t.Errorf("%d scenarios of one environment, want the lot", ran)
	}
}
