package resolver

import (
	"fmt"

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
