package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// write turns the proof into prose: each line says what follows from what,
// lines that are used twice are numbered. What would be too long to follow is
// summed up instead.
func (r *reporter) write() string {
	end := r.skip(len(r.steps) - 1)
	if r.external(end) {
		r.say("%s.", r.text(end))
	} else {
		r.visit(end)
	}
	if text := r.out.String(); strings.Count(text, "\n") <= maxReportLines-16 && len(text) < maxReportBytes {
		return text
	}
	r.summed = true
	return r.summary()
}

// maxReportBytes bounds a derivation whose lines are few but endless: 40 lines of
// a terminal.
const maxReportBytes = 4000

func newReporter(p *problem, proof *pubgrub.Proof) *reporter {
	r := &reporter{problem: p, steps: proof.Steps, uses: make([]int, len(proof.Steps)), number: map[int]int{}}
	r.count(r.skip(len(proof.Steps) - 1))
	return r
}

type reporter struct {
	*problem
	steps  []pubgrub.Step
	uses   []int // by step: how many steps follow from it
	number map[int]int
	out    strings.Builder
	leaves []int // external steps in order of use
	summed bool  // what was written is a summary
}

// skip passes over steps that add nothing for a reader: that the target has
// its Python is said where a Python is required.
func (r *reporter) skip(i int) int {
	for r.steps[i].Left >= 0 {
		switch {
		case r.isTarget(r.steps[i].Left):
			i = r.steps[i].Right
		case r.isTarget(r.steps[i].Right):
			i = r.steps[i].Left
		default:
			return i
		}
	}
	return i
}

func (r *reporter) isTarget(i int) bool {
	w, ok := r.steps[i].Reason.(*reason)
	return ok && r.steps[i].Left < 0 && w.kind == targetIs
}

func (r *reporter) external(i int) bool { return r.steps[i].Left < 0 }

func (r *reporter) parents(i int) (int, int) {
	return r.skip(r.steps[i].Left), r.skip(r.steps[i].Right)
}

// count finds how often each step is used, and the leaves.
func (r *reporter) count(end int) {
	stack, seen := []int{end}, map[int]bool{}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		r.uses[i]++
		if seen[i] {
			continue
		}
		seen[i] = true
		if r.external(i) {
			r.leaves = append(r.leaves, i)
			continue
		}
		a, b := r.parents(i)
		stack = append(stack, a, b)
	}
	slices.Sort(r.leaves)
}

func (r *reporter) say(format string, args ...any) {
	fmt.Fprintf(&r.out, format+"\n", args...)
}

// line writes the sentence that concludes step i, with a number if it is
// needed again.
func (r *reporter) line(i int, format string, args ...any) {
	s := fmt.Sprintf(format, args...) + ", " + r.conclusion(i)
	if r.uses[i] > 1 {
		r.number[i] = len(r.number) + 1
		s += fmt.Sprintf(" (%d)", r.number[i])
	}
	r.say("%s.", s)
}

// visit writes the derivation of a step, after the error reporting of the
// PubGrub specification.
func (r *reporter) visit(i int) {
	if _, done := r.number[i]; done {
		return
	}
	a, b := r.parents(i)
	switch {
	case r.external(a) && r.external(b):
		if r.before(b, a) {
			a, b = b, a
		}
		r.line(i, "Because %s", and(r.text(a), r.text(b)))
	case r.external(a) || r.external(b):
		ext, der := a, b
		if r.external(b) {
			ext, der = b, a
		}
		if n, ok := r.number[der]; ok {
			r.line(i, "Because %s (%d)", and(r.text(ext), r.conclusion(der)), n)
			return
		}
		if x, y := r.parents(der); r.uses[der] == 1 && r.external(x) != r.external(y) {
			if r.external(x) {
				x, y = y, x
			}
			r.visit(x)
			if r.before(ext, y) {
				ext, y = y, ext
			}
			r.line(i, "And because %s%s", and(r.text(y), r.text(ext)), r.ref(x))
			return
		}
		r.visit(der)
		r.line(i, "And because %s", r.text(ext))
	default:
		na, okA := r.number[a]
		nb, okB := r.number[b]
		switch {
		case okA && okB:
			r.line(i, "Because %s (%d) and %s (%d)", r.conclusion(a), na, r.conclusion(b), nb)
		case okA:
			r.visit(b)
			r.line(i, "And because %s (%d)", r.conclusion(a), na)
		case okB:
			r.visit(a)
			r.line(i, "And because %s (%d)", r.conclusion(b), nb)
		default:
			// The first branch must be found again after the second.
			if r.simple(a) && !r.simple(b) {
				a, b = b, a
			}
			r.uses[a] = max(r.uses[a], 2)
			r.visit(a)
			r.say("")
			r.visit(b)
			r.line(i, "And because %s (%d)", r.conclusion(a), r.number[a])
		}
	}
}

