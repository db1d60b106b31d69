package indextest

import (
	"bytes"
	"compress/gzip"
	"crypto/subtle"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Kind is what a request asks for.
type Kind string

const (
	KindSimple      Kind = "simple"       // /simple/ and /simple/NAME/
	KindProjectJSON Kind = "project-json" // /pypi/NAME/json
	KindVersionJSON Kind = "version-json" // /pypi/NAME/VERSION/json
	KindMetadata    Kind = "metadata"     // /files/FILE.metadata
	KindRange       Kind = "range"        // /files/FILE with a Range
	KindFile        Kind = "file"         // /files/FILE
	KindHead        Kind = "head"         // HEAD of anything
	KindOther       Kind = "other"
)

// Requests are the requests of a server since its start or the last Reset.
type Requests struct {
	Total       int
	Kinds       map[Kind]int
	Paths       map[string]int // by path, whatever the method
	NotModified int            // answers 304
	Bytes       int64          // of bodies, as sent
}

// A Record is one request and its answer's status (0 for a dropped connection).
type Record struct {
	Kind   Kind
	Method string
	Path   string
	Header http.Header
	Status int
}

// A Handler serves a universe; it is safe for concurrent use.
type Handler struct {
	profile Profile
	store   atomic.Pointer[store]
	faults  atomic.Pointer[Faults]

	mu       sync.Mutex
	counts   Requests
	log      []Record
	attempts map[string]int
}

// Handler serves the universe with what the profile offers, at the root of its host:
// /simple/, /simple/NAME/, /pypi/NAME/json, /pypi/NAME/VERSION/json, /files/FILE, /files/FILE.metadata, /links/.
func (u *Universe) Handler(p Profile) *Handler {
	h := &Handler{profile: p}
	h.store.Store(newStore(u))
	h.Reset()
	return h
}

// SetUniverse replaces what is served, as new uploads would; counts go on.
func (h *Handler) SetUniverse(u *Universe) {
	h.store.Store(newStore(u))
}

// SetFaults sets the schedule of faults; nil is none.
func (h *Handler) SetFaults(f Faults) {
	if f == nil {
		h.faults.Store(nil)
		return
	}
	h.faults.Store(&f)
}

// Reset forgets the requests counted so far, and the attempts of the fault schedule.
func (h *Handler) Reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts = Requests{Kinds: map[Kind]int{}, Paths: map[string]int{}}
	h.log, h.attempts = nil, map[string]int{}
}

// Requests returns a copy of the counts.
func (h *Handler) Requests() Requests {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.counts
	c.Kinds, c.Paths = maps.Clone(c.Kinds), maps.Clone(c.Paths)
	return c
}

// Log returns each request in order of its answer.
func (h *Handler) Log() []Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Record(nil), h.log...)
}

// answer is a whole response before it is sent.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	zippable bool
}

func newAnswer(status int, contentType string, body []byte) *answer {
	return &answer{status: status, header: http.Header{"Content-Type": {contentType}}, body: body}
}

