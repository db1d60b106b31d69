package index

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

const oneProject = "demo 1.0\n  dep>=2\n"

func TestRetries(t *testing.T) {
	tests := []struct {
		name  string
		fault indextest.Fault
		fails int // attempts
		want  string
		sleep time.Duration // the first pause, 0 for none
	}{
		{"server error", indextest.Fault{Status: 500}, 3, "", 50 * time.Millisecond},
		{"bad gateway", indextest.Fault{Status: 502}, 7, "", 50 * time.Millisecond},
		{"too often", indextest.Fault{Status: 500}, 8, "HTTP 500 (8 tries)", 50 * time.Millisecond},
		{"reset", indextest.Fault{Reset: true}, 2, "", 50 * time.Millisecond},
		{"cut short", indextest.Fault{Truncate: 3}, 2, "", 50 * time.Millisecond},
		{"cut short without length", indextest.Fault{Truncate: 3, Unframed: true}, 2, "", 50 * time.Millisecond},
		{"Retry-After in seconds", indextest.Fault{Status: 429, RetryAfter: "7"}, 1, "", 7 * time.Second},
		{"Retry-After of a minute", indextest.Fault{Status: 503, RetryAfter: "60"}, 1, "", time.Minute},
		{"Retry-After too long", indextest.Fault{Status: 503, RetryAfter: "61"}, 1, "asks to wait 1m1s", 0},
		{"Retry-After past the deadline", indextest.Fault{Status: 503, RetryAfter: "50"}, 8, "asks to wait 50s", 50 * time.Second},
		{"Retry-After malformed", indextest.Fault{Status: 503, RetryAfter: "soon"}, 1, "", 50 * time.Millisecond},
		{"bad request", indextest.Fault{Status: 400}, 1, "HTTP 400", 0},
		{"unauthorized", indextest.Fault{Status: 401}, 1, "HTTP 401: credentials are missing or refused", 0},
		{"forbidden", indextest.Fault{Status: 403}, 1, "HTTP 403: credentials are missing or refused", 0},
		{"not implemented", indextest.Fault{Status: 501}, 1, "HTTP 501", 0},
		{"not modified, unasked", indextest.Fault{Status: 304}, 2, "", 50 * time.Millisecond},
		{"other type at first", indextest.Fault{ContentType: "application/xhtml+xml"}, 3, "", 50 * time.Millisecond},
		{"other type", indextest.Fault{ContentType: "application/xhtml+xml"}, 4, `content type "application/xhtml+xml", want application/vnd.pypi.simple.v1+json or text/html`, 50 * time.Millisecond},
		{"login page at first", indextest.Fault{ContentType: "text/html", Body: []byte("<html><form></html>")}, 3, "", 50 * time.Millisecond},
		{"login page", indextest.Fault{ContentType: "text/html", Body: []byte("<html><form></html>")}, 4, "a login page, not one of the Simple API", 50 * time.Millisecond},
		{"JSON called HTML at first", indextest.Fault{ContentType: "text/html"}, 3, "", 50 * time.Millisecond},
		{"JSON called HTML", indextest.Fault{ContentType: "text/html"}, 4, "it lists no files and does not look like a page of the Simple API", 50 * time.Millisecond},
		{"no JSON at first", indextest.Fault{Body: []byte("{]")}, 3, "", 50 * time.Millisecond},
		{"no JSON", indextest.Fault{Body: []byte("{]")}, 4, "JSON at byte 1", 50 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := indextest.Parse(oneProject)
			if err != nil {
				t.Fatal(err)
			}
			s := indextest.Serve(t, u, indextest.Profile{SimpleJSON: true})
			s.SetFaults(indextest.FailFirst(tt.fails, tt.fault, nil))
			c, k := newTestClient(t, Options{DefaultIndex: s.SimpleURL()})
			p, err := c.Project(t.Context(), "demo")
			switch {
			case tt.want == "" && (err != nil || len(p.Releases) != 1):
				t.Errorf("got %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if tt.sleep == 0 != (len(k.sleeps) == 0) || tt.sleep > 0 && k.sleeps[0] != tt.sleep {
				t.Errorf("slept %v, want %v first", k.sleeps, tt.sleep)
			}
			if tt.want == "" && c.Stats().Retries != int64(tt.fails) {
				t.Errorf("%d retries, want %d", c.Stats().Retries, tt.fails)
			}
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	tests := []struct {
		after, date string
		want        time.Duration
	}{
		{"Fri, 02 Jan 2026 03:04:15 GMT", "", 10 * time.Second},
		{"Fri, 02 Jan 2026 03:04:15 GMT", "Fri, 02 Jan 2026 03:04:12 GMT", 3 * time.Second},
		{"Fri, 02 Jan 2026 03:04:00 GMT", "", 0},
		{"-5", "", 0},
		{"99999999999999999999", "", 0},
	}
	for _, tt := range tests {
		h := http.Header{"Retry-After": {tt.after}}
		if tt.date != "" {
			h.Set("Date", tt.date)
		}
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("%s at %s: got %v, want %v", tt.after, tt.date, got, tt.want)
		}
	}
}

func TestBackoffGrows(t *testing.T) {
	c, _ := newTestClient(t, Options{})
	c.opts.Jitter = func() float64 { return 0.999 }
	last := time.Duration(0)
	for try := 1; try <= 20; try++ {
		d := c.backoff(try, 0)
		if d < last || d > backoffMax {
			t.Errorf("after try %d: %v, before %v", try, d, last)
		}
		last = d
	}
}

func TestManyFailures(t *testing.T) {
	var text strings.Builder
	for i := range 150 {
		fmt.Fprintf(&text, "p%d 1.0\n  p%d\n", i, i+1)
	}
	s, c := serveUniverse(t, text.String(), indextest.PyPI(), Options{})
	s.SetFaults(indextest.RandomFaults(1, 0.2, 7))
	for i := range 150 {
		p := project(t, c, fmt.Sprintf("p%d", i))
		if got, want := requires(metadata(t, c, p, "1.0")), fmt.Sprintf("p%d\n", i+1); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	if c.Stats().Retries == 0 || len(c.slots) > 0 {
		t.Errorf("%d retries, %d slots held", c.Stats().Retries, len(c.slots))
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, k := newTestClient(t, Options{DefaultIndex: "http://user:secret@" + address + "/simple/"})
	_, err = c.Project(t.Context(), "demo")
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || unavailable.URL != "http://"+address+"/simple/demo/" || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "user") {
		t.Errorf("credentials in %q", err)
	}
	if len(k.sleeps) != absentTries-1 {
		t.Errorf("slept %v", k.sleeps)
	}
}

func TestCancel(t *testing.T) {
	started := make(chan bool)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	})
	c, _ := newTestClient(t, Options{DefaultIndex: s.URL + "/simple/", Order: SimpleFirst})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := c.Project(ctx, "demo"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDeadline(t *testing.T) {
	s, c := serveUniverse(t, oneProject, indextest.PyPI(), Options{Timeout: 1})
	_, err := c.Project(t.Context(), "demo")
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "no complete answer within 1ns") || s.Requests().Total > 1 {
		t.Errorf("got %v", err)
	}
}

func TestJSONAPIOption(t *testing.T) {
	u, err := indextest.Parse(oneProject)
	if err != nil {
		t.Fatal(err)
	}
	s := indextest.Serve(t, u, indextest.PyPI())
	for api, want := range map[string]indextest.Kind{"": indextest.KindSimple, "false": indextest.KindSimple, s.URL + "/pypi": indextest.KindProjectJSON} {
		s.Reset()
		c, _ := newTestClient(t, Options{DefaultIndex: s.SimpleURL(), JSONAPI: api})
		project(t, c, "demo")
		if got := s.Requests(); got.Total != 1 || got.Kinds[want] != 1 {
			t.Errorf("JSONAPI %q: requests %v", api, got.Kinds)
		}
	}
}

func TestLimits(t *testing.T) {
	bomb := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		fmt.Fprint(z, `{"files": [], "x": "`)
		fill := bytes.Repeat([]byte("a"), 1<<20)
		for range 70 {
			if _, err := z.Write(fill); err != nil {
				return
			}
		}
		fmt.Fprint(z, `"}`)
		z.Close()
	}
	announced := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		w.Header().Set("Content-Length", fmt.Sprint(int64(maxPage)+1))
		fmt.Fprint(w, "{")
	}
	for name, h := range map[string]http.HandlerFunc{"gzip bomb": bomb, "announced": announced} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, h)
			c, k := newTestClient(t, Options{DefaultIndex: s.URL + "/simple/", Order: SimpleFirst})
			_, err := c.Project(t.Context(), "demo")
			var limit *LimitError
			var unusable *UnusableError
			if !errors.As(err, &limit) || limit.Limit != maxPage || !errors.As(err, &unusable) || len(k.sleeps) > 0 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	page := simplePage("demo", "demo-1.0-py3-none-any.whl")
	tests := []struct {
		name, encoding string
		body           func() []byte
		want           string
	}{
		{"gzip", "gzip", func() []byte { return zipped(page) }, ""},
		{"x-gzip", "x-gzip", func() []byte { return zipped(page) }, ""},
		{"identity", "identity", func() []byte { return []byte(page) }, ""},
		{"brotli", "br", func() []byte { return []byte(page) }, `content encoding "br"`},
		{"gzip cut", "gzip", func() []byte { z := zipped(page); return z[:len(z)-4] }, "broke off"},
		{"gzip wrong", "gzip", func() []byte { z := zipped(page); z[len(z)-6] ^= 1; return z }, "broke off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); got != "gzip, identity" {
					t.Errorf("Accept-Encoding %q", got)
				}
				w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
				w.Header().Set("Content-Encoding", tt.encoding)
				w.Write(tt.body())
			})
			c, _ := newTestClient(t, Options{DefaultIndex: s.URL + "/simple/", Order: SimpleFirst})
			p, err := c.Project(t.Context(), "demo")
			if tt.want == "" && (err != nil || len(p.Releases) != 1) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func zipped(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.Bytes()
}

