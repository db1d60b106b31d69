package resolver

import "github.com/pylock-dev/pylock/pypi/pep508"

// Applies reports whether a marker holds in any environment of the request.
func (r *Request) Applies(m pep508.Marker) (bool, error) {
	s, err := newScope(r)
	if err != nil {
		return false, err
	}
	return !s.holds(m, "").isNone(), nil
}
