package resolver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// scopedRules are what the request says of the dependencies of a package, at
// one version or, where that is zero, at any other. A nil map is no rule; an
// empty one is a rule that takes the place of those for any version.
type scopedRules struct {
	version   pep440.Version
	overrides map[pypi.Name][]*project.Requirement
	excludes  map[pypi.Name]bool
}

// readRules sorts overrides and exclusions by what they apply to.
func (q *question) readRules() {
	q.scoped, q.excludes, q.restated = map[pypi.Name][]*scopedRules{}, map[pypi.Name]bool{}, map[pypi.Name][]*project.StaticMetadata{}
	of := func(p project.Parent) *scopedRules {
		for _, r := range q.scoped[p.Name] {
			if sameVersion(r.version, p.Version) {
				return r
			}
		}
		r := &scopedRules{version: p.Version}
		q.scoped[p.Name] = append(q.scoped[p.Name], r)
		return r
	}
	for _, x := range q.Exclusions {
		if x.Of.Name == "" {
			for _, n := range x.Names {
				q.excludes[n] = true
			}
			continue
		}
		r := of(x.Of)
		if r.excludes == nil {
			r.excludes = map[pypi.Name]bool{}
		}
		for _, n := range x.Names {
			r.excludes[n] = true
		}
	}
	for i := range q.ScopedOverrides {
		s := &q.ScopedOverrides[i]
		r := of(s.Of)
		if r.overrides == nil {
			r.overrides = map[pypi.Name][]*project.Requirement{}
		}
		for j := range s.Requirements {
			o := &s.Requirements[j]
			r.overrides[o.Name] = append(r.overrides[o.Name], o)
			// Whether the parent will be there is not known yet.
			if !q.excludes[o.Name] && !q.scope.holds(o.Marker, "").isNone() {
				q.noteExplicit(o.Requirement)
				q.noteExact(o.Name, o.Specifiers)
			}
		}
	}
	for i := range q.DependencyMetadata {
		m := &q.DependencyMetadata[i]
		q.restated[m.Name] = append(q.restated[m.Name], m)
	}
}

func sameVersion(a, b pep440.Version) bool { return a.IsZero() == b.IsZero() && a.Equal(b) }

// rules returns the overrides and the exclusions for a release, nil for none:
// each those of its version, else those of any.
func (q *question) rules(name pypi.Name, v pep440.Version) (overrides map[pypi.Name][]*project.Requirement, excludes map[pypi.Name]bool) {
	if len(q.scoped) == 0 {
		return nil, nil
	}
	for _, version := range []pep440.Version{v, {}} {
		for _, r := range q.scoped[name] {
			if !sameVersion(r.version, version) {
				continue
			}
			if overrides == nil {
				overrides = r.overrides
			}
			if excludes == nil {
				excludes = r.excludes
			}
		}
	}
	return overrides, excludes
}

// stated returns the metadata that the request has for a release, or nil.
func (q *question) stated(name pypi.Name, v pep440.Version) *project.StaticMetadata {
	var any *project.StaticMetadata
	for _, m := range q.restated[name] {
		switch {
		case sameVersion(m.Version, v):
			return m
		case m.Version.IsZero():
			any = m
		}
	}
	return any
}

// restate returns that metadata as a document.
func restate(m *project.StaticMetadata, v pep440.Version) *dist.Metadata {
	return &dist.Metadata{Name: m.Name, Version: v, Requires: m.Requires, RequiresPython: m.RequiresPython, Extras: m.Extras}
}

// restrict returns files whose Requires-Python is that of the request's
// metadata too.
func restrict(files []*index.File, m *project.StaticMetadata) []*index.File {
	out := make([]*index.File, len(files))
	for i, f := range files {
		g := *f
		g.Python = slices.Concat(f.Python, m.RequiresPython)
		g.RequiresPython = g.Python.String()
		out[i] = &g
	}
	return out
}

