package index

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// Finder finds credentials that are in no address. Both functions may be nil, are called from several goroutines, and
// return ok false where they know none.
type Finder struct {
	// Netrc asks a netrc file for a host name. own says that the host is that of an index; for others, where an index
	// keeps its files, only an entry of that very host counts.
	Netrc func(host string, own bool) (user, password string, ok bool)
	// Keyring asks for the password of a user at an address of an index, which has no credentials. It may take long.
	Keyring func(address, user string) (password string, ok bool)
}

// basic is the Authorization of RFC 7617.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// adopt takes the credentials of an address of the index itself, which count for its origin: those of the address, else
// of netrc, else, once they are needed, of the keyring. An address with a user alone may be one with a token.
func (r *repository) adopt(bare *url.URL, given *url.Userinfo, find *Finder) {
	if find == nil {
		find = new(Finder)
	}
	r.find = find
	at := origin(bare)
	if given != nil {
		password, has := given.Password()
		if r.auth[at] = basic(given.Username(), password); has && password != "" {
			return
		}
	}
	user := given.Username()
	if find.Netrc != nil {
		if name, password, ok := find.Netrc(bare.Hostname(), true); ok && (user == "" || user == name) {
			r.auth[at] = basic(name, password)
			return
		}
	}
	if user != "" && find.Keyring != nil {
		if r.keyring == nil {
			r.keyring = map[string]*keyringEntry{}
		}
		r.keyring[at] = &keyringEntry{address: bare.String(), user: user}
	}
}

// authFor returns the Authorization for an address that this index named: its own credentials at the origin that they
// were given for, at another those that netrc has for that very host, else "".
func (r *repository) authFor(raw string) string {
	if len(r.auth) == 0 && (r.find == nil || r.find.Netrc == nil) {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	at := origin(u)
	if k := r.keyring[at]; k != nil {
		k.once.Do(func() {
			if password, ok := r.find.Keyring(k.address, k.user); ok {
				k.auth = basic(k.user, password)
			}
		})
		if k.auth != "" {
			return k.auth
		}
	}
	if auth := r.auth[at]; auth != "" {
		return auth
	}
	// An entry is for a host, and says nothing of the scheme: a password that may be for https is not sent in the clear
	// because a page says so.
	// Nor does it say anything of the port: another one of the index's host may be somebody else's.
	if r.find == nil || r.find.Netrc == nil || strings.EqualFold(u.Hostname(), r.simple.Hostname()) || u.Scheme == "http" && !loopback(u.Hostname()) {
		return ""
	}
	if user, password, ok := r.find.Netrc(strings.ToLower(u.Hostname()), false); ok {
		return basic(user, password)
	}
	return ""
}
