package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver"
)

// notes are lines of the header that tell who installs the lock what pip's own
// resolver does not know, and warnings for who writes it.
func (o *compileOptions) notes(r *run, res *resolver.Resolution) (notes, warnings []string) {
	if why := o.whyNoDeps(r, res); why != "" {
		notes = append(notes, "Install with pip install --no-deps: "+why+", which pip would refuse")
	}
	if refused := refusedByPython(r, res); len(refused) > 0 {
		notes = append(notes, "Install with pip install --ignore-requires-python: "+strings.Join(refused, ", ")+" would be refused otherwise")
	}
	q := &r.request
	for _, t := range q.Targets {
		if len(q.RequiresPython) > 0 && !q.RequiresPython.Contains(t.Python) {
			warnings = append(warnings, fmt.Sprintf("%s: requires-python %s does not allow Python %s, the target: change one of the two", q.RequiresPythonPlace, q.RequiresPython, t.Python))
			break
		}
	}
	warnings = append(warnings, besideWarnings(r, res)...)
	return notes, append(warnings, pylockWarnings(r, res)...)
}

// besideWarnings tell of pins that come from folders that this machine alone
// knows of.
func besideWarnings(r *run, res *resolver.Resolution) (warnings []string) {
	names := map[string][]pypi.Name{}
	for i := range res.Packages {
		p := &res.Packages[i]
		for _, l := range p.Links {
			if _, ok := r.indexes.beside[l]; ok && !slices.Contains(names[l], p.Name) && !slices.Contains(r.build.NoEmit, p.Name) {
				names[l] = append(names[l], p.Name)
			}
		}
	}
	for _, l := range slices.Sorted(maps.Keys(names)) {
		place := r.indexes.beside[l]
		place.Column = 0
		warnings = append(warnings, fmt.Sprintf("%s from %s, a folder beside the repository that %s names: who has neither can neither check this lock nor install it; move the folder into the repository, serve it, or name it with --find-links",
			come(names[l]), l, place))
	}
	return warnings
}

// come is the subject of a sentence about where packages come from.
func come(names []pypi.Name) string {
	if len(names) == 1 {
		return string(names[0]) + " comes"
	}
	return joinNames(names, ", ") + " come"
}

// whyNoDeps says why pip must not resolve by itself, or returns "".
func (o *compileOptions) whyNoDeps(r *run, res *resolver.Resolution) string {
	switch {
	case r.build.Format == lockfile.PylockTOML:
		return "" // nobody resolves what it lists
	case len(r.request.Overrides) > 0, len(res.Overridden) > 0:
		return "overrides replace what packages ask for"
	case len(res.Excluded) > 0:
		return "exclusions drop what packages ask for"
	case len(res.Restated) > 0:
		return "dependency-metadata replaces what packages ask for"
	case len(res.Revised) > 0:
		return fmt.Sprintf("packages ask for another revision of %s than its commit", joinNames(res.Revised, ", "))
	case slices.ContainsFunc(res.Packages, func(p resolver.Package) bool {
		return (p.Local == nil || p.Local.Direct != nil) && slices.Contains(r.build.NoEmit, p.Name)
	}):
		return "packages are left out"
	case o.noDeps:
		return "dependencies are left out"
	}
	// A local package is not pinned, which is no matter until a pin asks for it.
	local := map[pypi.Name]bool{}
	for i := range res.Packages {
		if p := &res.Packages[i]; p.Local != nil && p.Local.Direct == nil {
			local[p.Name] = true
		}
	}
	for i := range res.Packages {
		p := &res.Packages[i]
		for _, v := range p.Via {
			if p.Local != nil && p.Local.Direct == nil && v.Package != "" && !local[v.Package] {
				return fmt.Sprintf("%s asks for %s, a local package", v.Package, p.Name)
			}
		}
	}
	return ""
}

// refusedByPython are the packages no file of which allows a target's Python,
// sorted. A resolution may have them where there is nothing else.
func refusedByPython(r *run, res *resolver.Resolution) []string {
	var names []string
	for i := range res.Packages {
		p := &res.Packages[i]
		if p.Local != nil || len(p.Files) == 0 || slices.Contains(r.build.NoEmit, p.Name) {
			continue
		}
		for _, t := range r.request.Targets {
			allowed := false
			for _, f := range p.Files {
				allowed = allowed || len(f.Python) == 0 || f.Python.Contains(t.Python)
			}
			if p.Marker == "" && !allowed {
				names = append(names, string(p.Name))
				break
			}
		}
	}
	return slices.Compact(names)
}
