package lockfile

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver"
)

// WhyOptions say how much is told.
type WhyOptions struct {
	// Paths is how many paths are told, 0 for DefaultPaths.
	Paths int
	// Releases are those of the package, ascending, as [resolver.Judge] returns
	// them; nil where they are not known.
	Releases []resolver.Judged
}

const (
	// DefaultPaths is how many paths are told where nobody says.
	DefaultPaths = 5
	// maxPaths bounds how many paths are counted, and maxPartial how many
	// beginnings of paths are looked at for that.
	maxPaths   = 1000
	maxPartial = 50_000
)

// Why tells why one pin is there and why at this version.
type Why struct {
	Graph *Graph
	Node  int
	// Paths lead from the project to the pin, the shortest first: nodes, the
	// last of which is the pin.
	Paths [][]int
	// More is how many paths there are besides; Uncounted, that there may be
	// more than those.
	More      int
	Uncounted bool
	// Bounds are the edges that lead to the pin, constraints too: those with an
	// upper bound first, the lowest of these first of all.
	Bounds []int
	// Newer are newer releases, ascending and with what keeps each from being
	// taken: the next one, those at which something else begins to, and the
	// newest. Nil where the releases are not known.
	Newer []Newer
}

// Newer is a release above a pin.
type Newer struct {
	resolver.Judged
	// Excluded are the edges whose requirement does not admit it; none where
	// all do.
	Excluded []int
}

// Why explains the pins of a name, in the order of the graph; none where the
// lock does not have it.
func (g *Graph) Why(name pypi.Name, o WhyOptions) []*Why {
	var all []*Why
	for _, node := range g.Find(name) {
		w := &Why{Graph: g, Node: node}
		w.findPaths(cmp.Or(o.Paths, DefaultPaths))
		w.Bounds = g.bounds(node)
		w.findNewer(o.Releases)
		all = append(all, w)
	}
	return all
}

// findPaths walks from the pin to the project, breadth first, so that the
// shortest paths come first and no path holds a node twice.
func (w *Why) findPaths(limit int) {
	g := w.Graph
	type partial struct {
		node int
		down *partial
	}
	has := func(p *partial, node int) bool {
		for ; p != nil; p = p.down {
			if p.node == node {
				return true
			}
		}
		return false
	}
	queue := []*partial{{node: w.Node}}
	found := 0
	for n := 0; n < len(queue); n++ {
		if n == maxPartial || found == maxPaths {
			w.Uncounted = true
			break
		}
		p := queue[n]
		for _, h := range g.hops(p.node, true) {
			if h.to != FromProject {
				if !has(p, h.to) {
					queue = append(queue, &partial{h.to, p})
				}
				continue
			}
			if found++; found > limit {
				continue
			}
			var path []int
			for q := p; q != nil; q = q.down {
				path = append(path, q.node)
			}
			w.Paths = append(w.Paths, path)
		}
		queue[n] = nil
	}
	w.More = max(0, found-limit)
	slices.SortStableFunc(w.Paths, func(a, b []int) int { return cmp.Or(len(a)-len(b), slices.Compare(a, b)) })
}

// bounds returns the edges to a node, the tightest upper bound first.
func (g *Graph) bounds(node int) []int {
	edges := slices.Clone(g.to[node])
	slices.SortStableFunc(edges, func(a, b int) int {
		x, _, xok := g.Edges[a].Requirement.Specifiers.Set().Upper()
		y, _, yok := g.Edges[b].Requirement.Specifiers.Set().Upper()
		if xok && yok {
			return x.Compare(y)
		}
		return cmp.Compare(order(xok), order(yok))
	})
	return edges
}

func (n *Newer) sameReason(m *Newer) bool {
	return n.Unusable == m.Unusable && slices.Equal(n.Excluded, m.Excluded)
}

