package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// A Profile is what the index offers.
type Profile struct {
	Name         string
	VersionJSON  bool // /pypi/NAME/VERSION/json
	Metadata     bool // metadata files of all wheels, named on pages; else of those that the recorded index had, unnamed
	RelativeURLs bool // of files
	Caching      bool // ETag, Cache-Control, 304
	Gzip         bool // pages and documents, for clients that accept it
}

// PyPI offers all that the Python Package Index does.
func PyPI() Profile {
	return Profile{Name: "pypi", VersionJSON: true, Metadata: true, Caching: true, Gzip: true}
}

// Mirror offers what a plain caching proxy does.
func Mirror() Profile { return Profile{Name: "mirror", RelativeURLs: true} }

// ProfileOf returns the profile of that name.
func ProfileOf(name string) (Profile, error) {
	for _, p := range []Profile{PyPI(), Mirror()} {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("no profile %q; want pypi or mirror", name)
}

// Lifetimes, in the words of PyPI but for that of files, which is shorter than its eleven years.
const (
	pageLifetime     = "max-age=600, public"
	documentLifetime = "max-age=900, public"
	fileLifetime     = "max-age=31536000, immutable, public"
)

// Counts are the requests since the last Reset.
type Counts struct {
	Requests    int      `json:"requests"`
	NotModified int      `json:"not_modified"` // of them
	Bytes       int64    `json:"bytes"`        // of bodies, as sent
	Missed      []string `json:"missed"`       // paths of what was not recorded
}

// Handler serves a source. It is safe for concurrent use.
type Handler struct {
	source  Source
	live    bool // METADATA is not known before it is asked for
	profile Profile
	files   string // prefix of the addresses of files, with a closing slash

	mu     sync.Mutex
	counts Counts
	bodies map[string]*body // by path, and by protocol for pages
	names  map[string]bool  // asked for
	asked  map[string]bool  // paths of files of which something was asked for
}

// body is what an address has.
type body struct {
	kind     string
	lifetime string
	etag     string
	plain    []byte
	once     sync.Once
	zipped   []byte
}

// NewHandler serves s with what p offers. Addresses of files start with files, unless the profile has them relative.
func NewHandler(s Source, p Profile, files string) *Handler {
	_, recorded := s.(*Slice)
	return &Handler{source: s, live: !recorded, profile: p, files: strings.TrimSuffix(files, "/") + "/", bodies: map[string]*body{},
		names: map[string]bool{}, asked: map[string]bool{}}
}

// Reset sets the counts to zero.
func (h *Handler) Reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts = Counts{}
}

// Counts returns the requests since the last Reset.
func (h *Handler) Counts() Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.counts
	c.Missed = slices.Clone(c.Missed)
	return c
}

// Asked returns the names of packages, and the paths of files, that were asked for since the start, for [Slice.Trim].
func (h *Handler) Asked() (names []string, paths map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.names)), maps.Clone(h.asked)
}

func (h *Handler) ask(into map[string]bool, key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	into[key] = true
}

func (h *Handler) miss(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Missed = append(h.counts.Missed, path)
}

// counter counts the bytes of a body.
type counter struct {
	http.ResponseWriter
	n      int64
	status int
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &counter{ResponseWriter: w}
	h.serve(c, r)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Requests++
	h.counts.Bytes += c.n
	if c.status == http.StatusNotModified {
		h.counts.NotModified++
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := len(parts) - 1
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
	case len(parts) == 2 && parts[0] == "simple":
		h.page(w, r, parts[1])
	case (len(parts) == 3 || len(parts) == 4 && h.profile.VersionJSON) && parts[0] == "pypi" && parts[last] == "json":
		h.document(w, r, parts[1], parts[2:last])
	case len(parts) > 2 && parts[0] != "simple" && parts[0] != "pypi":
		h.file(w, r, strings.Join(parts, "/"))
	default:
		http.NotFound(w, r)
	}
}

// project looks a name up and answers where there is none, or where it is written otherwise.
func (h *Handler) project(w http.ResponseWriter, r *http.Request, name string) *Project {
	if normal := string(pypi.NormalizeName(name)); normal != name {
		http.Redirect(w, r, strings.Replace(r.URL.Path, "/"+name+"/", "/"+normal+"/", 1), http.StatusMovedPermanently)
		return nil
	}
	h.ask(h.names, name)
	p, err := h.source.Project(r.Context(), name)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case p == nil:
		http.NotFound(w, r)
	}
	return p
}

func (h *Handler) page(w http.ResponseWriter, r *http.Request, name string) {
	p := h.project(w, r, name)
	if p == nil {
		return
	}
	kind, render := "text/html; charset=utf-8", h.simpleHTML
	if strings.Contains(r.Header.Get("Accept"), "application/vnd.pypi.simple.v1+json") {
		kind, render = "application/vnd.pypi.simple.v1+json", h.simpleJSON
	}
	b, _ := h.body(kind+" "+name, func() (*body, error) {
		return &body{kind: kind, lifetime: pageLifetime, plain: render(r.Context(), p)}, nil
	})
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	h.send(w, r, b)
}