// TestFlippedBytes inverts one byte of a compressed page at a time: each is noticed and asked for again, or of no account.
func TestFlippedBytes(t *testing.T) {
	u, err := indextest.Parse(oneProject)
	if err != nil {
		t.Fatal(err)
	}
	s := indextest.Serve(t, u, indextest.Profile{SimpleJSON: true, Gzip: true})
	c, _ := newTestClient(t, Options{DefaultIndex: s.SimpleURL()})
	whole := project(t, c, "demo")
	network := &http.Transport{DisableCompression: true}
	t.Cleanup(network.CloseIdleConnections)
	for n := 1; n <= int(c.Stats().Bytes); n++ {
		s.Reset()
		s.SetFaults(indextest.FailFirst(1, indextest.Fault{FlipByte: n}, nil))
		c, _ := newTestClient(t, Options{DefaultIndex: s.SimpleURL(), Transport: network})
		if p := project(t, c, "demo"); !reflect.DeepEqual(p.Releases, whole.Releases) {
			t.Errorf("byte %d: got %+v", n, p.Releases)
		}
	}
}

// TestUnframedPage cuts pages whose end nothing announces: connection closed, no length.
func TestUnframedPage(t *testing.T) {
	whole := `<html><body><a href="demo-1.0-py3-none-any.whl">x</a><a href="demo-2.0-py3-none-any.whl">x</a></body></html>`
	for _, tt := range []struct {
		kind, body string
		ok         bool
	}{
		{"text/html", whole, true},
		{"text/html", whole[:60], false},
		{"application/vnd.pypi.simple.v1+json", simplePage("demo", "demo-1.0-py3-none-any.whl"), true},
		{"application/vnd.pypi.simple.v1+json", simplePage("demo", "demo-1.0-py3-none-any.whl")[:90], false},
	} {
		var requests atomic.Int32
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				requests.Add(1)
				r, _ := http.ReadRequest(bufio.NewReader(conn))
				_ = r
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n%s", tt.kind, tt.body)
				conn.Close()
			}
		}()
		c, _ := newTestClient(t, Options{DefaultIndex: "http://" + l.Addr().String() + "/simple/", Order: SimpleFirst})
		_, err = c.Project(t.Context(), "demo")
		var unavailable *UnavailableError
		if tt.ok && (err != nil || requests.Load() != 1) || !tt.ok && (!errors.As(err, &unavailable) || requests.Load() != defaultTries) {
			t.Errorf("%s of %d bytes: %d requests, %v", tt.kind, len(tt.body), requests.Load(), err)
		}
	}
}

