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
	host   []byte   // the beginning of the last plain address, with the slash after its host
}

func newLinkResolver(page *url.URL) linkResolver {
	return linkResolver{base: page, secure: page.Scheme == "https"}
}

// resolve returns an absolute http or https address without fragment, and the fragment. The result may share memory
// with raw.
func (l *linkResolver) resolve(raw []byte) (href, fragment []byte, err error) {
	if href, fragment, ok := l.plain(raw); ok {
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

// plain takes an https address apart that is absolute and of harmless characters, as nearly all are, in a fortieth of
// the time of net/url.
func (l *linkResolver) plain(raw []byte) (href, fragment []byte, ok bool) {
	if len(l.host) == 0 || !bytes.HasPrefix(raw, l.host) {
		n := plainHost(raw)
		if n == 0 {
			return nil, nil, false
		}
		l.host = append(l.host[:0], raw[:n]...)
	}
	for i := len(l.host); i < len(raw); i++ {
		switch linkBytes[raw[i]] {
		case plainByte:
		case dotByte:
			if raw[i-1] == '/' {
				return nil, nil, false // dots may be steps of the path
			}
		case hashByte:
			for _, c := range raw[i+1:] {
				if k := linkBytes[c]; k != plainByte && k != dotByte && c != '&' {
					return nil, nil, false
				}
			}
			return raw[:i], raw[i+1:], true
		default:
			return nil, nil, false
		}
	}
	return raw, nil, true
}

// plainHost is the length of https://HOST[:PORT]/ at the beginning of an address, 0 where that needs a second look.
func plainHost(raw []byte) int {
	const scheme = "https://"
	if !bytes.HasPrefix(raw, []byte(scheme)) {
		return 0
	}
	slash := bytes.IndexByte(raw[len(scheme):], '/')
	if slash <= 0 {
		return 0
	}
	host, port, hasPort := bytes.Cut(raw[len(scheme):len(scheme)+slash], []byte(":"))
	if len(host) == 0 || hasPort && !validPort(port) {
		return 0
	}
	for _, c := range host {
		if k := linkBytes[c]; k != plainByte && k != dotByte || c == '_' || c == '~' || c == '=' || c == '+' {
			return 0
		}
	}
	return len(scheme) + slash + 1
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

// What a byte of an address may be.
const (
	_         = iota // anything
	plainByte        // a part of a path
	dotByte
	hashByte
)

var linkBytes = func() (t [256]uint8) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~/+=") {
		t[c] = plainByte
	}
	t['.'], t['#'] = dotByte, hashByte
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