func (h *Handler) document(w http.ResponseWriter, r *http.Request, name string, version []string) {
	p := h.project(w, r, name)
	if p == nil {
		return
	}
	var v *pep440.Version
	if len(version) > 0 {
		parsed, err := pep440.Parse(version[0])
		if err != nil {
			http.NotFound(w, r)
			return
		}
		v = &parsed
	}
	b, err := h.body(r.URL.Path, func() (*body, error) {
		text, err := h.api(r.Context(), p, v)
		if text == nil || err != nil {
			return nil, err
		}
		return &body{kind: "application/json", lifetime: documentLifetime, plain: text}, nil
	})
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case b == nil:
		http.NotFound(w, r)
	default:
		w.Header().Set("Vary", "Accept-Encoding")
		h.send(w, r, b)
	}
}

// body returns what make made before, unless the source still grows.
func (h *Handler) body(key string, make func() (*body, error)) (*body, error) {
	h.mu.Lock()
	b := h.bodies[key]
	h.mu.Unlock()
	if b != nil {
		return b, nil
	}
	b, err := make()
	if b == nil || err != nil {
		return nil, err
	}
	b.etag = `"` + hexSHA256(b.plain)[:32] + `"`
	if !h.live {
		h.mu.Lock()
		h.bodies[key] = b
		h.mu.Unlock()
	}
	return b, nil
}

func (h *Handler) send(w http.ResponseWriter, r *http.Request, b *body) {
	header := w.Header()
	header.Set("Content-Type", b.kind)
	if h.profile.Caching {
		header.Set("ETag", b.etag)
		header.Set("Cache-Control", b.lifetime)
		if match := r.Header.Get("If-None-Match"); match == b.etag || match == "W/"+b.etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	out := b.plain
	if h.profile.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		b.once.Do(func() { b.zipped = zipped(b.plain) })
		header.Set("Content-Encoding", "gzip")
		out = b.zipped
	}
	header.Set("Content-Length", strconv.Itoa(len(out)))
	if r.Method == http.MethodGet {
		w.Write(out) // the client may be gone
	}
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b) // a bytes.Buffer does not fail
	z.Close()
	return out.Bytes()
}

// file answers for a distribution or its metadata file.
func (h *Handler) file(w http.ResponseWriter, r *http.Request, path string) {
	if wheel, ok := strings.CutSuffix(path, ".metadata"); ok {
		h.metadata(w, r, wheel)
		return
	}
	p, f := h.source.Find(path)
	h.ask(h.asked, path)
	if f == nil {
		http.NotFound(w, r)
		return
	}
	if h.profile.Caching {
		w.Header().Set("ETag", `"`+f.SHA256[:min(32, len(f.SHA256))]+`"`)
		w.Header().Set("Cache-Control", fileLifetime)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	content, err := h.content(r, p, f)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case content == nil:
		h.miss(path)
		http.NotFound(w, r)
	default:
		http.ServeContent(w, r, "", time.Time{}, content)
	}
}

// content is f's own where it was recorded, else a stand-in for a wheel of which parts are asked for.
func (h *Handler) content(r *http.Request, p *Project, f *File) (io.ReadSeeker, error) {
	parts := r.Method == http.MethodHead || r.Header.Get("Range") != ""
	if !f.Wheel() || !parts {
		if b, err := h.source.Content(r.Context(), f); b != nil || err != nil {
			return bytes.NewReader(b), err
		}
		if !parts {
			return nil, nil
		}
	}
	if !f.Wheel() {
		return nil, nil
	}
	text, err := h.source.Metadata(r.Context(), p, f)
	if text == nil || err != nil {
		return nil, err
	}
	return standIn(f, text)
}

func (h *Handler) metadata(w http.ResponseWriter, r *http.Request, path string) {
	p, f := h.source.Find(path)
	h.ask(h.asked, path)
	if f == nil || !f.Wheel() {
		http.NotFound(w, r)
		return
	}
	text, err := h.source.Metadata(r.Context(), p, f)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	case text == nil:
		h.miss(path + ".metadata")
		http.NotFound(w, r)
		return
	case !h.profile.Metadata && !f.Sidecar:
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	if h.profile.Caching {
		etag := `"` + hexSHA256(text)[:32] + `"`
		header.Set("ETag", etag)
		header.Set("Cache-Control", fileLifetime)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(text)))
	if r.Method == http.MethodGet {
		w.Write(text) // the client may be gone
	}
}

// fileURL is the address of f for a page that is depth folders below the root.
func (h *Handler) fileURL(f *File, depth int) string {
	if h.profile.RelativeURLs {
		return strings.Repeat("../", depth) + f.Path
	}
	return h.files + f.Path
}

// Prepare renders the pages of all packages, so that the first client does not wait for it.
func (h *Handler) Prepare() {
	s, ok := h.source.(*Slice)
	if !ok {
		return
	}
	for _, p := range s.Projects() {
		kind := "application/vnd.pypi.simple.v1+json"
		b, _ := h.body(kind+" "+p.Name, func() (*body, error) {
			return &body{kind: kind, lifetime: pageLifetime, plain: h.simpleJSON(context.Background(), p)}, nil
		})
		if h.profile.Gzip {
			b.once.Do(func() { b.zipped = zipped(b.plain) })
		}
	}
}
