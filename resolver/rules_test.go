package resolver

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// parent reads "", "name" or "name version".
func parent(s string) project.Parent {
	name, version, ok := strings.Cut(s, " ")
	p := project.Parent{Name: pypi.Name(name)}
	if ok {
		p.Version = pep440.MustParse(version)
	}
	return p
}

func TestRules(t *testing.T) {
	const universe = `
app 1
  lib
  tool; extra == "dev"
  win; sys_platform == "win32"
app 2
  lib
lib 1
lib 2
  deep
lib 3
deep 1
tool 1
tool 2
win 1
extra 1
bare 1
`
	type scoped struct{ of, requirements string } // separated by "|"
	for _, tt := range []struct {
		name      string
		ask       string
		global    string
		overrides []scoped
		excludes  []scoped
		want      string
		lists     string // overridden, excluded
	}{
		{"none", "app", "", nil, nil, "app==2 lib==3", "[] []"},
		{"scoped override", "app", "", []scoped{{"app", "lib<2"}}, nil, "app==2 lib==1", "[lib] []"},
		{"of another package", "app", "", []scoped{{"other", "lib<2"}}, nil, "app==2 lib==3", "[] []"},
		{"of another version", "app", "", []scoped{{"app 1", "lib<2"}}, nil, "app==2 lib==3", "[] []"},
		{"of the version, in another spelling", "app", "", []scoped{{"app 2.0", "lib<2"}}, nil, "app==2 lib==1", "[lib] []"},
		{"a version before all", "app", "", []scoped{{"app", "lib<3"}, {"app 2", "lib<2"}}, nil, "app==2 lib==1", "[lib] []"},
		{"an empty version before all", "app", "", []scoped{{"app", "lib<3"}, {"app 2", ""}}, nil, "app==2 lib==3", "[] []"},
		{"scoped before global", "app", "lib==3", []scoped{{"app", "lib<3"}}, nil, "app==2 deep==1 lib==2", "[lib] []"},
		{"global for the other names", "app", "lib<2", []scoped{{"app", "extra"}}, nil, "app==2 extra==1 lib==1", "[extra lib] []"},
		{"the project's own are not of a package", "lib<2", "", []scoped{{"lib", "extra"}}, nil, "extra==1 lib==1", "[extra] []"},
		{"added where its marker holds", "app", "", []scoped{{"app", "extra; sys_platform == 'win32'"}}, nil, "app==2 lib==3", "[] []"},
		{"not added to what an extra asks for", "app[dev]==1", "", []scoped{{"app", "extra"}}, nil, "app==1 extra==1 lib==3 tool==2", "[extra] []"},
		{"added to an extra", "app[dev]==1", "", []scoped{{"app", "extra; extra == 'dev'"}}, nil, "app==1 extra==1 lib==3 tool==2", "[extra] []"},
		{"added to an extra that nobody wants", "app==1", "", []scoped{{"app", "extra; extra == 'dev'"}}, nil, "app==1 lib==3", "[] []"},
		{"of an extra's dependency", "app[dev]==1", "", []scoped{{"app", "tool<2"}}, nil, "app==1 lib==3 tool==1", "[tool] []"},
		{"of an extra that nobody wants", "app==1", "", []scoped{{"app", "tool<2"}}, nil, "app==1 lib==3", "[] []"},
		{"exclusion", "app", "", nil, []scoped{{"", "lib"}}, "app==2", "[] [lib]"},
		{"exclusion of what the project asks for", "app|lib", "", nil, []scoped{{"", "app"}}, "lib==3", "[] []"},
		{"exclusion with what it brings", "lib==2", "", nil, []scoped{{"", "deep"}}, "lib==2", "[] [deep]"},
		{"exclusion for a package", "app|lib<3", "", nil, []scoped{{"lib", "deep"}}, "app==2 lib==2", "[] [deep]"},
		{"exclusion for another", "app|lib<3", "", nil, []scoped{{"app", "deep"}}, "app==2 deep==1 lib==2", "[] []"},
		{"exclusion for the project is global alone", "lib<2", "", nil, []scoped{{"app", "lib"}}, "lib==1", "[] []"},
		{"an empty version's before all", "app", "", nil, []scoped{{"app", "lib"}, {"app 2", ""}}, "app==2 lib==3", "[] []"},
		{"exclusion of an override", "app", "lib<2", nil, []scoped{{"", "lib"}}, "app==2", "[] [lib]"},
		{"exclusion of an addition", "app", "", []scoped{{"app", "extra"}}, []scoped{{"app", "extra"}}, "app==2 lib==3", "[] [extra]"},
		{"exclusion elsewhere", "app==1", "", nil, []scoped{{"", "win"}}, "app==1 lib==3", "[] []"},
		{"exclusion makes room", "app|bare", "bare>2", nil, []scoped{{"", "bare"}}, "app==2 lib==3", "[] []"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := request(t, strings.Split(tt.ask, "|")...)
			if tt.global != "" {
				q.Overrides = append(q.Overrides, requirement(t, tt.global))
			}
			for _, s := range tt.overrides {
				o := project.ScopedOverride{Of: parent(s.of)}
				for r := range strings.SplitSeq(s.requirements, "|") {
					if r != "" {
						o.Requirements = append(o.Requirements, requirement(t, r))
					}
				}
				q.ScopedOverrides = append(q.ScopedOverrides, o)
			}
			for _, s := range tt.excludes {
				x := project.Exclusion{Of: parent(s.of)}
				for n := range strings.SplitSeq(s.requirements, "|") {
					if n != "" {
						x.Names = append(x.Names, pypi.Name(n))
					}
				}
				q.Exclusions = append(q.Exclusions, x)
			}
			res, err := Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := pins(res); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := fmt.Sprint(res.Overridden, " ", res.Excluded); got != tt.lists {
				t.Errorf("got overridden and excluded %s, want %s", got, tt.lists)
			}
		})
	}
}

