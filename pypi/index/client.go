package index

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

// DefaultIndex is the Simple API of the Python Package Index.
const DefaultIndex = "https://pypi.org/simple/"

// Order says which protocol of an index is asked for a project.
//
// Measured on a mirror of PyPI that compresses nothing, two cores, a walk of 78 packages with their metadata: the Simple
// API 0.5 to 0.7 s and 41 MB, the JSON API 1.0 to 1.1 s and 75 MB. Walking on by the JSON API's claims instead of
// metadata gained nothing, since 10 of the 51 were wrong and led to more pages. PyPI itself compresses: 8 MB against
// 12 MB for such a set.
type Order uint8

const (
	// Auto asks the Simple API. Where that answers in HTML, without sizes and upload times, the JSON API is asked from
	// then on, if the index has one; where Options.JSONAPI names one, it is asked first.
	Auto        Order = iota
	JSONFirst         // the JSON API where the index has one, else the Simple API
	SimpleFirst       // the Simple API alone
)

// Options configures a client. The zero value asks DefaultIndex.
type Options struct {
	DefaultIndex string   // URL of a Simple API, may hold credentials; "" is [DefaultIndex]
	ExtraIndexes []string // asked before DefaultIndex, in this order
	NoIndex      bool     // neither those nor DefaultIndex are asked
	// Links are pages and folders of files, which count beside what an index has, whatever Strategy says.
	Links    []Links
	Strategy Strategy
	// Only are the packages that come from one index, by its URL, and from nowhere else.
	Only map[pypi.Name]string
	// Places are the indexes that [Client.At] asks for a package, by their URLs: it comes from another one in some
	// environments than in the rest.
	Places map[pypi.Name][]string
	// Instead are the packages that come from one index, by its URL, in the place of ExtraIndexes and DefaultIndex: Links
	// count for them.
	Instead map[pypi.Name]string
	// Flat are those of ExtraIndexes, Only and Places, by their address, that are pages or folders of files in the place of an
	// index.
	Flat map[string]Links

	JSONAPI string // of the default index: "" derives it from …/simple/, "false" is never, else its URL …/pypi/
	Order   Order

	// Rules are those of indexes, by their address as it is given here.
	Rules map[string]Rules
	// Credentials are more addresses that hold some, which count for what is below them, and are not asked.
	Credentials []string

	Finder  Finder // of credentials that no address holds
	Network Network

	UserAgent   string        // "pylock/VERSION (+contact URL)"
	Timeout     time.Duration // of one request with all its tries; 0 is two minutes
	Tries       int           // of one request; 0 is 8
	Concurrency int           // requests at once; 0 is 50

	Cache   *cache.Store // nil for none
	Refresh Refresh      // what is asked for again
	Offline bool         // nothing is asked: answers come from the cache, however old

	Builder Builder // tells what only a build would; nil where nothing is built

	Observer  Observer                                         // may be nil; called from several goroutines
	Transport http.RoundTripper                                // in place of the network, for tests
	Dial      Dial                                             // in place of TCP, for tests; nil is TCP
	Now       func() time.Time                                 // nil is time.Now
	Sleep     func(ctx context.Context, d time.Duration) error // between tries; nil waits
	Jitter    func() float64                                   // in [0, 1); nil is random
	Getenv    func(string) string                              // SSL_CERT_FILE, SSL_CERT_DIR; nil is os.Getenv
}

// Dial opens a connection, as net.Dialer does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Observer is told of each request and its answer, to show progress and count. URLs are redacted.
type Observer interface {
	Request(method, url string)
	Response(url string, status int, bytes int64) // bytes as transferred; status 0 without an answer
}

// Stats counts what a client has done so far.
type Stats struct {
	Requests int64 // tries included
	Retries  int64
	Bytes    int64 // of bodies, as transferred

	Cached      int64 // answers from the cache, without a request
	Revalidated int64 // answers from the cache that the index confirmed
}

// Client asks indexes. It is safe for concurrent use; each project and each metadata is asked for once.
type Client struct {
	opts         Options
	rest         *resty.Client
	repositories []*repository // in the order asked
	links        []*repository // likewise
	only         map[pypi.Name]*repository
	instead      map[pypi.Name]*repository
	places       map[string]*Place // by address
	all          []*repository
	own          map[string]bool // origins of all
	keys         *keychain
	network      *network // nil where Options.Transport takes its place
	slots        chan struct{}

	projects flight[*Project]
	versions flight[*Project]
	pinned   flight[*Project] // by name and versions
	metadata flight[*Metadata]
	recorded flight[*recorded] // pages of the cache, by index, kind and name
	listings flight[*listing]  // by address

	sharing sync.Mutex
	shared  []Shared

	until                    atomic.Int64 // seconds, 0 for ever; see [Client.Until]
	requests, retries, bytes atomic.Int64
	cached, revalidated      atomic.Int64
	writing                  sync.Mutex
	writes                   sync.WaitGroup // to the cache
	desks                    chan *desk     // where pages are scanned, as many as there are processors
	packed                   buffers
	tables                   sync.Pool // of *desk, for pages that come as they are scanned
	inflaters                sync.Pool // of *gzip.Reader, each with 70 KB of tables
}

