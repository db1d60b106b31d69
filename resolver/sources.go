package resolver

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// located is a package that is taken from one place in a part of a scope.
type located struct {
	local *project.Local
	in    where
	by    *project.Requirement // that says so
}

// SourceClashError says that two requirements want one package from two places
// in the same environment.
type SourceClashError struct {
	Name   pypi.Name
	A, B   *project.Requirement
	AtA    string // what A wants, for a person
	AtB    string
	Target string // names the environments, "" for all
}

func (e *SourceClashError) Error() string {
	where := ""
	if e.Target != "" {
		where = " on " + e.Target
	}
	return fmt.Sprintf("%s: %s is taken from %s here, and from %s at %s%s: give both the same source, or markers of which one holds at a time",
		project.Escape(e.A.Place.String()), e.Name, e.AtA, e.AtB, project.Escape(e.B.Place.String()), where)
}

// origins are the places that packages are taken from.
type origins struct {
	sources map[pypi.Name][]located
	homes   map[pypi.Name][]housed
}

// originsOf finds by name the places that packages are taken from, and where in
// the scope: a requirement may name a path for one platform and the index for
// another. Constraints and overrides say it too. They are in the order of the
// requirements.
//
// Homes are the indexes that sources name, as they stand; see [homesOf].
func originsOf(r *Request, sc *scope, excludes map[pypi.Name]bool) (out origins) {
	out = origins{map[pypi.Name][]located{}, map[pypi.Name][]housed{}}
	overridden, placed := map[pypi.Name]bool{}, map[pypi.Name]bool{} // placed by an override
	for i := range r.Overrides {
		o := &r.Overrides[i]
		overridden[o.Name] = true
		placed[o.Name] = placed[o.Name] || o.Target() != ""
	}
	var follow func(reqs []project.Requirement, in where, override bool)
	follow = func(reqs []project.Requirement, in where, override bool) {
		for i := range reqs {
			from := &reqs[i]
			if from.Index != nil && len(r.From) > 0 && !excludes[from.Name] {
				if at := in.and(sc.holds(from.Marker, "")); !at.isNone() {
					out.homes[from.Name] = house(out.homes[from.Name], r, from, at)
				}
			}
			key := from.Target()
			if key == "" || excludes[from.Name] || overridden[from.Name] && !override && (from.Ref != nil || placed[from.Name]) {
				continue
			}
			at := in.and(sc.holds(from.Marker, ""))
			if at.isNone() {
				continue
			}
			list := out.sources[from.Name]
			k := slices.IndexFunc(list, func(l located) bool { return l.local.Key() == key })
			if k < 0 {
				i := localAt(r.Locals, from)
				if i < 0 {
					continue
				}
				k, list = len(list), append(list, located{&r.Locals[i], sc.here.none(), from})
			}
			more := at.minus(list[k].in)
			list[k].in = list[k].in.or(at)
			out.sources[from.Name] = list
			if more.isNone() {
				continue
			}
			l := list[k].local
			follow(l.Requirements, more, false)
			for _, x := range sortedKeys(l.Extras) {
				follow(l.Extras[x], more, false)
			}
		}
	}
	follow(r.Requirements, sc.here, false)
	follow(r.Constraints, sc.here, false)
	follow(r.Overrides, sc.here, true)
	for i := range r.ScopedOverrides {
		follow(r.ScopedOverrides[i].Requirements, sc.here, true)
	}
	return out
}

// cut parts each of them into what is in a part of the scope and what is not, where there is such.
func cut(parts []where, in where) []where {
	var next []where
	for _, part := range parts {
		for _, p := range []where{part.and(in), part.minus(in)} {
			if !p.isNone() {
				next = append(next, p)
			}
		}
	}
	return next
}

// localAt returns the package that a requirement points at, or -1.
func localAt(locals []project.Local, from *project.Requirement) int {
	return slices.IndexFunc(locals, func(l project.Local) bool { return l.Name == from.Name && l.Key() == from.Target() })
}

// sourceParts cuts the scope where a package is taken from another place, or
// comes from another index, in one part than in the rest. The error is a *SourceClashError.
func (r *resolving) sourceParts(whole *scope) ([]*scope, error) {
	excludes := globalExcludes(r.request)
	sources, homes := originsOf(r.request, whole, excludes).sources, homesOf(r.request, whole, excludes)
	if err := cmp.Or(clash(whole, sources), homeClash(whole, homes)); err != nil {
		return nil, err
	}
	parts := []where{whole.here}
	for _, name := range sortedKeys(sources) {
		list := sources[name]
		if len(list) == 1 && list[0].local.Direct == nil && !askedElsewhere(r.request, whole, &list[0]) {
			continue
		}
		for _, l := range list {
			parts = cut(parts, l.in)
		}
	}
	for _, name := range sortedKeys(homes) {
		for _, h := range homes[name] {
			parts = cut(parts, h.in)
		}
	}
	out := make([]*scope, len(parts))
	for i, p := range parts {
		out[i] = whole.narrow(p)
	}
	return out, nil
}

