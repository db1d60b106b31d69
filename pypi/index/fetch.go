package index

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
)

// errAbsent is the answer 404 or 410.
var errAbsent = errors.New("not found")

// absentError is errAbsent with the head of the answer.
type absentError struct{ header http.Header }

func (e *absentError) Error() string        { return errAbsent.Error() }
func (e *absentError) Is(target error) bool { return target == errAbsent }

// errRange is an answer that refuses the range asked for: 400, 416 or 501.
var errRange = errors.New("the server refuses the byte range")

// request is one GET or HEAD, repeated until it is answered.
type request struct {
	method  string // "" is GET
	url     string
	accept  string
	home    *repository // the index that named the address, whose credentials and rules count; nil for none
	auth    string      // Authorization, "" for that of home
	ranges  string      // Range, "" for all
	gzip    bool        // ask for compression
	fresh   bool        // past caches
	was     *stored     // what the cache has, for the server to confirm
	tries   int         // 0 is the client's
	timeout time.Duration
}

// answer is the head of a success.
type answer struct {
	status int
	header http.Header
	url    *url.URL // after redirects
	length int64    // of the body as consumed, -1 when unknown
	expect int64    // the same as it is claimed; 0 when unknown
	framed bool     // a body cut short would be noticed
	keep   bool     // the server allows it to be kept
}

// transientError marks an answer worth asking for again.
type transientError struct{ error }

func (e transientError) Unwrap() error { return e.error }

// doubtfulError marks what may be the word of something between client and index, such as a login page: worth asking
// for again, but not for long.
type doubtfulError struct{ error }

func (e doubtfulError) Unwrap() error { return e.error }

// fetch sends rq and lets consume read the body of a success; a second try calls consume anew. Errors: errAbsent,
// errRange, *UnavailableError, *UnusableError, the error of the context.
func (c *Client) fetch(ctx context.Context, rq *request, consume func(*answer, io.Reader) error) error {
	u, err := url.Parse(rq.url)
	if err != nil {
		return &UnusableError{redactText(rq.url), errLinkBroken}
	}
	shown := redact(u)
	if c.opts.Offline {
		return offline(shown)
	}
	if rq.home == nil {
		return c.fetchAs(ctx, rq, shown, consume)
	}
	if rq.auth = rq.home.authFor(rq.url); rq.auth == "" && rq.home.demands.Load() {
		rq.auth = rq.home.demanded(u)
	}
	if rq.auth == "" {
		if err := rq.home.refuses(rq.url); err != nil {
			return &UnavailableError{URL: shown, Err: err}
		}
	}
	err = c.fetchAs(ctx, rq, shown, consume)
	var failed *UnavailableError
	if errors.As(err, &failed) && failed.Status == http.StatusUnauthorized && rq.auth == "" {
		if rq.auth = rq.home.demanded(u); rq.auth != "" {
			err = c.fetchAs(ctx, rq, shown, consume)
			rq.home.demands.Store(!errors.As(err, &failed) || failed.Status != http.StatusUnauthorized)
		}
	}
	if failed = nil; !errors.As(err, &failed) || failed.Status == 0 {
		return err
	}
	switch denied := failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden; {
	case slices.Contains(rq.home.rules.IgnoreErrorCodes, failed.Status):
		return &absentError{http.Header{"Cache-Control": {"no-store"}}}
	case denied && rq.home.rules.Authenticate == AuthNever:
		return &UnavailableError{URL: shown, Status: failed.Status, Tries: failed.Tries, Err: fmt.Errorf("HTTP %d: %w", failed.Status, errNever)}
	}
	return err
}

