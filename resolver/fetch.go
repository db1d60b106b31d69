package resolver

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
)

// future is an answer that may still be on its way.
type future[T any] struct {
	done chan struct{}
	val  T
	err  error
}

func (f *future[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.val, f.err
	default:
	}
	select {
	case <-f.done:
		return f.val, f.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

// once computes one answer a key, each on its own goroutine.
type once[K comparable, T any] struct {
	mu sync.Mutex
	m  map[K]*future[T]
}

// get returns the future for the key.
func (o *once[K, T]) get(k K, wg *sync.WaitGroup, compute func() (T, error)) *future[T] {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f, ok := o.m[k]; ok {
		return f
	}
	if o.m == nil {
		o.m = map[K]*future[T]{}
	}
	f := &future[T]{done: make(chan struct{})}
	o.m[k] = f
	wg.Go(func() {
		defer close(f.done)
		f.val, f.err = compute()
	})
	return f
}

func (o *once[K, T]) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.m)
}

// library holds what the index said, for all searches of one resolution:
// each page and each metadata document is asked for once.
type library struct {
	index Index
	wg    sync.WaitGroup
	pages once[page, *index.Project] // nil where no index knows the name
	// pinned are the versions of the existing lock, nil likewise.
	pinned once[pypi.Name, *index.Project]
	docs   once[*index.File, *dist.Metadata]
}

// page is what one index has under a name.
type page struct {
	from Index // nil for the usual ones
	name pypi.Name
}

func (l *library) page(ctx context.Context, of page) *future[*index.Project] {
	return l.pages.get(of, &l.wg, func() (*index.Project, error) {
		p, err := cmp.Or(of.from, l.index).Project(ctx, of.name)
		if errors.Is(err, index.ErrNotFound) {
			return nil, nil
		}
		return p, err
	})
}

// versions is page, for nothing but the pins of a package that comes from the
// usual indexes.
func (l *library) versions(ctx context.Context, name pypi.Name, pins []index.Pinned) *future[*index.Project] {
	return l.pinned.get(name, &l.wg, func() (*index.Project, error) {
		p, err := l.index.Versions(ctx, name, pins)
		if errors.Is(err, index.ErrNotFound) {
			return nil, nil
		}
		return p, err
	})
}

func (l *library) document(ctx context.Context, from Index, p *index.Project, r *index.Release, f *index.File) *future[*dist.Metadata] {
	return l.docs.get(f, &l.wg, func() (*dist.Metadata, error) {
		m, err := cmp.Or(from, l.index).MetadataOf(ctx, p, r, f)
		if err != nil {
			return nil, err
		}
		// Not every source states the version.
		doc := *m.Metadata
		doc.Version = r.Version
		return &doc, nil
	})
}

// fetcher reads packages and metadata for one search, and ahead of it where
// it can guess what the search will want. A wrong guess costs a request and
// nothing else: what the search is told never depends on guesses.
type fetcher struct {
	*library
	q       *question
	pins    map[pypi.Name][]index.Pinned // see resolving
	judged  once[pypi.Name, *candidates]
	guesses guessed
}

// candidates starts to read and judge the releases of a package.
func (f *fetcher) candidates(ctx context.Context, name pypi.Name) *future[*candidates] {
	return f.judged.get(name, &f.wg, func() (*candidates, error) {
		if l, ok := f.q.locals[name]; ok {
			return f.q.localCandidates(l), nil
		}
		from := f.q.home(name, f.q.scope.here)
		read := f.page
		if pins, ok := f.pins[name]; ok {
			read = func(ctx context.Context, _ page) *future[*index.Project] { return f.versions(ctx, name, pins) }
		}
		p, err := read(ctx, page{from, name}).wait(ctx)
		if err != nil {
			return nil, err
		}
		if p == nil {
			return &candidates{name: name, missing: true}, nil
		}
		c := newCandidates(f.q, p)
		c.from = from
		return c, nil
	})
}

// metadata starts to read the metadata of the release in the state.
func (f *fetcher) metadata(ctx context.Context, c *candidates, state int) *future[*dist.Metadata] {
	if c.local != nil {
		fu := &future[*dist.Metadata]{done: make(chan struct{}), val: &dist.Metadata{Name: c.name, Version: c.local.Version}}
		close(fu.done)
		return fu
	}
	if m := f.q.stated(c.name, c.versions[state-1]); m != nil {
		fu := &future[*dist.Metadata]{done: make(chan struct{}), val: restate(m, c.versions[state-1])}
		close(fu.done)
		return fu
	}
	return f.document(ctx, c.from, c.project, c.releases[state-1], c.file(state))
}

// mayBuild reports whether to ask for the metadata of a release may run a
// build, which nobody should wait for in vain.
func (q *question) mayBuild(c *candidates, state int) bool {
	if !q.Builds || c.local != nil {
		return false
	}
	f := c.file(state)
	return f != nil && f.IsSdist()
}

// guess reads ahead: the package of the requirement, the release that would
// be chosen now, and whatever that one asks for. Each package, and each extra
// of it, is guessed at once only.
func (f *fetcher) guess(ctx context.Context, d dependency) {
	fresh := f.guesses.add(extraKey{d.Name, ""})
	var extras []pypi.Extra
	for _, x := range d.Extras {
		if f.guesses.add(extraKey{d.Name, x}) {
			extras = append(extras, x)
		}
	}
	if !fresh && len(extras) == 0 {
		return
	}
	page := f.candidates(ctx, d.Name)
	f.wg.Go(func() {
		c, err := page.wait(ctx)
		if err != nil || f.q.noDeps {
			return
		}
		state := f.q.prefer(c, c.set(d.Specifiers).Minus(c.excluded))
		if state == 0 || f.q.mayBuild(c, state) {
			return
		}
		m, err := f.metadata(ctx, c, state).wait(ctx)
		if err != nil {
			return
		}
		if fresh {
			extras = append([]pypi.Extra{""}, extras...)
		}
		for _, x := range extras {
			for _, next := range f.q.dependencies(c, m, x) {
				f.guess(ctx, next)
			}
		}
	})
}

type extraKey struct {
	name  pypi.Name
	extra pypi.Extra
}

// guessed is a set that several goroutines add to.
type guessed struct {
	mu sync.Mutex
	m  map[extraKey]bool
}

// add reports whether the key is new.
func (g *guessed) add(k extraKey) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.m == nil {
		g.m = map[extraKey]bool{}
	}
	if g.m[k] {
		return false
	}
	g.m[k] = true
	return true
}
