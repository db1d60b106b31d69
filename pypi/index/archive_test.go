package index

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/cache"
)

func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))})
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func archiveDigest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

const archivedMetadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: a>=1\nRequires-Dist: b; extra == \"x\"\nProvides-Extra: x\n"

const archivedProject = "[project]\nname = 'demo'\nversion = '1.0'\ndependencies = ['a>=1']\n"

func archivedWheel(t *testing.T) []byte {
	return zipOf(t, map[string]string{
		"demo/__init__.py": "", "demo-1.0.dist-info/METADATA": archivedMetadata, "demo-1.0.dist-info/RECORD": "", "demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n",
	})
}

// serveArchives serves files by path with an ETag, and counts what is sent whole.
func serveArchives(t *testing.T, files map[string][]byte) (*httptest.Server, *atomic.Int64) {
	sent := new(atomic.Int64)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		tag := `"` + archiveDigest(data)[:8] + `"`
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data)
	})
	return s, sent
}

func TestArchive(t *testing.T) {
	wheel := archivedWheel(t)
	files := map[string][]byte{
		"/demo-1.0-py3-none-any.whl":  wheel,
		"/other-1.0-py3-none-any.whl": wheel,
		"/demo-1.0.tar.gz":            tarOf(t, map[string]string{"demo-1.0/PKG-INFO": "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nRequires-Dist: a>=1\n"}),
		"/archive/v1.tar.gz":          tarOf(t, map[string]string{"repo-abc/pyproject.toml": archivedProject, "repo-abc/README": "x"}),
		"/archive/mono.tar.gz":        tarOf(t, map[string]string{"repo-abc/pyproject.toml": "[project]\nname='root'\nversion='3'\n", "repo-abc/libs/demo/pyproject.toml": archivedProject}),
		"/archive/v1.zip":             zipOf(t, map[string]string{"repo-abc/pyproject.toml": archivedProject}),
		"/demo-2.0.tar.gz":            tarOf(t, map[string]string{"demo-2.0/pyproject.toml": "[project]\nname='demo'\ndynamic=['version']\ndependencies=['a>=1']\n"}),
		"/demo-3.0.tar.gz":            tarOf(t, map[string]string{"demo-3.0/setup.py": "", "demo-3.0/PKG-INFO": "Metadata-Version: 1.1\nName: demo\nVersion: 3.0\n"}),
		"/two.tar.gz":                 tarOf(t, map[string]string{"a/pyproject.toml": archivedProject, "b/pyproject.toml": archivedProject}),
		"/demo-9-py3-none-any.whl":    []byte("no zip"),
	}
	s, _ := serveArchives(t, files)
	good := "sha256:" + archiveDigest(wheel)
	for _, tt := range []struct {
		path, subdirectory string
		hashes             []string
		want               string // version and requirements, or part of the error
	}{
		{path: "/demo-1.0-py3-none-any.whl", want: `demo 1.0: a>=1 b; extra == "x"`},
		{path: "/demo-1.0-py3-none-any.whl", hashes: []string{good}, want: `demo 1.0: a>=1 b; extra == "x"`},
		{path: "/demo-1.0-py3-none-any.whl", hashes: []string{"sha256:" + strings.Repeat("0", 64), good}, want: `demo 1.0: a>=1 b; extra == "x"`},
		{path: "/demo-1.0-py3-none-any.whl", hashes: []string{"sha256:" + strings.Repeat("0", 64)}, want: "SECURITY ERROR: its sha256 is " + archiveDigest(wheel)},
		{path: "/other-1.0-py3-none-any.whl", want: "not usable"},
		{path: "/demo-1.0.tar.gz", want: "demo 1.0: a>=1"},
		{path: "/archive/v1.tar.gz", want: "demo 1.0: a>=1"},
		{path: "/archive/v1.zip", want: "demo 1.0: a>=1"},
		{path: "/archive/mono.tar.gz", want: "root 3:"},
		{path: "/archive/mono.tar.gz", subdirectory: "libs/demo", want: "demo 1.0: a>=1"},
		{path: "/demo-2.0.tar.gz", want: "demo 2.0: a>=1"},
		{path: "/demo-3.0.tar.gz", want: "needs a build"},
		{path: "/two.tar.gz", want: `two folders "a" and "b"`},
		{path: "/demo-9-py3-none-any.whl", want: "zip"},
		{path: "/gone.whl", want: "not found: correct the URL"},
		{path: "/demo-1.0-py3-none-any.whl", subdirectory: "x", want: "a wheel has no subdirectory"},
	} {
		for _, local := range []bool{false, true} {
			a := Archive{URL: s.URL + tt.path, Subdirectory: tt.subdirectory, Hashes: tt.hashes}
			if local {
				if files[tt.path] == nil {
					continue
				}
				a.URL, a.File = "", filepath.Join(t.TempDir(), filepath.Base(tt.path))
				if err := os.WriteFile(a.File, files[tt.path], 0o644); err != nil {
					t.Fatal(err)
				}
			}
			c, _ := newTestClient(t, Options{})
			got := ""
			switch found, err := c.Archive(t.Context(), a); {
			case err != nil:
				got = err.Error()
			case found.Metadata == nil:
				got = "needs a build"
			default:
				got = fmt.Sprintf("%s %s: %s", found.Metadata.Name, found.Metadata.Version, strings.ReplaceAll(requires(&Metadata{Metadata: found.Metadata}), "\n", " "))
				if found.SHA256 != archiveDigest(files[tt.path]) || found.Size != int64(len(files[tt.path])) {
					t.Errorf("%s: sha256 %s, %d bytes", tt.path, found.SHA256, found.Size)
				}
			}
			if !strings.Contains(strings.TrimSpace(got), strings.TrimSpace(tt.want)) {
				t.Errorf("%s %q %v local=%v: got %s, want %s", tt.path, tt.subdirectory, tt.hashes, local, got, tt.want)
			}
		}
	}
}

