package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

// Strategy says what is made of a name that several indexes have. The names are uv's.
type Strategy uint8

const (
	// FirstIndex takes a name from the first index that has it.
	FirstIndex Strategy = iota
	// UnsafeFirstMatch takes versions from all of them, those of the first index before any of the next: a stranger may
	// take over a name on an index that comes later.
	UnsafeFirstMatch
	// UnsafeBestMatch takes versions from all of them, whichever is best: the same danger.
	UnsafeBestMatch
)

// Strategies are the names of the strategies, in their order.
var Strategies = []string{"first-index", "unsafe-first-match", "unsafe-best-match"}

func (s Strategy) String() string { return Strategies[s] }

// ParseStrategy reads the name of a strategy.
func ParseStrategy(s string) (Strategy, error) {
	if i := slices.Index(Strategies, s); i >= 0 {
		return Strategy(i), nil
	}
	return 0, fmt.Errorf("unknown index strategy %q: use one of %s", s, strings.Join(Strategies, ", "))
}

// Strategy is that of the options.
func (c *Client) Strategy() Strategy { return c.opts.Strategy }

// Origin is where the files of a release come from.
type Origin struct {
	Index string   // as configured, without credentials; "" where no index has any
	Links []string // pages and folders of files, as they are to be shown, in the order asked
}

// Origin returns where the files of r come from, a release of p.
func (p *Project) Origin(r *Release) Origin {
	o := Origin{}
	if p.home == nil && !p.merged {
		o.Index = p.Index // of an index that is no Client
		return o
	}
	if !p.merged {
		o.add(p.home)
		return o
	}
	for i := range r.Files() {
		o.add(r.Files()[i].home)
	}
	return o
}

func (o *Origin) add(r *repository) {
	switch {
	case r == nil:
	case !r.flat:
		o.Index = cmp.Or(o.Index, r.display)
	case !slices.Contains(o.Links, r.display):
		o.Links = append(o.Links, r.display)
	}
}

// Later returns the indexes that were not asked, since an earlier one has the name.
func (p *Project) Later() []string {
	if p.home == nil || p.home.named[p.Name] {
		return nil
	}
	return p.home.later
}

// homeOf is where a file of p comes from.
func (p *Project) homeOf(f *File) *repository {
	if f != nil && f.home != nil {
		return f.home
	}
	return p.home
}

// askedFor returns the indexes to ask for a name, in this order: the only one that it comes from, unless that is nil.
func (c *Client) askedFor(only *repository, name pypi.Name) []*repository {
	if only == nil {
		only = c.instead[name]
	}
	if only != nil {
		return []*repository{only}
	}
	return c.repositories
}

// alone returns the only index that a name may come from, or nil.
func (c *Client) alone(only *repository, name pypi.Name) *repository {
	if rs := c.askedFor(only, name); len(rs) == 1 && !rs[0].flat && (len(c.links) == 0 || only != nil) {
		return rs[0]
	}
	return nil
}

// gather asks for a name wherever it may come from: pages and folders of files, and by the strategy the first index that
// has it, or all; where only is not nil, there alone. ask is told the index; its error is errAbsent where that does not have the name.
func (c *Client) gather(ctx context.Context, only *repository, name pypi.Name, ask func(context.Context, *repository) (*Project, error)) (*Project, error) {
	places := c.askedFor(only, name)
	beside := 0 // of places, those that count beside the indexes
	if only == nil {
		places, beside = slices.Concat(c.links, places), len(c.links)
	}
	var links, indexes []*Project
	all := c.opts.Strategy != FirstIndex
	answers := make([]*Project, len(places))
	errs := make([]error, len(places))
	one := func(i int) {
		if places[i].flat {
			answers[i], errs[i] = c.linked(ctx, places[i], name)
		} else {
			answers[i], errs[i] = ask(ctx, places[i])
		}
	}
	if all && len(places) > 1 {
		var wg sync.WaitGroup
		for i := range places {
			wg.Go(func() { one(i) })
		}
		wg.Wait()
	}
	for i := range places {
		if !all || len(places) == 1 {
			one(i)
		}
		switch p, err := answers[i], errs[i]; {
		case errors.Is(err, errAbsent):
			continue
		case err != nil:
			return nil, err
		case i < beside:
			links = append(links, p)
			continue
		default:
			indexes = append(indexes, p)
		}
		if !all {
			c.compareLater(ctx, name, answers[i], places[i+1:])
			break
		}
	}
	switch {
	case len(links)+len(indexes) == 0:
		return nil, c.notFound(only, name)
	case len(links) == 0 && len(indexes) == 1:
		return indexes[0], nil
	case len(links) == 1 && len(indexes) == 0:
		return links[0], nil
	}
	if len(indexes) > 1 && unrelated(indexes) {
		c.noteShared(name, indexes)
	}
	return merge(name, links, indexes, c.opts.Strategy), nil
}

