package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// candidates are the releases of one package as the search sees them: state
// i+1 of the package is versions[i], ascending. They do not change once made.
type candidates struct {
	name     pypi.Name
	missing  bool // no index knows the name
	local    *project.Local
	project  *index.Project
	from     Index // that has it; nil for the usual ones
	versions []pep440.Version
	releases []*index.Release
	lastRank int // the highest rank of a release
	// at holds by release which of its files the metadata is read from: the
	// wheel that the target would install, else the sdist; -1 if unusable.
	at []int32
	// lax says where the Requires-Python of a release admits the target only
	// when its upper bounds and exclusions are overlooked.
	lax []where
	// unserved says for which targets a release has no file, where that is
	// put up with.
	unserved []where
	// split holds the lowest Python of releases that a universal scope can
	// use in its higher part only; it is zero for the others.
	split      []pep440.Version
	exclusions []exclusion
	excluded   pubgrub.Set // what nothing in the scope can use

	sets map[string]pubgrub.Set // by specifiers; the search's goroutine alone
}

// exclusion says why some releases cannot be used in a part of the scope.
type exclusion struct {
	set pubgrub.Set
	in  where
	exclusionWhy
}

type exclusionWhy struct {
	kind   exclusionKind
	detail string // of the kind: a specifier, a reason, a time
}

type exclusionKind uint8

const (
	tooNew          exclusionKind = iota + 1 // uploaded after --exclude-newer; detail: the upload time
	noUploadTime                             // --exclude-newer is set and the index gives no time
	yanked                                   // detail: the reason, if any
	prerelease                               // the mode disallows them
	requiresPython                           // detail: the specifier
	noMatchingFile                           // no wheel for the target and no sdist; detail: why
	noMatchingWheel                          // no wheel for the target, and an sdist that must not be built; detail: why
	noWheel                                  // only an sdist, which must not be built
	noSdist                                  // only wheels, which --no-binary ignores
	noFiles                                  // nothing to install at all
	needsBuild                               // only a build could tell its dependencies
	unreadable                               // detail: what is wrong with the metadata
	urlDependency                            // detail: the requirement
	selfConflict                             // detail: the requirement on itself
)

func (q *question) localCandidates(l *project.Local) *candidates {
	v := l.Version
	if v.IsZero() {
		v = pep440.MustParse("0")
	}
	c := &candidates{name: l.Name, local: l, versions: []pep440.Version{v}}
	c.grow(1)
	c.exclusions, c.unserved[0] = q.judgeDirect(l)
	for i := range c.exclusions {
		c.exclusions[i].set = c.states()
	}
	return c
}

func (c *candidates) grow(n int) {
	c.releases, c.at = make([]*index.Release, n), make([]int32, n)
	c.lax, c.unserved, c.split = make([]where, n), make([]where, n), make([]pep440.Version, n)
}

// newCandidates judges every release of the project for the scope.
func newCandidates(q *question, p *index.Project) *candidates {
	n := len(p.Releases)
	c := &candidates{name: p.Name, project: p, versions: make([]pep440.Version, n)}
	c.grow(n)
	type group struct {
		exclusionWhy
		bits uint64
	}
	groups := map[group]int{}
	spans := [][]pubgrub.Span{}
	judged := judgements{q: q, name: p.Name, known: map[likeness]judgement{}}
	for i := range p.Releases {
		r := &p.Releases[i]
		c.versions[i], c.releases[i] = r.Version, r
		c.lastRank = max(c.lastRank, r.Rank())
		v := judged.of(r)
		c.at[i] = v.at
		c.lax[i], c.unserved[i], c.split[i] = v.lax, v.unserved, v.split
		for _, bad := range v.bad {
			k := group{bad.exclusionWhy, bad.in.bits}
			g, ok := groups[k]
			if !ok {
				g = len(spans)
				groups[k] = g
				spans = append(spans, nil)
				c.exclusions = append(c.exclusions, bad)
			}
			spans[g] = append(spans[g], pubgrub.Span{Lo: int32(i + 1), Hi: int32(i + 2)})
		}
	}
	// What no target can use is of no use, be it for a different reason on each.
	var fileless []pubgrub.Span
	for i := range c.at {
		if !c.usable(i + 1) {
			fileless = append(fileless, pubgrub.Span{Lo: int32(i + 1), Hi: int32(i + 2)})
		}
	}
	c.excluded = pubgrub.Of(fileless...)
	for g := range c.exclusions {
		e := &c.exclusions[g]
		e.set = pubgrub.Of(spans[g]...)
	}
	return c
}

// judgements of the releases of a package. Most are like others in all that counts, and are not looked at again.
type judgements struct {
	q     *question
	name  pypi.Name
	scan  index.FileScan // what is judged is not kept
	known map[likeness]judgement
}

// likeness is what decides about a release without a cutoff, where nothing is stated of it.
type likeness struct {
	signature  string
	prerelease bool
}

// judgement is a verdict that holds for like releases: at is the index of its file, -1 for none.
type judgement struct {
	verdict
	at int32
}

func (j *judgements) of(r *index.Release) judgement {
	signature, ok := r.Signature()
	ok = ok && j.q.cutoff(j.name).IsZero() && j.q.stated(j.name, r.Version) == nil
	like := likeness{signature, r.Version.IsPrerelease()}
	if v, known := j.known[like]; ok && known {
		return v
	}
	files := j.scan.Files(r)
	v := judgement{verdict: j.q.judgeFiles(j.name, r.Version, files, false)}
	v.at = indexIn(files, v.file)
	v.file = nil // of the scan
	if ok {
		j.known[like] = v
	}
	return v
}

// indexIn returns where f is among files by its name, -1 for nil.
func indexIn(files []index.File, f *index.File) int32 {
	if f == nil {
		return -1
	}
	return int32(slices.IndexFunc(files, func(g index.File) bool { return g.Filename == f.Filename }))
}

// usable reports whether something in the scope can use the release in a state.
func (c *candidates) usable(state int) bool { return c.at[state-1] >= 0 }

// file is what the metadata of a release is read from, nil if it is unusable.
func (c *candidates) file(state int) *index.File {
	if !c.usable(state) || c.local != nil {
		return nil
	}
	return &c.releases[state-1].Files()[c.at[state-1]]
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
