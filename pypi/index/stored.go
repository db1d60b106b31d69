package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index/cache"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Refresh says which answers are asked for again, however fresh the cache takes them to be.
type Refresh struct {
	All   bool
	Names map[pypi.Name]bool
}

func (r Refresh) has(name pypi.Name) bool { return r.All || r.Names[name] }

// ErrOffline is in the chain of the error about what [Options.Offline] keeps from being asked.
var ErrOffline = errors.New("offline, and it is not in the cache")

const (
	maxLifetime    = 365 * 24 * time.Hour // of an answer, whatever the index says
	pinnedLifetime = 24 * time.Hour       // of what a page says about a version that it lists, for [Client.Versions]
	factsLifetime  = 24 * time.Hour       // of what was learned about an index
	unhashed       = 24 * time.Hour       // of metadata of a file that the index states no hash of
)

// stored is an answer in the cache, or one to be put there.
type stored struct {
	kind     storedKind
	fetched  time.Time
	lifetime time.Duration // from fetched on; 0 is to be asked again
	etag     string
	modified string
	page     string // packed
}

type storedKind uint64

const (
	storedJSON storedKind = iota
	storedHTML
	storedAbsent // the index does not have the project
	storedKinds
)

// pack returns the bytes of a record:
//
//	stored = kind seconds lifetime-in-seconds etag last-modified page
func (s *stored) pack() []byte { return append(s.head(), s.page...) }

func (s *stored) head() []byte {
	out := make([]byte, 0, len(s.etag)+len(s.modified)+24)
	out = binary.AppendUvarint(out, uint64(s.kind))
	out = binary.AppendUvarint(out, uint64(s.fetched.Unix()))
	out = binary.AppendUvarint(out, uint64(s.lifetime/time.Second))
	for _, text := range [...]string{s.etag, s.modified} {
		out = append(binary.AppendUvarint(out, uint64(len(text))), text...)
	}
	return out
}

// unpackStored returns nil for what is no record. The result shares memory with data, which must not be changed.
func unpackStored(data []byte) *stored {
	u := &unpacker{s: unsafe.String(unsafe.SliceData(data), len(data))}
	s := &stored{kind: storedKind(u.number()), fetched: time.Unix(int64(u.number()), 0)}
	seconds := u.number()
	s.etag, s.modified = u.text(), u.text()
	if s.page = u.s; u.bad || s.kind >= storedKinds || seconds > uint64(maxLifetime/time.Second) {
		return nil
	}
	s.lifetime = time.Duration(seconds) * time.Second
	return s
}

// within reports whether s is younger than d. What comes from the future is not trusted: some clock was wrong.
func (s *stored) within(d time.Duration, now time.Time) bool {
	return !s.fetched.After(now.Add(time.Second)) && now.Before(s.fetched.Add(d))
}

func (s *stored) fresh(now time.Time) bool { return s.within(s.lifetime, now) }

// expires notes when an answer that was given is to be asked for again.
func (c *Client) expires(t time.Time) {
	at := max(t.Unix(), 1)
	for {
		was := c.until.Load()
		if was != 0 && was <= at || c.until.CompareAndSwap(was, at) {
			return
		}
	}
}

// Until is when the first of the answers so far is to be asked for again. Before that, a client with the same cache gets
// the same answers, unless somebody renewed them. It is zero where one was not kept.
func (c *Client) Until() time.Time {
	switch at := c.until.Load(); {
	case at == 0:
		return c.opts.Now().Add(maxLifetime)
	case at == 1:
		return time.Time{}
	default:
		return time.Unix(at, 0)
	}
}

// lifetime says for how long an answer may be used without asking again, by RFC 9111 for a cache of one user, and
// whether it may be kept. There is no guess by the time of the last change: without a lifetime it is asked for again.
func lifetime(h http.Header, now time.Time) (d time.Duration, keep bool) {
	keep = true
	stated, ask := false, false
	for _, line := range h.Values("Cache-Control") {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "no-store":
				return 0, false
			case "no-cache":
				ask = true
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
				if err != nil {
					ask = true
				}
				if !stated || d > time.Duration(seconds)*time.Second {
					d = time.Duration(seconds) * time.Second
				}
				stated = true
			}
		}
	}
	if strings.TrimSpace(h.Get("Vary")) == "*" {
		ask = true
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		sent = now
	}
	if expires := h.Get("Expires"); !stated && expires != "" {
		if until, err := http.ParseTime(expires); err == nil {
			d = until.Sub(sent)
		}
	}
	age := max(0, now.Sub(sent))
	if seconds, err := strconv.ParseUint(strings.TrimSpace(h.Get("Age")), 10, 31); err == nil {
		age = max(age, time.Duration(seconds)*time.Second)
	}
	if ask {
		return 0, true
	}
	return min(max(0, d-age), maxLifetime), true
}

