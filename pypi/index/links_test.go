package index

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/cache"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// describe lists releases, files and where they come from.
func describe(p *Project) string {
	var b strings.Builder
	for i := range p.Releases {
		r := &p.Releases[i]
		fmt.Fprintf(&b, "%s", r.Version)
		for _, f := range r.Files() {
			fmt.Fprintf(&b, " %s", f.Filename)
		}
		o := p.Origin(r)
		fmt.Fprintf(&b, " %t %d %d\n", o.Index != "", len(o.Links), r.Rank())
	}
	return b.String()
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if err := indextest.MustParse("demo 1.0\n  dep\ndemo 2.0\ndemo-more 3.0\nother 1\n").WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"demo-9.0-py3-none-any.whl": "no wheel", "demo-8.0.tar.gz": "no sdist", "demo.txt": "", "demo-x.tar.gz": "", "demo-1.0.exe": "", "..whl": "", "-.whl": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "demo-7.0-py3-none-any.whl"), 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, _ := newTestClient(t, Options{NoIndex: true, Links: []Links{{Address: dir, Shown: "./wheels"}}, Cache: store})
	p := project(t, c, "demo")
	want := "1.0 demo-1.0-py3-none-any.whl false 1 0\n2.0 demo-2.0-py3-none-any.whl false 1 0\n8.0 demo-8.0.tar.gz false 1 0\n9.0 demo-9.0-py3-none-any.whl false 1 0\n"
	if got := describe(p); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	r := release(t, p, "1.0")
	if f := r.Files()[0]; f.Hashes.Get("sha256") == "" || f.Size == 0 || !strings.HasPrefix(f.URL, "file:///") {
		t.Errorf("%+v", f)
	}
	m, err := c.Metadata(t.Context(), p, r)
	if err != nil || len(m.Requires) != 1 {
		t.Errorf("%v %v", m, err)
	}
	for _, version := range []string{"8.0", "9.0"} {
		_, err := c.Metadata(t.Context(), p, release(t, p, version))
		if err == nil || !strings.Contains(err.Error(), "./wheels/demo-"+version) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", version, err)
		}
	}
	if _, err := c.Project(t.Context(), "nothing"); err == nil || !strings.Contains(err.Error(), "not on ./wheels") {
		t.Errorf("got %v", err)
	}
	if got := c.Stats().Requests; got != 0 {
		t.Errorf("%d requests", got)
	}
	c, _ = newTestClient(t, Options{NoIndex: true, Links: []Links{{Address: filepath.Join(dir, "none"), Shown: "./none"}}})
	if _, err := c.Project(t.Context(), "demo"); err == nil || !strings.Contains(err.Error(), "./none") || strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

func TestLinksPage(t *testing.T) {
	status, kind, page := 200, "text/html", ""
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, page)
	})
	hash := strings.Repeat("ab", 32)
	for _, tt := range []struct {
		status              int
		kind, page, project string
		want                string
	}{
		{200, "text/html", `<form></form><a href="demo-1.0-py3-none-any.whl">x</a><a href="/d/demo_2.0.tar.gz">y</a><a href="https://cdn.example/demo-2.0.tar.gz#sha256=` + hash + `">z</a></html>`, "demo",
			"1.0 demo-1.0-py3-none-any.whl false 1 0\n2.0 demo-2.0.tar.gz false 1 0\n"},
		{200, "text/html", `<base href="/files/"><a data-requires-python="&gt;=3" href="demo-more-3-1.0.zip">x</a></html>`, "demo-more-3", "1.0 demo-more-3-1.0.zip false 1 0\n"},
		{200, "text/html", `<a href="javascript:alert(1)">x</a><a href="//u:p@evil/demo-1.0.zip">x</a><a href="file:///etc/demo-1.0.zip">x</a></html>`, "demo", "not on"},
		{200, "text/html", `<html></html>`, "demo", "not on"},
		{200, "text/html", `<html><form action="/login"></html>`, "demo", "login page"},
		{200, "application/json", `{}`, "demo", "content type"},
		{404, "text/html", "", "demo", "there is no such page"},
		{401, "text/html", "", "demo", "401"},
	} {
		status, kind, page = tt.status, tt.kind, tt.page
		c, _ := newTestClient(t, Options{NoIndex: true, Links: []Links{{Address: s.URL + "/page"}}})
		p, err := c.Project(t.Context(), nameOf(tt.project))
		got := fmt.Sprint(err)
		if err == nil {
			got = describe(p)
		}
		if err == nil && got != tt.want || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.page, got, tt.want)
		}
	}
}

