package main

import (
	"context"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/internal/cli"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/rules"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

// doctor answers pylock doctor.
type doctor struct{}

func (doctor) Rules() []lockfile.Rule {
	var out []lockfile.Rule
	for _, r := range rules.All {
		out = append(out, r.Rule)
	}
	return out
}

func (doctor) Explain(id string) string {
	if r := rules.Find(id); r != nil {
		return r.Page()
	}
	return ""
}

// rounds bounds how often what is mended is looked at again: one fault may hide
// another.
const rounds = 5

func (doctor) Examine(ctx context.Context, e cli.Examination) (*cli.Diagnosis, error) {
	options := tree.Options{Exclude: e.Exclude, Overlay: map[string]string{}}
	before := map[string]string{}
	d := &cli.Diagnosis{}
	for round := 0; ; round++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := tree.Read(e.Root, options)
		if err != nil {
			return nil, err
		}
		defer t.Close()
		found := rules.Examine(t, e.Ignore)
		if round == 0 {
			for _, n := range t.Notes {
				d.Notes = append(d.Notes, cli.Note(n))
			}
			for _, f := range found {
				if len(f.Edits) > 0 {
					d.Fixable++
				}
			}
		}
		if n := 0; e.Fix && round < rounds {
			if n = mend(t, found, options.Overlay, before); n > 0 {
				d.Fixed += n
				continue
			}
		}
		d.Findings = d.Findings[:0]
		for _, f := range found {
			d.Findings = append(d.Findings, f.Finding)
		}
		break
	}
	for file, text := range options.Overlay {
		if text != before[file] {
			d.Mended = append(d.Mended, cli.Mended{Path: file, Text: []byte(text)})
		}
	}
	slices.SortFunc(d.Mended, func(a, b cli.Mended) int { return strings.Compare(a.Path, b.Path) })
	for _, m := range d.Mended {
		d.Diff += fix.Diff(m.Path, before[m.Path], string(m.Text))
	}
	return d, nil
}

// mend applies what edits there are to the texts of the overlay, and returns how
// many findings are mended by that. A finding whose edits do not all fit waits
// for the next round.
func mend(t *tree.Tree, found []rules.Finding, overlay, before map[string]string) (n int) {
	edits := map[string][]fix.Edit{}
	for _, f := range found {
		if len(f.Edits) == 0 {
			continue
		}
		fits := true
		for _, e := range f.Edits {
			text := t.Text(e.File)
			if text == nil {
				fits = false
				continue
			}
			_, done := fix.Apply(text.Raw, append(slices.Clone(edits[e.File]), f.Edits...))
			fits = fits && len(done) == len(edits[e.File])+len(f.Edits)
		}
		if !fits {
			continue
		}
		for _, e := range f.Edits {
			edits[e.File] = append(edits[e.File], e)
		}
		n++
	}
	for file, list := range edits {
		raw := t.Text(file).Raw
		if _, ok := before[file]; !ok {
			before[file] = raw
		}
		overlay[file], _ = fix.Apply(raw, list)
	}
	return n
}
