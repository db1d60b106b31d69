package resolver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// judging collects the defects of a check.
type judging struct {
	*check
	verdict *Verdict
	at      []where // of the edges
	depth   []int   // of the edges
	unknown map[pypi.Name]bool
}

// judgeAll follows the requirements and judges what it comes to.
func (c *check) judgeAll() (*Verdict, error) {
	c.follow()
	for _, in := range c.reach {
		if err := in.set.Err(); err != nil {
			return nil, err
		}
	}
	j := &judging{check: c, verdict: &Verdict{}, unknown: map[pypi.Name]bool{}}
	v := j.verdict
	v.Edges, j.at = c.edges()
	cause := causes(len(c.nodes), v.Edges)
	j.depth = depths(v.Edges, cause)
	for i, n := range c.nodes {
		v.Packages = append(v.Packages, c.describe(i, n))
		p := &v.Packages[i]
		p.Cause = cause[i]
		if n.local != nil && p.Needed {
			var err error
			if p.Marker, err = c.scope.marker(c.needed(i)); err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		if n.unread && n.doubtful && !n.in.isNone() {
			v.Unverified = append(v.Unverified, i)
		}
	}
	j.judgeLocals()
	j.judgeDuplicates()
	j.judgeEdges()
	j.judgeExtras()
	j.describeDoubtful()
	j.judgeConstraints()
	j.judgeReleases()
	j.judgeIdle()
	sortDefects(v.Defects)
	return v, nil
}

func (c *check) describe(i int, n *checked) Checked {
	in := c.needed(i)
	out := Checked{Name: n.name(), Version: n.version(), Local: n.local, Needed: !in.isNone(), Found: n.release != nil}
	if out.Needed {
		out.Where = c.place(in)
	}
	for k := range c.reach {
		if k.node == i && k.extra != "" {
			out.Extras = append(out.Extras, k.extra)
		}
	}
	slices.Sort(out.Extras)
	if n.project != nil {
		out.Index, out.Status, out.StatusReason = n.project.Index, n.project.Status, n.project.StatusReason
		if n.release != nil {
			from := n.project.Origin(n.release)
			out.Index, out.Links = from.Index, from.Links
		}
	}
	if n.meta != nil {
		out.RequiresPython = n.meta.RequiresPython.String()
		for _, r := range n.meta.Requires {
			out.Requires = append(out.Requires, r.String())
		}
	}
	if n.release != nil && len(n.release.Files()) > 0 {
		if !slices.ContainsFunc(n.release.Files(), func(f index.File) bool { return !f.Yanked }) {
			out.Yanked, out.YankedReason = true, n.release.Files()[0].YankedReason
		}
		out.AllFiles = c.files(n)
		out.Servings = c.servings(&Package{Name: n.pin.Name, AllFiles: out.AllFiles}, in)
	}
	return out
}

// describeDoubtful notes which pins may hang below what is not known.
func (j *judging) describeDoubtful() {
	if j.blind() {
		return
	}
	for i, n := range j.nodes {
		if p := &j.verdict.Packages[i]; n.local == nil && n.doubtful && j.mayBeNeeded(n, map[pypi.Name]bool{}) {
			p.MayBeNeeded = true
			p.Servings = j.servings(&Package{Name: n.pin.Name, AllFiles: p.AllFiles}, n.in)
		}
	}
}

// judged returns where a node has to be right: where it is needed, and where it
// may be.
func (j *judging) judged(i int) where {
	if j.verdict.Packages[i].MayBeNeeded {
		return j.nodes[i].in
	}
	return j.needed(i)
}

func (j *judging) add(d Defect) { j.verdict.Defects = append(j.verdict.Defects, d) }

// of is a defect of a pin.
func (j *judging) of(pin int, kind DefectKind, in where) Defect {
	return Defect{Kind: kind, Name: j.nodes[pin].name(), Pin: pin, Other: -1, Edge: -1, Where: j.place(in)}
}

// judgeLocals finds pins that have the name of a path dependency.
func (j *judging) judgeLocals() {
	for i, n := range j.nodes {
		if n.local == nil && !n.doubtful {
			j.add(j.of(i, PinnedLocal, j.scope.here))
		}
	}
}

// judgeDuplicates finds pins of a package that hold at once, and those that are one
// written twice.
func (j *judging) judgeDuplicates() {
	for _, name := range sortedKeys(j.byName) {
		pins := j.byName[name]
		for k, a := range pins {
			for _, b := range pins[k+1:] {
				x, y := j.nodes[a], j.nodes[b]
				if x.local != nil || y.local != nil {
					continue // their places do not overlap
				}
				both := x.in.and(y.in)
				same := x.version().Equal(y.version()) && (x.home() == y.home() || sameFiles(x.release, y.release)) && !x.in.isNone() && !y.in.isNone()
				if both.isNone() && !same {
					continue
				}
				d := j.of(b, Duplicate, both)
				d.Other = a
				if both.isNone() {
					d.Where = ""
				}
				j.add(d)
			}
		}
	}
}

// judgeEdges finds edges that no pin, or the wrong one, is at the end of:
// of each package, or pin, the nearest to the project tells of the others.
func (j *judging) judgeEdges() {
	missing, unmet := map[pypi.Name]*Defect{}, map[int]*Defect{}
	var order []*Defect
	nearer := func(d *Defect, e int) {
		d.Also++
		if j.depth[e] < j.depth[d.Edge] {
			d.Edge, d.Where = e, j.verdict.Edges[e].Where
		}
	}
	for i := range j.verdict.Edges {
		e := &j.verdict.Edges[i]
		switch {
		case e.Child < 0 && slices.Contains(j.options.NoEmit, e.Name):
			j.unknown[e.Name] = true
		case e.Child < 0:
			j.unknown[e.Name] = true
			if d := missing[e.Name]; d != nil {
				nearer(d, i)
				continue
			}
			d := &Defect{Kind: Missing, Name: e.Name, Pin: -1, Other: -1, Edge: i, Where: e.Where}
			missing[e.Name], order = d, append(order, d)
		case e.Parent == e.Child: // told of the release
		case !j.nodes[e.Child].admits(e.Specifiers):
			// Each of the project's own is a cause of its own.
			if d := unmet[e.Child]; d != nil && e.Parent >= 0 {
				nearer(d, i)
				continue
			}
			d := j.of(e.Child, Unmet, j.at[i])
			d.Edge = i
			order = append(order, &d)
			if unmet[e.Child] == nil {
				unmet[e.Child] = &d
			}
		}
	}
	for _, d := range order {
		j.add(*d)
	}
}

// judgeExtras finds extras that the inputs ask for and a release does not have:
// as a rule a name that is misspelt. What a release asks of another is not theirs.
func (j *judging) judgeExtras() {
	for i := range j.verdict.Edges {
		e := &j.verdict.Edges[i]
		if e.From == nil || e.Child < 0 || j.noDeps {
			continue
		}
		n := j.nodes[e.Child]
		if n.local != nil || n.meta == nil {
			continue
		}
		for _, x := range e.Extras {
			if hasExtra(&candidates{}, n.meta, x) {
				continue
			}
			var known []string
			for _, have := range n.meta.Extras {
				known = append(known, string(have))
			}
			d := j.of(e.Child, ExtraUnknown, j.at[i])
			d.Edge, d.Reason = i, fmt.Sprintf("%s==%s has no extra %q: %s", n.pin.Name, n.pin.Version, string(x), project.Choices(string(x), known))
			j.add(d)
		}
	}
}

// judgeConstraints finds pins outside of a constraint.
func (j *judging) judgeConstraints() {
	blind := j.blind()
	for i, n := range j.nodes {
		in := j.judged(i)
		if blind && in.isNone() && n.doubtful {
			in = n.in // who asks for it is not known
		}
		for k := range j.Constraints {
			con := &j.Constraints[k]
			if con.Name != n.name() || n.local == nil && !n.doubtful {
				continue
			}
			if at := in.and(j.scope.holds(con.Marker, "")); !at.isNone() && !n.admits(con.Specifiers) {
				d := j.of(i, OutsideConstraint, at)
				d.Constraint = con
				j.add(d)
			}
		}
	}
}

// judgeReleases judges each pin that is needed by what the index says of it.
func (j *judging) judgeReleases() {
	for i, n := range j.nodes {
		in := j.judged(i)
		if n.local != nil || in.isNone() {
			continue
		}
		if !n.known {
			j.unknown[n.name()] = true
		}
		if n.unread && n.release == nil {
			continue
		}
		j.judgeStatus(i, n)
		switch {
		case n.release != nil:
			j.judgeRelease(i, n, in)
		case n.project != nil && n.project.Status == "quarantined":
		default:
			j.add(j.of(i, VersionGone, in))
		}
	}
}

func (j *judging) judgeStatus(i int, n *checked) {
	tell := func(kind DefectKind, reason string) {
		d := j.of(i, kind, j.scope.here)
		d.Reason = reason
		j.add(d)
	}
	if p := n.project; p != nil {
		switch p.Status {
		case "quarantined":
			tell(ProjectQuarantined, p.StatusReason)
		case "archived", "deprecated":
			tell(ProjectDiscontinued, p.StatusReason)
		}
	}
	if p := &j.verdict.Packages[i]; p.Yanked && !slices.ContainsFunc(j.exact[p.Name], func(s pep440.Specifier) bool { return s.Contains(p.Version) }) {
		tell(VersionYanked, p.YankedReason)
	}
}

// judgeRelease judges a pin whose version the index has.
func (j *judging) judgeRelease(i int, n *checked, in where) {
	subject := fmt.Sprintf("%s %s", n.pin.Name, n.pin.Version)
	bad := map[exclusionKind]where{}
	details := map[exclusionKind]exclusionWhy{}
	unusable := func(at where, why exclusionWhy) {
		if at = at.and(in); at.isNone() {
			return
		}
		if old, ok := bad[why.kind]; ok {
			at = at.or(old)
		} else {
			details[why.kind] = why
		}
		bad[why.kind] = at
	}
	q := j.within(in)
	if at := n.torn.and(in); !at.isNone() {
		d := j.of(i, VersionNotUsable, at)
		d.Reason = subject + " comes from another index than elsewhere, with other files, and takes a pin of its own"
		j.add(d)
	}
	v := q.judge(n.pin.Name, n.release)
	for _, e := range v.bad {
		unusable(e.in, e.exclusionWhy)
	}
	if !v.split.IsZero() {
		unusable(in.minus(pythonFrom(v.split)), exclusionWhy{requiresPython, ">=" + v.split.String()})
	}
	if v.file != nil {
		unusable(j.covering.uncovered(n.pin.Name, n.release, in), exclusionWhy{noMatchingFile, "a required environment"})
		if n.why.kind != 0 {
			unusable(in, n.why)
		}
		j.metadataPython(n, in, unusable)
	}
	for _, k := range sortedWanted(j.reach) {
		if k.node != i {
			continue
		}
		for _, d := range j.asks(k) {
			switch {
			case j.strange(d):
				unusable(d.in.and(j.reach[k]), exclusionWhy{urlDependency, d.String()})
			case d.Name == n.pin.Name && !d.Specifiers.Contains(n.pin.Version):
				unusable(d.in.and(j.reach[k]), exclusionWhy{selfConflict, d.String()})
			}
		}
	}
	for _, kind := range sortedKeys(bad) {
		part := j.within(bad[kind])
		d := j.of(i, VersionNotUsable, bad[kind])
		d.Reason = details[kind].sentence(subject, part.python(), part.target())
		j.add(d)
	}
	if len(bad) == 0 {
		j.judgeHashes(i, n)
	}
}

// metadataPython heeds a Requires-Python that the metadata states and the index
// does not.
func (j *judging) metadataPython(n *checked, in where, unusable func(where, exclusionWhy)) {
	if len(n.python) == 0 {
		return
	}
	why := exclusionWhy{requiresPython, n.python.String()}
	if in.universal {
		at, ok := j.within(in).splitAt(n.python)
		switch {
		case !ok:
			unusable(in, why)
		case !at.IsZero():
			unusable(in.minus(pythonFrom(at)), why)
		}
		return
	}
	bad := where{}
	for t := range in.each {
		if admits(n.python, j.scope.pythons[t]) == refused {
			bad.bits |= 1 << t
		}
	}
	unusable(bad, why)
}

func (j *judging) judgeHashes(i int, n *checked) {
	p := &j.verdict.Packages[i]
	if len(n.pin.Hashes) == 0 {
		if j.options.Hashes {
			j.add(j.of(i, HashAbsent, j.scope.here))
		}
		return
	}
	unknown, missing := HashFaults(n.pin.Hashes, p.AllFiles, p.Servings)
	if len(unknown) > 0 {
		d := j.of(i, HashForeign, j.scope.here)
		d.Hashes = unknown
		j.add(d)
	}
	if len(missing) > 0 && len(unknown) < len(n.pin.Hashes) {
		d := j.of(i, HashAbsent, j.scope.here)
		var names []string
		for _, s := range missing {
			if s.Where != "" && !slices.Contains(names, s.Where) {
				names = append(names, s.Where)
			}
		}
		slices.Sort(names)
		d.Where = strings.Join(names, " and ")
		j.add(d)
	}
}

// judgeIdle finds pins that nothing asks for, wholly or in some
// environments; not those that may hang below something unknown.
func (j *judging) judgeIdle() {
	if j.blind() {
		return
	}
	var idle []int
	for i, n := range j.nodes {
		if n.local != nil || !n.doubtful {
			continue
		}
		if slices.Contains(j.options.NoEmit, n.pin.Name) {
			d := j.of(i, Superfluous, j.scope.here)
			d.Reason = "the settings leave it out of the lock"
			j.add(d)
			continue
		}
		in := j.needed(i)
		if in.isNone() {
			if !j.mayBeNeeded(n, map[pypi.Name]bool{}) {
				idle = append(idle, i)
			}
			continue
		}
		rest := n.stated.minus(in)
		if rest.universal {
			rest = rest.and(possible())
		}
		if !rest.isNone() && !j.mayBeNeeded(n, map[pypi.Name]bool{}) {
			d := j.of(i, Superfluous, j.scope.here)
			stated := j.scope.narrow(rest)
			stated.all = j.scope.stated
			d.Where = stated.String()
			j.add(d)
		}
	}
	slices.SortStableFunc(idle, func(a, b int) int { return cmp.Compare(j.nodes[a].pin.Name, j.nodes[b].pin.Name) })
	tops, below := j.subtrees(idle)
	for _, i := range tops {
		d := j.of(i, Superfluous, j.scope.here)
		d.Also = below[i]
		j.add(d)
	}
}

// mayBeNeeded reports whether a pin may hang below what is not known, by the
// comments of the lock and whoever they name; without comments it may.
func (j *judging) mayBeNeeded(n *checked, seen map[pypi.Name]bool) bool {
	if len(j.unknown) == 0 || n.in.isNone() {
		return false
	}
	if !n.pin.Annotated {
		return true
	}
	for _, name := range n.pin.Via {
		if j.unknown[name] {
			return true
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, i := range j.byName[name] {
			if p := j.nodes[i]; p.local == nil && j.mayBeNeeded(p, seen) {
				return true
			}
		}
	}
	return false
}
