package tags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An OS is the operating system of a platform, in uv's spelling.
type OS string

// The operating systems that uv's platform names cover.
const (
	Linux   OS = "linux"
	Windows OS = "windows"
	MacOS   OS = "macos"
	Android OS = "android"
	IOS     OS = "ios"
	Pyodide OS = "pyodide"
)

// A Platform is the operating system, its version and the processor of a
// target. It is comparable: two names of the same platform give equal values.
// Make one with ParsePlatform; the zero Platform supports only pure Python.
type Platform struct {
	os   OS
	arch string
	libc string
	// The version of glibc, musl, macOS, iOS or Pyodide; major alone is
	// Android's API level.
	major, minor int
	simulator    bool
}

// Libc is the C library of a Linux platform.
type Libc struct {
	Name         string // glibc, musl or, outside Linux, ""
	Major, Minor int
}

// OS returns the operating system.
func (p Platform) OS() OS { return p.os }

// Arch returns the processor as Linux names it on every system: x86_64,
// aarch64, i686, armv7l, ppc64le, s390x, riscv64, loongarch64, wasm32, and
// i386 for old Macs.
func (p Platform) Arch() string { return p.arch }

// Libc returns the C library; the zero Libc outside Linux.
func (p Platform) Libc() Libc {
	if p.os != Linux {
		return Libc{}
	}
	return Libc{p.libc, p.major, p.minor}
}

// UsualLibc reports whether the C library of a Linux platform is the one that a
// name without a version stands for: that of x86_64-unknown-linux-gnu, say.
func (p Platform) UsualLibc() bool {
	return slices.ContainsFunc(platformNames(), func(n platformName) bool {
		return n.platform == p && strings.Contains(n.name, "-unknown-linux")
	})
}

// Version returns the version of macOS, iOS or Pyodide, Android's API level,
// or that of Linux' C library; 0, 0 on Windows.
func (p Platform) Version() (major, minor int) { return p.major, p.minor }

// IsZero reports whether p is the zero Platform.
func (p Platform) IsZero() bool { return p == Platform{} }

const (
	glibc = "glibc"
	musl  = "musl"
)

// Tags returns the platform tags that p supports, best first, without "any".
func (p Platform) Tags() []string {
	switch p.os {
	case Linux:
		return p.linuxTags()
	case Windows:
		return []string{windowsTag(p.arch)}
	case MacOS:
		return p.macTags()
	case Android:
		var ts []string
		for level := p.major; level >= oldestAndroid; level-- {
			ts = append(ts, "android_"+strconv.Itoa(level)+"_"+androidABI(p.arch))
		}
		return ts
	case IOS:
		return p.iosTags()
	case Pyodide:
		version := strconv.Itoa(p.major) + "_" + strconv.Itoa(p.minor)
		return []string{"pyemscripten_" + version + "_wasm32", "pyodide_" + version + "_wasm32"}
	}
	return nil
}

func (p Platform) linuxTags() []string {
	ts := []string{"linux_" + p.arch}
	if p.libc == musl {
		for minor := p.minor; minor >= 0; minor-- {
			ts = append(ts, fmt.Sprintf("musllinux_%d_%d_%s", p.major, minor, p.arch))
		}
		return ts
	}
	for minor := p.minor; minor >= oldestGlibc(p.arch); minor-- {
		ts = append(ts, fmt.Sprintf("manylinux_%d_%d_%s", p.major, minor, p.arch))
		if legacy := legacyManylinux(minor); legacy != "" {
			ts = append(ts, legacy+"_"+p.arch)
		}
	}
	return ts
}

// oldestGlibc is the least minor version of glibc 2 with manylinux tags.
func oldestGlibc(arch string) int {
	if arch == "x86_64" || arch == "i686" {
		return 5
	}
	return 17
}

// legacyManylinux names the tag that PEP 600 makes an alias of glibc 2.minor.
func legacyManylinux(minor int) string {
	switch minor {
	case 17:
		return "manylinux2014"
	case 12:
		return "manylinux2010"
	case 5:
		return "manylinux1"
	}
	return ""
}

// macTags follows the numbering of macOS: 10.x up to 2020, whole numbers
// since 11. Programs for 10.x still run on 11 and later, arm64 ones only
// inside universal2.
func (p Platform) macTags() []string {
	var ts []string
	add := func(major, minor int, formats []string) {
		for _, format := range formats {
			ts = append(ts, fmt.Sprintf("macosx_%d_%d_%s", major, minor, format))
		}
	}
	if p.major == 10 {
		for minor := p.minor; minor >= 0; minor-- {
			add(10, minor, macFormats(p.arch, minor))
		}
		return ts
	}
	for major := p.major; major > 10; major-- {
		add(major, 0, macFormats(p.arch, 16))
	}
	for minor := 16; minor > 3; minor-- {
		if p.arch == "x86_64" {
			add(10, minor, macFormats(p.arch, minor))
		} else {
			add(10, minor, []string{"universal2"})
		}
	}
	return ts
}

