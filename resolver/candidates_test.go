package resolver

import (
	"reflect"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// TestLikeReleases compares the judgement of each release of the recorded pages with one that knows of no other release.
func TestLikeReleases(t *testing.T) {
	linux, mac := target(t, "3.12", "x86_64-manylinux_2_28"), target(t, "3.9", "aarch64-apple-darwin")
	old := target(t, "3.7", "x86_64-manylinux_2_17")
	requests := map[string]Request{
		"linux":          {Targets: []Target{linux}},
		"old":            {Targets: []Target{old}, Prerelease: Disallow},
		"three":          {Targets: []Target{linux, mac, old}},
		"no build":       {Targets: []Target{linux, mac}, NoBuild: true},
		"no wheels":      {Targets: []Target{linux}, NoBinary: Names{All: true}},
		"cutoff":         {Targets: []Target{linux}, ExcludeNewer: indextest.DefaultUploaded},
		"universal":      {Universal: true, LowestPython: pep440.MustParse("3.10")},
		"universal fork": {Universal: true, LowestPython: pep440.MustParse("3.8"), ForkStrategy: ForkFewest},
	}
	for _, recorded := range recordings {
		t.Run(recorded.name, func(t *testing.T) {
			u, err := indextest.LoadFile(recorded.file())
			if err != nil {
				t.Fatal(err)
			}
			s := indextest.Serve(t, u, indextest.PyPI())
			c, err := index.NewClient(index.Options{DefaultIndex: s.SimpleURL()})
			if err != nil {
				t.Fatal(err)
			}
			releases, alike := 0, 0
			for i := range u.Projects {
				if testing.Short() && i%20 != 0 {
					continue
				}
				p, err := c.Project(t.Context(), pypi.Name(u.Projects[i].Name))
				if err != nil {
					t.Fatal(err)
				}
				for name, r := range requests {
					sc, err := newScope(&r)
					if err != nil {
						t.Fatal(err)
					}
					q := newQuestion(&r, sc, nil)
					judged := judgements{q: q, name: p.Name, known: map[likeness]judgement{}}
					for i := range p.Releases {
						r := &p.Releases[i]
						got, want := judged.of(r), q.judge(p.Name, r)
						if at := indexIn(r.Files(), want.file); got.at != at {
							t.Fatalf("%s %s for %s: file %d, want %d", p.Name, r.Version, name, got.at, at)
						}
						if want.file = nil; !reflect.DeepEqual(got.verdict, want) {
							t.Fatalf("%s %s for %s: got %+v, want %+v", p.Name, r.Version, name, got.verdict, want)
						}
						releases++
					}
					alike += len(p.Releases) - len(judged.known)
				}
			}
			if alike < releases/3 {
				t.Errorf("of %d judgements %d were like others: too few to tell", releases, alike)
			}
		})
	}
}
