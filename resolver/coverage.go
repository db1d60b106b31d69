package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

// edge is one way in which a package came to be asked for.
type edge struct {
	parent pubgrub.Package
	state  int // the parent's version that asks
	in     where
}

// requireFiles sees to the environments that a universal resolution must have
// a file for: where the release has none and the package is needed, the scope
// is split there, or, if it is no larger, the release is excluded.
func (p *problem) requireFiles(id pubgrub.Package, state int) ([]pubgrub.Clause, error) {
	if !p.scope.here.universal || len(p.RequiredEnvironments) == 0 {
		return nil, nil
	}
	c := p.nodes[id].cand
	if c.local != nil {
		return nil, nil
	}
	covered := p.covers(c.name, c.releases[state-1])
	for _, m := range p.RequiredEnvironments {
		env := p.scope.holds(m, "")
		if env.isNone() || !covered.and(env).isNone() || p.needed(id, map[pubgrub.Package]bool{}).and(env).isNone() {
			continue
		}
		rest := p.scope.here.minus(env)
		if rest.isNone() {
			return p.exclude(id, p.exclusion(state, noMatchingFile, "none for "+m.String())), nil
		}
		return nil, &forked{[]where{rest, env}}
	}
	return nil, nil
}

// needed returns where the decisions made so far ask for a package.
func (p *problem) needed(id pubgrub.Package, seen map[pubgrub.Package]bool) where {
	out := p.scope.here.none()
	if seen[id] {
		return out
	}
	seen[id] = true
	for _, e := range p.edges[id] {
		switch {
		case e.parent == pubgrub.Root:
			out = out.or(e.in)
		case p.state != nil && p.state.Version(e.parent) == e.state:
			out = out.or(e.in.and(p.needed(e.parent, seen)))
		}
	}
	delete(seen, id)
	return out
}

// covers returns where a release has a file: everywhere with an sdist, else
// where its wheels say.
func (p *problem) covers(name pypi.Name, r *index.Release) where {
	out := p.scope.here.none()
	for i := range r.Files() {
		f := &r.Files()[i]
		if !oldEnough(f, p.cutoff(name)) {
			continue
		}
		if f.IsSdist() {
			return p.scope.here
		}
		for _, t := range f.Wheel.Tags {
			if p.pythonFits(t) {
				out = out.or(p.tagSet(t))
			}
		}
	}
	return out
}

// tagSet returns the environments that a wheel's tag speaks of, as far as
// markers can tell.
func (p *problem) tagSet(t tags.Tag) where {
	return p.tagSets.get(t.Platform, func() where {
		if text := platformMarker(t.Platform); text != "" {
			return platformSet(text)
		}
		return p.scope.here
	})
}

// platformSet returns the environments of a platformMarker.
func platformSet(text string) where {
	m, _, err := pep508.ParseMarker(text)
	if text == "" || err != nil {
		return where{universal: true}
	}
	return where{set: m.KnownSet(), universal: true}
}

// platformMarker is the reverse of a platform's tags: "" for any platform.
func platformMarker(tag string) string {
	machines := func(system string, names ...string) string {
		for i, n := range names {
			names[i] = fmt.Sprintf("platform_machine == '%s'", n)
		}
		return fmt.Sprintf("sys_platform == '%s' and (%s)", system, strings.Join(names, " or "))
	}
	switch {
	case tag == "any":
		return ""
	case tag == "win32":
		return machines("win32", "x86")
	case tag == "win_amd64":
		return machines("win32", "AMD64", "x86_64")
	case tag == "win_arm64":
		return machines("win32", "ARM64")
	case strings.HasPrefix(tag, "macosx_"):
		switch {
		case strings.HasSuffix(tag, "_universal2"):
			return machines("darwin", "x86_64", "arm64")
		case strings.HasSuffix(tag, "_arm64"):
			return machines("darwin", "arm64")
		case strings.HasSuffix(tag, "_x86_64"), strings.HasSuffix(tag, "_intel"), strings.HasSuffix(tag, "_universal"), strings.HasSuffix(tag, "_fat64"):
			return machines("darwin", "x86_64")
		}
	case strings.HasPrefix(tag, "linux_"), strings.HasPrefix(tag, "manylinux"), strings.HasPrefix(tag, "musllinux_"):
		arches := []string{"x86_64", "aarch64", "i686", "armv7l", "armv6l", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64"}
		if i := slices.IndexFunc(arches, func(a string) bool { return strings.HasSuffix(tag, "_"+a) }); i >= 0 {
			return machines("linux", arches[i])
		}
	}
	return "python_version < '0'"
}
