package resolver

import (
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// question is a Request made ready to be asked for one scope: what it says by package. It
// is not changed once made, so any goroutine may read it.
type question struct {
	*Request
	scope   *scope
	pythons *memo[pythonKey, admission]
	minors  *memo[minorKey, bool]
	noDeps  bool
	// earlier are versions that parts of the resolution solved before chose.
	earlier map[pypi.Name][]pep440.Version
	// first are versions to try before any other.
	first map[pypi.Name]pep440.Version

	// requirements are the root's, where their markers hold, sorted by name
	// and text, overrides applied.
	requirements []rootRequirement
	constraints  map[pypi.Name][]constraint
	overrides    map[pypi.Name][]*project.Requirement
	scoped       map[pypi.Name][]*scopedRules // by parent
	excludes     map[pypi.Name]bool           // whoever asks
	restated     map[pypi.Name][]*project.StaticMetadata
	locals       map[pypi.Name]*project.Local
	sources      map[pypi.Name][]located
	homes        map[pypi.Name][]housed           // of the whole resolution
	exact        map[pypi.Name][]pep440.Specifier // the root's == and ===
	direct       map[pypi.Name]bool
	explicitPre  map[pypi.Name]bool // the root names a pre-release
}

type constraint struct {
	*project.Requirement
	in where
}

type rootRequirement struct {
	dependency
	from    *project.Requirement // as written by the user; the override where one applies
	written *project.Requirement // as written by the user
}

// dependency is a requirement that holds in some part of the scope.
type dependency struct {
	in         where
	marker     string // as written
	Name       pypi.Name
	Extras     []pypi.Extra
	Specifiers pep440.Specifiers
	URL        string
	override   *project.Requirement // what replaced it, or nil
	target     string               // [project.Requirement.Target] of what says it
	revised    bool                 // names a branch or tag of what is locked by its commit
}

func newQuestion(r *Request, sc *scope, earlier map[pypi.Name][]pep440.Version) *question {
	q := &question{
		Request: r, scope: sc, noDeps: r.NoDeps, earlier: earlier,
		pythons: newMemo[pythonKey, admission](), minors: newMemo[minorKey, bool](),
		constraints: map[pypi.Name][]constraint{}, overrides: map[pypi.Name][]*project.Requirement{},
		locals: map[pypi.Name]*project.Local{}, exact: map[pypi.Name][]pep440.Specifier{},
		direct: map[pypi.Name]bool{}, explicitPre: map[pypi.Name]bool{},
	}
	// What the project says of a package by name counts for the whole
	// resolution, so that its parts do not differ by how they were cut.
	whole := sc.narrow(sc.all)
	said := func(m pep508.Marker) bool { return !whole.holds(m, "").isNone() }
	q.readRules()
	q.sources, q.homes = originsOf(r, sc, q.excludes).sources, homesOf(r, sc, q.excludes)
	for name, found := range q.sources {
		q.locals[name] = found[0].local
	}
	for i := range r.Constraints {
		c := &r.Constraints[i]
		if in := sc.holds(c.Marker, ""); !in.isNone() {
			q.constraints[c.Name] = append(q.constraints[c.Name], constraint{c, in})
		}
		if said(c.Marker) {
			q.noteExplicit(c.Requirement)
		}
	}
	for i := range r.Overrides {
		// An override whose marker does not hold still replaces: by nothing.
		o := &r.Overrides[i]
		q.overrides[o.Name] = append(q.overrides[o.Name], o)
		if said(o.Marker) {
			q.noteExplicit(o.Requirement)
			q.noteExact(o.Name, o.Specifiers)
		}
	}
	for i := range r.Requirements {
		from := &r.Requirements[i]
		if q.excludes[from.Name] {
			continue
		}
		if said(from.Marker) {
			q.noteNamed(from.Requirement)
		}
		in := q.apart(sc.holds(from.Marker, ""), i, len(r.Requirements), func(j int) *pep508.Requirement { return &r.Requirements[j].Requirement }, "")
		if in.isNone() {
			continue
		}
		q.direct[from.Name] = true
		for _, d := range q.override(from.Requirement, in) {
			o := from
			if d.override != nil {
				o = d.override
			}
			if d.target = o.Target(); o.Ref != nil {
				d.URL = "" // where the package is taken from is known
			}
			q.requirements = append(q.requirements, rootRequirement{d, o, from})
		}
	}
	for _, name := range sortedKeys(q.locals) {
		for _, req := range q.locals[name].Requirements {
			if said(req.Marker) {
				q.noteNamed(req.Requirement)
			}
			if q.locals[name].Direct == nil && !sc.holds(req.Marker, "").isNone() {
				q.direct[req.Name] = true
			}
		}
	}
	slices.SortStableFunc(q.requirements, func(a, b rootRequirement) int {
		if c := strings.Compare(string(a.Name), string(b.Name)); c != 0 {
			return c
		}
		if c := strings.Compare(a.from.Requirement.String(), b.from.Requirement.String()); c != 0 {
			return c
		}
		return strings.Compare(a.written.Requirement.String(), b.written.Requirement.String())
	})
	for _, cs := range q.constraints {
		slices.SortStableFunc(cs, func(a, b constraint) int {
			return strings.Compare(a.Requirement.Requirement.String(), b.Requirement.Requirement.String())
		})
	}
	for _, os := range q.overrides {
		slices.SortStableFunc(os, func(a, b *project.Requirement) int {
			return strings.Compare(a.Requirement.String(), b.Requirement.String())
		})
	}
	return q
}

func (q *question) noteNamed(r pep508.Requirement) {
	q.noteExplicit(r)
	q.noteExact(r.Name, r.Specifiers)
}

func (q *question) noteExact(n pypi.Name, ss pep440.Specifiers) {
	for _, s := range ss {
		if isExact(s) {
			q.exact[n] = append(q.exact[n], s)
		}
	}
}

// noteExplicit records that a specifier names a pre-release; an exclusion
// does not ask for one.
func (q *question) noteExplicit(r pep508.Requirement) {
	for _, s := range r.Specifiers {
		if s.Op != pep440.NotEqual && s.Version.IsPrerelease() {
			q.explicitPre[r.Name] = true
		}
	}
}

// override returns what takes the place of a requirement of the project that
// holds in a part of the scope: itself, or the overrides of its name that hold
// there.
func (q *question) override(r pep508.Requirement, in where) []dependency {
	os, ok := q.overrides[r.Name]
	return q.replace(r, os, ok, in)
}

// replace puts overrides, where there are any, in the place of a requirement.
func (q *question) replace(r pep508.Requirement, by []*project.Requirement, overridden bool, in where) []dependency {
	if !overridden {
		return []dependency{{in: in, marker: r.Marker.String(), Name: r.Name, Extras: r.Extras, Specifiers: r.Specifiers, URL: r.URL}}
	}
	var out []dependency
	for _, o := range by {
		if both := in.and(q.scope.holds(o.Marker, "")); !both.isNone() {
			out = append(out, dependency{in: both, marker: r.Marker.String(), Name: o.Name, Extras: o.Extras, Specifiers: o.Specifiers, URL: o.URL, override: o})
		}
	}
	return out
}

// because returns where a marker holds: with no extra, or with the one named
// and only because of it.
func (q *question) because(m pep508.Marker, extra pypi.Extra) where {
	return onlyFor(m, extra, q.scope.holds)
}

func onlyFor(m pep508.Marker, extra pypi.Extra, holds func(pep508.Marker, pypi.Extra) where) where {
	in := holds(m, "")
	switch {
	case extra == "":
		return in
	case !m.MentionsExtra():
		return in.none()
	}
	return holds(m, extra).minus(in)
}

// specified is because by the specification; ok is false where that is unknown.
func (q *question) specified(m pep508.Marker, extra pypi.Extra) (in where, ok bool) {
	ok = true
	in = onlyFor(m, extra, func(m pep508.Marker, x pypi.Extra) where {
		w, known := q.scope.specified(m, x)
		ok = ok && known
		return w
	})
	return in, ok
}

// apart narrows where the i-th of some requirements holds. A marker that uv and
// the specification read differently holds wherever either has it so. Where
// that is by uv's reading alone, it gives way to another requirement on the
// package that holds by the specification: opposites must not hold together.
func (q *question) apart(in where, i, n int, at func(int) *pep508.Requirement, extra pypi.Extra) where {
	r := at(i)
	if in.isNone() || !r.Marker.ReadTwice() {
		return in
	}
	mine, ok := q.specified(r.Marker, extra)
	for j := 0; j < n && ok; j++ {
		if o := at(j); j != i && o.Name == r.Name {
			if other, known := q.specified(o.Marker, extra); known {
				in = in.minus(other.minus(mine))
			}
		}
	}
	return in
}

// dependencies returns what a release asks for in the scope; see
// [question.asked].
func (q *question) dependencies(c *candidates, m *dist.Metadata, extra pypi.Extra) []dependency {
	deps, _ := q.asked(c, m, extra)
	return deps
}

func (d dependency) String() string {
	return pep508.Requirement{Name: d.Name, NameText: string(d.Name), Extras: d.Extras, Specifiers: d.Specifiers, URL: d.URL}.String()
}

type prereleaseUse uint8

const (
	disallowed prereleaseUse = iota
	stableFirst
	anyOrder
)

func (q *question) prereleaseMode(n pypi.Name) prereleaseUse {
	mode, ok := q.PrereleasePackage[n]
	if !ok {
		mode = q.Prerelease
	}
	switch mode {
	case Allow:
		return anyOrder
	case Disallow:
		return disallowed
	case Explicit:
		if !q.explicitPre[n] {
			return disallowed
		}
	}
	return stableFirst
}

func (q *question) yankedAllowed(n pypi.Name, v pep440.Version) bool {
	for _, s := range q.exact[n] {
		if s.Contains(v) {
			return true
		}
	}
	return slices.ContainsFunc(q.Preferences[n], func(p Preference) bool { return p.Version.Equal(v) })
}

// ignores says which kinds of file must not be used for a package.
func (q *question) ignores(n pypi.Name) (wheels, sdists bool) {
	wheels = q.NoBinary.Has(n)
	sdists = q.OnlyBinary.Has(n) || q.NoBuild
	// A package that is named weighs more than "all".
	if q.NoBinary.Names[n] && !q.OnlyBinary.Names[n] {
		sdists = q.NoBuild
	}
	if q.OnlyBinary.Names[n] && !q.NoBinary.Names[n] {
		wheels = false
	}
	return wheels, sdists
}

func (q *question) lowest(n pypi.Name) bool {
	return q.Resolution == Lowest || q.Resolution == LowestDirect && q.direct[n]
}

// prefer returns the state of c to try first, out of allowed, or 0 for none:
// what the existing lock has, else by the resolution mode the newest or the
// oldest, stable before pre-release, and what the target's Python is admitted
// to in full before what it is admitted to laxly.
func (q *question) prefer(c *candidates, allowed pubgrub.Set) int {
	if allowed.IsEmpty() {
		return 0
	}
	for v := range q.pins(c) {
		if i, found := slices.BinarySearchFunc(c.versions, v, pep440.Version.Compare); found && allowed.Has(i+1) {
			return i + 1
		}
	}
	best, bestTier := 0, 4
	for state := range q.inOrder(c, allowed) {
		if tier := q.tier(c, state); tier < bestTier {
			best, bestTier = state, tier
			if tier == 0 {
				break
			}
		}
	}
	return best
}

// pins yields the versions to keep: what comes first, the pins of the existing
// lock that speak of the scope, its other pins, and what earlier parts chose.
func (q *question) pins(c *candidates) func(func(pep440.Version) bool) {
	return func(yield func(pep440.Version) bool) {
		if v, ok := q.first[c.name]; ok && !yield(v) {
			return
		}
		mine := q.Preferences[c.name]
		whole := q.scope.narrow(q.scope.all)
		for _, sc := range []*scope{q.scope, whole} {
			for _, p := range mine {
				if !sc.holds(p.Marker, "").isNone() && !yield(p.Version) {
					return
				}
			}
		}
		stable := q.prereleaseMode(c.name) != anyOrder
		for _, v := range q.earlier[c.name] {
			if !(stable && v.IsPrerelease()) && !yield(v) {
				return
			}
		}
	}
}

// inOrder yields the states, the preferred end first; those of a later rank
// after all of an earlier one.
func (q *question) inOrder(c *candidates, s pubgrub.Set) func(func(int) bool) {
	if c.lastRank == 0 {
		return q.byVersion(c, s)
	}
	return func(yield func(int) bool) {
		for rank := range c.lastRank + 1 {
			for state := range q.byVersion(c, s) {
				if c.releases[state-1].Rank() == rank && !yield(state) {
					return
				}
			}
		}
	}
}

// byVersion yields the states, the preferred end first.
func (q *question) byVersion(c *candidates, s pubgrub.Set) func(func(int) bool) {
	spans := s.Spans()
	return func(yield func(int) bool) {
		if q.lowest(c.name) {
			for _, x := range spans {
				for v := x.Lo; v < x.Hi; v++ {
					if !yield(int(v)) {
						return
					}
				}
			}
			return
		}
		for _, x := range slices.Backward(spans) {
			for v := x.Hi - 1; v >= x.Lo; v-- {
				if !yield(int(v)) {
					return
				}
			}
		}
	}
}

// memo remembers pure answers for several goroutines.
type memo[K comparable, V any] struct {
	mu sync.RWMutex
	m  map[K]V
}

func newMemo[K comparable, V any]() *memo[K, V] { return &memo[K, V]{m: map[K]V{}} }

func (c *memo[K, V]) get(k K, compute func() V) V {
	c.mu.RLock()
	v, ok := c.m[k]
	c.mu.RUnlock()
	if ok {
		return v
	}
	v = compute()
	c.mu.Lock()
	c.m[k] = v
	c.mu.Unlock()
	return v
}
