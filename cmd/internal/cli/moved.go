package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver"
)

// has reports whether a resolution has a package of an index.
func has(res *resolver.Resolution, name pypi.Name) bool {
	return slices.ContainsFunc(res.Packages, func(p resolver.Package) bool { return p.Name == name && p.Local == nil })
}

// insist answers for the packages that --upgrade-package bounds. The search
// may meet a bound by older releases of others that do not need the package:
// that is not what moving it means. So where it is locked, and would still be
// without the bound, it is required.
func (t *team) insist(ctx context.Context, o *compileOptions, r *run, res *resolver.Resolution) (*resolver.Resolution, error) {
	var gone []project.Requirement
	for _, c := range r.bounds {
		if !has(res, c.Name) && pinsAny(r.old, []pypi.Name{c.Name}) {
			gone = append(gone, c)
		}
	}
	if len(gone) == 0 {
		return res, nil
	}
	free := *r
	free.request.Constraints = slices.DeleteFunc(slices.Clone(r.request.Constraints), func(c project.Requirement) bool {
		return slices.ContainsFunc(gone, func(g project.Requirement) bool { return g.Place == c.Place })
	})
	unbound, err := t.resolve(ctx, o, &free)
	if err != nil {
		return res, nil // the bound is what makes it solvable
	}
	gone = slices.DeleteFunc(gone, func(c project.Requirement) bool { return !has(unbound, c.Name) })
	if len(gone) == 0 {
		return res, nil
	}
	firm := *r
	firm.request.Requirements = slices.Concat(r.request.Requirements, gone)
	return t.resolve(ctx, o, &firm)
}

func pinsAny(lock *lockfile.Lock, names []pypi.Name) bool {
	return lock != nil && (slices.ContainsFunc(lock.Pins, func(p lockfile.Pin) bool { return slices.Contains(names, p.Name) }) ||
		slices.ContainsFunc(lock.Direct, func(d lockfile.Direct) bool { return slices.Contains(names, d.Name) }))
}

// noLockError says that packages of --upgrade-package are in no lock of a
// repository, where they would move nothing: more likely than that all is well
// is that a name is mistaken.
type noLockError struct {
	names []pypi.Name
	of    int
	near  pypi.Name // what the only name may have meant, or ""
}

func (e *noLockError) Error() string {
	hint := ": nothing is to be moved"
	if e.near != "" {
		hint = fmt.Sprintf(": did you mean %s?", e.near)
	}
	return fmt.Sprintf("none of %s has %s%s", count(int64(e.of), "lock"), joinNames(e.names, " or "), hint)
}

// inNoLock checks --upgrade-package over a repository: what no lock has is an
// error, and all reports whether that is every one of them. Locks that cannot be
// read are told of where they are compiled.
func (o *compileOptions) inNoLock(jobs []*job) (absent *noLockError, all bool, err error) {
	names, _, err := o.toMove()
	if err != nil {
		return nil, false, err
	}
	if len(jobs) < 2 || len(names) == 0 || o.upgrade || slices.ContainsFunc(jobs, func(j *job) bool { return j.named }) {
		return nil, false, nil
	}
	locked := map[pypi.Name]bool{}
	for _, j := range jobs {
		data, exists, err := lockfile.ReadFile(j.outputs[0], o.app.FS)
		if err != nil || !exists {
			continue
		}
		lock, err := lockfile.ReadConflicted(slashed(j.outputs[0]), data)
		if err != nil {
			return nil, false, nil
		}
		for _, p := range lock.Pins {
			locked[p.Name] = true
		}
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(n pypi.Name) bool { return locked[n] })
	if len(missing) == 0 {
		return nil, false, nil
	}
	absent = &noLockError{names: missing, of: len(jobs)}
	if n := missing[0]; len(missing) == 1 {
		best := 1 + max(1, len(n)/3)
		for _, l := range slices.Sorted(maps.Keys(locked)) {
			if d := editDistance(string(l), string(n)); d < best {
				absent.near, best = l, d
			}
		}
	}
	return absent, len(missing) == len(names), nil
}
