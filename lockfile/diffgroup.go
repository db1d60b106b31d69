package lockfile

import (
	"cmp"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
)

// reasons tell, by the annotations of a lock, which direct requirements lead
// to a package.
type reasons struct {
	origins map[pypi.Name][]string // by direct requirement, sorted
	parents map[pypi.Name][]pypi.Name
}

// readReasons follows the annotations. A label that is not the name of a pin
// is an origin: a file, a project, or a package of the repository, which is
// not pinned. Constraints and overrides are no reason to be there.
func readReasons(l *Lock) *reasons {
	r := &reasons{origins: map[pypi.Name][]string{}, parents: map[pypi.Name][]pypi.Name{}}
	pinned := map[pypi.Name]bool{}
	for i := range l.Pins {
		pinned[l.Pins[i].Name] = true
	}
	for i := range l.Pins {
		p := &l.Pins[i]
		for _, label := range p.Via {
			parent, err := pypi.ParseName(label)
			switch {
			case err == nil && pinned[parent]:
				r.parents[p.Name] = append(r.parents[p.Name], parent)
			case labelRank(label) > labelRank("--override "):
				r.origins[p.Name] = append(r.origins[p.Name], label)
			}
		}
	}
	for name, labels := range r.origins {
		r.origins[name] = sortLabels(labels)
	}
	return r
}

// leads returns the direct requirements that lead to a package, each with how
// many steps it is away; a direct requirement is 0 steps from itself.
func (r *reasons) leads(name pypi.Name) map[pypi.Name]int {
	found := map[pypi.Name]int{}
	steps := map[pypi.Name]int{name: 0}
	for queue := []pypi.Name{name}; len(queue) > 0; {
		at := queue[0]
		queue = queue[1:]
		if r.origins[at] != nil {
			found[at] = steps[at]
		}
		for _, p := range r.parents[at] {
			if _, seen := steps[p]; !seen {
				steps[p] = steps[at] + 1
				queue = append(queue, p)
			}
		}
	}
	return found
}

// group sorts changes by the direct requirement that brought each. Of several
// that lead to a package it is one that moved itself, since that is what a
// reader looks for, then the nearest, then the first by name; the others are
// named beside.
func group(before, after *Lock, changes []Change) []Group {
	was, is := readReasons(before), readReasons(after)
	moved := map[pypi.Name]bool{}
	for _, c := range changes {
		if c.Kind != HashesChanged && (was.origins[c.Name] != nil || is.origins[c.Name] != nil) {
			moved[c.Name] = true
		}
	}
	groups := map[pypi.Name]*Group{}
	for _, c := range changes {
		r, far := is, map[pypi.Name]int(nil)
		if c.After != nil {
			far = is.leads(c.Name)
		}
		if len(far) == 0 {
			r, far = was, was.leads(c.Name)
		}
		var leads []pypi.Name
		for d := range far {
			leads = append(leads, d)
		}
		slices.SortFunc(leads, func(a, b pypi.Name) int {
			return cmp.Or(
				cmp.Compare(order(a == c.Name), order(b == c.Name)),
				cmp.Compare(order(moved[a]), order(moved[b])),
				cmp.Compare(far[a], far[b]),
				cmp.Compare(a, b))
		})
		direct := pypi.Name("")
		if len(leads) > 0 {
			direct = leads[0]
			if direct != c.Name {
				c.Also = leads[1:]
				slices.Sort(c.Also)
			}
		}
		g := groups[direct]
		if g == nil {
			g = &Group{Direct: direct, Origins: r.origins[direct]}
			groups[direct] = g
		}
		g.Changes = append(g.Changes, c)
	}
	out := make([]Group, 0, len(groups))
	for _, g := range groups {
		slices.SortStableFunc(g.Changes, func(a, b Change) int {
			return cmp.Or(cmp.Compare(order(a.Name == g.Direct), order(b.Name == g.Direct)), cmp.Compare(a.Name, b.Name))
		})
		if g.Direct != "" && g.Changes[0].Name != g.Direct {
			for _, l := range []*Lock{after, before} {
				if i := slices.IndexFunc(l.Pins, func(p Pin) bool { return p.Name == g.Direct }); i >= 0 && g.Unchanged == nil {
					g.Unchanged = &l.Pins[i]
				}
			}
		}
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(order(a.Direct != ""), order(b.Direct != "")), cmp.Compare(a.Direct, b.Direct))
	})
	return out
}

// order puts what holds before what does not.
func order(holds bool) int {
	if holds {
		return 0
	}
	return 1
}
