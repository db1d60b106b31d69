package index

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// grown is a universe of packages with many releases.
func grown(names, releases int) string {
	var b strings.Builder
	for i := range names {
		for v := range releases {
			fmt.Fprintf(&b, "p%d %d.0\n", i, v+1)
		}
	}
	return b.String()
}

func versions(texts ...string) []Pinned {
	var vs []Pinned
	for _, s := range texts {
		vs = append(vs, Pinned{Version: pep440.MustParse(s)})
	}
	return vs
}

func listed(p *Project) string {
	var s []string
	for _, r := range p.Releases {
		s = append(s, fmt.Sprint(r.Version, " ", len(r.Files())))
	}
	return strings.Join(s, ", ")
}

func TestVersions(t *testing.T) {
	const universe = "a 1.0\n  @wheel py3-none-any\n  @sdist\na 2.0\na 3.0\nb 1.0\n@status q quarantined malware\nq 1.0\n"
	for _, tt := range []struct {
		profile indextest.Profile
		name    string
		ask     []string
		want    string
		docs    int // version documents asked for
		pages   int
	}{
		{indextest.PyPI(), "a", []string{"1.0"}, "1.0 2", 1, 0},
		{indextest.PyPI(), "a", []string{"2", "1.0", "2.0"}, "1.0 2, 2.0 1", 2, 0},
		{indextest.PyPI(), "a", []string{"1.0", "9"}, "1.0 2", 2, 1},
		{indextest.PyPI(), "a", []string{"9"}, "", 1, 1},
		{indextest.PyPI(), "q", []string{"1.0"}, "", 1, 1},
		{indextest.PyPI(), "none", []string{"1.0"}, "not found", 1, 1},
		{indextest.Mirror(), "a", []string{"1.0", "2.0"}, "1.0 2, 2.0 1", 2, 1},
		{indextest.Profile{}, "a", []string{"1.0"}, "1.0 2", 1, 1},
	} {
		t.Run(fmt.Sprint(tt.name, tt.ask, tt.profile.VersionJSON, tt.profile.SimpleJSON), func(t *testing.T) {
			s, c := serveUniverse(t, universe, tt.profile, Options{})
			p, err := c.Versions(t.Context(), pypi.Name(tt.name), versions(tt.ask...))
			got := ""
			switch {
			case errors.Is(err, ErrNotFound):
				got = "not found"
			case err != nil:
				t.Fatal(err)
			default:
				got = listed(p)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if r := s.Requests(); r.Kinds[indextest.KindVersionJSON] != tt.docs || r.Kinds[indextest.KindSimple] != tt.pages {
				t.Errorf("requests %v, want %d documents and %d pages", r.Paths, tt.docs, tt.pages)
			}
		})
	}
}

// TestVersionsInABurst: hundreds of pins at once read no page where there are documents of versions, and one page each,
// after one question in vain, where there are none.
func TestVersionsInABurst(t *testing.T) {
	const n = 60
	for _, tt := range []struct {
		profile     indextest.Profile
		docs, pages int
	}{{indextest.PyPI(), n, 0}, {indextest.Mirror(), 1, n}} {
		s, c := serveUniverse(t, grown(n, 5), tt.profile, Options{})
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				p, err := c.Versions(t.Context(), pypiName(i), versions("3.0"))
				if err != nil || listed(p) != "3.0 1" {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if r := s.Requests(); r.Kinds[indextest.KindVersionJSON] != tt.docs || r.Kinds[indextest.KindSimple] != tt.pages || r.Kinds[indextest.KindProjectJSON] != 0 {
			t.Errorf("requests %v, want %d documents and %d pages", r.Kinds, tt.docs, tt.pages)
		}
	}
}

// TestVersionsOfTheFirstIndex: the first index that has the name answers, also where only a later one has the version.
func TestVersionsOfTheFirstIndex(t *testing.T) {
	extra, err := indextest.Parse("both 1.0\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []indextest.Profile{indextest.PyPI(), indextest.Mirror()} {
		e := indextest.Serve(t, extra, profile)
		_, c := serveUniverse(t, "both 1.0\nboth 2.0\nmain 1.0\n", indextest.PyPI(), Options{ExtraIndexes: []string{e.SimpleURL()}})
		for _, tt := range []struct{ name, version, want, at string }{
			{"both", "1.0", "1.0 1", e.SimpleURL()},
			{"both", "2.0", "", e.SimpleURL()},
			{"main", "1.0", "1.0 1", c.repositories[1].display},
		} {
			p, err := c.Versions(t.Context(), pypi.Name(tt.name), versions(tt.version))
			if err != nil || listed(p) != tt.want || p.Index != tt.at {
				t.Errorf("%s %s: got %+v, %v", tt.name, tt.version, p, err)
			}
		}
	}
}
