package tags

import (
	"slices"
	"strconv"
	"strings"
)

// A Python is an interpreter: an implementation and its language version.
type Python struct {
	Implementation string // the short name: cp for CPython, pp for PyPy
	Major, Minor   int
	// FreeThreaded asks for CPython's build without the GIL (cp313t).
	FreeThreaded bool
	// ABI is the interpreter's own ABI tag; "" derives it: cp312, cp313t,
	// cp37m, pypy311_pp73.
	ABI string
}

// Compatible is the ordered set of tags that a Python on a platform supports.
// It is immutable and safe for concurrent use.
//
// Every tag is an interpreter with an ABI, combined with each platform in turn,
// or with "any". So a rank is the sum of two small tables, not one entry in a
// table of a thousand.
type Compatible struct {
	python    Python
	platform  Platform
	platforms []string
	groups    []group // combined with platforms
	pure      []string

	platformRank map[string]int
	groupRank    map[group]int
	pureRank     map[string]int
}

// A group is an interpreter tag with an ABI tag.
type group struct{ python, abi string }

// For returns the tags that py supports on p.
func For(py Python, p Platform) *Compatible {
	c := &Compatible{python: py, platform: p, platforms: p.Tags()}
	c.groups, c.pure = groups(py)
	c.platformRank = make(map[string]int, len(c.platforms))
	for i, platform := range c.platforms {
		c.platformRank[platform] = i
	}
	c.groupRank = make(map[group]int, len(c.groups))
	for i, g := range c.groups {
		c.groupRank[g] = i * len(c.platforms)
	}
	c.pureRank = make(map[string]int, len(c.pure))
	for i, python := range c.pure {
		c.pureRank[python] = len(c.groups)*len(c.platforms) + i
	}
	return c
}

// groups returns py's interpreters and ABIs, best first, and the interpreters
// that take pure wheels.
func groups(py Python) (native []group, pure []string) {
	own := py.Implementation + strconv.Itoa(py.Major) + strconv.Itoa(py.Minor)
	abi := py.abi()
	native = append(native, group{own, abi})
	if py.Implementation != "cp" {
		native = append(native, group{own, "none"})
	} else {
		stable := "abi3"
		if py.freeThreaded() {
			stable = "abi3t"
		}
		hasStable := py.Major > 3 || py.Major == 3 && py.Minor >= 2
		if hasStable {
			native = append(native, group{own, stable})
		}
		native = append(native, group{own, "none"})
		for minor := py.Minor - 1; hasStable && minor >= 2; minor-- {
			native = append(native, group{"cp" + strconv.Itoa(py.Major) + strconv.Itoa(minor), stable})
		}
	}
	major := "py" + strconv.Itoa(py.Major)
	pure = append(pure, own, major+strconv.Itoa(py.Minor), major)
	for minor := py.Minor - 1; minor >= 0; minor-- {
		pure = append(pure, major+strconv.Itoa(minor))
	}
	for _, python := range pure[1:] {
		native = append(native, group{python, "none"})
	}
	return native, pure
}

func (py Python) abi() string {
	version := strconv.Itoa(py.Major) + strconv.Itoa(py.Minor)
	switch {
	case py.ABI != "":
		return py.ABI
	case py.Implementation == "pp":
		return "pypy" + version + "_pp73"
	case py.Implementation != "cp":
		return py.Implementation + version
	case py.FreeThreaded:
		return "cp" + version + "t"
	case py.Major < 3 || py.Major == 3 && py.Minor < 8:
		return "cp" + version + "m"
	}
	return "cp" + version
}

func (py Python) freeThreaded() bool {
	flags := strings.TrimLeft(strings.TrimPrefix(py.ABI, "cp"), "0123456789")
	return py.FreeThreaded || py.Implementation == "cp" && strings.Contains(flags, "t")
}

// Python returns the interpreter that the set is for.
func (c *Compatible) Python() Python { return c.python }

// Platform returns the platform that the set is for.
func (c *Compatible) Platform() Platform { return c.platform }

// Rank returns the place in the order of the best of a wheel's tags, 0 being
// the best of all; ok is false when none is supported.
func (c *Compatible) Rank(ts []Tag) (rank int, ok bool) {
	for i := range ts {
		if r, fits := c.rank(&ts[i]); fits && (!ok || r < rank) {
			rank, ok = r, true
		}
	}
	return rank, ok
}

func (c *Compatible) rank(t *Tag) (int, bool) {
	if t.Platform == "any" {
		if t.ABI != "none" {
			return 0, false
		}
		r, ok := c.pureRank[t.Python]
		return r, ok
	}
	platform, ok := c.platformRank[t.Platform]
	if !ok {
		return 0, false
	}
	r, ok := c.groupRank[group{t.Python, t.ABI}]
	return r + platform, ok
}

// Tags returns the whole set, best first.
func (c *Compatible) Tags() []Tag {
	ts := make([]Tag, 0, len(c.groups)*len(c.platforms)+len(c.pure))
	for _, g := range c.groups {
		for _, platform := range c.platforms {
			ts = append(ts, Tag{g.python, g.abi, platform})
		}
	}
	for _, python := range c.pure {
		ts = append(ts, Tag{python, "none", "any"})
	}
	return slices.Clip(ts)
}
