package resolver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
)

// Target is the environment that a lock is for: CPython of one version on
// one platform. It never depends on the machine that resolves.
type Target struct {
	// Python is the full version; 3.12 means 3.12.0.
	Python   pep440.Version
	Platform tags.Platform
}

// Environment returns the marker variables of the target.
func (t Target) Environment() pep508.Environment {
	m := t.Platform.Markers()
	major, minor := t.majorMinor()
	full := t.Python.String()
	if len(t.Python.Release()) < 3 {
		full = fmt.Sprintf("%d.%d.0", major, minor)
	}
	return pep508.Environment{
		ImplementationName: "cpython", ImplementationVersion: full, PlatformPythonImplementation: "CPython",
		OSName: m.OSName, SysPlatform: m.SysPlatform, PlatformSystem: m.PlatformSystem, PlatformMachine: m.PlatformMachine,
		PlatformRelease: m.PlatformRelease, PlatformVersion: m.PlatformVersion,
		PythonFullVersion: full, PythonVersion: fmt.Sprintf("%d.%d", major, minor),
	}
}

// Tags returns the wheel tags that the target supports, best first.
func (t Target) Tags() *tags.Compatible {
	major, minor := t.majorMinor()
	return tags.For(tags.Python{Implementation: "cp", Major: major, Minor: minor}, t.Platform)
}

func (t Target) majorMinor() (major, minor int) {
	r := t.Python.Release()
	major = r[0]
	if len(r) > 1 {
		minor = r[1]
	}
	return major, minor
}

// String names the target as the header of a lock does.
func (t Target) String() string {
	major, minor := t.majorMinor()
	return fmt.Sprintf("CPython %d.%d on %s (%s)", major, minor, t.system(), t.Platform.Arch())
}

// system names the operating system, with what tells its C library apart from
// the usual one: "linux", "glibc 2.17 linux", "musl linux", "musl 1.1 linux".
func (t Target) system() string {
	system, libc := string(t.Platform.OS()), t.Platform.Libc()
	switch {
	case libc.Name != "" && !t.Platform.UsualLibc():
		return fmt.Sprintf("%s %d.%d %s", libc.Name, libc.Major, libc.Minor, system)
	case libc.Name == "musl":
		return "musl " + system
	}
	return system
}

// TargetNames names several targets, those of one Python and system together,
// x86_64 first: "CPython 3.12 on linux (x86_64, aarch64)". Their order is no
// matter.
func TargetNames(ts []Target) string {
	var order []string
	arches := map[string][]string{}
	for _, t := range ts {
		major, minor := t.majorMinor()
		k := fmt.Sprintf("CPython %d.%d on %s", major, minor, t.system())
		if arches[k] == nil {
			order = append(order, k)
		}
		arches[k] = append(arches[k], t.Platform.Arch())
	}
	for i, k := range order {
		slices.SortFunc(arches[k], func(a, b string) int {
			return cmp.Or(cmp.Compare(archRank(a), archRank(b)), cmp.Compare(a, b))
		})
		order[i] = fmt.Sprintf("%s (%s)", k, strings.Join(arches[k], ", "))
	}
	return strings.Join(order, "; ")
}

func archRank(arch string) int {
	if arch == "x86_64" {
		return 0
	}
	return 1
}