func TestArchiveCached(t *testing.T) {
	files := map[string][]byte{"/demo-1.0-py3-none-any.whl": archivedWheel(t)}
	s, sent := serveArchives(t, files)
	dir := t.TempDir()
	ask := func(offline bool, a Archive) (*ArchiveContent, error) {
		t.Helper()
		store, err := cache.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		c, _ := newTestClient(t, Options{Cache: store, Offline: offline})
		defer c.Close()
		a.URL = strings.Replace(s.URL, "://", "://user:secret@", 1) + "/demo-1.0-py3-none-any.whl"
		return c.Archive(t.Context(), a)
	}
	if _, err := ask(true, Archive{}); !errors.Is(err, ErrOffline) {
		t.Fatalf("offline without a cache: %v", err)
	}
	first, err := ask(false, Archive{})
	if err != nil || sent.Load() != 1 {
		t.Fatal(err, sent.Load())
	}
	known := []string{"sha256:" + first.SHA256}
	for _, a := range []Archive{{}, {Known: known}, {Hashes: known}, {Refresh: true}} {
		if again, err := ask(false, a); err != nil || again.SHA256 != first.SHA256 || sent.Load() != 1 {
			t.Errorf("%+v: %v, sent %d times", a, err, sent.Load())
		}
	}
	if again, err := ask(true, Archive{}); err != nil || again.Metadata.Name != "demo" {
		t.Errorf("offline: %v", err)
	}
	// Another content: a lock that knows the old one does not notice before it is refreshed.
	files["/demo-1.0-py3-none-any.whl"] = zipOf(t, map[string]string{"demo-1.0.dist-info/METADATA": archivedMetadata + "\nx"})
	if again, err := ask(false, Archive{Known: known}); err != nil || again.SHA256 != first.SHA256 {
		t.Errorf("known: %v", err)
	}
	if again, err := ask(false, Archive{}); err != nil || again.SHA256 == first.SHA256 {
		t.Errorf("changed: %v", err)
	}
	filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte("secret")) {
			t.Errorf("%s holds the password", path)
		}
		return nil
	})
}

// TestArchiveCredentials: those of an address reach its origin alone.
func TestArchiveCredentials(t *testing.T) {
	data := archivedWheel(t)
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials reached another origin")
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data)
	})
	first := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "pw" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, other.URL+"/demo-1.0-py3-none-any.whl", http.StatusFound)
	})
	c, _ := newTestClient(t, Options{})
	if _, err := c.Archive(t.Context(), Archive{URL: strings.Replace(first.URL, "://", "://me:pw@", 1) + "/demo-1.0-py3-none-any.whl"}); err != nil {
		t.Fatal(err)
	}
	c, _ = newTestClient(t, Options{})
	_, err := c.Archive(t.Context(), Archive{URL: strings.Replace(first.URL, "://", "://me:wrong@", 1) + "/demo-1.0-py3-none-any.whl"})
	if err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong password: %v", err)
	}
}

func TestUnpackArchive(t *testing.T) {
	rec := &archiveRecord{etag: "e", sha256: strings.Repeat("a", 64), size: 7, source: FromWheel, text: []byte("x")}
	whole := rec.pack()
	if got := unpackArchive(whole); got == nil || got.sha256 != rec.sha256 || string(got.text) != "x" || got.size != 7 {
		t.Fatalf("%+v", got)
	}
	for n := range len(whole) - 1 {
		if got := unpackArchive(whole[:n]); got != nil && got.sha256 != rec.sha256 {
			t.Errorf("cut after %d: %+v", n, got)
		}
	}
}
