package index

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
)

// fakeBuilder answers without a build, and counts.
type fakeBuilder struct {
	key    string
	text   string
	err    error
	builds int
	seen   []byte // of the last archive
	name   string
}

func (b *fakeBuilder) Key() string { return b.key }

func (b *fakeBuilder) Requires(_ context.Context, archive, name string) ([]string, error) {
	b.builds++
	b.name = name
	var err error
	if b.seen, err = os.ReadFile(archive); err != nil {
		return nil, err
	}
	return []string{"maker>=1"}, b.err
}

func (b *fakeBuilder) Metadata(_ context.Context, archive, name, subdirectory string) ([]byte, error) {
	b.builds++
	b.name = name
	var err error
	if b.seen, err = os.ReadFile(archive); err != nil {
		return nil, err
	}
	return []byte(b.text), b.err
}

const builtInfo = oldInfo + "Requires-Dist: dep>=9\n"

func TestBuilt(t *testing.T) {
	dynamic := makeTar(t, "demo-1.0/PKG-INFO", dynamicInfo)
	hashed := func(name string, data []byte) string {
		return `{"filename": "` + name + `", "url": "../../files/` + name + `", "hashes": {"sha256": "` + sum(data) + `"}}`
	}
	broken := errors.New("no compiler")
	for _, test := range []struct {
		name    string
		files   string
		builder fakeBuilder
		want    string // requirements, or after a dash part of the error
		builds  int
	}{
		{"build", hashed("demo-1.0.tar.gz", dynamic), fakeBuilder{text: builtInfo}, "dep>=9\n", 1},
		{"zip", hashed("demo-1.0.zip", dynamic), fakeBuilder{text: builtInfo}, "dep>=9\n", 1},
		{"tar.xz", hashed("demo-1.0.tar.xz", dynamic), fakeBuilder{text: builtInfo}, "-archives like demo-1.0.tar.xz are not unpacked: source distributions are .tar.gz (PEP 625) or, of old, .zip", 0},
		{"tar.zst", hashed("demo-1.0.tar.zst", dynamic), fakeBuilder{text: builtInfo}, "-archives like demo-1.0.tar.zst are not unpacked", 0},
		{"tar.xz beside a zip", hashed("demo-1.0.tar.xz", dynamic) + ", " + hashed("demo-1.0.zip", dynamic), fakeBuilder{text: builtInfo}, "dep>=9\n", 1},
		{"static", hashed("demo-1.0.tar.gz", makeTar(t, "demo-1.0/PKG-INFO", staticInfo)), fakeBuilder{text: builtInfo}, "-", 0},
		{"failure", hashed("demo-1.0.tar.gz", dynamic), fakeBuilder{err: broken}, "-no compiler", 1},
		{"wrong hash", hashed("demo-1.0.zip", nil), fakeBuilder{text: builtInfo}, "-SECURITY ERROR", 0},
		{"no hash", `{"filename": "demo-1.0.tar.gz", "url": "../../files/demo-1.0.tar.gz"}`, fakeBuilder{text: builtInfo}, "-states no hash", 0},
		{"another project", hashed("demo-1.0.tar.gz", dynamic), fakeBuilder{text: strings.Replace(builtInfo, "demo", "other", 1)}, "-that of other", 1},
		{"no metadata", hashed("demo-1.0.tar.gz", dynamic), fakeBuilder{text: "x"}, "-its build", 1},
		{"file that is gone", hashed("gone-1.0.zip", dynamic), fakeBuilder{text: builtInfo}, "-", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := test.builder
			c, p, r := fileServer(t, Options{Builder: &b}, `{"files": [`+strings.ReplaceAll(test.files, `"gone-1.0.zip"`, `"demo-1.0.zip"`)+`]}`, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "gone") {
					http.NotFound(w, r)
					return
				}
				if test.name == "static" {
					w.Write(makeTar(t, "demo-1.0/PKG-INFO", staticInfo))
					return
				}
				w.Write(dynamic)
			})
			m, err := c.MetadataOf(t.Context(), p, r, nil)
			if b.builds != test.builds {
				t.Errorf("%d builds", b.builds)
			}
			if want, bad := strings.CutPrefix(test.want, "-"); bad {
				if test.name == "static" {
					if err != nil || requires(m) != "dep>=2\n" {
						t.Errorf("got %+v, %v", m, err)
					}
					return
				}
				var unusable *UnusableError
				if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, &unusable) == errors.Is(err, broken) {
					t.Errorf("got %v, want %q", err, want)
				}
				return
			}
			if err != nil || requires(m) != test.want || m.Source != FromBuild || string(b.seen) != string(dynamic) || !strings.HasPrefix(b.name, "demo-1.0.") {
				t.Errorf("got %+v, %v of %q", m, err, b.name)
			}
		})
	}
}

