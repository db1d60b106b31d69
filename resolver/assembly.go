package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// reach returns where each package, and each extra of one, is needed: what the
// requirements lead to, along markers. A package is there under the extra "".
func (s *solved) reach(ctx context.Context) (map[extraKey]where, error) {
	out := map[extraKey]where{}
	var queue []extraKey
	add := func(d dependency, in where) {
		in = in.and(d.in)
		if in.isNone() {
			return
		}
		for _, x := range append([]pypi.Extra{""}, d.Extras...) {
			k := extraKey{d.Name, x}
			old, ok := out[k]
			if !ok {
				old = in.none()
			}
			if !old.covers(in) {
				out[k] = old.or(in)
				if !slices.Contains(queue, k) {
					queue = append(queue, k)
				}
			}
		}
	}
	for _, r := range s.requirements {
		add(r.dependency, s.scope.here)
	}
	for len(queue) > 0 && !s.noDeps {
		k := queue[0]
		queue = queue[1:]
		c, state := s.state(k.name)
		if state == 0 {
			return nil, fmt.Errorf("internal error: %s is required and was not chosen; please report this", k.name)
		}
		m, _, err := s.metadata(ctx, c, state)
		if err != nil {
			return nil, err
		}
		for _, d := range s.dependencies(c, m, k.extra) {
			add(d, out[k])
		}
	}
	return out, nil
}

// assembly puts the solutions of all parts together.
type assembly struct {
	whole      *scope
	entries    map[entryKey]*entry
	warnings   map[string]bool
	overridden map[pypi.Name]bool
	excluded   map[pypi.Name]bool
	restated   map[pypi.Name]bool
	revised    map[pypi.Name]bool
	held       map[entryKey]HeldBack
	homes      map[pypi.Name][]housed
}

type entryKey struct {
	name    pypi.Name
	version string // its key
	source  string // where it is taken from, "" for an index
	home    Index  // the index that it comes from, nil for the usual ones
}

// entry is one package of the result while it is put together.
type entry struct {
	Package
	release *index.Release
	in      where
	via     map[Via]bool
	extras  map[pypi.Extra]bool
}

func (a *assembly) warn(format string, args ...any) { a.warnings[fmt.Sprintf(format, args...)] = true }

