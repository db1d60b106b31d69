package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/pylock-dev/pylock/pypi/dist"
)

// wheelReader fetches the METADATA of a wheel.
type wheelReader struct {
	c        *Client
	home     *repository
	f        *File
	complete bool // the whole wheel was fetched
	fresh    bool // ask past caches
	passing  bool // the server does not allow it to be kept

	size    int64 // of the wheel, 0 while unknown
	etag    string
	tail    []byte // the wheel's last bytes
	tailOff int64
}

const (
	tailSize     = 64 << 10 // bytes of the first range: directory and METADATA of nearly every wheel
	wholeInstead = 32 << 20 // bytes of a wheel that is taken when a server sends all instead of a range
	inMemory     = 32 << 20 // bytes of a wheel that is held in memory, not in a temporary file
)

// ranged reads METADATA by byte ranges. The error is errRange where the server has none, or not those asked for: then
// only the whole file, with its hash, is to be relied on.
//
// No hash covers a range, so what is wrong with it may be the transfer's fault: it is read anew, past caches.
func (w *wheelReader) ranged(ctx context.Context) ([]byte, error) {
	for try := 1; ; try++ {
		data, err := w.rangedOnce(ctx)
		var unusable *UnusableError
		var unavailable *UnavailableError
		switch {
		case err == nil:
			w.home.ranges.add(!w.complete)
		case errors.Is(err, errRange):
			w.home.ranges.add(false)
		case errors.As(err, &unusable), errors.As(err, &unavailable), errors.Is(err, errAbsent), ctx.Err() != nil:
		case try < doubtTries && !w.complete:
			w.fresh = true
			continue
		default:
			err = &UnusableError{redactText(w.f.URL), err}
		}
		return data, err
	}
}

func (w *wheelReader) rangedOnce(ctx context.Context) ([]byte, error) {
	w.size = w.f.Size
	err := w.readTail(ctx)
	if errors.Is(err, errRange) && w.size == 0 {
		// Some servers refuse ranges that count from the end.
		if err = w.head(ctx); err == nil {
			err = w.readTail(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	return wheelMetadata(ctx, w, w.f)
}

// head learns the size of the wheel.
func (w *wheelReader) head(ctx context.Context) error {
	rq := &request{method: http.MethodHead, url: w.f.URL, accept: acceptFile, home: w.home}
	err := w.c.fetch(ctx, rq, func(a *answer, _ io.Reader) error {
		w.size = max(a.length, 0)
		return nil
	})
	if err == nil && w.size == 0 {
		return errRange
	}
	return err
}

// readTail fetches the last bytes, by place where the size is known, else counted from the end. A server that sends
// everything instead is taken at its word when the wheel is not large.
func (w *wheelReader) readTail(ctx context.Context) error {
	n := int64(tailSize)
	ranges := "bytes=-" + strconv.FormatInt(n, 10)
	from := int64(-1)
	if w.size > 0 {
		from = max(0, w.size-n)
		n = w.size - from
		ranges = fmt.Sprintf("bytes=%d-%d", from, w.size-1)
	}
	rq := &request{url: w.f.URL, accept: acceptFile, home: w.home, ranges: ranges, fresh: w.fresh}
	tooLarge := false
	err := w.c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
		w.passing = w.passing || !a.keep
		var buf bytes.Buffer
		if a.status == http.StatusOK {
			if a.length < 0 || a.length > wholeInstead {
				tooLarge = true
				return nil
			}
			if err := readAll(a, body, &buf, "the wheel", wholeInstead); err != nil {
				return err
			}
			if err := checkHashes(w.f, buf.Bytes()); err != nil {
				return err
			}
			w.tail, w.size, w.complete = buf.Bytes(), int64(buf.Len()), true
			return nil
		}
		at, err := contentRange(a)
		if err != nil {
			return err
		}
		if at.last != at.size-1 || from >= 0 && (at.first != from || at.size != w.size) || from < 0 && at.first != max(0, at.size-n) {
			return fmt.Errorf("%w: it sent bytes %d-%d of %d for %s", errRange, at.first, at.last, at.size, ranges)
		}
		if err := readAll(a, body, &buf, "the byte range", at.last-at.first+1); err != nil {
			return err
		}
		if int64(buf.Len()) != at.last-at.first+1 {
			return transientError{fmt.Errorf("the byte range broke off after %d of %d bytes", buf.Len(), at.last-at.first+1)}
		}
		w.tail, w.tailOff, w.size, w.etag = buf.Bytes(), at.first, at.size, a.header.Get("ETag")
		return nil
	})
	if err == nil && tooLarge {
		return errRange
	}
	return err
}

// length and read make a wheelReader a zipSource.
func (w *wheelReader) length() int64 { return w.size }

func (w *wheelReader) read(ctx context.Context, off, n int64) ([]byte, error) {
	if off >= w.tailOff && off+n <= w.size {
		at := off - w.tailOff
		return w.tail[at : at+n : at+n], nil
	}
	last := min(off+n, w.size) - 1
	ranges := fmt.Sprintf("bytes=%d-%d", off, last)
	rq := &request{url: w.f.URL, accept: acceptFile, home: w.home, ranges: ranges, fresh: w.fresh}
	var buf bytes.Buffer
	err := w.c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
		if a.status != http.StatusPartialContent {
			return fmt.Errorf("%w: it sent one first and ignores the next", errRange)
		}
		at, err := contentRange(a)
		if err != nil {
			return err
		}
		if at.first != off || at.last != last || at.size != w.size {
			return fmt.Errorf("%w: it sent bytes %d-%d of %d for %s of %d", errRange, at.first, at.last, at.size, ranges, w.size)
		}
		if etag := a.header.Get("ETag"); etag != w.etag {
			return fmt.Errorf("%w: the file changed between two, ETag %q, then %q", errRange, w.etag, etag)
		}
		buf.Reset()
		if err := readAll(a, body, &buf, "the byte range", n); err != nil {
			return err
		}
		if int64(buf.Len()) != n {
			return transientError{fmt.Errorf("the byte range broke off after %d of %d bytes", buf.Len(), n)}
		}
		return nil
	})
	return buf.Bytes(), err
}

