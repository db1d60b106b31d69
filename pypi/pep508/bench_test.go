package pep508

import "testing"

var benchEnvironment = Environment{
	ImplementationName: "cpython", ImplementationVersion: "3.12.4", OSName: "posix", PlatformMachine: "x86_64",
	PlatformPythonImplementation: "CPython", PlatformRelease: "6.8.0-31-generic", PlatformSystem: "Linux",
	PlatformVersion: "#31-Ubuntu SMP", PythonFullVersion: "3.12.4", PythonVersion: "3.12", SysPlatform: "linux",
}

func BenchmarkParseRequirement(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"name", "anyio"},
		{"specifiers", "h2<5,>=3"},
		{"extra", `h2<5,>=3; extra == "http2"`},
		{"long", `typing-extensions[a,b] (>=4.6.0,!=4.7.1,<5); python_version < "3.11" and (sys_platform == "win32" or extra == "all")`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ParseRequirement(bench.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var benchMarkers = []struct{ name, text string }{
	{"extra", `extra == "http2"`},
	{"python", `python_version < "3.11"`},
	{"platform", `sys_platform == "win32"`},
	{"long", `python_version < "3.11" and (sys_platform == "win32" or extra == "all") and platform_machine != "arm64"`},
}

func BenchmarkParseMarker(b *testing.B) {
	for _, bench := range benchMarkers {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ParseMarker(bench.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEval(b *testing.B) {
	for _, bench := range benchMarkers {
		m := mustMarker(b, bench.text)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Eval(benchEnvironment, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEvalUV(b *testing.B) {
	for _, bench := range benchMarkers {
		m := mustMarker(b, bench.text)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.EvalUV(benchEnvironment, "")
			}
		})
	}
}

func BenchmarkApplies(b *testing.B) {
	for _, bench := range benchMarkers {
		m := mustMarker(b, bench.text)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Applies(benchEnvironment, "")
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	x, y := mustMarker(b, benchMarkers[3].text), mustMarker(b, `python_version >= "3.9" and os_name == "nt" or extra == "x"`)
	s, t := x.Set(), y.Set()
	ks, kt := x.KnownSet(), y.KnownSet()
	for _, bench := range []struct {
		name string
		do   func()
	}{
		{"of-marker", func() { x.Set() }},
		{"and", func() { s.And(t) }},
		{"or", func() { s.Or(t) }},
		{"not", func() { s.Not() }},
		{"disjoint", func() { s.Disjoint(t) }},
		{"implies", func() { s.Implies(t) }},
		{"simplify", func() { s.Simplify(t) }},
		{"known-and", func() { ks.And(kt) }},
		{"known-disjoint", func() { ks.Disjoint(kt) }},
		{"string", func() { _ = s.String() }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.do()
			}
		})
	}
}
