package index

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"strings"
)

var (
	errLinkScheme   = errors.New("its address is neither http nor https")
	errLinkUser     = errors.New("its address holds credentials")
	errLinkMissing  = errors.New("it has no address")
	errLinkBroken   = errors.New("its address is malformed")
	errLinkInsecure = errors.New("its address is http on a page of https, which installers refuse")
)

// linkResolver makes the addresses on one page absolute.
type linkResolver struct {
	base   *url.URL // of the page, after redirects, or its base element
	secure bool     // the page came over https
}

func newLinkResolver(page *url.URL) linkResolver {
	return linkResolver{base: page, secure: page.Scheme == "https"}
}

// resolve returns an absolute http or https address without fragment, and the fragment. The result may share memory
// with raw.
func (l *linkResolver) resolve(raw []byte) (href, fragment []byte, err error) {
	if href, fragment, ok := plainLink(raw); ok {
		return href, fragment, nil
	}
	if len(raw) == 0 {
		return nil, nil, errLinkMissing
	}
	for _, c := range raw {
		if c < ' ' || c == 0x7f || c == '\\' {
			return nil, nil, errLinkBroken
		}
	}
	u, err := url.Parse(string(raw))
	if err != nil {
		return nil, nil, errLinkBroken
	}
	u = l.base.ResolveReference(u)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, nil, errLinkScheme
	case u.User != nil:
		return nil, nil, errLinkUser
	case u.Opaque != "" || u.Hostname() == "":
		return nil, nil, errLinkBroken
	case l.secure && u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, nil, errLinkInsecure
	}
	fragment = []byte(u.Fragment)
	u.Fragment, u.RawFragment = "", ""
	// An escaped host can come out as something else than what was judged.
	text := u.String()
	if again, err := url.Parse(text); err != nil || again.Host != u.Host || again.Scheme != u.Scheme {
		return nil, nil, errLinkBroken
	}
	return []byte(text), fragment, nil
}

// plainLink takes an https address apart that is absolute and of harmless characters, as nearly all are, in a
// twentieth of the time of net/url.
func plainLink(raw []byte) (href, fragment []byte, ok bool) {
	const scheme = "https://"
	if !bytes.HasPrefix(raw, []byte(scheme)) {
		return nil, nil, false
	}
	if i := bytes.IndexByte(raw, '#'); i >= 0 {
		raw, fragment = raw[:i], raw[i+1:]
		for _, c := range fragment {
			if !linkByte[c] && c != '&' {
				return nil, nil, false
			}
		}
	}
	slash := bytes.IndexByte(raw[len(scheme):], '/')
	if slash <= 0 {
		return nil, nil, false
	}
	host, port, hasPort := bytes.Cut(raw[len(scheme):len(scheme)+slash], []byte(":"))
	if len(host) == 0 || hasPort && !validPort(port) {
		return nil, nil, false
	}
	for _, c := range host {
		if !linkByte[c] || c == '_' || c == '~' || c == '=' || c == '+' {
			return nil, nil, false
		}
	}
	for _, c := range raw[len(scheme)+slash:] {
		if !linkByte[c] {
			return nil, nil, false
		}
	}
	return raw, fragment, !bytes.Contains(raw, []byte("/."))
}

// validPort reports whether text is a number of a port, in as many digits as it needs.
func validPort(text []byte) bool {
	if len(text) == 0 || len(text) > 5 || text[0] == '0' {
		return false
	}
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return n <= 65535
}

// linkByte holds the bytes that need no second look in a path.
var linkByte = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/+=") {
		t[c] = true
	}
	return t
}()

// loopback reports whether host is this machine, which installers take for secure.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// origin is what credentials are tied to.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// redact returns u for messages: without credentials, and with its query, which may be a signature, left out.
func redact(u *url.URL) string {
	v := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	s := v.String()
	if u.RawQuery != "" {
		s += "?…"
	}
	return s
}

// redactText is redact for text that may not be a URL.
func redactText(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the configured address"
	}
	return redact(u)
}