// fetchAs is fetch with the credentials of rq.
func (c *Client) fetchAs(ctx context.Context, rq *request, shown string, consume func(*answer, io.Reader) error) error {
	limit := rq.timeout
	if limit == 0 {
		limit = c.opts.Timeout
	}
	// Waiting for others does not count as time of this request, and a pause is no reason to keep others waiting.
	if err := c.acquire(ctx); err != nil {
		return err
	}
	held := true
	defer func() {
		if held {
			<-c.slots
		}
	}()
	total, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	deadline := c.opts.Now().Add(limit)
	tries := rq.tries
	if tries == 0 || tries > c.opts.Tries {
		tries = c.opts.Tries
	}
	doubts := 0
	for try := 1; ; try++ {
		err := c.attempt(total, rq, shown, consume)
		if err == nil || errors.Is(err, errAbsent) || errors.Is(err, errRange) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		max, wait, final := c.assess(err)
		if errors.As(err, new(doubtfulError)) && tries > probeTries {
			if doubts++; doubts < doubtTries {
				max, wait, final = tries, 0, nil
				rq.fresh = true
			}
		}
		if final != nil {
			return c.explain(shown, try, final)
		}
		if total.Err() != nil {
			return &UnavailableError{URL: shown, Tries: try, Err: fmt.Errorf("no complete answer within %s", limit)}
		}
		wait = c.backoff(try, wait)
		if try >= min(max, tries) || wait > maxRetryAfter || c.opts.Now().Add(wait).After(deadline) {
			return c.explain(shown, try, err)
		}
		c.retries.Add(1)
		<-c.slots
		held = false
		again := c.opts.Sleep(total, wait)
		if again == nil {
			again = c.acquire(total)
			held = again == nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if again != nil {
			return c.explain(shown, try, err)
		}
	}
}

// acquire waits for one of the slots for requests at once.
func (c *Client) acquire(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// backoff returns the pause after the given try: exponential, half of it random, at least what the server asked for.
func (c *Client) backoff(try int, asked time.Duration) time.Duration {
	d := min(backoffBase<<min(try-1, 16), backoffMax)
	d = d/2 + time.Duration(c.opts.Jitter()*float64(d/2))
	return max(d, asked)
}

// assess says how often what failed with err may be tried, and the pause that the server asked for; or final, when
// trying again is of no use.
func (c *Client) assess(err error) (tries int, wait time.Duration, final error) {
	var status *statusError
	var transient transientError
	var tlsErr *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var redirect *redirectError
	var limit *LimitError
	var consume *consumeError
	var dns *net.DNSError
	switch {
	case errors.As(err, &status):
		switch {
		case status.status == http.StatusTooManyRequests, status.status == http.StatusRequestTimeout,
			status.status == http.StatusNotModified, // which nobody asked for
			status.status >= 500 && status.status != http.StatusNotImplemented && status.status != http.StatusHTTPVersionNotSupported:
			return c.opts.Tries, status.retryAfter, nil
		}
		return 0, 0, err
	case errors.As(err, &transient):
		return c.opts.Tries, 0, nil
	case errors.As(err, &consume), errors.As(err, &limit), errors.As(err, &redirect), errors.Is(err, errProxy), errors.As(err, new(settingError)):
		return 0, 0, err
	case errors.As(err, &tlsErr), errors.As(err, &authority):
		if problem := c.certificates(); problem != nil {
			err = fmt.Errorf("%w (%w)", inner(err), problem)
		} else {
			err = fmt.Errorf("%w; set SSL_CERT_FILE, or --cert, to the certificates to trust", inner(err))
		}
		return 0, 0, err
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &dns) && dns.IsNotFound:
		return absentTries, 0, nil
	}
	return c.opts.Tries, 0, nil
}

// certificates is what is wrong with those of the environment.
func (c *Client) certificates() error {
	if c.network == nil {
		return nil
	}
	return c.network.problem()
}

// explain gives the last error of a request its type.
func (c *Client) explain(shown string, try int, err error) error {
	var consume *consumeError
	var limit *LimitError
	var redirect *redirectError
	var transient transientError
	var status *statusError
	var local *LocalError
	switch {
	case errors.As(err, &local):
		return local
	case errors.As(err, &consume):
		return &UnusableError{shown, consume.Err}
	case errors.As(err, &limit):
		return &UnusableError{shown, limit}
	case errors.As(err, &redirect):
		return &UnusableError{shown, redirect}
	case errors.As(err, &status):
		return &UnavailableError{URL: shown, Status: status.status, Tries: try, Err: status}
	case errors.As(err, &transient):
		err = transient.error
	}
	return &UnavailableError{URL: shown, Tries: try, Err: inner(err)}
}

// inner strips *url.Error, whose text repeats the address unredacted.
func inner(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err
}

// consumeError is an error of consume that is not about the transfer.
type consumeError struct{ Err error }

func (e *consumeError) Error() string { return e.Err.Error() }
func (e *consumeError) Unwrap() error { return e.Err }

// attempt sends rq once.
func (c *Client) attempt(ctx context.Context, rq *request, shown string, consume func(*answer, io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	method := rq.method
	if method == "" {
		method = http.MethodGet
	}
	r := c.rest.R().SetContext(ctx).SetDoNotParseResponse(true).SetHeader("Accept", rq.accept).SetHeader("Accept-Encoding", "identity")
	if rq.gzip {
		r.SetHeader("Accept-Encoding", "gzip, identity")
	}
	if rq.auth != "" {
		r.SetHeader("Authorization", rq.auth)
	}
	if rq.ranges != "" {
		r.SetHeader("Range", rq.ranges)
	}
	if rq.fresh {
		r.SetHeader("Cache-Control", "no-cache")
	}
	if rq.was != nil {
		// The tag is the better of the two, and a server may know but one.
		if rq.was.etag != "" {
			r.SetHeader("If-None-Match", rq.was.etag)
		} else if rq.was.modified != "" {
			r.SetHeader("If-Modified-Since", rq.was.modified)
		}
	}
	c.requests.Add(1)
	if c.opts.Observer != nil {
		c.opts.Observer.Request(method, shown)
	}
	reply, err := r.Execute(method, rq.url)
	if err != nil {
		c.observe(shown, 0, 0)
		if reply != nil && reply.RawResponse != nil && reply.RawResponse.Body != nil {
			reply.RawResponse.Body.Close()
		}
		return err
	}
	raw := reply.RawResponse
	body := &bodyReader{src: raw.Body}
	body.idle = time.AfterFunc(idleTimeout, func() {
		body.slow.Store(true)
		cancel()
	})
	defer func() {
		body.idle.Stop()
		raw.Body.Close()
		c.bytes.Add(body.n)
		c.observe(shown, raw.StatusCode, body.n)
	}()
	if err := c.checkStatus(raw, rq); err != nil {
		io.CopyN(io.Discard, body, maxDrain) // so that the connection serves the next request
		return err
	}
	a := &answer{status: raw.StatusCode, header: raw.Header, url: raw.Request.URL, length: raw.ContentLength}
	_, a.keep = lifetime(raw.Header, c.opts.Now())
	a.framed = raw.ContentLength >= 0 || len(raw.TransferEncoding) > 0 || raw.ProtoMajor >= 2
	content, err := c.decoded(a, body, rq)
	if err == nil {
		err = consume(a, content)
	}
	if z, ok := content.(*inflated); ok {
		c.packed.give(z.packed)
		c.inflaters.Put(z.Reader)
	}
	var limit *LimitError
	var transient transientError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limit), errors.As(err, &transient):
		return err
	case body.slow.Load():
		return transientError{fmt.Errorf("the answer came too slowly: %d bytes, fewer than %d of them in the last %s", body.n, idleBytes, idleTimeout)}
	case body.err != nil:
		return transientError{fmt.Errorf("the answer broke off after %d bytes: %w", body.n, inner(body.err))}
	}
	return &consumeError{err}
}