// bucket returns where answers of r are kept, nil for nowhere.
func (c *Client) bucket(r *repository) *cache.Bucket {
	r.bucketOnce.Do(func() {
		if c.opts.Cache == nil || r.dir != "" {
			return
		}
		identity := "simple " + r.simple.String() + "\n"
		if r.flat {
			identity = "links " + r.simple.String() + "\n"
		}
		secret := r.simple.RawQuery != ""
		if r.json != nil {
			identity += "json " + r.json.String() + "\n"
			secret = secret || r.json.RawQuery != ""
		}
		own, private := r.identity()
		b, err := c.opts.Cache.Bucket(identity+own, secret || private)
		if err != nil {
			return // noted by the store
		}
		r.bucket = b
		r.packs = map[string]*storedPack{}
		if !c.opts.Refresh.All {
			r.recall(c.opts.Now(), c.opts.Offline)
		}
	})
	return r.bucket
}

// storedPack is a pack that is read once.
type storedPack struct {
	once sync.Once
	pack *cache.Pack
}

// packOf returns the pack of a package, nil without a cache.
func (c *Client) packOf(r *repository, kind string, name pypi.Name) *cache.Pack {
	b := c.bucket(r)
	if b == nil {
		return nil
	}
	r.packsMu.Lock()
	p := r.packs[kind+"/"+string(name)]
	if p == nil {
		p = new(storedPack)
		r.packs[kind+"/"+string(name)] = p
	}
	r.packsMu.Unlock()
	p.once.Do(func() { p.pack = b.Pack(kind, string(name)) })
	return p.pack
}

// place is where an answer is kept: a record of its own, or under a key of a pack.
type place struct {
	kind string
	name pypi.Name
	key  string // the version, for documents of versions
}

func (c *Client) load(r *repository, at place) *stored {
	b := c.bucket(r)
	if b == nil {
		return nil
	}
	var data []byte
	ok := false
	if at.key != "" {
		data, ok = c.packOf(r, at.kind, at.name).Get(at.key)
	} else {
		data, ok = b.Read(at.kind, string(at.name))
	}
	if !ok {
		return nil
	}
	return unpackStored(data)
}

func (c *Client) save(r *repository, at place, s *stored) {
	b := c.bucket(r)
	switch {
	case b == nil:
	case at.key != "":
		pack := c.packOf(r, at.kind, at.name)
		c.later(func() { pack.Add(at.key, s.pack()) })
	default:
		c.later(func() {
			b.Write(at.kind, string(at.name), s.head(), unsafe.Slice(unsafe.StringData(s.page), len(s.page)))
		})
	}
}

// later writes while others wait for the network; [Client.Close] waits for it.
func (c *Client) later(write func()) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.writes.Go(write)
}

// drop forgets an answer that the index does not want to be kept.
func (c *Client) drop(r *repository, at place, was *stored) {
	if was == nil {
		return
	}
	if at.key != "" {
		c.save(r, at, &stored{})
		return
	}
	c.bucket(r).Remove(at.kind, string(at.name))
}

// unpack returns the project of s. The error is errAbsent, or that of a record that is not to be used.
func (s *stored) unpack(r *repository, name pypi.Name) (*Project, error) {
	switch s.kind {
	case storedAbsent:
		return nil, errAbsent
	case storedHTML:
		r.htmlOnly.Store(true)
	}
	p, err := unpackPage(s.page, name, r)
	if err == nil {
		p.keep = true
	}
	return p, err
}

// recorded is a page of the cache, whatever its age.
type recorded struct {
	*stored
	project *Project
}

// pinnedOf returns from the cache a project with the pinned versions of name, or nil. A page that is not fresh will do
// for a day: nothing ever changes of a version but that it is yanked, or gets another file. So each file that the lock
// knows must be on the page, and no page is old enough to miss what a lock without hashes knows. The error is the
// context's.
func (c *Client) pinnedOf(ctx context.Context, r *repository, name pypi.Name, pins []Pinned) (*Project, error) {
	if len(pins) == 0 || c.opts.Refresh.has(name) || c.bucket(r) == nil {
		return nil, nil
	}
	if p := c.pinnedRecords(r, name, pins); p != nil {
		c.cached.Add(1)
		return p, nil
	}
	for _, kind := range [...]string{cache.Simple, cache.JSON} {
		was, err := c.pageInCache(ctx, r, kind, name)
		if err != nil {
			return nil, err
		}
		if was != nil && c.serves(was.stored, was.project, pins) {
			c.cached.Add(1)
			for i := range pins {
				if len(pins[i].Hashes) > 0 { // others would be kept anew each time
					c.saveRelease(was.project, pins[i].Version, was.fetched)
				}
			}
			return was.project, nil
		}
	}
	return nil, nil
}

