package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/cache"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

const (
	acceptSimple = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
	acceptJSON   = "application/json"
	acceptFile   = "*/*"
)

// Project returns what there is under name: of the first index that has it, unless Options.Strategy says otherwise, and
// on the pages and in the folders of Options.Links. Errors: *NotFoundError, *UnavailableError,
// *UnusableError, or the context's.
func (c *Client) Project(ctx context.Context, name pypi.Name) (*Project, error) {
	return c.projectOf(ctx, c.only[name], name)
}

// projectOf is Project for a package that comes from one place alone, or, where that is nil, from any.
func (c *Client) projectOf(ctx context.Context, only *repository, name pypi.Name) (*Project, error) {
	return c.projects.do(ctx, fmt.Sprintf("%s %p", name, only), func(ctx context.Context) (*Project, error) {
		return c.gather(ctx, only, name, func(ctx context.Context, r *repository) (*Project, error) { return c.projectAt(ctx, r, name) })
	})
}

func (c *Client) notFound(only *repository, name pypi.Name) error {
	e := &NotFoundError{Name: name}
	asked := c.askedFor(only, name)
	if only == nil {
		asked = slices.Concat(asked, c.links)
	}
	for _, r := range asked {
		e.Indexes = append(e.Indexes, r.display)
	}
	return e
}

// projectAt asks one index; the error is errAbsent when it does not have name.
//
// The JSON API's 404 is not the last word: it has none for a quarantined project, whose state the Simple API tells,
// and an index may have the Simple API alone.
func (c *Client) projectAt(ctx context.Context, r *repository, name pypi.Name) (*Project, error) {
	if c.opts.Order == SimpleFirst || r.json == nil || !r.projects.worth(enoughProjects) {
		return c.simplePage(ctx, r, name)
	}
	if c.opts.Order == Auto && r.guessed && !r.htmlOnly.Load() {
		p, err := c.simplePage(ctx, r, name)
		if err != nil || !r.htmlOnly.Load() || len(p.Releases) == 0 {
			return p, err
		}
		rich, err := c.jsonDocument(ctx, r, name, nil)
		switch {
		case err == nil:
			r.projects.add(true)
			rich.Status, rich.StatusReason = p.Status, p.StatusReason
			return rich, nil
		case ctx.Err() != nil:
			return nil, err
		}
		r.projects.add(false)
		return p, nil
	}
	p, jsonErr := c.jsonDocument(ctx, r, name, nil)
	if jsonErr == nil {
		r.projects.add(true)
		return p, nil
	}
	var unusable *UnusableError
	trusted := !r.guessed || r.projects.yes.Load() > 0
	if ctx.Err() != nil || trusted && !errors.Is(jsonErr, errAbsent) && !errors.As(jsonErr, &unusable) {
		return nil, jsonErr
	}
	p, err := c.simplePage(ctx, r, name)
	switch {
	case err == nil && len(p.Releases) > 0:
		r.projects.add(false)
	case errors.Is(err, errAbsent) && errors.As(jsonErr, &unusable) && trusted:
		return nil, jsonErr
	}
	return p, err
}

