package indextest

import (
	"reflect"
	"strings"
	"testing"
)

func TestLoadScenarios(t *testing.T) {
	all, err := LoadScenarios(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	satisfiable, universal, single := 0, 0, 0
	for _, s := range all {
		if len(s.Requires) == 0 || s.Category == "" || s.Universe == nil {
			t.Errorf("%s: not complete", s.Name)
		}
		if s.Satisfiable {
			satisfiable++
		}
		if s.Universal {
			universal++
		}
		if s.Satisfiable && !s.Universal {
			single++
		}
		if (s.Pins != nil) != (s.Satisfiable && !s.Universal) {
			t.Errorf("%s: pins %v", s.Name, s.Pins)
		}
		for _, pin := range s.Lock {
			p := s.Universe.Project(pin.Name)
			if p == nil || find(p, pin.Version) == nil {
				t.Errorf("%s: %s %s is not in its universe", s.Name, pin.Name, pin.Version)
			}
		}
		sameAgain(t, s.Name, s.Universe)
	}
	if len(all) != 189 || satisfiable != 136 || universal != 53 || single != 88 {
		t.Errorf("got %d scenarios, %d satisfiable, %d universal, %d of one environment with pins", len(all), satisfiable, universal, single)
	}
}

func TestParseScenario(t *testing.T) {
	got, err := parseScenario("name.txt", `category: c
require: a[x]>=1 ; os_name == 'nt'
require: B_c
requires-python: >=3.9
python: 3.12
platform: linux
universal: true
resolution: lowest
prerelease: allow
no-build: a
no-binary: b
required-environment: os_name == 'posix'
satisfiable: true
pin: A.b==1.0
pin: a-b==2.0 ; os_name == 'nt'

-- universe --
a.b 1.0
a.b 2.0
`)
	if err != nil {
		t.Fatal(err)
	}
	got.Universe = nil
	want := Scenario{Name: "name", Category: "c", Requires: []string{"a[x]>=1 ; os_name == 'nt'", "B_c"}, RequiresPython: ">=3.9", Python: "3.12",
		Platform: "linux", Universal: true, Resolution: "lowest", Prerelease: "allow", NoBuild: []string{"a"}, NoBinary: []string{"b"},
		RequiredEnvironments: []string{"os_name == 'posix'"}, Satisfiable: true,
		Lock: []LockedPin{{"a-b", "1.0", ""}, {"a-b", "2.0", "os_name == 'nt'"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}

	const head = "python: 3.12\nsatisfiable: true\n"
	for _, test := range []struct{ text, want string }{
		{"python: 3.12\n", `name.txt:2: no line "-- universe --"`},
		{"colour: red\n-- universe --\n", `name.txt:1: unknown key "colour"`},
		{"python:\n-- universe --\n", `name.txt:1: "python:" is not key: value`},
		{head + "python: 3.13\n-- universe --\n", "name.txt:3: python is there twice"},
		{"python: 3.12\n-- universe --\n", "name.txt:2: satisfiable and python are needed"},
		{head + "pin: a\n-- universe --\n", `name.txt:3: pin "a" is not NAME==VERSION`},
		{head + "pin: a==1\npin: a==2\n-- universe --\n", "name.txt:5: a has two pins or a marker; only a universal answer may"},
		{"python: 3.12\nsatisfiable: false\npin: a==1\n-- universe --\n", "name.txt:4: pins of a scenario without a solution"},
		{head + "-- universe --\na 1\n @x", "name.txt:5: unknown directive @x" + "*"},
	} {
		_, err := parseScenario("name.txt", test.text)
		if err == nil || !matches(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %s", test.text, err, test.want)
		}
	}
}

func FuzzScenario(f *testing.F) {
	f.Add("require: a\npython: 3.12\nsatisfiable: true\npin: a==1\n-- universe --\na 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseScenario("f.txt", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.txt:") {
				t.Errorf("an error without its place: %v", err)
			}
			return
		}
		sameAgain(t, "fuzz", s.Universe)
	})
}
