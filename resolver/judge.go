package resolver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/tags"
)

// verdict is what a release is good for in a scope.
type verdict struct {
	file     *index.File // the metadata's, nil if nothing in the scope can use the release
	lax      where
	unserved where
	split    pep440.Version
	bad      []exclusion // without their sets
}

// judge picks the file of a release that the scope would use, or says where
// there is none and why.
func (q *question) judge(name pypi.Name, r *index.Release) verdict {
	return q.judgeFiles(name, r.Version, r.Files(), false)
}

// judgeFiles judges a release by its files, with or, sparing, without the
// cutoff.
func (q *question) judgeFiles(name pypi.Name, version pep440.Version, files []index.File, sparing bool) verdict {
	none := func(kind exclusionKind, detail string) verdict {
		return verdict{bad: []exclusion{{in: q.scope.here, exclusionWhy: exclusionWhy{kind, detail}}}}
	}
	if len(files) == 0 {
		return none(noFiles, "")
	}
	if version.IsPrerelease() && q.prereleaseMode(name) == disallowed {
		return none(prerelease, "")
	}
	// The reasons are tried from the most to the least particular, and what
	// the last files that were left failed of is what is said.
	usable := make([]*index.File, 0, len(files))
	for i := range files {
		usable = append(usable, &files[i])
	}
	keep := func(ok func(*index.File) bool) bool {
		usable = slices.DeleteFunc(usable, func(f *index.File) bool { return !ok(f) })
		return len(usable) > 0
	}
	if cutoff := q.cutoff(name); !cutoff.IsZero() && !sparing {
		oldest := firstUpload(usable)
		if !keep(func(f *index.File) bool { return oldEnough(f, cutoff) }) {
			if oldest.IsZero() {
				return none(noUploadTime, "")
			}
			return none(tooNew, oldest.UTC().Format(time.RFC3339))
		}
	}
	if reason := usable[0].YankedReason; !q.yankedAllowed(name, version) && !keep(func(f *index.File) bool { return !f.Yanked }) {
		return none(yanked, reason)
	}
	ignoreWheels, ignoreSdists := q.ignores(name)
	if ignoreWheels && !keep((*index.File).IsSdist) {
		return none(noSdist, "")
	}
	unfit := noMatchingFile
	if ignoreSdists {
		if slices.ContainsFunc(usable, (*index.File).IsSdist) {
			unfit = noMatchingWheel
		}
		if !keep(func(f *index.File) bool { return !f.IsSdist() }) {
			return none(noWheel, "")
		}
	}
	if m := q.stated(name, version); m != nil && len(m.RequiresPython) > 0 {
		usable = restrict(usable, m)
	}
	if q.scope.here.universal {
		return q.judgeUniversal(usable, unfit, none)
	}
	return q.judgeTargets(usable, unfit)
}

// cutoff is the upload time from which on files of a package are hidden, zero
// for none.
func (q *question) cutoff(n pypi.Name) time.Time {
	if t, ok := q.ExcludeNewerPackage[n]; ok {
		return t
	}
	return q.ExcludeNewer
}

func oldEnough(f *index.File, cutoff time.Time) bool {
	return cutoff.IsZero() || !f.UploadTime.IsZero() && f.UploadTime.Before(cutoff)
}

