package pep508

import "sync"

// platformOf tells which sys_platform a platform_system stands for, and no other does.
func platformOf(system string) (platform string, ok bool) {
	switch system {
	case "Windows":
		return "win32", true
	case "Darwin":
		return "darwin", true
	case "Linux":
		return "linux", true
	case "AIX":
		return "aix", true
	case "Emscripten":
		return "emscripten", true
	case "Android":
		return "android", true
	}
	return "", false
}

// asSysPlatform turns a comparison of platform_system with one value into that of sys_platform with the value that goes
// with it. sys_platform is the better key: platform_system is information for people.
func asSysPlatform(l leaf) leaf {
	if l.kind != leafSpan || l.key.v != varPlatformSystem || len(l.span.cuts) != 2 {
		return l
	}
	platform, ok := platformOf(l.span.cuts[0].text)
	if !ok {
		return l
	}
	l.key.v = varSysPlatform
	p := point{text: platform}
	l.span.cuts = []cut{{p, false}, {p, true}}
	return l
}

// asksPlatform tells whether the first decision is about one of the variables that Possible relates to each other; they
// come before all others.
func (n *node) asksPlatform() bool {
	return !n.isTerminal() && n.key.kind == keyValue && n.key.v <= varPlatformSystem
}

// platformMembers has the bits of these variables in node.members.
const platformMembers = 1<<varOSName | 1<<varSysPlatform | 1<<varPlatformSystem

// Possible gives the environments whose os_name, sys_platform and platform_system go together, as far as uv knows:
//
//   - os_name is not nt on linux, darwin and ios, and not posix on win32;
//   - platform_system is Windows, Darwin, Linux, AIX, Emscripten or Android if and only if sys_platform is win32, darwin,
//     linux, aix, emscripten or android;
//   - on FreeBSD, NetBSD, OpenBSD, SunOS, iOS and iPadOS sys_platform is none of these six, nor cygwin or wasi, and it is
//     ios on the last two alone.
func Possible() MarkerSet { return MarkerSet{root: possible()} }

var possible = sync.OnceValue(makePossible)

func makePossible() *node {
	b := new(builder)
	is := func(v variable, text string) *node {
		p := point{text: text}
		l := spanLeaf(key{kind: keyValue, v: v}, span{cuts: []cut{{p, false}, {p, true}}})
		return b.leaf(&l)
	}
	n := trueNode
	exclude := func(x, y *node) { n = b.and(n, b.not(b.and(x, y))) }
	for _, platform := range []string{"linux", "darwin", "ios"} {
		exclude(is(varOSName, "nt"), is(varSysPlatform, platform))
	}
	exclude(is(varOSName, "posix"), is(varSysPlatform, "win32"))
	for _, system := range []string{"Windows", "Darwin", "Linux", "AIX", "Emscripten", "Android"} {
		platform, _ := platformOf(system)
		x, y := is(varPlatformSystem, system), is(varSysPlatform, platform)
		exclude(x, b.not(y))
		exclude(b.not(x), y)
	}
	for _, system := range []string{"FreeBSD", "NetBSD", "OpenBSD", "SunOS", "iOS", "iPadOS"} {
		for _, platform := range []string{"aix", "android", "cygwin", "darwin", "emscripten", "ios", "linux", "wasi", "win32"} {
			if platform != "ios" || system != "iOS" && system != "iPadOS" {
				exclude(is(varPlatformSystem, system), is(varSysPlatform, platform))
			}
		}
	}
	return n
}

// isConstant tells whether n leads to t in all environments that exist.
func (b *builder) isConstant(n, t *node) bool {
	// The common platforms answer most questions, without the cost of Possible.
	for _, env := range []Environment{
		{OSName: "posix", SysPlatform: "linux", PlatformSystem: "Linux"},
		{OSName: "nt", SysPlatform: "win32", PlatformSystem: "Windows"},
		{OSName: "posix", SysPlatform: "darwin", PlatformSystem: "Darwin"},
	} {
		m := n
		for m.asksPlatform() {
			m = m.kids[child(m, &env)]
		}
		if m != t && m.members&platformMembers == 0 {
			return false
		}
	}
	outside := b.not(b.adopt(possible()))
	if t == trueNode {
		return b.or(n, outside) == trueNode
	}
	return b.or(b.not(n), outside) == trueNode
}
