package cli

import (
	"context"
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
	return lock != nil && slices.ContainsFunc(lock.Pins, func(p lockfile.Pin) bool { return slices.Contains(names, p.Name) })
}
