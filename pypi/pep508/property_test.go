package pep508

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// values are what random markers and environments are made of.
var values = map[variable][]string{
	varOSName:                       {"posix", "nt", "java"},
	varSysPlatform:                  {"linux", "darwin", "win32", "cygwin", "ios", "linux2", ""},
	varPlatformSystem:               {"Linux", "Darwin", "Windows", "Java", "FreeBSD"},
	varPlatformMachine:              {"x86_64", "arm64", "AMD64", "86", "x86_64 arm64"},
	varPlatformPythonImplementation: {"CPython", "PyPy"},
	varPlatformRelease:              {"5.10.0", "6.8", "11", ""},
	varPlatformVersion:              {"#1 SMP", "10.0.22631"},
	varImplementationName:           {"cpython", "pypy"},
	varImplementationVersion:        {"3.12.0", "7.3.17", "3.8"},
	varPythonFullVersion: {"2.7.18", "3.0.0", "3.7.17", "3.8.0", "3.8.1", "3.9.0", "3.9.20", "3.10.0", "3.10.4", "3.12.0",
		"3.12.4", "3.13.0", "4.0.0", "0.0.0"},
	varPythonVersion: {"3", "3.0", "3.8", "3.9", "3.9.0", "3.9.1", "3.10", "3.12", "4", "0", "3.8.0.1"},
	varExtra:         {"a", "b", "dev-c"},
}

type generator struct{ *rand.Rand }

func pick[T any](g generator, list []T) T { return list[g.IntN(len(list))] }

func (g generator) environment() (Environment, pypi.Extra) {
	full := pick(g, values[varPythonFullVersion])
	extra := pypi.Extra("")
	if g.IntN(2) == 0 {
		extra = pypi.Extra(pick(g, values[varExtra]))
	}
	number := strings.SplitN(full, ".", 3)
	return Environment{
		OSName: pick(g, values[varOSName]), SysPlatform: pick(g, values[varSysPlatform]),
		PlatformSystem: pick(g, values[varPlatformSystem]), PlatformMachine: pick(g, values[varPlatformMachine]),
		PlatformPythonImplementation: pick(g, values[varPlatformPythonImplementation]),
		PlatformRelease:              pick(g, values[varPlatformRelease]), PlatformVersion: pick(g, values[varPlatformVersion]),
		ImplementationName:    pick(g, values[varImplementationName]),
		ImplementationVersion: pick(g, values[varImplementationVersion]),
		PythonFullVersion:     full, PythonVersion: number[0] + "." + number[1],
	}, extra
}

// marker makes a marker that has the same meaning to packaging and uv where alike is set.
func (g generator) marker(depth int, alike bool) string {
	if depth > 0 && g.IntN(4) > 0 {
		n := 2 + g.IntN(2)
		var parts []string
		for range n {
			parts = append(parts, g.marker(depth-1, alike))
		}
		return "(" + strings.Join(parts, pick(g, []string{" and ", " or "})) + ")"
	}
	v := variable(1 + g.IntN(int(varExtra)))
	if g.IntN(3) == 0 {
		v = varPythonFullVersion + variable(g.IntN(2))
	}
	if alike && (v.isOrdered()) {
		v = varSysPlatform
	}
	value := pick(g, values[v])
	ops := []string{"==", "!="}
	switch {
	case v == varExtra:
	case v.isVersion():
		ops = append(ops, "<", "<=", ">", ">=", ">=", "<")
		switch g.IntN(8) {
		case 0:
			value += ".*"
			ops = ops[:2]
		case 1:
			if strings.Contains(value, ".") {
				ops = []string{"~="}
			}
		case 2:
			if !alike {
				value += " " + pick(g, values[v])
				ops = []string{"in", "not in"}
			}
		}
	case g.IntN(3) == 0:
		if g.IntN(2) == 0 && value != "" {
			i := g.IntN(len(value))
			value = value[i : i+1+g.IntN(len(value)-i)]
			return fmt.Sprintf("%q %s %s", value, pick(g, []string{"in", "not in"}), v)
		}
		value += pick(g, values[v])
		ops = []string{"in", "not in"}
	default:
		ops = append(ops, "<", ">=")
	}
	return fmt.Sprintf("%s %s %q", v, pick(g, ops), value)
}

