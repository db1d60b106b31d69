package replay

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Live is a Source that asks an index and records what it is asked for, each thing once.
type Live struct {
	*Slice
	index  *url.URL
	client *http.Client
	slots  chan struct{}

	mu      sync.Mutex
	pending map[string]*sync.Mutex // by what is asked for
	urls    map[string]string      // of files, by path
	asked   int
}

// most is how many bytes of one answer are read.
const most = 128 << 20

// NewLive records from the Simple API at address into s, with at most a number of requests at once.
func NewLive(address string, concurrency int, s *Slice) (*Live, error) {
	u, err := url.Parse(strings.TrimSuffix(address, "/") + "/")
	if err != nil {
		return nil, errors.New("the address of the index is malformed")
	}
	return &Live{Slice: s, index: u, client: &http.Client{Timeout: 2 * time.Minute}, slots: make(chan struct{}, concurrency),
		pending: map[string]*sync.Mutex{}, urls: map[string]string{}}, nil
}

// Asked returns the number of requests to the index.
func (l *Live) Asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// one lets one caller at a time ask for key.
func (l *Live) one(key string) (unlock func()) {
	l.mu.Lock()
	m := l.pending[key]
	if m == nil {
		m = new(sync.Mutex)
		l.pending[key] = m
	}
	l.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// errAbsent is a 404 of the index.
var errAbsent = errors.New("not there")

func (l *Live) get(ctx context.Context, address, accept, ranges string) ([]byte, error) {
	l.slots <- struct{}{}
	defer func() { <-l.slots }()
	var err error
	for try := range 6 {
		if try > 0 {
			time.Sleep(time.Second << try)
		}
		var b []byte
		if b, err = l.try(ctx, address, accept, ranges); err == nil || errors.Is(err, errAbsent) || ctx.Err() != nil {
			return b, err
		}
	}
	return nil, err
}

func (l *Live) try(ctx context.Context, address, accept, ranges string) ([]byte, error) {
	// What the index is asked for is kept, even when the client has gone.
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", accept)
	r.Header.Set("User-Agent", "pylock-bench (+https://github.com/pylock-dev/pylock)")
	want := http.StatusOK
	if ranges != "" {
		r.Header.Set("Range", ranges)
		want = http.StatusPartialContent
	}
	l.mu.Lock()
	l.asked++
	l.mu.Unlock()
	reply, err := l.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	switch reply.StatusCode {
	case want:
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden:
		return nil, errAbsent
	default:
		return nil, fmt.Errorf("status %d", reply.StatusCode)
	}
	return io.ReadAll(io.LimitReader(reply.Body, most))
}

// Project is Source's.
func (l *Live) Project(ctx context.Context, name string) (*Project, error) {
	defer l.one("project " + name)()
	if p, known := l.Known(name); known {
		return p, nil
	}
	page := l.index.JoinPath(name, "/")
	text, err := l.get(ctx, page.String(), "application/vnd.pypi.simple.v1+json", "")
	if errors.Is(err, errAbsent) {
		l.AddProject(&Project{Name: name})
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var in struct {
		Name  string `json:"name"`
		Files []struct {
			Filename       string            `json:"filename"`
			Hashes         map[string]string `json:"hashes"`
			RequiresPython *string           `json:"requires-python"`
			Size           int64             `json:"size"`
			UploadTime     string            `json:"upload-time"`
			URL            string            `json:"url"`
			Yanked         any               `json:"yanked"`
		} `json:"files"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("the page of %s is no JSON of PEP 691: %w", name, err)
	}
	p := &Project{Name: name, Title: in.Name}
	for _, x := range in.Files {
		u, err := page.Parse(x.URL)
		if err != nil {
			continue
		}
		f := &File{Name: x.Filename, Path: strings.Trim(u.Path, "/"), SHA256: x.Hashes["sha256"], Size: x.Size, Uploaded: x.UploadTime}
		if x.RequiresPython != nil {
			f.RequiresPython = *x.RequiresPython
		}
		switch y := x.Yanked.(type) {
		case bool:
			f.Yanked = y
		case string:
			f.Yanked, f.YankedReason = true, y
		}
		l.mu.Lock()
		l.urls[f.Path] = u.String()
		l.mu.Unlock()
		p.Files = append(p.Files, f)
	}
	l.AddProject(p)
	return p, nil
}

func (l *Live) address(f *File) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.urls[f.Path]
}

// Metadata is Source's; for a wheel without a metadata file it is read from the wheel.
func (l *Live) Metadata(ctx context.Context, p *Project, f *File) ([]byte, error) {
	defer l.one("metadata " + f.Path)()
	if f.text != "" {
		return []byte(f.text), nil
	}
	if !f.Wheel() {
		return nil, nil
	}
	text, err := l.get(ctx, l.address(f)+".metadata", "*/*", "")
	switch {
	case err == nil:
		f.Sidecar = true
	case errors.Is(err, errAbsent):
		if text, err = l.inside(ctx, f); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	l.AddMetadata(p, f, text)
	return text, nil
}

// Content is Source's.
func (l *Live) Content(ctx context.Context, f *File) ([]byte, error) {
	defer l.one("content " + f.Path)()
	if b, _ := l.Slice.Content(ctx, f); b != nil {
		return b, nil
	}
	b, err := l.get(ctx, l.address(f), "*/*", "")
	if errors.Is(err, errAbsent) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l.AddContent(f, b)
	return b, nil
}

// inside reads METADATA by ranges of the wheel.
func (l *Live) inside(ctx context.Context, f *File) ([]byte, error) {
	r := &rangeReader{get: func(ranges string) ([]byte, error) { return l.get(ctx, l.address(f), "*/*", ranges) }, size: f.Size}
	z, err := zip.NewReader(r, f.Size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	for _, m := range z.File {
		if folder, ok := strings.CutSuffix(m.Name, ".dist-info/METADATA"); ok && !strings.Contains(folder, "/") {
			body, err := m.Open()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			defer body.Close()
			return io.ReadAll(io.LimitReader(body, most))
		}
	}
	return nil, fmt.Errorf("%s has no METADATA", f.Name)
}

// rangeReader reads a file by ranges, and its end once.
type rangeReader struct {
	get  func(ranges string) ([]byte, error)
	size int64
	tail []byte
}

func (r *rangeReader) ReadAt(b []byte, at int64) (int, error) {
	const tail = 64 << 10
	from := max(0, r.size-tail)
	if at >= from {
		if r.tail == nil {
			t, err := r.get("bytes=" + strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(r.size-1, 10))
			if err != nil {
				return 0, err
			}
			r.tail = t
		}
		return bytes.NewReader(r.tail).ReadAt(b, at-from)
	}
	last := min(r.size, at+int64(len(b))) - 1
	part, err := r.get("bytes=" + strconv.FormatInt(at, 10) + "-" + strconv.FormatInt(last, 10))
	n := copy(b, part)
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

// ReadNewest records the METADATA of the newest releases of each package, so that another order of searching than the
// recorded one finds them. Wheels that cannot be read are passed over.
func (l *Live) ReadNewest(ctx context.Context, releases int) error {
	var wg sync.WaitGroup
	for _, p := range l.Projects() {
		vs := versionsOf(p)
		for _, v := range vs[max(0, len(vs)-releases):] {
			for _, f := range p.Files {
				if f.Wheel() && f.version.Equal(v) && !f.Yanked {
					wg.Go(func() { l.Metadata(ctx, p, f) })
					break
				}
			}
		}
	}
	wg.Wait()
	return ctx.Err()
}