func TestRedirects(t *testing.T) {
	page := simplePage("demo", "demo-1.0-py3-none-any.whl")
	var seen atomic.Value // Authorization at the target
	seen.Store("none")
	record := func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization"))
		if r.Header.Get("Referer") != "" {
			t.Error("a Referer was sent")
		}
		simpleJSON(w, page)
	}
	other := serve(t, record)
	secure := httptest.NewTLSServer(http.HandlerFunc(record))
	t.Cleanup(secure.Close)
	var target string
	index := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/target/":
			record(w, r)
		case strings.HasPrefix(r.URL.Path, "/loop"):
			http.Redirect(w, r, "/loop/"+r.URL.Path, http.StatusFound)
		default:
			if user, password, _ := r.BasicAuth(); user != "user" || password != "p:ss" {
				t.Errorf("the index got %q %q", user, password)
			}
			http.Redirect(w, r, target, http.StatusFound)
		}
	})
	login := strings.Replace(index.URL, "http://", "http://user:p%3Ass@", 1) + "/simple/"
	tests := []struct{ name, target, auth, want string }{
		{"same origin", "/target/", "Basic dXNlcjpwOnNz", ""},
		{"same host, other port", other.URL + "/x/", "", ""},
		{"other scheme", secure.URL + "/x/", "", ""},
		{"loop", "/loop", "none", "more than 10 redirects"},
		{"file", "file:///etc/passwd", "none", `redirects to "file"`},
		{"credentials", strings.Replace(other.URL, "http://", "http://a:b@", 1) + "/x/", "none", "redirects to an address with credentials"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target = tt.target
			seen.Store("none")
			c, _ := newTestClient(t, Options{DefaultIndex: login, Order: SimpleFirst, Transport: secure.Client().Transport})
			p, err := c.Project(t.Context(), "demo")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if seen.Load() != tt.auth {
				t.Errorf("the target saw %q, want %q", seen.Load(), tt.auth)
			}
			if err != nil && (strings.Contains(err.Error(), "p:ss") || strings.Contains(err.Error(), "a:b")) {
				t.Errorf("credentials in %q", err)
			}
			if err == nil && p.Index != index.URL+"/simple/" {
				t.Errorf("Index %q", p.Index)
			}
		})
	}
}