// property runs check with random generators; the seed is in the name of a failure.
func property(t *testing.T, n int, check func(t *testing.T, g generator)) {
	for seed := range uint64(n) {
		check(t, generator{rand.New(rand.NewPCG(seed, 508))})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSetIsEvalUV(t *testing.T) {
	property(t, 3000, func(t *testing.T, g generator) {
		text := g.marker(3, false)
		m := mustMarker(t, text)
		s, known := m.Set(), m.KnownSet()
		back, err := s.Marker()
		if err != nil {
			t.Logf("%s: %v", text, err)
			back = m
		} else if r := back.Set(); !r.Equal(s) {
			t.Errorf("%s\nas a set is %s\nas a set is %s", text, s, r)
		}
		possible := Possible()
		for range 40 {
			env, extra := g.environment()
			want := m.EvalUV(env, extra)
			if got := s.Contains(env, extra); got != want {
				t.Errorf("%s in %+v extra %q: set %v, EvalUV %v", text, env, extra, got, want)
			}
			if got := back.EvalUV(env, extra); got != want {
				t.Errorf("%s printed as %s in %+v: %v, want %v", text, back, env, got, want)
			}
			if got := s.Not().Contains(env, extra); got == want {
				t.Errorf("not (%s) in %+v: %v", text, env, got)
			}
			if got := s.In(env).Contains(Environment{}, extra); got != want {
				t.Errorf("%s restricted to %+v: %v, want %v", text, env, got, want)
			}
			if got := s.WithExtra(extra, true).Contains(env); extra != "" && got != want {
				t.Errorf("%s with extra %s in %+v: %v, want %v", text, extra, env, got, want)
			}
			if possible.Contains(env) && known.Contains(env, extra) != want {
				t.Errorf("%s as a known set is %s in %+v", text, known, env)
			}
			if want && !s.WithoutExtras().Contains(env) {
				t.Errorf("%s without extras is %s in %+v", text, s.WithoutExtras(), env)
			}
		}
	})
}

// TestEvalIsEvalUV holds where markers mean the same to packaging and uv, and for the text of their sets.
func TestEvalIsEvalUV(t *testing.T) {
	property(t, 2000, func(t *testing.T, g generator) {
		text := g.marker(3, true)
		m := mustMarker(t, text)
		back, err := m.Set().Marker()
		if err != nil {
			back = m
		}
		for range 20 {
			env, extra := g.environment()
			if extra == "" {
				extra = "none"
			}
			want := m.EvalUV(env, extra)
			if got, err := m.Eval(env, extra); err != nil || got != want {
				t.Errorf("%s in %+v: Eval %v, %v, EvalUV %v", text, env, got, err, want)
			}
			if got, err := back.Eval(env, extra); err != nil || got != want {
				t.Errorf("%s printed as %s in %+v: Eval %v, %v, want %v", text, back, env, got, err, want)
			}
		}
	})
}

func TestSetLaws(t *testing.T) {
	property(t, 2000, func(t *testing.T, g generator) {
		texts := []string{g.marker(2, false), g.marker(2, false), g.marker(1, false)}
		a, b, c := mustMarker(t, texts[0]).Set(), mustMarker(t, texts[1]).Set(), mustMarker(t, texts[2]).Set()
		laws := []struct {
			name string
			x, y MarkerSet
		}{
			{"a and b = b and a", a.And(b), b.And(a)},
			{"a or b = b or a", a.Or(b), b.Or(a)},
			{"not not a = a", a.Not().Not(), a},
			{"not (a and b) = not a or not b", a.And(b).Not(), a.Not().Or(b.Not())},
			{"a and (a or b) = a", a.And(a.Or(b)), a},
			{"a and (b or c) = a and b or a and c", a.And(b.Or(c)), a.And(b).Or(a.And(c))},
			{"(a and b) and c = a and (b and c)", a.And(b).And(c), a.And(b.And(c))},
			{"a and not a = false", a.And(a.Not()), MarkerSet{}.Not()},
			{"a or not a = true", a.Or(a.Not()), MarkerSet{}},
			{"a = text of (a)", a, mustMarker(t, "("+texts[0]+")").Set()},
			{"a and b = text of a and b", a.And(b), mustMarker(t, texts[0]+" and "+texts[1]).Set()},
			{"simplified a under b, and b = a and b", a.Simplify(b).And(b), a.And(b)},
		}
		for _, law := range laws {
			if !law.x.Equal(law.y) {
				t.Errorf("%s fails: %s\n%s\na %s\nb %s\nc %s", law.name, law.x, law.y, texts[0], texts[1], texts[2])
			}
		}
		if !a.And(b).Implies(a) || !a.Implies(a.Or(b)) || !a.Disjoint(b.And(a.Not())) {
			t.Errorf("order fails for %s\n%s", texts[0], texts[1])
		}
		known := mustMarker(t, texts[0]).KnownSet().Simplify(mustMarker(t, texts[1]).KnownSet())
		for range 20 {
			env, extra := g.environment()
			if Possible().Contains(env) && b.Contains(env, extra) && known.Contains(env, extra) != a.Contains(env, extra) {
				t.Errorf("%s\nsimplified under %s\nis %s in %+v", texts[0], texts[1], known, env)
			}
		}
	})
}

func TestSetPython(t *testing.T) {
	property(t, 1000, func(t *testing.T, g generator) {
		text := g.marker(2, false)
		s := mustMarker(t, text).Set()
		python := s.Python()
		for _, version := range values[varPythonFullVersion] {
			exactly, err := pep440.ParseSpecifiers("==" + version)
			if err != nil {
				t.Fatal(err)
			}
			got, want := python.Contains(pep440.MustParse(version)), !s.Disjoint(RequiresPython(exactly))
			if got != want {
				t.Errorf("%s for Python %s: %v, want %v", text, version, got, want)
			}
		}
	})
}

// odd makes a comparison that packaging and uv understand differently, or that has no meaning.
func (g generator) odd() string {
	v := variable(1 + g.IntN(int(varExtra)))
	op := operatorTexts[g.IntN(len(operatorTexts))]
	value := pick(g, []string{pick(g, values[v]), pick(g, values[v]) + "rc1", pick(g, values[v]) + ".post1", "dog", "1!3.8", "3.8+x",
		"3.8.dev1", "3.8, 3.12.4,3.9", pick(g, values[v]) + ".*", "", "os_name", "3.12.0.0", "3.8a1.post2"})
	if g.IntN(3) == 0 {
		return fmt.Sprintf("%q %s %s", value, op, v)
	}
	return fmt.Sprintf("%s %s %q", v, op, value)
}

func TestAppliesSet(t *testing.T) {
	property(t, 3000, func(t *testing.T, g generator) {
		text := g.odd()
		if g.IntN(2) == 0 {
			text = fmt.Sprintf("(%s %s %s) %s %s", text, pick(g, []string{"and", "or"}), g.odd(),
				pick(g, []string{"and", "or"}), g.marker(1, false))
		}
		m := mustMarker(t, text)
		s := m.AppliesSet()
		for range 30 {
			env, extra := g.environment()
			if Possible().Contains(env) && m.Applies(env, extra) && !s.Contains(env, extra) {
				t.Errorf("%s applies in %+v extra %q, but its set is %s", text, env, extra, s)
			}
		}
		text = g.marker(2, true)
		if m := mustMarker(t, text); !m.AppliesSet().Equal(m.KnownSet()) {
			t.Errorf("%s applies in %s, known set %s", text, m.AppliesSet(), m.KnownSet())
		}
	})
}

// TestReadTwice: comparisons with versions of Python that are no releases hold by the specification as Eval has it, in
// every release, and opposites never hold together by it.
func TestReadTwice(t *testing.T) {
	for _, v := range []variable{varPythonFullVersion, varPythonVersion, varImplementationVersion} {
		for _, text := range []string{"3.11.0a6", "3.11a6", "3.11.dev1", "3.11.0rc1", "3.11.1a1", "3.11.0.post1", "3.11.0"} {
			for _, ops := range [][2]string{{"<=", ">"}, {"<", ">="}, {"==", "!="}} {
				m, not := mustMarker(t, fmt.Sprintf("%s %s %q", v, ops[0], text)), mustMarker(t, fmt.Sprintf("%s %s %q", v, ops[1], text))
				if want := text != "3.11.0"; m.ReadTwice() != want || not.ReadTwice() != want {
					t.Errorf("%s is read twice: %v, want %v", m, m.ReadTwice(), want)
				}
				s, ok := m.SpecifiedSet()
				notS, notOK := not.SpecifiedSet()
				if !ok || !notOK || !s.Disjoint(notS) || !s.Or(notS).IsTrue() {
					t.Errorf("%s is %s, and %s is %s", m, s, not, notS)
				}
				for _, full := range []string{"3.10.9", "3.11.0", "3.11.1", "3.11.2", "3.12.0"} {
					env := Environment{PythonFullVersion: full, PythonVersion: full[:4], ImplementationVersion: full, SysPlatform: "linux", OSName: "posix"}
					for _, m := range []Marker{m, not} {
						want, err := m.Eval(env, "")
						s, _ := m.SpecifiedSet()
						if got := s.Contains(env); err != nil || got != want {
							t.Errorf("%s in Python %s: set %v, Eval %v %v", m, full, got, want, err)
						}
						if got, want := m.AppliesSet().Contains(env), m.Applies(env, ""); got != want {
							t.Errorf("%s in Python %s: set %v, Applies %v", m, full, got, want)
						}
					}
				}
			}
		}
	}
}