// macFormats returns the kinds of binary that an arch runs on macOS 10.minor
// and later.
func macFormats(arch string, minor int) []string {
	switch {
	case arch == "aarch64":
		return []string{"arm64", "universal2"}
	case minor < 4:
		return nil
	case arch == "x86_64":
		return []string{"x86_64", "intel", "fat64", "fat3", "universal2", "universal"}
	case arch == "i386":
		return []string{"i386", "intel", "fat3", "fat", "universal"}
	}
	return nil
}

// iosTags goes down to 12.0, the first iOS that runs CPython; each release
// before the current one is taken to have ten minor versions, as packaging
// does.
func (p Platform) iosTags() []string {
	var ts []string
	sdk := iosArch(p.arch) + "_iphoneos"
	if p.simulator {
		sdk = iosArch(p.arch) + "_iphonesimulator"
	}
	last := p.minor
	for major := p.major; major >= oldestIOS; major-- {
		for minor := last; minor >= 0; minor-- {
			ts = append(ts, fmt.Sprintf("ios_%d_%d_%s", major, minor, sdk))
		}
		last = 9
	}
	return ts
}

const (
	oldestAndroid = 16 // API level
	oldestIOS     = 12 // major version
)

func windowsTag(arch string) string {
	switch arch {
	case "x86_64":
		return "win_amd64"
	case "aarch64":
		return "win_arm64"
	}
	return "win32"
}

func androidABI(arch string) string {
	switch arch {
	case "aarch64":
		return "arm64_v8a"
	case "armv7l":
		return "armeabi_v7a"
	case "i686":
		return "x86"
	}
	return arch
}

func iosArch(arch string) string {
	if arch == "aarch64" {
		return "arm64"
	}
	return arch
}

// Markers are the marker variables that a platform decides. Release and
// version are empty, as a target is no running system; Pyodide's are those of
// its Emscripten.
type Markers struct {
	OSName          string // os_name
	SysPlatform     string // sys_platform
	PlatformSystem  string // platform_system
	PlatformMachine string // platform_machine
	PlatformRelease string // platform_release
	PlatformVersion string // platform_version
}

// Markers returns the values that a Python on p reports, which are those of
// uv's platforms but for platform_machine on 64-bit Windows: Python, and so pip,
// says AMD64 there. See UVMarkers.
func (p Platform) Markers() Markers {
	m := Markers{OSName: "posix", PlatformMachine: p.arch}
	switch p.os {
	case Linux:
		m.SysPlatform, m.PlatformSystem = "linux", "Linux"
	case Windows:
		m.OSName, m.SysPlatform, m.PlatformSystem = "nt", "win32", "Windows"
		switch p.arch {
		case "x86_64":
			m.PlatformMachine = "AMD64"
		case "aarch64":
			m.PlatformMachine = "ARM64"
		case "i686":
			m.PlatformMachine = "x86"
		}
	case MacOS:
		m.SysPlatform, m.PlatformSystem = "darwin", "Darwin"
		m.PlatformMachine = iosArch(p.arch)
	case Android:
		m.SysPlatform, m.PlatformSystem = "android", "Android"
	case IOS:
		m.SysPlatform, m.PlatformSystem = "ios", "iOS"
		m.PlatformMachine = iosArch(p.arch)
	case Pyodide:
		m.SysPlatform, m.PlatformSystem = "emscripten", "Emscripten"
		m.PlatformVersion = "#1"
		m.PlatformRelease = emscriptenRelease(p.major)
	}
	return m
}

// UVMarkers returns what uv 0.13.9 takes p's marker variables to be: Markers,
// with platform_machine x86_64 on 64-bit Windows.
func (p Platform) UVMarkers() Markers {
	m := p.Markers()
	if p.os == Windows && p.arch == "x86_64" {
		m.PlatformMachine = "x86_64"
	}
	return m
}

// emscriptenRelease is the compiler that Pyodide's ABI of a year fixes.
func emscriptenRelease(year int) string {
	switch year {
	case 2024:
		return "3.1.58"
	case 2025:
		return "4.0.9"
	}
	return ""
}
