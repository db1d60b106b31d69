package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi"
)

var redundantDependency = Rule{
	Rule: lockfile.Rule{ID: "redundant-dependency", Severity: lockfile.Warning,
		Title: "a direct dependency brings another one",
		Help:  "Keep one of the two: the smaller one where it is enough."},
	Reason: `ansible is ansible-core and some hundred megabytes of collections; who asks for both gets the large one. As a rule one of them
was meant, and the other is left from a try. The rule looks at packages of one family alone (a and a-core), of which the code imports the
inner one nowhere: to name what is imported is right, even where another package brings it.`,
	Cost: "the size of the larger one in each image and each install",
	Before: `dependencies = [
    "ansible",
    "ansible-core>=2.16.0",
]`,
	After: `dependencies = [
    "ansible-core>=2.16.0",
]`,
	Lang: "toml",
	find: findRedundantDependency,
}

// bundles are packages that always bring another of their family.
var bundles = map[pypi.Name]pypi.Name{"ansible": "ansible-core"}

func findRedundantDependency(e *examiner) {
	for _, p := range e.tree.Projects {
		for i := range p.Dependencies {
			inner := &p.Dependencies[i]
			if len(inner.Extras) > 0 || !inner.Marker.IsTrivial() {
				continue
			}
			for j := range p.Dependencies {
				outer := &p.Dependencies[j]
				if inner.Name == outer.Name || !outer.Marker.IsTrivial() || !strings.HasPrefix(string(inner.Name), string(outer.Name)+"-") {
					continue
				}
				if (bundles[outer.Name] == inner.Name || e.brings(p, outer.Name, inner.Name)) && !e.imports(p, inner.Name) {
					e.add(outer.Place, "", fmt.Sprintf("%s brings %s, which is asked for by itself (line %d)", outer.Name, inner.Name, inner.Place.Line))
				}
			}
		}
	}
}

// brings reports whether a lock of the project says that one package asks for
// another.
func (e *examiner) brings(p *tree.Project, outer, inner pypi.Name) bool {
	return slices.ContainsFunc(e.tree.LocksIn(p.Dir), func(l *tree.Lock) bool {
		pin := l.Pinned[inner]
		return pin != nil && slices.Contains(pin.Via, string(outer))
	})
}

var importLine = `(?m)^\s*(?:import|from)\s+%s\b`

// imports reports whether code of a project imports a package by its name, or
// a text of it that is no code names it.
func (e *examiner) imports(p *tree.Project, name pypi.Name) bool {
	module := strings.ReplaceAll(string(name), "-", "[_.]")
	code := regexp.MustCompile(fmt.Sprintf(importLine, module))
	n := 0
	for _, file := range e.tree.Below(p.Dir) {
		if path.Ext(file) != ".py" {
			continue
		}
		if n++; n > maxSources {
			return true // nobody has looked
		}
		if text := e.tree.Text(file); text == nil || code.MatchString(text.Data) {
			return true
		}
	}
	return false
}

// maxSources bounds the files of a project that are looked into.
const maxSources = 5_000
