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
	// far holds by package how many steps each direct requirement is away; a
	// direct requirement is 0 steps from itself.
	far map[pypi.Name]map[pypi.Name]int
}

// readReasons follows the annotations. A label that is not the name of a pin
// is an origin: a file, a project, or a package of the repository, which is
// not pinned. Constraints and overrides are no reason to be there.
func readReasons(l *Lock) *reasons {
	r := &reasons{origins: map[pypi.Name][]string{}, far: map[pypi.Name]map[pypi.Name]int{}}
	pinned := map[pypi.Name]bool{}
	for i := range l.Pins {
		pinned[l.Pins[i].Name] = true
	}
	children := map[pypi.Name][]pypi.Name{}
	for i := range l.Pins {
		p := &l.Pins[i]
		for _, label := range p.Via {
			parent, err := pypi.ParseName(label)
			switch {
			case err == nil && pinned[parent]:
				children[parent] = append(children[parent], p.Name)
			case labelRank(label) > labelRank("--override "):
				r.origins[p.Name] = append(r.origins[p.Name], label)
			}
		}
	}
	for direct := range r.origins {
		r.origins[direct] = sortLabels(r.origins[direct])
		queue := []pypi.Name{direct}
		steps := map[pypi.Name]int{direct: 0}
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			if r.far[at] == nil {
				r.far[at] = map[pypi.Name]int{}
			}
			r.far[at][direct] = steps[at]
			for _, c := range children[at] {
				if _, seen := steps[c]; !seen {
					steps[c] = steps[at] + 1
					queue = append(queue, c)
				}
			}
		}
	}
	return r
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
		r := is
		if c.After == nil || is.far[c.Name] == nil {
			r = was
		}
		var leads []pypi.Name
		for d := range r.far[c.Name] {
			leads = append(leads, d)
		}
		slices.SortFunc(leads, func(a, b pypi.Name) int {
			return cmp.Or(
				cmp.Compare(order(a == c.Name), order(b == c.Name)),
				cmp.Compare(order(moved[a]), order(moved[b])),
				cmp.Compare(r.far[c.Name][a], r.far[c.Name][b]),
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
