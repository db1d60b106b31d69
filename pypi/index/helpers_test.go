package index

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// clock stands still until someone sleeps on it.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	sleeps []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.sleeps = append(c.sleeps, d)
	return ctx.Err()
}

// newTestClient returns a client that never waits.
func newTestClient(t testing.TB, o Options) (*Client, *clock) {
	t.Helper()
	k := newClock()
	o.Now, o.Sleep, o.Jitter = k.Now, k.Sleep, func() float64 { return 0 }
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, k
}

// serve starts a handler of a test's own.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// serveUniverse starts an index made of text, and a client of it.
func serveUniverse(t testing.TB, text string, p indextest.Profile, o Options) (*indextest.Server, *Client) {
	t.Helper()
	u, err := indextest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := indextest.Serve(t, u, p)
	o.DefaultIndex = s.SimpleURL()
	c, _ := newTestClient(t, o)
	return s, c
}

func project(t testing.TB, c *Client, name string) *Project {
	t.Helper()
	p, err := c.Project(t.Context(), pypi.NormalizeName(name))
	c.flush()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func release(t testing.TB, p *Project, version string) *Release {
	t.Helper()
	r := p.Release(pep440.MustParse(version))
	if r == nil {
		t.Fatalf("%s has no release %s", p.Name, version)
	}
	return r
}

func metadata(t testing.TB, c *Client, p *Project, version string) *Metadata {
	t.Helper()
	m, err := c.MetadataOf(t.Context(), p, release(t, p, version), nil)
	c.flush()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func requires(m *Metadata) string {
	s := ""
	for _, r := range m.Requires {
		s += r.String() + "\n"
	}
	return s
}

// simplePage is a page of the Simple API with these wheels, whose addresses are relative.
func simplePage(name string, wheels ...string) string {
	s := fmt.Sprintf(`{"meta": {"api-version": "1.1"}, "name": %q, "files": [`, name)
	for i, w := range wheels {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf(`{"filename": %q, "url": "../../files/%s", "hashes": {}}`, w, w)
	}
	return s + `]}`
}

func simpleJSON(w http.ResponseWriter, page string) {
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	fmt.Fprint(w, page)
}

func pypiName(i int) pypi.Name { return pypi.Name(fmt.Sprintf("p%d", i)) }

func pypiNameOf(s string) pypi.Name { return pypi.NormalizeName(s) }

// list returns the files added, in their order.
func (b *pageBuilder) list() []File {
	var pythons []python
	for _, text := range b.kinds.pythons.list {
		specifiers, err := dist.ParseRequiresPython(text)
		if err != nil {
			panic(err)
		}
		pythons = append(pythons, python{text, specifiers})
	}
	head := &unpacker{s: string(packHead(&packedHead{kinds: b.kinds}))}
	for range 5 { // status, reason, skipped, claim, Requires-Python
		head.number()
	}
	for range pythons {
		head.text()
	}
	page := &packedPage{name: b.name, files: string(b.packed), kinds: head.kinds(b.name, pythons, new(labels))}
	var list []File
	for _, f := range b.files {
		kind := string(binary.AppendUvarint(nil, uint64(f.kind)))
		read := new(FileScan).read(&files{page: page, version: f.version, n: 1, yanked: f.yanked, kinds: kind}, page.files[f.at:f.end])
		if len(read) != 1 {
			panic("a packed file cannot be read")
		}
		if name := page.files[f.nameAt : f.nameAt+f.nameN]; name != read[0].Filename {
			panic("the name of " + read[0].Filename + " is taken for " + name)
		}
		list = append(list, read...)
	}
	return list
}

// built is the project of b.
func built(t testing.TB, b *pageBuilder, home *repository) *Project {
	t.Helper()
	p, err := b.project(home)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
