package lockfile

import (
	"cmp"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
)

// reasons tell, by the annotations of a lock, which direct requirements lead
// to a package.
type reasons struct {
	ids     map[pypi.Name]int
	names   []pypi.Name
	origins [][]string // by package, sorted; none where it is no direct requirement
	parents [][]int
}

// readReasons follows the annotations. A label that is not the name of a pin
// is an origin: a file, a project, or a package of the repository, which is
// not pinned. Constraints and overrides are no reason to be there.
func readReasons(l *Lock) *reasons {
	r := &reasons{ids: map[pypi.Name]int{}}
	for i := range l.Pins {
		if n := l.Pins[i].Name; !r.has(n) {
			r.ids[n] = len(r.names)
			r.names = append(r.names, n)
		}
	}
	r.origins, r.parents = make([][]string, len(r.names)), make([][]int, len(r.names))
	for i := range l.Pins {
		id := r.ids[l.Pins[i].Name]
		for _, label := range l.Pins[i].Via {
			parent, err := pypi.ParseName(label)
			switch {
			case err == nil && r.has(parent):
				r.parents[id] = append(r.parents[id], r.ids[parent])
			case labelRank(label) > labelRank("--override "):
				r.origins[id] = append(r.origins[id], label)
			}
		}
	}
	for id := range r.origins {
		r.origins[id] = sortLabels(r.origins[id])
	}
	return r
}

func (r *reasons) has(n pypi.Name) bool {
	_, ok := r.ids[n]
	return ok
}

// originsOf returns where a package is asked for directly, or none.
func (r *reasons) originsOf(n pypi.Name) []string {
	if id, ok := r.ids[n]; ok {
		return r.origins[id]
	}
	return nil
}

// lead is a direct requirement that leads to a package, and how many steps it
// is away: 0 from itself.
type lead struct {
	name  pypi.Name
	steps int
}

// leads returns the direct requirements that lead to a package.
func (r *reasons) leads(name pypi.Name) []lead {
	id, ok := r.ids[name]
	if !ok {
		return nil
	}
	var found []lead
	seen := make([]bool, len(r.names))
	seen[id] = true
	for at, steps := []int{id}, 0; len(at) > 0; steps++ {
		var next []int
		for _, i := range at {
			if len(r.origins[i]) > 0 {
				found = append(found, lead{r.names[i], steps})
			}
			for _, p := range r.parents[i] {
				if !seen[p] {
					seen[p] = true
					next = append(next, p)
				}
			}
		}
		at = next
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
		if c.Kind != HashesChanged && (was.originsOf(c.Name) != nil || is.originsOf(c.Name) != nil) {
			moved[c.Name] = true
		}
	}
	groups := map[pypi.Name]*Group{}
	for _, c := range changes {
		r, leads := is, []lead(nil)
		if c.After != nil {
			leads = is.leads(c.Name)
		}
		if len(leads) == 0 {
			r, leads = was, was.leads(c.Name)
		}
		direct := pypi.Name("")
		if len(leads) > 0 {
			direct = slices.MinFunc(leads, func(a, b lead) int {
				return cmp.Or(
					cmp.Compare(order(a.name == c.Name), order(b.name == c.Name)),
					cmp.Compare(order(moved[a.name]), order(moved[b.name])),
					cmp.Compare(a.steps, b.steps),
					cmp.Compare(a.name, b.name))
			}).name
		}
		if direct != c.Name {
			for _, l := range leads {
				if l.name != direct {
					c.Also = append(c.Also, l.name)
				}
			}
			slices.Sort(c.Also)
		}
		g := groups[direct]
		if g == nil {
			g = &Group{Direct: direct, Origins: r.originsOf(direct)}
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
