package index

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Pinned is a version that a lock has.
type Pinned struct {
	Version pep440.Version
	Hashes  []string // of its files, "sha256:" and lower-case hexadecimal; none where the lock has none
}

// Versions returns the pinned versions of a package, and no other releases: what a lock is judged by. Those that the
// index does not have are missing from it. The first index that has the name answers, as for [Client.Project], and
// with the same errors.
//
// A page in the cache will do where it has all files that the lock knows, see pinnedOf.
// Where an index has a document for each version, these alone are read, at once. Where it has none, and to be sure that
// a version without a document does not exist, the project's page is read once. Whether an index has such documents is
// learned from the first package asked for, for which all others wait.
func (c *Client) Versions(ctx context.Context, name pypi.Name, pins []Pinned) (*Project, error) {
	return c.versionsOf(ctx, c.only[name], name, pins)
}

// versionsOf is Versions for a package that comes from one place alone, or, where that is nil, from any.
func (c *Client) versionsOf(ctx context.Context, only *repository, name pypi.Name, pins []Pinned) (*Project, error) {
	vs := make([]pep440.Version, len(pins))
	for i := range pins {
		vs[i] = pins[i].Version
	}
	slices.SortFunc(vs, pep440.Version.Compare)
	vs = slices.CompactFunc(vs, pep440.Version.Equal)
	key := string(name)
	for _, v := range vs {
		key += "==" + v.Key()
	}
	p, err := c.gather(ctx, only, name, func(ctx context.Context, r *repository) (*Project, error) {
		p, err := c.pinnedOf(ctx, r, name, pins)
		if p != nil || err != nil {
			return p, err
		}
		return c.pinned.do(ctx, r.simple.String()+" "+key, func(ctx context.Context) (*Project, error) {
			return c.versionsAt(ctx, r, only, name, vs)
		})
	})
	if err != nil {
		return nil, err
	}
	return p.only(vs), nil
}

// versionsAt asks one index; the error is errAbsent when it does not have name.
func (c *Client) versionsAt(ctx context.Context, r, only *repository, name pypi.Name, vs []pep440.Version) (*Project, error) {
	if len(vs) == 0 {
		return c.pageOf(ctx, r, only, name, vs)
	}
	if r.json == nil || c.opts.Order == SimpleFirst {
		return c.pageOf(ctx, r, only, name, vs)
	}
	c.bucket(r) // may know more
	worth := func() bool { return r.versions.worth(enoughVersions) && r.projects.worth(enoughProjects) }
	if worth() && r.versions.yes.Load() == 0 {
		learned, err := r.probe(ctx)
		if err != nil {
			return nil, err
		}
		defer learned()
	}
	if !worth() {
		return c.pageOf(ctx, r, only, name, vs)
	}
	docs := make([]*Project, len(vs))
	var wg sync.WaitGroup
	for i, v := range vs {
		wg.Go(func() {
			// A document without files of the version tells nothing; the page does.
			if p, err := c.jsonDocument(ctx, r, name, &v); err == nil && p.Release(v) != nil {
				docs[i] = p
				r.versions.add(true)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !slices.Contains(docs, nil) {
		return union(docs), nil
	}
	page, err := c.pageOf(ctx, r, only, name, vs)
	if err == nil {
		for i, v := range vs {
			if docs[i] == nil && page.Release(v) != nil {
				r.versions.add(false)
			}
		}
	}
	return page, err
}

// pageOf reads the page of a package and keeps of it the versions asked for.
func (c *Client) pageOf(ctx context.Context, r, only *repository, name pypi.Name, vs []pep440.Version) (*Project, error) {
	var p *Project
	var err error
	if c.alone(only, name) == r {
		p, err = c.projectOf(ctx, only, name) // which others may have asked for
	} else {
		p, err = c.projectAt(ctx, r, name)
	}
	if err != nil {
		return nil, err
	}
	return p.only(vs), nil
}

// only is p with no other releases than those of vs, which are sorted.
func (p *Project) only(vs []pep440.Version) *Project {
	q := &Project{Name: p.Name, Index: p.Index, Status: p.Status, StatusReason: p.StatusReason, Skipped: p.Skipped, home: p.home, merged: p.merged, claim: p.claim, keep: p.keep}
	for _, v := range vs {
		if rel := p.Release(v); rel != nil {
			q.Releases = append(q.Releases, *rel)
		}
	}
	return q
}

// union joins the documents of versions of one project; a claim is about one of them and is dropped.
func union(docs []*Project) *Project {
	if len(docs) == 1 {
		return docs[0]
	}
	p := &Project{Name: docs[0].Name, Index: docs[0].Index, Status: docs[0].Status, StatusReason: docs[0].StatusReason, home: docs[0].home, keep: true}
	for _, d := range docs {
		p.keep = p.keep && d.keep
		p.Releases = append(p.Releases, d.Releases...)
		p.Skipped = append(p.Skipped, d.Skipped...)
	}
	slices.SortFunc(p.Releases, func(a, b Release) int { return a.Version.Compare(b.Version) })
	slices.SortFunc(p.Skipped, func(a, b Skipped) int { return strings.Compare(a.Filename, b.Filename) })
	return p
}

// probe makes all wait for the first who asks an index for a document of a version: in a burst, hundreds of requests
// would learn at once that there are none. Who is let in calls learned when it knows.
func (r *repository) probe(ctx context.Context) (learned func(), err error) {
	r.probing.Lock()
	if r.probed == nil {
		done := make(chan struct{})
		r.probed = done
		r.probing.Unlock()
		return func() { close(done) }, nil
	}
	done := r.probed
	r.probing.Unlock()
	select {
	case <-done:
		return func() {}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