// askedElsewhere reports whether the project wants the package of a folder from
// an index where the folder is not meant.
func askedElsewhere(r *Request, whole *scope, l *located) bool {
	rest := whole.here.minus(l.in)
	return !rest.isNone() && slices.ContainsFunc(r.Requirements, func(q project.Requirement) bool {
		return q.Name == l.local.Name && q.Target() == "" && !rest.and(whole.holds(q.Marker, "")).isNone()
	})
}

func globalExcludes(r *Request) map[pypi.Name]bool {
	out := map[pypi.Name]bool{}
	for _, x := range r.Exclusions {
		if x.Of.Name == "" {
			for _, n := range x.Names {
				out[n] = true
			}
		}
	}
	return out
}

// clash finds two places for one package in one environment.
func clash(sc *scope, sources map[pypi.Name][]located) error {
	for _, name := range sortedKeys(sources) {
		list := sources[name]
		for i, a := range list {
			for _, b := range list[i+1:] {
				both := a.in.and(b.in)
				if both.isNone() {
					continue
				}
				return clashing(sc, both, &SourceClashError{Name: name, A: a.by, B: b.by, AtA: sourceText(a.local), AtB: sourceText(b.local)})
			}
		}
	}
	return nil
}

func clashing(sc *scope, in where, e *SourceClashError) error {
	if !in.covers(sc.here) {
		e.Target = sc.narrow(in).String()
	}
	return e
}

func sourceText(l *project.Local) string {
	if l.Direct != nil && l.Direct.File == "" {
		return l.Direct.String()
	}
	if l.Rel == "" || l.Rel == "." {
		return "this folder"
	}
	return l.Rel
}

// strange reports whether a dependency names a URL that the project does not:
// only what the project itself takes from there may be.
func (q *question) strange(d dependency) bool {
	if d.URL == "" || d.target != "" {
		return false
	}
	return !slices.ContainsFunc(q.sources[d.Name], func(l located) bool { return l.local.Direct == nil || l.local.Direct.Serves(d.URL) })
}

// areas are the places that a package is taken from, and where: a folder has
// the say in all of the scope unless the project also names an index.
func (q *question) areas(name pypi.Name) []located {
	list := q.sources[name]
	if len(list) == 1 && list[0].local.Direct == nil && !askedElsewhere(q.Request, q.scope, &list[0]) {
		return []located{{list[0].local, q.scope.here, list[0].by}}
	}
	return list
}

// judgeDirect finds where a package that is taken from a reference cannot be
// installed: by its Requires-Python, by the tags of a wheel, and where it would
// have to be built and must not be.
//
// What one of several targets of best effort cannot use is unserved.
func (q *question) judgeDirect(l *project.Local) (bad []exclusion, unserved where) {
	unserved = q.scope.here.none()
	if l.Direct == nil {
		return nil, unserved
	}
	add := func(in where, why exclusionWhy) {
		if !in.isNone() {
			bad = append(bad, exclusion{in: in, exclusionWhy: why})
		}
	}
	refusedBy := q.scope.here.none()
	if len(l.RequiresPython) > 0 {
		why := exclusionWhy{requiresPython, l.RequiresPython.String()}
		if q.scope.here.universal {
			add(q.scope.here.minus(where{set: pep508.RequiresPython(lowerBound(l.RequiresPython)), universal: true}), why)
		} else {
			for t := range q.scope.here.each {
				if admits(l.RequiresPython, q.scope.pythons[t]) == refused {
					refusedBy.bits |= 1 << t
				}
			}
			add(refusedBy, why)
		}
	}
	w, err := dist.ParseWheel(l.Direct.Filename)
	if _, noSdists := q.ignores(l.Name); err != nil && noSdists {
		add(q.scope.here, exclusionWhy{noWheel, ""})
	}
	if err != nil || q.scope.here.universal {
		return bad, unserved
	}
	misfit := q.scope.here.none()
	for t := range q.scope.here.each {
		if _, ok := q.scope.tags[t].Rank(w.Tags); !ok {
			misfit.bits |= 1 << t
		}
	}
	if q.scope.best && !misfit.covers(q.scope.here) {
		return bad, misfit
	}
	for t := range misfit.each {
		add(where{bits: 1 << t}, exclusionWhy{noMatchingFile, q.scope.tags[t].Why(w.Tags)})
	}
	return bad, q.scope.here.none()
}