// Version returns version v of name as a project of that release alone, from the small document that some indexes
// have for each version. Where there is none it is Project. The release may be missing.
func (c *Client) Version(ctx context.Context, name pypi.Name, v pep440.Version) (*Project, error) {
	return c.versions.do(ctx, string(name)+"=="+v.String(), func(ctx context.Context) (*Project, error) {
		r := c.alone(c.only[name], name)
		if r == nil || r.json == nil || !r.versions.worth(enoughVersions) || !r.projects.worth(enoughProjects) {
			return c.Project(ctx, name)
		}
		p, err := c.jsonDocument(ctx, r, name, &v)
		if err == nil {
			r.versions.add(true)
			return p, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		p, err = c.Project(ctx, name)
		if err == nil && p.Release(v) != nil {
			r.versions.add(false)
		}
		return p, err
	})
}

// jsonDocument reads /NAME/json, or with v set /NAME/VERSION/json.
func (c *Client) jsonDocument(ctx context.Context, r *repository, name pypi.Name, v *pep440.Version) (*Project, error) {
	known := &r.projects
	address := r.json.JoinPath(string(name), "json")
	if v != nil {
		known = &r.versions
		address = r.json.JoinPath(string(name), v.String(), "json")
	}
	rq := &request{url: address.String(), accept: acceptJSON, home: r, gzip: true}
	if r.guessed && known.yes.Load() == 0 {
		rq.tries = probeTries
	}
	at := place{kind: cache.JSON, name: name}
	if v != nil {
		at = place{kind: cache.Releases, name: name, key: v.Key()}
	}
	return c.page(ctx, r, rq, at, func(kind string, page *pageText, b *pageBuilder) error {
		if !isJSON(kind) {
			return wrongType(kind, "application/json")
		}
		data, err := page.all()
		if err != nil {
			return err
		}
		return scanJSONAPI(data, b, v != nil)
	})
}

// simplePage reads the project page of the Simple API.
func (c *Client) simplePage(ctx context.Context, r *repository, name pypi.Name) (*Project, error) {
	address := r.simple.JoinPath(string(name), "/")
	rq := &request{url: address.String(), accept: acceptSimple, home: r, gzip: true}
	return c.page(ctx, r, rq, place{kind: cache.Simple, name: name}, func(kind string, page *pageText, b *pageBuilder) error {
		switch {
		case isJSON(kind):
			return page.verdict(scanSimpleJSON(page.scanner(), b))
		case kind == "text/html", kind == "application/vnd.pypi.simple.v1+html":
			data, err := page.all()
			if err == nil {
				err = scanSimpleHTML(data, b)
			}
			if err == nil {
				r.htmlOnly.Store(true)
			}
			b.html = true
			return err
		}
		return wrongType(kind, "application/vnd.pypi.simple.v1+json or text/html")
	})
}

func isJSON(kind string) bool {
	return kind == "application/json" || kind == "application/vnd.pypi.simple.v1+json"
}

func wrongType(kind, want string) error {
	if kind == "" {
		kind = "none"
	}
	return fmt.Errorf("content type %q, want %s; it may be a login or error page", kind, want)
}

// page returns one page from the cache, or fetches it and has it scanned.
func (c *Client) page(ctx context.Context, r *repository, rq *request, at place, scan func(kind string, page *pageText, b *pageBuilder) error) (*Project, error) {
	was := c.load(r, at)
	var p *Project
	if was != nil {
		var err error
		p, err = was.unpack(r, at.name)
		switch {
		case err != nil && !errors.Is(err, errAbsent):
			was, p = nil, nil
		case c.opts.Offline, !c.opts.Refresh.has(at.name) && was.fresh(c.opts.Now()):
			c.cached.Add(1)
			c.expires(was.fetched.Add(was.lifetime))
			return p, err
		case was.etag == "" && was.modified == "" || was.kind == storedAbsent:
			p = nil // nothing to ask by
		default:
			rq.was = was
		}
	}
	rq.fresh = c.opts.Refresh.has(at.name)
	confirmed := p
	err := c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
		now := c.opts.Now()
		d, keep := lifetime(a.header, now)
		if a.status == http.StatusNotModified {
			p = confirmed
			p.keep = keep
			c.expires(now) // as the next client finds out
			c.confirm(r, at, was, a, d, keep)
			return nil
		}
		text, done, err := c.readPage(a, body)
		if err != nil {
			return err
		}
		done = sync.OnceFunc(done)
		defer done()
		b := newPageBuilder(at.name, a.url)
		defer b.release()
		err = scan(contentType(a.header), text, b)
		var syntax *syntaxError
		var limit *LimitError
		switch {
		case err == nil:
		case errors.As(err, new(transientError)):
			return err
		case errors.As(err, &syntax) && syntax.End && !a.framed:
			return transientError{err}
		case errors.As(err, &limit), errors.As(err, new(doubtfulError)):
			return err
		default:
			return doubtfulError{err}
		}
		if b.unended && !a.framed {
			return transientError{errors.New("the page has neither an end tag nor a length: it may have been cut")}
		}
		s := &stored{kind: storedJSON, fetched: now, lifetime: d, etag: a.header.Get("ETag"), modified: a.header.Get("Last-Modified")}
		if b.html {
			s.kind = storedHTML
		}
		s.page = b.pack()
		done()
		// From here on cold and warm are the same.
		if p, err = unpackPage(s.page, at.name, r); err != nil {
			return err
		}
		if at.key == "" {
			p.fetched = now
		}
		// Addresses with a query may be signed, which is a credential, and expire.
		if p.keep = keep && !b.signed; p.keep {
			c.expires(now.Add(d))
			c.save(r, at, s)
		} else {
			c.expires(time.Time{})
			c.drop(r, at, was)
		}
		return nil
	})
	var absent *absentError
	if errors.As(err, &absent) && at.key == "" {
		// Kept without a lifetime too, for those who are offline.
		d, keep := lifetime(absent.header, c.opts.Now())
		c.expires(c.opts.Now().Add(d))
		if keep {
			c.save(r, at, &stored{kind: storedAbsent, fetched: c.opts.Now(), lifetime: d})
		} else {
			c.drop(r, at, was)
		}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// readPage returns the text of a page, until done is called. What is here compressed is inflated one page a processor, at a
// desk of its own; what still comes from the network waits for nobody, and keeps nobody waiting.
func (c *Client) readPage(a *answer, body io.Reader) (page *pageText, done func(), err error) {
	if a.length > maxPage {
		return nil, nil, &LimitError{"the project page", maxPage, "bytes"}
	}
	page = &pageText{body: body, answer: a}
	if z, ok := body.(*inflated); ok && z.whole {
		page.desk = <-c.desks
		return page, func() { c.desks <- page.desk }, nil
	}
	page.desk, _ = c.tables.Get().(*desk)
	if page.desk == nil {
		page.desk = new(desk)
	}
	return page, func() { c.tables.Put(page.desk) }, nil
}

// confirm renews the record of an answer that the index says is unchanged.
func (c *Client) confirm(r *repository, at place, was *stored, a *answer, d time.Duration, keep bool) {
	c.revalidated.Add(1)
	if !keep {
		c.drop(r, at, was)
		return
	}
	s := *was
	if s.fetched = c.opts.Now(); a.header.Get("Cache-Control") != "" || a.header.Get("Expires") != "" {
		s.lifetime = d
	}
	if tag := a.header.Get("ETag"); tag != "" {
		s.etag = tag
	}
	c.save(r, at, &s)
}

// contentType returns the media type in lower case, "" when there is none.
func contentType(h http.Header) string {
	text := h.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(text)
	if err != nil {
		kind, _, _ = strings.Cut(text, ";")
	}
	return strings.ToLower(strings.TrimSpace(kind))
}