// pageInCache returns the page of a name that the cache has, whatever its age, or nil. The error is the context's.
func (c *Client) pageInCache(ctx context.Context, r *repository, kind string, name pypi.Name) (*recorded, error) {
	return c.recorded.do(ctx, r.simple.String()+" "+kind+" "+string(name), func(context.Context) (*recorded, error) {
		if s := c.load(r, place{kind: kind, name: name}); s != nil {
			if p, err := s.unpack(r, name); err == nil {
				return &recorded{s, p}, nil
			}
		}
		return nil, nil
	})
}

// pinnedRecords is pinnedOf for the small records of versions.
func (c *Client) pinnedRecords(r *repository, name pypi.Name, pins []Pinned) *Project {
	docs := make([]*Project, len(pins))
	for i := range pins {
		s := c.load(r, place{kind: cache.Releases, name: name, key: pins[i].Version.Key()})
		if s == nil {
			return nil
		}
		p, err := s.unpack(r, name)
		if err != nil || !c.serves(s, p, pins[i:i+1]) {
			return nil
		}
		docs[i] = p
	}
	return union(docs)
}

// serves reports whether what was kept is young enough for the pins, and has them all.
func (c *Client) serves(s *stored, p *Project, pins []Pinned) bool {
	now := c.opts.Now()
	fresh := c.opts.Offline || s.fresh(now)
	if !fresh && !s.within(pinnedLifetime, now) || slices.ContainsFunc(pins, func(pin Pinned) bool { return !pin.on(p, fresh) }) {
		return false
	}
	d := s.lifetime
	if !slices.ContainsFunc(pins, func(pin Pinned) bool { return len(pin.Hashes) == 0 }) {
		d = max(d, pinnedLifetime)
	}
	c.expires(s.fetched.Add(d))
	return true
}

// saveRelease keeps what a page says of a release in a small record, so that who pins it need not read the page: of 74
// pages that is 1 MB in the place of 12. It is no answer of the index, so it has no lifetime, and is of use for pins with
// hashes alone.
func (c *Client) saveRelease(p *Project, v pep440.Version, fetched time.Time) {
	if !p.keep || fetched.IsZero() {
		return
	}
	s := &stored{kind: storedJSON, fetched: fetched, page: packPage(p.only([]pep440.Version{v}))}
	c.save(p.home, place{kind: cache.Releases, name: p.Name, key: v.Key()}, s)
}

// on reports whether a page has all that is pinned; without hashes a page that is fresh is needed.
func (pin *Pinned) on(p *Project, fresh bool) bool {
	r := p.Release(pin.Version)
	if r == nil {
		return false
	}
	hashes, files := NewHashList(pin.Hashes), r.Files()
	for i := range files {
		hashes.Lists(files[i].Hashes)
	}
	if len(hashes.Left()) > 0 {
		return false
	}
	return fresh || len(pin.Hashes) > 0
}

// Metadata in a pack, by the hash of the file that it is of:
//
//	metadata = source seconds sha256-of-the-metadata-file text

// fileKey is what a file is known by, and whether that never changes.
func fileKey(f *File) (key string, immutable bool) {
	for _, algorithm := range [...]string{"sha256", "sha512", "sha384"} {
		if digest := f.Hashes.Get(algorithm); digest != "" {
			return algorithm + ":" + digest, true
		}
	}
	sum := sha256.Sum256([]byte(f.URL + "\n" + f.UploadTime.String() + "\n" + strconv.FormatInt(f.Size, 10)))
	return "url:" + hex.EncodeToString(sum[:]), false
}

// needsBuild is the source of a file that tells nothing without a build.
const needsBuild Source = 0

// loadMetadata returns what the cache knows of f: metadata, ErrNeedsBuild, or neither.
func (c *Client) loadMetadata(p *Project, r *Release, f *File) (*Metadata, error) {
	key, immutable := fileKey(f)
	return c.loadAs(p, r, f, key, immutable)
}

