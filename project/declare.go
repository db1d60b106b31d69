package project

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// declared reads a requirement string of a pyproject.toml or script.
func (l *loader) declared(s scope, v *tomlValue) ([]Requirement, error) {
	f := s.file
	fail := func(format string, args ...any) error { return f.errorAt(v, format, args...) }
	req, warnings, err := pep508.ParseRequirement(v.text)
	if err != nil {
		return nil, requirementError(f.text, v.stringAt, v.text, err)
	}
	for _, w := range warnings {
		off, _ := v.stringAt(w.Offset, w.Length)
		l.warn(f.text.place(off), "%s", w.Msg)
	}
	r := Requirement{Requirement: req, Text: v.text, Place: f.text.place(v.off), Origin: s.origin}
	if r.URL != "" {
		if g, d, err := l.source(s, r.Name); err != nil {
			return nil, err
		} else if d != nil {
			return nil, fail("%s has a URL here and a source at %s: remove one", r.Name, g.text.place(d.alternatives[0].value.off))
		}
		if err := l.refer(&r, r.URL, f.dir, fail); err != nil {
			return nil, err
		}
		return []Requirement{r}, nil
	}
	if r.Name == f.name && !f.script {
		if s.own {
			return []Requirement{r}, nil
		}
		// A group that asks for its own project.
		if err := l.locate(&r, f.dir, fail); err != nil {
			return nil, err
		}
		return []Requirement{r}, nil
	}
	return l.plainOrPlaced(s, r, fail)
}

// refer makes r a requirement of what its URL, with variables in it, leads to.
func (l *loader) refer(r *Requirement, written, base string, fail failure) error {
	expanded, err := l.expand(written, base, fail)
	if err != nil {
		return err
	}
	if s := scheme(expanded); s == "" || s == "file" {
		at, err := l.find(written, base, fail)
		if err != nil {
			return err
		}
		return l.settle(r, at, fail)
	}
	ref, err := parseReference(expanded)
	if err != nil {
		return fail("%s: %s", r.Name, err)
	}
	return l.point(r, ref, fail)
}

func checkEgg(egg string, name pypi.Name, fail failure) error {
	if egg == "" {
		return nil
	}
	egg, _, _ = strings.Cut(egg, "[")
	if pypi.NormalizeName(egg) != name {
		return fail("the fragment #egg= and the requirement name two packages: take the fragment out")
	}
	return nil
}

// plainOrPlaced applies sources, and notes what remains plain.
func (l *loader) plainOrPlaced(s scope, r Requirement, fail failure) ([]Requirement, error) {
	rs, sourced, err := l.placed(s, r, fail)
	if err == nil && !sourced {
		l.plain = append(l.plain, plainRequirement{r.Name, s, fail})
	}
	return rs, err
}

// checkPlain refuses plain requirements for packages of the repository.
func (l *loader) checkPlain() error {
	for _, p := range l.plain {
		if l.sourced[p.name] {
			continue
		}
		at, dir, member := l.repositoryPackage(p.scope, p.name)
		if at == nil {
			continue
		}
		return p.fail("%s is a package of this repository (%s), and this asks an index for another of the same name: %s", p.name, at, l.sourceFix(p, dir, member))
	}
	return nil
}

// sourceFix says how to make a plain requirement one for the package of the
// repository in dir: by a source where all services get it, if the root has
// settings, else in the file that asks. A path is relative to the file that it
// is to be written to.
func (l *loader) sourceFix(p plainRequirement, dir string, member bool) string {
	switch f := p.scope.file; {
	case f == nil:
		path := relative(p.scope.dir, dir)
		if !strings.HasPrefix(path, ".") {
			path = "./" + path
		}
		return fmt.Sprintf("write `%s @ file:%s`", p.name, path)
	case member:
		return fmt.Sprintf("add `%s = { workspace = true }` to [tool.uv.sources] of %s", p.name, f.rel)
	default:
		table := "tool.pylock.sources"
		if root, settings, err := l.pylockTable(l.root); err == nil && settings != nil && within(l.root, f.dir) {
			if f = root; filepath.Base(f.rel) == settingsName {
				table = "sources"
			}
		}
		return fmt.Sprintf("add `%s = { path = %q }` to [%s] of %s", p.name, relative(f.dir, dir), table, f.rel)
	}
}

// requirementError gives a parser's error its place. at maps an offset in the
// requirement to one in the file; nil where variables make it unknown, and
// then the parser's words are left out, since they may hold a value.
func requirementError(t *text, at func(i, n int) (int, int), written string, err error) error {
	off, n := at(0, len(written))
	var pe *pep508.ParseError
	if strings.Contains(written, "${") {
		return t.errorAt(off, n, "not a requirement after its variables were expanded: write NAME, a specifier and a marker, or a path")
	}
	if errors.As(err, &pe) {
		off, n = at(pe.Offset, pe.Length)
		e := t.errorAt(off, n, "%s", pe.Msg)
		e.Err = err
		return e
	}
	e := t.errorAt(off, n, "%s", err)
	e.Err = err
	return e
}

// bound reads a constraint or an override; paths are relative to base.
func (l *loader) bound(t *text, at func(i, n int) (int, int), written, expanded, base, origin string, kind fileKind) (Requirement, error) {
	req, warnings, err := pep508.ParseRequirement(expanded)
	if err != nil {
		return Requirement{}, requirementError(t, at, written, err)
	}
	off, n := at(0, len(written))
	if written == expanded {
		for _, w := range warnings {
			off, _ := at(w.Offset, w.Length)
			l.warn(t.place(off), "%s", w.Msg)
		}
	}
	r := Requirement{Requirement: req, Text: written, Place: t.place(off), Origin: origin}
	if req.URL != "" && kind != excludeFile {
		fail := func(format string, args ...any) error { return t.errorAt(off, n, format, args...) }
		if err := l.refer(&r, req.URL, base, fail); err != nil {
			return Requirement{}, err
		}
	}
	if kind == constraintFile && len(r.Extras) > 0 {
		l.warn(r.Place, "a constraint adds no extras: [%s] is ignored", joinExtras(r.Extras))
		r.Extras = nil
	}
	return r, nil
}

func joinExtras(extras []pypi.Extra) string {
	var s []string
	for _, e := range extras {
		s = append(s, string(e))
	}
	return strings.Join(s, ",")
}
