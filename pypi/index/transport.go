package index

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/http/httpproxy"
)

var errProxy = errors.New("the proxy address is not a URL with http, https or socks5; correct HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, PIP_PROXY or the proxy of pip.conf")

// Network says how indexes are reached.
type Network struct {
	// Roots is a file or folder of certificates in PEM to trust in place of the system's, "" for SSL_CERT_FILE and
	// SSL_CERT_DIR.
	Roots string
	// ClientCert is a file with a certificate and its key in PEM, shown to the servers of the indexes and to no other; ""
	// for none.
	ClientCert string
	// Insecure are hosts, HOST or HOST:PORT, whose certificates are not checked.
	Insecure []string
	// Proxy is the address of a proxy in place of those of the environment, ProxyIfNone where that has none. Both may
	// hold credentials.
	Proxy, ProxyIfNone string
}

// settingError is a wrong setting of this machine: no other try will mend it.
type settingError struct{ error }

func (e settingError) Unwrap() error { return e.error }

// network makes its parts when they are first used: to read a file of 150 certificates takes 7 ms, a third of a run
// that needs no network.
type network struct {
	opts *Network
	own  map[string]bool // origins of the indexes
	// plain is the network of all that is not special; its error is about the certificates to trust, and matters only
	// where one is refused.
	plain func() (*http.Transport, error)
	// special is by whether certificates are not checked, and one is shown.
	special [2][2]func() (*http.Transport, error)

	first sync.Map // by scheme, host and port: the *vanguard of https
}

// A vanguard is the first request to a server. The others wait until it has a connection, since over HTTP/2 that is
// theirs too: net/http would open one for each request that finds none yet, and throw all but one away.
type vanguard struct {
	once    sync.Once
	arrived chan struct{} // closed when there is a connection, or none was to be had
}

func (v *vanguard) arrive() { v.once.Do(func() { close(v.arrived) }) }

func (c *Client) newNetwork() *network {
	o := &c.opts
	n := &network{opts: &o.Network, own: c.own}
	n.plain = sync.OnceValues(func() (*http.Transport, error) { return newTransport(o.Concurrency, o.Getenv, o.Dial, o.Network) })
	for i := range n.special {
		for j := range n.special[i] {
			n.special[i][j] = sync.OnceValues(func() (*http.Transport, error) {
				plain, _ := n.plain()
				if i+j == 0 {
					return plain, nil
				}
				t := plain.Clone()
				t.TLSClientConfig.InsecureSkipVerify = i == 1
				if j == 1 {
					pair, err := tls.LoadX509KeyPair(o.Network.ClientCert, o.Network.ClientCert)
					if err != nil {
						return nil, settingError{fmt.Errorf("client certificate %s: %w", o.Network.ClientCert, err)}
					}
					t.TLSClientConfig.Certificates = []tls.Certificate{pair}
				}
				return t, nil
			})
		}
	}
	return n
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	i, j := 0, 0
	if r.URL.Scheme == "https" {
		if n.insecure(r.URL) {
			i = 1
		}
		if n.opts.ClientCert != "" && n.own[origin(r.URL)] {
			j = 1
		}
	}
	t, err := n.special[i][j]()
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme != "https" {
		return t.RoundTrip(r)
	}
	v := &vanguard{arrived: make(chan struct{})}
	if ahead, later := n.first.LoadOrStore(origin(r.URL), v); later {
		select {
		case <-ahead.(*vanguard).arrived:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		return t.RoundTrip(r)
	}
	defer v.arrive()
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { v.arrive() }}
	return t.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
}

// insecure reports whether the certificate of a host is not checked.
func (n *network) insecure(u *url.URL) bool {
	for _, host := range n.opts.Insecure {
		h, port, err := net.SplitHostPort(host)
		if err != nil {
			h, port = strings.Trim(host, "[]"), ""
		}
		if strings.EqualFold(h, u.Hostname()) && (port == "" || strings.HasSuffix(origin(u), ":"+port)) {
			return true
		}
	}
	return false
}

