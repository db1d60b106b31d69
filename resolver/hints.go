package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// hints say, for what the proof rests on, what might lift it. They are
// sorted by the order in which the proof uses their cause.
func (p *problem) hints(r *reporter) []string {
	var out []string
	add := func(format string, args ...any) {
		if h := fmt.Sprintf(format, args...); !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	wanted := map[pypi.Name]pubgrub.Set{}
	for _, i := range r.leaves {
		w, ok := r.steps[i].Reason.(*reason)
		if !ok || w.kind != asked && w.kind != dependsOn {
			continue
		}
		if set, ok := wanted[w.dep.Name]; ok {
			wanted[w.dep.Name] = set.Intersect(w.want)
		} else {
			wanted[w.dep.Name] = w.want
		}
		id, ok := p.byName[w.dep.Name]
		if ok && p.nodes[id].cand.missing {
			add("no index has a package named %s: check the spelling, or add the index that has it with --index", w.dep.Name)
		}
	}
	for _, i := range r.leaves {
		w, ok := r.steps[i].Reason.(*reason)
		if !ok || w.kind != unusable {
			continue
		}
		n := &p.nodes[r.steps[i].Subject]
		// Of the releases that the clause is about, those that are asked for.
		set := w.excl.set
		if want, ok := wanted[n.name]; ok && !want.Disjoint(set) {
			set = set.Intersect(want)
		}
		detail := project.Escape(w.excl.detail)
		some := r.releases(r.steps[i].Subject, set, nil)
		switch w.excl.kind {
		case prerelease:
			add("%s is there but is a pre-release, and those are not enabled: use --prerelease allow, or name it in a specifier of your own", some)
		case tooNew:
			add("%s was published at %s, which --exclude-newer hides: move the cutoff past it", some, detail)
		case noUploadTime:
			add("the index gives no upload times for %s, so --exclude-newer hides it", n.name)
		case yanked:
			add("%s was yanked%s: require it with == to use it all the same", some, because(detail))
		case requiresPython:
			add("%s requires Python %s: use another version of it, or a target that fits with --python-version", some, detail)
		case noMatchingFile:
			add("%s has wheels, but none for %s (%s), and no source distribution: choose another --python-version or --python-platform", some, p.target(), detail)
		case noWheel:
			add("%s has only a source distribution, which --no-build or --only-binary forbids", some)
		case noSdist:
			add("%s has only wheels, which --no-binary forbids", some)
		case needsBuild:
			add("%s has only a source distribution that does not state its dependencies; pylock does not build it: choose a version with wheels", some)
		case urlDependency:
			add("%s depends on %s: require that URL yourself if you trust it", some, detail)
		}
	}
	return out
}

func because(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	return " (" + s + ")"
}
