package lockfile

import (
	"fmt"
	"io"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// maxAlso is how many further direct requirements are named beside a change.
const maxAlso = 3

var kindColors = []string{green, red, yellow, yellow, yellow, yellow, dim}

// DiffText writes differences for a terminal, one block a lock. A direct
// requirement stands at the margin, also when it did not move, and below it
// what it brought:
//
//	services/api/requirements.lock: 1 added, 2 upgraded
//	upgraded   langchain         1.0.5 -> 1.1.0  api (services/api/pyproject.toml)
//	upgraded     langchain-core  1.0.3 -> 1.1.0  also langgraph
//	added        uuid-utils      0.12.0
//
// Locks that are the same are left out.
func DiffText(w io.Writer, ds []*Diff, color bool) error {
	p := &paper{color: color}
	for _, d := range ds {
		if d.Same() {
			continue
		}
		if p.b.Len() > 0 {
			p.b.WriteByte('\n')
		}
		p.text(bold, d.Name)
		p.line(": " + d.Summary())
		var rows [][]cell
		for _, s := range d.Settings {
			rows = append(rows, []cell{{"", s.What}, {"", s.text()}})
		}
		p.table("", rows)
		rows = nil
		for _, g := range d.Groups {
			rows = append(rows, g.rows()...)
		}
		p.table("", rows)
	}
	return p.writeTo(w)
}

func (s SettingChange) text() string {
	switch {
	case s.Before == "":
		return "added: " + s.After
	case s.After == "":
		return "removed: " + s.Before
	}
	return s.Before + " -> " + s.After
}

func (g *Group) rows() [][]cell {
	var rows [][]cell
	if g.Unchanged != nil {
		rows = append(rows, []cell{{dim, "unchanged"}, {dim, string(g.Direct)}, {dim, g.Unchanged.Version.String()}, {dim, g.askedBy()}})
	}
	for _, c := range g.Changes {
		name, notes := string(c.Name), c.notes()
		if g.Direct != "" && c.Name != g.Direct {
			name = "  " + name
			if also := also(c.Also); also != "" {
				notes = append(notes, also)
			}
		} else if len(g.Origins) > 0 {
			notes = append(notes, g.askedBy())
		}
		rows = append(rows, []cell{{kindColors[c.Kind], c.Kind.String()}, {"", name}, {"", c.versions()}, {dim, strings.Join(notes, "; ")}})
	}
	return rows
}

// askedBy names the origins, and tells packages of the repository from files
// and projects.
func (g *Group) askedBy() string {
	var s []string
	for _, o := range g.Origins {
		if labelRank(o) == packageRank {
			o = "via " + o
		}
		s = append(s, o)
	}
	return strings.Join(s, labelSeparator)
}

// versions tells the version, and where it moved both.
func (c *Change) versions() string {
	switch {
	case c.Before == nil:
		return c.After.Version.String()
	case c.After == nil || c.Before.Version.Equal(c.After.Version):
		return c.Before.Version.String()
	}
	return c.Before.Version.String() + " -> " + c.After.Version.String()
}

// notes tell what changed besides the version, and the marker where there are
// pins for several environments.
func (c *Change) notes() []string {
	var s []string
	switch {
	case c.Before == nil:
		if c.After.Marker != "" {
			s = append(s, "where "+c.After.Marker)
		}
	case c.After == nil:
		if c.Before.Marker != "" {
			s = append(s, "where "+c.Before.Marker)
		}
	case c.Before.Marker != c.After.Marker:
		s = append(s, "where "+everywhere(c.Before.Marker)+" -> "+everywhere(c.After.Marker))
	case c.After.Marker != "":
		s = append(s, "where "+c.After.Marker)
	}
	if c.Before != nil && c.After != nil {
		if a, b := extras(c.Before.Extras), extras(c.After.Extras); a != b {
			s = append(s, "extras "+a+" -> "+b)
		}
	}
	if n := len(c.HashesAdded); n > 0 {
		s = append(s, countOf(n, "hash", "hashes")+" added")
	}
	if n := len(c.HashesRemoved); n > 0 {
		s = append(s, countOf(n, "hash", "hashes")+" removed")
	}
	return s
}

func everywhere(marker string) string {
	if marker == "" {
		return "everywhere"
	}
	return marker
}

func extras(list []pypi.Extra) string {
	var s []string
	for _, e := range list {
		s = append(s, string(e))
	}
	if s == nil {
		return "none"
	}
	return strings.Join(s, ",")
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// also names further direct requirements, "" for none.
func also(names []pypi.Name) string {
	var s []string
	for i, n := range names {
		if i == maxAlso && len(names) > maxAlso+1 {
			s = append(s, fmt.Sprintf("%d more", len(names)-i))
			break
		}
		s = append(s, string(n))
	}
	if s == nil {
		return ""
	}
	return "also " + strings.Join(s, ", ")
}