// byteRange is a Content-Range; first and last count.
type byteRange struct{ first, last, size int64 }

// contentRange reads "bytes FIRST-LAST/SIZE" (RFC 9110, section 14.4); an unknown size is refused.
func contentRange(a *answer) (byteRange, error) {
	text := a.header.Get("Content-Range")
	bad := fmt.Errorf("%w: malformed Content-Range %q", errRange, text)
	span, ok := strings.CutPrefix(text, "bytes ")
	span, size, ok2 := strings.Cut(span, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return byteRange{}, bad
	}
	if encoding := a.header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return byteRange{}, fmt.Errorf("%w: it sent one in content encoding %q", errRange, encoding)
	}
	var r byteRange
	for _, n := range [...]struct {
		text string
		to   *int64
	}{{first, &r.first}, {last, &r.last}, {size, &r.size}} {
		v, err := strconv.ParseUint(strings.TrimSpace(n.text), 10, 62)
		if err != nil {
			return byteRange{}, bad
		}
		*n.to = int64(v)
	}
	if r.first > r.last || r.last >= r.size {
		return byteRange{}, bad
	}
	return r, nil
}

// whole fetches the wheel, verifies its hash and reads METADATA. A mismatch is fetched anew, past caches.
func (w *wheelReader) whole(ctx context.Context) ([]byte, error) {
	data, err := verified(func(fresh bool) ([]byte, error) { return w.fetchWhole(ctx, fresh) })
	w.complete = true
	return data, err
}

func (w *wheelReader) fetchWhole(ctx context.Context, fresh bool) ([]byte, error) {
	rq := &request{url: w.f.URL, accept: acceptFile, home: w.home, fresh: fresh, timeout: max(downloadTimeout, w.c.opts.Timeout)}
	var data []byte
	err := w.c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
		w.passing = w.passing || !a.keep
		if a.length > maxWheel {
			return &LimitError{"the wheel", maxWheel, "bytes"}
		}
		check := newHashCheck(w.f)
		body = io.TeeReader(io.LimitReader(body, maxWheel+1), check)
		var src zipSource
		if a.length >= 0 && a.length <= inMemory {
			var buf bytes.Buffer
			if _, err := buf.ReadFrom(body); err != nil {
				return err
			}
			src = readerAtSource{bytes.NewReader(buf.Bytes()), int64(buf.Len())}
		} else {
			file, err := os.CreateTemp("", "pylock-*.whl")
			if err != nil {
				return &LocalError{err}
			}
			defer os.Remove(file.Name())
			defer file.Close()
			n, err := io.Copy(localWriter{file}, body)
			if err != nil {
				return err
			}
			if n > maxWheel {
				return &LimitError{"the wheel", maxWheel, "bytes"}
			}
			src = readerAtSource{file, n}
		}
		if err := mismatch(a, check.err()); err != nil {
			return err
		}
		var err error
		data, err = wheelMetadata(ctx, src, w.f)
		return err
	})
	return data, err
}

// hashCheck compares what is written to it with the strongest use of a file's stated hashes; with none it accepts all.
type hashCheck struct {
	hash.Hash
	algorithm, want string
}

func newHashCheck(f *File) *hashCheck {
	for _, h := range [...]struct {
		name string
		make func() hash.Hash
	}{{"sha256", sha256.New}, {"sha512", sha512.New}, {"sha384", sha512.New384}} {
		if want := f.Hashes.Get(h.name); want != "" {
			return &hashCheck{h.make(), h.name, want}
		}
	}
	return &hashCheck{Hash: sha256.New()}
}

func (h *hashCheck) err() error {
	if h.want == "" {
		return nil
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != h.want {
		return &HashError{h.algorithm, h.want, got}
	}
	return nil
}

func checkHashes(f *File, data []byte) error {
	h := newHashCheck(f)
	h.Write(data)
	return h.err()
}

func parseMetadata(data []byte, p *Project, r *Release) (*dist.Metadata, error) {
	md, err := dist.ParseMetadata(data)
	if err != nil {
		return nil, err
	}
	return md, checkMetadata(md, p, r)
}

// checkMetadata compares name and version with the file's.
func checkMetadata(md *dist.Metadata, p *Project, r *Release) error {
	if md.Name != p.Name || !md.Version.Equal(r.Version) {
		return fmt.Errorf("its metadata is that of %s %s, not of %s %s", md.Name, md.Version, p.Name, r.Version)
	}
	return nil
}

// localWriter marks errors of writing as this machine's.
type localWriter struct{ w io.Writer }

func (l localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err != nil {
		err = &LocalError{err}
	}
	return n, err
}
