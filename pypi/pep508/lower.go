package pep508

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// A leaf is what uv takes a comparison for.
type leaf struct {
	kind  leafKind
	plain bool // a comparison of versions that means the same to packaging where both are plain releases
	want  bool // of leafFlag: the value of key for which it holds
	key   key
	span  span // of leafSpan
}

type leafKind uint8

const (
	leafVoid  leafKind = iota // without meaning: vanishes
	leafFalse                 // never holds
	leafTrue                  // always holds
	leafSpan                  // holds for the values of a variable in a span
	leafFlag                  // holds where a key is as wanted
)

// A key is what a decision of a MarkerSet is about. Keys are ordered by kind, variable and text.
type key struct {
	kind keyKind
	v    variable
	text string
}

type keyKind uint8

const (
	keyValue    keyKind = iota // the value of a variable
	keyIn                      // a text variable is a part of text
	keyContains                // text is a part of a text variable
	keyExtra                   // the extra text is active
	keyList                    // text is in extras or dependency_groups
)

func (k key) compare(l key) int {
	if k.kind != l.kind {
		return int(k.kind) - int(l.kind)
	}
	if k.v != l.v {
		return int(k.v) - int(l.v)
	}
	return strings.Compare(k.text, l.text)
}

// lower gives a comparison its meaning to uv, and says why it has none or an odd one.
func lower(a *atom) (l leaf, why string) {
	switch v, w := a.left, a.right; {
	case v == none && w == none:
		return l, "two quoted texts are compared, which is ignored"
	case v != none && w != none:
		return l, fmt.Sprintf("the variables %s and %s are compared with each other, which is ignored", v, w)
	case v.isVersion():
		return lowerVersion(v, a.op, a.rightText, true)
	case w.isVersion():
		return lowerVersion(w, a.op.mirror(), a.leftText, false)
	case v.isString():
		return lowerString(v, a.op, a.rightText, keyIn)
	case w.isString():
		return lowerString(w, a.op.mirror(), a.leftText, keyContains)
	case v == varExtra:
		return lowerExtra(a.op, a.rightText)
	case w == varExtra:
		return lowerExtra(a.op, a.leftText)
	case w.isList() && (a.op == opIn || a.op == opNotIn):
		return leaf{kind: leafFlag, key: key{keyList, w, a.leftText}, want: a.op == opIn}, ""
	default:
		return l, fmt.Sprintf("%s is a set; write \"'NAME' in %s\"; the comparison is ignored", v|w, v|w)
	}
}

// lowerVersion reads VARIABLE op text, or its mirror image, where a list and a wildcard make no sense.
func lowerVersion(v variable, op operator, text string, upright bool) (l leaf, why string) {
	var s span
	plain := false
	if op == opIn || op == opNotIn {
		if !upright {
			return l, fmt.Sprintf("%q is looked for in %s, which is ignored", text, v)
		}
		points, ok := parseVersionList(text, v == varPythonVersion)
		if !ok {
			return l, fmt.Sprintf("%s is compared with %s, which is no list of versions separated by blanks; "+
				"uv ignores the comparison", v, quote(text))
		}
		s.first = op == opNotIn
		for _, p := range points {
			s.cuts = append(s.cuts, cut{p, false}, cut{p, true})
		}
	} else if s, plain = simpleSpan(op, text, upright); !plain {
		specifier, ok := parseSpecifier(op.String() + text)
		if ok && op == opArbitrary {
			ok = !specifier.Version.IsZero()
		}
		if !ok || specifier.Wildcard && !upright {
			return l, fmt.Sprintf("%s is compared with %s by %s, which makes no comparison of versions; uv ignores it",
				v, quote(text), op)
		}
		s = releaseSpan(specifier.Op, specifier.Version.Release(), specifier.Wildcard)
	}
	if v == varPythonVersion {
		v, s = varPythonFullVersion, s.fullVersion()
	}
	l = spanLeaf(key{kind: keyValue, v: v}, s)
	l.plain = plain
	return l, ""
}

// simpleSpan is the quick way for the most frequent comparisons: with a plain release or a prefix of one.
func simpleSpan(op operator, text string, upright bool) (s span, ok bool) {
	text, wildcard := strings.CutSuffix(text, ".*")
	release, count := simpleRelease(text)
	switch {
	case count == 0, op >= opArbitrary, wildcard && (op > opNotEqual || !upright),
		op == opCompatible && (count == 1 || !upright):
		return s, false
	}
	return releaseSpan(op.specifier(), release[:count], wildcard), true
}

func spanLeaf(k key, s span) leaf {
	s = s.normal()
	switch {
	case len(s.cuts) > 0:
		return leaf{kind: leafSpan, key: k, span: s}
	case s.first:
		return leaf{kind: leafTrue}
	}
	return leaf{kind: leafFalse}
}

// parseVersionList reads versions separated by white space, as releases, ascending and unique. Of versions that are no
// plain releases python_version takes the release, the others pass over them, since no release equals them.
func parseVersionList(text string, releases bool) (points []point, ok bool) {
	for _, field := range strings.Fields(text) {
		v, err := pep440.Parse(field)
		if err != nil {
			return nil, false
		}
		if releases || !v.IsPrerelease() && !v.IsPostrelease() && v.Local() == "" {
			points = append(points, releasePoint(v.Release()))
		}
	}
	slices.SortFunc(points, point.compare)
	return slices.Compact(points), true
}

func lowerString(v variable, op operator, text string, member keyKind) (l leaf, why string) {
	p := point{text: text}
	k := key{kind: keyValue, v: v}
	ordered := v.isOrdered()
	switch {
	case op == opIn || op == opNotIn:
		return leaf{kind: leafFlag, key: key{member, v, text}, want: op == opIn}, ""
	case op == opCompatible || op == opArbitrary:
		return l, fmt.Sprintf("%s is a text, which %s does not compare; the comparison is ignored", v, op)
	case op == opNotEqual:
		return spanLeaf(k, span{first: true, cuts: []cut{{p, false}, {p, true}}}), ""
	case op == opEqual || !ordered && (op == opLessEqual || op == opGreaterEqual):
		return spanLeaf(k, span{cuts: []cut{{p, false}, {p, true}}}), ""
	case !ordered:
		return leaf{kind: leafFalse}, fmt.Sprintf("%s is a text, which is never %s another", v, op)
	case op == opLess || op == opLessEqual:
		return spanLeaf(k, span{first: true, cuts: []cut{{p, op == opLessEqual}}}), ""
	default:
		return spanLeaf(k, span{cuts: []cut{{p, op == opGreater}}}), ""
	}
}

func lowerExtra(op operator, text string) (l leaf, why string) {
	if op != opEqual && op != opNotEqual {
		return l, fmt.Sprintf("extra is compared with %s, which is ignored; use == or !=", op)
	}
	if _, err := pypi.ParseExtra(text); err != nil {
		return leaf{kind: leafFalse}, fmt.Sprintf("%s is no name of an extra; uv takes the comparison for false", quote(text))
	}
	return leaf{kind: leafFlag, key: key{kind: keyExtra, v: varExtra, text: text}, want: op == opEqual}, ""
}

// parseSpecifier reads a single version specifier.
func parseSpecifier(text string) (pep440.Specifier, bool) {
	if strings.IndexByte(text, ',') >= 0 && !strings.HasPrefix(text, "===") {
		return pep440.Specifier{}, false
	}
	list, err := pep440.ParseSpecifiers(text)
	if err != nil || len(list) != 1 {
		return pep440.Specifier{}, false
	}
	return list[0], true
}
