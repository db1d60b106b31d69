package pep508

import (
	"cmp"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

// A point is a value of a variable in the order of its values: a text, or a release number such as 3.12.4 without its
// trailing zeros. Points of releases compare as the releases do.
type point struct {
	packed uint64 // the first three numbers of a release
	text   string // of a release: its further numbers, eight bytes each, most significant byte first
}

const (
	segmentBits  = 21
	segmentLimit = 1<<segmentBits - 1 // a number that does not fit; it and all others are in text then
)

func (p point) compare(q point) int {
	if p.packed != q.packed {
		return cmp.Compare(p.packed, q.packed)
	}
	return strings.Compare(p.text, q.text)
}

func releasePoint(release []int) point {
	for len(release) > 0 && release[len(release)-1] == 0 {
		release = release[:len(release)-1]
	}
	var p point
	full := false
	for i := range 3 {
		n := 0
		if i < len(release) {
			n = release[i]
		}
		if full = full || n >= segmentLimit; full {
			n = segmentLimit
		}
		p.packed = p.packed<<segmentBits | uint64(n)
	}
	rest := release[min(3, len(release)):]
	if full {
		rest = release
	}
	if len(rest) > 0 {
		var b []byte
		for _, n := range rest {
			b = binary.BigEndian.AppendUint64(b, uint64(n))
		}
		p.text = string(b)
	}
	return p
}

// release is the inverse of releasePoint.
func (p point) release() []int {
	var release []int
	for i := 2; i >= 0; i-- {
		n := int(p.packed >> (i * segmentBits) & segmentLimit)
		if n == segmentLimit {
			release = nil
			break
		}
		release = append(release, n)
	}
	for b := []byte(p.text); len(b) >= 8; b = b[8:] {
		release = append(release, int(binary.BigEndian.Uint64(b)))
	}
	for len(release) > 1 && release[len(release)-1] == 0 {
		release = release[:len(release)-1]
	}
	return release
}

func (p point) releaseString() string { return formatRelease(p.release()) }

func formatRelease(release []int) string {
	var b []byte
	for i, n := range release {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

// A cut lies between values: right before a point, or right after it.
type cut struct {
	point
	after bool
}

func (c cut) compare(d cut) int {
	if order := c.point.compare(d.point); order != 0 {
		return order
	}
	switch {
	case c.after == d.after:
		return 0
	case d.after:
		return -1
	}
	return 1
}

// A position is where a value stands: at a point, before it (a pre-release of that release) or after it.
type position struct {
	point
	side int // -1, 0, +1
}

func (c cut) isBelow(p position) bool {
	if order := c.point.compare(p.point); order != 0 {
		return order < 0
	}
	if c.after {
		return p.side > 0
	}
	return p.side >= 0
}

// versionPosition places the text of a version; ok is false where it is none.
func versionPosition(text string) (p position, ok bool) {
	if p, ok := simplePosition(text); ok {
		return p, true
	}
	v, err := pep440.Parse(repairedPython(text))
	if err != nil {
		return p, false
	}
	p.point = releasePoint(v.Release())
	if v.IsPrerelease() {
		p.side = -1
	} else if v.IsPostrelease() || v.Local() != "" {
		p.side = 1
	}
	return p, true
}

// simplePosition is versionPosition for up to three small numbers and no more; it does not allocate.
func simplePosition(text string) (p position, ok bool) {
	release, count := simpleRelease(text)
	for _, n := range release {
		p.packed = p.packed<<segmentBits | uint64(n)
	}
	return p, count > 0
}

// simpleRelease reads up to three small numbers; count is 0 where text is anything else.
func simpleRelease(text string) (release [3]int, count int) {
	n, digits := 0, 0
	for i := 0; i <= len(text); i++ {
		switch {
		case i < len(text) && '0' <= text[i] && text[i] <= '9' && digits < 6:
			n = n*10 + int(text[i]-'0')
			digits++
		case (i == len(text) || text[i] == '.') && digits > 0 && count < 3:
			release[count] = n
			count, n, digits = count+1, 0, 0
		default:
			return [3]int{}, 0
		}
	}
	return release, count
}

// repairedPython makes the version of a Python built from an untagged checkout, "3.15.0a3+", a valid one.
func repairedPython(text string) string {
	if strings.HasSuffix(text, "+") {
		return text + "local"
	}
	return text
}

// A span is a set of values of one variable: those up to the first cut are in it or not, and each cut changes that.
type span struct {
	first bool
	cuts  []cut // ascending
}

func (s span) contains(p position) bool {
	in := s.first
	for _, c := range s.cuts {
		if !c.isBelow(p) {
			break
		}
		in = !in
	}
	return in
}

// normal drops the cuts that change nothing: those before the least value, and pairs at one place.
func (s span) normal() span {
	kept := s.cuts[:0]
	for _, c := range s.cuts {
		switch {
		case c == cut{}:
			s.first = !s.first
		case len(kept) > 0 && kept[len(kept)-1] == c:
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, c)
		}
	}
	s.cuts = kept
	return s
}

// releaseSpan gives the releases that a version specifier with this release (or release prefix, with wildcard) admits.
func releaseSpan(op pep440.Operator, release []int, wildcard bool) span {
	p := releasePoint(release)
	below, above := cut{p, false}, cut{p, true}
	if wildcard {
		above = cut{releasePoint(successor(release)), false}
	}
	switch op {
	case pep440.Equal, pep440.Arbitrary:
		return span{cuts: []cut{below, above}}
	case pep440.NotEqual:
		return span{first: true, cuts: []cut{below, above}}
	case pep440.Less:
		return span{first: true, cuts: []cut{below}}
	case pep440.LessEqual:
		return span{first: true, cuts: []cut{above}}
	case pep440.Greater:
		return span{cuts: []cut{above}}
	case pep440.GreaterEqual:
		return span{cuts: []cut{below}}
	default: // Compatible
		return span{cuts: []cut{below, {releasePoint(successor(release[:len(release)-1])), false}}}
	}
}

// successor is the release that follows all releases beginning with release.
func successor(release []int) []int {
	next := append([]int(nil), release...)
	if last := &next[len(next)-1]; *last < math.MaxInt {
		*last++
	}
	return next
}

// fullVersion turns a set of python_version, which has two numbers, into the set of python_full_version that have one of
// these as their first two.
func (s span) fullVersion() span {
	for i, c := range s.cuts {
		release := c.release()
		for len(release) < 2 {
			release = append(release, 0)
		}
		if c.after || len(release) > 2 {
			release = successor(release[:2])
		}
		s.cuts[i] = cut{releasePoint(release), false}
	}
	return s
}