// before reports whether the user wrote a before b, in one file.
func (r *reporter) before(a, b int) bool {
	written := func(i int) *project.Requirement {
		if w, ok := r.steps[i].Reason.(*reason); ok && (w.kind == asked || w.kind == constrained) {
			return w.asked()
		}
		return nil
	}
	x, y := written(a), written(b)
	return x != nil && y != nil && x.Place.File == y.Place.File && x.Place.Line < y.Place.Line
}

// overrides returns those that the proof rests on.
func (r *reporter) overrides() []*project.Requirement {
	var out []*project.Requirement
	for _, i := range r.leaves {
		if w, ok := r.steps[i].Reason.(*reason); ok && w.dep.override != nil && !slices.Contains(out, w.dep.override) {
			out = append(out, w.dep.override)
		}
	}
	return out
}

// and joins two statements; one with a comma of its own needs another. What is
// asked of a package and of its extras are two clauses and one statement.
func and(a, b string) string {
	if a == b {
		return a
	}
	if strings.Contains(a, ", ") {
		return a + ", and " + b
	}
	return a + " and " + b
}

func (r *reporter) ref(i int) string {
	if n, ok := r.number[i]; ok {
		return fmt.Sprintf(" (%d)", n)
	}
	return ""
}

func (r *reporter) simple(i int) bool {
	a, b := r.parents(i)
	return r.external(a) && r.external(b)
}

func place(q *project.Requirement) string {
	if q.Place.File == "" {
		return ""
	}
	if q.Place.Line == 0 {
		return " (" + q.Place.File + ")"
	}
	return fmt.Sprintf(" (%s:%d)", q.Place.File, q.Place.Line)
}

// asking names who requires what the root requires.
func (p *problem) asking() string {
	if p.Root == "" {
		return "you require"
	}
	return p.Root + " requires"
}

// text says a clause of the source.
func (r *reporter) text(i int) string {
	st := &r.steps[i]
	w, ok := st.Reason.(*reason)
	if !ok {
		return r.conclusion(i)
	}
	switch w.kind {
	case asked:
		if w.dep.override != nil {
			return fmt.Sprintf("the override asks for %s%s%s", w.dep, place(w.from), r.missing(w))
		}
		return fmt.Sprintf("%s %s%s%s", r.asking(), w.dep, place(w.from), r.missing(w))
	case dependsOn:
		verb := "depends on"
		if w.dep.override != nil {
			verb = "is overridden to depend on"
		}
		by := ""
		if w.dep.override != nil {
			by = place(w.dep.override)
		}
		return fmt.Sprintf("%s %s %s%s%s", r.subject(st), verb, w.dep, by, r.missing(w))
	case constrained:
		return fmt.Sprintf("the constraint is %s%s", w.from.Requirement.String(), place(w.from))
	case targetIs:
		return fmt.Sprintf("the target is Python %s", r.python())
	}
	if s := w.excl.sentence(r.subject(st), r.python(), r.target()); s != "" {
		return s
	}
	return r.conclusion(i)
}

// sentence says why releases cannot be used; "" for no reason.
func (e exclusionWhy) sentence(subject, python, target string) string {
	detail := clip(project.Escape(e.detail)) // the index's words
	switch e.kind {
	case tooNew:
		return fmt.Sprintf("%s was published after the cutoff (%s)", subject, detail)
	case noUploadTime:
		return fmt.Sprintf("%s has no upload time, so the cutoff hides it", subject)
	case yanked:
		if detail == "" {
			return subject + " was yanked"
		}
		return fmt.Sprintf("%s was yanked (%s)", subject, detail)
	case prerelease:
		return subject + " is a pre-release"
	case requiresPython:
		return fmt.Sprintf("%s requires Python %s and the target is Python %s", subject, detail, python)
	case noMatchingFile:
		return fmt.Sprintf("%s has no file for %s (%s)", subject, target, detail)
	case noMatchingWheel:
		return fmt.Sprintf("%s has no wheel for %s (%s), and building from source is not allowed", subject, target, detail)
	case noWheel:
		return subject + " has no wheel, and building from source is not allowed"
	case noSdist:
		return subject + " has no source distribution, and wheels are not allowed"
	case noFiles:
		return subject + " has no files"
	case needsBuild:
		return subject + " has only a source distribution whose dependencies a build would have to tell"
	case unreadable:
		return fmt.Sprintf("%s has unusable metadata (%s)", subject, detail)
	case urlDependency:
		return fmt.Sprintf("%s depends on the URL %s, which only your own requirements may", subject, detail)
	case selfConflict:
		return fmt.Sprintf("%s depends on another version of itself (%s)", subject, detail)
	}
	return ""
}