// firstUpload returns the earliest upload time that files have, or zero.
func firstUpload(files []*index.File) time.Time {
	var first time.Time
	for _, f := range files {
		if t := f.UploadTime; !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// judgeTargets looks at each concrete target of the scope by itself.
func (q *question) judgeTargets(usable []*index.File, unfit exclusionKind) verdict {
	var v verdict
	served := where{}
	for t := range q.scope.here.each {
		bit := where{bits: 1 << t}
		f, lax, why := q.judgeTarget(t, usable, unfit)
		if f == nil {
			v.bad = append(v.bad, exclusion{in: bit, exclusionWhy: why})
			continue
		}
		served = served.or(bit)
		if v.file == nil {
			v.file = f
		}
		if lax {
			v.lax = v.lax.or(bit)
		}
	}
	if q.scope.best && !served.isNone() {
		v.bad = slices.DeleteFunc(v.bad, func(e exclusion) bool {
			if e.kind == noMatchingFile || e.kind == noMatchingWheel {
				v.unserved = v.unserved.or(e.in)
				return true
			}
			return false
		})
	}
	// One reason for several targets is one exclusion.
	merged := v.bad[:0]
	for _, e := range v.bad {
		if i := slices.IndexFunc(merged, func(m exclusion) bool { return m.exclusionWhy == e.exclusionWhy }); i >= 0 {
			merged[i].in = merged[i].in.or(e.in)
			continue
		}
		merged = append(merged, e)
	}
	v.bad = merged
	return v
}

// judgeTarget picks the file that pip would install on a target; unfit is what
// it says of files of which none is for the target.
func (q *question) judgeTarget(t int, usable []*index.File, unfit exclusionKind) (file *index.File, lax bool, why exclusionWhy) {
	best, rank, sdist := (*index.File)(nil), 0, (*index.File)(nil)
	python := ""
	admits := func(f *index.File) admission { return q.admits(t, f) }
	for _, f := range usable {
		if admits(f) == refused {
			python = f.RequiresPython
			continue
		}
		if f.IsSdist() {
			if sdist == nil || strings.HasSuffix(f.Filename, ".tar.gz") {
				sdist = f
			}
			continue
		}
		k, ok := q.scope.tags[t].Rank(f.Wheel.Tags)
		// Where the tags tie, the file whose full Requires-Python admits the
		// target is better, then the higher build number.
		better := ok && (best == nil || k < rank)
		if ok && best != nil && k == rank {
			a, b := admits(f), admits(best)
			better = a == admitted && b != admitted || a == b && f.Wheel.BuildNumber > best.Wheel.BuildNumber
		}
		if better {
			best, rank = f, k
		}
	}
	use := best
	if use == nil {
		use = sdist
	}
	if use == nil {
		if python != "" && !slices.ContainsFunc(usable, func(f *index.File) bool { return admits(f) != refused }) {
			return nil, false, exclusionWhy{requiresPython, python}
		}
		return nil, false, exclusionWhy{unfit, q.whyNoWheel(t, usable)}
	}
	lax = admits(use) == admittedLaxly
	if best == nil {
		// A wheel for another target tells the dependencies without a build.
		for _, f := range usable {
			if !f.IsSdist() && admits(f) != refused {
				use = f
				break
			}
		}
	}
	return use, lax, exclusionWhy{}
}

func (q *question) whyNoWheel(t int, files []*index.File) string {
	var all []tags.Tag
	for _, f := range files {
		if !f.IsSdist() {
			all = append(all, f.Wheel.Tags...)
		}
	}
	return q.scope.tags[t].Why(all)
}

// admission is what a Requires-Python says of a target.
type admission uint8

const (
	refused admission = iota
	admittedLaxly
	admitted
)

type pythonKey struct {
	spec   string
	target int
}

// admits judges a file's Requires-Python for a concrete Python. uv counts the
// lower bound alone, since upper bounds tend to be guesses; pip counts all.
func (q *question) admits(t int, f *index.File) admission {
	if len(f.Python) == 0 {
		return admitted
	}
	return q.pythons.get(pythonKey{f.RequiresPython, t}, func() admission { return admits(f.Python, q.scope.pythons[t]) })
}

func admits(s pep440.Specifiers, python pep440.Version) admission {
	if s.Contains(python) {
		return admitted
	}
	if low, inclusive, ok := s.Set().Lower(); ok {
		if c := python.Compare(low); c < 0 || c == 0 && !inclusive {
			return refused
		}
	} else if s.Set().IsEmpty() {
		return refused
	}
	return admittedLaxly
}

// judgeUniversal asks for a file that some environment of the scope can use,
// in its lowest Python or, where the scope may be split, in a higher one.
func (q *question) judgeUniversal(usable []*index.File, unfit exclusionKind, none func(exclusionKind, string) verdict) verdict {
	python := ""
	var best *index.File
	var split pep440.Version
	some := false
	for _, f := range usable {
		at, ok := q.splitAt(f.Python)
		if !ok {
			python = f.RequiresPython
			continue
		}
		some = true
		if !f.IsSdist() && !slices.ContainsFunc(f.Wheel.Tags, q.pythonFits) {
			continue
		}
		// A file for the whole scope is better than one for a part of it,
		// a wheel better than an sdist.
		if best == nil || at.IsZero() && !split.IsZero() || at.IsZero() == split.IsZero() && best.IsSdist() && !f.IsSdist() {
			best, split = f, at
		}
	}
	switch {
	case !some:
		return none(requiresPython, python)
	case best == nil:
		return none(unfit, fmt.Sprintf("no wheel for Python %s", q.pythonRange()))
	}
	return verdict{file: best, split: split}
}

// splitAt returns where a Requires-Python splits the scope: a zero version if
// it admits the lowest Python here, and ok false if it admits none, or only
// some and the scope must not be split.
func (q *question) splitAt(s pep440.Specifiers) (at pep440.Version, ok bool) {
	low, inclusive, bounded := s.Set().Lower()
	if len(s) == 0 || !bounded {
		return pep440.Version{}, true
	}
	low = low.Base()
	c := q.scope.lower
	if c.IsZero() {
		c = pep440.MustParse("0")
	}
	if k := low.Compare(c); k < 0 || k == 0 && inclusive {
		return pep440.Version{}, true
	}
	if q.ForkStrategy != ForkRequiresPython || q.pythonPart(low).isNone() {
		return pep440.Version{}, false
	}
	return low, true
}

// pythonPart returns the part of a universal scope from a Python on.
func (q *question) pythonPart(low pep440.Version) where {
	return q.scope.here.and(pythonFrom(low))
}

// pythonFits reports whether some Python of the resolution can use a wheel
// with the tag, whatever the platform.
func (q *question) pythonFits(t tags.Tag) bool {
	impl, major, minor, ok := splitPython(t.Python)
	switch {
	case t.ABI == "abi3" || t.ABI == "abi3t":
		return true
	case t.ABI == "none":
		switch {
		case !ok:
			return true
		case major == 2:
			return false
		case minor < 0:
			return true
		case impl == "py":
			return q.hasPython(minor, true)
		}
		return q.hasPython(minor, false)
	}
	// An ABI that names no Python is one that no Python has.
	_, major, minor, ok = splitPython(t.ABI)
	return ok && minor >= 0 && major != 2 && q.hasPython(minor, false)
}

// splitPython reads "cp312", "py3", "pp39" or an ABI such as "cp37m".
func splitPython(s string) (impl string, major, minor int, ok bool) {
	i := strings.IndexAny(s, "0123456789")
	if i <= 0 {
		return "", 0, 0, false
	}
	digits := s[i:]
	if j := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); j >= 0 {
		digits = digits[:j]
	}
	impl, major, minor = s[:i], int(digits[0]-'0'), -1
	if len(digits) > 1 {
		minor = 0
		for _, d := range digits[1:] {
			minor = min(minor*10+int(d-'0'), 1<<20)
		}
	}
	return impl, major, minor, true
}

// hasPython reports whether Python 3.minor, or with later any from it on, is
// among those of the whole resolution: what a file is good for does not depend
// on how the resolution was cut into parts.
func (q *question) hasPython(minor int, later bool) bool {
	op, wildcard := pep440.Equal, true
	if later {
		op, wildcard = pep440.GreaterEqual, false
	}
	return q.minors.get(minorKey{minor, later}, func() bool {
		v := pep440.MustParse(fmt.Sprintf("3.%d", minor))
		s := pep440.Specifiers{{Op: op, Version: v, Wildcard: wildcard, Text: v.String()}}
		return !q.scope.all.set.Python().Disjoint(s.Set())
	})
}

type minorKey struct {
	minor int
	later bool
}

func (q *question) pythonRange() string {
	if q.scope.lower.IsZero() {
		return "of any version"
	}
	return q.scope.lower.String() + " or newer"
}
