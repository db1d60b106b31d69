package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// hints say, for what the proof rests on, what lifts it: what was tried, or
// else what might. They are sorted by the order in which the proof uses their
// cause.
func (p *problem) hints(ctx context.Context, r *reporter, t *trial) ([]string, error) {
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
		if ok && p.nodes[id].cand.project != nil && w.want.Intersect(p.nodes[id].cand.states()).IsEmpty() {
			if from := p.nodes[id].cand.project; len(from.Later()) > 0 {
				add("%s is taken from %s, the first index that has it, and %s was not asked: name the index of %s with [tool.uv.sources], or use --index-strategy unsafe-best-match",
					from.Name, from.Index, strings.Join(from.Later(), ", "), from.Name)
			}
		}
	}
	// What keeps releases of one package from being used in one way is one
	// hint, however many reasons of the kind there are.
	type cause struct {
		pkg  pubgrub.Package
		kind exclusionKind
	}
	sets, details := map[cause]pubgrub.Set{}, map[cause][]string{}
	var order []cause
	for _, i := range r.leaves {
		w, ok := r.steps[i].Reason.(*reason)
		if !ok || w.kind != unusable {
			continue
		}
		k := cause{r.steps[i].Subject, w.excl.kind}
		if _, ok := sets[k]; !ok {
			order = append(order, k)
		}
		sets[k] = sets[k].Union(w.excl.set)
		if d := clip(project.Escape(w.excl.detail)); !slices.Contains(details[k], d) {
			details[k] = append(details[k], d)
		}
	}
	for _, k := range order {
		if len(out) == maxHints {
			break
		}
		n := &p.nodes[k.pkg]
		// Of the releases that the clause is about, those that are asked for.
		set := sets[k]
		if want, ok := wanted[n.name]; ok && !want.Disjoint(set) {
			set = set.Intersect(want)
		}
		detail := details[k][0]
		if len(details[k]) > 1 {
			detail = ""
		}
		some := r.releases(k.pkg, set, nil)
		lift := ""
		if !r.summed {
			// Where much is wrong, one change does not help: spare the tries.
			var err error
			if lift, err = t.lift(ctx, n.cand, set, k.kind, details[k]); err != nil {
				return nil, err
			}
		}
		do := func(advice string) string { return cmp.Or(lift, advice) }
		switch k.kind {
		case prerelease:
			add("%s is there but is a pre-release, and those are not enabled: %s", some, do("use --prerelease allow, or name it in a specifier of your own"))
		case tooNew:
			add("%s was published%s, which --exclude-newer hides: %s", some, before(" at ", detail), do("move the cutoff past it"))
		case noUploadTime:
			add("the index gives no upload times for %s, so --exclude-newer hides it", n.name)
		case yanked:
			add("%s was yanked%s: %s", some, because(detail), do("require it with == to use it all the same"))
		case requiresPython:
			add("%s requires%s Python%s: %s", some, map[bool]string{true: " another"}[detail == ""], before(" ", detail),
				do("use another version of it, or a target that fits with --python-version"))
		case noMatchingFile:
			add("%s has wheels, but none for %s%s, and no source distribution: choose another --python-version or --python-platform", some, p.target(), because(detail))
		case noMatchingWheel:
			add("%s has wheels, but none for %s%s, and a source distribution, which --no-build or --only-binary forbids: allow it, or choose another --python-version or --python-platform", some, p.target(), because(detail))
		case noWheel:
			add("%s has only a source distribution, which --no-build or --only-binary forbids", some)
		case noSdist:
			add("%s has only wheels, which --no-binary forbids", some)
		case needsBuild:
			add("%s has only a source distribution that does not state its dependencies%s: --build runs its build to learn them; or choose a version with wheels, or state them in [tool.uv] dependency-metadata", some, r.wanting(n.name))
		case urlDependency:
			add("%s depends on %s: require that URL yourself if you trust it", some, detail)
		}
	}
	return out, nil
}

// wanting says who asks for a package in the proof, "" where that is not known.
func (r *reporter) wanting(name pypi.Name) string {
	for _, i := range r.leaves {
		w, ok := r.steps[i].Reason.(*reason)
		switch {
		case !ok || w.dep.Name != name:
		case w.kind == asked && w.dep.override == nil:
			return fmt.Sprintf(", and %s it%s", r.asking(), place(w.from))
		case w.kind == dependsOn:
			return fmt.Sprintf(", and %s depends on it", r.subject(&r.steps[i]))
		}
	}
	return ""
}

// maxHints is how many hints of this kind a person is given.
const maxHints = 5

// maxDetail is how much of the index's own words is shown, in bytes.
const maxDetail = 200

func clip(s string) string {
	if len(s) > maxDetail {
		return s[:maxDetail] + "…"
	}
	return s
}

func before(lead, s string) string {
	if s == "" {
		return ""
	}
	return lead + s
}

func because(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	return " (" + s + ")"
}
