package resolver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// candidates are the releases of one package as the search sees them: state
// i+1 of the package is versions[i], ascending. They do not change once made.
type candidates struct {
	name     pypi.Name
	missing  bool // no index knows the name
	local    *project.Local
	project  *index.Project
	versions []pep440.Version
	releases []*index.Release
	// files holds by release the file that its metadata is read from: the
	// wheel that the target would install, else the sdist; nil if unusable.
	files []*index.File
	// lax marks releases whose Requires-Python admits the target only when
	// its upper bounds and exclusions are overlooked.
	lax        []bool
	exclusions []exclusion
	excluded   pubgrub.Set // the union of exclusions

	sets map[string]pubgrub.Set // by specifiers; the search's goroutine alone
}

// exclusion says why some releases cannot be used.
type exclusion struct {
	set pubgrub.Set
	exclusionWhy
}

type exclusionWhy struct {
	kind   exclusionKind
	detail string // of the kind: a specifier, a reason, a time
}

type exclusionKind uint8

const (
	tooNew         exclusionKind = iota + 1 // uploaded after --exclude-newer; detail: the upload time
	noUploadTime                            // --exclude-newer is set and the index gives no time
	yanked                                  // detail: the reason, if any
	prerelease                              // the mode disallows them
	requiresPython                          // detail: the specifier
	noMatchingFile                          // no wheel for the target and no sdist; detail: why
	noWheel                                 // only an sdist, which must not be built
	noSdist                                 // only wheels, which --no-binary ignores
	noFiles                                 // nothing to install at all
	needsBuild                              // only a build could tell its dependencies
	unreadable                              // detail: what is wrong with the metadata
	urlDependency                           // detail: the requirement
	selfConflict                            // detail: the requirement on itself
)

func localCandidates(l *project.Local) *candidates {
	v := l.Version
	if v.IsZero() {
		v = pep440.MustParse("0")
	}
	return &candidates{name: l.Name, local: l, versions: []pep440.Version{v},
		releases: []*index.Release{nil}, files: []*index.File{nil}, lax: []bool{false}}
}

// newCandidates judges every release of the project for the target.
func newCandidates(q *question, p *index.Project) *candidates {
	n := len(p.Releases)
	c := &candidates{name: p.Name, project: p, versions: make([]pep440.Version, n), releases: make([]*index.Release, n),
		files: make([]*index.File, n), lax: make([]bool, n)}
	groups := map[exclusionWhy]int{}
	spans := [][]pubgrub.Span{}
	for i := range p.Releases {
		r := &p.Releases[i]
		c.versions[i], c.releases[i] = r.Version, r
		f, lax, kind, detail := q.judge(c.name, r)
		c.files[i], c.lax[i] = f, lax
		if kind == 0 {
			continue
		}
		why := exclusionWhy{kind, detail}
		g, ok := groups[why]
		if !ok {
			g = len(spans)
			groups[why] = g
			spans = append(spans, nil)
			c.exclusions = append(c.exclusions, exclusion{exclusionWhy: why})
		}
		spans[g] = append(spans[g], pubgrub.Span{Lo: int32(i + 1), Hi: int32(i + 2)})
	}
	for g := range c.exclusions {
		c.exclusions[g].set = pubgrub.Of(spans[g]...)
		c.excluded = c.excluded.Union(c.exclusions[g].set)
	}
	return c
}

// states returns every version.
func (c *candidates) states() pubgrub.Set { return pubgrub.Range(1, len(c.versions)+1) }

// set returns the versions that the specifiers admit.
func (c *candidates) set(s pep440.Specifiers) pubgrub.Set {
	if len(s) == 0 || c.local != nil && c.local.Version.IsZero() {
		return c.states()
	}
	var spans []pubgrub.Span
	if slices.ContainsFunc(s, func(s pep440.Specifier) bool { return s.Op == pep440.Arbitrary }) {
		// Arbitrary equality compares text, which is no interval.
		for i, v := range c.versions {
			if s.Contains(v) {
				spans = append(spans, pubgrub.Span{Lo: int32(i + 1), Hi: int32(i + 2)})
			}
		}
	} else {
		for _, run := range s.Set().Indexes(c.versions) {
			spans = append(spans, pubgrub.Span{Lo: int32(run[0] + 1), Hi: int32(run[1] + 1)})
		}
	}
	return pubgrub.Of(spans...)
}

// cachedSet is set for the search's goroutine.
func (c *candidates) cachedSet(s pep440.Specifiers) pubgrub.Set {
	if len(s) == 0 {
		return c.states()
	}
	k := s.String()
	if set, ok := c.sets[k]; ok {
		return set
	}
	if c.sets == nil {
		c.sets = map[string]pubgrub.Set{}
	}
	set := c.set(s)
	c.sets[k] = set
	return set
}