func (a *assembly) add(ctx context.Context, s *solved) error {
	reach, err := s.reach(ctx)
	if err != nil {
		return err
	}
	if a.held == nil {
		a.homes = s.homes
		a.excluded, a.restated, a.revised, a.held = map[pypi.Name]bool{}, map[pypi.Name]bool{}, map[pypi.Name]bool{}, map[entryKey]HeldBack{}
	}
	wants := map[pypi.Name][]pep440.Specifiers{}
	get := func(name pypi.Name) *entry {
		c, state := s.state(name)
		v := c.versions[state-1]
		k := entryKey{name: name, version: v.Key()}
		if k.home = s.home(name, s.scope.here); c.local != nil {
			k.source, k.home = c.local.Key(), nil
		}
		e := a.entries[k]
		if e == nil {
			e = &entry{Package: Package{Name: name, Version: v, Local: c.local}, release: c.releases[state-1],
				in: s.scope.here.none(), via: map[Via]bool{}, extras: map[pypi.Extra]bool{}}
			if c.project != nil {
				from := c.project.Origin(e.release)
				e.Index, e.Links = from.Index, from.Links
			}
			a.entries[k] = e
		}
		return e
	}
	ask := func(d dependency, in where, via Via) {
		if in.and(d.in).isNone() {
			return
		}
		e := get(d.Name)
		wants[d.Name] = append(wants[d.Name], d.Specifiers)
		if via.Package != d.Name && via != (Via{}) {
			e.via[via] = true
		}
		if d.override != nil {
			a.overridden[d.Name] = true
			if d.override.Origin != "" {
				e.via[Via{Origin: d.override.Origin}] = true
			}
		}
	}
	for _, r := range s.requirements {
		ask(r.dependency, s.scope.here, Via{Origin: r.from.Origin})
	}
	for _, k := range sortedReach(reach) {
		in := reach[k]
		e := get(k.name)
		e.in = e.in.or(in)
		if k.extra != "" {
			e.extras[k.extra] = true
		} else {
			for _, con := range s.constraints[k.name] {
				if con.in.and(in).isNone() {
					continue
				}
				wants[k.name] = append(wants[k.name], con.Specifiers)
				if con.Origin != "" {
					e.via[Via{Origin: con.Origin}] = true
				}
			}
			a.warnAbout(s, e, in)
		}
		if s.noDeps {
			continue
		}
		c, state := s.state(k.name)
		m, _, err := s.metadata(ctx, c, state)
		if err != nil {
			return err
		}
		if k.extra != "" && !hasExtra(c, m, k.extra) {
			a.warn("%s %s has no extra %q", k.name, e.Version, k.extra)
		}
		deps, dropped := s.asked(c, m, k.extra)
		for _, d := range deps {
			ask(d, in, Via{Package: k.name})
			if d.revised && !d.in.and(in).isNone() {
				a.revised[d.Name] = true
			}
		}
		if c.local != nil {
			continue
		}
		for _, d := range dropped {
			if !d.in.and(in).isNone() {
				a.excluded[d.Name] = true
			}
		}
		if s.stated(k.name, e.Version) != nil {
			a.restated[k.name] = true
		}
	}
	for _, k := range sortedReach(reach) {
		c, state := s.state(k.name)
		if k.extra != "" || c.local != nil {
			continue
		}
		s.addFiles(get(k.name), reach[k])
		if h, ok := s.heldBack(c, state, wants[k.name], reach[k]); ok {
			key := entryKey{name: k.name, version: h.Chosen.Key()}
			if old, ok := a.held[key]; !ok || old.Newer.Compare(h.Newer) < 0 {
				a.held[key] = h
			}
		}
	}
	// A release passed over because it could not be read is no choice.
	for sk, why := range s.skipped {
		if c, state := s.state(sk.name); state != 0 && state < sk.state && !s.lowest(sk.name) {
			a.warn("%s %s is passed over for %s: %s", sk.name, c.versions[sk.state-1], c.versions[state-1], clip(project.Escape(why)))
		}
	}
	return nil
}

func sortedReach(reach map[extraKey]where) []extraKey {
	keys := make([]extraKey, 0, len(reach))
	for k := range reach {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b extraKey) int {
		return cmp.Or(strings.Compare(string(a.name), string(b.name)), strings.Compare(string(a.extra), string(b.extra)))
	})
	return keys
}

func hasExtra(c *candidates, m *dist.Metadata, x pypi.Extra) bool {
	if c.local != nil {
		_, ok := c.local.Extras[x]
		return ok || inMarkers(c.local.Stated, x)
	}
	return slices.Contains(m.Extras, x) || inMarkers(m.Requires, x)
}

// inMarkers reports whether requirements mention an extra: old metadata names
// extras in markers alone.
func inMarkers(reqs []pep508.Requirement, x pypi.Extra) bool {
	return slices.ContainsFunc(reqs, func(r pep508.Requirement) bool {
		return strings.Contains(r.Marker.String(), `extra == "`+string(x)+`"`)
	})
}

// addFiles sets what the environments in which a package is needed can
// install, and everything there is.
func (s *solved) addFiles(e *entry, in where) {
	ignoreWheels, ignoreSdists := s.ignores(e.Name)
	allYanked := !slices.ContainsFunc(e.release.Files(), func(f index.File) bool { return !f.Yanked })
	if allYanked {
		e.Yanked, e.YankedReason = true, e.release.Files()[0].YankedReason
	}
	put := func(list *[]*index.File, f *index.File) {
		if !slices.Contains(*list, f) {
			*list = append(*list, f)
		}
	}
	var open []*index.File
	for i := range e.release.Files() {
		f := &e.release.Files()[i]
		if !oldEnough(f, s.cutoff(e.Name)) {
			continue
		}
		put(&e.AllFiles, f)
		if (!f.Yanked || allYanked) && !(f.IsSdist() && ignoreSdists) && !(!f.IsSdist() && ignoreWheels) {
			open = append(open, f)
		}
	}
	if in.universal {
		for _, f := range open {
			if f.IsSdist() || slices.ContainsFunc(f.Wheel.Tags, s.pythonFits) {
				put(&e.Files, f)
			}
		}
	}
	for t := range in.each {
		wheel := false
		for _, f := range open {
			if f.IsSdist() || s.admits(t, f) == refused {
				continue
			}
			if _, ok := s.scope.tags[t].Rank(f.Wheel.Tags); ok {
				put(&e.Files, f)
				wheel = true
			}
		}
		for _, f := range open {
			if f.IsSdist() && !wheel && s.admits(t, f) != refused {
				put(&e.Files, f)
			}
		}
	}
	slices.SortFunc(e.Files, compareFiles)
	slices.SortFunc(e.AllFiles, compareFiles)
	e.Servings = append(e.Servings, s.servings(&e.Package, in)...)
}

