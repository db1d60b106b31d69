package lockfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// Scope says where a lock can be installed. Installers of PEP 751 refuse it
// elsewhere.
type Scope struct {
	// Environments are markers of which exactly one holds; none for everywhere.
	// They do not overlap, as the PEP asks.
	Environments []string
	// RequiresPython is a lower bound such as ">=3.12"; "" for none.
	RequiresPython string
	// Pythons are the versions that are resolved for, or the lowest of them.
	Pythons []pep440.Version
}

// ScopeOf returns the scope of what a request resolves. C libraries are beyond
// markers: a lock for musl has the environments of one for glibc.
func ScopeOf(q *resolver.Request) (Scope, error) {
	if q.Universal {
		return universalScope(q.LowestPython, q.RequiresPython, q.Environments)
	}
	return targetScope(q.Targets), nil
}

func targetScope(targets []resolver.Target) Scope {
	var s Scope
	for _, t := range targets {
		e := t.Environment()
		s.Environments = append(s.Environments, fmt.Sprintf("platform_machine == '%s' and python_version == '%s' and sys_platform == '%s'",
			e.PlatformMachine, e.PythonVersion, e.SysPlatform))
		s.Pythons = append(s.Pythons, t.Python)
	}
	slices.Sort(s.Environments)
	s.Environments = slices.Compact(s.Environments)
	if len(s.Pythons) > 0 {
		s.RequiresPython = ">=" + slices.MinFunc(s.Pythons, pep440.Version.Compare).String()
	}
	return s
}

func universalScope(lowest pep440.Version, requires pep440.Specifiers, environments []pep508.Marker) (Scope, error) {
	if lowest.IsZero() {
		if low, _, ok := requires.Set().Lower(); ok {
			lowest = low.Base()
		}
	}
	var s Scope
	here := pep508.Marker{}.Set()
	if !lowest.IsZero() {
		s.Pythons = []pep440.Version{lowest}
		s.RequiresPython = ">=" + lowest.String()
		here = pep508.RequiresPython(pep440.Specifiers{{Op: pep440.GreaterEqual, Version: lowest, Text: lowest.String()}})
	}
	possible := pep508.Possible()
	here = here.And(possible)
	taken := here.And(here.Not())
	for _, m := range environments {
		set := m.AppliesSet().And(here).And(taken.Not())
		if set.IsFalse() {
			continue
		}
		taken = taken.Or(set)
		// os_name goes where sys_platform says it all.
		if less := set.WithoutOSName(); less.And(possible).Equal(set) {
			set = less
		}
		marker, err := set.Simplify(here).Marker()
		if err != nil {
			return s, fmt.Errorf("environments: %s: %w", m, err)
		}
		if marker.IsTrivial() {
			return Scope{RequiresPython: s.RequiresPython, Pythons: s.Pythons}, nil
		}
		s.Environments = append(s.Environments, marker.Set().String())
	}
	slices.Sort(s.Environments)
	return s, nil
}

// scopeOfTarget reads what [Lock.Target] returns. It is the zero Scope for
// text that pylock did not write.
func scopeOfTarget(text string) Scope {
	if low, rest, ok := strings.Cut(strings.TrimPrefix(text, "CPython "), " and newer "); ok {
		v, err := pep440.Parse(low)
		if err != nil {
			return Scope{}
		}
		var markers []pep508.Marker
		if where, narrow := strings.CutPrefix(rest, "where "); narrow {
			for _, part := range strings.Split(where, ", or where ") {
				m, _, err := pep508.ParseMarker(part)
				if err != nil {
					return Scope{}
				}
				markers = append(markers, m)
			}
		}
		s, err := universalScope(v, nil, markers)
		if err != nil {
			return Scope{}
		}
		return s
	}
	var targets []resolver.Target
	for _, part := range strings.Split(text, "; ") {
		python, rest, ok := strings.Cut(strings.TrimPrefix(part, "CPython "), " on ")
		v, err := pep440.Parse(python)
		system, arches, ok2 := strings.Cut(strings.TrimSuffix(rest, ")"), " (")
		suffix := map[string]string{"linux": "unknown-linux-gnu", "musl linux": "unknown-linux-musl", "macos": "apple-darwin", "windows": "pc-windows-msvc"}[withoutLevel(system)]
		if !ok || !ok2 || err != nil || suffix == "" {
			return Scope{}
		}
		for _, arch := range strings.Split(arches, ", ") {
			p, err := tags.ParsePlatform(arch + "-" + suffix)
			if err != nil {
				return Scope{}
			}
			targets = append(targets, resolver.Target{Python: v, Platform: p})
		}
	}
	return targetScope(targets)
}

var libcLevel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b(glibc|musl) [0-9]+\.[0-9]+ linux\b`) })

// withoutLevel takes the version of the C library out of the name of a target, or
// of a system: "glibc 2.17 linux" becomes "linux", "musl 1.1 linux" "musl linux".
func withoutLevel(text string) string {
	return libcLevel().ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, "musl") {
			return "musl linux"
		}
		return "linux"
	})
}

// sameTarget compares what a header says that a lock is for with what it should
// say; the order is no matter. A lock that tells no version of a C library may be
// for that of want, since pylock has not always told it: then it is vague.
func sameTarget(got, want string) (same, vague bool) {
	a, b := eachTarget(got), eachTarget(want)
	if slices.Equal(a, b) {
		return true, false
	}
	vague = got == withoutLevel(got) && slices.Equal(a, eachTarget(withoutLevel(want)))
	return vague, vague
}

// eachTarget takes apart what [resolver.TargetNames] says, in an order of its own.
func eachTarget(text string) []string {
	if strings.Contains(text, " and newer ") {
		return []string{text}
	}
	var out []string
	for _, part := range strings.Split(text, "; ") {
		system, arches, ok := strings.Cut(strings.TrimSuffix(part, ")"), " (")
		if !ok {
			return []string{text}
		}
		for _, arch := range strings.Split(arches, ", ") {
			out = append(out, system+" "+arch)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// targetPythons returns the Pythons of a target: "CPython 3.12".
func targetPythons(text string) []string {
	var out []string
	for _, t := range eachTarget(text) {
		python, _, _ := strings.Cut(t, " on ")
		python, _, _ = strings.Cut(python, " and newer")
		out = append(out, python)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
