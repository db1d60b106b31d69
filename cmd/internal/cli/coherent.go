package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver"
)

// wantsCoherence reports whether services should share versions: where a flag
// or the root's settings say so.
func (o *compileOptions) wantsCoherence(jobs []*job) bool {
	if o.coherent || o.given("no-coherent") {
		return o.coherent
	}
	for _, w := range o.workspaces {
		if w.Values["coherent"].Bool() {
			return len(jobs) > 0 && jobs[0].service != nil
		}
	}
	return false
}

// coherently solves all jobs, then those again that could share a version with
// another, and writes what came of it.
func (t *team) coherently(ctx context.Context, jobs []*job, at map[*job]*outcome, outcomes []outcome, solve, finish func(context.Context, *job, *printer) error) error {
	errs := &jobsError{of: len(jobs)}
	note := func(err error) error {
		if several := (*jobsError)(nil); errors.As(err, &several) {
			errs.errs = append(errs.errs, several.errs...)
			return nil
		}
		return err
	}
	first := slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.bound != nil })
	rest := slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.bound == nil })
	if err := note(t.each(ctx, first, solve)); err != nil {
		return err
	}
	if common := disagreements(outcomes); len(common) > 0 {
		why := forced(first, at, common)
		err := t.each(ctx, first, func(ctx context.Context, j *job, p *printer) error {
			out := at[j]
			if !out.align(common) {
				return nil
			}
			res, err := t.resolve(ctx, j.options, out.run)
			if err == nil {
				out.lowered = lowered(out.resolution, res, why)
				out.resolution = res
			}
			out.err = err
			return err
		})
		if err := note(err); err != nil {
			return err
		}
	}
	var solved []*job
	for _, j := range first {
		if at[j].resolution != nil || at[j].skipped {
			solved = append(solved, j)
		}
	}
	if err := note(t.each(ctx, solved, finish)); err != nil {
		return err
	}
	t.censuses = nil // the locks are others now
	err := t.each(ctx, rest, func(ctx context.Context, j *job, p *printer) error {
		if err := solve(ctx, j, p); err != nil {
			return err
		}
		return finish(ctx, j, p)
	})
	if err := note(err); err != nil {
		return err
	}
	if len(errs.errs) > 0 {
		return errs
	}
	return nil
}

// disagreements returns the packages of which the solved jobs have different
// versions, and of each the least: the one that some requirement holds the
// others down to, as a rule.
func disagreements(outcomes []outcome) map[pypi.Name]pep440.Version {
	least := map[pypi.Name]pep440.Version{}
	differ := map[pypi.Name]bool{}
	for i := range outcomes {
		res := outcomes[i].resolution
		if res == nil {
			continue
		}
		for j := range res.Packages {
			p := &res.Packages[j]
			if p.Local != nil {
				continue
			}
			have, ok := least[p.Name]
			if ok && !have.Equal(p.Version) {
				differ[p.Name] = true
			}
			if !ok || p.Version.Compare(have) < 0 {
				least[p.Name] = p.Version
			}
		}
	}
	maps.DeleteFunc(least, func(n pypi.Name, _ pep440.Version) bool { return !differ[n] })
	return least
}

// lowered tells which packages have an older version in the second solution than
// in the first, and why.
func lowered(first, second *resolver.Resolution, why func(pypi.Name, pep440.Version) string) []string {
	newest := map[pypi.Name]pep440.Version{}
	for i := range first.Packages {
		if p := &first.Packages[i]; p.Local == nil && p.Version.Compare(newest[p.Name]) > 0 {
			newest[p.Name] = p.Version
		}
	}
	had := map[pypi.Name]pep440.Version{}
	for i := range second.Packages {
		if p := &second.Packages[i]; p.Local == nil && p.Version.Compare(had[p.Name]) > 0 {
			had[p.Name] = p.Version
		}
	}
	var out []string
	for _, n := range slices.Sorted(maps.Keys(had)) {
		if was, ok := newest[n]; ok && had[n].Compare(was) < 0 {
			out = append(out, fmt.Sprintf("%s is %s, not %s%s", n, had[n], was, why(n, was)))
		}
	}
	return out
}

// forced returns what says which service holds the others down to the common
// version of a package, and which of its requirements does not admit a newer one.
// The resolutions are those before services were aligned.
func forced(jobs []*job, at map[*job]*outcome, common map[pypi.Name]pep440.Version) func(pypi.Name, pep440.Version) string {
	type user struct {
		label   string
		request *resolver.Request
		via     []pypi.Name
	}
	users := map[pypi.Name][]user{}
	for _, j := range jobs {
		out := at[j]
		if out.resolution == nil {
			continue
		}
		for i := range out.resolution.Packages {
			p := &out.resolution.Packages[i]
			if v, ok := common[p.Name]; !ok || p.Local != nil || !v.Equal(p.Version) {
				continue
			}
			u := user{label: j.label(), request: &out.run.request}
			for _, via := range p.Via {
				if via.Package != "" {
					u.via = append(u.via, via.Package)
				}
			}
			users[p.Name] = append(users[p.Name], u)
		}
	}
	return func(n pypi.Name, newer pep440.Version) string {
		for _, u := range users[n] {
			if r := refusing(u.request, n, newer); r != nil {
				return fmt.Sprintf(": %s has %s (%s)", u.label, r.Requirement.String(), r.Place)
			}
		}
		if len(users[n]) == 0 {
			return ""
		}
		u := users[n][0]
		if len(u.via) == 0 {
			return fmt.Sprintf(", as %s has it", u.label)
		}
		return fmt.Sprintf(", as %s has it for %s", u.label, u.via[0])
	}
}

