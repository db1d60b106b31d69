package index

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/cache"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

func newStore(t testing.TB, dir string) *cache.Store {
	t.Helper()
	s, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// plainProject is what a project says, without what is not compared.
func plainProject(p *Project) string {
	var b strings.Builder
	fmt.Fprintln(&b, p.Name, p.Index, p.Status, p.StatusReason, p.Skipped)
	for i := range p.Releases {
		r := &p.Releases[i]
		fmt.Fprintln(&b, r.Version)
		for _, f := range r.Files() {
			w := f.Wheel
			f.Wheel = nil
			fmt.Fprintf(&b, "  %+v", f)
			if w != nil {
				fmt.Fprintf(&b, " %+v", *w)
			}
			fmt.Fprintln(&b)
		}
	}
	if p.claim != nil {
		fmt.Fprintln(&b, p.claim.version, p.claim.requires, p.claim.requiresPython, p.claim.extras)
	}
	return b.String()
}

const packUniverse = `a 1.0
  @wheel py3-none-any
  @wheel cp312-cp312-manylinux_2_28_x86_64
  @sdist
  requires-python >=3.8
a 1.1
  @yanked broken on Tuesdays
a 2.0rc1
a 2.0
  b>=1
b 1
`

// What is packed and read back is what the page said, whatever the page's format.
func TestPackPage(t *testing.T) {
	u, err := indextest.Parse(strings.Replace(strings.ReplaceAll(packUniverse, "  requires-python >=3.8\n", ""), "  @yanked broken on Tuesdays\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, profile := range map[string]indextest.Profile{"pypi": indextest.PyPI(), "mirror": indextest.Mirror(), "html": {}} {
		for _, order := range []Order{Auto, JSONFirst, SimpleFirst} {
			s := indextest.Serve(t, u, profile)
			c, _ := newTestClient(t, Options{DefaultIndex: s.SimpleURL(), Order: order})
			p := project(t, c, "a")
			packed := packPage(p)
			q, err := unpackPage(packed, "a", p.home)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := plainProject(q), plainProject(p); got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
			}
			if again := packPage(q); again != packed {
				t.Errorf("%s: packed again it differs", name)
			}
			for i := range packed {
				if _, err := unpackPage(packed[:i], "a", p.home); err == nil {
					t.Errorf("%s: cut at %d of %d it is still a page", name, i, len(packed))
				}
			}
		}
	}
}

// A page with everything that a file can have.
func TestPackFile(t *testing.T) {
	const digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	page := `{"meta": {"api-version": "1.1"}, "name": "demo", "project-status": {"status": "archived", "reason": "done"}, "files": [
		{"filename": "demo-1.0.tar.gz", "url": "https://files.test/x/other-name", "hashes": {"sha512": "` + digits + digits + `", "sha384": "` + digits + digits[:32] + `"},
		 "size": 0, "upload-time": "1969-01-02T03:04:05.678901Z", "yanked": ""},
		{"filename": "demo-1.0-1-py2.py3-none-any.whl", "url": "https://files.test/demo-1.0-1-py2.py3-none-any.whl", "hashes": {"sha256": "` + digits + `"},
		 "size": 9007199254740991, "requires-python": ">=3.8,<4", "core-metadata": {"sha256": "` + digits + `"}, "yanked": "why"},
		{"filename": "demo-2.0-py3-none-any.whl", "url": "http://else.test/a/demo-2.0-py3-none-any.whl", "hashes": {}, "core-metadata": false},
		{"filename": "demo-2.0.exe", "url": "https://files.test/demo-2.0.exe", "hashes": {}}]}`
	b := &pageBuilder{name: "demo"}
	if err := scanSimple([]byte(page), b); err != nil {
		t.Fatal(err)
	}
	home := &repository{display: "https://index.test/simple/"}
	p := built(t, b, home)
	q, err := unpackPage(packPage(p), "demo", home)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := plainProject(q), plainProject(p); got != want || len(q.Releases) != 2 || q.Status != "archived" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for i := range p.Releases {
		got, want := q.Releases[i].Files(), p.Releases[i].Files()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v\nwant\n%+v", got, want)
		}
		if &got[0] != &q.Releases[i].Files()[0] {
			t.Error("files are another each time")
		}
	}
}

