package index

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
)

// Finder finds credentials that are in no address. Both functions may be nil, are called from several goroutines, and
// return ok false where they know none.
type Finder struct {
	// Netrc asks a netrc file for a host name. own says that the host is that of an index; for others, where an index
	// keeps its files, only an entry of that very host counts.
	Netrc func(host string, own bool) (user, password string, ok bool)
	// Keyring asks for the password of a user at an address of an index, which has no credentials; with user "" for a
	// user and the password. It may take long.
	Keyring func(address, user string) (name, password string, ok bool)
}

// Authenticate says when credentials are sent to an index. The names are uv's.
type Authenticate uint8

const (
	AuthAuto   Authenticate = iota // where there are some
	AuthAlways                     // it is not asked without; the keyring is asked without a user too
	AuthNever                      // none are looked for, none are sent
)

// Authentications are the names of the values, in their order.
var Authentications = []string{"auto", "always", "never"}

func (a Authenticate) String() string { return Authentications[a] }

// ParseAuthenticate reads the name of a value.
func ParseAuthenticate(s string) (Authenticate, error) {
	if i := slices.Index(Authentications, s); i >= 0 {
		return Authenticate(i), nil
	}
	return 0, fmt.Errorf("unknown value %q: use one of %s", s, strings.Join(Authentications, ", "))
}

// Rules are those of one index.
type Rules struct {
	Authenticate Authenticate
	// IgnoreErrorCodes are statuses of HTTP that mean that the index does not have what it is asked for: the next one is
	// asked for a name, and a release whose file is refused so is not used.
	IgnoreErrorCodes []int
}

var (
	errNoCredentials = errors.New(`authenticate = "always", and there are no credentials; put them into PYLOCK_INDEX_<NAME>_USERNAME and _PASSWORD, into the index URL, into netrc, or use --keyring-provider subprocess`)
	errNever         = errors.New(`authenticate = "never" keeps credentials from being sent; take it out, or correct the index URL`)
)

// basic is the Authorization of RFC 7617.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// keychain has the credentials of addresses by what they are for: an origin and what is below a path of it, at the
// bounds of segments. Of several places that hold an address the one with the longest path counts.
type keychain struct {
	find   Finder
	places []*credential // in the order of the options
}

// credential is what is known of one place.
type credential struct {
	home     *repository // the index whose address it is, nil for none
	origin   string
	paths    []string // each ends in a slash, the longest first
	address  string   // without credentials, for the keyring
	host     string
	user     string
	password string
	given    bool // the address has a user
	never    bool // nothing is to be sent there

	once sync.Once
	auth string // Authorization, once it is looked for
}

// add notes the credentials of an address; rules are those of its index.
func (k *keychain) add(home *repository, bare *url.URL, given *url.Userinfo, rules Rules) *credential {
	c := &credential{home: home, origin: origin(bare), paths: placesOf(bare, home != nil && home.flat), address: bare.String(), host: bare.Hostname()}
	c.never = rules.Authenticate == AuthNever
	if given != nil && !c.never {
		c.user, c.given = given.Username(), true
		c.password, _ = given.Password()
	}
	if c.given || c.never || rules.Authenticate == AuthAlways {
		k.places = append(k.places, c)
	}
	return c
}

// placesOf are the paths that the credentials of an address are for: its own, and that of which the Simple API is a
// part, since an index has its files and its JSON API beside it. A page of files is in the folder of its name.
func placesOf(u *url.URL, flat bool) []string {
	own := cleanPath(u)
	if flat && !strings.HasSuffix(u.Path, "/") {
		return []string{strings.TrimSuffix(path.Dir(strings.TrimSuffix(own, "/")), "/") + "/"}
	}
	for _, name := range [...]string{"/simple/", "/+simple/"} {
		if root, ok := strings.CutSuffix(own, name); ok {
			return []string{own, root + "/"}
		}
	}
	return []string{own}
}

// cleanPath is a path as a server takes it: without dots, ending in a slash.
func cleanPath(u *url.URL) string {
	return strings.TrimSuffix(path.Clean("/"+u.Path), "/") + "/"
}

// below returns the length of the longest of the paths that hold an address, 0 for none.
func (c *credential) below(at, clean string) int {
	if c.origin != at {
		return 0
	}
	for _, p := range c.paths {
		if strings.HasPrefix(clean, p) {
			return len(p)
		}
	}
	return 0
}

// longest returns the place that an address is in and the length of its path; nil for none. Of two with the same path
// the one to which nothing is sent counts, then that of the index itself, then one that has a password.
func (k *keychain) longest(u *url.URL, home *repository) (best *credential, length int) {
	at, clean := origin(u), cleanPath(u)
	weight := func(c *credential) int {
		switch {
		case c.never:
			return 3
		case c.home == home && home != nil:
			return 2
		case c.password != "":
			return 1
		}
		return 0
	}
	for _, c := range k.places {
		n := c.below(at, clean)
		if n > length || n > 0 && n == length && weight(c) > weight(best) {
			best, length = c, n
		}
	}
	return best, length
}

