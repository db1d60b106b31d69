package lockfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

// schemaVersion is that of every JSON document that this package writes. It
// goes up when something is renamed, removed or means something else; new
// members do not raise it.
const schemaVersion = 1

type diffDocument struct {
	Schema int        `json:"schema"`
	Diffs  []diffJSON `json:"diffs"`
}

type diffJSON struct {
	Name     string         `json:"name"`
	Before   string         `json:"before"`
	After    string         `json:"after"`
	Status   string         `json:"status"`
	Counts   map[string]int `json:"counts"`
	Settings []settingJSON  `json:"settings"`
	Groups   []groupJSON    `json:"groups"`
}

type settingJSON struct {
	What   string  `json:"what"`
	Before *string `json:"before"`
	After  *string `json:"after"`
}

type groupJSON struct {
	Direct  *pypi.Name   `json:"direct"`
	Origins []string     `json:"origins"`
	Changes []changeJSON `json:"changes"`
}

type changeJSON struct {
	Name          pypi.Name   `json:"name"`
	Kind          string      `json:"kind"`
	Before        *pinJSON    `json:"before"`
	After         *pinJSON    `json:"after"`
	Also          []pypi.Name `json:"also"`
	HashesAdded   []string    `json:"hashes_added"`
	HashesRemoved []string    `json:"hashes_removed"`
	Changelog     string      `json:"changelog,omitempty"`
}

type pinJSON struct {
	Version string       `json:"version"`
	Marker  string       `json:"marker"`
	Extras  []pypi.Extra `json:"extras"`
	Hashes  []string     `json:"hashes"`
}

// DiffJSON writes differences as one document of
// docs/schema/diff.schema.json. Locks that are the same are there too, with
// the status "same". Links are the addresses of changelogs.
func DiffJSON(w io.Writer, ds []*Diff, links map[pypi.Name]string) error {
	doc := diffDocument{Schema: schemaVersion, Diffs: []diffJSON{}}
	for _, d := range ds {
		j := diffJSON{Name: d.Name, Before: d.Before, After: d.After, Status: d.status(), Counts: map[string]int{}, Settings: []settingJSON{}, Groups: []groupJSON{}}
		for k := range kindNames {
			j.Counts[kindNames[k]] = d.Count(Kind(k))
		}
		for _, s := range d.Settings {
			j.Settings = append(j.Settings, settingJSON{s.What, orNull(s.Before), orNull(s.After)})
		}
		for _, g := range d.Groups {
			gj := groupJSON{Direct: orNull(g.Direct), Origins: list(g.Origins)}
			for _, c := range g.Changes {
				gj.Changes = append(gj.Changes, changeJSON{
					Name: c.Name, Kind: c.Kind.String(), Before: pinOf(c.Before), After: pinOf(c.After), Also: list(c.Also),
					HashesAdded: list(c.HashesAdded), HashesRemoved: list(c.HashesRemoved), Changelog: webAddress(links[c.Name]),
				})
			}
			j.Groups = append(j.Groups, gj)
		}
		doc.Diffs = append(doc.Diffs, j)
	}
	return writeJSON(w, doc)
}

func (d *Diff) status() string {
	switch {
	case d.Created:
		return "created"
	case d.Deleted:
		return "deleted"
	case d.Same():
		return "same"
	}
	return "changed"
}

func pinOf(p *Pin) *pinJSON {
	if p == nil {
		return nil
	}
	return &pinJSON{p.Version.String(), p.Marker, list(p.Extras), list(p.Hashes)}
}

// list makes an empty array of nil, which JSON tells apart.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// writeJSON writes a document, indented. Whatever is not printable becomes an
// escape, which means the same to a reader of JSON and nothing to a terminal.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	var out bytes.Buffer
	for s := b.Bytes(); len(s) > 0; {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == '\n' || r != 0x7f && project.Escape(string(r)) == string(r):
			out.Write(s[:n])
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, hi, lo)
		}
		s = s[n:]
	}
	_, err := w.Write(out.Bytes())
	return err
}