// merge makes one project of what several places have of a name. A version that two indexes have is that of the first,
// since it may be another thing on the other. A file in a folder or on a page that somebody names is as good as one of
// an index, as pip and uv have it: they join its files, and of two with one name the folder's counts.
func merge(name pypi.Name, links, indexes []*Project, strategy Strategy) *Project {
	type part struct {
		files []File
		Release
	}
	m := &Project{Name: name, merged: true, keep: true}
	var parts []*part
	find := func(r *Release) (*part, bool) {
		i, found := slices.BinarySearchFunc(parts, r, func(p *part, r *Release) int { return p.Version.Compare(r.Version) })
		if !found {
			parts = slices.Insert(parts, i, &part{Release: Release{Version: r.Version}})
		}
		return parts[i], found
	}
	add := func(to *part, r *Release, home *repository) {
		for _, f := range r.Files() {
			if !slices.ContainsFunc(to.files, func(g File) bool { return g.Filename == f.Filename }) {
				if f.home == nil {
					f.home = home
				}
				to.files = append(to.files, f)
			}
		}
	}
	for i, p := range indexes {
		m.Index, m.Status, m.StatusReason = cmp.Or(m.Index, p.Index), cmp.Or(m.Status, p.Status), cmp.Or(m.StatusReason, p.StatusReason)
		m.Skipped = append(m.Skipped, p.Skipped...)
		m.keep = m.keep && p.keep
		for k := range p.Releases {
			if to, found := find(&p.Releases[k]); !found {
				add(to, &p.Releases[k], p.home)
				if strategy == UnsafeFirstMatch {
					to.rank = i
				}
			}
		}
	}
	for _, p := range links {
		m.Index = cmp.Or(m.Index, p.Index)
		m.Skipped = append(m.Skipped, p.Skipped...)
		for k := range p.Releases {
			to, _ := find(&p.Releases[k])
			theirs := to.files
			to.files, to.rank = nil, 0
			add(to, &p.Releases[k], p.home)
			for i := range theirs {
				if !slices.ContainsFunc(to.files, func(g File) bool { return g.Filename == theirs[i].Filename }) {
					to.files = append(to.files, theirs[i])
				}
			}
		}
	}
	for _, p := range parts {
		slices.SortStableFunc(p.files, func(a, b File) int { return strings.Compare(a.Filename, b.Filename) })
		r := NewRelease(p.Version, p.files...)
		r.rank = p.rank
		m.Releases = append(m.Releases, r)
	}
	return m
}

// Shared is a name that indexes have that have no file of it in common, so that it may be two things.
type Shared struct {
	Name    pypi.Name
	Indexes []string // without credentials, in the order asked
}

// Shared returns those that were met so far, by name. It is known where several indexes are asked for a name; with
// [FirstIndex], which asks one, where the cache has the page of another.
func (c *Client) Shared() []Shared {
	c.sharing.Lock()
	defer c.sharing.Unlock()
	return slices.SortedFunc(slices.Values(c.shared), func(a, b Shared) int { return cmp.Compare(a.Name, b.Name) })
}

// compareLater notes whether an index that is not asked, since an earlier one has the name, is known to have it too: by
// a page in the cache, without a request.
func (c *Client) compareLater(ctx context.Context, name pypi.Name, p *Project, later []*repository) {
	for _, r := range later {
		if r.flat || c.bucket(r) == nil {
			continue
		}
		for _, kind := range [...]string{cache.Simple, cache.JSON} {
			was, err := c.pageInCache(ctx, r, kind, name)
			if err != nil || was == nil {
				continue
			}
			if both := []*Project{p, was.project}; unrelated(both) {
				c.noteShared(name, both)
				return
			}
			break
		}
	}
}

func (c *Client) noteShared(name pypi.Name, indexes []*Project) {
	s := Shared{Name: name}
	for _, p := range indexes {
		s.Indexes = append(s.Indexes, p.Index)
	}
	c.sharing.Lock()
	defer c.sharing.Unlock()
	if !slices.ContainsFunc(c.shared, func(have Shared) bool { return have.Name == name }) {
		c.shared = append(c.shared, s)
	}
}

// unrelated reports whether two of the projects have no file in common: an index that passes another on has the same
// files, those that merely share a name do not.
func unrelated(ps []*Project) bool {
	seen := make([]map[string]bool, len(ps))
	var scan FileScan
	for i, p := range ps {
		seen[i] = map[string]bool{}
		for k := range p.Releases {
			for _, f := range scan.Files(&p.Releases[k]) {
				if h := f.Hashes.Get("sha256"); h != "" {
					seen[i][h] = true
				}
			}
		}
	}
	for i := range seen[1:] {
		common := false
		for h := range seen[i+1] {
			common = common || seen[0][h]
		}
		if !common && len(ps[i+1].Releases) > 0 && len(ps[0].Releases) > 0 {
			return true
		}
	}
	return false
}