// What several places have of a name, by strategy.
func TestStrategies(t *testing.T) {
	first := indextest.Serve(t, indextest.MustParse("demo 1.0\n  dep\ndemo 2.0\n  dep\n"), indextest.PyPI())
	second := indextest.Serve(t, indextest.MustParse("demo 1.5\ndemo 2.0\ndemo 3.0\nelse 1\n"), indextest.PyPI())
	dir := t.TempDir()
	if err := indextest.MustParse("demo 1.5\n  x\ndemo 9.0\n").WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	wheel := func(v string) string { return " demo-" + v + "-py3-none-any.whl" }
	for _, tt := range []struct {
		strategy Strategy
		links    []Links
		want     string
		shared   int
	}{
		{FirstIndex, nil, "1.0" + wheel("1.0") + " true 0 0\n2.0" + wheel("2.0") + " true 0 0\n", 0},
		{UnsafeBestMatch, nil, "1.0" + wheel("1.0") + " true 0 0\n1.5" + wheel("1.5") + " true 0 0\n2.0" + wheel("2.0") + " true 0 0\n3.0" + wheel("3.0") + " true 0 0\n", 1},
		{UnsafeFirstMatch, nil, "1.0" + wheel("1.0") + " true 0 0\n1.5" + wheel("1.5") + " true 0 1\n2.0" + wheel("2.0") + " true 0 0\n3.0" + wheel("3.0") + " true 0 1\n", 1},
		{FirstIndex, []Links{{Address: dir, Shown: "./w"}}, "1.0" + wheel("1.0") + " true 0 0\n1.5" + wheel("1.5") + " false 1 0\n2.0" + wheel("2.0") + " true 0 0\n9.0" + wheel("9.0") + " false 1 0\n", 0},
		{UnsafeBestMatch, []Links{{Address: dir, Shown: "./w"}}, "1.0" + wheel("1.0") + " true 0 0\n1.5" + wheel("1.5") + " false 1 0\n2.0" + wheel("2.0") + " true 0 0\n3.0" + wheel("3.0") + " true 0 0\n9.0" + wheel("9.0") + " false 1 0\n", 1},
	} {
		c, _ := newTestClient(t, Options{DefaultIndex: second.SimpleURL(), ExtraIndexes: []string{first.SimpleURL()}, Strategy: tt.strategy, Links: tt.links})
		p := project(t, c, "demo")
		if got := describe(p); got != tt.want {
			t.Errorf("%s %v: got\n%swant\n%s", tt.strategy, tt.links, got, tt.want)
		}
		if got := c.Shared(); len(got) != tt.shared {
			t.Errorf("%s: shared %v", tt.strategy, got)
		}
		for i := range p.Releases {
			if _, err := c.Metadata(t.Context(), p, &p.Releases[i]); err != nil {
				t.Errorf("%s: %v", p.Releases[i].Version, err)
			}
		}
		m, err := c.Metadata(t.Context(), p, release(t, p, "2.0"))
		if err != nil || len(m.Requires) != 1 {
			t.Errorf("%s: 2.0 is of the second index: %v %v", tt.strategy, m, err)
		}
		if p := project(t, c, "else"); len(p.Releases) != 1 {
			t.Errorf("%s: a name that the first lacks", tt.strategy)
		}
	}
	// One index alone.
	c, _ := newTestClient(t, Options{DefaultIndex: first.SimpleURL(), Only: map[pypi.Name]string{"demo": second.SimpleURL(), "dep": second.SimpleURL()}})
	if got := describe(project(t, c, "demo")); !strings.HasPrefix(got, "1.5") {
		t.Errorf("got\n%s", got)
	}
	first.Reset()
	if _, err := c.Project(t.Context(), "dep"); err == nil || !strings.Contains(err.Error(), "not on "+second.SimpleURL()+";") {
		t.Errorf("got %v", err)
	}
	if n := first.Requests().Total; n != 0 {
		t.Errorf("%d requests to the wrong index", n)
	}
}

func nameOf(s string) pypi.Name { return pypi.NormalizeName(s) }

func FuzzReadLinks(f *testing.F) {
	f.Add("https://host/page\n<a href='x-1.0.zip'>x</a><base href='//other/'>")
	f.Add("https://host/page\n<a href='a-b-c-1.0-py3-none-any.whl#sha256=00'></html>")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := readLinks(text)
		if err != nil {
			return
		}
		for name, records := range l.records {
			b := newPageBuilder(name, l.links.base)
			b.links = l.links
			for _, r := range records {
				own := *r
				if err := b.add(&own); err != nil {
					t.Fatal(err)
				}
			}
			p, err := b.project(&repository{display: "x"})
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.Releases {
				for _, f := range p.Releases[i].Files() {
					if !strings.HasPrefix(f.URL, "http://") && !strings.HasPrefix(f.URL, "https://") {
						t.Fatalf("address %q", f.URL)
					}
				}
			}
			b.release()
		}
	})
}
