package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

func TestMetadataSources(t *testing.T) {
	const text = `
demo 1.0
  dep>=2
  fancy; extra == "x"
  @python >=3.8
demo 2.0
  dep>=3
  @size 300000
demo 3.0
  dep>=4
  @sdist static
demo 4.0
  dep>=5
  @sdist pyproject
demo 5.0
  dep>=6
  @sdist dynamic
demo 6.0
  dep>=7
  @sdist legacy
demo 7.0
  dep>=8
  @sdist dynamic
  @wheel cp27-cp27m-win32
demo 8.0
  @requires-dist this is >> not a requirement
`
	whole := indextest.Profile{SimpleJSON: true}
	tests := []struct {
		profile indextest.Profile
		version string
		source  Source
		want    string
	}{
		{indextest.PyPI(), "1.0", FromSidecar, "dep>=2\nfancy; extra == \"x\"\n"},
		{indextest.Profile{Metadata: indextest.AllMetadata}, "1.0", FromSidecar, "dep>=2\nfancy; extra == \"x\"\n"},
		{indextest.Profile{SimpleJSON: true, Ranges: true}, "1.0", FromRange, "dep>=2\nfancy; extra == \"x\"\n"},
		{indextest.Profile{SimpleJSON: true, Ranges: true, Caching: true}, "2.0", FromRange, "dep>=3\n"},
		{indextest.Profile{Ranges: true, SuffixRanges: true}, "2.0", FromRange, "dep>=3\n"}, // no size on the page
		{indextest.Profile{Ranges: true}, "2.0", FromRange, "dep>=3\n"},                     // learned by HEAD
		{whole, "1.0", FromWheel, "dep>=2\nfancy; extra == \"x\"\n"},
		{whole, "2.0", FromWheel, "dep>=3\n"},
		{whole, "3.0", FromPKGINFO, "dep>=4\n"},
		{whole, "4.0", FromPyproject, "dep>=5\n"},
		{whole, "5.0", 0, ErrNeedsBuild.Error()},
		{whole, "6.0", 0, ErrNeedsBuild.Error()},
		{whole, "7.0", FromWheel, "dep>=8\n"},
		{whole, "8.0", 0, "not a requirement"},
		{indextest.PyPI(), "8.0", 0, "not a requirement"},
		{indextest.PyPI(), "3.0", FromPKGINFO, "dep>=4\n"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %+v", tt.version, tt.profile), func(t *testing.T) {
			_, c := serveUniverse(t, text, tt.profile, Options{Order: SimpleFirst})
			p := project(t, c, "demo")
			m, err := c.MetadataOf(t.Context(), p, release(t, p, tt.version), nil)
			if tt.source == 0 {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				var unusable *UnusableError
				if !errors.Is(err, ErrNeedsBuild) && !errors.As(err, &unusable) {
					t.Errorf("%T %v", err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := requires(m); got != tt.want || m.Source != tt.source || m.Name != "demo" || m.Version.String() != tt.version || m.File == nil {
				t.Errorf("got %q from %d, want %q from %d", got, m.Source, tt.want, tt.source)
			}
		})
	}
}

// TestPreferredFile reads the file that is asked for, each once.
func TestPreferredFile(t *testing.T) {
	s, c := serveUniverse(t, "demo 1.0\n  dep\n  @wheel cp312-cp312-win32\n  @wheel cp312-cp312-manylinux_2_17_x86_64\n  @sdist static\n", indextest.PyPI(), Options{})
	p := project(t, c, "demo")
	r := release(t, p, "1.0")
	for i := range r.Files() {
		for range 2 {
			m, err := c.MetadataOf(t.Context(), p, r, &r.Files()[i])
			if err != nil || m.File.Filename != r.Files()[i].Filename {
				t.Errorf("%s: read %+v, %v", r.Files()[i].Filename, m, err)
			}
		}
	}
	if got := s.Requests().Kinds; got[indextest.KindMetadata] != 2 || got[indextest.KindFile] != 1 {
		t.Errorf("requests %v", got)
	}
}

// fileServer serves one wheel page and hands requests for files to h.
func fileServer(t *testing.T, o Options, page string, h http.HandlerFunc) (*Client, *Project, *Release) {
	t.Helper()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/simple/demo/" {
			simpleJSON(w, page)
			return
		}
		h(w, r)
	})
	o.DefaultIndex, o.Order = s.URL+"/simple/", SimpleFirst
	c, _ := newTestClient(t, o)
	p := project(t, c, "demo")
	return c, p, release(t, p, "1.0")
}