func FuzzUnpackPage(f *testing.F) {
	u := indextest.MustParse("a 1.0\n  @wheel py3-none-any\n  @sdist\na 2.0\n")
	s := indextest.Serve(f, u, indextest.PyPI())
	c, _ := newTestClient(f, Options{DefaultIndex: s.SimpleURL(), Order: JSONFirst})
	p, err := c.Project(f.Context(), "a")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(packPage(p)))
	f.Add([]byte{0, 0, 0, 0, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := unpackPage(string(data), "a", p.home)
		if err != nil {
			return
		}
		n := 0
		for i := range q.Releases {
			if n += len(q.Releases[i].Files()); n > len(data) {
				t.Fatalf("%d files of %d bytes", n, len(data))
			}
		}
	})
}

func TestLifetime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		header []string // names and values
		want   time.Duration
		keep   bool
	}{
		{nil, 0, true},
		{[]string{"Cache-Control", "max-age=600, public"}, 10 * time.Minute, true},
		{[]string{"Cache-Control", `Public,MAX-AGE="600"`}, 10 * time.Minute, true},
		{[]string{"Cache-Control", "max-age=600", "Age", "100"}, 500 * time.Second, true},
		{[]string{"Cache-Control", "max-age=600", "Age", "700"}, 0, true},
		{[]string{"Cache-Control", "max-age=600", "Date", at(-time.Minute)}, 9 * time.Minute, true},
		{[]string{"Cache-Control", "max-age=600", "Date", at(time.Minute)}, 10 * time.Minute, true},
		{[]string{"Cache-Control", "max-age=600, no-cache"}, 0, true},
		{[]string{"Cache-Control", "max-age=600", "Cache-Control", "no-store"}, 0, false},
		{[]string{"Cache-Control", "max-age=600, max-age=5"}, 5 * time.Second, true},
		{[]string{"Cache-Control", "max-age=much"}, 0, true},
		{[]string{"Cache-Control", "max-age=-5"}, 0, true},
		{[]string{"Cache-Control", "s-maxage=600"}, 0, true},
		{[]string{"Cache-Control", "max-age=99999999999"}, 0, true},
		{[]string{"Cache-Control", "max-age=2000000000"}, maxLifetime, true},
		{[]string{"Expires", at(time.Hour), "Date", at(0)}, time.Hour, true},
		{[]string{"Expires", at(time.Hour), "Cache-Control", "max-age=60"}, time.Minute, true},
		{[]string{"Expires", "0"}, 0, true},
		{[]string{"Last-Modified", at(-1000 * time.Hour)}, 0, true}, // no guess
		{[]string{"Cache-Control", "max-age=600", "Vary", "*"}, 0, true},
		{[]string{"Cache-Control", "max-age=600", "Vary", "Accept"}, 10 * time.Minute, true},
	} {
		h := http.Header{}
		for i := 0; i < len(tt.header); i += 2 {
			h.Add(tt.header[i], tt.header[i+1])
		}
		if got, keep := lifetime(h, now); got != tt.want || keep != tt.keep {
			t.Errorf("%v: got %s, %v, want %s, %v", tt.header, got, keep, tt.want, tt.keep)
		}
	}
}

// asked counts the requests of a page's server by whether they were conditional.
type asked struct{ plain, conditional atomic.Int64 }

// pageServer serves one page of package a, with headers that a test sets.
func pageServer(t *testing.T, a *asked, header func() http.Header, page func() string) string {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		h := header()
		for k, v := range h {
			w.Header()[k] = v
		}
		w.Header()["Date"] = nil
		if tag := r.Header.Get("If-None-Match"); tag != "" || r.Header.Get("If-Modified-Since") != "" {
			a.conditional.Add(1)
			if tag == h.Get("ETag") && (tag != "" || r.Header.Get("If-Modified-Since") == h.Get("Last-Modified")) {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		} else {
			a.plain.Add(1)
		}
		if page() == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		simpleJSON(w, page())
	})
	return s.URL + "/simple/"
}

