package lockfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver"
)

// parseGraph reads a graph in the form
//
//	project NAME LOCK            its requirements below, each behind its place
//	  FILE:LINE REQUIREMENT
//	constraints
//	  FILE:LINE REQUIREMENT
//	local NAME FOLDER
//	  FILE:LINE REQUIREMENT
//	NAME VERSION [; MARKER]      a pin
//	  REQUIREMENT [for EXTRA]
//
// A requirement is met by all nodes of its name, where their markers hold.
func parseGraph(t testing.TB, text string) *Graph {
	type stated struct {
		from       int
		constraint bool
		place      project.Place
		extra      string
		req        pep508.Requirement
	}
	var nodes []Node
	var all []stated
	service, lock := "", ""
	from, constraint, placed := FromProject, false, false
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if line[0] != ' ' {
			from, constraint, placed = FromProject, false, true
			switch f[0] {
			case "project":
				service, lock = f[1], f[2]
			case "constraints":
				constraint = true
			case "local":
				from = len(nodes)
				nodes = append(nodes, Node{Name: pypi.Name(f[1]), Local: f[2]})
			default:
				from, placed = len(nodes), false
				_, marker, _ := strings.Cut(line, " ; ")
				nodes = append(nodes, Node{Name: pypi.Name(f[0]), Version: pep440.MustParse(f[1]), Marker: marker,
					Place: project.Place{File: lock, Line: i + 1, Column: 1}})
			}
			continue
		}
		s := stated{from: from, constraint: constraint}
		if placed {
			file, n, ok := strings.Cut(f[0], ":")
			k, err := strconv.Atoi(n)
			if !ok || err != nil {
				t.Fatalf("%s: want FILE:LINE first", line)
			}
			s.place, f = project.Place{File: file, Line: k}, f[1:]
		}
		rest := strings.Join(f, " ")
		rest, s.extra, _ = strings.Cut(rest, " for ")
		r, _, err := pep508.ParseRequirement(rest)
		if err != nil {
			t.Fatal(err)
		}
		s.req = r
		all = append(all, s)
	}
	var edges []Edge
	for _, s := range all {
		met := false
		for i := range nodes {
			if nodes[i].Name == s.req.Name {
				met = true
				edges = append(edges, Edge{From: s.from, To: i, Requirement: s.req, Constraint: s.constraint, Place: s.place, Extra: pypi.Extra(s.extra), Where: nodes[i].Marker})
			}
		}
		if !met {
			t.Fatalf("nothing meets %s", s.req)
		}
	}
	return NewGraph(service, lock, nodes, edges)
}

// TestGraphs runs each archive of testdata/graph: graph and graph2 are inputs,
// releases lists those of packages, and the name of every other file is what
// to do: tree, why and coherence with arguments; --json for that form.
func TestGraphs(t *testing.T) {
	golden(t, "graph", func(t *testing.T, files map[string][]byte) map[string]string {
		g := parseGraph(t, string(files["graph"]))
		releases := map[string][]resolver.Judged{}
		for line := range strings.Lines(string(files["releases"])) {
			f := strings.Fields(line)
			for _, v := range f[1:] {
				v, unusable, _ := strings.Cut(v, ":")
				releases[f[0]] = append(releases[f[0]], resolver.Judged{Version: pep440.MustParse(v), Unusable: unusable})
			}
		}
		got := map[string]string{}
		for name := range files {
			args := strings.Fields(name)
			var b bytes.Buffer
			var err error
			asJSON := slices.Contains(args, "--json")
			switch args[0] {
			case "tree":
				o := TreeOptions{Depth: -1}
				for _, a := range args[1:] {
					a, v, _ := strings.Cut(a, "=")
					switch a {
					case "--invert":
						o.Invert = true
					case "--depth":
						o.Depth, _ = strconv.Atoi(v)
					case "--package":
						o.Packages = append(o.Packages, pypi.Name(v))
					case "--no-dedupe":
						o.NoDedupe = true
					case "--no-bounds":
						o.NoBounds = true
					case "--ascii":
						o.ASCII = true
					}
				}
				if asJSON {
					err = TreesJSON(&b, []*Graph{g}, o)
					conforms(t, "tree", b.Bytes())
				} else {
					err = g.Tree(&b, o)
				}
			case "why":
				o := WhyOptions{Releases: releases[args[1]]}
				if i := slices.Index(args, "--paths"); i > 0 {
					o.Paths, _ = strconv.Atoi(args[i+1])
				}
				ws := g.Why(pypi.Name(args[1]), o)
				if asJSON {
					err = WhyJSON(&b, ws)
					conforms(t, "why", b.Bytes())
				} else {
					err = WhyText(&b, ws, false)
				}
			case "coherence":
				ds := Coherence([]*Graph{g, parseGraph(t, string(files["graph2"]))})
				if asJSON {
					err = CoherenceJSON(&b, ds)
					conforms(t, "coherence", b.Bytes())
				} else {
					err = CoherenceText(&b, ds, false)
				}
			default:
				continue
			}
			if err != nil {
				t.Error(err)
			}
			got[name] = b.String()
		}
		return got
	})
}

