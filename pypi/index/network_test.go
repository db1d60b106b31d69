package index

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// clientCert writes a certificate with its key into a file.
func clientCert(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "bob"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	file := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// tlsServer counts the requests with and without a client certificate.
func tlsServer(t *testing.T, h http.Handler) (s *httptest.Server, with, without *atomic.Int32) {
	with, without = new(atomic.Int32), new(atomic.Int32)
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 {
			with.Add(1)
		} else {
			without.Add(1)
		}
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, with, without
}

// A client certificate is shown to the index, and not to where its files are.
func TestClientCertificate(t *testing.T) {
	u := indextest.MustParse(oneProject)
	p := indextest.PyPI()
	files, with, without := tlsServer(t, u.Handler(p))
	p.FilesBase = files.URL
	index, indexWith, indexWithout := tlsServer(t, u.Handler(p))
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: index.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	none := func(string) string { return "" }
	c, _ := newTestClient(t, Options{DefaultIndex: index.URL + "/simple/", Getenv: none, Network: Network{Roots: roots, ClientCert: clientCert(t)}})
	demo := project(t, c, "demo")
	if _, err := c.Metadata(t.Context(), demo, release(t, demo, "1.0")); err != nil {
		t.Fatal(err)
	}
	if indexWith.Load() == 0 || indexWithout.Load() > 0 || with.Load() > 0 || without.Load() == 0 {
		t.Errorf("index %d with, %d without; files %d with, %d without", indexWith.Load(), indexWithout.Load(), with.Load(), without.Load())
	}
	for text, want := range map[string]string{"no PEM": "client certificate", "": "client certificate"} {
		bad := filepath.Join(t.TempDir(), "bad.pem")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, k := newTestClient(t, Options{DefaultIndex: index.URL + "/simple/", Getenv: none, Network: Network{Roots: roots, ClientCert: bad}})
		if _, err := c.Project(t.Context(), "demo"); err == nil || !strings.Contains(err.Error(), want) || len(k.sleeps) > 0 {
			t.Errorf("%q: %v after %d sleeps", text, err, len(k.sleeps))
		}
	}
}

// Certificates are checked for all hosts but those that are named, and a file
// that is named takes the place of the environment's.
func TestInsecureHost(t *testing.T) {
	s, _, _ := tlsServer(t, indextest.MustParse(oneProject).Handler(indextest.PyPI()))
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		network Network
		file    string // SSL_CERT_FILE
		want    string
	}{
		{"nothing", Network{}, "", "set SSL_CERT_FILE"},
		{"another host", Network{Insecure: []string{"example.org", "127.0.0.1:1"}}, "", "set SSL_CERT_FILE"},
		{"the host", Network{Insecure: []string{u.Hostname()}}, "", ""},
		{"host and port", Network{Insecure: []string{u.Host}}, "", ""},
		{"roots", Network{Roots: roots}, "/nothing", ""},
		{"roots in a folder", Network{Roots: filepath.Dir(roots)}, "", ""},
		{"roots that are none", Network{Roots: "/nothing"}, roots, "nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := newTestClient(t, Options{DefaultIndex: s.URL + "/simple/", Network: tt.network, Getenv: func(name string) string {
				return map[string]string{"SSL_CERT_FILE": tt.file}[name]
			}})
			_, err := c.Project(t.Context(), "demo")
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestProxies(t *testing.T) {
	for _, tt := range []struct {
		env     map[string]string
		network Network
		address string
		want    string
	}{
		{nil, Network{}, "https://a.example/", "<nil>"},
		{map[string]string{"HTTPS_PROXY": "http://p:1"}, Network{}, "https://a.example/", "http://p:1"},
		{map[string]string{"HTTPS_PROXY": "http://p:1"}, Network{}, "http://a.example/", "<nil>"},
		{map[string]string{"ALL_PROXY": "socks5://p:1"}, Network{}, "http://a.example/", "socks5://p:1"},
		{map[string]string{"ALL_PROXY": "http://p:1", "HTTP_PROXY": "http://q:1"}, Network{}, "http://a.example/", "http://q:1"},
		{map[string]string{"ALL_PROXY": "http://p:1", "NO_PROXY": ".example"}, Network{}, "http://a.example/", "<nil>"},
		{map[string]string{"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, Network{}, "http://a.example/", "error"},
		{map[string]string{"HTTPS_PROXY": "http://p:1"}, Network{Proxy: "http://q:1"}, "https://a.example/", "http://q:1"},
		{map[string]string{"HTTPS_PROXY": "http://p:1"}, Network{ProxyIfNone: "http://q:1"}, "https://a.example/", "http://p:1"},
		{nil, Network{ProxyIfNone: "q.example:1"}, "https://a.example/", "http://q.example:1"},
	} {
		u, err := url.Parse(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		got := "error"
		if p, err := proxies(func(name string) string { return tt.env[name] }, tt.network)(u); err == nil {
			got = "<nil>"
			if p != nil {
				got = p.String()
			}
		}
		if got != tt.want {
			t.Errorf("%v %+v %s: got %s, want %s", tt.env, tt.network, tt.address, got, tt.want)
		}
	}
}

// Requests that are made at once share one connection where the server speaks HTTP/2, and have their own where it does
// not.
func TestOneConnection(t *testing.T) {
	const requests = 20
	for _, modern := range []bool{true, false} {
		var connections, served atomic.Int32
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served.Add(1)
			for end := time.Now().Add(5 * time.Second); !modern && served.Load() < requests && time.Now().Before(end); {
				time.Sleep(time.Millisecond) // none is answered before all are here
			}
			http.NotFound(w, r)
		}))
		s.EnableHTTP2 = modern
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		s.StartTLS()
		t.Cleanup(s.Close)
		c, _ := newTestClient(t, Options{DefaultIndex: s.URL + "/simple/", Concurrency: requests, Network: Network{Insecure: []string{"127.0.0.1"}}})
		var all sync.WaitGroup
		for i := range requests {
			all.Go(func() { c.Project(t.Context(), pypi.Name(fmt.Sprint("p", i))) })
		}
		all.Wait()
		if n := connections.Load(); modern && n != 1 || !modern && n < requests {
			t.Errorf("HTTP/2 %t: %d connections for %d requests", modern, n, served.Load())
		}
	}
}
