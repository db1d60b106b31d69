package cli

import (
	"fmt"
	"slices"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver"
)

// toMove reads the values of --upgrade-package: the packages, and those with a
// specifier.
func (o *compileOptions) toMove() (names []pypi.Name, bounds []project.Requirement, err error) {
	for _, s := range o.upgradePackages {
		req, _, err := pep508.ParseRequirement(s)
		if err != nil {
			return nil, nil, usagef("--upgrade-package %q: %w", s, err)
		}
		if req.URL != "" || !req.Marker.IsTrivial() {
			return nil, nil, usagef("--upgrade-package %q: want a name, or a name with versions such as httpx<1", s)
		}
		names = append(names, req.Name)
		if len(req.Specifiers) > 0 {
			req.Extras = nil
			bounds = append(bounds, project.Requirement{Requirement: req, Text: s, Place: project.Place{File: "--upgrade-package " + s}})
		}
	}
	return names, bounds, nil
}

// prepareMoves settles what --upgrade-package lets go.
func (o *compileOptions) prepareMoves(r *run) error {
	var err error
	if r.moved, r.bounds, err = o.toMove(); err != nil {
		return err
	}
	r.request.Constraints = append(r.request.Constraints, r.bounds...)
	r.request.Moves = append(r.request.Moves, r.bounds...)
	return nil
}

// readOld reads the existing lock of a run: its pins are kept unless an upgrade
// is asked for.
func (o *compileOptions) readOld(r *run) error {
	if r.output == "" {
		return nil
	}
	data, exists, err := lockfile.ReadFile(r.output, o.app.FS)
	if err != nil || !exists {
		return err
	}
	old, err := lockfile.ReadConflicted(slashed(r.output), data)
	if err != nil {
		if o.upgrade {
			return nil
		}
		return fmt.Errorf("%w\nthe existing lock cannot be read: remove it, or use --upgrade to lock anew", err)
	}
	r.old, r.before = old, data
	if o.upgrade {
		return nil
	}
	r.build.Old, r.build.Refresh = old, r.moved
	r.request.Preferences = map[pypi.Name][]resolver.Preference{}
	for _, pin := range old.Pins {
		if slices.Contains(r.moved, pin.Name) {
			continue
		}
		keep := resolver.Preference{Version: pin.Version, Hashes: pin.Hashes}
		if m := pin.Environments(); m != "" {
			if keep.Marker, _, err = pep508.ParseMarker(m); err != nil {
				return &project.InputError{Place: pin.Place, Msg: err.Error()}
			}
		}
		r.request.Preferences[pin.Name] = append(r.request.Preferences[pin.Name], keep)
	}
	return nil
}