func TestRedirectToHTTP(t *testing.T) {
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the plain server was asked") })
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL+"/simple/demo/", http.StatusMovedPermanently))
	t.Cleanup(secure.Close)
	c, _ := newTestClient(t, Options{DefaultIndex: secure.URL + "/simple/", Order: SimpleFirst, Transport: secure.Client().Transport})
	_, err := c.Project(t.Context(), "demo")
	if err == nil || !strings.Contains(err.Error(), "redirects from https to http") {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsStayHome(t *testing.T) {
	var leaked atomic.Bool
	files := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			leaked.Store(true)
		}
		http.NotFound(w, r)
	})
	index := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user != "user" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		simpleJSON(w, strings.ReplaceAll(simplePage("demo", "demo-1.0-py3-none-any.whl"), "../../files", files.URL))
	})
	login := strings.Replace(index.URL, "http://", "http://user:secret@", 1)
	c, _ := newTestClient(t, Options{DefaultIndex: login + "/simple/"})
	p := project(t, c, "demo")
	if p.Index != index.URL+"/simple/" {
		t.Errorf("Index %q", p.Index)
	}
	_, err := c.Metadata(t.Context(), p, release(t, p, "1.0"))
	if err == nil || leaked.Load() || strings.Contains(err.Error(), "secret") {
		t.Errorf("leaked %v, %v", leaked.Load(), err)
	}
	c, _ = newTestClient(t, Options{DefaultIndex: index.URL + "/simple/", ExtraIndexes: []string{login + "/none/"}})
	if got := c.repositories[1].authFor(index.URL + "/simple/demo/"); got != "" {
		t.Errorf("one index's credentials serve another on the same host: %q", got)
	}
}

