package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

// Links is a page or a folder that lists files of any package, as pip's --find-links has them.
type Links struct {
	Address string // URL of an HTML page, may hold credentials; or an absolute folder
	Shown   string // how a lock names it; "" is the address without credentials
}

// listing is what a page or folder has, by the packages that a file may belong to: in the name of a source distribution
// the version may begin at any dash.
type listing struct {
	records map[pypi.Name][]*record // of a page
	links   linkResolver
	signed  bool
	files   map[pypi.Name][]string // of a folder
	keep    bool
}

// newLinks reads the address of a page or folder.
func newLinks(l Links, keys *keychain, rules Rules) (*repository, error) {
	if filepath.IsAbs(l.Address) {
		r := &repository{flat: true, dir: l.Address, display: l.Shown, simple: &url.URL{Scheme: "file", Path: filepath.ToSlash(l.Address)}}
		if r.display == "" {
			r.display = filepath.ToSlash(l.Address)
		}
		return r, nil
	}
	u, user, err := indexURL(l.Address)
	if err != nil {
		return nil, fmt.Errorf("find-links %s: %w", redactText(l.Address), err)
	}
	r := &repository{flat: true, display: l.Shown, simple: u, keys: keys, rules: rules}
	if r.display == "" {
		r.display = redact(u)
	}
	r.own = append(r.own, keys.add(r, u, user, rules))
	return r, nil
}

// linked returns what a page or folder has under name; the error is errAbsent where it has nothing.
func (c *Client) linked(ctx context.Context, r *repository, name pypi.Name) (*Project, error) {
	l, err := c.listings.do(ctx, r.simple.String(), func(ctx context.Context) (*listing, error) {
		if r.dir != "" {
			return readFolder(r)
		}
		return c.linksPage(ctx, r)
	})
	if err != nil {
		return nil, err
	}
	if r.dir != "" {
		return l.inFolder(ctx, r, name)
	}
	b := newPageBuilder(name, l.links.base)
	defer b.release()
	b.links = l.links
	for _, rec := range l.records[name] {
		own := *rec
		if err := b.add(&own); err != nil {
			return nil, &UnusableError{r.display, err}
		}
	}
	b.skipped = nil // it may belong to another package
	if len(b.files) == 0 {
		return nil, errAbsent
	}
	p, err := b.project(r)
	if err == nil {
		p.keep = l.keep && !b.signed
	}
	return p, err
}

// owners calls add for each package that a file of this name may belong to.
func owners(filename string, add func(pypi.Name)) {
	if stem, ok := strings.CutSuffix(filename, ".whl"); ok {
		name, _, _ := strings.Cut(stem, "-")
		if n, err := pypi.ParseName(name); err == nil {
			add(n)
		}
		return
	}
	seen := map[pypi.Name]bool{}
	for i, c := range []byte(filename) {
		if c != '-' {
			continue
		}
		if n, err := pypi.ParseName(filename[:i]); err == nil && !seen[n] {
			seen[n] = true
			add(n)
		}
	}
}

const listingName = "links" // of the record of a page

// linksPage reads a page of files.
func (c *Client) linksPage(ctx context.Context, r *repository) (*listing, error) {
	at := place{kind: cache.Simple, name: listingName}
	was := c.load(r, at)
	rq := &request{url: r.simple.String(), accept: "text/html, */*;q=0.01", home: r, gzip: true, fresh: c.opts.Refresh.All}
	if was != nil {
		l, err := readLinks(was.page)
		switch {
		case err != nil:
			was = nil
		case c.opts.Offline, !c.opts.Refresh.All && was.fresh(c.opts.Now()):
			c.cached.Add(1)
			return l, nil
		case was.etag != "" || was.modified != "":
			rq.was = was
		}
	}
	var l *listing
	err := c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
		now := c.opts.Now()
		d, keep := lifetime(a.header, now)
		if a.status == http.StatusNotModified {
			var err error
			l, err = readLinks(was.page)
			c.confirm(r, at, was, a, d, keep)
			return err
		}
		if kind := contentType(a.header); kind != "text/html" && kind != "application/vnd.pypi.simple.v1+html" {
			return doubtfulError{wrongType(kind, "text/html")}
		}
		page, done, err := c.readPage(a, body)
		if err != nil {
			return err
		}
		defer done()
		html, err := page.all()
		if err != nil {
			return err
		}
		text := a.url.String() + "\n" + string(html)
		l, err = readLinks(text)
		var limit *LimitError
		switch {
		case errors.As(err, &limit), errors.As(err, new(doubtfulError)):
			return err
		case err != nil:
			return doubtfulError{err}
		}
		if l.keep = keep && !l.signed; l.keep {
			c.save(r, at, &stored{kind: storedHTML, fetched: now, lifetime: d, etag: a.header.Get("ETag"), modified: a.header.Get("Last-Modified"), page: text})
		} else {
			c.drop(r, at, was)
		}
		return nil
	})
	if errors.Is(err, errAbsent) {
		return nil, &UnusableError{r.display, errors.New("there is no such page; correct the address of find-links")}
	}
	return l, err
}

