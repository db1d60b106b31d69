package index

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArchiveBuilt builds archives that do not state what they need, and nothing that nobody has vouched for.
func TestArchiveBuilt(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dynamic := makeTar(t, "demo-1.0/PKG-INFO", dynamicInfo)
	static := makeTar(t, "demo-1.0/PKG-INFO", staticInfo)
	other := makeTar(t, "demo-1.0/PKG-INFO", dynamicInfo+"Summary: other\n")
	files := map[string][]byte{"/demo-1.0.tar.gz": dynamic, "/static-1.0.tar.gz": static, "/demo-1.0.zip": zipOf(t, map[string]string{"demo/setup.py": ""}), "/demo-1.0.tar.xz": []byte("xz")}
	s, asked := serveArchives(t, files)
	hash := func(data []byte) []string { return []string{"sha256:" + sum(data)} }
	broken := errors.New("no compiler")
	dir := filepath.Join(t.TempDir(), "cache")
	builds, key := 0, "3.12"
	type step struct {
		name    string
		file    string
		change  func(*Archive)
		o       Options
		builder *fakeBuilder
		want    string // requirements, or after a dash part of the error; "" where nothing is told
		builds  int
		asked   int64
	}
	do := func(x step) {
		t.Helper()
		b := x.builder
		if b == nil {
			b = &fakeBuilder{text: builtInfo}
		}
		b.key = key
		store := newStore(t, dir)
		defer store.Close()
		x.o.Cache, x.o.DefaultIndex = store, s.URL+"/simple/"
		if x.name != "no builder" {
			x.o.Builder = b
		}
		c, err := NewClient(x.o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		a := Archive{URL: s.URL + "/" + x.file}
		if x.change != nil {
			x.change(&a)
		}
		before := asked.Load()
		m, err := c.Archive(t.Context(), a)
		if got := asked.Load() - before; got != x.asked {
			t.Errorf("%s: asked %d times", x.name, got)
		}
		if builds += b.builds; b.builds != x.builds {
			t.Errorf("%s: %d builds", x.name, b.builds)
		}
		if want, bad := strings.CutPrefix(x.want, "-"); bad {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", x.name, err, want)
			}
			return
		}
		switch {
		case err != nil:
			t.Errorf("%s: %v", x.name, err)
		case x.want == "" && m.Metadata != nil, x.want != "" && (m.Metadata == nil || requires(&Metadata{Metadata: m.Metadata}) != x.want):
			t.Errorf("%s: got %+v", x.name, m.Metadata)
		case x.builds > 0 && (string(b.seen) != string(files["/"+x.file]) && a.File == "" || b.name != x.file && a.File == "" || m.Source != FromBuild):
			t.Errorf("%s: built %q from %v", x.name, b.name, m.Source)
		}
	}
	const demo = "demo-1.0.tar.gz"
	refresh := Refresh{All: true}
	do(step{"no builder", demo, nil, Options{}, nil, "", 0, 1})
	do(step{"known to need one", demo, func(a *Archive) { a.Known = hash(dynamic) }, Options{}, nil, "dep>=9\n", 1, 1})
	do(step{"kept", demo, func(a *Archive) { a.Known = hash(dynamic) }, Options{}, nil, "dep>=9\n", 0, 0})
	do(step{"kept offline", demo, nil, Options{Offline: true}, nil, "dep>=9\n", 0, 0})
	do(step{"not to be built", demo, func(a *Archive) { a.NoBuild = true; a.Known = hash(dynamic) }, Options{}, nil, "", 0, 0})
	do(step{"refreshed, fetched once", demo, nil, Options{Refresh: refresh}, nil, "dep>=9\n", 1, 1})
	do(step{"another folder", demo, func(a *Archive) { a.Subdirectory = "x" }, Options{}, nil, "dep>=9\n", 1, 1})
	key = "3.13"
	do(step{"another Python, another copy of what is not kept", demo, func(a *Archive) { a.Known = hash(dynamic) }, Options{}, nil, "dep>=9\n", 1, 1})
	do(step{"a failure", "demo-1.0.zip", nil, Options{}, &fakeBuilder{err: broken}, "-no compiler", 1, 1})
	do(step{"is not kept", "demo-1.0.zip", nil, Options{}, nil, "dep>=9\n", 1, 1})
	do(step{"nonsense", demo, nil, Options{Refresh: refresh}, &fakeBuilder{text: "x"}, "-its build", 1, 1})
	do(step{"tar.xz", "demo-1.0.tar.xz", nil, Options{}, nil, "-archives like demo-1.0.tar.xz are not unpacked", 0, 1})
	do(step{"static", "static-1.0.tar.gz", nil, Options{}, nil, "dep>=2\n", 0, 1})
	files["/"+demo] = other
	do(step{"another file than the lock has", demo, func(a *Archive) { a.Known = hash(dynamic) }, Options{Refresh: refresh}, nil, "-does not have the hash of the lock any more", 0, 1})
	do(step{"the one that is stated now", demo, func(a *Archive) { a.Known, a.Hashes = hash(dynamic), hash(other) }, Options{}, nil, "dep>=9\n", 1, 1})
	do(step{"another hash than stated", demo, func(a *Archive) { a.Hashes = hash(static) }, Options{}, nil, "-SECURITY ERROR", 0, doubtTries})
	path := filepath.Join(t.TempDir(), demo)
	if err := os.WriteFile(path, static, 0o644); err != nil {
		t.Fatal(err)
	}
	local := func(a *Archive) { a.URL, a.File = "", path }
	do(step{"a file that is static", "", local, Options{}, nil, "dep>=2\n", 0, 0})
	if err := os.WriteFile(path, makeTar(t, "demo-1.0/setup.py", ""), 0o644); err != nil {
		t.Fatal(err)
	}
	do(step{"a file", "", local, Options{}, nil, "dep>=9\n", 1, 0})
	do(step{"a file again", "", local, Options{}, nil, "dep>=9\n", 0, 0})
	if builds == 0 {
		t.Error("nothing was built")
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "pylock-archive-*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// TestArchiveTrusted: what comes over plain http from elsewhere is not run unless its hash is stated.
func TestArchiveTrusted(t *testing.T) {
	dynamic := makeTar(t, "demo-1.0/PKG-INFO", dynamicInfo)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(dynamic) })
	b := &fakeBuilder{text: builtInfo}
	c, _ := newTestClient(t, Options{DefaultIndex: s.URL + "/simple/", Builder: b, Transport: elsewhere{s.URL}})
	for _, test := range []struct {
		a    Archive
		want string
	}{
		{Archive{URL: "http://elsewhere.invalid/demo-1.0.tar.gz"}, "it comes over http"},
		{Archive{URL: "http://elsewhere.invalid/demo-1.0.tar.gz", Hashes: []string{"sha256:" + sum(dynamic)}}, ""},
		{Archive{URL: "http://elsewhere.invalid/demo-1.0.tar.gz", Known: []string{"sha256:" + sum(dynamic)}}, ""},
		{Archive{URL: "https://elsewhere.invalid/demo-1.0.tar.gz"}, ""},
	} {
		b.builds = 0
		_, err := c.Archive(t.Context(), test.a)
		var unusable *UnusableError
		if test.want == "" && (err != nil || b.builds != 1) || test.want != "" && (!errors.As(err, &unusable) || !strings.Contains(err.Error(), test.want) || b.builds != 0) {
			t.Errorf("%+v: %v, %d builds", test.a, err, b.builds)
		}
	}
}

// elsewhere answers for every host from one server.
type elsewhere struct{ url string }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	to := r.Clone(r.Context())
	to.URL.Scheme, to.URL.Host = "http", strings.TrimPrefix(e.url, "http://")
	return http.DefaultTransport.RoundTrip(to)
}
