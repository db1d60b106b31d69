package lockfile

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver"
)

// Outdated are the pins of one lock that are worth a look.
type Outdated struct {
	Graph *Graph
	// Pins are those that were yanked or are gone, then those of which there is
	// a newer release, each by the order of the graph.
	Pins []OutdatedPin
}

// OutdatedPin is a pin with its outlook.
type OutdatedPin struct {
	Node int
	resolver.Outlook
	// HeldBack are the edges whose requirement does not admit the newest
	// release, the tightest first.
	HeldBack []int
}

// FindOutdated looks at the pins of a graph, with direct only at those that
// the repository itself asks for. The pages of projects come from project, the
// target and the settings from q; see [resolver.Outlooks].
func FindOutdated(ctx context.Context, g *Graph, project func(context.Context, pypi.Name) (*index.Project, error), q resolver.Request, direct bool) (*Outdated, error) {
	var nodes []int
	var pins []resolver.Pinned
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Local != "" || direct && !g.Direct(i) {
			continue
		}
		pin := resolver.Pinned{Name: n.Name, Version: n.Version}
		if n.Marker != "" {
			m, _, err := pep508.ParseMarker(n.Marker)
			if err != nil {
				return nil, err
			}
			pin.Marker = m
		}
		for _, e := range g.to[i] {
			pin.Bounds = append(pin.Bounds, g.Edges[e].Requirement.Specifiers)
		}
		nodes, pins = append(nodes, i), append(pins, pin)
	}
	outlooks, err := resolver.Outlooks(ctx, project, q, pins)
	if err != nil {
		return nil, err
	}
	out := &Outdated{Graph: g}
	for k, o := range outlooks {
		p := OutdatedPin{Node: nodes[k], Outlook: o}
		locked := g.Nodes[p.Node].Version
		if !p.urgent() && o.Newest.Compare(locked) <= 0 && o.Allowed.Compare(locked) <= 0 {
			continue
		}
		if o.Newest.Compare(locked) > 0 {
			p.HeldBack = g.excluding(p.Node, o.Newest)
		}
		out.Pins = append(out.Pins, p)
	}
	slices.SortStableFunc(out.Pins, func(a, b OutdatedPin) int {
		return cmp.Or(cmp.Compare(order(a.urgent()), order(b.urgent())), cmp.Compare(a.Node, b.Node))
	})
	return out, nil
}

// urgent reports whether the pin itself is at fault.
func (p *OutdatedPin) urgent() bool { return p.Yanked || p.Missing != "" }

// OutdatedText writes pins for a terminal, a table a lock, of which those with
// nothing to tell are left out:
//
//	api (services/api/requirements.lock)
//	package  locked  allowed  newest  why
//	idna     3.7     3.7      3.7     yanked: breaks on Windows
//	httpx    0.28.1  0.29.0   1.0.0   httpx<1 of api (services/api/pyproject.toml:8)
//	numpy    2.3.0   2.3.0    2.4.0   requires Python >=3.13
func OutdatedText(w io.Writer, os []*Outdated, color bool) error {
	p := &paper{color: color}
	for _, o := range os {
		if len(o.Pins) == 0 {
			continue
		}
		if p.b.Len() > 0 {
			p.b.WriteByte('\n')
		}
		g := o.Graph
		p.text(bold, g.name())
		p.line(" (" + g.Lock + ")")
		rows := [][]cell{{{dim, "package"}, {dim, "locked"}, {dim, "allowed"}, {dim, "newest"}, {dim, "why"}}}
		for i := range o.Pins {
			pin := &o.Pins[i]
			n := &g.Nodes[pin.Node]
			allowed, newest := yellow, ""
			if pin.Allowed.Compare(n.Version) <= 0 {
				allowed = ""
			}
			if pin.Newest.Compare(pin.Allowed) > 0 {
				newest = red
			}
			rows = append(rows, []cell{{"", string(n.Name)}, {"", n.Version.String()}, {allowed, versionOr(pin.Allowed, "-")}, {newest, versionOr(pin.Newest, "-")}, {"", pin.why(g)}})
		}
		p.table("", rows)
	}
	return p.writeTo(w)
}

// why tells what is wrong with the pin, what holds it back, and where it
// applies if not everywhere.
func (p *OutdatedPin) why(g *Graph) string {
	var s []string
	if p.Missing != "" {
		s = append(s, p.Missing)
	}
	if p.Yanked {
		text := "yanked"
		if p.YankedReason != "" {
			text += ": " + p.YankedReason
		}
		s = append(s, text)
	}
	if len(p.HeldBack) > 0 {
		s = append(s, g.citations(p.HeldBack))
	}
	if p.Unusable != "" && p.Newest.Compare(g.Nodes[p.Node].Version) > 0 {
		s = append(s, p.Unusable)
	}
	if m := g.Nodes[p.Node].Marker; m != "" {
		s = append(s, "where "+m)
	}
	return strings.Join(s, "; ")
}

func versionOr(v pep440.Version, none string) string {
	if v.IsZero() {
		return none
	}
	return v.String()
}

type outdatedDocument struct {
	Schema   int            `json:"schema"`
	Services []outdatedJSON `json:"services"`
}

type outdatedJSON struct {
	Service string            `json:"service"`
	Lock    string            `json:"lock"`
	Pins    []outdatedPinJSON `json:"pins"`
}

type outdatedPinJSON struct {
	Name         pypi.Name `json:"name"`
	Line         int       `json:"line"`
	Marker       string    `json:"marker"`
	Direct       bool      `json:"direct"`
	Locked       string    `json:"locked"`
	Allowed      *string   `json:"allowed"`
	Newest       *string   `json:"newest"`
	Prerelease   *string   `json:"prerelease"`
	Yanked       bool      `json:"yanked"`
	YankedReason string    `json:"yanked_reason"`
	Missing      *string   `json:"missing"`
	HeldBackBy   []askJSON `json:"held_back_by"`
	Unusable     *string   `json:"unusable"`
}

// OutdatedJSON writes pins as one document of
// docs/schema/outdated.schema.json.
func OutdatedJSON(w io.Writer, os []*Outdated) error {
	doc := outdatedDocument{Schema: schemaVersion, Services: []outdatedJSON{}}
	for _, o := range os {
		g := o.Graph
		j := outdatedJSON{Service: g.Service, Lock: g.Lock, Pins: []outdatedPinJSON{}}
		for _, p := range o.Pins {
			n := &g.Nodes[p.Node]
			j.Pins = append(j.Pins, outdatedPinJSON{
				Name: n.Name, Line: n.Place.Line, Marker: n.Marker, Direct: g.Direct(p.Node), Locked: n.Version.String(),
				Allowed: orNull(versionOr(p.Allowed, "")), Newest: orNull(versionOr(p.Newest, "")), Prerelease: orNull(versionOr(p.Prerelease, "")),
				Yanked: p.Yanked, YankedReason: p.YankedReason, Missing: orNull(p.Missing),
				HeldBackBy: g.asks(p.HeldBack), Unusable: orNull(p.Unusable),
			})
		}
		doc.Services = append(doc.Services, j)
	}
	return writeJSON(w, doc)
}