func wheelPage(more string) string {
	return `{"files": [{"filename": "demo-1.0-py3-none-any.whl", "url": "../../files/demo-1.0-py3-none-any.whl"` + more + `}]}`
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// TestSidecarHash refuses a metadata file that is not the one the index states, after some tries past caches.
func TestSidecarHash(t *testing.T) {
	for _, healed := range []bool{false, true} {
		var control []string
		c, p, r := fileServer(t, Options{}, wheelPage(`, "core-metadata": {"sha256": "`+sum([]byte(demoMetadata))+`"}`), func(w http.ResponseWriter, r *http.Request) {
			control = append(control, r.Header.Get("Cache-Control"))
			if healed && len(control) == 2 {
				fmt.Fprint(w, demoMetadata)
				return
			}
			fmt.Fprint(w, strings.Replace(demoMetadata, "dep", "evil", 1))
		})
		m, err := c.MetadataOf(t.Context(), p, r, nil)
		var hash *HashError
		if healed && (err != nil || requires(m) != "dep>=2\n") || !healed && (!errors.As(err, &hash) || !strings.Contains(err.Error(), "SECURITY ERROR")) {
			t.Errorf("healed %v: got %v", healed, err)
		}
		if want := map[bool]string{true: ",no-cache", false: ",no-cache,no-cache,no-cache"}[healed]; strings.Join(control, ",") != want {
			t.Errorf("Cache-Control %q", control)
		}
	}
}

// TestSidecarsThatAreNone serves something else where a metadata file may be.
func TestSidecarsThatAreNone(t *testing.T) {
	wheel := makeZip(t, member{"demo-1.0.dist-info/METADATA", demoMetadata})
	unframed := func(w http.ResponseWriter, body string) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(buf, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", body)
		buf.Flush()
		conn.Close()
	}
	for name, sidecar := range map[string]http.HandlerFunc{
		"web page": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>all is well</html>") },
		"other project": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n")
		},
		"other version": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "Metadata-Version: 2.1\nName: demo\nVersion: 2.0\n")
		},
		"cut, no length": func(w http.ResponseWriter, r *http.Request) { unframed(w, demoMetadata[:45]) },
		"too large": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, demoMetadata, strings.Repeat("\nx", maxMetadata/2))
		},
		"403":    func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"500":    func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"absent": http.NotFound,
		"gone":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusGone) },
	} {
		t.Run(name, func(t *testing.T) {
			c, p, r := fileServer(t, Options{}, wheelPage(""), func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, ".metadata") {
					sidecar(w, r)
					return
				}
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(wheel))
			})
			m, err := c.MetadataOf(t.Context(), p, r, nil)
			if err != nil || m.Source != FromRange || requires(m) != "dep>=2\n" {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
}

// TestRanges has servers that get byte ranges wrong: the whole wheel, with its hash, decides.
func TestRanges(t *testing.T) {
	var filler strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&filler, "%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	// METADATA lies before the code: the first range holds the directory alone.
	wheel := makeZip(t, member{"demo-1.0.dist-info/METADATA", demoMetadata}, member{"demo/data.bin", filler.String()})
	n := int64(len(wheel))
	evil := bytes.Clone(wheel)
	evil[40] ^= 1
	type served struct {
		first, last, size int64
		etag              string
		body              []byte
	}
	tests := []struct {
		name   string
		change func(s *served, request int)
		source Source
		want   string
	}{
		{"as asked", func(s *served, _ int) {}, FromRange, ""},
		{"same ETag", func(s *served, _ int) { s.etag = `"a"` }, FromRange, ""},
		{"other place", func(s *served, _ int) { s.first--; s.last-- }, FromWheel, ""},
		{"other size", func(s *served, _ int) { s.size++ }, FromWheel, ""},
		{"other size later", func(s *served, k int) { s.size += int64(k - 1) }, FromWheel, ""},
		{"ETag changes", func(s *served, k int) { s.etag = fmt.Sprintf(`"%d"`, k) }, FromWheel, ""},
		{"last before first", func(s *served, _ int) { s.last = s.first - 1 }, FromWheel, ""},
		{"too much", func(s *served, _ int) { s.body = append(s.body, 'x') }, 0, "over the limit"},
		{"too little", func(s *served, _ int) { s.body = s.body[1:] }, 0, "broke off"},
		{"other content", func(s *served, k int) {
			if k > 1 {
				s.body = bytes.Repeat([]byte{0}, len(s.body))
			}
		}, 0, "no end record"},
		{"other content once", func(s *served, k int) {
			if k == 2 {
				s.body = bytes.Repeat([]byte{0}, len(s.body))
			}
		}, FromRange, ""},
		{"other content twice", func(s *served, k int) {
			if k == 2 || k == 4 {
				s.body[3] ^= 1
			}
		}, FromRange, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			ranges := 0
			page := wheelPage(fmt.Sprintf(`, "size": %d, "hashes": {"sha256": "%s"}, "core-metadata": false`, n, sum(wheel)))
			c, p, r := fileServer(t, Options{}, page, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Header.Get("Accept-Encoding") != "identity" {
					t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
				}
				spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
				if !ok {
					w.Write(wheel)
					return
				}
				ranges++
				var s served
				if _, err := fmt.Sscanf(spec, "%d-%d", &s.first, &s.last); err != nil {
					t.Fatalf("Range %q", spec)
				}
				s.size, s.body = n, bytes.Clone(wheel[s.first:s.last+1])
				tt.change(&s, ranges)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.first, s.last, s.size))
				if s.etag != "" {
					w.Header().Set("ETag", s.etag)
				}
				w.WriteHeader(http.StatusPartialContent)
				w.Write(s.body)
			})
			m, err := c.MetadataOf(t.Context(), p, r, nil)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil || m.Source != tt.source || requires(m) != "dep>=2\n" {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
}

