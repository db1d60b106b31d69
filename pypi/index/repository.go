package index

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

// repository is one index and what was learned about it.
type repository struct {
	display string             // as configured, without credentials
	later   []string           // the indexes that are not asked for what this one has
	named   map[pypi.Name]bool // what comes from here by [Options.Only]
	flat    bool               // a page or folder of files of any package, see [Links]
	dir     string             // of such a folder, else ""
	simple  *url.URL           // ends in a slash, unless flat
	json    *url.URL           // of the JSON API, ends in a slash; nil for none
	guessed bool               // json is derived, and may be anything
	rules   Rules
	keys    *keychain     // of the client; nil for a folder
	own     []*credential // of its addresses
	demands atomic.Bool   // it refused requests without credentials, and took those of its origin

	htmlOnly atomic.Bool // the Simple API answered in HTML, which has neither sizes nor upload times

	projects learned // project documents of the JSON API
	versions learned // version documents of the JSON API
	sidecars learned // metadata files that are not advertised
	ranges   learned // byte ranges

	labels labels // of the wheels on its pages

	bucketOnce sync.Once
	bucket     *cache.Bucket // nil without a cache
	recalled   string        // facts as they were in the cache
	packsMu    sync.Mutex
	packs      map[string]*storedPack // by kind and name

	probing sync.Mutex
	probed  chan struct{} // closed when the first version document was asked for; nil before
}

// learned counts what came of asking for something optional.
type learned struct{ yes, no atomic.Int32 }

func (l *learned) add(ok bool) {
	if ok {
		l.yes.Add(1)
	} else {
		l.no.Add(1)
	}
}

// worth reports whether to ask again: until there were enough refusals, or while one in eight is answered.
func (l *learned) worth(enough int32) bool {
	no := l.no.Load()
	return no < enough || l.yes.Load() > no/8
}

// mostly reports whether it was granted more often than refused.
func (l *learned) mostly() bool { return l.yes.Load() > l.no.Load() }

// Refusals after which an index is taken to lack something.
const (
	enoughProjects = 2 // names that the Simple API has and the JSON API does not
	enoughVersions = 1
	enoughSidecars = 4 // some mirrors have them for some files
	enoughRanges   = 2
)

// newRepository reads an index URL; the JSON API is derived from …/simple/ unless api says otherwise.
func newRepository(raw, api string, keys *keychain, rules Rules) (*repository, error) {
	simple, user, err := indexURL(raw)
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", redactText(raw), err)
	}
	r := &repository{display: redact(simple), simple: simple, keys: keys, rules: rules}
	r.own = append(r.own, keys.add(r, simple, user, rules))
	if !strings.HasSuffix(simple.Path, "/") {
		r.simple = simple.JoinPath("/")
	}
	switch api {
	case "false":
	case "":
		if dir, ok := strings.CutSuffix(r.simple.EscapedPath(), "/simple/"); ok && simple.RawQuery == "" {
			r.json = &url.URL{Scheme: simple.Scheme, Host: simple.Host, Path: "/"}
			r.json = r.json.JoinPath(dir, "pypi/")
			r.guessed = true
		}
	default:
		u, user, err := indexURL(api)
		if err != nil {
			return nil, fmt.Errorf("JSON API %s: %w", redactText(api), err)
		}
		r.json = u.JoinPath("/")
		if origin(u) != origin(simple) || user != nil {
			r.own = append(r.own, keys.add(r, u, user, rules))
		}
	}
	return r, nil
}

// indexURL splits the credentials off an address.
func indexURL(raw string) (*url.URL, *url.Userinfo, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, nil, errors.New("malformed URL; want https://host/simple/")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, nil, fmt.Errorf("scheme %q; want an http or https URL such as https://host/simple/", u.Scheme)
	case u.Opaque != "" || u.Hostname() == "":
		return nil, nil, errors.New("no host; want a URL such as https://host/simple/")
	}
	user := u.User
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u, user, nil
}
