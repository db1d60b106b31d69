package index

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

var errProxy = errors.New("the proxy address in the environment is not a URL; correct HTTPS_PROXY or HTTP_PROXY")

// lateTransport makes the network when it is first used: to read a file of 150 certificates takes 7 ms, a third of a run
// that needs no network.
type lateTransport struct {
	make func() (*http.Transport, error)
}

// late returns the network of newTransport.
func late(concurrency int, getenv func(string) string, dial Dial) *lateTransport {
	return &lateTransport{sync.OnceValues(func() (*http.Transport, error) { return newTransport(concurrency, getenv, dial) })}
}

func (l *lateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t, _ := l.make()
	return t.RoundTrip(r)
}

// problem is what is wrong with SSL_CERT_FILE or SSL_CERT_DIR, once a certificate was refused.
func (l *lateTransport) problem() error {
	_, err := l.make()
	return err
}

// newTransport returns the network: proxies of the environment, HTTP/2, connections kept for all requests at once.
// The error, if any, is about certificates and matters only where one is refused.
func newTransport(concurrency int, getenv func(string) string, dial Dial) (*http.Transport, error) {
	roots, err := rootCertificates(getenv)
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(r)
			if err != nil {
				return nil, errProxy // the text of err holds the address, perhaps with a password
			}
			return u, nil
		},
		DialContext:           dial,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout:       90e9,
		MaxIdleConns:          2 * concurrency,
		MaxIdleConnsPerHost:   concurrency,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // asked for and capped by attempt
		ReadBufferSize:        32 << 10,
	}, err
}

// rootCertificates returns the pool that SSL_CERT_FILE and SSL_CERT_DIR describe, nil for the system's own. Go itself
// looks at them on Unix only, and there they replace the system's; on macOS and Windows they are added to it.
func rootCertificates(getenv func(string) string) (*x509.CertPool, error) {
	file, dirs := getenv("SSL_CERT_FILE"), getenv("SSL_CERT_DIR")
	if file == "" && dirs == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || file == "" {
		if system, err := x509.SystemCertPool(); err == nil {
			pool = system
		}
	}
	var problem error
	found := 0
	if file != "" {
		pem, err := os.ReadFile(file)
		switch {
		case err != nil:
			problem = fmt.Errorf("SSL_CERT_FILE: %w", err)
		case pool.AppendCertsFromPEM(pem):
			found++
		default:
			problem = fmt.Errorf("SSL_CERT_FILE: %s holds no certificate in PEM", file)
		}
	}
	for _, dir := range filepath.SplitList(dirs) {
		entries, err := os.ReadDir(dir)
		if err != nil && problem == nil {
			problem = fmt.Errorf("SSL_CERT_DIR: %w", err)
		}
		for _, e := range entries {
			if pem, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil && pool.AppendCertsFromPEM(pem) {
				found++
			}
		}
	}
	if found == 0 {
		return nil, problem
	}
	return pool, problem
}

// redirectError refuses to follow.
type redirectError struct{ msg string }

func (e *redirectError) Error() string { return e.msg }

// checkRedirect follows at most maxRedirects, never from https to http, and drops credentials where scheme, host or
// port change: net/http keeps them for another port, another scheme and subdomains.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &redirectError{fmt.Sprintf("more than %d redirects; check the index address", maxRedirects)}
	}
	first, last := via[0].URL, via[len(via)-1].URL
	switch {
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return &redirectError{fmt.Sprintf("redirects to %q, neither http nor https", r.URL.Scheme)}
	case last.Scheme == "https" && r.URL.Scheme == "http":
		return &redirectError{"redirects from https to http at " + redact(r.URL)}
	case r.URL.User != nil:
		return &redirectError{"redirects to an address with credentials at " + redact(r.URL)}
	}
	r.Header.Del("Referer")
	r.Header.Del("Cookie")
	if origin(r.URL) != origin(first) {
		r.Header.Del("Authorization")
	}
	return nil
}
