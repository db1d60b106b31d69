package resolver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// LockedPin is one pin of a lock.
type LockedPin struct {
	Name    pypi.Name
	Version pep440.Version
	Marker  pep508.Marker
	Hashes  []string // "sha256:…"
	// Via are the packages of its comment; Annotated says that the lock has such
	// comments. They decide nothing but which pins may hang below one whose
	// dependencies cannot be known.
	Via       []pypi.Name
	Annotated bool
	Place     project.Place
}

// CheckOptions say what a check is about.
type CheckOptions struct {
	// Hashes says that each pin is to have hashes.
	Hashes bool
	// Offline says that the index may answer with [index.ErrOffline]: then what
	// the inputs and the other answers tell is checked.
	Offline bool
	// NoEmit are packages that a lock leaves out on purpose. What they need is
	// not known, so pins that may be theirs are not called superfluous.
	NoEmit []pypi.Name
}

// Check judges the pins of a lock by following the requirements through them:
// no release is looked at but those that are pinned, and nothing is searched.
// Preferences and Resolution of the request do not count.
//
// That something is wrong with the lock is no error. Errors are those of
// [Resolve], a *NoSolutionError among them where the project does not support
// the target: no lock would be right.
func Check(ctx context.Context, ix Index, r Request, pins []LockedPin, o CheckOptions) (*Verdict, error) {
	sc, err := newScope(&r)
	if err != nil {
		return nil, err
	}
	if err := checkRequiresPython(&r, sc); err != nil {
		return nil, err
	}
	r.Preferences = map[pypi.Name][]Preference{}
	for _, p := range pins {
		r.Preferences[p.Name] = append(r.Preferences[p.Name], Preference{p.Version, p.Marker, p.Hashes})
	}
	c := &check{question: newQuestion(&r, sc, nil), options: o, index: ix, byName: map[pypi.Name][]int{}, deps: map[wanted][]dependency{}, reach: map[wanted]where{}}
	c.covering = newProblem(c.question, nil, nil)
	for _, root := range c.requirements {
		if c.strange(root.dependency) {
			return nil, unsupportedURL(&root)
		}
	}
	if err := cmp.Or(clash(sc, c.sources), homeClash(sc, c.homes)); err != nil {
		return nil, err
	}
	for _, p := range pins {
		n := &checked{pin: p, in: sc.holds(p.Marker, ""), stated: sc.narrow(sc.stated).holds(p.Marker, "")}
		n.homes = c.homesIn(p.Name, n.in)
		n.doubtful = !slices.ContainsFunc(c.areas(p.Name), func(l located) bool { return !l.in.and(n.in).isNone() || l.in.covers(sc.here) })
		if n.doubtful {
			c.byName[p.Name] = append(c.byName[p.Name], len(c.nodes))
		}
		c.nodes = append(c.nodes, n)
	}
	for _, name := range sortedKeys(c.locals) {
		for _, area := range c.areas(name) {
			l := area.local
			c.byName[name] = append(c.byName[name], len(c.nodes))
			c.nodes = append(c.nodes, &checked{local: l, in: area.in, stated: sc.stated, meta: &dist.Metadata{Name: name, Version: l.Version}, known: true})
		}
	}
	if err := c.read(ctx); err != nil {
		return nil, err
	}
	return c.judgeAll()
}

// check is one check while it goes on.
type check struct {
	*question
	options  CheckOptions
	index    Index
	covering *problem // for what files cover

	nodes  []*checked // the pins, then the path dependencies
	byName map[pypi.Name][]int
	deps   map[wanted][]dependency
	reach  map[wanted]where
}

// wanted is a node, or an extra of one.
type wanted struct {
	node  int
	extra pypi.Extra
}

// checked is a node: a pin with what the index says of it, or a path
// dependency.
type checked struct {
	pin      LockedPin
	local    *project.Local
	in       where    // the pin's marker, in what the resolution is for
	stated   where    // the same, in what the project supports
	doubtful bool     // a pin that counts
	homes    []housed // the indexes that it comes from; what is known of it is of the first
	torn     where    // where another has other files

	project *index.Project // nil where no index knows the name
	release *index.Release // nil where the index does not have the version
	meta    *dist.Metadata // nil where it cannot be had
	why     exclusionWhy   // then
	python  pep440.Specifiers
	known   bool // its dependencies are
	unread  bool // offline, something about it was not to be had
}

// blind reports whether something was not to be had offline.
func (c *check) blind() bool {
	return slices.ContainsFunc(c.nodes, func(n *checked) bool { return n.unread })
}