// problem is what is wrong with the certificates to trust, once one was refused.
func (n *network) problem() error {
	_, err := n.plain()
	return err
}

// newTransport returns the network: proxies, HTTP/2, connections kept for all requests at once. The error, if any, is
// about certificates and matters only where one is refused.
func newTransport(concurrency int, getenv func(string) string, dial Dial, n Network) (*http.Transport, error) {
	roots, err := rootCertificates(getenv, n.Roots)
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	proxy := proxies(getenv, n)
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			u, err := proxy(r.URL)
			if err != nil || u != nil && u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h" {
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

// proxies says which proxy an address is reached by. A program that a web server started may be handed HTTP_PROXY by a
// stranger: there it does not count.
func proxies(getenv func(string) string, n Network) func(*url.URL) (*url.URL, error) {
	get := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	c := &httpproxy.Config{NoProxy: get("NO_PROXY", "no_proxy"), CGI: getenv("REQUEST_METHOD") != ""}
	c.HTTPProxy = get("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
	c.HTTPSProxy = get("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
	if c.HTTPProxy == "" && c.HTTPSProxy == "" {
		c.HTTPProxy, c.HTTPSProxy = n.ProxyIfNone, n.ProxyIfNone
	}
	if n.Proxy != "" {
		c.HTTPProxy, c.HTTPSProxy = n.Proxy, n.Proxy
	}
	return c.ProxyFunc()
}

// rootCertificates returns the pool of a file or folder, else that which SSL_CERT_FILE and SSL_CERT_DIR describe, nil for
// the system's own. Go itself looks at them on Unix only, and there they replace the system's; on macOS and Windows they
// are added to it.
func rootCertificates(getenv func(string) string, given string) (*x509.CertPool, error) {
	fileName, dirName := "SSL_CERT_FILE", "SSL_CERT_DIR"
	file, dirs := getenv(fileName), getenv(dirName)
	if given != "" {
		file, dirs, fileName, dirName = given, "", "certificates", "certificates"
		if fi, err := os.Stat(given); err == nil && fi.IsDir() {
			file, dirs = "", given
		}
	}
	if file == "" && dirs == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if given == "" && (runtime.GOOS == "windows" || runtime.GOOS == "darwin" || file == "") {
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
			problem = fmt.Errorf("%s: %w", fileName, err)
		case pool.AppendCertsFromPEM(pem):
			found++
		default:
			problem = fmt.Errorf("%s: %s holds no certificate in PEM", fileName, file)
		}
	}
	for _, dir := range filepath.SplitList(dirs) {
		entries, err := os.ReadDir(dir)
		if err != nil && problem == nil {
			problem = fmt.Errorf("%s: %w", dirName, err)
		}
		for _, e := range entries {
			if pem, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil && pool.AppendCertsFromPEM(pem) {
				found++
			}
		}
	}
	if found == 0 && given == "" {
		return nil, problem
	}
	return pool, problem
}

// redirectError refuses to follow.
type redirectError struct{ msg string }

func (e *redirectError) Error() string { return e.msg }

// checkRedirect follows at most maxRedirects, never from https to http, and drops credentials where scheme, host or
// port change: net/http keeps them for another port, another scheme and subdomains. Within an origin another place gets
// its own.
func (c *Client) checkRedirect(r *http.Request, via []*http.Request) error {
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
	at := origin(first)
	if origin(r.URL) != at || slices.ContainsFunc(via, func(v *http.Request) bool { return origin(v.URL) != at }) {
		r.Header.Del("Authorization")
		return nil
	}
	// The header is that of the first request, however many there were since.
	from, n := c.keys.longest(first, nil)
	to, m := c.keys.longest(r.URL, nil)
	if to == nil || to == from || n == m && cleanPath(first)[:n] == cleanPath(r.URL)[:m] {
		return nil
	}
	if auth := c.keys.authorization(to); auth != "" {
		r.Header.Set("Authorization", auth)
	} else {
		r.Header.Del("Authorization")
	}
	return nil
}
