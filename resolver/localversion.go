package resolver

import (
	"fmt"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// besideLocal looks at a release with a local version, such as 2.6+cpu, in a
// universal resolution: where it has no wheel and the release without the local
// version has a file, as on macOS, that one is taken. It returns its state where
// that is all of the scope, and a *forked error where it is a part. This is
// uv's rule. What is known of pins alone may be contested.
func (p *problem) besideLocal(id pubgrub.Package, state int, allowed pubgrub.Set) (instead int, err error) {
	c := p.nodes[id].cand
	if !p.scope.here.universal || c.local != nil || c.versions[state-1].Local() == "" {
		return state, nil
	}
	base := c.project.Release(c.versions[state-1].Public())
	if base == nil && p.fetch.pins[c.name] != nil {
		p.contested = &contested{map[pypi.Name]bool{c.name: true}} // the page may have it
		return 0, p.contested
	}
	if base == nil || base.Version.Local() != "" {
		return state, nil
	}
	instead = c.stateOf(base)
	if !allowed.Has(instead) || !c.usable(instead) {
		return state, nil
	}
	mine := p.implied(c.name, c.releases[state-1])
	rest := p.implied(c.name, base).minus(mine)
	here := p.scope.here
	switch {
	case rest.and(here).isNone():
		return state, nil
	case mine.and(here).isNone():
		return instead, nil
	}
	// Where the local one has nothing for a system, the other has all of it:
	// for the machines that neither serves, a shorter marker is as good.
	for _, sys := range []string{"darwin", "linux", "win32"} {
		whole := platformSet("sys_platform == '" + sys + "'")
		if mine.and(whole).isNone() && !rest.and(whole).isNone() {
			rest = rest.or(whole)
		}
	}
	other := here.minus(rest)
	if other.isNone() {
		return state, nil
	}
	return 0, &forked{[]where{other, here.and(rest)}}
}

// stateOf is the state of a release of the package.
func (c *candidates) stateOf(r *index.Release) int {
	for i := range c.releases {
		if c.releases[i] == r {
			return i + 1
		}
	}
	return 0
}

// implied returns where a release has a file that its environments can use, by
// platform and Python: everywhere with an sdist, else where its wheels say.
func (p *problem) implied(name pypi.Name, r *index.Release) where {
	everywhere := p.scope.stated
	out := everywhere.none()
	ignoreWheels, ignoreSdists := p.ignores(name)
	for i := range r.Files() {
		f := &r.Files()[i]
		switch {
		case !oldEnough(f, p.cutoff(name)):
		case f.IsSdist():
			if !ignoreSdists {
				return everywhere
			}
		case !ignoreWheels:
			for _, t := range f.Wheel.Tags {
				if p.pythonFits(t) {
					out = out.or(p.impliedBy(t))
				}
			}
		}
	}
	return out
}

// impliedBy returns the environments that a tag is for. Those of a pure wheel
// are all.
func (p *problem) impliedBy(t tags.Tag) where {
	return p.tagSets.get(t.Python+"-"+t.ABI+"-"+t.Platform, func() where {
		out := p.scope.stated.and(p.tagSet(t))
		impl, major, minor, ok := splitPython(t.Python)
		if !ok || minor < 0 {
			return out
		}
		text := fmt.Sprintf("python_full_version == '%d.%d.*'", major, minor)
		if t.ABI == "abi3" || t.ABI == "abi3t" {
			text = fmt.Sprintf("python_full_version >= '%d.%d'", major, minor)
		}
		if name := map[string]string{"cp": "CPython", "pp": "PyPy", "graalpy": "GraalPy"}[impl]; name != "" {
			text += " and platform_python_implementation == '" + name + "'"
		}
		m, _, err := pep508.ParseMarker(text)
		if err != nil {
			return out
		}
		return out.and(where{set: m.KnownSet(), universal: true})
	})
}