func (w *Why) findNewer(releases []resolver.Judged) {
	g := w.Graph
	pinned := g.Nodes[w.Node].Version
	if releases == nil || pinned.IsZero() {
		return
	}
	w.Newer = []Newer{}
	for _, r := range releases {
		if r.Version.Compare(pinned) <= 0 || r.Version.IsPrerelease() && !pinned.IsPrerelease() {
			continue
		}
		n := Newer{r, g.excluding(w.Node, r.Version)}
		last := len(w.Newer) - 1
		switch {
		case last > 0 && n.sameReason(&w.Newer[last]) && n.sameReason(&w.Newer[last-1]):
			// Of a run with the same reason the first and the last are told.
			w.Newer[last] = n
		default:
			w.Newer = append(w.Newer, n)
		}
	}
}

// excluding returns the edges to a node that do not admit a version.
func (g *Graph) excluding(node int, v pep440.Version) []int {
	return slices.DeleteFunc(g.bounds(node), func(i int) bool { return g.Edges[i].admits(v) })
}

// WhyText writes explanations for a terminal:
//
//	httpx 0.28.1 (services/api/requirements.lock:120)
//
//	2 paths lead to it:
//	  api asks for httpx<1,>=0.25 (services/api/pyproject.toml:8)
//
//	  api asks for langgraph>=1.0.5 (services/api/pyproject.toml:7)
//	    langgraph 1.0.5 asks for httpx>=0.25.2
//
//	bounds:
//	  <1,>=0.25   api (services/api/pyproject.toml:8)
//	  >=0.25.2    langgraph 1.0.5
//
//	newer releases:
//	  1.0.0  excluded by httpx<1,>=0.25 of api (services/api/pyproject.toml:8)
func WhyText(out io.Writer, ws []*Why, color bool) error {
	p := &paper{color: color}
	for i, w := range ws {
		if i > 0 {
			p.line("")
		}
		w.write(p)
	}
	return p.writeTo(out)
}

func (w *Why) write(p *paper) {
	g := w.Graph
	n := &g.Nodes[w.Node]
	p.text(bold, n.title())
	if n.Marker != "" {
		p.text("", " where "+n.Marker)
	}
	if place := n.Place; place.File != "" {
		place.Column = 0
		p.text(dim, " ("+place.String()+")")
	}
	p.line("")
	if len(w.Paths) == 0 {
		p.line("")
		p.line("nothing asks for it")
	} else {
		p.line("")
		total := countOf(len(w.Paths)+w.More, "path leads", "paths lead")
		if w.Uncounted {
			total = fmt.Sprintf("more than %d paths lead", len(w.Paths)+w.More)
		}
		if w.More > 0 || w.Uncounted {
			total += fmt.Sprintf(" to it, the shortest %d", len(w.Paths))
		} else {
			total += " to it"
		}
		p.line(total + ":")
		for i, path := range w.Paths {
			if i > 0 {
				p.line("")
			}
			w.path(p, path)
		}
	}
	if len(w.Bounds) > 0 {
		p.line("")
		p.line("bounds:")
		var rows [][]cell
		for _, i := range w.Bounds {
			e := &g.Edges[i]
			bound := e.bound()
			if bound == "" {
				bound = "any version"
			}
			rows = append(rows, []cell{{"", bound}, {"", g.asker(e) + e.remark()}})
		}
		p.table("  ", rows)
	}
	if w.Newer == nil {
		return
	}
	p.line("")
	if len(w.Newer) == 0 {
		p.line("no newer release")
		return
	}
	p.line("newer releases:")
	var rows [][]cell
	for i, n := range w.Newer {
		if i > 0 && n.sameReason(&w.Newer[i-1]) {
			rows[len(rows)-1][0].text += " to " + n.Version.String()
			continue
		}
		text := n.Unusable
		switch {
		case len(n.Excluded) > 0 && text != "":
			text = "excluded by " + g.citations(n.Excluded) + "; " + text
		case len(n.Excluded) > 0:
			text = "excluded by " + g.citations(n.Excluded)
		case text == "":
			text = "admitted by every requirement: compile with --upgrade-package " + string(g.Nodes[w.Node].Name) + " to try it"
		}
		rows = append(rows, []cell{{"", n.Version.String()}, {"", text}})
	}
	p.table("  ", rows)
}

