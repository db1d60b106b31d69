package resolver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

// part is a node that serves a requirement in some environments.
type part struct {
	node int
	in   where
}

// serving returns the nodes of a name in a part of the scope, and what none of
// them covers.
func (c *check) serving(name pypi.Name, in where) (parts []part, rest where) {
	rest = in
	for _, i := range c.byName[name] {
		if mine := in.and(c.nodes[i].in); !mine.isNone() {
			parts = append(parts, part{i, mine})
			rest = rest.minus(c.nodes[i].in)
		}
	}
	return parts, rest
}

// asks returns what a node, or an extra of it, asks for; nothing where that
// cannot be known.
func (c *check) asks(k wanted) []dependency {
	n := c.nodes[k.node]
	if c.noDeps || !n.known {
		return nil
	}
	deps, ok := c.deps[k]
	if !ok {
		deps = c.dependencies(&candidates{name: n.name(), local: n.local}, n.meta, k.extra)
		c.deps[k] = deps
	}
	return deps
}

// follow fills reach: where each node, and each extra, is needed. A node is
// there under the extra "".
func (c *check) follow() {
	for i := range c.requirements {
		c.demand(c.reach, nil, c.requirements[i].dependency, c.scope.here)
	}
}

// demand notes that a dependency holds in a part of the scope, and all that
// follows from it. Those in only, if it is not nil, count alone.
func (c *check) demand(reach map[wanted]where, only func(node int) bool, d dependency, in where) {
	type step struct {
		d  dependency
		in where
	}
	for queue := []step{{d, in}}; len(queue) > 0; queue = queue[1:] {
		d, in := queue[0].d, queue[0].in.and(queue[0].d.in)
		if in.isNone() || c.strange(d) {
			continue
		}
		parts, _ := c.serving(d.Name, in)
		for _, p := range parts {
			if only != nil && !only(p.node) {
				continue
			}
			for _, x := range append([]pypi.Extra{""}, d.Extras...) {
				k := wanted{p.node, x}
				old, ok := reach[k]
				if !ok {
					old = in.none()
				}
				more := p.in.minus(old)
				if more.isNone() {
					continue
				}
				reach[k] = old.or(p.in)
				for _, next := range c.asks(k) {
					queue = append(queue, step{next, more})
				}
			}
		}
	}
}

// needed returns where a node is needed.
func (c *check) needed(node int) where {
	if in, ok := c.reach[wanted{node, ""}]; ok {
		return in
	}
	return c.scope.here.none()
}

// place names a part of the scope; "" is all of it.
func (c *check) place(in where) string { return c.scope.narrow(in).String() }

// edges lists who asks for what. The parts in which an edge holds are those of
// the result, by index.
func (c *check) edges() (edges []Edge, in []where) {
	type found struct {
		Edge
		in where
	}
	var all []found
	add := func(e Edge, d dependency, at where) {
		at = at.and(d.in)
		if at.isNone() || c.strange(d) {
			return
		}
		e.Name, e.Requirement, e.Marker, e.Extras, e.Specifiers = d.Name, d.String(), d.marker, d.Extras, d.Specifiers
		if d.override != nil {
			e.From, e.Override = d.override, true
		}
		parts, rest := c.serving(d.Name, at)
		for _, p := range parts {
			e.Child, e.Where = p.node, c.place(p.in)
			all = append(all, found{e, p.in})
		}
		if !rest.isNone() {
			e.Child, e.Where = -1, c.place(rest)
			all = append(all, found{e, rest})
		}
	}
	for i := range c.requirements {
		r := &c.requirements[i]
		add(Edge{Parent: -1, From: r.from}, r.dependency, c.scope.here)
	}
	for _, k := range sortedWanted(c.reach) {
		n := c.nodes[k.node]
		for _, d := range c.asks(k) {
			e := Edge{Parent: k.node, Extra: k.extra}
			if n.local != nil {
				e.From = localRequirement(n.local, k.extra, d)
			}
			add(e, d, c.reach[k])
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Parent, b.Parent), cmp.Compare(a.Extra, b.Extra), cmp.Compare(a.Name, b.Name),
			strings.Compare(a.Requirement, b.Requirement), strings.Compare(a.Marker, b.Marker), cmp.Compare(a.Child, b.Child))
	})
	for _, f := range all {
		edges, in = append(edges, f.Edge), append(in, f.in)
	}
	return edges, in
}

func sortedWanted(m map[wanted]where) []wanted {
	keys := make([]wanted, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b wanted) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.extra, b.extra))
	})
	return keys
}

// localRequirement finds where a path dependency writes what it asks for, nil
// where an override says it.
func localRequirement(l *project.Local, extra pypi.Extra, d dependency) *project.Requirement {
	reqs := l.Requirements
	if extra != "" {
		reqs = l.Extras[extra]
	}
	for i := range reqs {
		r := &reqs[i]
		if r.Name == d.Name && r.Marker.String() == d.marker && (d.override != nil || r.Specifiers.String() == d.Specifiers.String() && slices.Equal(r.Extras, d.Extras)) {
			return r
		}
	}
	return nil
}

// causes finds for each node the edge by which the project comes to it on the
// shortest way, -1 for none.
func causes(nodes int, edges []Edge) []int {
	out := make([]int, nodes)
	seen := make([]bool, nodes)
	for i := range out {
		out[i] = -1
	}
	from := map[int][]int{}
	for i := range edges {
		from[edges[i].Parent] = append(from[edges[i].Parent], i)
	}
	for queue := []int{-1}; len(queue) > 0; queue = queue[1:] {
		for _, e := range from[queue[0]] {
			if child := edges[e].Child; child >= 0 && !seen[child] {
				seen[child], out[child] = true, e
				queue = append(queue, child)
			}
		}
	}
	return out
}

// depths returns how far each edge is from the project.
func depths(edges []Edge, cause []int) []int {
	out := make([]int, len(edges))
	for i := range edges {
		for p := edges[i].Parent; p >= 0 && out[i] <= len(edges); {
			out[i]++
			if cause[p] < 0 {
				break
			}
			p = edges[cause[p]].Parent
		}
	}
	return out
}

// subtrees groups pins that nothing asks for below those that none of the
// others asks for: by the first pin of each group, how many it brings besides.
func (c *check) subtrees(idle []int) (tops []int, below map[int]int) {
	isIdle := map[int]bool{}
	for _, i := range idle {
		isIdle[i] = true
	}
	reached := make(map[int]map[int]bool, len(idle))
	brought := map[int]bool{}
	for _, i := range idle {
		reach := map[wanted]where{}
		in := c.nodes[i].in
		// All extras that it has may have been asked for.
		extras := []pypi.Extra{""}
		if m := c.nodes[i].meta; m != nil {
			extras = append(extras, m.Extras...)
		}
		for _, x := range extras {
			for _, d := range c.asks(wanted{i, x}) {
				c.demand(reach, func(node int) bool { return isIdle[node] }, d, in)
			}
		}
		reached[i] = map[int]bool{}
		for k := range reach {
			if k.node != i {
				reached[i][k.node] = true
			}
		}
	}
	for _, i := range idle {
		for j := range reached[i] {
			if !reached[j][i] {
				brought[j] = true
			}
		}
	}
	below = map[int]int{}
	told := map[int]bool{}
	for _, i := range idle {
		if brought[i] || told[i] {
			continue
		}
		tops = append(tops, i)
		told[i] = true
		for _, j := range idle {
			if reached[i][j] && !told[j] {
				told[j] = true
				below[i]++
			}
		}
	}
	return tops, below
}
