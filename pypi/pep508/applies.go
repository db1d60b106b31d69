package pep508

import (
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// AppliesSet gives the known set of the environments where Applies holds: what a lock for many environments must keep. It
// is KnownSet, save for the rare comparisons that Eval understands otherwise, and is larger than need be where these
// are about parts of a version, about platform_release as a version, or about extra with an operator made for others.
// Versions of Python are taken for releases of three numbers, of which python_version are the first two.
func (m Marker) AppliesSet() MarkerSet {
	if m.root == nil {
		return MarkerSet{known: true}
	}
	b := new(builder)
	n, void := b.group(m.root, true)
	if void {
		return MarkerSet{known: true}
	}
	if specified, ok := b.specified(m.root); ok {
		n = b.combine(disjunction, n, specified, true)
	}
	return b.result(n, true)
}

// specified gives the node of a marker by the specification; ok is false where Eval is undefined.
func (b *builder) specified(g group) (n *node, ok bool) {
	var or []*node
	for _, terms := range g {
		var and []*node
		for _, t := range terms {
			if t.atom == nil {
				n, ok = b.specified(t.group)
			} else {
				var l leaf
				l, ok = specify(t.atom)
				l = asSysPlatform(l)
				n = b.leaf(&l)
			}
			if !ok {
				return nil, false
			}
			and = append(and, n)
		}
		or = append(or, b.combineAll(conjunction, and, true))
	}
	return b.combineAll(disjunction, or, true), true
}

// specify gives a comparison its meaning by the specification, or a larger one; ok is false where it is undefined.
func specify(a *atom) (l leaf, ok bool) {
	if a.leaf.plain {
		return a.leaf, true
	}
	always, never := leaf{kind: leafTrue}, leaf{kind: leafFalse}
	v, text, upright := a.left, a.rightText, true
	if v == none {
		v, text, upright = a.right, a.leftText, false
	}
	if v == none {
		if v, _ = parseVariable(a.rightText); v == none || v.String() != a.rightText {
			return l, false
		}
	}
	if v.isList() {
		return l, false
	}

	if v.comparesVersions() && a.op < opIn {
		specifier, valid := parseSpecifier(a.op.String() + text)
		_, err := pep440.Parse(text)
		switch {
		case a.op == opArbitrary, v == varPlatformRelease && (valid || !upright), !upright && err == nil:
			return always, true
		case !upright:
			return never, true
		case valid && v == varPythonVersion:
			return spanLeaf(key{kind: keyValue, v: varPythonFullVersion}, specifiedSpan(specifier).fullVersion()), true
		case valid:
			return spanLeaf(key{kind: keyValue, v: v}, specifiedSpan(specifier)), true
		}
	}
	equal := a.op == opEqual || a.op == opLessEqual || a.op == opGreaterEqual
	switch {
	case a.op == opCompatible || a.op == opArbitrary:
		return l, false
	case a.op == opLess || a.op == opGreater:
		return never, true
	case v.isString() && (a.op == opIn || a.op == opNotIn):
		member := keyIn
		if !upright {
			member = keyContains
		}
		return leaf{kind: leafFlag, key: key{member, v, text}, want: a.op == opIn}, true
	case v.isString():
		p := point{text: text}
		return spanLeaf(key{kind: keyValue, v: v}, span{first: !equal, cuts: []cut{{p, false}, {p, true}}}), true
	case (v == varPythonVersion || v == varPythonFullVersion) && upright && a.op >= opIn:
		return partsOf(text, v, a.op == opNotIn), true
	case v.isVersion() && equal: // a text that is no version
		return never, true
	case v == varExtra && (equal || a.op == opNotEqual) && text != "":
		if _, err := pypi.ParseExtra(text); err == nil {
			return leaf{kind: leafFlag, key: key{kind: keyExtra, v: varExtra, text: text}, want: equal}, true
		} else if equal {
			return never, true
		}
	}
	return always, true
}

// specifiedSpan gives the releases that a specifier matches, by every part of its version.
func specifiedSpan(s pep440.Specifier) span {
	v := s.Version
	_, _, pre := v.Pre()
	switch {
	case v.Epoch() != 0 || v.Local() != "":
		return span{first: s.Op == pep440.NotEqual || s.Op == pep440.Less || s.Op == pep440.LessEqual}
	case s.Wildcard || !v.IsPrerelease() && !v.IsPostrelease():
		return releaseSpan(s.Op, v.Release(), s.Wildcard)
	}
	at := cut{releasePoint(v.Release()), !pre && v.IsPostrelease()}
	switch s.Op {
	case pep440.Less, pep440.LessEqual:
		return span{first: true, cuts: []cut{at}}
	case pep440.Greater, pep440.GreaterEqual:
		return span{cuts: []cut{at}}
	case pep440.Compatible:
		return span{cuts: []cut{at, releaseSpan(s.Op, v.Release(), false).cuts[1]}}
	}
	return span{first: s.Op == pep440.NotEqual}
}

// partsOf gives the releases whose text is a part of text, or is none.
func partsOf(text string, v variable, not bool) leaf {
	numbers := 3
	if v == varPythonVersion {
		numbers = 2
	}
	var points []point
	const longest = 20 // bytes, of three numbers that simpleRelease reads
	for i := range text {
		for j := i + 1; j <= min(len(text), i+longest) && (text[j-1] == '.' || '0' <= text[j-1] && text[j-1] <= '9'); j++ {
			part := text[i:j]
			if release, count := simpleRelease(part); count == numbers && formatRelease(release[:count]) == part {
				points = append(points, releasePoint(release[:count]))
			}
		}
	}
	slices.SortFunc(points, point.compare)
	s := span{first: not}
	for _, p := range slices.Compact(points) {
		s.cuts = append(s.cuts, cut{p, false}, cut{p, true})
	}
	if v == varPythonVersion {
		v, s = varPythonFullVersion, s.fullVersion()
	}
	return spanLeaf(key{kind: keyValue, v: v}, s)
}

// ReadTwice tells whether m compares the version of Python with one that is no plain release, "3.11.0a6" or
// "3.11.post1": Eval and EvalUV place it differently.
func (m Marker) ReadTwice() bool {
	return !m.root.all(func(a *atom) bool { return a.leaf.plain || !a.left.isVersion() || !a.isExact() })
}

// SpecifiedSet gives the known set of the environments where Eval holds; ok is false for a marker of which it is not
// known.
func (m Marker) SpecifiedSet() (s MarkerSet, ok bool) {
	if m.root == nil {
		return MarkerSet{known: true}, true
	}
	b := new(builder)
	n, ok := b.specified(m.root)
	if !ok || !m.root.all((*atom).isExact) {
		return MarkerSet{known: true}, false
	}
	return b.result(n, true), true
}

// isExact tells whether specify gives the meaning by the specification, and no larger one.
func (a *atom) isExact() bool {
	v := a.left
	switch {
	case a.leaf.plain:
		return true
	case a.right != none:
		return false
	case v.isVersion() && a.op < opIn && a.op != opArbitrary:
		s, ok := parseSpecifier(a.op.String() + a.rightText)
		return ok && s.Version.Local() == ""
	}
	return (v.isString() && !v.isOrdered() || v == varExtra) && (a.op == opEqual || a.op == opNotEqual)
}

// all tells whether f holds for each comparison.
func (g group) all(f func(*atom) bool) bool {
	for _, terms := range g {
		for _, t := range terms {
			if t.atom != nil && !f(t.atom) || t.atom == nil && !t.group.all(f) {
				return false
			}
		}
	}
	return true
}