// missing says that nothing fits a requirement.
func (r *reporter) missing(w *reason) string {
	id, ok := r.byName[w.dep.Name]
	if !ok || !w.want.IsEmpty() {
		return ""
	}
	switch c := r.nodes[id].cand; {
	case c.missing:
		return ", which is not on the index"
	case len(c.versions) == 0 && c.project != nil && c.project.Status != "":
		return fmt.Sprintf(", which has no releases: the index says that it is %s%s", clip(project.Escape(c.project.Status)), because(clip(project.Escape(c.project.StatusReason))))
	case len(c.versions) == 0:
		return ", which has no releases"
	default:
		return ", which no version matches: there is " + span(c)
	}
}

func span(c *candidates) string {
	if len(c.versions) == 1 {
		return "only " + c.versions[0].String()
	}
	return fmt.Sprintf("%s to %s", c.versions[0], c.versions[len(c.versions)-1])
}

// subject names the releases that a source's clause speaks of.
func (r *reporter) subject(st *pubgrub.Step) string {
	for _, t := range st.Terms {
		if t.Package == st.Subject {
			return r.releases(t.Package, t.Set, st.Terms)
		}
	}
	n := &r.nodes[st.Subject]
	return "every version of " + string(n.name)
}

// releases names versions of a package, with the extras that the terms name.
func (r *reporter) releases(id pubgrub.Package, set pubgrub.Set, terms []pubgrub.Term) string {
	n := &r.nodes[id]
	name := string(n.name)
	var xs []string
	for _, t := range terms {
		if m := &r.nodes[t.Package]; m.kind == wantedNode && m.extra != "" && m.base == id && !t.Set.Has(pubgrub.Absent) {
			xs = append(xs, string(m.extra))
		}
	}
	if len(xs) > 0 {
		name += "[" + strings.Join(xs, ",") + "]"
	}
	v := n.cand.versionRange(set)
	switch {
	case len(n.cand.versions) == 1:
		return name + " " + n.cand.versions[0].String()
	case v == "":
		return "every version of " + name
	case strings.Count(v, "|") >= 4:
		parts := strings.Split(v, " | ")
		return fmt.Sprintf("%s%s and %d more ranges up to %s", name, parts[0], len(parts)-2, parts[len(parts)-1])
	}
	if strings.HasPrefix(v, "==") && !strings.Contains(v, "|") {
		return name + " " + strings.TrimPrefix(v, "==")
	}
	return name + v
}

// conclusion says what a clause means.
func (r *reporter) conclusion(i int) string {
	var have, need []string
	root := false
	terms := r.steps[i].Terms
	for _, t := range terms {
		n := &r.nodes[t.Package]
		absent := t.Set.Has(pubgrub.Absent)
		switch {
		case n.kind == rootNode:
			root = true
		case n.kind == pythonNode:
		case n.kind == wantedNode && n.extra == "":
		case n.kind == wantedNode && absent:
			need = append(need, fmt.Sprintf("%s[%s]", n.name, n.extra))
		case n.kind == wantedNode:
			if !slices.ContainsFunc(terms, func(u pubgrub.Term) bool { return u.Package == n.base && !u.Set.Has(pubgrub.Absent) }) {
				have = append(have, fmt.Sprintf("%s[%s]", n.name, n.extra))
			}
		case absent:
			need = append(need, r.releases(t.Package, t.Set.Complement(r.Versions(t.Package)+1), nil))
		default:
			have = append(have, r.releases(t.Package, t.Set, terms))
		}
	}
	who := "your requirements"
	if r.Root != "" {
		who = r.Root + "'s requirements"
	}
	switch {
	case len(have) == 0 && len(need) == 0:
		return who + " cannot all be met"
	case len(have) == 0:
		return who + " need " + strings.Join(need, " or ")
	case len(need) > 0:
		return strings.Join(have, " with ") + " needs " + strings.Join(need, " or ")
	case len(have) == 1 && root:
		return have[0] + " does not fit " + who
	case len(have) == 1:
		return have[0] + " cannot be used"
	}
	return strings.Join(have[:len(have)-1], ", ") + " and " + have[len(have)-1] + " do not go together"
}

// python names the Python of the scope.
func (p *question) python() string {
	if p.scope.here.universal {
		return p.pythonRange()
	}
	for t := range p.scope.here.each {
		return p.scope.targets[t].Python.String()
	}
	return ""
}

// target names the scope's target.
func (p *question) target() string {
	if p.scope.here.universal {
		return "any platform"
	}
	var names []string
	for t := range p.scope.here.each {
		names = append(names, p.scope.targets[t].String())
	}
	return strings.Join(names, " and ")
}
