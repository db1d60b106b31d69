package cli

import (
	"cmp"
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

// preferOthers adds, after a service's own pins, the versions that the locks
// of the other services have: first the one that most of them have, then the
// newest.
func (o *compileOptions) preferOthers(j *job, r *run) error {
	if j.service == nil || o.upgrade {
		return nil
	}
	w, err := o.workspace(r.project.Root)
	if err != nil {
		return err
	}
	services, err := w.Services()
	if err != nil {
		return err
	}
	type version struct {
		version pep440.Version
		locks   int
	}
	seen := map[pypi.Name][]version{}
	for _, s := range services {
		if s.Dir == j.service.Dir {
			continue
		}
		if s, err = w.Service(s.Dir); err != nil {
			return err
		}
		lock := o.readLock(s)
		if lock == nil {
			continue
		}
		for _, pin := range lock.Pins {
			vs := seen[pin.Name]
			if i := slices.IndexFunc(vs, func(v version) bool { return v.version.Equal(pin.Version) }); i >= 0 {
				vs[i].locks++
			} else {
				seen[pin.Name] = append(vs, version{pin.Version, 1})
			}
		}
	}
	for name, vs := range seen {
		if slices.Contains(r.moved, name) {
			continue
		}
		slices.SortFunc(vs, func(a, b version) int {
			return cmp.Or(cmp.Compare(b.locks, a.locks), b.version.Compare(a.version))
		})
		if r.request.Preferences == nil {
			r.request.Preferences = map[pypi.Name][]resolver.Preference{}
		}
		for _, v := range vs {
			r.request.Preferences[name] = append(r.request.Preferences[name], resolver.Preference{Version: v.version})
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
