package indextest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
)

const acceptJSON = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"

var sample = MustParse(`Foo_Bar 1.0
  dep; extra == "x"
  @python >=3.8,<4
  @wheel py3-none-any
  @sdist
foo-bar 1.1rc1
  @uploaded none
foo-bar 1.2
  @yanked broken & "bad"
none 1.0
@status foo-bar archived for <good>
`)

// get is one request without redirects followed; header is name, value, …
func get(t *testing.T, s *Server, path string, header ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func decode(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

func TestRoutes(t *testing.T) {
	noJSON := PyPI()
	noJSON.SimpleJSON, noJSON.ProjectJSON, noJSON.VersionJSON = false, false, false
	servers := map[string]*Server{"pypi": Serve(t, sample, PyPI()), "mirror": Serve(t, sample, Mirror()), "no json": Serve(t, sample, noJSON),
		"poor": Serve(t, sample, Profile{})}
	for _, test := range []struct {
		server, path, accept string
		status               int
		contentType          string
		location             string
	}{
		{"pypi", "/simple/foo-bar/", acceptJSON, 200, simpleJSON, ""},
		{"pypi", "/simple/foo-bar/", "", 200, "text/html; charset=utf-8", ""},
		{"pypi", "/simple/foo-bar/", "*/*", 200, "text/html; charset=utf-8", ""},
		{"pypi", "/simple/foo-bar/", "application/*", 200, simpleHTML, ""},
		{"pypi", "/simple/foo-bar/", "application/vnd.pypi.simple.latest+json", 200, simpleJSON, ""},
		{"pypi", "/simple/foo-bar/", "text/html;q=0.1, " + simpleHTML, 200, simpleHTML, ""},
		{"pypi", "/simple/foo-bar/", "image/png", 406, "text/plain; charset=utf-8", ""},
		{"pypi", "/simple/", acceptJSON, 200, simpleJSON, ""},
		{"pypi", "/simple/Foo_Bar/", acceptJSON, 301, "text/plain; charset=utf-8", "/simple/foo-bar/"},
		{"pypi", "/simple/foo-bar", acceptJSON, 301, "text/plain; charset=utf-8", "/simple/foo-bar/"},
		{"pypi", "/simple/absent/", acceptJSON, 404, "text/plain; charset=utf-8", ""},
		{"pypi", "/pypi/foo-bar/json", "", 200, "application/json", ""},
		{"pypi", "/pypi/Foo.Bar/json", "", 301, "application/json", "/pypi/foo-bar/json"},
		{"pypi", "/pypi/foo-bar/1.0/json", "", 200, "application/json", ""},
		{"pypi", "/pypi/foo-bar/1/json", "", 200, "application/json", ""},
		{"pypi", "/pypi/foo-bar/3.0/json", "", 404, "application/json", ""},
		{"pypi", "/pypi/foo-bar/x/json", "", 404, "application/json", ""},
		{"pypi", "/pypi/absent/json", "", 404, "application/json", ""},
		{"pypi", "/files/foo_bar-1.0-py3-none-any.whl", "", 200, "application/octet-stream", ""},
		{"pypi", "/files/foo_bar-1.0-py3-none-any.whl.metadata", "", 200, "text/plain; charset=utf-8", ""},
		{"pypi", "/files/foo_bar-1.0.tar.gz", "", 200, "application/octet-stream", ""},
		{"pypi", "/files/foo_bar-1.0.tar.gz.metadata", "", 404, "text/plain; charset=utf-8", ""},
		{"pypi", "/files/absent.whl", "", 404, "text/plain; charset=utf-8", ""},
		{"pypi", "/", "", 404, "text/plain; charset=utf-8", ""},
		{"pypi", "/simple/foo-bar/more/", "", 404, "text/plain; charset=utf-8", ""},
		{"mirror", "/simple/foo-bar/", acceptJSON, 200, simpleJSON, ""},
		{"mirror", "/pypi/foo-bar/json", "", 200, "application/json", ""},
		{"mirror", "/pypi/foo-bar/1.0/json", "", 404, "application/json", ""},
		{"no json", "/simple/foo-bar/", acceptJSON, 200, "text/html; charset=utf-8", ""},
		{"no json", "/pypi/foo-bar/json", "", 404, "application/json", ""},
		{"no json", "/pypi/foo-bar/1.0/json", "", 404, "application/json", ""},
		{"poor", "/files/foo_bar-1.0-py3-none-any.whl.metadata", "", 404, "text/plain; charset=utf-8", ""},
	} {
		resp, _ := get(t, servers[test.server], test.path, "Accept", test.accept)
		if resp.StatusCode != test.status || resp.Header.Get("Content-Type") != test.contentType || resp.Header.Get("Location") != test.location {
			t.Errorf("%s %s with %q: got %d %q %q, want %d %q %q", test.server, test.path, test.accept, resp.StatusCode,
				resp.Header.Get("Content-Type"), resp.Header.Get("Location"), test.status, test.contentType, test.location)
		}
		etag, caching := resp.Header.Get("ETag"), resp.Header.Get("Cache-Control")
		if want := test.status == 200 && test.server != "mirror" && test.server != "poor"; (etag != "") != want || (caching != "") != want {
			t.Errorf("%s %s: ETag %q, Cache-Control %q", test.server, test.path, etag, caching)
		}
	}
}

func TestSimplePage(t *testing.T) {
	s := Serve(t, sample, PyPI())
	_, body := get(t, s, "/simple/foo-bar/", "Accept", acceptJSON)
	page := decode(t, body)
	if got, want := page["project-status"], map[string]any{"status": "archived", "reason": "for <good>"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got status %v, want %v", got, want)
	}
	if got, want := page["versions"], []any{"1.0", "1.1rc1", "1.2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got versions %v, want %v", got, want)
	}
	files := page["files"].([]any)
	if len(files) != 4 {
		t.Fatalf("got %d files", len(files))
	}
	for i, want := range []struct {
		filename string
		python   any
		upload   any
		yanked   any
		core     bool
	}{
		{"foo_bar-1.0-py3-none-any.whl", ">=3.8,<4", "2024-01-01T00:00:00.000000Z", false, true},
		{"foo_bar-1.0.tar.gz", ">=3.8,<4", "2024-01-01T00:00:00.000000Z", false, false},
		{"foo_bar-1.1rc1-py3-none-any.whl", nil, nil, false, true},
		{"foo_bar-1.2-py3-none-any.whl", nil, "2024-01-01T00:00:00.000000Z", `broken & "bad"`, true},
	} {
		f := files[i].(map[string]any)
		_, body := get(t, s, strings.TrimPrefix(f["url"].(string), s.URL))
		if f["filename"] != want.filename || f["requires-python"] != want.python || f["upload-time"] != want.upload || f["yanked"] != want.yanked ||
			f["size"] != float64(len(body)) || f["hashes"].(map[string]any)["sha256"] != hexSHA256(body) {
			t.Errorf("got %v, want %v", f, want)
		}
		core, ok := f["core-metadata"].(map[string]any)
		if ok != want.core {
			t.Errorf("%s: core-metadata %v", want.filename, f["core-metadata"])
		}
		if ok {
			if _, body := get(t, s, "/files/"+want.filename+".metadata"); core["sha256"] != hexSHA256(body) {
				t.Errorf("%s: metadata has another hash than said", want.filename)
			}
		}
	}

	_, body = get(t, s, "/simple/foo-bar/")
	for _, want := range []string{`content="archived"`, `content="for &lt;good&gt;"`, `data-requires-python="&gt;=3.8,&lt;4"`, `data-yanked="broken &amp; &#34;bad&#34;"`,
		`href="` + s.URL + `/files/foo_bar-1.0.tar.gz#sha256=`, `data-core-metadata="sha256=`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

func TestMirrorPage(t *testing.T) {
	u, err := LoadFile(universes + "/webapp.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(t, u, Mirror())
	served, refused := 0, 0
	for _, p := range u.Projects {
		_, body := get(t, s, "/simple/"+p.Name+"/", "Accept", acceptJSON)
		if bytes.Contains(body, []byte("metadata")) {
			t.Errorf("%s advertises metadata", p.Name)
		}
		for _, f := range decode(t, body)["files"].([]any) {
			url := f.(map[string]any)["url"].(string)
			if !strings.HasPrefix(url, "../../files/") {
				t.Errorf("%s is not relative", url)
			}
			if strings.HasSuffix(url, ".whl") {
				resp, _ := get(t, s, strings.TrimPrefix(url, "../..")+".metadata")
				switch resp.StatusCode {
				case 200:
					served++
				case 404:
					refused++
				}
			}
		}
	}
	if served < 10 || refused < 10 {
		t.Errorf("metadata of %d wheels served, of %d not", served, refused)
	}
	_, body := get(t, s, "/pypi/httpx/json")
	for _, f := range decode(t, body)["urls"].([]any) {
		if got := f.(map[string]any)["url"]; got != "../../files/httpx-0.28.1-py3-none-any.whl" {
			t.Errorf("JSON has the URL %v", got)
		}
	}
}

func TestAPI(t *testing.T) {
	s := Serve(t, sample, PyPI())
	_, body := get(t, s, "/pypi/foo-bar/json")
	page := decode(t, body)
	info := page["info"].(map[string]any)
	for key, want := range map[string]any{"name": "Foo_Bar", "version": "1.0", "requires_python": ">=3.8,<4",
		"requires_dist": []any{`dep; extra == "x"`}, "provides_extra": []any{"x"}, "yanked": false, "yanked_reason": nil} {
		if !reflect.DeepEqual(info[key], want) {
			t.Errorf("info.%s: got %v, want %v", key, info[key], want)
		}
	}
	releases := page["releases"].(map[string]any)
	if len(releases) != 3 || len(releases["1.0"].([]any)) != 2 || !reflect.DeepEqual(page["urls"], releases["1.0"]) {
		t.Errorf("got %s", body)
	}
	yanked := releases["1.2"].([]any)[0].(map[string]any)
	if yanked["yanked"] != true || yanked["yanked_reason"] != `broken & "bad"` || yanked["requires_python"] != nil || yanked["upload_time_iso_8601"] != "2024-01-01T00:00:00.000000Z" {
		t.Errorf("got %v", yanked)
	}
	_, body = get(t, s, "/pypi/foo-bar/1.2/json")
	page = decode(t, body)
	if _, ok := page["releases"]; ok {
		t.Error("the document of a version has releases")
	}
	info = page["info"].(map[string]any)
	if info["version"] != "1.2" || info["requires_dist"] != nil || info["yanked"] != true || len(page["urls"].([]any)) != 1 {
		t.Errorf("got %s", body)
	}

	quirks, err := LoadFile(universes + "/quirks.txt")
	if err != nil {
		t.Fatal(err)
	}
	s = Serve(t, quirks, PyPI())
	for name, want := range map[string]any{"claims-too-little": nil, "claims-too-much": []any{"needed<1"}, "static-source": []any{"needed"},
		"pyproject-source": nil, "legacy-source": nil, "denormal": nil} {
		_, body := get(t, s, "/pypi/"+name+"/json")
		if got := decode(t, body)["info"].(map[string]any)["requires_dist"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: requires_dist %v, want %v", name, got, want)
		}
	}
	if resp, _ := get(t, s, "/pypi/bad-one/json"); resp.StatusCode != 404 {
		t.Errorf("a quarantined project has a document")
	}
	if _, body := get(t, s, "/simple/bad-one/", "Accept", acceptJSON); len(decode(t, body)["files"].([]any)) != 0 {
		t.Errorf("a quarantined project has files")
	}
	if _, body := get(t, s, "/pypi/empty/2.0/json"); len(decode(t, body)["urls"].([]any)) != 0 {
		t.Errorf("empty 2.0 has files")
	}
}

func TestRanges(t *testing.T) {
	const path = "/files/foo_bar-1.0-py3-none-any.whl"
	pypi, mirror, poor := Serve(t, sample, PyPI()), Serve(t, sample, Mirror()), Serve(t, sample, Profile{})
	resp, whole := get(t, pypi, path)
	n := len(whole)
	etag := resp.Header.Get("ETag")
	for _, test := range []struct {
		server       *Server
		spec         string
		status       int
		contentRange string
		body         []byte
	}{
		{pypi, "bytes=0-9", 206, "bytes 0-9/N", whole[:10]},
		{pypi, "bytes=10-", 206, "bytes 10-L/N", whole[10:]},
		{pypi, "bytes=10-99999", 206, "bytes 10-L/N", whole[10:]},
		{pypi, "bytes=99999-", 416, "bytes */N", nil},
		{pypi, "bytes=5-4", 200, "", whole},
		{pypi, "bytes=0-1,4-5", 200, "", whole},
		{pypi, "lines=0-1", 200, "", whole},
		{pypi, "bytes=-10", 501, "", nil},
		{mirror, "bytes=0-9", 206, "bytes 0-9/N", whole[:10]},
		{mirror, "bytes=-10", 206, "bytes M-L/N", whole[n-10:]},
		{mirror, "bytes=-99999", 206, "bytes 0-L/N", whole},
		{mirror, "bytes=-0", 416, "bytes */N", nil},
		{poor, "bytes=0-9", 200, "", whole},
	} {
		resp, body := get(t, test.server, path, "Range", test.spec)
		numbers := strings.NewReplacer("N", itoa(n), "L", itoa(n-1), "M", itoa(n-10))
		if resp.StatusCode != test.status || resp.Header.Get("Content-Range") != numbers.Replace(test.contentRange) || test.body != nil && !bytes.Equal(body, test.body) {
			t.Errorf("%s: got %d %q, %d bytes; want %d %q, %d bytes", test.spec, resp.StatusCode, resp.Header.Get("Content-Range"), len(body), test.status, test.contentRange, len(test.body))
		}
	}
	for header, want := range map[string]int{etag: 206, `"other"`: 200} {
		if resp, _ := get(t, pypi, path, "Range", "bytes=0-9", "If-Range", header); resp.StatusCode != want {
			t.Errorf("If-Range %s: got %d, want %d", header, resp.StatusCode, want)
		}
	}
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

func TestRevalidation(t *testing.T) {
	s := Serve(t, sample, PyPI())
	for _, path := range []string{"/simple/foo-bar/", "/pypi/foo-bar/json", "/pypi/foo-bar/1.0/json", "/files/foo_bar-1.0.tar.gz"} {
		resp, _ := get(t, s, path)
		etag := resp.Header.Get("ETag")
		resp, body := get(t, s, path, "If-None-Match", "W/"+etag)
		if resp.StatusCode != 304 || len(body) != 0 || resp.Header.Get("ETag") != etag {
			t.Errorf("%s: got %d, %d bytes, ETag %s", path, resp.StatusCode, len(body), resp.Header.Get("ETag"))
		}
		if resp, _ := get(t, s, path, "If-None-Match", `"other"`); resp.StatusCode != 200 {
			t.Errorf("%s: another ETag gets %d", path, resp.StatusCode)
		}
	}
	etag := func() string {
		resp, _ := get(t, s, "/simple/none/")
		return resp.Header.Get("ETag")
	}
	before := etag()
	s.SetUniverse(MustParse("none 1.0\nnone 1.1\n"))
	if etag() == before {
		t.Error("an upload leaves the ETag as it was")
	}
	if got := s.Requests().NotModified; got != 4 {
		t.Errorf("counted %d answers 304", got)
	}
}

func TestGzip(t *testing.T) {
	s := Serve(t, sample, PyPI())
	_, plain := get(t, s, "/pypi/foo-bar/json")
	resp, zipped := get(t, s, "/pypi/foo-bar/json", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(got, plain) || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("got %s, %v", got, err)
	}
	if resp, _ := get(t, s, "/files/foo_bar-1.0.tar.gz", "Accept-Encoding", "gzip"); resp.Header.Get("Content-Encoding") != "" {
		t.Error("a file is compressed on its way")
	}
}

func TestAuth(t *testing.T) {
	p := PyPI()
	p.User, p.Password = "jane", "s3cret"
	s := Serve(t, sample, p)
	for header, want := range map[string]int{"": 401, "Basic amFuZTpzM2NyZXQ=": 200, "Basic amFuZTp4": 401, "Bearer x": 401} {
		for _, path := range []string{"/simple/foo-bar/", "/pypi/foo-bar/json", "/files/foo_bar-1.0.tar.gz"} {
			resp, _ := get(t, s, path, "Authorization", header)
			if resp.StatusCode != want || (resp.Header.Get("WWW-Authenticate") != "") != (want == 401) {
				t.Errorf("%s with %q: got %d, want %d", path, header, resp.StatusCode, want)
			}
		}
	}
}

func TestTLSAndFilesBase(t *testing.T) {
	p := PyPI()
	p.TLS, p.FilesBase = true, "http://files.test/base/"
	s := Serve(t, sample, p)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.Certificate()) {
		t.Fatal("no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(s.SimpleURL() + "foo-bar/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(body, []byte(`href="http://files.test/base/files/foo_bar-1.0.tar.gz#`)) {
		t.Errorf("got %s, %v", body, err)
	}
}

func TestRequests(t *testing.T) {
	s := Serve(t, sample, PyPI())
	var all sync.WaitGroup
	for range 8 {
		for _, path := range []string{"/simple/foo-bar/", "/pypi/foo-bar/json", "/pypi/foo-bar/1.0/json", "/files/foo_bar-1.0.tar.gz", "/files/foo_bar-1.0-py3-none-any.whl.metadata", "/x"} {
			all.Go(func() { get(t, s, path) })
		}
		all.Go(func() { get(t, s, "/files/foo_bar-1.0.tar.gz", "Range", "bytes=0-1") })
	}
	all.Wait()
	resp, err := http.Head(s.URL + "/files/foo_bar-1.0.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	got := s.Requests()
	want := map[Kind]int{KindSimple: 8, KindProjectJSON: 8, KindVersionJSON: 8, KindMetadata: 8, KindFile: 8, KindRange: 8, KindOther: 8, KindHead: 1}
	if !reflect.DeepEqual(got.Kinds, want) || got.Total != 57 || got.Paths["/files/foo_bar-1.0.tar.gz"] != 17 || len(s.Log()) != 57 {
		t.Errorf("got %+v, want %v", got, want)
	}
	if resp.ContentLength <= 0 {
		t.Errorf("HEAD tells %d bytes", resp.ContentLength)
	}
	s.Reset()
	if got := s.Requests(); got.Total != 0 || got.Bytes != 0 {
		t.Errorf("after Reset: %+v", got)
	}
}