// citations names requirements and who states them.
func (g *Graph) citations(edges []int) string {
	var s []string
	for _, i := range edges {
		e := &g.Edges[i]
		if e.Constraint {
			s = append(s, "constraint "+e.text()+e.remark())
			continue
		}
		s = append(s, fmt.Sprintf("%s of %s%s", e.text(), g.asker(e), e.remark()))
	}
	return strings.Join(s, "; ")
}

func (w *Why) path(p *paper, path []int) {
	from := FromProject
	for depth, node := range path {
		for _, i := range w.Graph.between(from, node) {
			e := &w.Graph.Edges[i]
			p.text("", strings.Repeat("  ", depth+1)+w.Graph.asker(e)+" asks for "+e.text())
			p.text(dim, e.remark())
			p.b.WriteByte('\n')
		}
		from = node
	}
}

// between returns the requirements of from that to meets.
func (g *Graph) between(from, to int) []int {
	var edges []int
	for _, i := range g.to[to] {
		if e := &g.Edges[i]; e.From == from && !e.Constraint {
			edges = append(edges, i)
		}
	}
	return edges
}

type whyDocument struct {
	Schema int       `json:"schema"`
	Pins   []whyJSON `json:"pins"`
}

type whyJSON struct {
	Service   string       `json:"service"`
	Lock      string       `json:"lock"`
	Line      int          `json:"line"`
	Name      pypi.Name    `json:"name"`
	Version   string       `json:"version"`
	Marker    string       `json:"marker"`
	Paths     [][]askJSON  `json:"paths"`
	More      int          `json:"more"`
	Uncounted bool         `json:"uncounted"`
	Bounds    []askJSON    `json:"bounds"`
	Newer     *[]newerJSON `json:"newer"`
}

// askJSON is a requirement for a reader without the graph.
type askJSON struct {
	By          *string    `json:"by"`
	Version     string     `json:"version"`
	Requirement string     `json:"requirement"`
	Constraint  bool       `json:"constraint"`
	Extra       pypi.Extra `json:"extra"`
	Where       string     `json:"where"`
	Place       *string    `json:"place"`
}

type newerJSON struct {
	Version    string    `json:"version"`
	ExcludedBy []askJSON `json:"excluded_by"`
	Unusable   *string   `json:"unusable"`
}

func (g *Graph) asks(edges []int) []askJSON {
	s := []askJSON{}
	for _, i := range edges {
		e := &g.Edges[i]
		j := askJSON{Requirement: e.text(), Constraint: e.Constraint, Extra: e.Extra, Where: e.Where, Place: orNull(e.line())}
		if e.From != FromProject {
			n := &g.Nodes[e.From]
			name := string(n.Name)
			j.By = &name
			if !n.Version.IsZero() {
				j.Version = n.Version.String()
			}
		}
		s = append(s, j)
	}
	return s
}

// WhyJSON writes explanations as one document of docs/schema/why.schema.json.
func WhyJSON(out io.Writer, ws []*Why) error {
	doc := whyDocument{Schema: schemaVersion, Pins: []whyJSON{}}
	for _, w := range ws {
		g := w.Graph
		n := &g.Nodes[w.Node]
		j := whyJSON{Service: g.Service, Lock: g.Lock, Line: n.Place.Line, Name: n.Name, Marker: n.Marker,
			Paths: [][]askJSON{}, More: w.More, Uncounted: w.Uncounted, Bounds: g.asks(w.Bounds)}
		if !n.Version.IsZero() {
			j.Version = n.Version.String()
		}
		for _, path := range w.Paths {
			var edges []int
			from := FromProject
			for _, node := range path {
				edges = append(edges, g.between(from, node)...)
				from = node
			}
			j.Paths = append(j.Paths, g.asks(edges))
		}
		if w.Newer != nil {
			newer := []newerJSON{}
			for _, n := range w.Newer {
				newer = append(newer, newerJSON{n.Version.String(), g.asks(n.Excluded), orNull(n.Unusable)})
			}
			j.Newer = &newer
		}
		doc.Pins = append(doc.Pins, j)
	}
	return writeJSON(out, doc)
}