// judge picks the file of a release that the target would use. A kind other
// than 0 says why there is none.
func (q *question) judge(name pypi.Name, r *index.Release) (file *index.File, lax bool, kind exclusionKind, detail string) {
	if len(r.Files) == 0 {
		return nil, false, noFiles, ""
	}
	if r.Version.IsPrerelease() && q.prereleaseMode(name) == disallowed {
		return nil, false, prerelease, ""
	}
	// The reasons are tried from the most to the least particular, and what
	// the last files that were left failed of is what is said.
	usable := make([]*index.File, 0, len(r.Files))
	for i := range r.Files {
		usable = append(usable, &r.Files[i])
	}
	keep := func(ok func(*index.File) bool) bool {
		usable = slices.DeleteFunc(usable, func(f *index.File) bool { return !ok(f) })
		return len(usable) > 0
	}
	if !q.excludeNewer.IsZero() {
		var oldest time.Time
		for _, f := range usable {
			if t := f.UploadTime; !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
				oldest = t
			}
		}
		if !keep(func(f *index.File) bool { return !f.UploadTime.IsZero() && f.UploadTime.Before(q.excludeNewer) }) {
			if oldest.IsZero() {
				return nil, false, noUploadTime, ""
			}
			return nil, false, tooNew, oldest.UTC().Format(time.RFC3339)
		}
	}
	if reason := usable[0].YankedReason; !q.yankedAllowed(name, r.Version) && !keep(func(f *index.File) bool { return !f.Yanked }) {
		return nil, false, yanked, reason
	}
	ignoreWheels, ignoreSdists := q.ignores(name)
	if ignoreWheels && !keep((*index.File).IsSdist) {
		return nil, false, noSdist, ""
	}
	if ignoreSdists && !keep(func(f *index.File) bool { return !f.IsSdist() }) {
		return nil, false, noWheel, ""
	}
	python := usable[0].RequiresPython
	if !keep(func(f *index.File) bool { return q.python.admits(f) != refused }) {
		return nil, false, requiresPython, python
	}
	best, rank, sdist := (*index.File)(nil), 0, (*index.File)(nil)
	for _, f := range usable {
		if f.IsSdist() {
			if sdist == nil || strings.HasSuffix(f.Filename, ".tar.gz") {
				sdist = f
			}
			continue
		}
		k, ok := q.tags.Rank(f.Wheel.Tags)
		// Where the tags tie, the file whose full Requires-Python admits the
		// target is better, then the higher build number.
		if ok && (best == nil || k < rank || k == rank && q.betterBuild(f, best)) {
			best, rank = f, k
		}
	}
	if best == nil && sdist == nil {
		return nil, false, noMatchingFile, q.whyNoWheel(usable)
	}
	use := best
	if use == nil {
		use = sdist
	}
	lax = q.python.admits(use) == admittedLaxly
	if best == nil {
		// A wheel for another target tells the dependencies without a build.
		for _, f := range usable {
			if !f.IsSdist() {
				use = f
				break
			}
		}
	}
	return use, lax, 0, ""
}

func (q *question) betterBuild(a, b *index.File) bool {
	la, lb := q.python.admits(a), q.python.admits(b)
	if la != lb {
		return la == admitted
	}
	return a.Wheel.BuildNumber > b.Wheel.BuildNumber
}

func (q *question) whyNoWheel(files []*index.File) string {
	var all []tags.Tag
	for _, f := range files {
		if !f.IsSdist() {
			all = append(all, f.Wheel.Tags...)
		}
	}
	return q.tags.Why(all)
}

// admission is what a Requires-Python says of the target.
type admission uint8

const (
	refused admission = iota
	admittedLaxly
	admitted
)

// pythonTarget judges Requires-Python for a concrete Python. uv counts the
// lower bound alone, since upper bounds tend to be guesses; pip counts all.
type pythonTarget struct {
	version pep440.Version
	known   *memo[string, admission]
}

func (t pythonTarget) admits(f *index.File) admission {
	if len(f.Python) == 0 {
		return admitted
	}
	return t.known.get(f.RequiresPython, func() admission { return t.judge(f.Python) })
}

func (t pythonTarget) judge(s pep440.Specifiers) admission {
	if s.Contains(t.version) {
		return admitted
	}
	if low, inclusive, ok := s.Set().Lower(); ok {
		if c := t.version.Compare(low); c < 0 || c == 0 && !inclusive {
			return refused
		}
	} else if s.Set().IsEmpty() {
		return refused
	}
	return admittedLaxly
}

// versionRange describes a set of states for a person, as the shortest
// specifiers that pick them out of the versions there are.
func (c *candidates) versionRange(s pubgrub.Set) string {
	var parts []string
	n := len(c.versions)
	for _, x := range s.Intersect(c.states()).Spans() {
		lo, hi := int(x.Lo)-1, int(x.Hi)-2 // indexes of the first and last version
		switch {
		case lo == 0 && hi == n-1:
			return ""
		case lo == hi:
			parts = append(parts, "=="+c.versions[lo].String())
		case lo == 0:
			parts = append(parts, "<="+c.versions[hi].String())
		case hi == n-1:
			parts = append(parts, ">="+c.versions[lo].String())
		default:
			parts = append(parts, fmt.Sprintf(">=%s,<=%s", c.versions[lo], c.versions[hi]))
		}
	}
	return strings.Join(parts, " | ")
}
