package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/resolver"
)

// pinnedIndex is the only place that a package may come from, somewhere or
// everywhere.
type pinnedIndex struct {
	name, url string
	flat      bool
	place     project.Place
}

// pinnedFor is an index that serves a package, partly if in some environments
// alone.
type pinnedFor struct {
	pinnedIndex
	of     pypi.Name
	partly bool
}

// pinned are the indexes of single packages, by their names.
func (s *indexSettings) pinned() []pinnedFor {
	var out []pinnedFor
	for name, pin := range s.only {
		out = append(out, pinnedFor{pin, name, false})
	}
	for name, list := range s.places {
		for _, pin := range list {
			out = append(out, pinnedFor{pin, name, true})
		}
	}
	slices.SortFunc(out, func(a, b pinnedFor) int {
		return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.url, b.url))
	})
	return out
}

// sourced are the requirements, in the environments of the lock, whose source
// says something of an index.
func (r *run) sourced() ([]project.Requirement, error) {
	all := slices.Concat(r.project.Requirements, r.project.Constraints, r.project.Overrides)
	for i := range r.project.Locals {
		l := &r.project.Locals[i]
		all = append(all, l.Requirements...)
		for _, e := range slices.Sorted(maps.Keys(l.Extras)) {
			all = append(all, l.Extras[e]...)
		}
	}
	var out []project.Requirement
	for _, req := range all {
		if req.Index == nil {
			continue
		}
		applies, err := r.request.Applies(req.Marker)
		if err != nil {
			return nil, err
		}
		if applies {
			out = append(out, req)
		}
	}
	return out, nil
}

// pinIndexes finds the packages that sources name an index for: the same in all
// environments of the lock, or several; and the index of a torch backend.
func (o *compileOptions) pinIndexes(r *run) error {
	s := &r.indexes
	if o.torchBackend.name != "" && !s.noIndex {
		s.torch = project.TorchIndex(o.torchBackend.name)
	}
	s.only, s.places, r.homes = map[pypi.Name]pinnedIndex{}, map[pypi.Name][]pinnedIndex{}, map[*project.IndexSource]string{}
	sourced, err := r.sourced()
	if err != nil {
		return err
	}
	usual := map[pypi.Name]bool{}
	found := map[*project.IndexSource]string{}
	for _, req := range sourced {
		pin, err := o.pinnedIndex(s, req.Index)
		if err != nil {
			return err
		}
		if pin.url == "" || s.noIndex && !pin.flat {
			usual[req.Name] = true
			continue
		}
		if pin.flat {
			if err := s.addFlat(pin.url, pin.place.String()+": index "+pin.name); err != nil {
				return err
			}
		}
		found[req.Index] = pin.url
		if list := s.places[req.Name]; !slices.ContainsFunc(list, func(p pinnedIndex) bool { return p.url == pin.url }) {
			s.places[req.Name] = append(list, pin)
		}
	}
	for name, list := range s.places {
		if len(list) == 1 && !usual[name] {
			s.only[name] = list[0]
			delete(s.places, name)
		}
	}
	for _, req := range sourced {
		if s.places[req.Name] != nil && found[req.Index] != "" {
			r.homes[req.Index] = found[req.Index]
		}
	}
	return nil
}

// ask returns the request with the indexes that its sources name, of a client
// that has them.
func (r *run) ask(c *index.Client) resolver.Request {
	q := r.request
	for from, address := range r.homes {
		if q.From == nil {
			q.From = map[*project.IndexSource]resolver.Index{}
		}
		q.From[from] = c.At(address)
	}
	return q
}

// pinnedIndex finds the address of an index that a source names.
func (o *compileOptions) pinnedIndex(s *indexSettings, from *project.IndexSource) (pinnedIndex, error) {
	pin := pinnedIndex{name: from.Name, url: from.Link.URL, flat: from.Link.Flat, place: from.Place}
	if u, ok := s.named[from.Name]; ok {
		pin.url, pin.flat = u, false
	}
	if pin.url == "" && from.Name != "" {
		all, _ := o.companySettings()
		for _, c := range all {
			if c.Name == from.Name {
				return pin, &project.InputError{Place: from.Place, Msg: fmt.Sprintf("the index %q is one of this machine (%s:%d), and a source names one of the project: declare it with [[tool.uv.index]] or [[tool.pylock.index]] too, or give it with --index %s=URL", from.Name, c.Place.File, c.Place.Line, from.Name)}
			}
		}
		return pin, &project.InputError{Place: from.Place, Msg: fmt.Sprintf("no index has the name %q: declare it with [[tool.uv.index]] or [[tool.pylock.index]], or with --index %s=URL", from.Name, from.Name)}
	}
	if from.Name != "" {
		pin.url = o.authenticate(from.Name, pin.url)
	}
	if pin.url != "" {
		s.heed(pin.url, from.Link.IndexRules)
	}
	return pin, nil
}