func (c *Client) observe(shown string, status int, n int64) {
	if c.opts.Observer != nil {
		c.opts.Observer.Response(shown, status, n)
	}
}

// checkStatus returns nil for an answer whose body is wanted.
func (c *Client) checkStatus(raw *http.Response, rq *request) error {
	switch s := raw.StatusCode; {
	case s == http.StatusOK, s == http.StatusPartialContent && rq.ranges != "":
		return nil
	case s == http.StatusNotModified && rq.was != nil:
		return nil
	case s == http.StatusNotFound, s == http.StatusGone:
		return &absentError{raw.Header}
	case rq.ranges != "" && (s == http.StatusBadRequest || s == http.StatusRequestedRangeNotSatisfiable || s == http.StatusNotImplemented):
		return errRange
	case rq.method == http.MethodHead && (s == http.StatusMethodNotAllowed || s == http.StatusNotImplemented):
		return errRange
	}
	return &statusError{status: raw.StatusCode, retryAfter: retryAfter(raw.Header, c.opts.Now)}
}

// retryAfter reads the header of RFC 9110 in seconds or as a date, by the server's clock where it tells it. A value
// that is neither counts as absent.
func retryAfter(h http.Header, now func() time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = now()
	}
	return max(0, until.Sub(from))
}

// decoded undoes the compression that was asked for. A file's own bytes are left as they are.
func (c *Client) decoded(a *answer, body io.Reader, rq *request) (io.Reader, error) {
	encoding := strings.ToLower(a.header.Get("Content-Encoding"))
	switch {
	case encoding == "" || encoding == "identity" || !rq.gzip:
		return body, nil
	case encoding == "gzip" || encoding == "x-gzip":
		return c.inflate(a, body)
	}
	return nil, fmt.Errorf("content encoding %q, want gzip or none", encoding)
}

