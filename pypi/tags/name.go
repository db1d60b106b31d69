package tags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A platformName is one name of uv's --python-platform. Of several names for
// one platform, the first that is not an alias is the one printed.
type platformName struct {
	name     string
	platform Platform
	alias    bool
}

// platformNames lists uv 0.13.9's names in its order. macOS 13.0, Android 24
// and iOS 13.0 are uv's defaults; its variables for other versions
// (MACOSX_DEPLOYMENT_TARGET …) are not read, as a lock must not depend on the
// machine: the tag spelling (macosx_14_0_arm64) names them.
func platformNames() []platformName {
	names := []platformName{
		{"windows", Platform{os: Windows, arch: "x86_64"}, true},
		{"linux", gnu("x86_64", 28), true},
		{"macos", mac("aarch64"), true},
		{"x86_64-pc-windows-msvc", Platform{os: Windows, arch: "x86_64"}, false},
		{"aarch64-pc-windows-msvc", Platform{os: Windows, arch: "aarch64"}, false},
		{"i686-pc-windows-msvc", Platform{os: Windows, arch: "i686"}, false},
		{"x86_64-unknown-linux-gnu", gnu("x86_64", 28), true},
		{"aarch64-apple-darwin", mac("aarch64"), false},
		{"x86_64-apple-darwin", mac("x86_64"), false},
		{"aarch64-unknown-linux-gnu", gnu("aarch64", 28), true},
		{"aarch64-unknown-linux-musl", Platform{os: Linux, arch: "aarch64", libc: musl, major: 1, minor: 2}, false},
		{"x86_64-unknown-linux-musl", Platform{os: Linux, arch: "x86_64", libc: musl, major: 1, minor: 2}, false},
		{"riscv64-unknown-linux", gnu("riscv64", 39), false},
	}
	for _, arch := range []string{"x86_64", "aarch64"} {
		names = append(names, platformName{arch + "-manylinux2014", gnu(arch, 17), true})
		for _, minor := range []int{17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40} {
			names = append(names, platformName{arch + "-manylinux_2_" + strconv.Itoa(minor), gnu(arch, minor), false})
		}
	}
	return append(names,
		platformName{"aarch64-linux-android", Platform{os: Android, arch: "aarch64", major: 24}, false},
		platformName{"x86_64-linux-android", Platform{os: Android, arch: "x86_64", major: 24}, false},
		platformName{"wasm32-pyodide2024", Platform{os: Pyodide, arch: "wasm32", major: 2024}, false},
		platformName{"wasm32-pyodide2025", Platform{os: Pyodide, arch: "wasm32", major: 2025}, false},
		platformName{"arm64-apple-ios", Platform{os: IOS, arch: "aarch64", major: 13}, false},
		platformName{"arm64-apple-ios-simulator", Platform{os: IOS, arch: "aarch64", major: 13, simulator: true}, false},
		platformName{"x86_64-apple-ios-simulator", Platform{os: IOS, arch: "x86_64", major: 13, simulator: true}, false},
	)
}

func gnu(arch string, minor int) Platform {
	return Platform{os: Linux, arch: arch, libc: glibc, major: 2, minor: minor}
}

func mac(arch string) Platform {
	return Platform{os: MacOS, arch: arch, major: 13}
}

// PlatformNames returns uv's names in its order.
func PlatformNames() []string {
	names := platformNames()
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = n.name
	}
	return list
}

// ParsePlatform reads a platform's name. Accepted are PlatformNames, the
// older spellings that uv reads in settings (x8664-pc-windows-msvc,
// x8664-manylinux228, arm64-pc-windows-msvc), and platform tags as pip's
// --platform takes them, for versions without a name: manylinux_2_31_aarch64,
// manylinux2014_x86_64, musllinux_1_1_x86_64, macosx_14_0_arm64, win_amd64,
// android_21_x86_64, ios_17_2_arm64_iphoneos. The error names the nearest
// names.
func ParsePlatform(name string) (Platform, error) {
	names := platformNames()
	plain := modernName(name)
	for _, n := range names {
		if n.name == plain {
			return n.platform, nil
		}
	}
	if p, ok := parseTagPlatform(name); ok {
		return p, nil
	}
	return Platform{}, fmt.Errorf("unknown platform %q: use %s", clip(name), strings.Join(nearest(name, names), ", "))
}

// modernName rewrites the spellings that only uv's settings know.
func modernName(name string) string {
	if name == "arm64-pc-windows-msvc" {
		return "aarch64-pc-windows-msvc"
	}
	if rest, ok := strings.CutPrefix(name, "x8664-"); ok {
		name = "x86_64-" + rest
	}
	arch, version, ok := strings.Cut(name, "-manylinux2")
	if ok && len(version) == 2 {
		return arch + "-manylinux_2_" + version
	}
	return name
}

// String returns the name of p, that of uv where it has one, else the
// platform tag; ParsePlatform reads it back.
func (p Platform) String() string {
	for _, n := range platformNames() {
		if !n.alias && n.platform == p {
			return n.name
		}
	}
	switch p.os {
	case Linux:
		if p.libc == musl {
			return fmt.Sprintf("musllinux_%d_%d_%s", p.major, p.minor, p.arch)
		}
		return fmt.Sprintf("manylinux_%d_%d_%s", p.major, p.minor, p.arch)
	case Windows:
		return windowsTag(p.arch)
	case MacOS:
		return fmt.Sprintf("macosx_%d_%d_%s", p.major, p.minor, iosArch(p.arch))
	case Android:
		return fmt.Sprintf("android_%d_%s", p.major, androidABI(p.arch))
	case IOS:
		return p.iosTags()[0]
	case Pyodide:
		return fmt.Sprintf("pyodide_%d_%d_wasm32", p.major, p.minor)
	}
	return ""
}

