package resolver

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
)

// where is a part of the environments that a resolution is for: of concrete
// targets a set of bits, of a universal resolution a set of markers. Values
// of the two kinds are never mixed.
type where struct {
	bits      uint64
	set       pep508.MarkerSet
	universal bool
}

func (w where) and(v where) where {
	if w.universal {
		return where{set: w.set.And(v.set), universal: true}
	}
	return where{bits: w.bits & v.bits}
}

func (w where) or(v where) where {
	if w.universal {
		return where{set: w.set.Or(v.set), universal: true}
	}
	return where{bits: w.bits | v.bits}
}

// minus returns what is in w and not in v.
func (w where) minus(v where) where {
	if w.universal {
		return where{set: w.set.And(v.set.Not()), universal: true}
	}
	return where{bits: w.bits &^ v.bits}
}

func (w where) isNone() bool {
	if w.universal {
		return w.set.IsFalse()
	}
	return w.bits == 0
}

// covers reports whether all of v is in w.
func (w where) covers(v where) bool { return v.minus(w).isNone() }

func (w where) equal(v where) bool { return w.covers(v) && v.covers(w) }

// possible are the environments whose variables go together.
func possible() where { return where{set: pep508.Possible(), universal: true} }

func (w where) none() where {
	if w.universal {
		return where{set: w.set.And(w.set.Not()), universal: true}
	}
	return where{}
}

// each yields the concrete targets of w by their number.
func (w where) each(yield func(int) bool) {
	for b := w.bits; b != 0; b &= b - 1 {
		if !yield(bits.TrailingZeros64(b)) {
			return
		}
	}
}

// scope is what one search is for: some of the concrete targets, or a part of
// a universal resolution.
type scope struct {
	here where
	all  where // what the whole resolution is for; here is a part of it
	// stated is all without a narrowing to certain environments: a marker says
	// what is outside of those, so that nobody installs pins made for others.
	stated where

	targets []Target // concrete ones, by number; here has some of them
	envs    []pep508.Environment
	tags    []*tags.Compatible
	pythons []pep440.Version // full versions

	lower pep440.Version // universal: the lowest Python here; zero for none

	// best makes do with a release that some target of several can use.
	best bool
}

// maxTargets is how many targets a resolution can have.
const maxTargets = 64

func newScope(r *Request) (*scope, error) {
	if r.Universal {
		set := pep508.Marker{}.KnownSet() // platforms that exist
		if len(r.RequiresPython) > 0 && r.LowestPython.IsZero() {
			set = set.And(pep508.RequiresPython(lowerBound(r.RequiresPython)))
		}
		if !r.LowestPython.IsZero() {
			set = set.And(pep508.RequiresPython(pep440.Specifiers{{Op: pep440.GreaterEqual, Version: r.LowestPython, Text: r.LowestPython.String()}}))
		}
		s := &scope{stated: where{set: set, universal: true}}
		if len(r.Environments) > 0 {
			some := set.And(set.Not())
			for _, m := range r.Environments {
				some = some.Or(set.And(m.AppliesSet()))
			}
			if set = some; set.IsFalse() {
				return nil, fmt.Errorf("none of the environments to lock for has a Python and a platform that the project supports: change environments or requires-python")
			}
		}
		s.here = where{set: set, universal: true}
		s.all = s.here
		s.setLower()
		return s, nil
	}
	if len(r.Targets) == 0 || len(r.Targets) > maxTargets {
		return nil, fmt.Errorf("%d targets: a resolution has 1 to %d", len(r.Targets), maxTargets)
	}
	s := &scope{targets: r.Targets, best: r.BestEffort}
	for i, t := range r.Targets {
		s.here.bits |= 1 << i
		s.envs = append(s.envs, t.Environment())
		s.tags = append(s.tags, t.Tags())
		s.pythons = append(s.pythons, pep440.MustParse(t.Environment().PythonFullVersion))
	}
	s.all, s.stated = s.here, s.here
	return s, nil
}

// lowerBound keeps of Requires-Python what bounds it below, as uv does.
func lowerBound(s pep440.Specifiers) pep440.Specifiers {
	low, _, ok := s.Set().Lower()
	if !ok {
		return nil
	}
	low = low.Base()
	return pep440.Specifiers{{Op: pep440.GreaterEqual, Version: low, Text: low.String()}}
}

// narrow returns the scope of a part of here.
func (s *scope) narrow(here where) *scope {
	n := *s
	n.here = here
	if here.universal {
		n.setLower()
	}
	return &n
}

func (s *scope) setLower() {
	s.lower = pep440.Version{}
	if low, _, ok := s.here.set.Python().Lower(); ok {
		s.lower = low.Base()
	}
}

// several reports whether releases must be judged by target.
func (s *scope) several() bool { return bits.OnesCount64(s.here.bits) > 1 }