// A graph does not depend on the order of its parts.
func TestNewGraphOrder(t *testing.T) {
	g := parseGraph(t, "project p p.lock\n  p.toml:1 a\n  p.toml:2 b>1\nconstraints\n  c.txt:1 b<9\na 1\n  b>=1\n  b<5\nb 2 ; x\nb 3 ; y\n  a\n")
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		nodes, edges := slices.Clone(g.Nodes), slices.Clone(g.Edges)
		at := r.Perm(len(nodes))
		for i, j := range at {
			nodes[j] = g.Nodes[i]
		}
		for i := range edges {
			edges[i].To = at[edges[i].To]
			if edges[i].From >= 0 {
				edges[i].From = at[edges[i].From]
			}
		}
		edges = append(edges, edges[0])
		r.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
		if h := NewGraph("p", "p.lock", nodes, edges); !reflect.DeepEqual(g, h) {
			t.Fatalf("got %+v, want %+v", h, g)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an edge to nowhere is taken")
		}
	}()
	NewGraph("", "", nil, []Edge{{From: FromProject, To: 0}})
}

// layers is a graph of n layers of k packages each, all of which ask for all
// of the next: k to the power of n paths.
func layers(t testing.TB, n, k int) *Graph {
	var b strings.Builder
	b.WriteString("project p p.lock\n")
	for i := range k {
		fmt.Fprintf(&b, "  p.toml:%d l0-%d\n", i+1, i)
	}
	for l := range n {
		for i := range k {
			fmt.Fprintf(&b, "l%d-%d 1\n", l, i)
			for j := range k {
				if l+1 < n {
					fmt.Fprintf(&b, "  l%d-%d\n", l+1, j)
				}
			}
		}
	}
	return parseGraph(t, b.String())
}

// What would take for ever ends.
func TestGraphsLarge(t *testing.T) {
	g := layers(t, 30, 4)
	w := g.Why("l29-0", WhyOptions{})[0]
	if !w.Uncounted {
		t.Errorf("got %d paths, %d more, which are all", len(w.Paths), w.More)
	}
	w = g.Why("l3-0", WhyOptions{})[0]
	if len(w.Paths) != DefaultPaths || w.More != 64-DefaultPaths || w.Uncounted {
		t.Errorf("got %d paths, %d more, %v", len(w.Paths), w.More, w.Uncounted)
	}
	var b bytes.Buffer
	if err := g.Tree(&b, TreeOptions{Depth: -1, NoDedupe: true}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n > maxTreeLines+2 || !strings.HasSuffix(b.String(), "… more lines: use --depth or --package\n") {
		t.Errorf("got %d lines", n)
	}
}

func TestTreeEscapes(t *testing.T) {
	g := NewGraph("svc\x1b[2J", "a\u202e.lock", []Node{{Name: "a", Version: pep440.MustParse("1"), Marker: "\x1b[0m"}},
		[]Edge{{From: FromProject, Requirement: pep508.Requirement{Name: "a"}, Place: project.Place{File: "x\x1b\n"}}})
	var b bytes.Buffer
	if err := g.Tree(&b, TreeOptions{Depth: -1}); err != nil {
		t.Fatal(err)
	}
	if err := WhyText(&b, g.Why("a", WhyOptions{}), false); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("got %q", got)
	}
}
