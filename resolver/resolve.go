package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// Resolve answers a request. A *NoSolutionError means that there is no
// answer; any other error means that none could be found out.
func Resolve(ctx context.Context, ix Index, r Request, obs Observer) (*Resolution, error) {
	q := newQuestion(&r)
	if err := q.checkRequiresPython(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fetcher{index: ix, q: q}
	defer f.wg.Wait()
	defer cancel()

	p := newProblem(q, f, obs)
	s := pubgrub.New(p)
	sol, proof, err := s.Solve(ctx)
	if err != nil {
		return nil, err
	}
	if proof != nil {
		return nil, p.explain(ctx, proof)
	}
	res, err := p.resolution(ctx, sol)
	if err != nil {
		return nil, err
	}
	if err := p.verify(ctx, res); err != nil {
		return nil, fmt.Errorf("internal error: the solution found does not hold: %w; please report this", err)
	}
	return res, nil
}

// checkRequiresPython refuses a target that the project itself does not
// support: its lock would be for a Python that it does not run on.
func (q *question) checkRequiresPython() error {
	if len(q.RequiresPython) == 0 || q.python.judge(q.RequiresPython) != refused {
		return nil
	}
	where := ""
	if q.RequiresPythonPlace.File != "" {
		where = " (" + q.RequiresPythonPlace.String() + ")"
	}
	return &NoSolutionError{
		Report: fmt.Sprintf("%s requires Python %s%s, and the target is Python %s", q.rootName(), q.RequiresPython, where, q.Target.Python),
		Hints:  []string{"choose a Python that the project supports with --python-version, or change requires-python"},
	}
}

func (q *question) rootName() string {
	if q.Root == "" {
		return "your project"
	}
	return q.Root
}

// resolution turns a solution into the graph of packages, keeping what the
// root reaches.
func (p *problem) resolution(ctx context.Context, sol pubgrub.Solution) (*Resolution, error) {
	type entry struct {
		Package
		state  int
		cand   *candidates
		extras map[pypi.Extra]bool
		via    map[Via]bool
	}
	chosen := map[pypi.Name]*entry{}
	var queue []*entry
	overridden := map[pypi.Name]bool{}
	var warnings []string
	ask := func(d dependency, via Via) error {
		id, ok := p.byName[d.Name]
		state := 0
		if ok {
			state = sol[id]
		}
		if state == 0 {
			return fmt.Errorf("internal error: %s is required and was not chosen; please report this", d.Name)
		}
		e := chosen[d.Name]
		if e == nil {
			e = &entry{state: state, cand: p.nodes[id].cand, extras: map[pypi.Extra]bool{}, via: map[Via]bool{}}
			chosen[d.Name] = e
			queue = append(queue, e)
		}
		e.via[via] = true
		if d.override != nil {
			overridden[d.Name] = true
			e.via[Via{Origin: d.override.Origin}] = true
		}
		for _, x := range d.Extras {
			if !e.extras[x] {
				e.extras[x] = true
				queue = append(queue, e)
			}
		}
		return nil
	}
	for _, r := range p.requirements {
		if err := ask(r.dependency, Via{Origin: r.from.Origin}); err != nil {
			return nil, err
		}
	}
	// An entry is queued again when it gains an extra, until nothing changes.
	for len(queue) > 0 && !p.noDeps {
		e := queue[0]
		queue = queue[1:]
		m, bad, err := p.metadata(ctx, e.cand, e.state)
		if err != nil {
			return nil, err
		}
		if bad != nil {
			return nil, fmt.Errorf("internal error: %s was chosen and cannot be used; please report this", e.cand.name)
		}
		via := Via{Package: e.cand.name}
		for _, x := range append([]pypi.Extra{""}, sortedKeys(e.extras)...) {
			for _, d := range p.dependencies(e.cand, m, x) {
				if d.Name == e.cand.name {
					for _, y := range d.Extras {
						if !e.extras[y] {
							e.extras[y] = true
							queue = append(queue, e)
						}
					}
					continue
				}
				if err := ask(d, via); err != nil {
					return nil, err
				}
			}
			if x != "" && !hasExtra(e.cand, m, x) {
				warnings = append(warnings, fmt.Sprintf("%s %s has no extra %q", e.cand.name, e.cand.versions[e.state-1], x))
			}
		}
	}
	out := &Resolution{Overridden: sortedKeys(overridden)}
	for _, name := range sortedKeys(chosen) {
		e := chosen[name]
		c, i := e.cand, e.state-1
		pk := Package{Name: name, Version: c.versions[i], Extras: sortedKeys(e.extras), Local: c.local}
		for v := range e.via {
			if v != (Via{}) {
				pk.Via = append(pk.Via, v)
			}
		}
		for _, con := range p.constraints[name] {
			if v := (Via{Origin: con.Origin}); v.Origin != "" && !slices.Contains(pk.Via, v) {
				pk.Via = append(pk.Via, v)
			}
		}
		slices.SortFunc(pk.Via, func(a, b Via) int {
			if (a.Origin == "") != (b.Origin == "") {
				return cmp.Compare(b.Origin, a.Origin)
			}
			return cmp.Or(strings.Compare(a.Origin, b.Origin), strings.Compare(string(a.Package), string(b.Package)))
		})
		if c.local == nil {
			p.addFiles(&pk, c.releases[i])
			pk.Index = c.project.Index
			warnings = append(warnings, p.warningsFor(&pk, c, i)...)
		}
		out.Packages = append(out.Packages, pk)
	}
	slices.Sort(warnings)
	out.Warnings = slices.Compact(warnings)
	out.Stats = p.stats
	return out, nil
}

func hasExtra(c *candidates, m *dist.Metadata, x pypi.Extra) bool {
	if c.local != nil {
		_, ok := c.local.Extras[x]
		return ok
	}
	if slices.Contains(m.Extras, x) {
		return true
	}
	// Old metadata names extras in markers alone.
	return slices.ContainsFunc(m.Requires, func(r pep508.Requirement) bool {
		return strings.Contains(r.Marker.String(), `extra == "`+string(x)+`"`)
	})
}

// addFiles sets what the target can install, and everything there is.
func (p *problem) addFiles(pk *Package, r *index.Release) {
	ignoreWheels, ignoreSdists := p.ignores(pk.Name)
	var sdists []*index.File
	allYanked := !slices.ContainsFunc(r.Files, func(f index.File) bool { return !f.Yanked })
	for i := range r.Files {
		f := &r.Files[i]
		if !p.excludeNewer.IsZero() && (f.UploadTime.IsZero() || !f.UploadTime.Before(p.excludeNewer)) {
			continue
		}
		pk.AllFiles = append(pk.AllFiles, f)
		if f.Yanked && !allYanked || p.python.admits(f) == refused {
			continue
		}
		if f.IsSdist() {
			if !ignoreSdists {
				sdists = append(sdists, f)
			}
		} else if _, ok := p.tags.Rank(f.Wheel.Tags); ok && !ignoreWheels {
			pk.Files = append(pk.Files, f)
		}
	}
	if len(pk.Files) == 0 {
		pk.Files = sdists
	}
	byName := func(a, b *index.File) int { return strings.Compare(a.Filename, b.Filename) }
	slices.SortFunc(pk.Files, byName)
	slices.SortFunc(pk.AllFiles, byName)
	if allYanked {
		pk.Yanked, pk.YankedReason = true, r.Files[0].YankedReason
	}
}

func (p *problem) warningsFor(pk *Package, c *candidates, i int) []string {
	var out []string
	if pk.Yanked {
		w := fmt.Sprintf("%s %s was yanked", pk.Name, pk.Version)
		if pk.YankedReason != "" {
			w += ": " + pk.YankedReason
		}
		out = append(out, w)
	}
	if c.lax[i] {
		out = append(out, fmt.Sprintf("%s %s says that it requires Python %s, which excludes %s: pip will refuse it", pk.Name, pk.Version,
			c.files[i].RequiresPython, p.Target.Python))
	}
	if len(pk.Files) > 0 && pk.Files[0].IsSdist() {
		out = append(out, fmt.Sprintf("%s %s has no wheel for %s: pip will build it from source", pk.Name, pk.Version, p.Target))
	}
	return out
}

// verify checks the result by the plain meaning of requirements, with none of
// the search's sets and clauses.
func (p *problem) verify(ctx context.Context, res *Resolution) error {
	byName := map[pypi.Name]*Package{}
	for i := range res.Packages {
		byName[res.Packages[i].Name] = &res.Packages[i]
	}
	check := func(who string, d dependency) error {
		pk := byName[d.Name]
		if pk == nil {
			return fmt.Errorf("%s needs %s, which is not there", who, d)
		}
		if pk.Local != nil && pk.Local.Version.IsZero() {
			return nil
		}
		if !d.Specifiers.Contains(pk.Version) {
			return fmt.Errorf("%s needs %s and has %s", who, d, pk.Version)
		}
		for _, x := range d.Extras {
			if !slices.Contains(pk.Extras, x) {
				return fmt.Errorf("%s needs %s, and the extra is not there", who, d)
			}
		}
		return nil
	}
	for _, r := range p.requirements {
		if err := check(p.rootName(), r.dependency); err != nil {
			return err
		}
	}
	for _, pk := range res.Packages {
		for _, con := range p.constraints[pk.Name] {
			if !con.Specifiers.Contains(pk.Version) {
				return fmt.Errorf("%s %s is outside the constraint %s", pk.Name, pk.Version, con.Requirement)
			}
		}
		if p.noDeps {
			continue
		}
		c, err := p.fetch.candidates(ctx, pk.Name).wait(ctx)
		if err != nil {
			return err
		}
		i, ok := slices.BinarySearchFunc(c.versions, pk.Version, pep440.Version.Compare)
		if !ok && c.local == nil {
			return fmt.Errorf("%s has no version %s", pk.Name, pk.Version)
		}
		if c.local != nil {
			i = 0
		}
		m, err := p.fetch.metadata(ctx, c, i+1).wait(ctx)
		if err != nil {
			return err
		}
		for _, x := range append([]pypi.Extra{""}, pk.Extras...) {
			for _, d := range p.dependencies(c, m, x) {
				if err := check(string(pk.Name), d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