// inflated is a body that came compressed.
type inflated struct {
	*gzip.Reader
	packed *bytes.Buffer
	whole  bool // all of it is in packed
}

// inflate reads a compressed body to its end before the first byte is inflated, unless it is large. So who waits for the
// network holds what is small, and pages can be inflated one a processor, see [Client.readPage]. The rest of a large one
// is inflated as it comes, so that a bomb is known for what it is before it is here.
func (c *Client) inflate(a *answer, body io.Reader) (io.Reader, error) {
	packed := c.packed.take()
	if a.length > 0 {
		packed.Grow(int(min(a.length, maxPacked)) + bytes.MinRead)
	}
	n, err := packed.ReadFrom(io.LimitReader(body, maxPacked+1))
	if err != nil {
		c.packed.give(packed)
		return nil, broken(n, err)
	}
	whole := n <= maxPacked
	a.length, a.framed = -1, true // the trailer tells length and checksum
	rest := io.Reader(packed)
	if whole {
		a.expect = inflatedSize(packed.Bytes())
	} else {
		rest = io.MultiReader(packed, body)
	}
	z, ok := c.inflaters.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	if err := z.Reset(rest); err != nil {
		c.packed.give(packed)
		return nil, transientError{fmt.Errorf("the compression is damaged: %w", err)}
	}
	return &inflated{z, packed, whole}, nil
}

// inflatedSize is what the end of a gzip stream says of its length (RFC 1952, section 2.3.1), as far as that can be true.
func inflatedSize(packed []byte) int64 {
	if len(packed) < 4 {
		return 0
	}
	n := int64(binary.LittleEndian.Uint32(packed[len(packed)-4:]))
	if n > maxPage || n > 1032*int64(len(packed)) {
		return 0
	}
	return n
}

// buffers are used again, each for what is of one size.
type buffers struct{ pool sync.Pool }

// take returns an empty buffer, which is to be given back.
func (b *buffers) take() *bytes.Buffer {
	buf, ok := b.pool.Get().(*bytes.Buffer)
	if !ok {
		return new(bytes.Buffer)
	}
	buf.Reset()
	return buf
}

func (b *buffers) give(buf *bytes.Buffer) { b.pool.Put(buf) }

// bodyReader counts, remembers how the transfer ended, and cancels it when less than idleBytes come within idleTimeout.
type bodyReader struct {
	src  io.Reader
	idle *time.Timer
	slow atomic.Bool // idle has fired
	n    int64
	mark int64 // n when idle was set
	err  error // other than io.EOF
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.n += int64(n)
	if b.n-b.mark >= idleBytes {
		b.mark = b.n
		b.idle.Reset(idleTimeout)
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// readAll reads a body of at most limit bytes into buf.
func readAll(a *answer, body io.Reader, buf *bytes.Buffer, what string, limit int64) error {
	tooLarge := &LimitError{what, limit, "bytes"}
	if a.length > limit {
		return tooLarge
	}
	if n := max(a.length, a.expect); n > 0 {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(body, limit+1))
	if err != nil {
		return broken(n, err)
	}
	if n > limit {
		return tooLarge
	}
	return nil
}

// broken makes an error of compressed data one that is worth another try.
func broken(n int64, err error) error {
	var corrupt flate.CorruptInputError
	var confused flate.InternalError // what some flipped bits end in
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.As(err, &corrupt) || errors.As(err, &confused) {
		return transientError{fmt.Errorf("the answer broke off after %d bytes: %w", n, err)}
	}
	return err
}