// requiresPython is what the file of a release, or what is stated in its place,
// says of Python.
func (q *question) requiresPython(c *candidates, state int) string {
	f := c.file(state)
	if f == nil {
		return ""
	}
	if m := q.stated(c.name, c.versions[state-1]); m != nil && len(m.RequiresPython) > 0 {
		f = restrict([]*index.File{f}, m)[0]
	}
	return f.RequiresPython
}

// asked returns what a release asks for in the scope: with no extra, what
// holds without any; with one, what holds only because of it. Dropped is what
// an exclusion took out of that.
func (q *question) asked(c *candidates, m *dist.Metadata, extra pypi.Extra) (out, dropped []dependency) {
	version := m.Version
	if c.local != nil {
		version = c.local.Version
	}
	overrides, excludes := q.rules(c.name, version)
	add := func(r project.Requirement, in where) {
		if in.isNone() {
			return
		}
		os, ok := overrides[r.Name]
		if !ok {
			os, ok = q.overrides[r.Name]
		}
		deps := q.replace(r.Requirement, os, ok, in)
		for i := range deps {
			// Where the package is taken from is known; its name suffices.
			d := &deps[i]
			if d.target = r.Target(); d.override != nil {
				d.target = d.override.Target()
			}
			if stated := d.URL; stated != "" && c.local == nil || c.local != nil && c.local.Direct != nil {
				if r.Text != "" {
					stated = r.Text
				}
				l := q.locals[d.Name]
				d.revised = l != nil && l.Direct != nil && d.override == nil && strings.Contains(stated, "git+") && !strings.Contains(stated, "@"+l.Direct.Commit)
			}
			if d.target != "" || !q.strange(*d) && q.locals[d.Name] != nil && q.locals[d.Name].Direct != nil {
				d.URL = ""
			}
		}
		out = append(out, deps...)
	}
	if c.local != nil {
		reqs := c.local.Requirements
		if extra != "" {
			reqs = c.local.Extras[extra]
		}
		for _, r := range reqs {
			add(r, q.scope.holds(r.Marker, ""))
		}
		for i, r := range c.local.Stated {
			in := q.apart(q.because(r.Marker, extra), i, len(c.local.Stated), func(j int) *pep508.Requirement { return &c.local.Stated[j] }, extra)
			add(project.Requirement{Requirement: r}, in)
		}
	} else {
		for i, r := range m.Requires {
			in := q.apart(q.because(r.Marker, extra), i, len(m.Requires), func(j int) *pep508.Requirement { return &m.Requires[j] }, extra)
			add(project.Requirement{Requirement: r}, in)
		}
	}
	if len(overrides) > 0 {
		declared := map[pypi.Name]bool{}
		if c.local != nil {
			for _, r := range c.local.Requirements {
				declared[r.Name] = true
			}
			for _, rs := range c.local.Extras {
				for _, r := range rs {
					declared[r.Name] = true
				}
			}
			for _, r := range c.local.Stated {
				declared[r.Name] = true
			}
		}
		for _, r := range m.Requires {
			declared[r.Name] = true
		}
		for _, name := range sortedKeys(overrides) {
			if declared[name] {
				continue
			}
			for _, o := range overrides[name] {
				if in := q.because(o.Marker, extra); !in.isNone() {
					out = append(out, dependency{in: in, marker: o.Marker.String(), Name: o.Name, Extras: o.Extras, Specifiers: o.Specifiers, URL: o.URL, override: o})
				}
			}
		}
	}
	if len(q.excludes) > 0 || len(excludes) > 0 {
		out = slices.DeleteFunc(out, func(d dependency) bool {
			gone := q.excludes[d.Name] || excludes[d.Name]
			if gone {
				dropped = append(dropped, d)
			}
			return gone
		})
	}
	// Any order that the index gives them in leads to the same search.
	slices.SortStableFunc(out, func(a, b dependency) int {
		if c := strings.Compare(string(a.Name), string(b.Name)); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(a.String(), b.String()), strings.Compare(a.marker, b.marker))
	})
	return out, dropped
}
