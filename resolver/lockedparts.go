package resolver

import "slices"

// lost counts the pins of the existing lock that no part has.
func (r *resolving) lost(parts []*solved) int {
	n := 0
	versions := versionsOf(parts)
	for name, pins := range r.request.Preferences {
		for _, p := range pins {
			if !slices.ContainsFunc(versions[name], p.Version.Equal) {
				n++
			}
		}
	}
	return n
}

// maxLockedParts bounds the parts taken over from an existing lock.
const maxLockedParts = 32

// lockedParts splits scopes where an existing lock has at least so many
// pins of a package. What was locked apart is preferred apart: a lock that is
// fed back comes out as it went in. What is solved first comes last.
func (r *resolving) lockedParts(scopes []*scope, least int) []*scope {
	var out []*scope
	for _, sc := range scopes {
		out = append(out, r.lockedPartsOf(sc, least)...)
	}
	slices.SortStableFunc(out, func(a, b *scope) int { return r.request.compareTurns(a.lower, b.lower) })
	return out
}

func (r *resolving) lockedPartsOf(whole *scope, least int) []*scope {
	parts := []where{whole.here}
	for _, name := range sortedKeys(r.request.Preferences) {
		pins := r.request.Preferences[name]
		if len(pins) < least {
			continue
		}
		for _, pin := range pins {
			in := whole.holds(pin.Marker, "")
			if next := cut(parts, in); len(next) <= maxLockedParts {
				parts = next
			}
		}
	}
	out := make([]*scope, len(parts))
	for i, part := range parts {
		out[i] = whole.narrow(part)
	}
	return out
}
