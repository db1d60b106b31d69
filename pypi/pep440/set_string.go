package pep440

import "strings"

// String gives the set for people, as specifiers wherever they can say it: ">=1.2, !=1.5, <2" or "<1 | >=2"; "any version"
// and "no version". "before V", "after V" and "through V.post*" stand for bounds that no specifier has, "===V" for a
// version without its locals. Different sets have different strings; equal sets can differ in trailing zeros.
func (s Set) String() string {
	if s.IsEmpty() {
		return "no version"
	}
	if s.IsFull() {
		return "any version"
	}
	bounds := s.bounds
	var alternatives []string
	for open := s.lowest; open || len(bounds) > 0; open = false {
		var clauses []string
		if !open {
			if exact := exactly(bounds); exact != "" {
				alternatives = append(alternatives, "=="+exact)
				bounds = bounds[2:]
				continue
			}
			clauses = append(clauses, bounds[0].lowerString())
			bounds = bounds[1:]
		}
		for len(bounds) > 1 {
			hole := exactly(bounds)
			if hole == "" {
				break
			}
			clauses = append(clauses, "!="+hole)
			bounds = bounds[2:]
		}
		if len(bounds) > 0 {
			clauses = append(clauses, bounds[0].upperString())
			bounds = bounds[1:]
		}
		alternatives = append(alternatives, strings.Join(clauses, ", "))
	}
	return strings.Join(alternatives, " | ")
}

// exactly gives X if the first two bounds are those of ==X, and "" otherwise.
func exactly(bounds []bound) string {
	if len(bounds) < 2 || bounds[0].after || bounds[0].isAfterPosts() {
		return ""
	}
	from, to := bounds[0], bounds[1]
	v := from.at
	switch {
	case to.after && to.at.Equal(v):
		if v.flags&hasLocal != 0 {
			return v.String()
		}
		return "=" + v.String()
	case to.after:
		return ""
	case v.flags&hasLocal == 0 && afterLocals(v).compare(to) == 0:
		return v.String()
	case isReleaseDev0(v) && isReleaseDev0(to.at):
		n := len(significantOf(to.at))
		if n > 0 && beforeRelease(padded(v, n), n, true).compare(to) == 0 && beforeRelease(padded(v, n), n, false).compare(from) == 0 {
			p := padded(v, n).Base()
			return p.String() + ".*"
		}
	}
	return ""
}

func (a bound) lowerString() string {
	switch {
	case a.isAfterPosts():
		return ">" + a.at.Base().String()
	case a.after:
		return "after " + a.at.String()
	}
	return ">=" + a.at.String()
}

func (a bound) upperString() string {
	v := a.at
	if a.isAfterPosts() {
		return "through " + v.Base().String() + ".post*"
	}
	if a.after {
		return "through " + v.String()
	}
	var release releaseBuffer
	p := v.parts(&release)
	isDev0 := p.hasDev && p.dev.isZero() && len(p.local) == 0
	switch {
	case isDev0 && p.hasPost && p.post.isZero(): // just after the version without post-release, and its locals
		p.hasPost, p.hasDev = false, false
		w := p.version()
		return "<=" + w.String()
	case isDev0 && p.phase == phaseNone:
		p.hasDev = false
		w := p.version()
		return "<" + w.String()
	case v.IsPrerelease() && len(p.local) == 0:
		return "<" + v.String()
	}
	return "before " + v.String()
}

// isReleaseDev0 reports whether v is a release with .dev0 alone.
func isReleaseDev0(v Version) bool {
	n, ok := v.Dev()
	return ok && n == 0 && v.flags&(hasPre|hasPost|hasLocal) == 0
}

func significantOf(v Version) []number {
	var release releaseBuffer
	p := v.parts(&release)
	return append([]number(nil), p.significant()...)
}

// padded is v with zeros appended to its release, or dropped from it, up to n segments.
func padded(v Version, n int) Version {
	var release releaseBuffer
	p := v.parts(&release)
	q := p
	q.release = make([]number, n)
	for i := range q.release {
		q.release[i] = p.segment(i)
	}
	return q.version()
}