func TestCertificates(t *testing.T) {
	u, err := indextest.Parse(oneProject)
	if err != nil {
		t.Fatal(err)
	}
	p := indextest.PyPI()
	p.TLS = true
	s := indextest.Serve(t, u, p)
	dir := t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, s.Certificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, _ := pem.Decode(s.Certificate()); b == nil {
		t.Fatal("no PEM")
	}
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"file", map[string]string{"SSL_CERT_FILE": file}, ""},
		{"folder", map[string]string{"SSL_CERT_DIR": filepath.Join(dir, "none") + string(filepath.ListSeparator) + dir}, ""},
		{"neither", nil, "set SSL_CERT_FILE"},
		{"missing file", map[string]string{"SSL_CERT_FILE": filepath.Join(dir, "no.pem")}, "no.pem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, k := newTestClient(t, Options{DefaultIndex: s.SimpleURL(), Getenv: func(key string) string { return tt.env[key] }})
			_, err := c.Project(t.Context(), "demo")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || len(k.sleeps) > 0) {
				t.Errorf("got %v after %v, want %q", err, k.sleeps, tt.want)
			}
		})
	}
}

func TestIndexURLs(t *testing.T) {
	for _, tt := range []struct{ url, json, display, want string }{
		{"https://host/simple/", "https://host/pypi/", "https://host/simple/", ""},
		{"https://host/simple", "https://host/pypi/", "https://host/simple", ""},
		{"https://u:p@host:8443/a/b/simple/", "https://host:8443/a/b/pypi/", "https://host:8443/a/b/simple/", ""},
		{"https://host/root/pypi/+simple/", "", "https://host/root/pypi/+simple/", ""},
		{"https://host/", "", "https://host/", ""},
		{"file:///tmp/simple/", "", "", "scheme"},
		{"ftp://host/simple/", "", "", "scheme"},
		{"host/simple", "", "", "scheme"},
		{"https:///simple/", "", "", "no host"},
		{"https://u:p%zz@host/", "", "", "malformed URL"},
		{"https://ho st/\r\nx", "", "", "malformed URL"},
	} {
		r, err := newRepository(tt.url, "", new(keychain), Rules{})
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "u:p") {
				t.Errorf("%s: got %v, want %q", tt.url, err, tt.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		json := ""
		if r.json != nil {
			json = r.json.String()
		}
		if json != tt.json || r.display != tt.display || !strings.HasSuffix(r.simple.Path, "/") {
			t.Errorf("%s: got JSON %q, display %q, simple %s", tt.url, json, r.display, r.simple)
		}
	}
}

type countingObserver struct{ requests, responses atomic.Int64 }

func (o *countingObserver) Request(method, url string)            { o.requests.Add(1) }
func (o *countingObserver) Response(_ string, _ int, bytes int64) { o.responses.Add(1) }

func TestOnceAKey(t *testing.T) {
	observer := new(countingObserver)
	s, c := serveUniverse(t, oneProject, indextest.PyPI(), Options{Observer: observer})
	done := make(chan *Project)
	for range 40 {
		go func() {
			p, err := c.Project(context.Background(), "demo")
			if err != nil {
				t.Error(err)
			} else if _, err := c.Metadata(context.Background(), p, &p.Releases[0]); err != nil {
				t.Error(err)
			}
			done <- p
		}()
	}
	first := <-done
	for range 39 {
		if p := <-done; p != first {
			t.Error("two projects")
		}
	}
	if n := s.Requests().Total; n != 2 || observer.requests.Load() != 2 || observer.responses.Load() != 2 || c.Stats().Requests != 2 {
		t.Errorf("%d requests, observed %d and %d, counted %+v", n, observer.requests.Load(), observer.responses.Load(), c.Stats())
	}
}

func TestConcurrency(t *testing.T) {
	var now, most atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		name := strings.Split(r.URL.Path, "/")[2]
		simpleJSON(w, simplePage(name))
		if got := r.Header.Get("User-Agent"); got != "pylock/1 (+https://example.test)" {
			t.Errorf("User-Agent %q", got)
		}
	})
	c, _ := newTestClient(t, Options{DefaultIndex: s.URL + "/simple/", Order: SimpleFirst, Concurrency: 3, UserAgent: "pylock/1 (+https://example.test)"})
	done := make(chan error)
	for i := range 40 {
		go func() {
			_, err := c.Project(context.Background(), pypiName(i))
			done <- err
		}()
	}
	for range 40 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if len(c.slots) > 0 {
		t.Errorf("%d slots are still held", len(c.slots))
	}
	if most.Load() > 3 {
		t.Errorf("%d requests at once", most.Load())
	}
}
