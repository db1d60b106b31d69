package resolver

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// unifyLocked looks for one version of each package that fell apart only
// because the scope was cut where an existing lock has several pins of
// another: a search that starts from scopes that no lock cut, with the same
// preferences, has one of it.
func (r *resolving) unifyLocked(ctx context.Context, scopes []*scope, parts []*solved) ([]*solved, error) {
	if len(r.split(parts)) == 0 {
		return parts, nil
	}
	uncut, err := r.solveParts(ctx, scopes)
	if u := (*unsolved)(nil); errors.As(err, &u) {
		return parts, nil
	}
	if err != nil {
		return nil, err
	}
	one := versionsOf(uncut)
	return r.unify(ctx, parts, func(name pypi.Name, chosen []pep440.Version) []pep440.Version {
		if len(one[name]) != 1 {
			return nil
		}
		return append(slices.Clone(one[name]), chosen...)
	})
}

// unify gives a package that has several versions over the parts one of those
// that try returns, given them, if all parts have a solution with it: one that
// keeps every other pin of the existing lock that the parts kept, and has
// fewer pins in all.
func (r *resolving) unify(ctx context.Context, parts []*solved, try func(pypi.Name, []pep440.Version) []pep440.Version) ([]*solved, error) {
	for _, name := range r.split(parts) {
		chosen := versionsOf(parts)[name]
		if len(chosen) < 2 {
			continue
		}
		tried := []pep440.Version{}
		for _, v := range try(name, chosen) {
			if slices.ContainsFunc(tried, v.Equal) {
				continue
			}
			tried = append(tried, v)
			next, err := r.with(ctx, parts, name, v)
			if err != nil {
				return nil, err
			}
			if next != nil && count(next) < count(parts) {
				parts = next
				break
			}
		}
	}
	return parts, nil
}

// split returns the packages with several versions over the parts, but for
// those of which the existing lock has several pins, or which come from several
// indexes, sorted.
func (r *resolving) split(parts []*solved) []pypi.Name {
	var out []pypi.Name
	versions := versionsOf(parts)
	for _, name := range sortedKeys(versions) {
		if len(versions[name]) > 1 && len(r.request.Preferences[name]) < 2 && !housedApart(parts, name) {
			out = append(out, name)
		}
	}
	return out
}

// with solves the parts that have another version of a package anew, that one
// preferred to all else; it returns nil if one of them cannot have it or would
// lose a pin of the existing lock.
func (r *resolving) with(ctx context.Context, parts []*solved, name pypi.Name, v pep440.Version) ([]*solved, error) {
	out := slices.Clone(parts)
	for i, s := range parts {
		was := s.versions()
		if old, ok := was[name]; !ok || old.Equal(v) {
			continue
		}
		// The rest stays as it is where it can, pre-releases too.
		q := newQuestion(r.request, s.question.scope, nil)
		q.first = maps.Clone(was)
		q.first[name] = v
		now, _, err := r.answer(ctx, q)
		if u := (*unsolved)(nil); errors.As(err, &u) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if now == nil || !r.keeps(name, v, was, now.versions()) || now.tierOf(name) > s.tierOf(name) {
			return nil, nil
		}
		out[i] = now
	}
	return out, nil
}

// keeps reports whether name is at v now, and every other package that was at
// a pin of the existing lock still is there, if it is needed at all.
func (r *resolving) keeps(name pypi.Name, v pep440.Version, was, now map[pypi.Name]pep440.Version) bool {
	for n, have := range now {
		old, ok := was[n]
		switch {
		case n == name:
			if !have.Equal(v) {
				return false
			}
		case ok && !have.Equal(old) && slices.ContainsFunc(r.request.Preferences[n], func(p Preference) bool { return p.Version.Equal(old) }):
			return false
		}
	}
	return true
}

// tierOf is the tier of the version chosen, 0 of a package that is not needed.
func (s *solved) tierOf(name pypi.Name) int {
	c, state := s.state(name)
	if state == 0 {
		return 0
	}
	return s.tier(c, state)
}

// versionsOf returns the versions of each package over the parts, in the
// order of the parts.
func versionsOf(parts []*solved) map[pypi.Name][]pep440.Version {
	out := map[pypi.Name][]pep440.Version{}
	for _, s := range parts {
		for name, v := range s.versions() {
			if !slices.ContainsFunc(out[name], v.Equal) {
				out[name] = append(out[name], v)
			}
		}
	}
	return out
}

// count returns how many pins the parts have together.
func count(parts []*solved) int {
	n := 0
	for _, vs := range versionsOf(parts) {
		n += len(vs)
	}
	return n
}