func plain(status int, text string) *answer {
	return newAnswer(status, "text/plain; charset=utf-8", []byte(text+"\n"))
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := h.nextFault(r)
	if fault.Reset {
		h.count(r, 0, false, 0)
		drop(w)
		return
	}
	if fault.Mute {
		h.count(r, 0, false, 0)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	a := h.answer(r, fault)
	fault.apply(a)
	h.compress(r, a)
	fault.flip(a)
	whole := len(a.body)
	if r.Method == http.MethodHead || a.status == http.StatusNotModified {
		a.body = nil
	}
	sent := a.body[:len(a.body)-min(fault.Truncate, len(a.body))]
	h.count(r, a.status, a.status == http.StatusNotModified, len(sent))
	if fault.Unframed {
		sendUnframed(w, a, sent)
		return
	}
	maps.Copy(w.Header(), a.header)
	if a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(whole))
	}
	w.WriteHeader(a.status)
	if fault.Drip > 0 {
		drip(w, r, sent, fault.Drip)
	} else {
		w.Write(sent) // the client may be gone
	}
	if len(sent) < len(a.body) {
		flush(w)
		if fault.Stall {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// drip sends a body byte by byte, until the client leaves.
func drip(w http.ResponseWriter, r *http.Request, body []byte, pause time.Duration) {
	flush(w)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := range body {
		select {
		case <-tick.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		w.Write(body[i : i+1]) // the client may be gone
		flush(w)
	}
}

func (h *Handler) nextFault(r *http.Request) Fault {
	key := r.Method + " " + r.URL.Path + " " + r.Header.Get("Range")
	h.mu.Lock()
	h.attempts[key]++
	attempt := h.attempts[key]
	h.mu.Unlock()
	if f := h.faults.Load(); f != nil {
		return (*f)(r, attempt)
	}
	return Fault{}
}

func (h *Handler) count(r *http.Request, status int, notModified bool, sent int) {
	kind := kindOf(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Total++
	h.counts.Kinds[kind]++
	h.counts.Paths[r.URL.Path]++
	if notModified {
		h.counts.NotModified++
	}
	h.counts.Bytes += int64(sent)
	h.log = append(h.log, Record{kind, r.Method, r.URL.Path, r.Header.Clone(), status})
}

func kindOf(r *http.Request) Kind {
	parts := split(r.URL.Path)
	switch {
	case r.Method == http.MethodHead:
		return KindHead
	case r.Method != http.MethodGet || len(parts) == 0:
	case parts[0] == "simple" && len(parts) <= 2:
		return KindSimple
	case parts[0] == "pypi" && len(parts) == 3 && parts[2] == "json":
		return KindProjectJSON
	case parts[0] == "pypi" && len(parts) == 4 && parts[3] == "json":
		return KindVersionJSON
	case parts[0] == "files" && len(parts) == 2 && strings.HasSuffix(parts[1], ".metadata"):
		return KindMetadata
	case parts[0] == "files" && len(parts) == 2 && r.Header.Get("Range") != "":
		return KindRange
	case parts[0] == "files" && len(parts) == 2:
		return KindFile
	}
	return KindOther
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// answer is the response to a request, but for its transmission.
func (h *Handler) answer(r *http.Request, fault Fault) *answer {
	if fault.Status != 0 {
		return plain(fault.Status, fmt.Sprintf("fault %d", fault.Status))
	}
	if fault.Location != "" {
		return plain(http.StatusFound, "moved")
	}
	if h.profile.User != "" || h.profile.Password != "" {
		user, password, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(user+":"+password), []byte(h.profile.User+":"+h.profile.Password)) != 1 {
			a := plain(http.StatusUnauthorized, "credentials needed")
			a.header.Set("WWW-Authenticate", `Basic realm="index"`)
			return a
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return plain(http.StatusMethodNotAllowed, "GET or HEAD")
	}
	s := h.store.Load()
	parts := split(r.URL.Path)
	var a *answer
	switch {
	case len(parts) > 0 && parts[0] == "simple" && len(parts) <= 2:
		a = h.simple(s, r, parts[1:])
	case len(parts) > 2 && parts[0] == "pypi" && len(parts) <= 4 && parts[len(parts)-1] == "json":
		a = h.api(s, r, parts[1:len(parts)-1])
	case len(parts) == 2 && parts[0] == "files":
		a = h.file(s, r, parts[1])
	case len(parts) == 1 && parts[0] == "links":
		a = h.links(s, r)
	}
	if a == nil {
		a = plain(http.StatusNotFound, "404 Not Found")
	}
	if h.profile.Caching && (a.status == http.StatusOK || a.status == http.StatusPartialContent) {
		h.validate(r, a)
	}
	return a
}

// validate adds an ETag, and turns the answer into 304 where the client has it.
func (h *Handler) validate(r *http.Request, a *answer) {
	if a.header.Get("ETag") == "" {
		a.header.Set("ETag", `"`+hexSHA256(a.body)[:32]+`"`)
	}
	for _, tag := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == a.header.Get("ETag") || tag == "*" {
			a.status, a.body = http.StatusNotModified, nil
			a.header.Del("Content-Type")
			a.header.Del("Content-Range")
			return
		}
	}
}

func (f Fault) apply(a *answer) {
	set := func(name, value string) {
		if value != "" {
			a.header.Set(name, value)
		}
	}
	set("Retry-After", f.RetryAfter)
	if f.RetryDate != 0 {
		// The answer's Date has no fraction of a second either.
		set("Retry-After", time.Now().UTC().Truncate(time.Second).Add(f.RetryDate).Format(http.TimeFormat))
	}
	set("Location", f.Location)
	set("Content-Type", f.ContentType)
	if a.status == http.StatusPartialContent {
		set("Content-Range", f.ContentRange)
	}
	if a.status < 300 {
		set("ETag", f.ETag)
	}
	if f.NoETag {
		a.header.Del("ETag")
	}
	if f.Body != nil {
		a.body = f.Body
	}
}

// flip comes after compression: it is the wire that flips.
func (f Fault) flip(a *answer) {
	n := len(a.body)
	if f.FlipByte == 0 || n == 0 {
		return
	}
	i := (f.FlipByte - 1) % n
	if f.FlipByte < 0 {
		i = n - 1 - (-f.FlipByte-1)%n
	}
	a.body = bytes.Clone(a.body)
	a.body[i] ^= 0xff
}

func (h *Handler) compress(r *http.Request, a *answer) {
	if !h.profile.Gzip || !a.zippable || a.status != http.StatusOK {
		return
	}
	a.header.Add("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(a.body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a bytes.Buffer does not fail
	}
	a.header.Set("Content-Encoding", "gzip")
	a.body = b.Bytes()
}

// drop ends the connection with a reset where there is one, else as a handler can.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // a plain close will do
	}
	conn.Close()
}

// sendUnframed sends a body that ends with the connection, the one framing in which a cut goes unnoticed.
func sendUnframed(w http.ResponseWriter, a *answer, body []byte) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	fmt.Fprintf(buf, "HTTP/1.1 %d %s\r\nConnection: close\r\n", a.status, http.StatusText(a.status))
	a.header.Write(buf) // the client may be gone
	buf.WriteString("\r\n")
	buf.Write(body)
	buf.Flush()
}

// fileURL is the URL of a file for a page that is depth folders below the root.
func (h *Handler) fileURL(r *http.Request, name string, depth int) string {
	path := "files/" + url.PathEscape(name)
	switch {
	case h.profile.FilesBase != "":
		return strings.TrimSuffix(h.profile.FilesBase, "/") + "/" + path
	case h.profile.RelativeURLs:
		return strings.Repeat("../", depth) + path
	case r.TLS != nil:
		return "https://" + r.Host + "/" + path
	}
	return "http://" + r.Host + "/" + path
}
