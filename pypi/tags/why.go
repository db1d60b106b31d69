package tags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Why says in a few words why none of a wheel's tags is supported, or "" when
// one is. It names the nearest miss alone: the Python if some tag fits the
// platform ("needs CPython 3.9"), else the platform ("only macOS wheels", "needs
// glibc 2.34"), and both only if no tag fits either. The tags of several wheels,
// joined, give the reason that holds for all of them.
func (c *Compatible) Why(ts []Tag) string {
	if _, ok := c.Rank(ts); ok {
		return ""
	}
	var platformFits, pythonFits []Tag
	for _, t := range ts {
		_, fits := c.platformRank[t.Platform]
		if fits || t.Platform == "any" {
			platformFits = append(platformFits, t)
		}
		_, native := c.groupRank[group{t.Python, t.ABI}]
		if native || t.ABI == "none" && slices.Contains(c.pure, t.Python) {
			pythonFits = append(pythonFits, t)
		}
	}
	switch {
	case len(ts) == 0:
		return "has no tags"
	case len(platformFits) > 0:
		return "needs " + c.pythons(platformFits)
	case len(pythonFits) > 0:
		return c.whyPlatform(pythonFits)
	}
	return "needs " + c.pythons(ts) + ", " + c.whyPlatform(ts)
}