// NewClient checks the addresses of o; it sends nothing.
func NewClient(o Options) (*Client, error) {
	o.setDefaults()
	c := &Client{opts: o, slots: make(chan struct{}, o.Concurrency), desks: make(chan *desk, runtime.GOMAXPROCS(0))}
	for range cap(c.desks) {
		c.desks <- new(desk)
	}
	if err := c.configure(); err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		c.network = c.newNetwork()
		transport = c.network
	}
	c.rest = resty.NewWithClient(&http.Client{Transport: transport})
	c.rest.SetRedirectPolicy(resty.RedirectPolicyFunc(c.checkRedirect))
	c.rest.SetHeader("User-Agent", o.UserAgent)
	c.rest.SetLogger(silent{})
	return c, nil
}

// configure makes the places that the options name. One address is one repository, whatever it is named for.
func (c *Client) configure() error {
	o := &c.opts
	c.keys = &keychain{find: o.Finder}
	known := map[string]*repository{}
	links := func(l Links) (*repository, error) {
		key := l.Shown + "\n" + l.Address
		if r := known[key]; r != nil {
			return r, nil
		}
		r, err := newLinks(l, c.keys, o.Rules[l.Address])
		if err == nil {
			known[key] = r
		}
		return r, err
	}
	index := func(raw, api string) (*repository, error) {
		if r := known[raw]; r != nil {
			return r, nil
		}
		if l, ok := o.Flat[raw]; ok {
			return links(l)
		}
		r, err := newRepository(raw, api, c.keys, o.Rules[raw])
		if err == nil {
			known[raw] = r
		}
		return r, err
	}
	api := ""
	if o.JSONAPI == "false" {
		api = o.JSONAPI
	}
	if !o.NoIndex {
		for _, raw := range o.ExtraIndexes {
			r, err := index(raw, api)
			if err != nil {
				return err
			}
			c.repositories = append(c.repositories, r)
		}
		r, err := index(o.DefaultIndex, o.JSONAPI)
		if err != nil {
			return err
		}
		if !slices.Contains(c.repositories, r) {
			c.repositories = append(c.repositories, r)
		}
	}
	for _, l := range o.Links {
		r, err := links(l)
		if err != nil {
			return err
		}
		c.links = append(c.links, r)
	}
	named := func(name pypi.Name, raw string) (*repository, error) {
		r, err := index(raw, api)
		if err != nil {
			return nil, err
		}
		if r.named == nil {
			r.named = map[pypi.Name]bool{}
		}
		r.named[name] = true
		return r, nil
	}
	all := func(of map[pypi.Name]string) (map[pypi.Name]*repository, error) {
		out := map[pypi.Name]*repository{}
		for name, raw := range of {
			r, err := named(name, raw)
			if err != nil {
				return nil, err
			}
			out[name] = r
		}
		return out, nil
	}
	var err error
	if c.only, err = all(o.Only); err != nil {
		return err
	}
	if c.instead, err = all(o.Instead); err != nil {
		return err
	}
	c.places = map[string]*Place{}
	for name, list := range o.Places {
		for _, raw := range list {
			r, err := named(name, raw)
			if err != nil {
				return err
			}
			c.places[raw] = &Place{c, r}
		}
	}
	for _, raw := range o.Credentials {
		if u, user, err := indexURL(raw); err == nil && user != nil {
			c.keys.add(nil, u, user, Rules{})
		}
	}
	if o.Strategy == FirstIndex {
		for i, r := range c.repositories {
			for _, next := range c.repositories[i+1:] {
				r.later = append(r.later, next.display)
			}
		}
	}
	c.own = map[string]bool{}
	for _, r := range known {
		c.all = append(c.all, r)
		c.own[origin(r.simple)] = true
		if r.json != nil {
			c.own[origin(r.json)] = true
		}
	}
	return nil
}

func (o *Options) setDefaults() {
	if o.DefaultIndex == "" {
		o.DefaultIndex = DefaultIndex
	}
	if o.UserAgent == "" {
		o.UserAgent = "pylock (+https://github.com/pylock-dev/pylock)"
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Tries <= 0 {
		o.Tries = defaultTries
	}
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// silent drops what resty would log: errors are returned.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

// Builder returns that of the options, nil for none.
func (c *Client) Builder() Builder { return c.opts.Builder }

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	return Stats{
		Requests: c.requests.Load(), Retries: c.retries.Load(), Bytes: c.bytes.Load(),
		Cached: c.cached.Load(), Revalidated: c.revalidated.Load(),
	}
}