// holds returns where in the scope a marker holds: with no extra, or with the
// one named and no other.
func (s *scope) holds(m pep508.Marker, extra pypi.Extra) where {
	if m.IsTrivial() {
		return s.here
	}
	if s.here.universal {
		return s.here.and(where{set: underExtra(m.AppliesSet(), extra), universal: true})
	}
	w := where{}
	for i := range s.here.each {
		if m.Applies(s.envs[i], extra) {
			w.bits |= 1 << i
		}
	}
	return w
}

// specified returns where a marker holds by the specification, which is how
// pip reads it; ok is false where that is not known.
func (s *scope) specified(m pep508.Marker, extra pypi.Extra) (w where, ok bool) {
	if s.here.universal {
		set, ok := m.SpecifiedSet()
		return s.here.and(where{set: underExtra(set, extra), universal: true}), ok
	}
	for i := range s.here.each {
		holds, err := m.Eval(s.envs[i], extra)
		if err != nil {
			return w, false
		}
		if holds {
			w.bits |= 1 << i
		}
	}
	return w, true
}

// underExtra gives the environments of a set where the extra is active and no
// other.
func underExtra(set pep508.MarkerSet, extra pypi.Extra) pep508.MarkerSet {
	for _, x := range set.Extras() {
		set = set.WithExtra(x, x == extra)
	}
	return set
}

// String names the scope for a person: "" for all of it.
func (s *scope) String() string {
	if s.here.equal(s.all) {
		return ""
	}
	if s.here.universal {
		return s.here.set.Simplify(s.all.set).String()
	}
	var names []string
	for i := range s.here.each {
		names = append(names, s.targets[i].String())
	}
	return strings.Join(names, " and ")
}

// marker returns the text that picks w out of everything that the project
// supports: "" where w is all of it.
func (s *scope) marker(w where) (string, error) {
	if w.covers(s.stated) {
		return "", nil
	}
	if w.universal {
		possible := pep508.Possible()
		set := w.set
		// How the resolution was cut must not show: os_name goes where
		// sys_platform says it all.
		if less := set.And(possible).WithoutOSName(); less.And(possible).Equal(set.And(possible)) {
			set = less
		}
		m, err := set.Simplify(s.stated.set.And(possible)).Marker()
		if err != nil {
			return "", err
		}
		return m.Set().String(), nil
	}
	return s.pick(w)
}

// pick finds a short marker that holds in exactly the concrete targets of w:
// a comparison of one variable if one will do, else every target spelled out.
func (s *scope) pick(w where) (string, error) {
	variables := []struct {
		name string
		of   func(pep508.Environment) string
	}{
		{"sys_platform", func(e pep508.Environment) string { return e.SysPlatform }},
		{"platform_machine", func(e pep508.Environment) string { return e.PlatformMachine }},
		{"python_version", func(e pep508.Environment) string { return e.PythonVersion }},
		{"python_full_version", func(e pep508.Environment) string { return e.PythonFullVersion }},
	}
	in, out := w, s.all.minus(w)
	values := func(part where, of func(pep508.Environment) string) []string {
		seen := map[string]bool{}
		for i := range part.each {
			seen[of(s.envs[i])] = true
		}
		return sortedKeys(seen)
	}
	for _, v := range variables {
		yes, no := values(in, v.of), values(out, v.of)
		if overlap(yes, no) {
			continue
		}
		if len(no) < len(yes) {
			return joinMarkers(v.name, "!=", no, " and "), nil
		}
		return joinMarkers(v.name, "==", yes, " or "), nil
	}
	// What tells two targets apart, in full.
	spell := func(i int) string {
		var parts []string
		for _, v := range variables {
			if vs := values(s.all, v.of); len(vs) > 1 {
				parts = append(parts, fmt.Sprintf("%s == '%s'", v.name, v.of(s.envs[i])))
			}
		}
		return strings.Join(parts, " and ")
	}
	texts := map[string]bool{}
	for i := range in.each {
		texts[spell(i)] = true
	}
	for i := range out.each {
		if texts[spell(i)] {
			return "", fmt.Errorf("no marker tells %s from the other targets: lock them apart", s.targets[i])
		}
	}
	if len(texts) == 1 {
		return sortedKeys(texts)[0], nil
	}
	return "(" + strings.Join(sortedKeys(texts), ") or (") + ")", nil
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

func joinMarkers(name, op string, values []string, sep string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprintf("%s %s '%s'", name, op, v)
	}
	return strings.Join(parts, sep)
}

// Applies reports whether a marker holds in any environment of the request.
func (r *Request) Applies(m pep508.Marker) (bool, error) {
	s, err := newScope(r)
	if err != nil {
		return false, err
	}
	return !s.holds(m, "").isNone(), nil
}
