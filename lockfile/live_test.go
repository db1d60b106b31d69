//go:build live

package lockfile

import (
	"os"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// TestLiveCheck locks a service from the default index and checks the lock by a
// client that has read nothing yet, and tells time, requests and bytes of both.
// Run it with -tags live; LIVE_SERVICE names a folder, LIVE_INDEX an index.
func TestLiveCheck(t *testing.T) {
	dir := os.Getenv("LIVE_SERVICE")
	if dir == "" {
		dir = "../examples/monorepo/services/langgraph"
	}
	p, err := project.Load(project.LoadOptions{Sources: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	for _, universal := range []bool{false, true} {
		q := resolver.Request{Root: p.Name, Requirements: p.Requirements, Constraints: p.Constraints, Overrides: p.Overrides, Locals: p.Locals, BestEffort: true}
		if universal {
			q.Universal, q.LowestPython = true, pep440.MustParse("3.12")
		}
		for _, name := range []string{"x86_64-manylinux_2_28", "aarch64-manylinux_2_28"} {
			platform, err := tags.ParsePlatform(name)
			if err != nil {
				t.Fatal(err)
			}
			q.Targets = append(q.Targets, resolver.Target{Python: pep440.MustParse("3.12"), Platform: platform})
		}
		client := func() *index.Client {
			c, err := index.NewClient(index.Options{DefaultIndex: os.Getenv("LIVE_INDEX")})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c, start := client(), time.Now()
		tell := func(what string) {
			s := c.Stats()
			t.Logf("universal %v, %s: %.1f s, %d requests, %d bytes", universal, what, time.Since(start).Seconds(), s.Requests, s.Bytes)
		}
		res, err := resolver.Resolve(t.Context(), c, q, nil)
		if err != nil {
			t.Fatal(err)
		}
		tell("compile")
		l, err := FromResolution(res, BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := Render(l, Style{})
		if err != nil {
			t.Fatal(err)
		}
		if l, err = ParseLax("requirements.lock", text); err != nil {
			t.Fatal(err)
		}
		pins, err := l.LockedPins()
		if err != nil {
			t.Fatal(err)
		}
		c, start = client(), time.Now()
		v, err := resolver.Check(t.Context(), c, q, pins, resolver.CheckOptions{Hashes: true})
		if err != nil {
			t.Fatal(err)
		}
		tell("check")
		for _, f := range Drift(l, v, Expectation{NoHeader: true}) {
			t.Errorf("%s: %s: %s", f.Rule.ID, f.Place, f.Message)
		}
		q.Preferences = map[pypi.Name][]resolver.Preference{}
		for _, p := range pins {
			q.Preferences[p.Name] = append(q.Preferences[p.Name], resolver.Preference{Version: p.Version, Marker: p.Marker})
		}
		c, start = client(), time.Now()
		if _, err = resolver.Resolve(t.Context(), c, q, nil); err != nil {
			t.Fatal(err)
		}
		tell("compile again")
	}
}
