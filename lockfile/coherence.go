package lockfile

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Divergence is a package that services pin at different versions.
type Divergence struct {
	Name pypi.Name
	Uses []Use // by version, newest first, then by service
}

// Use is the version of one service.
type Use struct {
	Graph *Graph
	Node  int
	// Forced are the requirements that do not admit the newest of the versions,
	// which is where services could meet; none where nothing stands in the way.
	Forced []int
}

// Coherence returns where the locks of services differ, by package. Several
// pins of a package in one lock differ from those of another only as a whole:
// a lock that has the same versions is no divergence, and nor is a pin that
// stands in a lock because the one that bounds it has it.
func Coherence(services []*Graph) []Divergence {
	names := map[pypi.Name]bool{}
	again := make([][]bool, len(services))
	for i, g := range services {
		again[i] = g.Repeats(services)
	}
	for _, g := range services {
		for i := range g.Nodes {
			if g.Nodes[i].Local == "" {
				names[g.Nodes[i].Name] = true
			}
		}
	}
	var out []Divergence
	for _, name := range slices.Sorted(func(yield func(pypi.Name) bool) {
		for n := range names {
			if !yield(n) {
				return
			}
		}
	}) {
		if d := divergence(name, services, again); len(d.Uses) > 0 {
			out = append(out, d)
		}
	}
	return out
}

func divergence(name pypi.Name, services []*Graph, again [][]bool) Divergence {
	d := Divergence{Name: name}
	var sets []string
	var newest pep440.Version
	for k, g := range services {
		var versions []string
		for _, i := range g.Find(name) {
			v := g.Nodes[i].Version
			if g.Nodes[i].Local != "" || again[k][i] {
				continue
			}
			versions = append(versions, v.Key())
			d.Uses = append(d.Uses, Use{Graph: g, Node: i})
			if newest.IsZero() || newest.Compare(v) < 0 {
				newest = v
			}
		}
		if versions != nil {
			sets = append(sets, strings.Join(slices.Compact(versions), " "))
		}
	}
	slices.Sort(sets)
	if len(slices.Compact(sets)) < 2 {
		return Divergence{}
	}
	for i := range d.Uses {
		u := &d.Uses[i]
		if !u.version().Equal(newest) {
			u.Forced = u.Graph.excluding(u.Node, newest)
		}
	}
	slices.SortStableFunc(d.Uses, func(a, b Use) int {
		return cmp.Or(-a.version().Compare(b.version()), cmp.Compare(a.Graph.Service, b.Graph.Service), cmp.Compare(a.Graph.Lock, b.Graph.Lock))
	})
	return d
}

func (u *Use) version() pep440.Version { return u.Graph.Nodes[u.Node].Version }

// CoherenceText writes divergences for a terminal:
//
//	httpx
//	  0.28.1  api
//	  0.27.2  worker  httpx<0.28 of starlette 0.38.6
//	  0.27.2  web     nothing keeps it from 0.28.1
//
// Of a service with several locks the lock is named too.
func CoherenceText(w io.Writer, ds []Divergence, color bool) error {
	p := &paper{color: color}
	locks := map[string]string{}
	several := map[string]bool{}
	for _, d := range ds {
		for i := range d.Uses {
			g := d.Uses[i].Graph
			if l, ok := locks[g.Service]; ok && l != g.Lock {
				several[g.Service] = true
			}
			locks[g.Service] = g.Lock
		}
	}
	for _, d := range ds {
		p.text(bold, string(d.Name))
		p.line("")
		newest := d.Uses[0].version()
		var rows [][]cell
		for i := range d.Uses {
			u := &d.Uses[i]
			text := ""
			switch {
			case len(u.Forced) > 0:
				text = u.Graph.citations(u.Forced)
			case !u.version().Equal(newest):
				text = "no requirement keeps it from " + newest.String()
			}
			service := u.Graph.name()
			if several[u.Graph.Service] {
				service += " (" + u.Graph.Lock + ")"
			}
			if m := u.Graph.Nodes[u.Node].Marker; m != "" {
				service += " where " + m
			}
			rows = append(rows, []cell{{"", u.version().String()}, {"", service}, {dim, text}})
		}
		p.table("  ", rows)
	}
	return p.writeTo(w)
}

type coherenceDocument struct {
	Schema   int              `json:"schema"`
	Packages []divergenceJSON `json:"packages"`
}

type divergenceJSON struct {
	Name pypi.Name `json:"name"`
	Uses []useJSON `json:"uses"`
}

type useJSON struct {
	Service string    `json:"service"`
	Lock    string    `json:"lock"`
	Line    int       `json:"line"`
	Version string    `json:"version"`
	Marker  string    `json:"marker"`
	Forced  []askJSON `json:"forced_by"`
}

// CoherenceJSON writes divergences as one document of
// docs/schema/coherence.schema.json.
func CoherenceJSON(w io.Writer, ds []Divergence) error {
	doc := coherenceDocument{Schema: schemaVersion, Packages: []divergenceJSON{}}
	for _, d := range ds {
		j := divergenceJSON{Name: d.Name}
		for i := range d.Uses {
			u := &d.Uses[i]
			n := &u.Graph.Nodes[u.Node]
			j.Uses = append(j.Uses, useJSON{u.Graph.Service, u.Graph.Lock, n.Place.Line, n.Version.String(), n.Marker, u.Graph.asks(u.Forced)})
		}
		doc.Packages = append(doc.Packages, j)
	}
	return writeJSON(w, doc)
}
