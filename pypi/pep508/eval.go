package pep508

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// What Eval refuses to compare. The errors it returns wrap one of these and name the comparison.
var (
	ErrUndefinedComparison = errors.New("the comparison is not defined")
	ErrUndefinedName       = errors.New("the variable is not defined")
)

// Eval evaluates m as the specification and the packaging library do, with one extra active or none (""). Each
// comparison is evaluated, so that one which is not defined is an error wherever it stands.
func (m Marker) Eval(env Environment, extra pypi.Extra) (bool, error) {
	if m.root == nil {
		return true, nil
	}
	return m.root.eval(&env, extra)
}

func (g group) eval(env *Environment, extra pypi.Extra) (some bool, err error) {
	for _, and := range g {
		all := true
		for _, t := range and {
			var holds bool
			if t.atom != nil {
				holds, err = t.atom.eval(env, extra)
			} else {
				holds, err = t.group.eval(env, extra)
			}
			if err != nil {
				return false, err
			}
			all = all && holds
		}
		some = some || all
	}
	return some, nil
}

func (a *atom) eval(env *Environment, extra pypi.Extra) (bool, error) {
	if a.leaf.plain {
		if holds, ok := a.leaf.plainHolds(env, a.left|a.right); ok {
			return holds, nil
		}
	}
	left, right, v := a.leftText, a.rightText, a.left
	value := func(v variable) string {
		switch v {
		case varExtra:
			return string(extra)
		case varPythonFullVersion:
			return repairedPython(env.PythonFullVersion)
		}
		return env.value(v)
	}
	switch {
	case v != none: // a second variable counts as a literal
		left = value(v)
	case a.right != none:
		v = a.right
		right = value(v)
	default: // the second literal counts as the name of a variable
		if v, _ = parseVariable(right); v == none || v.String() != right {
			return false, fmt.Errorf("%s: %w", a, ErrUndefinedName)
		}
		right = value(v)
	}
	if v.isList() {
		return false, fmt.Errorf("%s: %w outside a lock file", a, ErrUndefinedName)
	}
	if v.comparesVersions() {
		if a.op == opArbitrary {
			if text := strings.TrimSpace(right); !strings.ContainsAny(text, " \t\r\n\v\f;)") {
				return pep440.Specifier{Op: pep440.Arbitrary, Text: text}.ContainsText(left), nil
			}
		} else if s, ok := parseSpecifier(a.op.String() + right); ok {
			return s.ContainsText(left), nil
		}
	}
	switch a.op {
	case opEqual, opLessEqual, opGreaterEqual:
		return left == right, nil
	case opNotEqual:
		return left != right, nil
	case opLess, opGreater:
		return false, nil
	case opIn:
		return strings.Contains(right, left), nil
	case opNotIn:
		return !strings.Contains(right, left), nil
	}
	return false, fmt.Errorf("%s: %w", a, ErrUndefinedComparison)
}

// plainHolds evaluates the comparison of a version variable with a plain release; ok is false where the variable is none.
func (l *leaf) plainHolds(env *Environment, v variable) (holds, ok bool) {
	text := env.value(v)
	if v == varPythonVersion {
		// The leaf is about python_full_version.
		full := env.PythonFullVersion
		if len(full) <= len(text) || full[len(text)] != '.' || full[:len(text)] != text || strings.Count(text, ".") != 1 {
			return false, false
		}
		text = full
	}
	p, ok := simplePosition(text)
	if !ok || l.kind != leafSpan {
		return l.kind == leafTrue, ok
	}
	return l.span.contains(p), true
}

// String is the comparison in normal form.
func (a *atom) String() string {
	var b strings.Builder
	a.write(&b)
	return b.String()
}

// EvalUV evaluates m as uv does, with one extra active or none (""). What is meaningless to uv vanishes; a marker of
// nothing else holds.
func (m Marker) EvalUV(env Environment, extra pypi.Extra) bool {
	holds, void := m.root.evalUV(&env, extra)
	return holds || void
}

func (g group) evalUV(env *Environment, extra pypi.Extra) (holds, void bool) {
	void = true
	for _, and := range g {
		all, empty := true, true
		for _, t := range and {
			h, v := false, false
			if t.atom != nil {
				h, v = t.atom.leaf.holds(env, extra), t.atom.leaf.kind == leafVoid
			} else {
				h, v = t.group.evalUV(env, extra)
			}
			if !v {
				empty = false
				all = all && h
			}
		}
		if !empty {
			void = false
			holds = holds || all
		}
	}
	return holds, void
}

func (l *leaf) holds(env *Environment, extra pypi.Extra) bool {
	switch l.kind {
	case leafTrue:
		return true
	case leafSpan:
		p, ok := env.position(l.key.v)
		return ok && l.span.contains(p)
	case leafFlag:
		return l.key.holds(env, extra) == l.want
	}
	return false
}

// position places the value of a variable among its possible values; ok is false for a version that is none.
func (e *Environment) position(v variable) (p position, ok bool) {
	if v.isVersion() {
		return versionPosition(e.value(v))
	}
	return position{point: point{text: e.value(v)}}, true
}

func (k key) holds(env *Environment, extras ...pypi.Extra) bool {
	switch k.kind {
	case keyIn:
		return strings.Contains(k.text, env.value(k.v))
	case keyContains:
		return strings.Contains(env.value(k.v), k.text)
	case keyExtra:
		for _, extra := range extras {
			if string(extra) == k.text {
				return true
			}
		}
	}
	return false
}

// Applies tells whether m holds by Eval or by EvalUV, with one extra active or none (""): what a lock must keep, since
// pip installs it and refuses a dependency that is missing. What Eval does not define is left to EvalUV.
func (m Marker) Applies(env Environment, extra pypi.Extra) bool {
	holds, err := m.Eval(env, extra)
	return err == nil && holds || m.EvalUV(env, extra)
}