// authorization returns the Authorization for a place: its own password, else for its user that of a place that holds
// it, of netrc or of the keyring, else its user alone, which may be a token.
func (k *keychain) authorization(c *credential) string {
	if c.never {
		return ""
	}
	c.once.Do(func() {
		if c.password != "" {
			c.auth = basic(c.user, c.password)
			return
		}
		if c.auth = k.around(c); c.auth != "" {
			return
		}
		if c.auth = k.netrc(c.host, true, c.user); c.auth != "" {
			return
		}
		if k.find.Keyring != nil && (c.given || c.always()) {
			if user, password, ok := k.find.Keyring(c.address, c.user); ok {
				c.auth = basic(cmp.Or(c.user, user), password)
				return
			}
		}
		if c.given {
			c.auth = basic(c.user, "")
		}
	})
	return c.auth
}

func (c *credential) always() bool {
	return c.home != nil && c.home.rules.Authenticate == AuthAlways
}

// around returns the credentials of the nearest place around c that has a password, for the same user where c has one.
func (k *keychain) around(c *credential) string {
	auth, length := "", 0
	for _, other := range k.places {
		n := other.below(c.origin, c.paths[0])
		if n > length && other.password != "" && (c.user == "" || c.user == other.user) {
			auth, length = basic(other.user, other.password), n
		}
	}
	return auth
}

// netrc returns what netrc has for a host, and for a user unless that is "".
func (k *keychain) netrc(host string, own bool, user string) string {
	if k.find.Netrc == nil {
		return ""
	}
	if name, password, ok := k.find.Netrc(strings.ToLower(host), own); ok && (user == "" || user == name) {
		return basic(name, password)
	}
	return ""
}

// ofHost returns what netrc has for the host of an address that is not an index's. An entry is for a host, and says
// nothing of the scheme: a password that may be for https is not sent in the clear because a page says so.
func (k *keychain) ofHost(u *url.URL) string {
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return ""
	}
	return k.netrc(u.Hostname(), false, "")
}

// authFor returns the Authorization for an address that this index named, "" for none: that of the place that the
// address is in; beside all places but at the origin of the index its own; elsewhere what netrc has for that very host.
func (r *repository) authFor(raw string) string {
	if r.keys == nil {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if c, _ := r.keys.longest(u, r); c != nil {
		return r.keys.authorization(c)
	}
	at := origin(u)
	for _, c := range r.own {
		if c.origin == at {
			return r.keys.authorization(c)
		}
	}
	// Another port of the index's host may be somebody else's.
	if strings.EqualFold(u.Hostname(), r.simple.Hostname()) {
		return ""
	}
	return r.keys.ofHost(u)
}

// refuses says why an address must not be asked without credentials; nil where it may.
func (r *repository) refuses(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || r.rules.Authenticate != AuthAlways {
		return nil
	}
	at, clean := origin(u), cleanPath(u)
	if slices.ContainsFunc(r.own, func(c *credential) bool { return c.below(at, clean) > 0 }) {
		return errNoCredentials
	}
	return nil
}

// identity names the credentials that answers to this index may depend on, "" for none; secret says that it holds one.
// It does not ask the keyring.
func (r *repository) identity() (s string, secret bool) {
	told := map[string]bool{}
	add := func(line string) {
		if !told[line] {
			told[line] = true
			s += line + "\n"
		}
	}
	if r.rules.Authenticate == AuthNever {
		add("never")
	}
	for _, own := range r.own {
		places := append([]*credential{own}, r.keys.places...)
		for _, c := range places {
			if c.origin != own.origin || c.never {
				continue
			}
			at := c.origin + c.paths[0] + " "
			auth := ""
			if c.password != "" {
				auth = basic(c.user, c.password)
			} else if auth = r.keys.around(c); auth == "" {
				auth = r.keys.netrc(c.host, true, c.user)
			}
			switch {
			case auth != "":
				add("auth " + at + auth)
				secret = true
			case c.given && r.keys.find.Keyring == nil:
				add("auth " + at + basic(c.user, ""))
				secret = true
			case c.given, c.always():
				add("keyring " + at + c.user)
				secret = secret || c.given // which may be a token
			}
		}
	}
	return s, secret
}

// archiveAuth returns the Authorization for an archive that a project names: that of its address, of the place that it
// is in, of the places of its origin where all have the same, or of netrc.
func (c *Client) archiveAuth(u *url.URL, given *url.Userinfo) string {
	if given != nil {
		password, _ := given.Password()
		return basic(given.Username(), password)
	}
	k := c.keys
	if place, _ := k.longest(u, nil); place != nil {
		return k.authorization(place)
	}
	at := origin(u)
	auth, several := k.sole(at)
	switch {
	case several:
		return ""
	case auth != "":
		return auth
	case c.own[at]:
		return k.netrc(u.Hostname(), true, "")
	}
	return k.ofHost(u)
}

// sole returns the Authorization that all places of an origin have, "" for none; several says that they differ.
func (k *keychain) sole(at string) (auth string, several bool) {
	for _, place := range k.places {
		if place.origin == at && !place.never {
			own := k.authorization(place)
			if own != "" && auth != "" && own != auth {
				return "", true
			}
			auth = cmp.Or(auth, own)
		}
	}
	return auth, false
}

// demanded returns the Authorization to try where an address was refused without one: that of all other places of its
// origin, which uv and pip would use too.
func (r *repository) demanded(u *url.URL) string {
	if r.keys == nil || r.rules.Authenticate == AuthNever {
		return ""
	}
	if c, _ := r.keys.longest(u, r); c != nil && c.never || origin(u) != origin(r.simple) {
		return ""
	}
	auth, _ := r.keys.sole(origin(u))
	return auth
}