// loadAs is loadMetadata for a key of the pack.
func (c *Client) loadAs(p *Project, r *Release, f *File, key string, immutable bool) (*Metadata, error) {
	pack := c.packOf(p.homeOf(f), cache.Releases, p.Name)
	if pack == nil {
		return nil, nil
	}
	data, ok := pack.Get(key)
	if !ok {
		return nil, nil
	}
	u := &unpacker{s: string(data)}
	source, seconds, core := Source(u.number()), u.number(), u.text()
	now := c.opts.Now()
	s := stored{fetched: time.Unix(int64(seconds), 0)}
	switch {
	case u.bad, source > FromBuild, core != "" && !f.Core.Hashes.IsZero() && core != f.Core.Hashes.Get("sha256"):
		return nil, nil
	case !immutable && !c.opts.Offline && (c.opts.Refresh.has(p.Name) || !s.within(unhashed, now)):
		return nil, nil
	}
	if !immutable {
		c.expires(s.fetched.Add(unhashed))
	}
	switch {
	case source == needsBuild:
		c.cached.Add(1)
		return nil, ErrNeedsBuild
	}
	var md *dist.Metadata
	var err error
	if source == FromPyproject {
		if md, err = dist.StaticProject([]byte(u.s)); err == nil && md.Version.IsZero() {
			md.Version = r.Version
		}
	} else {
		md, err = dist.ParseMetadata([]byte(u.s))
	}
	if err != nil || checkMetadata(md, p, r) != nil {
		return nil, nil
	}
	c.cached.Add(1)
	return &Metadata{md, f, source}, nil
}

// saveMetadata keeps what was read of f.
func (c *Client) saveMetadata(p *Project, f *File, source Source, text []byte) {
	key, _ := fileKey(f)
	c.saveAs(p, f, key, source, text)
}

// saveAs is saveMetadata for a key of the pack.
func (c *Client) saveAs(p *Project, f *File, key string, source Source, text []byte) {
	pack := c.packOf(p.homeOf(f), cache.Releases, p.Name)
	if pack == nil || !p.keep {
		return
	}
	core := ""
	if source == FromSidecar {
		core = f.Core.Hashes.Get("sha256")
	}
	_, immutable := fileKey(f)
	if !immutable {
		c.expires(c.opts.Now().Add(unhashed))
	}
	out := binary.AppendUvarint(nil, uint64(source))
	out = binary.AppendUvarint(out, uint64(c.opts.Now().Unix()))
	out = append(binary.AppendUvarint(out, uint64(len(core))), core...)
	if source != FromPyproject {
		text = dist.TrimMetadata(text)
	}
	value := append(out, text...)
	c.later(func() { pack.Add(key, value) })
}

// factsName is the record of what was learned about an index.
const factsName = "index"

func (r *repository) learnt() []*learned {
	return []*learned{&r.projects, &r.versions, &r.sidecars, &r.ranges}
}

// remember keeps what was learned, unless nothing was.
func (r *repository) remember(now time.Time) {
	if r.bucket == nil {
		return
	}
	var out []byte
	for _, l := range r.learnt() {
		out = binary.AppendUvarint(out, uint64(min(l.yes.Load(), maxFacts)))
		out = binary.AppendUvarint(out, uint64(min(l.no.Load(), maxFacts)))
	}
	if string(out) == r.recalled {
		return
	}
	r.bucket.Write(cache.Facts, factsName, append(binary.AppendUvarint(nil, uint64(now.Unix())), out...))
}

const maxFacts = 32 // answers of a kind that count

// recall takes what was learned of an index in earlier runs of the day.
func (r *repository) recall(now time.Time, offline bool) {
	data, ok := r.bucket.Read(cache.Facts, factsName)
	if !ok {
		return
	}
	u := &unpacker{s: string(data)}
	s := stored{fetched: time.Unix(int64(u.number()), 0)}
	if !offline && !s.within(factsLifetime, now) {
		return
	}
	all := u.s
	var counts [8]int32
	for i := range counts {
		counts[i] = int32(min(u.number(), maxFacts))
	}
	if u.bad {
		return
	}
	r.recalled = all
	for i, l := range r.learnt() {
		l.yes.Store(counts[2*i])
		l.no.Store(counts[2*i+1])
	}
}

// flush waits until the cache has what is kept.
func (c *Client) flush() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.writes.Wait()
}

// Close waits until the cache has what is kept, and keeps what was learned about the indexes. The client can still be
// used.
func (c *Client) Close() {
	c.flush()
	if c.opts.Offline {
		return
	}
	for _, r := range c.all {
		r.remember(c.opts.Now())
	}
}

// offline is the error about what must not be asked.
func offline(shown string) error { return &UnavailableError{URL: shown, Err: ErrOffline} }