// refusing finds a requirement or constraint of a request, or of its path
// dependencies, that does not admit a version; nil where none is that plain.
func refusing(q *resolver.Request, n pypi.Name, v pep440.Version) *project.Requirement {
	lists := [][]project.Requirement{q.Requirements, q.Constraints, q.Overrides}
	for i := range q.Locals {
		lists = append(lists, q.Locals[i].Requirements)
		for _, x := range slices.Sorted(maps.Keys(q.Locals[i].Extras)) {
			lists = append(lists, q.Locals[i].Extras[x])
		}
	}
	for _, list := range lists {
		for i := range list {
			if r := &list[i]; r.Name == n && !r.Specifiers.Contains(v) {
				return r
			}
		}
	}
	return nil
}

// align makes the request prefer the common versions, and else what its first
// solution had; it reports whether there is anything to prefer.
func (out *outcome) align(common map[pypi.Name]pep440.Version) bool {
	if out.resolution == nil {
		return false
	}
	prefer := map[pypi.Name][]resolver.Preference{}
	other := false
	for i := range out.resolution.Packages {
		p := &out.resolution.Packages[i]
		if p.Local != nil {
			continue
		}
		if v, ok := common[p.Name]; ok {
			if prefer[p.Name] == nil {
				prefer[p.Name] = []resolver.Preference{{Version: v}}
			}
			other = other || !v.Equal(p.Version)
		}
		prefer[p.Name] = append(prefer[p.Name], resolver.Preference{Version: p.Version})
	}
	for n, v := range common {
		if prefer[n] == nil {
			prefer[n] = []resolver.Preference{{Version: v}}
		}
	}
	if other {
		out.run.request.Preferences = prefer
	}
	return other
}

// census is what the locks of a repository's services have, each read once.
type census struct {
	versions map[pypi.Name][]counted
	locks    map[string]*lockfile.Lock // by the folder of the service
}

// counted is a version and how many locks have it.
type counted struct {
	version pep440.Version
	locks   int
}

// census returns that of a workspace. It stays as it is until forgotten.
func (t *team) census(o *compileOptions, root string) (*census, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.censuses[root]; c != nil {
		return c, nil
	}
	w, err := o.workspace(root)
	if err != nil {
		return nil, err
	}
	services, err := w.Services()
	if err != nil {
		return nil, err
	}
	c := &census{map[pypi.Name][]counted{}, map[string]*lockfile.Lock{}}
	for _, s := range services {
		if s, err = w.Service(s.Dir); err != nil {
			continue // told of the service itself
		}
		lock := o.readLock(s)
		if lock == nil {
			continue
		}
		c.locks[s.Dir] = lock
		for _, pin := range lock.Pins {
			c.versions[pin.Name] = countLocks(c.versions[pin.Name], pin.Version, 1)
		}
	}
	if t.censuses == nil {
		t.censuses = map[string]*census{}
	}
	t.censuses[root] = c
	return c, nil
}

// countLocks adds n locks to those that have a version.
func countLocks(vs []counted, v pep440.Version, n int) []counted {
	i := slices.IndexFunc(vs, func(c counted) bool { return c.version.Equal(v) })
	if i < 0 {
		return append(vs, counted{v, n})
	}
	vs[i].locks += n
	return vs
}

// preferOthers adds, after a service's own pins, the versions that the locks
// of the other services have: first the one that most of them have, then the
// newest.
func (t *team) preferOthers(j *job, r *run) error {
	if j.service == nil || j.options.upgrade {
		return nil
	}
	c, err := t.census(j.options, r.project.Root)
	if err != nil {
		return err
	}
	own := map[pypi.Name][]pep440.Version{}
	if lock := c.locks[j.service.Dir]; lock != nil {
		for _, pin := range lock.Pins {
			own[pin.Name] = append(own[pin.Name], pin.Version)
		}
	}
	for name, vs := range c.versions {
		if slices.Contains(r.moved, name) {
			continue
		}
		vs = slices.Clone(vs)
		for _, v := range own[name] {
			vs = countLocks(vs, v, -1)
		}
		slices.SortFunc(vs, func(a, b counted) int {
			return cmp.Or(cmp.Compare(b.locks, a.locks), b.version.Compare(a.version))
		})
		if r.request.Preferences == nil {
			r.request.Preferences = map[pypi.Name][]resolver.Preference{}
		}
		for _, v := range vs {
			if v.locks > 0 {
				r.request.Preferences[name] = append(r.request.Preferences[name], resolver.Preference{Version: v.version})
			}
		}
	}
	return nil
}

// readLock returns the first lock of a service, or nil where it has none that
// can be read: what is wrong with it is told when it is compiled.
func (o *compileOptions) readLock(s *project.Service) *lockfile.Lock {
	path := s.LockPath()
	data, exists, err := lockfile.ReadFile(path, o.app.FS)
	if err != nil || !exists {
		return nil
	}
	lock, err := lockfile.Read(slashed(path), data)
	if err != nil {
		return nil
	}
	return lock
}
