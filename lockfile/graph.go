package lockfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Graph is what a lock holds and who asks for it: the pins, the packages of
// the repository that are installed beside them, and the requirements that
// connect them. [NewGraph] makes one; but for BoundBy it is not changed
// afterwards.
type Graph struct {
	// Service names the project, Lock is the path of its lock.
	Service, Lock string
	// BoundBy is the path of the lock whose pins bound those of this one, "" for
	// none.
	BoundBy string
	Nodes   []Node // by name, version and marker
	Edges   []Edge // the project's first, then by From, To and text

	from, to [][]int // edges by node; those of the project are in root
	root     []int
}

// Node is a pin, or a package of the repository.
type Node struct {
	Name    pypi.Name
	Version pep440.Version // zero for a local package that states none
	Marker  string         // where the pin applies, "" for everywhere
	Local   string         // the folder of a package of the repository, "" for a pin
	Place   project.Place  // of the pin in the lock
}

// FromProject is the From of the project's own requirements.
const FromProject = -1

// Edge is one requirement that holds somewhere in the target.
type Edge struct {
	// From is the node that asks, or FromProject; To is the node that meets
	// the requirement.
	From, To int
	// Requirement is as stated; its marker does not count, Where does.
	Requirement pep508.Requirement
	// Constraint is set where it bounds To without asking for it. From is then
	// FromProject.
	Constraint bool
	// Place is where a requirement of the repository is written; zero for one
	// that the metadata of a pin states.
	Place project.Place
	// Extra is the extra of From that asks, "" for none.
	Extra pypi.Extra
	// Where is a marker or a list of targets in which it holds, "" for
	// wherever From is.
	Where string
}

// NewGraph sorts nodes and edges, so that a graph does not depend on the order
// of its parts. Edges that say the same are one. It panics where an edge names
// a node that is not there.
func NewGraph(service, lock string, nodes []Node, edges []Edge) *Graph {
	g := &Graph{Service: service, Lock: lock, Nodes: slices.Clone(nodes), Edges: slices.Clone(edges)}
	order := make([]int, len(nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &nodes[a], &nodes[b]
		return cmp.Or(cmp.Compare(x.Name, y.Name), x.Version.Compare(y.Version), cmp.Compare(x.Marker, y.Marker))
	})
	moved := make([]int, len(nodes))
	for i, old := range order {
		moved[old], g.Nodes[i] = i, nodes[old]
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		if e.To < 0 || e.To >= len(nodes) || e.From < FromProject || e.From >= len(nodes) {
			panic(fmt.Sprintf("lockfile: the edge %d -> %d is not between %d nodes", e.From, e.To, len(nodes)))
		}
		e.To = moved[e.To]
		if e.From != FromProject {
			e.From = moved[e.From]
		}
	}
	slices.SortStableFunc(g.Edges, compareEdges)
	g.Edges = slices.CompactFunc(g.Edges, func(a, b Edge) bool { return compareEdges(a, b) == 0 })
	g.from, g.to = make([][]int, len(nodes)), make([][]int, len(nodes))
	for i, e := range g.Edges {
		g.to[e.To] = append(g.to[e.To], i)
		if e.From == FromProject {
			g.root = append(g.root, i)
		} else {
			g.from[e.From] = append(g.from[e.From], i)
		}
	}
	return g
}

func compareEdges(a, b Edge) int {
	return cmp.Or(
		cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To),
		cmp.Compare(order(!a.Constraint), order(!b.Constraint)),
		cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Column, b.Place.Column),
		cmp.Compare(a.text(), b.text()), cmp.Compare(a.Extra, b.Extra), cmp.Compare(a.Where, b.Where))
}

// Find returns the nodes of a name, in their order.
func (g *Graph) Find(name pypi.Name) []int {
	var found []int
	for i := range g.Nodes {
		if g.Nodes[i].Name == name {
			found = append(found, i)
		}
	}
	return found
}

// Direct reports whether the project itself, or a package of the repository,
// asks for a node.
func (g *Graph) Direct(node int) bool {
	return slices.ContainsFunc(g.to[node], func(i int) bool {
		e := &g.Edges[i]
		return !e.Constraint && (e.From == FromProject || g.Nodes[e.From].Local != "")
	})
}

// Repeats reports, by node, which pins are those of the lock that bounds this
// one, if its graph is among others: what there is to say of them is said there.
func (g *Graph) Repeats(others []*Graph) []bool {
	again := make([]bool, len(g.Nodes))
	i := slices.IndexFunc(others, func(o *Graph) bool { return o != g && g.BoundBy != "" && o.Lock == g.BoundBy })
	if i < 0 {
		return again
	}
	for n := range g.Nodes {
		mine := &g.Nodes[n]
		again[n] = slices.ContainsFunc(others[i].Nodes, func(o Node) bool {
			return o.Name == mine.Name && o.Version.Equal(mine.Version) && o.Marker == mine.Marker && o.Local == mine.Local
		})
	}
	return again
}

// title names a node: "httpx 0.28.1", "shared (libs/shared)".
func (n *Node) title() string {
	s := string(n.Name)
	if !n.Version.IsZero() {
		s += " " + n.Version.String()
	}
	if n.Local != "" {
		s += " (" + n.Local + ")"
	}
	return s
}

// name returns the name of the project.
func (g *Graph) name() string {
	if g.Service == "" {
		return "the project"
	}
	return g.Service
}

// asker names who asks: the project or a node.
func (g *Graph) asker(e *Edge) string {
	switch {
	case e.Constraint:
		return "constraint"
	case e.From == FromProject:
		return g.name()
	}
	return g.Nodes[e.From].title()
}

// text is the requirement without its marker.
func (e *Edge) text() string {
	r := e.Requirement
	r.Marker, r.NameText = pep508.Marker{}, string(r.Name)
	return r.String()
}

// bound is what a requirement says of versions, "" for nothing.
func (e *Edge) bound() string {
	if e.Requirement.URL != "" {
		return "@ " + project.Redact(e.Requirement.URL)
	}
	return e.Requirement.Specifiers.String()
}

// admits reports whether a version meets the requirement. Pre-releases are not
// filtered.
func (e *Edge) admits(v pep440.Version) bool {
	return len(e.Requirement.Specifiers) == 0 || e.Requirement.Specifiers.Contains(v)
}

// conditions tell the extra and the environments of a requirement, and where
// it is written.
func (e *Edge) conditions() []string {
	var s []string
	if e.Extra != "" {
		s = append(s, "for extra "+string(e.Extra))
	}
	if e.Where != "" {
		s = append(s, "where "+e.Where)
	}
	if p := e.line(); p != "" {
		s = append(s, p)
	}
	return s
}

// line is where a requirement of the repository is written, file:line; "" for
// one of metadata.
func (e *Edge) line() string {
	p := e.Place
	p.Column = 0
	return p.String()
}

// remark is conditions in parentheses behind a space, or "".
func (e *Edge) remark() string {
	if c := e.conditions(); c != nil {
		return " (" + strings.Join(c, ", ") + ")"
	}
	return ""
}