// readLinks reads a page as it is kept: its address, then the HTML.
func readLinks(text string) (*listing, error) {
	address, page, ok := strings.Cut(text, "\n")
	base, err := url.Parse(address)
	if !ok || err != nil {
		return nil, errLinkBroken
	}
	l := &listing{records: map[pypi.Name][]*record{}, keep: true}
	b := newPageBuilder("", base)
	defer b.release()
	b.known = true // whatever lists files is such a page
	b.each = func(r *record) {
		own := *r
		l.signed = l.signed || strings.Contains(string(own.url), "?")
		owners(string(own.filename), func(n pypi.Name) { l.records[n] = append(l.records[n], &own) })
	}
	if err := scanSimpleHTML([]byte(page), b); err != nil {
		return nil, err
	}
	l.links = b.links
	return l, nil
}

// readFolder lists the files of a folder, not those below it.
func readFolder(r *repository) (*listing, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, &UnusableError{r.display, fmt.Errorf("as a folder of find-links: %w", localCause(err))}
	}
	l := &listing{files: map[pypi.Name][]string{}}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		owners(e.Name(), func(n pypi.Name) { l.files[n] = append(l.files[n], e.Name()) })
	}
	return l, nil
}

// localCause is an error of the file system without the path, which differs between machines.
func localCause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// inFolder returns the project of the files of a folder. Each is read whole for its hash, which nobody else states.
func (l *listing) inFolder(ctx context.Context, r *repository, name pypi.Name) (*Project, error) {
	var parts []*Project
	var parser dist.FileParser
	for _, filename := range l.files[name] {
		f := File{Filename: filename, home: r}
		rel := Release{}
		if strings.HasSuffix(filename, ".whl") {
			w, err := parser.Wheel(filename)
			if err != nil || w.Name != name {
				continue
			}
			f.Wheel, rel.Version = &w, w.Version
		} else {
			s, err := parser.SdistOf(filename, name)
			if err != nil {
				continue
			}
			rel.Version = s.Version
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		path := filepath.Join(r.dir, filename)
		if err := f.digest(path); err != nil {
			return nil, &UnusableError{r.display + "/" + filename, err}
		}
		f.URL = (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")}).String()
		parts = append(parts, &Project{Index: r.display, home: r, Releases: []Release{NewRelease(rel.Version, f)}})
	}
	if len(parts) == 0 {
		return nil, errAbsent
	}
	return merge(name, parts, nil, FirstIndex), nil
}

// Local returns the path of a file in a folder of [Links], as its Shown names that; "" for a file that has an address.
func (f *File) Local() string {
	if f.home == nil || f.home.dir == "" {
		return ""
	}
	return f.home.display + "/" + f.Filename
}

// digest takes size and hash of a file on this machine.
func (f *File) digest(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return localCause(err)
	}
	defer file.Close()
	if fi, err := file.Stat(); err != nil || !fi.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	h := sha256.New()
	if f.Size, err = io.Copy(h, file); err != nil {
		return localCause(err)
	}
	f.Hashes = NewHashes("sha256:" + hex.EncodeToString(h.Sum(nil)))
	return nil
}

// localMetadata reads the metadata of a file in a folder, as [Client.MetadataOf] does.
func (c *Client) localMetadata(ctx context.Context, p *Project, r *Release, f *File) (*Metadata, error) {
	home := p.homeOf(f)
	unusable := func(err error) error { return &UnusableError{home.display + "/" + f.Filename, err} }
	file, err := os.Open(filepath.Join(home.dir, f.Filename))
	if err != nil {
		return nil, unusable(localCause(err))
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil || fi.Size() != f.Size {
		return nil, unusable(errors.New("it changed while it was read"))
	}
	if f.IsSdist() {
		if !strings.HasSuffix(f.Filename, ".tar.gz") && !strings.HasSuffix(f.Filename, ".tgz") {
			return nil, ErrNeedsBuild
		}
		content, err := readSdist(&countReader{r: file}, f, true)
		if err != nil {
			return nil, unusable(err)
		}
		m, err := content.metadata(p, r)
		if err != nil && !errors.Is(err, ErrNeedsBuild) {
			return nil, unusable(err)
		}
		if m != nil {
			m.File = f
		}
		return m, err
	}
	data, err := wheelMetadata(ctx, readerAtSource{file, f.Size}, f)
	if err != nil {
		return nil, unusable(err)
	}
	md, err := parseMetadata(data, p, r)
	if err != nil {
		return nil, unusable(err)
	}
	return &Metadata{md, f, FromWheel}, nil
}