// A universal resolution drops, too, and a path dependency has rules.
func TestRulesElsewhere(t *testing.T) {
	const universe = `
a 1
  b; sys_platform == "win32"
  c
b 1
c 1
c 2
`
	q := universal(t, "3.12", "a")
	q.Exclusions = []project.Exclusion{{Names: []pypi.Name{"b"}}}
	q.ScopedOverrides = []project.ScopedOverride{{Of: parent("a"), Requirements: []project.Requirement{requirement(t, "c<2; sys_platform == 'linux'"), requirement(t, "c>=2; sys_platform != 'linux'")}}}
	res, err := Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(res), "a==1\nc==1 ; sys_platform == 'linux'\nc==2 ; sys_platform != 'linux'"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := fmt.Sprint(res.Excluded); got != "[b]" {
		t.Errorf("got excluded %s", got)
	}

	local := requirement(t, "here")
	local.Path = "/here"
	q = request(t)
	q.Requirements = []project.Requirement{local}
	q.Locals = []project.Local{{Name: "here", Version: pep440.MustParse("1"), Dir: "/here", Requirements: []project.Requirement{requirement(t, "a"), requirement(t, "c")}}}
	q.Exclusions = []project.Exclusion{{Of: parent("here"), Names: []pypi.Name{"a"}}}
	q.ScopedOverrides = []project.ScopedOverride{{Of: parent("here 1"), Requirements: []project.Requirement{requirement(t, "c<2"), requirement(t, "b")}}}
	if res, err = Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil); err != nil {
		t.Fatal(err)
	}
	// What a folder asks for is no matter to who installs the lock.
	if got, want := pins(res)+fmt.Sprint(res.Excluded), "b==1 c==1 here==1[]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// An excluded folder is not there at all.
	q.Exclusions = []project.Exclusion{{Names: []pypi.Name{"here"}}}
	if res, err = Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil); err != nil || len(res.Packages) > 0 {
		t.Errorf("got %v, %v", res, err)
	}
}

