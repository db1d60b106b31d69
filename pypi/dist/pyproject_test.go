package dist

import (
	"errors"
	"strings"
	"testing"
)

func TestStaticProject(t *testing.T) {
	const head = "[project]\nname = 'Foo'\nversion = '1.0'\n"
	for _, test := range []struct{ name, in, want string }{
		{"least", head, `foo 1.0 [] python"" extras[]`},
		{"all", head + `
requires-python = ">=3.8"
dependencies = ["a>=1", "b[c]; python_version < '3.9'"]
unknown = [1, 2]
[project.optional-dependencies]
Z_z = ["z @ https://example.com/z.zip"]
test = ["pytest", "tomli; python_version < '3.11' or os_name == 'nt'"]
empty = []
`, `foo 1.0 [a>=1 | b[c]; python_version < "3.9" | z @ https://example.com/z.zip ; extra == "z-z" | ` +
			`pytest; extra == "test" | tomli; (python_version < "3.11" or os_name == "nt") and extra == "test"] python">=3.8" extras[empty test z-z]`},
		{"byte order mark", "\xef\xbb\xbf" + head, `foo 1.0 [] python"" extras[]`},
		{"repaired", head + "dependencies = ['a>=1.*']\nrequires-python = '>=3.8.*'\n", `foo 1.0 [a>=1] python">=3.8" extras[] warnings=2`},
		{"dynamic version", "[project]\nname = 'foo'\ndynamic = ['version', 'readme']\n", `foo`},
		{"dynamic dependencies", head + "dynamic = ['dependencies']\n", "dynamic"},
		{"partly dynamic", head + "dependencies = ['a']\ndynamic = ['dependencies']\n", "dynamic"},
		{"dynamic extras", head + "dynamic = ['optional-dependencies']\n", "dynamic"},
		{"dynamic python", head + "dynamic = ['requires-python']\n", "dynamic"},
		{"no table", "[build-system]\nrequires = ['flit']\n", "dynamic"},
		{"empty", "", "dynamic"},
		{"poetry elsewhere", head + "[tool.poetry]\n[tool.poetry.dependencies]\na = '^1'\n", "dynamic"},
		{"poetry beside", head + "dependencies = []\n[tool.poetry]\npackages = []\n", `foo 1.0 [] python"" extras[]`},
		{"no name", "[project]\nversion = '1'\n", "error project.name"},
		{"no version", "[project]\nname = 'foo'\n", "error project.version"},
		{"bad version", "[project]\nname = 'foo'\nversion = 'x'\n", "error project.version"},
		{"bad dependency", head + "dependencies = ['a b']\n", "error project.dependencies"},
		{"bad extra", head + "[project.optional-dependencies]\n'a b' = []\n", "error project.optional-dependencies.a b"},
		{"bad optional dependency", head + "[project.optional-dependencies]\na = ['a b']\n", "error project.optional-dependencies.a"},
		{"bad python", head + "requires-python = 'x'\n", "error project.requires-python"},
		{"dependencies of another type", head + "dependencies = 'a'\n", "error "},
		{"not TOML", "[project\n", "error "},
		{"key twice", head + "name = 'bar'\n", "error "},
		{"not UTF-8", head + "description = '\xff'\n", "error "},
		{"deep", "a = " + strings.Repeat("[", 100_000), "error "},
		{"large", strings.Repeat("#", MaxPyproject+1), "error "},
	} {
		m, err := StaticProject([]byte(test.in))
		got := text(m, err)
		if errors.Is(err, ErrDynamic) {
			got = "dynamic"
		}
		if test.name == "dynamic version" && err == nil && m.Version.IsZero() {
			got = string(m.Name)
		}
		if got != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.name, got, err, test.want)
		}
		if err != nil && m != nil {
			t.Errorf("%s: got both metadata and an error", test.name)
		}
	}
}

func FuzzStaticProject(f *testing.F) {
	f.Add([]byte("[project]\nname = 'a'\nversion = '1'\ndependencies = ['b>=1']\n[project.optional-dependencies]\nc = ['d; os_name == \"nt\"']\n"))
	f.Add([]byte("[project]\nname = 'a'\ndynamic = ['version', 'dependencies']\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := StaticProject(b)
		if err != nil {
			return
		}
		if !m.Version.IsZero() {
			again, err := ParseMetadata([]byte(format(&Metadata{Name: m.Name, Version: m.Version, Requires: m.Requires,
				RequiresPython: m.RequiresPython, Extras: m.Extras})))
			if err != nil || len(again.Requires) != len(m.Requires) {
				t.Fatalf("%q: reads back as %+v, %v", b, again, err)
			}
		}
	})
}

func BenchmarkStaticProject(b *testing.B) {
	data := []byte("[project]\nname = 'a'\nversion = '1'\ndependencies = [" + strings.Repeat("'b>=1,<2', ", 30) + "]\n" +
		"[project.optional-dependencies]\nc = [" + strings.Repeat("'d; os_name == \"nt\"', ", 10) + "]\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := StaticProject(data); err != nil {
			b.Fatal(err)
		}
	}
}
