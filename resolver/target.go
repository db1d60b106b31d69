package resolver

import (
	"fmt"
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
	return fmt.Sprintf("CPython %d.%d on %s (%s)", major, minor, t.Platform.OS(), t.Platform.Arch())
}

// TargetNames names several targets, those of one Python and system together:
// "CPython 3.12 on linux (x86_64, aarch64)".
func TargetNames(ts []Target) string {
	var order []string
	arches := map[string][]string{}
	for _, t := range ts {
		major, minor := t.majorMinor()
		system := string(t.Platform.OS())
		if t.Platform.Libc().Name == "musl" {
			system = "musl linux"
		}
		k := fmt.Sprintf("CPython %d.%d on %s", major, minor, system)
		if arches[k] == nil {
			order = append(order, k)
		}
		arches[k] = append(arches[k], t.Platform.Arch())
	}
	for i, k := range order {
		order[i] = fmt.Sprintf("%s (%s)", k, strings.Join(arches[k], ", "))
	}
	return strings.Join(order, "; ")
}
