package resolver

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// Pinned is a pin of a lock with all that bounds it.
type Pinned struct {
	Name    pypi.Name
	Version pep440.Version
	Marker  pep508.Marker // where it applies; the zero Marker for everywhere
	// Bounds are the specifiers of who asks for the package and of its
	// constraints.
	Bounds []pep440.Specifiers
}

// Outlook is how a pin stands against what the index has. Versions are zero
// for none.
type Outlook struct {
	// Allowed is the newest release that all bounds admit and that the request
	// lets be used wherever the pin applies. What that release asks for in turn
	// is not looked at, so a resolution may have to keep the pin all the same.
	Allowed pep440.Version
	// Newest is the newest release that has files and is not yanked, stable
	// unless the pin is a pre-release, those are allowed, or there is nothing
	// else.
	Newest pep440.Version
	// Prerelease is the newest pre-release where it is above Newest.
	Prerelease pep440.Version
	// Unusable says why the request does not let Newest be used, bounds aside:
	// its Python, its files, the cutoff. "" when it does.
	Unusable string
	// Yanked is set when all files of the pinned version are.
	Yanked       bool
	YankedReason string // the index's words: escape before printing
	// Missing says why the index does not offer the pinned version, "" when it
	// does.
	Missing string
}

// maxPages is how many pages are asked for at once.
const maxPages = 32

// Outlooks returns the outlook of each pin under the settings, target and
// rules of a request; its preferences and its mode do not count, and its
// requirements only where they admit pre-releases or yanked versions by name.
// Pages come from project, but for those of Request.From; it is called from several goroutines at once; a
// name that no index knows is an outlook, every other error ends the search.
func Outlooks(ctx context.Context, project func(context.Context, pypi.Name) (*index.Project, error), q Request, pins []Pinned) ([]Outlook, error) {
	// What an existing lock prefers is what is asked about.
	q.Preferences, q.Resolution = nil, Highest
	sc, err := newScope(&q)
	if err != nil {
		return nil, err
	}
	question := newQuestion(&q, sc, nil)
	out := make([]Outlook, len(pins))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxPages)
	for i := range pins {
		g.Go(func() error {
			read := project
			if home := question.home(pins[i].Name, question.part(pins[i].Marker)); home != nil {
				read = home.Project
			}
			page, err := read(ctx, pins[i].Name)
			if errors.Is(err, index.ErrNotFound) {
				out[i].Missing = "no index has the package"
				return nil
			}
			if err == nil {
				out[i] = question.outlook(page, &pins[i])
			}
			return err
		})
	}
	return out, g.Wait()
}

// Judged is a release as a request sees it.
type Judged struct {
	Version pep440.Version
	// Unusable says why the request does not let it be used, "" when it does.
	Unusable string
}

// Judge returns the releases of a page that have files and are not yanked,
// ascending, as a request sees them where a marker holds. What they ask for is
// not looked at.
func Judge(page *index.Project, q Request, marker pep508.Marker) ([]Judged, error) {
	q.Preferences = nil
	sc, err := newScope(&q)
	if err != nil {
		return nil, err
	}
	question := newQuestion(&q, sc, nil)
	c, in := newCandidates(question, page), question.part(marker)
	var out []Judged
	for i, r := range c.releases {
		if len(r.Files()) > 0 && !allYanked(r) {
			out = append(out, Judged{r.Version, c.unusable(i+1, in)})
		}
	}
	return out, nil
}

// part returns where a marker holds; all of the scope where it holds nowhere,
// since the lock may be for another target.
func (q *question) part(m pep508.Marker) where {
	if in := q.scope.holds(m, ""); !in.isNone() {
		return in
	}
	return q.scope.here
}

// unusable says why a release cannot be used in a part of the scope, or "".
func (c *candidates) unusable(state int, in where) string {
	for _, e := range c.exclusions {
		if e.set.Has(state) && !e.in.and(in).isNone() {
			return e.brief()
		}
	}
	return ""
}

func (q *question) outlook(page *index.Project, p *Pinned) Outlook {
	var o Outlook
	c, in := newCandidates(q, page), q.part(p.Marker)
	switch r := page.Release(p.Version); {
	case page.Status == "quarantined":
		o.Missing = "the index has quarantined the package"
	case r == nil:
		o.Missing = "the index does not have this version"
	case len(r.Files()) > 0 && allYanked(r):
		o.Yanked, o.YankedReason = true, r.Files()[0].YankedReason
	}
	newest, latest := 0, 0
	pre := p.Version.IsPrerelease() || q.prereleaseMode(c.name) == anyOrder
	for state := len(c.versions); state > 0; state-- {
		r := c.releases[state-1]
		switch {
		case len(r.Files()) == 0 || allYanked(r):
		case r.Version.IsPrerelease() && !pre:
			latest = max(latest, state)
		default:
			newest = max(newest, state)
		}
	}
	switch {
	case newest == 0:
		newest = latest
	case latest > newest:
		o.Prerelease = c.versions[latest-1]
	}
	allowed := c.states().Minus(c.excluded)
	for _, b := range p.Bounds {
		allowed = allowed.Intersect(c.set(b))
	}
	for _, e := range c.exclusions {
		if !e.in.and(in).isNone() {
			allowed = allowed.Minus(e.set)
		}
	}
	best := q.prefer(c, allowed)
	if p.Version.IsPrerelease() && best > 0 && c.versions[best-1].Compare(p.Version) < 0 {
		best = highest(allowed)
	}
	if best > 0 {
		o.Allowed = c.versions[best-1]
	}
	if newest == 0 {
		return o
	}
	o.Newest = c.versions[newest-1]
	if q.scope.here.universal {
		// What has a local version may be for other platforms than what has none.
		o.Allowed, o.Newest = unlocal(p.Version, o.Allowed), unlocal(p.Version, o.Newest)
	}
	if o.Unusable = c.unusable(newest, in); o.Unusable == "" && best != newest && allowed.Has(newest) && c.usable(newest) {
		// A release is passed over only for a bound of Python that another does
		// not have.
		o.Unusable = exclusionWhy{requiresPython, q.requiresPython(c, newest)}.brief()
	}
	return o
}

// unlocal returns v, or the pinned version where v is that with a local one.
func unlocal(pinned, v pep440.Version) pep440.Version {
	if !v.IsZero() && v.Public().Equal(pinned) {
		return pinned
	}
	return v
}

func allYanked(r *index.Release) bool {
	return !slices.ContainsFunc(r.Files(), func(f index.File) bool { return !f.Yanked })
}

func highest(s pubgrub.Set) int {
	spans := s.Spans()
	if len(spans) == 0 {
		return 0
	}
	return int(spans[len(spans)-1].Hi) - 1
}

// brief is the reason for a column of a table, without the release in
// question.
func (w exclusionWhy) brief() string {
	detail := clip(project.Escape(w.detail)) // the index's words
	switch w.kind {
	case tooNew:
		return "published " + detail + ", after the cutoff"
	case noUploadTime:
		return "no upload time, so the cutoff hides it"
	case yanked:
		return "yanked" + because(detail)
	case prerelease:
		return "a pre-release"
	case requiresPython:
		return "requires Python " + detail
	case noMatchingFile:
		return "no file for the target" + because(detail)
	case noWheel:
		return "only a source distribution, which must not be built"
	case noSdist:
		return "only wheels, which --no-binary forbids"
	}
	return "no files"
}
