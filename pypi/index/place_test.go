package index

import (
	"errors"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// TestPlaces: a name that comes from several indexes is asked of each of them
// alone, and with its metadata and versions each knows its own.
func TestPlacesOfPackages(t *testing.T) {
	usual := indextest.Serve(t, indextest.MustParse("demo 9\nelse 1\n"), indextest.PyPI())
	x := indextest.Serve(t, indextest.MustParse("demo 1\n  a\ndemo 2\n"), indextest.PyPI())
	y := indextest.Serve(t, indextest.MustParse("demo 1\n  b\n"), indextest.Mirror())
	c, _ := newTestClient(t, Options{
		DefaultIndex: usual.SimpleURL(),
		Places:       map[pypi.Name][]string{"demo": {x.SimpleURL(), y.SimpleURL()}},
	})
	if c.At(usual.SimpleURL()) != nil {
		t.Error("the usual index is no place")
	}
	if first := c.At(x.SimpleURL()); first == nil || first != c.At(x.SimpleURL()) {
		t.Error("an address is one place")
	}
	if p := project(t, c, "demo"); p.Release(pep440.MustParse("9")) == nil || len(p.Releases) != 1 {
		t.Errorf("the usual index: %s", describe(p))
	}
	one := pep440.MustParse("1")
	for i, tt := range []struct {
		at       *Place
		releases int
		asks     string
	}{{c.At(x.SimpleURL()), 2, "a"}, {c.At(y.SimpleURL()), 1, "b"}} {
		p, err := tt.at.Project(t.Context(), "demo")
		if err != nil || len(p.Releases) != tt.releases {
			t.Fatalf("%d: %v %v", i, p, err)
		}
		m, err := tt.at.MetadataOf(t.Context(), p, p.Release(one), &p.Release(one).Files()[0])
		if err != nil || len(m.Requires) != 1 || string(m.Requires[0].Name) != tt.asks {
			t.Errorf("%d: metadata %v %v", i, m, err)
		}
		v, err := tt.at.Versions(t.Context(), "demo", []Pinned{{Version: one}})
		if err != nil || len(v.Releases) != 1 || v.Index != p.Index || p.Index == usual.SimpleURL() {
			t.Errorf("%d: versions %v %v", i, v, err)
		}
		if _, err := tt.at.Project(t.Context(), "else"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%d: another index has it: %v", i, err)
		}
	}
}

// TestInstead: an index takes the place of the usual ones for a name, beside
// which pages of files still count.
func TestInstead(t *testing.T) {
	usual := indextest.Serve(t, indextest.MustParse("demo 9\n"), indextest.PyPI())
	other := indextest.Serve(t, indextest.MustParse("demo 1\n"), indextest.PyPI())
	dir := t.TempDir()
	if err := indextest.MustParse("demo 3\n").WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	o := Options{DefaultIndex: usual.SimpleURL(), Instead: map[pypi.Name]string{"demo": other.SimpleURL()}}
	c, _ := newTestClient(t, o)
	if p := project(t, c, "demo"); len(p.Releases) != 1 || p.Release(pep440.MustParse("1")) == nil || p.Later() != nil {
		t.Errorf("got %s", describe(p))
	}
	o.Links = []Links{{Address: dir, Shown: "wheels"}}
	c, _ = newTestClient(t, o)
	if p := project(t, c, "demo"); len(p.Releases) != 2 || p.Release(pep440.MustParse("3")) == nil {
		t.Errorf("with links: %s", describe(p))
	}
	if n := usual.Requests().Total; n != 0 {
		t.Errorf("%d requests to the usual index", n)
	}
}