// TestWholeWheel verifies hashes where the server sends everything, of known length and not.
func TestWholeWheel(t *testing.T) {
	wheel := makeZip(t, member{"demo-1.0.dist-info/METADATA", demoMetadata})
	for _, tt := range []struct {
		name    string
		hash    string
		chunked bool
		ok      bool
	}{
		{"sha256", `{"sha256": "` + sum(wheel) + `"}`, false, true},
		{"sha256, chunked", `{"sha256": "` + sum(wheel) + `"}`, true, true},
		{"no hash", `{}`, true, true},
		{"wrong", `{"sha256": "` + sum(nil) + `"}`, false, false},
		{"wrong, chunked", `{"sha256": "` + sum(nil) + `"}`, true, false},
		{"wrong sha512", `{"sha512": "` + strings.Repeat("0", 128) + `"}`, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, p, r := fileServer(t, Options{}, wheelPage(`, "core-metadata": false, "hashes": `+tt.hash), func(w http.ResponseWriter, r *http.Request) {
				if tt.chunked {
					w.(http.Flusher).Flush()
				}
				w.Write(wheel)
			})
			m, err := c.MetadataOf(t.Context(), p, r, nil)
			var hash *HashError
			if tt.ok && (err != nil || m.Source != FromWheel) || !tt.ok && !errors.As(err, &hash) {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
}

// TestNextCandidate reads another wheel where one is broken, and reports the first when all are.
func TestNextCandidate(t *testing.T) {
	good := makeZip(t, member{"demo-1.0.dist-info/METADATA", demoMetadata})
	bad := makeZip(t, member{"evil-1.0.dist-info/METADATA", demoMetadata})
	page := `{"files": [
		{"filename": "demo-1.0-py3-none-any.whl", "url": "../../files/a", "core-metadata": false},
		{"filename": "demo-1.0-cp312-cp312-win32.whl", "url": "../../files/b", "core-metadata": false},
		{"filename": "demo-1.0.tar.gz", "url": "../../files/c", "core-metadata": false}]}`
	for _, second := range [][]byte{good, bad} {
		c, p, r := fileServer(t, Options{}, page, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/files/a":
				w.Write(bad)
			case "/files/b":
				w.Write(second)
			default:
				t.Errorf("asked for %s", r.URL.Path)
			}
		})
		m, err := c.MetadataOf(t.Context(), p, r, nil)
		var unusable *UnusableError
		if second[30] == good[30] && (err != nil || m.File.Filename != "demo-1.0-cp312-cp312-win32.whl") {
			t.Errorf("got %+v, %v", m, err)
		}
		if second[30] != good[30] && (!errors.As(err, &unusable) || !strings.HasSuffix(unusable.URL, "/files/a")) {
			t.Errorf("got %v", err)
		}
	}
}

func TestFileNotThere(t *testing.T) {
	c, p, r := fileServer(t, Options{}, wheelPage(`, "size": 100`), http.NotFound)
	_, err := c.MetadataOf(t.Context(), p, r, nil)
	var unusable *UnusableError
	if !errors.As(err, &unusable) || !strings.Contains(err.Error(), "lists the file but does not have it") {
		t.Errorf("got %v", err)
	}
}

func TestContentRange(t *testing.T) {
	for text, want := range map[string]byteRange{
		"bytes 0-9/10":                   {0, 9, 10},
		"bytes 5-5/6":                    {5, 5, 6},
		"bytes 0-9/*":                    {},
		"bytes */10":                     {},
		"bytes 9-0/10":                   {},
		"bytes 0-10/10":                  {},
		"bytes -5-9/10":                  {},
		"bits 0-9/10":                    {},
		"":                               {},
		"bytes 0-9":                      {},
		"bytes 0-9/1e3":                  {},
		"bytes 0-9/10/11":                {},
		"bytes 99999999999999999999-0/1": {},
	} {
		got, err := contentRange(&answer{header: http.Header{"Content-Range": {text}}})
		if got != want && err == nil || (err == nil) != (want != byteRange{}) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

// TestFlightAbandoned starts work anew after all who waited have left.
func TestFlightAbandoned(t *testing.T) {
	var f flight[int]
	started, ended := make(chan bool), make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := f.do(ctx, "k", func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return 0, ctx.Err()
		})
		ended <- err
	}()
	<-started
	cancel()
	a, b := <-ended, <-ended
	if !errors.Is(a, errAbandoned) && !errors.Is(b, errAbandoned) || !errors.Is(a, context.Canceled) && !errors.Is(b, context.Canceled) {
		t.Errorf("got %v and %v", a, b)
	}
	if v, err := f.do(t.Context(), "k", func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
	if v, err := f.do(t.Context(), "k", nil); v != 7 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
}