// TestBuiltCache keeps what was built by the hash of the file and the builder's key.
func TestBuiltCache(t *testing.T) {
	dynamic := makeTar(t, "demo-1.0/PKG-INFO", dynamicInfo)
	page := `{"files": [{"filename": "demo-1.0.tar.gz", "url": "../../files/demo-1.0.tar.gz", "hashes": {"sha256": "` + sum(dynamic) + `"}}]}`
	asked := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/simple/demo/" {
			simpleJSON(w, page)
			return
		}
		asked++
		w.Write(dynamic)
	})
	dir := filepath.Join(t.TempDir(), "cache")
	build := func(b *fakeBuilder, o Options) error {
		store := newStore(t, dir)
		defer store.Close()
		o.DefaultIndex, o.Order, o.Cache = s.URL+"/simple/", SimpleFirst, store
		if b != nil {
			o.Builder = b
		}
		c, _ := newTestClient(t, o)
		defer c.Close()
		p := project(t, c, "demo")
		m, err := c.MetadataOf(t.Context(), p, release(t, p, "1.0"), nil)
		if err == nil && requires(m) != "dep>=9\n" {
			t.Errorf("got %+v", m)
		}
		return err
	}
	b := &fakeBuilder{key: "3.12", text: builtInfo}
	for i, step := range []struct {
		key    string
		o      Options
		builds int
	}{{"3.12", Options{}, 1}, {"3.12", Options{}, 1}, {"3.11", Options{}, 2}, {"3.11", Options{}, 2}, {"3.12", Options{}, 2},
		{"3.12", Options{Refresh: Refresh{Names: map[pypi.Name]bool{"demo": true}}}, 3}} {
		b.key = step.key
		if err := build(b, step.o); err != nil || b.builds != step.builds {
			t.Errorf("step %d: %d builds, %v", i, b.builds, err)
		}
	}
	// Once for what is static and the first build, once for each other build.
	if asked != 3 {
		t.Errorf("the file was asked for %d times", asked)
	}
	if err := build(nil, Options{}); !errors.Is(err, ErrNeedsBuild) {
		t.Errorf("without a builder: %v", err)
	}
	// A failure is not kept.
	b.key, b.err = "failing", errors.New("no compiler")
	if err := build(b, Options{}); !errors.Is(err, b.err) {
		t.Errorf("got %v", err)
	}
	b.err = nil
	if err := build(b, Options{}); err != nil {
		t.Error(err)
	}
}

// TestBuiltFromFolder builds a source distribution of a folder of files.
func TestBuiltFromFolder(t *testing.T) {
	dir := t.TempDir()
	dynamic := makeTar(t, "demo-1.0/PKG-INFO", dynamicInfo)
	if err := os.WriteFile(filepath.Join(dir, "demo-1.0.tar.gz"), dynamic, 0o644); err != nil {
		t.Fatal(err)
	}
	b := &fakeBuilder{text: builtInfo}
	c, _ := newTestClient(t, Options{NoIndex: true, Links: []Links{{Address: dir}}, Builder: b})
	p := project(t, c, "demo")
	r := release(t, p, "1.0")
	m, err := c.MetadataOf(t.Context(), p, r, nil)
	if err != nil || requires(m) != "dep>=9\n" || m.Source != FromBuild || string(b.seen) != string(dynamic) {
		t.Errorf("got %+v, %v", m, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "demo-1.0.tar.gz"), append(dynamic, 0), 0o644); err != nil {
		t.Fatal(err)
	}
	var hash *HashError
	if err := c.Download(t.Context(), p, &r.Files()[0], filepath.Join(t.TempDir(), "x")); !errors.As(err, &hash) {
		t.Errorf("a file that changed: %v", err)
	}
}

// TestBuildRequires keeps what a build requires by the hash of the file, and asks none of a file without one.
func TestBuildRequires(t *testing.T) {
	data := makeTar(t, "demo-1.0/PKG-INFO", staticInfo)
	hashes := `"hashes": {"sha256": "` + sum(data) + `"}`
	asked := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/simple/demo/" {
			simpleJSON(w, `{"files": [{"filename": "demo-1.0.tar.gz", "url": "../../files/demo-1.0.tar.gz"`+strings.TrimSuffix(", "+hashes, ", ")+`}]}`)
			return
		}
		asked++
		w.Write(data)
	})
	dir := filepath.Join(t.TempDir(), "cache")
	b := &fakeBuilder{key: "3.12"}
	ask := func(o Options) error {
		store := newStore(t, dir)
		defer store.Close()
		o.DefaultIndex, o.Order, o.Cache, o.Builder = s.URL+"/simple/", SimpleFirst, store, b
		c, _ := newTestClient(t, o)
		defer c.Close()
		p := project(t, c, "demo")
		requires, err := c.BuildRequires(t.Context(), p, &release(t, p, "1.0").Files()[0])
		if err == nil && (strings.Join(requires, " ") != "maker>=1" || string(b.seen) != string(data) || b.name != "demo-1.0.tar.gz") {
			t.Errorf("got %q of %q", requires, b.name)
		}
		return err
	}
	refresh := Options{Refresh: Refresh{All: true}}
	b.err = errors.New("no compiler")
	if err := ask(Options{}); !errors.Is(err, b.err) {
		t.Errorf("got %v", err)
	}
	b.err = nil
	for i, step := range []struct {
		key  string
		o    Options
		want int
	}{{"3.12", Options{}, 2}, {"3.12", Options{}, 2}, {"3.13", Options{}, 3}, {"3.12", refresh, 4}, {"3.12", Options{}, 4}} {
		b.key = step.key
		if err := ask(step.o); err != nil || b.builds != step.want || asked != step.want {
			t.Errorf("step %d: %v, %d builds, asked %d times", i, err, b.builds, asked)
		}
	}
	hashes = ""
	if err := ask(refresh); !errors.Is(err, errUnverified) || b.builds != 4 {
		t.Errorf("got %v", err)
	}
}
