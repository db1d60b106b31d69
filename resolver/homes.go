package resolver

import (
	"slices"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
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

// home returns the index that a package comes from in a part of the scope, nil
// for the usual ones, and where in that part it is another than the first.
func (q *question) home(name pypi.Name, in where) (index Index, torn where) {
	for _, h := range q.homes[name] {
		if h.in.and(in).isNone() {
			continue
		}
		if torn = in.minus(h.in); in.universal {
			torn = torn.and(possible())
		}
		return h.index, torn
	}
	return nil, in.none()
}

// housedApart reports whether parts of a resolution take a package from different
// indexes: then its versions have nothing to do with each other.
func housedApart(parts []*solved, name pypi.Name) bool {
	first, _ := parts[0].home(name, parts[0].scope.here)
	return slices.ContainsFunc(parts, func(s *solved) bool {
		index, _ := s.home(name, s.scope.here)
		return index != first
	})
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
	home, torn := q.home(name, q.part(marker))
	return home, torn.isNone(), nil
}
