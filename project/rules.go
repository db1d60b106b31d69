package project

import (
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Parent limits a rule to what one package asks for; the zero Parent stands
// for every package and for the project itself.
type Parent struct {
	Name pypi.Name
	// Version is zero for every version. A rule for a version takes the place
	// of those for all of them, even where it is empty.
	Version pep440.Version
}

// Exclusion drops dependencies wherever the parent asks for them, with all
// that only they would bring.
type Exclusion struct {
	Of    Parent
	Names []pypi.Name
	Place Place
}

// ScopedOverride replaces what one package asks for: requirements of the same
// names, and those that it does not have are added.
type ScopedOverride struct {
	Of           Parent
	Requirements []Requirement
	Place        Place
}

// StaticMetadata takes the place of what a package says of itself.
type StaticMetadata struct {
	Name           pypi.Name
	Version        pep440.Version // zero for every version that has no entry of its own
	Requires       []pep508.Requirement
	RequiresPython pep440.Specifiers
	Extras         []pypi.Extra // sorted, unique
	Place          Place
}

// ruleKeys are the keys that readRules reads. Of a workspace, the root's count.
var ruleKeys = []string{"constraint-dependencies", "override-dependencies", "exclude-dependencies", "dependency-metadata", "build-constraint-dependencies"}

// readRules reads the keys of a [tool.uv] or [tool.pylock] table that change
// what packages ask for.
func (l *loader) readRules(f *pyproject, table *tomlValue, path string) error {
	before := len(l.p.DependencyMetadata)
	for _, key := range ruleKeys {
		v := table.get(key)
		if v == nil {
			continue
		}
		at := path + "." + key
		if err := f.want(v, tomlArray, at); err != nil {
			return err
		}
		if len(v.items) > 0 {
			l.addFile(f)
		}
		for _, item := range v.items {
			var err error
			switch key {
			case "constraint-dependencies":
				err = l.constraintRule(f, item, at)
			case "build-constraint-dependencies":
				err = l.buildConstraintRule(f, item, at)
			case "override-dependencies":
				err = l.overrideRule(f, item, at)
			case "exclude-dependencies":
				err = l.exclusionRule(f, item, at)
			default:
				err = l.metadataRule(f, item, at, before)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) constraintRule(f *pyproject, v *tomlValue, path string) error {
	if err := f.want(v, tomlString, path); err != nil {
		return err
	}
	r, err := l.bound(f.text, v.stringAt, v.text, v.text, f.dir, "-c (workspace)", constraintFile)
	if err == nil {
		l.p.Constraints = append(l.p.Constraints, r)
	}
	return err
}

// buildConstraintRule reads a bound on what builds require.
func (l *loader) buildConstraintRule(f *pyproject, v *tomlValue, path string) error {
	if err := f.want(v, tomlString, path); err != nil {
		return err
	}
	r, err := l.bound(f.text, v.stringAt, v.text, v.text, f.dir, "-b (workspace)", constraintFile)
	if err == nil && (r.Path != "" || r.Ref != nil && r.Ref.File != "") {
		return f.errorAt(v, "%s: a path cannot bound what builds require: give versions or a URL", r.Name)
	}
	if err == nil {
		l.p.BuildConstraints = append(l.p.BuildConstraints, r)
	}
	return err
}

const overrideOrigin = "--override (workspace)"

func (l *loader) overrideRule(f *pyproject, v *tomlValue, path string) error {
	l.overriding = true
	defer func() { l.overriding = false }()
	if v.kind != tomlTable {
		if err := f.want(v, tomlString, path); err != nil {
			return err
		}
		r, err := l.bound(f.text, v.stringAt, v.text, v.text, f.dir, overrideOrigin, overrideFile)
		if err == nil {
			l.p.Overrides = append(l.p.Overrides, r)
		}
		return err
	}
	of, items, err := f.scopedRule(v, path)
	if err != nil {
		return err
	}
	o := ScopedOverride{Of: of, Place: f.text.place(v.off)}
	for _, item := range items {
		r, err := l.bound(f.text, item.stringAt, item.text, item.text, f.dir, overrideOrigin, overrideFile)
		if err != nil {
			return err
		}
		o.Requirements = append(o.Requirements, r)
	}
	l.p.ScopedOverrides = append(l.p.ScopedOverrides, o)
	return nil
}

func (l *loader) exclusionRule(f *pyproject, v *tomlValue, path string) error {
	x := Exclusion{Place: f.text.place(v.off)}
	items := []*tomlValue{v}
	if v.kind == tomlTable {
		var err error
		if x.Of, items, err = f.scopedRule(v, path); err != nil {
			return err
		}
	} else if err := f.want(v, tomlString, path); err != nil {
		return err
	}
	for _, item := range items {
		name, err := pypi.ParseName(item.text)
		if err != nil {
			return f.errorAt(item, "%s: %s: an exclusion is the name of a package, without versions", path, err)
		}
		x.Names = append(x.Names, name)
	}
	l.p.Exclusions = append(l.p.Exclusions, x)
	return nil
}

// scopedRule reads {package = {name, version}, dependencies = […]}.
func (f *pyproject) scopedRule(v *tomlValue, path string) (of Parent, items []*tomlValue, err error) {
	if err := f.onlyKeys(v, path, "package", "dependencies"); err != nil {
		return of, nil, err
	}
	pkg := v.get("package")
	if pkg == nil || v.get("dependencies") == nil {
		return of, nil, f.errorAt(v, `%s: a table must have both package and dependencies: {package = {name = "…"}, dependencies = ["…"]}`, path)
	}
	if err := f.want(pkg, tomlTable, path+".package"); err != nil {
		return of, nil, err
	}
	if err := f.onlyKeys(pkg, path+".package", "name", "version"); err != nil {
		return of, nil, err
	}
	if of.Name, of.Version, err = f.nameAndVersion(pkg, path+".package"); err != nil {
		return of, nil, err
	}
	items, err = f.stringsKey(v, path, "dependencies")
	return of, items, err
}

// nameAndVersion reads the keys name and, where it is given, version.
func (f *pyproject) nameAndVersion(table *tomlValue, path string) (name pypi.Name, version pep440.Version, err error) {
	n, err := f.stringKey(table, path, "name")
	if err != nil {
		return name, version, err
	}
	if n == nil {
		return name, version, f.errorAt(table, "%s.name is missing: add it", path)
	}
	if name, err = pypi.ParseName(n.text); err != nil {
		return name, version, f.errorAt(n, "%s.name: %s", path, err)
	}
	v, err := f.stringKey(table, path, "version")
	if err != nil || v == nil {
		return name, version, err
	}
	if version, err = pep440.Parse(v.text); err != nil {
		return name, version, f.errorAt(v, "%s.version: %s", path, err)
	}
	return name, version, nil
}

// onlyKeys refuses keys that nothing would read.
func (f *pyproject) onlyKeys(table *tomlValue, path string, known ...string) error {
	for _, k := range table.keys {
		if !slices.Contains(known, k.name) {
			return f.text.errorAt(k.off, len(k.name), "%s has an unknown key %q: %s", path, k.name, Choices(k.name, known))
		}
	}
	return nil
}

// metadataRule reads an entry of dependency-metadata; before is how many were
// read from other tables.
func (l *loader) metadataRule(f *pyproject, v *tomlValue, path string, before int) error {
	if err := f.want(v, tomlTable, path); err != nil {
		return err
	}
	if err := f.onlyKeys(v, path, "name", "version", "requires-dist", "requires-python", "provides-extra", "provides-extras"); err != nil {
		return err
	}
	m := StaticMetadata{Place: f.text.place(v.off)}
	var err error
	if m.Name, m.Version, err = f.nameAndVersion(v, path); err != nil {
		return err
	}
	requires, err := f.stringsKey(v, path, "requires-dist")
	if err != nil {
		return err
	}
	for _, item := range requires {
		r, warnings, err := pep508.ParseRequirement(item.text)
		if err != nil {
			return requirementError(f.text, item.stringAt, item.text, err)
		}
		for _, w := range warnings {
			off, _ := item.stringAt(w.Offset, w.Length)
			l.warn(f.text.place(off), "%s", w.Msg)
		}
		if r.URL != "" {
			return f.errorAt(item, "%s: a URL in %s is not supported yet: give versions", r.Name, path)
		}
		m.Requires = append(m.Requires, r)
	}
	if p, err := f.stringKey(v, path, "requires-python"); err != nil {
		return err
	} else if p != nil {
		if m.RequiresPython, err = pep440.ParseSpecifiers(p.text); err != nil {
			return f.errorAt(p, "%s.requires-python: %s", path, err)
		}
	}
	for _, key := range []string{"provides-extra", "provides-extras"} {
		extras, err := f.stringsKey(v, path, key)
		if err != nil {
			return err
		}
		for _, item := range extras {
			e, err := pypi.ParseExtra(item.text)
			if err != nil {
				return f.errorAt(item, "%s.%s: %s", path, key, err)
			}
			m.Extras = append(m.Extras, e)
		}
	}
	slices.Sort(m.Extras)
	m.Extras = slices.Compact(m.Extras)
	for i, other := range l.p.DependencyMetadata {
		if other.Name != m.Name || other.Version.IsZero() != m.Version.IsZero() || !other.Version.Equal(m.Version) {
			continue
		}
		if i < before {
			return nil // a table that weighs more has one
		}
		return f.errorAt(v, "%s has an entry for %s already (%s): keep one", path, strings.TrimSpace(string(m.Name)+" "+m.Version.String()), other.Place)
	}
	l.p.DependencyMetadata = append(l.p.DependencyMetadata, m)
	return nil
}