func (a *assembly) warnAbout(s *solved, e *entry, in where) {
	c, state := s.state(e.Name)
	if c.local != nil {
		for t := range in.and(c.unserved[0]).each {
			a.warn("%s is the wheel %s, which is not for %s: pip will refuse it there", e.Name, project.Escape(c.local.Direct.Filename), s.scope.targets[t])
		}
		return
	}
	if !slices.ContainsFunc(e.release.Files(), func(f index.File) bool { return !f.Yanked }) {
		w := fmt.Sprintf("%s %s was yanked", e.Name, e.Version)
		if r := e.release.Files()[0].YankedReason; r != "" {
			w += ": " + r
		}
		a.warn("%s", w)
	}
	for t := range in.and(c.lax[state-1]).each {
		a.warn("%s %s says that it requires Python %s, which excludes %s: pip will refuse it", e.Name, e.Version,
			s.requiresPython(c, state), s.scope.targets[t].Python)
	}
	for t := range in.and(c.unserved[state-1]).each {
		a.warn("%s %s has no file for %s: pip will not find it there", e.Name, e.Version, s.scope.targets[t])
	}
	for t := range in.each {
		if c.unserved[state-1].bits>>t&1 == 1 {
			continue
		}
		if !slices.ContainsFunc(e.release.Files(), func(f index.File) bool {
			if f.IsSdist() || !oldEnough(&f, s.cutoff(e.Name)) {
				return false
			}
			_, ok := s.scope.tags[t].Rank(f.Wheel.Tags)
			return ok
		}) {
			a.warn("%s %s has no wheel for %s: pip will build it from source", e.Name, e.Version, s.scope.targets[t])
		}
	}
}

func (a *assembly) resolution() (*Resolution, error) {
	a.joinHomes()
	out := &Resolution{Overridden: sortedKeys(a.overridden), Excluded: sortedKeys(a.excluded), Restated: sortedKeys(a.restated), Revised: sortedKeys(a.revised), Warnings: sortedKeys(a.warnings)}
	for _, h := range a.held {
		out.HeldBack = append(out.HeldBack, h)
	}
	slices.SortFunc(out.HeldBack, func(a, b HeldBack) int {
		return cmp.Or(strings.Compare(string(a.Name), string(b.Name)), a.Chosen.Compare(b.Chosen))
	})
	for _, e := range a.entries {
		if e.in.isNone() {
			continue
		}
		text, err := a.whole.marker(e.in)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", e.Name, e.Version, err)
		}
		pk := e.Package
		pk.Marker, pk.Extras = text, sortedKeys(e.extras)
		for v := range e.via {
			pk.Via = append(pk.Via, v)
		}
		slices.SortFunc(pk.Via, func(a, b Via) int {
			if (a.Origin == "") != (b.Origin == "") {
				return cmp.Compare(b.Origin, a.Origin)
			}
			return cmp.Or(strings.Compare(a.Origin, b.Origin), strings.Compare(string(a.Package), string(b.Package)))
		})
		out.Packages = append(out.Packages, pk)
	}
	slices.SortFunc(out.Packages, func(a, b Package) int {
		return cmp.Or(strings.Compare(string(a.Name), string(b.Name)), pep440.Version.Compare(a.Version, b.Version), strings.Compare(a.Marker, b.Marker))
	})
	return out, nil
}