// maxPlatformVersion bounds each number of a platform's version, so that a
// list of tags stays short.
const maxPlatformVersion = 255

// parseTagPlatform reads a platform tag as the least platform that supports
// it.
func parseTagPlatform(tag string) (Platform, bool) {
	kind, rest, _ := strings.Cut(tag, "_")
	switch kind {
	case "win32":
		return Platform{os: Windows, arch: "i686"}, tag == kind
	case "win":
		switch rest {
		case "amd64":
			return Platform{os: Windows, arch: "x86_64"}, true
		case "arm64":
			return Platform{os: Windows, arch: "aarch64"}, true
		}
		return Platform{}, false
	case "manylinux1":
		return gnu(rest, 5), isLinuxArch(rest)
	case "manylinux2010":
		return gnu(rest, 12), isLinuxArch(rest)
	case "manylinux2014":
		return gnu(rest, 17), isLinuxArch(rest)
	}
	major, rest, ok := leadingNumber(rest)
	isYear := strings.HasPrefix(kind, "py") && 2000 <= major && major < 2100
	if !ok || major > maxPlatformVersion && !isYear {
		return Platform{}, false
	}
	if kind == "android" {
		for _, arch := range []string{"aarch64", "x86_64", "armv7l", "i686"} {
			if androidABI(arch) == rest {
				return Platform{os: Android, arch: arch, major: major}, major >= oldestAndroid
			}
		}
		return Platform{}, false
	}
	minor, rest, ok := leadingNumber(rest)
	if !ok || minor > maxPlatformVersion {
		return Platform{}, false
	}
	switch kind {
	case "manylinux":
		return gnu(rest, minor), major == 2 && isLinuxArch(rest)
	case "musllinux":
		return Platform{os: Linux, arch: rest, libc: musl, major: major, minor: minor}, major == 1 && isLinuxArch(rest)
	case "macosx":
		arch := map[string]string{"arm64": "aarch64", "x86_64": "x86_64", "i386": "i386"}[rest]
		p := Platform{os: MacOS, arch: arch, major: major, minor: minor}
		return p, arch != "" && (major > 10 || major == 10 && minor <= 16)
	case "ios":
		arch, sdk, _ := cutLast(rest, "_")
		p := Platform{os: IOS, arch: arch, major: major, minor: minor, simulator: sdk == "iphonesimulator"}
		if arch == "arm64" {
			p.arch = "aarch64"
		}
		ok := arch == "arm64" && sdk == "iphoneos" || (arch == "arm64" || arch == "x86_64") && p.simulator
		return p, ok && major >= oldestIOS
	case "pyodide", "pyemscripten":
		return Platform{os: Pyodide, arch: rest, major: major, minor: minor}, rest == "wasm32"
	}
	return Platform{}, false
}

func isLinuxArch(arch string) bool {
	switch arch {
	case "x86_64", "aarch64", "i686", "armv7l", "ppc64le", "s390x", "riscv64", "loongarch64":
		return true
	}
	return false
}

// leadingNumber reads "17_rest" as 17, "rest".
func leadingNumber(s string) (n int, rest string, ok bool) {
	digits, rest, ok := strings.Cut(s, "_")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || strconv.Itoa(n) != digits || n < 0 {
		return 0, "", false
	}
	return n, rest, true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// farAway is more than any edit distance of a name.
const farAway = 1000

// traits are what a text says of the processor and the system, in whatever
// words: both "" where it says nothing.
func traits(text string) (arch, system string) {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case has("x86_64", "x8664", "x86-64", "amd64", "x64"):
		arch = "x86_64"
	case has("aarch64", "arm64"):
		arch = "aarch64"
	}
	switch {
	case has(musl, "alpine"):
		system = musl
	case has("darwin", "mac", "osx", "apple") && !has("ios"):
		system = string(MacOS)
	case has("win"):
		system = string(Windows)
	case has("linux", "gnu", glibc) && !has("android"):
		system = string(Linux)
	}
	return arch, system
}

// nearest returns four names: those of the system and the processor that the
// text speaks of first, and of these the ones with the least edit distance; a
// name that contains the text, or is contained in it, counts as near.
func nearest(text string, names []platformName) []string {
	const shown = 4
	text = strings.ToLower(clip(text))
	type near struct {
		name     string
		distance int
	}
	list := make([]near, len(names))
	arch, system := traits(text)
	for i, n := range names {
		d := editDistance(text, n.name)
		if len(text) > 2 && (strings.Contains(n.name, text) || strings.Contains(text, n.name)) {
			d = min(d, 3)
		}
		_, its := traits(n.name)
		if arch != "" && arch != n.platform.arch {
			d += farAway
		}
		if system != "" && system != its {
			d += 2 * farAway
		}
		list[i] = near{n.name, d}
	}
	slices.SortStableFunc(list, func(a, b near) int { return a.distance - b.distance })
	result := make([]string, shown)
	for i := range result {
		result[i] = list[i].name
	}
	return result
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