// Each row is runs one after the other, each with a client of its own: how much later it is, what the index has by
// then, and what is asked.
func TestRevalidation(t *testing.T) {
	one, two := simplePage("a", "a-1-py3-none-any.whl"), simplePage("a", "a-1-py3-none-any.whl", "a-2-py3-none-any.whl")
	type run struct {
		after   time.Duration
		page    string
		o       Options
		want    string // newest version, or a part of the error
		ask     int64  // requests without a condition
		confirm int64  // and with one
	}
	const minute, hour = time.Minute, time.Hour
	all := Options{Refresh: Refresh{All: true}}
	for _, tt := range []struct {
		name   string
		header []string
		runs   []run
	}{
		{"lifetime and tag", []string{"Cache-Control", "max-age=600", "ETag", `"x"`}, []run{
			{0, one, Options{}, "1", 1, 0}, {9 * minute, two, Options{}, "1", 0, 0}, {2 * minute, one, Options{}, "1", 0, 1},
			{9 * minute, two, Options{}, "1", 0, 0}, {0, one, all, "1", 0, 1},
			{0, one, Options{Refresh: Refresh{Names: map[pypi.Name]bool{"a": true}}}, "1", 0, 1},
			{0, one, Options{Refresh: Refresh{Names: map[pypi.Name]bool{"b": true}}}, "1", 0, 0},
		}},
		{"tag alone", []string{"ETag", `W/"x"`}, []run{{0, one, Options{}, "1", 1, 0}, {0, one, Options{}, "1", 0, 1}, {hour, one, Options{}, "1", 0, 1}}},
		{"time alone", []string{"Last-Modified", "Mon, 02 Mar 2026 00:00:00 GMT"}, []run{{0, one, Options{}, "1", 1, 0}, {hour, one, Options{}, "1", 0, 1}}},
		{"nothing", nil, []run{{0, one, Options{}, "1", 1, 0}, {0, two, Options{}, "2", 1, 0}, {hour, one, Options{Offline: true}, "2", 0, 0}}},
		{"no-store", []string{"Cache-Control", "no-store, max-age=600", "ETag", `"x"`}, []run{
			{0, one, Options{}, "1", 1, 0}, {0, one, Options{}, "1", 1, 0}, {0, one, Options{Offline: true}, "not in the cache", 0, 0},
		}},
		{"no-cache", []string{"Cache-Control", "no-cache, max-age=600", "ETag", `"x"`}, []run{{0, one, Options{}, "1", 1, 0}, {0, one, Options{}, "1", 0, 1}}},
		{"a clock set back", []string{"Cache-Control", "max-age=600"}, []run{{0, one, Options{}, "1", 1, 0}, {-hour, two, Options{}, "2", 1, 0}}},
		{"offline", []string{"Cache-Control", "max-age=600"}, []run{{0, one, Options{Offline: true}, "not in the cache", 0, 0}, {0, one, Options{}, "1", 1, 0}, {900 * hour, two, Options{Offline: true}, "1", 0, 0}}},
		{"not there", []string{"Cache-Control", "max-age=60"}, []run{
			{0, "", Options{}, "is not on", 1, 0}, {30 * time.Second, one, Options{}, "is not on", 0, 0}, {minute, one, Options{}, "1", 1, 0},
		}},
		{"not there, no lifetime", nil, []run{{0, "", Options{}, "is not on", 1, 0}, {0, one, Options{Offline: true}, "is not on", 0, 0}, {0, one, Options{}, "1", 1, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page := ""
			h := http.Header{}
			for i := 0; i < len(tt.header); i += 2 {
				h.Add(tt.header[i], tt.header[i+1])
			}
			var a asked
			url := pageServer(t, &a, func() http.Header { return h }, func() string { return page })
			dir, now := filepath.Join(t.TempDir(), "c"), newClock().now
			for i, r := range tt.runs {
				now = now.Add(r.after)
				page = r.page
				a.plain.Store(0)
				a.conditional.Store(0)
				o := r.o
				o.DefaultIndex, o.Cache, o.Order = url, newStore(t, dir), SimpleFirst
				o.Now = func() time.Time { return now }
				c, err := NewClient(o)
				if err != nil {
					t.Fatal(err)
				}
				p, err := c.Project(t.Context(), "a")
				c.flush()
				got := ""
				if err != nil {
					got = err.Error()
				} else {
					got = p.Releases[len(p.Releases)-1].Version.String()
				}
				if !strings.Contains(got, r.want) || a.plain.Load() != r.ask || a.conditional.Load() != r.confirm {
					t.Errorf("run %d: got %s with %d+%d requests, want %s with %d+%d", i, got, a.plain.Load(), a.conditional.Load(), r.want, r.ask, r.confirm)
				}
				if offline := r.o.Offline && err != nil && r.want != "is not on"; offline != errors.Is(err, ErrOffline) {
					t.Errorf("run %d: %v", i, err)
				}
				c.Close()
			}
		})
	}
}

// A second run asks for nothing, offline or not, and says the same; whatever is damaged is asked for again.
func TestWarm(t *testing.T) {
	const universe = "a 1.0\n  @wheel py3-none-any\n  @sdist\n  b>=1\na 2.0\n  b>=2\n  c ; extra == 'x'\nb 1\nb 2\n  @sdist\n  c\nc 1\n"
	u := indextest.MustParse(universe)
	for name, profile := range map[string]indextest.Profile{"pypi": indextest.PyPI(), "mirror": indextest.Mirror(), "html": {}} {
		t.Run(name, func(t *testing.T) {
			s := indextest.Serve(t, u, profile)
			dir := filepath.Join(t.TempDir(), "c")
			now := newClock()
			run := func(o Options) (string, Stats) {
				o.DefaultIndex, o.Cache = s.SimpleURL(), newStore(t, dir)
				o.Now, o.Sleep = now.Now, now.Sleep
				c, err := NewClient(o)
				if err != nil {
					t.Fatal(err)
				}
				text := ""
				for _, n := range []pypi.Name{"a", "b", "c"} {
					p := project(t, c, string(n))
					text += plainProject(p)
					for i := range p.Releases {
						m, err := c.MetadataOf(t.Context(), p, &p.Releases[i], nil)
						c.flush()
						if err != nil {
							text += err.Error() + "\n"
							continue
						}
						text += fmt.Sprintln(m.File.Filename, m.Source, m.Name, m.Version, requires(m), m.Extras, m.RequiresPython, m.Warnings)
					}
				}
				c.Close()
				return text, c.Stats()
			}
			want, cold := run(Options{})
			if cold.Requests == 0 || cold.Cached != 0 {
				t.Errorf("cold: %+v", cold)
			}
			got, offline := run(Options{Offline: true})
			if got != want || offline.Requests != 0 {
				t.Errorf("offline: %+v, got\n%s\nwant\n%s", offline, got, want)
			}
			got, warm := run(Options{})
			// Without a lifetime the pages are asked for again, and nothing else is.
			if limit := map[string]int64{"pypi": 0}[name]; got != want || profile.Caching && warm.Requests > limit || warm.Cached < 4 {
				t.Errorf("warm: %+v, got\n%s\nwant\n%s", warm, got, want)
			}
			files, err := filepath.Glob(filepath.Join(dir, cache.Layout, "*", "*", "*"))
			if err != nil || len(files) < 6 {
				t.Fatal(files, err)
			}
			for i, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				damaged := bytes.Clone(data)
				damaged[(i*7+len(data)/2)%len(data)] ^= 4
				damaged = [][]byte{damaged, data[:len(data)/2], []byte("not a record")}[i%3]
				if err := os.WriteFile(file, damaged, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got, stats := run(Options{}); got != want || stats.Requests == 0 {
				t.Errorf("damaged: %+v, got\n%s\nwant\n%s", stats, got, want)
			}
		})
	}
}

// What was fetched with credentials is not for those who give others or none, and is written nowhere.
func TestPrivate(t *testing.T) {
	profile := indextest.PyPI()
	profile.User, profile.Password = "user", "hunter2-secret"
	s := indextest.Serve(t, indextest.MustParse("a 1\n"), profile)
	dir := filepath.Join(t.TempDir(), "c")
	ask := func(userinfo string, offline bool) error {
		c, _ := newTestClient(t, Options{
			DefaultIndex: strings.Replace(s.SimpleURL(), "://", "://"+userinfo, 1), Cache: newStore(t, dir), Offline: offline,
		})
		p, err := c.Project(t.Context(), "a")
		c.flush()
		if err == nil {
			_, err = c.MetadataOf(t.Context(), p, &p.Releases[0], nil)
			c.flush()
		}
		c.Close()
		return err
	}
	if err := ask("user:hunter2-secret@", false); err != nil {
		t.Fatal(err)
	}
	if err := ask("user:hunter2-secret@", true); err != nil {
		t.Error(err)
	}
	for _, other := range []string{"", "user@", "user:wrong@", "other:hunter2-secret@"} {
		if err := ask(other, false); err == nil {
			t.Errorf("%q is served", other)
		}
		if err := ask(other, true); !errors.Is(err, ErrOffline) {
			t.Errorf("%q offline: %v", other, err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, secret := range []string{"hunter2", "aHVudGVyM", "dXNlcjpodW50ZXI"} {
			if strings.Contains(path, secret) || bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Addresses with a query may be signed: such a page is not kept.
func TestSigned(t *testing.T) {
	page := strings.Replace(simplePage("a", "a-1-py3-none-any.whl"), `a-1-py3-none-any.whl", "hashes"`, `a-1-py3-none-any.whl?sig=secret", "hashes"`, 1)
	var a asked
	url := pageServer(t, &a, func() http.Header { return http.Header{"Cache-Control": {"max-age=600"}} }, func() string { return page })
	dir := filepath.Join(t.TempDir(), "c")
	for range 2 {
		c, _ := newTestClient(t, Options{DefaultIndex: url, Order: SimpleFirst, Cache: newStore(t, dir)})
		project(t, c, "a")
	}
	if a.plain.Load() != 2 {
		t.Errorf("asked %d times, want 2", a.plain.Load())
	}
}

// The versions of a lock come from a page of the day, where it has all of their files.
func TestVersionsCached(t *testing.T) {
	u := indextest.MustParse("a 1\na 2\n")
	s := indextest.Serve(t, u, indextest.PyPI())
	dir := filepath.Join(t.TempDir(), "c")
	now := newClock().now
	client := func(o Options) *Client {
		o.DefaultIndex, o.Cache, o.Now = s.SimpleURL(), newStore(t, dir), func() time.Time { return now }
		c, err := NewClient(o)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p := project(t, client(Options{}), "a")
	hash := "sha256:" + release(t, p, "1").Files()[0].Hashes.Get("sha256")
	pin := func(hashes ...string) []Pinned { return []Pinned{{pep440.MustParse("1"), hashes}} }
	for _, tt := range []struct {
		name  string
		after time.Duration
		pins  []Pinned
		o     Options
		asks  bool
	}{
		{"fresh", 0, pin(hash), Options{}, false},
		{"fresh, without hashes", 0, pin(), Options{}, false},
		{"fresh, with a hash of a later file", 0, pin(hash, "sha256:"+strings.Repeat("0", 64)), Options{}, true},
		{"of the day", 20 * time.Hour, pin(hash), Options{}, false},
		{"of the day, refreshed", 20 * time.Hour, pin(hash), Options{Refresh: Refresh{All: true}}, true},
		{"old", 50 * time.Hour, pin(hash), Options{}, true}, // a day after it was refreshed
		{"old and offline", 900 * time.Hour, pin(hash), Options{Offline: true}, false},
		{"not there", 0, []Pinned{{pep440.MustParse("3"), nil}}, Options{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := now
			defer func() { now = before }()
			now = now.Add(tt.after)
			c := client(tt.o)
			p, err := c.Versions(t.Context(), "a", tt.pins)
			c.flush()
			if err != nil || len(p.Releases) > 1 || tt.name != "not there" && len(p.Releases) != 1 {
				t.Fatalf("got %+v, %v", p, err)
			}
			if asks := c.Stats().Requests > 0; asks != tt.asks {
				t.Errorf("%d requests", c.Stats().Requests)
			}
		})
	}
}

func TestHashList(t *testing.T) {
	hash := func(algorithm string, digit string) string {
		return algorithm + ":" + strings.Repeat(digit, map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm])
	}
	all := NewHashes(hash("sha256", "a"), hash("sha384", "b"), hash("sha512", "c"))
	upper := "sha256:" + strings.Repeat("A", 64)
	for _, tt := range []struct {
		list   []string
		have   Hashes
		listed bool
		left   []string
	}{
		{[]string{hash("sha256", "a")}, all, true, nil},
		{[]string{hash("sha384", "b")}, all, true, nil},
		{[]string{hash("sha512", "c"), hash("sha512", "c"), hash("sha256", "a")}, all, true, nil},
		{[]string{hash("sha512", "a"), hash("sha256", "a")}, all, true, []string{hash("sha512", "a")}},
		{[]string{hash("sha512", "c")}, NewHashes(hash("sha512", "c")), true, nil},
		{[]string{hash("sha256", "c")}, NewHashes(hash("sha512", "c")), false, []string{hash("sha256", "c")}},
		{[]string{hash("sha256", "a")}, Hashes{}, false, []string{hash("sha256", "a")}},
		{[]string{"md5:" + strings.Repeat("a", 32), hash("sha256", "a"), upper, ""}, all, true, []string{"md5:" + strings.Repeat("a", 32), upper, ""}},
		{nil, all, false, nil},
	} {
		l := NewHashList(tt.list)
		if l.Lists(tt.have) != tt.listed {
			t.Errorf("%v lists %+v: want %t", tt.list, tt.have, tt.listed)
		}
		if left := l.Left(); !slices.Equal(left, tt.left) {
			t.Errorf("%v after %+v: left are %v, want %v", tt.list, tt.have, left, tt.left)
		}
	}
}
