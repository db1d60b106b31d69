package replay_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/bench/replay"
)

// tiny is a slice of one package: two wheels and a source distribution of one version, a wheel of another whose
// METADATA was not recorded.
func tiny() *replay.Slice {
	s := replay.NewSlice("2026-01-02", "a test")
	file := func(name string, size int64) *replay.File {
		return &replay.File{Name: name, Path: "packages/ab/cd/ef/" + name, SHA256: strings.Repeat("0", 64), Size: size,
			Uploaded: "2026-01-01T00:00:00.000000Z", RequiresPython: ">=3.9"}
	}
	p := &replay.Project{Name: "a-b", Title: "A.B", Files: []*replay.File{
		file("a_b-1.0-py3-none-any.whl", 200_000), file("a_b-2.0-cp312-cp312-linux_x86_64.whl", 300_000), file("a_b-2.0-py3-none-any.whl", 1_000), file("a_b-2.0.tar.gz", 5)}}
	p.Files[1].Sidecar = true
	s.AddProject(p)
	s.AddProject(&replay.Project{Name: "none"})
	s.AddMetadata(p, p.Files[1], []byte("Metadata-Version: 2.4\nName: A.B\nVersion: 2.0\nSummary: of a test\nRequires-Dist: c>=1\nRequires-Dist: d; extra == \"x\"\nProvides-Extra: x\nRequires-Python: >=3.10\n\n# Text\n"))
	s.AddContent(p.Files[3], []byte("12345"))
	return s
}

type client struct {
	t *testing.T
	*replay.Server
	http *http.Client
}

func serve(t *testing.T, s replay.Source, p replay.Profile) *client {
	t.Helper()
	server, err := replay.Serve(s, p, replay.Network{})
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(server.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return &client{t, server, &http.Client{Transport: transport}}
}

// get returns the answer for a path below the root, or an address, with headers "Name: value".
func (c *client) get(path string, headers ...string) (*http.Response, []byte) {
	c.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = strings.TrimSuffix(c.Index, "/simple/") + path
	}
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	reply, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply, body
}

const acceptJSON = "Accept: application/vnd.pypi.simple.v1+json"

func TestAnswers(t *testing.T) {
	wheel := "/packages/ab/cd/ef/a_b-2.0-cp312-cp312-linux_x86_64.whl"
	unread := "/packages/ab/cd/ef/a_b-1.0-py3-none-any.whl"
	for _, tt := range []struct {
		path         string
		headers      []string
		pypi, mirror int
		with         string // in the body of both, or of PyPI's alone where the mirror has none
	}{
		{"/simple/a-b/", []string{acceptJSON}, 200, 200, `"name":"A.B"`},
		{"/simple/a-b/", nil, 200, 200, "<title>Links for A.B</title>"},
		{"/simple/A_B/", []string{acceptJSON}, 200, 200, `"name":"A.B"`},
		{"/simple/none/", nil, 404, 404, ""},
		{"/simple/unknown/", nil, 404, 404, ""},
		{"/pypi/a-b/json", nil, 200, 200, `"releases":{"1.0":[`},
		{"/pypi/a-b/2.0/json", nil, 200, 404, `"requires_dist":["c>=1","d; extra == \"x\""]`},
		{"/pypi/a-b/2/json", nil, 200, 404, `"version":"2.0"`},
		{"/pypi/a-b/3/json", nil, 404, 404, ""},
		{wheel + ".metadata", nil, 200, 200, "Requires-Dist: c>=1"},
		{"/packages/ab/cd/ef/a_b-2.0-py3-none-any.whl.metadata", nil, 200, 404, "Requires-Dist: c>=1"},
		{unread + ".metadata", nil, 404, 404, ""},
		{wheel, []string{"Range: bytes=-100"}, 206, 206, "PK\x05\x06"},
		{wheel, []string{"Range: bytes=300000-"}, 416, 416, ""},
		{wheel, nil, 404, 404, ""},
		{unread, []string{"Range: bytes=-100"}, 404, 404, ""},
		{"/packages/ab/cd/ef/a_b-2.0.tar.gz", nil, 200, 200, "12345"},
		{"/packages/none", nil, 404, 404, ""},
	} {
		for _, p := range []replay.Profile{replay.PyPI(), replay.Mirror()} {
			c := serve(t, tiny(), p)
			want := tt.pypi
			if p.Name == "mirror" {
				want = tt.mirror
			}
			reply, body := c.get(tt.path, tt.headers...)
			if reply.StatusCode != want || want < 300 && !strings.Contains(string(body), tt.with) {
				t.Errorf("%s %s %v: got %d %q, want %d with %q", p.Name, tt.path, tt.headers, reply.StatusCode, body, want, tt.with)
			}
			if reply.ProtoMajor != 2 {
				t.Errorf("%s is spoken", reply.Proto)
			}
		}
	}
}