// read asks for everything at once: the versions of all pins, and as soon as
// one is there its metadata.
func (c *check) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(c.nodes))
	for i, n := range c.nodes {
		if n.local != nil || !n.doubtful || n.stated.isNone() {
			continue
		}
		wg.Go(func() {
			errs[i] = c.readPin(ctx, n)
			if c.options.Offline && errors.Is(errs[i], index.ErrOffline) {
				n.unread, errs[i] = true, nil
			}
			if errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	var echo error // of another that failed, or of the caller
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		echo = cmp.Or(echo, err)
	}
	return echo
}

func (c *check) readPin(ctx context.Context, n *checked) error {
	name := n.pin.Name
	var pins []index.Pinned
	for _, i := range c.byName[name] {
		if m := c.nodes[i]; m.local == nil && m.home() == n.home() {
			pins = append(pins, index.Pinned{Version: m.pin.Version, Hashes: m.pin.Hashes})
		}
	}
	from := cmp.Or(n.home(), c.index)
	p, err := from.Versions(ctx, name, pins)
	if errors.Is(err, index.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, n.pin.Version, err)
	}
	n.project, n.release = p, p.Release(n.pin.Version)
	if n.release == nil {
		return nil
	}
	if err := c.readOthers(ctx, n); err != nil {
		return err
	}
	if m := c.stated(name, n.release.Version); m != nil {
		n.meta, n.known = restate(m, n.release.Version), true
		return nil
	}
	if c.noDeps {
		n.meta, n.known = &dist.Metadata{Name: name, Version: n.release.Version}, true
		return nil
	}
	file := c.within(n.in).judge(name, n.release).file
	if file == nil {
		// It cannot be used, but what it needs still tells what is in the
		// lock because of it.
		file = anyFile(n.release)
	}
	if file == nil {
		return nil
	}
	m, err := from.MetadataOf(ctx, p, n.release, file)
	var unusable *index.UnusableError
	var hash *index.HashError
	switch {
	case err == nil:
		doc := *m.Metadata
		doc.Version = n.release.Version
		n.meta, n.known = &doc, true
		if file.RequiresPython == "" {
			n.python = doc.RequiresPython
		}
	case errors.As(err, &hash):
		return fmt.Errorf("%s %s: %w", name, n.pin.Version, err)
	case errors.Is(err, index.ErrNeedsBuild):
		n.why = exclusionWhy{needsBuild, ""}
	case errors.As(err, &unusable):
		n.why = exclusionWhy{unreadable, unusable.Error()}
	default:
		return fmt.Errorf("%s %s: %w", name, n.pin.Version, err)
	}
	return nil
}

// readOthers finds out where a pin of several indexes is torn.
func (c *check) readOthers(ctx context.Context, n *checked) error {
	n.torn = n.in.none()
	for _, h := range n.homes[1:] {
		p, err := cmp.Or(h.index, c.index).Versions(ctx, n.pin.Name, []index.Pinned{{Version: n.pin.Version, Hashes: n.pin.Hashes}})
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return fmt.Errorf("%s %s: %w", n.pin.Name, n.pin.Version, err)
		}
		if err != nil || !sameFiles(n.release, p.Release(n.pin.Version)) {
			n.torn = n.torn.or(h.in)
		}
	}
	return nil
}

// home is the first index that a pin comes from, nil for the usual ones.
func (n *checked) home() Index {
	if len(n.homes) == 0 {
		return nil
	}
	return n.homes[0].index
}

// anyFile returns the file that tells the dependencies of a release most
// cheaply.
func anyFile(r *index.Release) *index.File {
	for i := range r.Files() {
		if !r.Files()[i].IsSdist() {
			return &r.Files()[i]
		}
	}
	if len(r.Files()) > 0 {
		return &r.Files()[0]
	}
	return nil
}

// within returns the question for a part of its scope.
func (q *question) within(in where) *question {
	part := *q
	part.scope = q.scope.narrow(in)
	return &part
}

// name returns the package's.
func (n *checked) name() pypi.Name {
	if n.local != nil {
		return n.local.Name
	}
	return n.pin.Name
}

// version returns the pinned one, or the local package's, which may be zero.
func (n *checked) version() pep440.Version {
	if n.local != nil {
		return n.local.Version
	}
	return n.pin.Version
}

// admits reports whether the version is within specifiers.
func (n *checked) admits(s pep440.Specifiers) bool {
	if n.local != nil && n.local.Version.IsZero() {
		return true
	}
	return s.Contains(n.version())
}

// files returns those of the release that the cutoff admits, by name.
func (c *check) files(n *checked) []*index.File {
	var out []*index.File
	for i := range n.release.Files() {
		if f := &n.release.Files()[i]; oldEnough(f, c.cutoff(n.pin.Name)) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b *index.File) int { return strings.Compare(a.Filename, b.Filename) })
	return out
}
