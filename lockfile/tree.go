package lockfile

import (
	"io"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// TreeOptions say what of a graph is drawn.
type TreeOptions struct {
	// Invert draws who asks for what in the place of what is asked for.
	Invert bool
	// Depth is how many levels are drawn below the roots; negative for all.
	Depth int
	// Packages are the roots. Without any the project is the root or, of an
	// inverted tree, whatever asks for nothing.
	Packages []pypi.Name
	// NoDedupe draws what is below a package each time that it occurs.
	NoDedupe bool
	// NoBounds leaves out what each requirement says of versions.
	NoBounds bool
	// ASCII draws without the characters for boxes.
	ASCII bool
	Color bool
}

// maxTreeLines bounds a tree, of which there is no end without duplicates
// being marked.
const maxTreeLines = 100_000

const (
	drawnBefore = " (*)"
	onPath      = " (cycle)"
	treeLegend  = "(*) what is below is drawn above"
)

// hop are the requirements between two nodes.
type hop struct {
	to    int // FromProject for the project
	edges []int
}

// TreesText draws trees, one after the other with a blank line between; those
// that none of the packages is in are left out. See [Graph.Tree].
func TreesText(w io.Writer, gs []*Graph, o TreeOptions) error {
	first := true
	for _, g := range gs {
		if len(g.treeRoots(o)) == 0 {
			continue
		}
		if !first {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		first = false
		if err := g.Tree(w, o); err != nil {
			return err
		}
	}
	return nil
}

// Tree draws a graph, a package a line:
//
//	langgraph-service (services/langgraph/requirements.lock)
//	├── httpx 0.28.1 [<1,>=0.25] services/langgraph/pyproject.toml:18
//	│   └── anyio 4.12.0
//	└── langgraph 1.0.5 [>=1.0.5] services/langgraph/pyproject.toml:7
//
// In brackets is what the requirement says of versions; in an inverted tree
// what the package asks of the one above it.
func (g *Graph) Tree(w io.Writer, o TreeOptions) error {
	t := &treeDrawing{g: g, o: o, paper: &paper{color: o.Color}, drawn: map[int]int{}, path: map[int]bool{}}
	for i, root := range g.treeRoots(o) {
		if len(o.Packages) > 0 {
			clear(t.drawn) // who asked for this one wants all of it
			if i > 0 {
				t.b.WriteByte('\n')
			}
		}
		label := g.name()
		if root != FromProject {
			label = g.Nodes[root].title()
		} else if g.Lock != "" {
			label += " (" + g.Lock + ")"
		}
		t.text(bold, label)
		if root != FromProject {
			t.where(root)
		}
		t.below(root, "", o.Depth)
	}
	if t.lines >= maxTreeLines {
		t.line("… more lines: use --depth or --package")
	}
	if t.again {
		t.line("")
		t.text(dim, treeLegend)
		t.b.WriteByte('\n')
	}
	return t.writeTo(w)
}

// treeRoots returns nodes, or FromProject.
func (g *Graph) treeRoots(o TreeOptions) []int {
	var roots []int
	switch {
	case len(o.Packages) > 0:
		for _, name := range o.Packages {
			for _, i := range g.Find(name) {
				if !slices.Contains(roots, i) {
					roots = append(roots, i)
				}
			}
		}
	case o.Invert:
		for i := range g.Nodes {
			if len(g.from[i]) == 0 {
				roots = append(roots, i)
			}
		}
	default:
		roots = []int{FromProject}
	}
	return roots
}

// hops returns the neighbours of a node, sorted: the project first.
func (g *Graph) hops(node int, invert bool) []hop {
	edges := g.root
	switch {
	case node == FromProject && invert:
		return nil
	case invert:
		edges = g.to[node]
	case node != FromProject:
		edges = g.from[node]
	}
	var hops []hop
	for _, i := range edges {
		e := &g.Edges[i]
		if e.Constraint {
			continue
		}
		to := e.To
		if invert {
			to = e.From
		}
		if j := slices.IndexFunc(hops, func(h hop) bool { return h.to == to }); j >= 0 {
			hops[j].edges = append(hops[j].edges, i)
		} else {
			hops = append(hops, hop{to, []int{i}})
		}
	}
	slices.SortFunc(hops, func(a, b hop) int { return a.to - b.to })
	return hops
}

type treeDrawing struct {
	*paper
	g     *Graph
	o     TreeOptions
	drawn map[int]int // by node, how many levels were drawn below it
	path  map[int]bool
	lines int
	again bool
}

// below draws what is below a node, whose label is written and its line not
// ended.
func (t *treeDrawing) below(node int, prefix string, depth int) {
	hops := t.g.hops(node, t.o.Invert)
	switch levels, ok := t.drawn[node]; {
	case t.path[node]:
		t.text(dim, onPath)
		t.b.WriteByte('\n')
		return
	case ok && !t.o.NoDedupe && len(hops) > 0 && depth != 0 && (levels < 0 || depth >= 0 && levels >= depth):
		t.again = true
		t.text(dim, drawnBefore)
		t.b.WriteByte('\n')
		return
	}
	t.b.WriteByte('\n')
	t.lines++
	if depth == 0 {
		return
	}
	t.drawn[node], t.path[node] = depth, true
	defer delete(t.path, node)
	tee, end, bar, gap := "├── ", "└── ", "│   ", "    "
	if t.o.ASCII {
		tee, end, bar = "|-- ", "`-- ", "|   "
	}
	for i, h := range hops {
		if t.lines >= maxTreeLines {
			return
		}
		branch, next := tee, bar
		if i == len(hops)-1 {
			branch, next = end, gap
		}
		t.raw(dim, prefix+branch)
		t.label(h)
		t.below(h.to, prefix+next, depth-1)
	}
}

// where writes the marker of a pin.
func (t *treeDrawing) where(node int) {
	if m := t.g.Nodes[node].Marker; m != "" {
		t.text(dim, " ; "+m)
	}
}

// label writes a node as reached by its requirements.
func (t *treeDrawing) label(h hop) {
	if h.to == FromProject {
		t.text(bold, t.g.name())
	} else {
		n := t.g.Nodes[h.to]
		if !t.o.Invert && !t.o.NoBounds {
			n.Name += pypi.Name(t.g.extrasOf(h))
		}
		t.text("", n.title())
		t.where(h.to)
	}
	if t.o.NoBounds {
		return
	}
	var bounds, conditions []string
	add := func(list *[]string, s string) {
		if s != "" && !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, i := range h.edges {
		e := &t.g.Edges[i]
		b := e.bound()
		if t.o.Invert && len(e.Requirement.Extras) > 0 {
			b = strings.TrimSpace("with " + extras(e.Requirement.Extras) + " " + b)
		}
		add(&bounds, b)
		c := *e
		if h.to != FromProject && c.Where == t.g.Nodes[e.To].Marker {
			c.Where = "" // the pin says it
		}
		for _, c := range c.conditions() {
			add(&conditions, c)
		}
	}
	if len(bounds) > 0 {
		t.text(yellow, " ["+strings.Join(bounds, "; ")+"]")
	}
	if len(conditions) > 0 {
		t.text(dim, " "+strings.Join(conditions, ", "))
	}
}

// extrasOf returns the extras that requirements ask for, as "[a,b]", or "".
func (g *Graph) extrasOf(h hop) string {
	var all []pypi.Extra
	for _, i := range h.edges {
		all = append(all, g.Edges[i].Requirement.Extras...)
	}
	if all == nil {
		return ""
	}
	slices.Sort(all)
	return "[" + extras(slices.Compact(all)) + "]"
}

type treeDocument struct {
	Schema   int        `json:"schema"`
	Services []treeJSON `json:"services"`
}

type treeJSON struct {
	Service string     `json:"service"`
	Lock    string     `json:"lock"`
	Roots   []int      `json:"roots"`
	Nodes   []nodeJSON `json:"nodes"`
	Edges   []edgeJSON `json:"edges"`
}

type nodeJSON struct {
	ID      int       `json:"id"`
	Name    pypi.Name `json:"name"`
	Version string    `json:"version"`
	Marker  string    `json:"marker"`
	Local   *string   `json:"local"`
	Direct  bool      `json:"direct"`
}

type edgeJSON struct {
	From        *int       `json:"from"`
	To          int        `json:"to"`
	Requirement string     `json:"requirement"`
	Constraint  bool       `json:"constraint"`
	Extra       pypi.Extra `json:"extra"`
	Where       string     `json:"where"`
	Place       *string    `json:"place"`
}

func (g *Graph) nodeJSON(i int) nodeJSON {
	n := &g.Nodes[i]
	j := nodeJSON{ID: i, Name: n.Name, Marker: n.Marker, Local: orNull(n.Local), Direct: g.Direct(i)}
	if !n.Version.IsZero() {
		j.Version = n.Version.String()
	}
	return j
}

func edgeOf(e *Edge) edgeJSON {
	j := edgeJSON{To: e.To, Requirement: e.text(), Constraint: e.Constraint, Extra: e.Extra, Where: e.Where, Place: orNull(e.line())}
	if e.From != FromProject {
		j.From = &e.From
	}
	return j
}

// TreesJSON writes what trees show as one document of
// docs/schema/tree.schema.json: a flat graph a lock, in which nothing occurs
// twice. Edges go from who asks to what is asked for in an inverted tree too.
func TreesJSON(w io.Writer, gs []*Graph, o TreeOptions) error {
	doc := treeDocument{Schema: schemaVersion, Services: []treeJSON{}}
	for _, g := range gs {
		doc.Services = append(doc.Services, g.treeJSON(o))
	}
	return writeJSON(w, doc)
}

func (g *Graph) treeJSON(o TreeOptions) treeJSON {
	doc := treeJSON{Service: g.Service, Lock: g.Lock, Roots: []int{}, Nodes: []nodeJSON{}, Edges: []edgeJSON{}}
	far := map[int]int{}
	var queue, edges []int
	for _, r := range g.treeRoots(o) {
		far[r] = 0
		queue = append(queue, r)
		if r != FromProject {
			doc.Roots = append(doc.Roots, r)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if o.Depth >= 0 && far[at] >= o.Depth {
			continue
		}
		for _, h := range g.hops(at, o.Invert) {
			edges = append(edges, h.edges...)
			if _, seen := far[h.to]; !seen {
				far[h.to] = far[at] + 1
				queue = append(queue, h.to)
			}
		}
	}
	for i := range g.Nodes {
		if _, in := far[i]; in {
			doc.Nodes = append(doc.Nodes, g.nodeJSON(i))
		}
	}
	slices.Sort(edges)
	for _, i := range slices.Compact(edges) {
		doc.Edges = append(doc.Edges, edgeOf(&g.Edges[i]))
	}
	return doc
}