// pythons lists the interpreters that tags ask for: "CPython 3.9 or PyPy 3.10".
func (c *Compatible) pythons(ts []Tag) string {
	type kind struct{ name, suffix string }
	versions := map[kind][][2]int{}
	var kinds []kind
	var others []string
	for _, t := range ts {
		k, version, ok := c.describe(t)
		if !ok {
			if text := clip(t.Python) + "-" + clip(t.ABI); !slices.Contains(others, text) {
				others = append(others, text)
			}
			continue
		}
		key := kind{k, ""}
		if c.orNewer(t) {
			key.suffix = " or newer"
		}
		if !slices.Contains(kinds, key) {
			kinds = append(kinds, key)
		}
		if !slices.Contains(versions[key], version) {
			versions[key] = append(versions[key], version)
		}
	}
	var list []string
	for _, k := range kinds {
		vs := versions[k]
		slices.SortFunc(vs, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
		if k.suffix != "" {
			vs = vs[:1]
		}
		texts := make([]string, len(vs))
		for i, v := range vs {
			texts[i] = strconv.Itoa(v[0])
			if v[1] >= 0 {
				texts[i] += "." + strconv.Itoa(v[1])
			}
		}
		list = append(list, k.name+" "+join(texts)+k.suffix)
	}
	slices.Sort(list)
	slices.Sort(others)
	if len(others) > 0 {
		list = append(list, "an interpreter with tag "+join(others))
	}
	return strings.Join(list, " or ")
}

// describe names the interpreter of a tag and its version, [major, -1] for a
// major version alone.
func (c *Compatible) describe(t Tag) (name string, version [2]int, ok bool) {
	digits := strings.TrimLeft(t.Python, "abcdefghijklmnopqrstuvwxyz_")
	impl := t.Python[:len(t.Python)-len(digits)]
	switch impl {
	case "cp":
		name = "CPython"
		flags := strings.TrimLeft(strings.TrimPrefix(t.ABI, "cp"), "0123456789")
		switch {
		case t.ABI == "abi3t" || strings.HasPrefix(t.ABI, "cp") && strings.Contains(flags, "t"):
			name = "free-threaded CPython"
		case strings.HasPrefix(t.ABI, "cp") && strings.Contains(flags, "d"):
			name = "a debug build of CPython"
		case c.python.freeThreaded() && t.ABI != "none":
			name = "CPython with the GIL,"
		}
	case "pp":
		name = "PyPy"
	case "py":
		name = "Python"
	case "graalpy":
		name = "GraalPy"
	default:
		return "", version, false
	}
	if digits == "" || len(digits) > 4 || strings.Trim(digits, "0123456789") != "" {
		return "", version, false
	}
	version = [2]int{int(digits[0] - '0'), -1}
	if len(digits) > 1 {
		version[1], _ = strconv.Atoi(digits[1:])
	}
	return name, version, true
}

// orNewer reports whether later versions of Python 3 take the tag too.
func (c *Compatible) orNewer(t Tag) bool {
	return t.ABI == "abi3" || t.ABI == "abi3t" ||
		strings.HasPrefix(t.Python, "py"+strconv.Itoa(c.python.Major)) && t.ABI == "none"
}

// whyPlatform compares the platforms of tags with the target.
func (c *Compatible) whyPlatform(ts []Tag) string {
	var sameMachine, sameOS, names []string
	least := [2]int{-1, 0}
	for _, t := range ts {
		if t.Platform == "any" {
			continue
		}
		name, arches, p := readPlatform(t.Platform)
		names = append(names, name)
		if p.os != c.platform.os {
			continue
		}
		sameOS = append(sameOS, arches...)
		if !slices.Contains(arches, c.platform.arch) {
			continue
		}
		if p.libc != c.platform.libc {
			sameMachine = append(sameMachine, p.libc)
			continue
		}
		if v := [2]int{p.major, p.minor}; least[0] < 0 || slices.Compare(v[:], least[:]) < 0 {
			least = v
		}
	}
	switch {
	case len(names) == 0:
		return "needs another ABI"
	case least[0] >= 0:
		return fmt.Sprintf("needs %s %d.%d or newer", c.platform.versioned(), least[0], least[1])
	case len(sameMachine) > 0:
		return "only wheels for " + join(unique(sameMachine))
	case len(sameOS) > 0:
		return "only wheels for " + join(unique(sameOS))
	}
	return "only " + join(unique(names)) + " wheels"
}

// versioned names what the version of p is of.
func (p Platform) versioned() string {
	if p.os == Linux {
		return p.libc
	}
	return p.os.title()
}

// readPlatform names the system of a platform tag, and gives the processors
// and the least platform that it asks for; the zero Platform if unknown.
func readPlatform(tag string) (name string, arches []string, p Platform) {
	if version, ok := strings.CutPrefix(tag, "macosx_"); ok {
		p = Platform{os: MacOS}
		var okMajor, okMinor bool
		p.major, version, okMajor = leadingNumber(version)
		p.minor, version, okMinor = leadingNumber(version)
		if okMajor && okMinor {
			return MacOS.title(), macArches(version), p
		}
		return MacOS.title(), nil, Platform{}
	}
	if arch, ok := strings.CutPrefix(tag, "linux_"); ok {
		return Linux.title(), []string{arch}, Platform{os: Linux, arch: arch, libc: glibc}
	}
	if p, ok := parseTagPlatform(tag); ok {
		return p.os.title(), []string{p.arch}, p
	}
	return clip(tag), nil, Platform{}
}

// macArches returns the processors that run a kind of Mac binary.
func macArches(format string) []string {
	switch format {
	case "arm64":
		return []string{"aarch64"}
	case "universal2":
		return []string{"aarch64", "x86_64"}
	case "intel", "universal", "fat3":
		return []string{"i386", "x86_64"}
	case "fat64":
		return []string{"x86_64"}
	case "fat":
		return []string{"i386"}
	}
	return []string{clip(format)}
}

func (os OS) title() string {
	switch os {
	case Linux:
		return "Linux"
	case Windows:
		return "Windows"
	case MacOS:
		return "macOS"
	case Android:
		return "Android"
	case IOS:
		return "iOS"
	case Pyodide:
		return "Pyodide"
	}
	return string(os)
}

func unique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// join writes "a, b or c", and no more than six of them.
func join(list []string) string {
	const shown = 6
	if len(list) > shown {
		list = append(slices.Clone(list[:shown]), "others")
	}
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}
