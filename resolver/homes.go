package resolver

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// housed is a package that comes from one index in a part of the scope; nil is
// the usual ones.
type housed struct {
	index Index
	in    where
	by    *project.Requirement // that says so
}

// house notes that a requirement names an index where it holds; the usual ones
// give way to any other.
func house(list []housed, r *Request, from *project.Requirement, in where) []housed {
	index := r.From[from.Index]
	if i := slices.IndexFunc(list, func(h housed) bool { return h.index == index }); i >= 0 {
		list[i].in = list[i].in.or(in)
		return list
	}
	return append(list, housed{index, in, from})
}

// settle drops the usual indexes from a list, in the environments of which none
// other is named. An only other one has the say in all of the scope unless they
// are asked for where it is not meant.
func settle(list []housed, here where) []housed {
	usual := here.none()
	list = slices.DeleteFunc(slices.Clone(list), func(h housed) bool {
		if h.index == nil {
			usual = usual.or(h.in)
		}
		return h.index == nil
	})
	if len(list) == 1 && list[0].in.covers(usual) {
		list[0].in = here
	}
	return list
}

// homesOf finds by name the packages that sources give an index of their own,
// and where. It looks at all of the resolution, so that its parts do not differ
// by how they were cut.
func homesOf(r *Request, sc *scope, excludes map[pypi.Name]bool) map[pypi.Name][]housed {
	if len(r.From) == 0 {
		return nil
	}
	if r.homesBy != nil {
		r = r.homesBy
	}
	whole := sc.narrow(sc.all)
	out := map[pypi.Name][]housed{}
	for name, list := range originsOf(r, whole, excludes).homes {
		if list = settle(list, whole.here); len(list) > 0 {
			out[name] = list
		}
	}
	return out
}

// homesIn returns the indexes that a package comes from in a part of the scope,
// and where there: one at the least, nil for the usual ones, which are the last.
func (q *question) homesIn(name pypi.Name, in where) []housed {
	if len(q.homes[name]) == 0 {
		return []housed{{in: in}}
	}
	var out []housed
	for _, h := range q.homes[name] {
		if both := in.and(h.in); !both.isNone() {
			out = append(out, housed{h.index, both, h.by})
			in = in.minus(h.in)
		}
	}
	if in.universal {
		in = in.and(possible())
	}
	if len(out) == 0 || !in.isNone() {
		out = append(out, housed{in: in})
	}
	return out
}

// home is the first of homesIn.
func (q *question) home(name pypi.Name, in where) Index { return q.homesIn(name, in)[0].index }

// housedApart reports whether parts of a resolution take a package from different
// indexes: then its versions have nothing to do with each other.
func housedApart(parts []*solved, name pypi.Name) bool {
	first := parts[0].home(name, parts[0].scope.here)
	return slices.ContainsFunc(parts, func(s *solved) bool { return s.home(name, s.scope.here) != first })
}

// homeClash finds two indexes for one package in one environment.
func homeClash(sc *scope, homes map[pypi.Name][]housed) error {
	for _, name := range sortedKeys(homes) {
		list := homes[name]
		for i, a := range list {
			for _, b := range list[i+1:] {
				if both := a.in.and(b.in); !both.isNone() {
					return clashing(sc, both, &SourceClashError{Name: name, A: a.by, B: b.by, AtA: "the index " + a.by.Index.Name, AtB: "the index " + b.by.Index.Name})
				}
			}
		}
	}
	return nil
}

// Home returns the index of [Request.From] that a package comes from where a
// marker holds, nil for the usual ones; one is false where it comes from several
// there.
func (r *Request) Home(name pypi.Name, marker pep508.Marker) (home Index, one bool, err error) {
	sc, err := newScope(r)
	if err != nil {
		return nil, false, err
	}
	q := newQuestion(r, sc, nil)
	homes := q.homesIn(name, q.part(marker))
	return homes[0].index, len(homes) == 1, nil
}

// sameFiles reports whether two indexes have the same files of a version, as
// where one passes on what the other has.
func sameFiles(a, b *index.Release) bool {
	if a == nil || b == nil || len(a.Files()) != len(b.Files()) {
		return a == b
	}
	for i := range a.Files() {
		f, g := &a.Files()[i], &b.Files()[i]
		if h := f.Hashes.Get("sha256"); f.Filename != g.Filename || h != g.Hashes.Get("sha256") || h == "" && f.URL != g.URL {
			return false
		}
	}
	return true
}

// joinHomes makes one entry of those of a version that several indexes have in
// the same files: it comes from the first of them.
func (a *assembly) joinHomes() {
	rank := func(k entryKey) int {
		if i := slices.IndexFunc(a.homes[k.name], func(h housed) bool { return h.index == k.home }); i >= 0 {
			return i
		}
		return len(a.homes[k.name]) // the usual ones
	}
	var keys []entryKey
	for k := range a.entries {
		if len(a.homes[k.name]) > 0 && k.source == "" {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y entryKey) int { return cmp.Compare(rank(x), rank(y)) })
	var kept []entryKey
	for _, k := range keys {
		i := slices.IndexFunc(kept, func(first entryKey) bool {
			return first.name == k.name && first.version == k.version && sameFiles(a.entries[first].release, a.entries[k].release)
		})
		if i < 0 {
			kept = append(kept, k)
			continue
		}
		a.entries[kept[i]].join(a.entries[k])
		delete(a.entries, k)
	}
}

// join adds an entry with the same files.
func (e *entry) join(o *entry) {
	e.in = e.in.or(o.in)
	maps.Copy(e.via, o.via)
	maps.Copy(e.extras, o.extras)
	e.Servings = append(e.Servings, o.Servings...)
	for _, list := range []struct {
		to   *[]*index.File
		more []*index.File
	}{{&e.Files, o.Files}, {&e.AllFiles, o.AllFiles}} {
		for _, f := range list.more {
			i, found := slices.BinarySearchFunc(*list.to, f, compareFiles)
			if !found {
				*list.to = slices.Insert(*list.to, i, f)
			}
		}
	}
}

func compareFiles(a, b *index.File) int { return strings.Compare(a.Filename, b.Filename) }