func TestPage(t *testing.T) {
	type page struct {
		Files []struct {
			Filename string
			URL      string
			Size     int64
			Core     any `json:"core-metadata"`
		}
	}
	read := func(p replay.Profile) (*client, page) {
		c := serve(t, tiny(), p)
		_, body := c.get("/simple/a-b/", acceptJSON)
		var got page
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		return c, got
	}
	c, got := read(replay.PyPI())
	if len(got.Files) != 4 {
		t.Fatalf("got %d files", len(got.Files))
	}
	f := got.Files[1]
	_, text := c.get(f.URL + ".metadata")
	if core, ok := f.Core.(map[string]any); !ok || core["sha256"] != sha256Of(text) {
		t.Errorf("core-metadata is %v, the file has %s", f.Core, sha256Of(text))
	}
	if got.Files[3].Core != false {
		t.Errorf("the source distribution has core-metadata %v", got.Files[3].Core)
	}
	if strings.HasPrefix(f.URL, strings.TrimSuffix(c.Index, "/simple/")) || !strings.HasPrefix(f.URL, "https://") {
		t.Errorf("files are at %s, pages at %s", f.URL, c.Index)
	}
	_, got = read(replay.Mirror())
	if f := got.Files[1]; f.URL != "../../packages/ab/cd/ef/"+f.Filename || f.Core != nil {
		t.Errorf("the mirror's page has %+v", f)
	}
}

func TestStandIn(t *testing.T) {
	c := serve(t, tiny(), replay.Mirror())
	address := "/packages/ab/cd/ef/a_b-2.0-cp312-cp312-linux_x86_64.whl"
	reply, all := c.get(address, "Range: bytes=0-")
	if reply.StatusCode != http.StatusPartialContent || len(all) != 300_000 {
		t.Fatalf("got %d, %d bytes", reply.StatusCode, len(all))
	}
	_, tail := c.get(address, "Range: bytes=-1000")
	if !bytes.Equal(tail, all[len(all)-1000:]) {
		t.Error("the end is not the end of the whole")
	}
	z, err := zip.NewReader(bytes.NewReader(all), int64(len(all)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := z.Open("a_b-2.0.dist-info/METADATA")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(m)
	if err != nil || !strings.HasSuffix(string(text), "# Text\n") {
		t.Errorf("METADATA is %q, %v", text, err)
	}
}

func TestCaching(t *testing.T) {
	c := serve(t, tiny(), replay.PyPI())
	for path, lifetime := range map[string]string{"/simple/a-b/": "max-age=600, public", "/pypi/a-b/json": "max-age=900, public",
		"/packages/ab/cd/ef/a_b-2.0-py3-none-any.whl.metadata": "max-age=31536000, immutable, public"} {
		reply, body := c.get(path)
		if got := reply.Header.Get("Cache-Control"); got != lifetime {
			t.Errorf("%s: Cache-Control %q, want %q", path, got, lifetime)
		}
		again, none := c.get(path, "If-None-Match: "+reply.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || len(none) != 0 {
			t.Errorf("%s again: %d with %d bytes", path, again.StatusCode, len(none))
		}
		if changed, _ := c.get(path, `If-None-Match: "other"`); changed.StatusCode != http.StatusOK {
			t.Errorf("%s with another ETag: %d", path, changed.StatusCode)
		}
		small, packed := c.get(path, "Accept-Encoding: gzip")
		if strings.HasSuffix(path, ".metadata") {
			continue
		}
		if small.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s is not compressed", path)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s compressed is something else: %v", path, err)
		}
	}
	if n := c.Counts(); n.Requests != 12 || n.NotModified != 3 {
		t.Errorf("counted %+v", n)
	}
	m := serve(t, tiny(), replay.Mirror())
	if reply, _ := m.get("/simple/a-b/", "Accept-Encoding: gzip"); reply.Header.Get("ETag")+reply.Header.Get("Cache-Control")+reply.Header.Get("Content-Encoding") != "" {
		t.Errorf("the mirror sends %v", reply.Header)
	}
}

func TestMissed(t *testing.T) {
	c := serve(t, tiny(), replay.PyPI())
	c.get("/packages/ab/cd/ef/a_b-1.0-py3-none-any.whl.metadata")
	c.get("/simple/unknown/")
	if got := c.Counts().Missed; len(got) != 1 || got[0] != "packages/ab/cd/ef/a_b-1.0-py3-none-any.whl.metadata" {
		t.Errorf("missed %q", got)
	}
	c.Reset()
	if got := c.Counts(); got.Requests != 0 || got.Missed != nil {
		t.Errorf("after Reset: %+v", got)
	}
}

func TestSaveAndLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "slice.json.gz")
	if err := tiny().Save(name); err != nil {
		t.Fatal(err)
	}
	again, err := replay.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	before, after := serve(t, tiny(), replay.Mirror()), serve(t, again, replay.Mirror())
	for _, path := range []string{"/simple/a-b/", "/pypi/a-b/json", "/packages/ab/cd/ef/a_b-2.0.tar.gz", "/simple/none/",
		"/packages/ab/cd/ef/a_b-2.0-cp312-cp312-linux_x86_64.whl.metadata"} {
		a, x := before.get(path)
		b, y := after.get(path)
		if a.StatusCode != b.StatusCode || !bytes.Equal(x, y) {
			t.Errorf("%s: %d %q, then %d %q", path, a.StatusCode, x, b.StatusCode, y)
		}
	}
	if _, known := again.Known("none"); !known {
		t.Error("it is forgotten that there is no package none")
	}
}

func sha256Of(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