func TestDependencyMetadata(t *testing.T) {
	const universe = `
a 1
  missing
a 2
  missing
sd 1
  @sdist dynamic
b 1
b 2
py 1
py 2
  @python >=3.8
`
	stated := func(name, version, python string, requires ...string) project.StaticMetadata {
		m := project.StaticMetadata{Name: pypi.Name(name)}
		if version != "" {
			m.Version = pep440.MustParse(version)
		}
		if python != "" {
			m.RequiresPython, _ = pep440.ParseSpecifiers(python)
		}
		for _, r := range requires {
			m.Requires = append(m.Requires, requirement(t, r).Requirement)
		}
		return m
	}
	for _, tt := range []struct {
		name, ask string
		metadata  []project.StaticMetadata
		want      string // "" for no solution
		restated  string
		reads     int64
	}{
		{"every version", "a", []project.StaticMetadata{stated("a", "", "", "b<2")}, "a==2 b==1", "[a]", 1},
		{"one version", "a", []project.StaticMetadata{stated("a", "1.0", "")}, "a==1", "[a]", 1},
		{"one version before every version", "a<2", []project.StaticMetadata{stated("a", "", "", "b"), stated("a", "1", "", "b<2")}, "a==1 b==1", "[a]", 1},
		{"a missing package", "a", []project.StaticMetadata{stated("b", "", "")}, "", "", 2},
		{"an sdist", "sd", []project.StaticMetadata{stated("sd", "", "", "b", "a; extra == 'x'")}, "b==2 sd==1", "[sd]", 1},
		{"an extra", "sd[x]", []project.StaticMetadata{stated("sd", "", "", "b<2; extra == 'x'")}, "b==1 sd==1", "[sd]", 1},
		{"Python", "py", []project.StaticMetadata{stated("py", "2", ">=3.13")}, "py==1", "[]", 1},
		{"Python of all", "py", []project.StaticMetadata{stated("py", "", ">=3.13")}, "", "", 0},
		{"both of the Pythons", "py", []project.StaticMetadata{stated("py", "2", ">=3.6")}, "py==2", "[py]", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := request(t, tt.ask)
			q.DependencyMetadata = tt.metadata
			ix := newMemory(t, indextest.MustParse(universe))
			res, err := Resolve(t.Context(), ix, q, nil)
			var none *NoSolutionError
			switch {
			case errors.As(err, &none):
				if tt.want != "" {
					t.Fatal(err)
				}
			case err != nil:
				t.Fatal(err)
			case pins(res) != tt.want || fmt.Sprint(res.Restated) != tt.restated:
				t.Errorf("got %s, restated %s; want %s, %s", pins(res), res.Restated, tt.want, tt.restated)
			}
			if got := ix.reads.Load(); got > tt.reads {
				t.Errorf("read %d documents, want at most %d", got, tt.reads)
			}
		})
	}
	q := universal(t, "3.12", "py")
	q.DependencyMetadata = []project.StaticMetadata{stated("py", "2", ">=3.13")}
	res, err := Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(res), "py==1 ; python_full_version < '3.13'\npy==2 ; python_full_version >= '3.13'"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEnvironments(t *testing.T) {
	const universe = `
a 1
  win; sys_platform == "win32"
  lin; sys_platform == "linux"
  old<2; python_version < "3.13"
  old>=2; python_version >= "3.13"
win 1
lin 1
old 1
old 2
`
	for _, tt := range []struct {
		name         string
		environments []string
		want         string
	}{
		{"all", nil, "a==1\nlin==1 ; sys_platform == 'linux'\nold==1 ; python_full_version < '3.13'\nold==2 ; python_full_version >= '3.13'\nwin==1 ; sys_platform == 'win32'"},
		{"platform", []string{"sys_platform == 'linux'"}, "a==1 ; sys_platform == 'linux'\nlin==1 ; sys_platform == 'linux'\nold==1 ; python_full_version < '3.13' and sys_platform == 'linux'\nold==2 ; python_full_version >= '3.13' and sys_platform == 'linux'"},
		{"Python", []string{"python_version < '3.13'"}, "a==1 ; python_full_version < '3.13'\nlin==1 ; python_full_version < '3.13' and sys_platform == 'linux'\nold==1 ; python_full_version < '3.13'\nwin==1 ; python_full_version < '3.13' and sys_platform == 'win32'"},
		{"overlapping", []string{"sys_platform == 'linux' and python_version >= '3.13'", "python_version >= '3.13'"}, "a==1 ; python_full_version >= '3.13'\nlin==1 ; python_full_version >= '3.13' and sys_platform == 'linux'\nold==2 ; python_full_version >= '3.13'\nwin==1 ; python_full_version >= '3.13' and sys_platform == 'win32'"},
		{"everywhere", []string{"sys_platform == 'win32'", "sys_platform != 'win32' and python_version >= '3.12'"}, "a==1\nlin==1 ; sys_platform == 'linux'\nold==1 ; python_full_version < '3.13'\nold==2 ; python_full_version >= '3.13'\nwin==1 ; sys_platform == 'win32'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := universal(t, "3.12", "a")
			for _, s := range tt.environments {
				m, _, err := pep508.ParseMarker(s)
				if err != nil {
					t.Fatal(err)
				}
				q.Environments = append(q.Environments, m)
			}
			ix := newMemory(t, indextest.MustParse(universe))
			res, err := Resolve(t.Context(), ix, q, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(res); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			// Fed back, the same.
			q.Preferences = map[pypi.Name][]Preference{}
			for _, p := range res.Packages {
				var m pep508.Marker
				if p.Marker != "" {
					if m, _, err = pep508.ParseMarker(p.Marker); err != nil {
						t.Fatal(err)
					}
				}
				q.Preferences[p.Name] = append(q.Preferences[p.Name], Preference{Version: p.Version, Marker: m})
			}
			again, err := Resolve(t.Context(), ix, q, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(again); got != tt.want {
				t.Errorf("again, got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestPackageModes(t *testing.T) {
	const universe = `
a 2rc1
  @uploaded 2026-03-01T00:00:00Z
a 1
  @uploaded 2026-01-01T00:00:00Z
b 2rc1
  @uploaded 2026-03-01T00:00:00Z
b 1
  @uploaded 2026-01-01T00:00:00Z
`
	date := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct {
		name      string
		mode, ofA PrereleaseMode
		cut, cutA string
		want      string
	}{
		{"allow one", IfNecessaryOrExplicit, Allow, "", "", "a==2rc1 b==1"},
		{"disallow one", Allow, Disallow, "", "", "a==1 b==2rc1"},
		{"hide one", Allow, Allow, "", "2026-02-01", "a==1 b==2rc1"},
		{"show one", Allow, Allow, "2026-02-01", "", "a==2rc1 b==1"},
		{"hide all", Allow, Allow, "2026-02-01", "2026-02-02", "a==1 b==1"},
	} {
		q := request(t, "a", "b")
		q.Prerelease, q.PrereleasePackage = tt.mode, map[pypi.Name]PrereleaseMode{"a": tt.ofA}
		q.ExcludeNewer, q.ExcludeNewerPackage = date(tt.cut), map[pypi.Name]time.Time{"a": date(tt.cutA)}
		res, err := Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := pins(res); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
