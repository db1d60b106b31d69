package resolver

import (
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

func universal(t *testing.T, python string, reqs ...string) Request {
	q := request(t, reqs...)
	q.Targets, q.Universal, q.LowestPython = nil, true, pep440.MustParse(python)
	return q
}

func lines(r *Resolution) string {
	var out []string
	for _, p := range r.Packages {
		s := string(p.Name) + "==" + p.Version.String()
		if p.Marker != "" {
			s += " ; " + p.Marker
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

func TestRequiredEnvironments(t *testing.T) {
	const universe = `
a 1
a 2
  @wheel py3-none-win_amd64
b 1
  a; sys_platform == 'win32'
`
	for _, tt := range []struct{ name, require, environment, want string }{
		{"nothing required", "a", "", "a==2"},
		{"a file is missing where it is needed", "a", "sys_platform == 'linux'", "a==1 ; sys_platform == 'linux'\na==2 ; sys_platform != 'linux'"},
		{"a file is missing where it is not needed", "b", "sys_platform == 'linux'", "a==2 ; sys_platform == 'win32'\nb==1"},
		{"a file is there", "a", "sys_platform == 'win32' and platform_machine == 'AMD64'", "a==2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := universal(t, "3.12", tt.require)
			if tt.environment != "" {
				m, _, err := pep508.ParseMarker(tt.environment)
				if err != nil {
					t.Fatal(err)
				}
				q.RequiredEnvironments = []pep508.Marker{m}
			}
			res, err := Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(res); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestForkStrategy(t *testing.T) {
	const universe = `
numpy 1
  @python >=3.8
numpy 2
  @python >=3.11
`
	for strategy, want := range map[ForkStrategy]string{
		ForkRequiresPython: "numpy==1 ; python_full_version < '3.11'\nnumpy==2 ; python_full_version >= '3.11'",
		ForkFewest:         "numpy==1",
	} {
		q := universal(t, "3.9", "numpy")
		q.ForkStrategy = strategy
		res, err := Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(res); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", strategy, got, want)
		}
	}
}

func TestSeveralTargets(t *testing.T) {
	const universe = `
both 1
both 2
  @wheel cp312-cp312-win_amd64
never 1
  shared<2 ; sys_platform == 'linux'
  shared>=2 ; sys_platform == 'win32'
shared 1
shared 2
app 1
  both
  pywin ; sys_platform == 'win32'
pywin 1
  @wheel py3-none-win_amd64
apart 1
  loose
  loose<2 ; sys_platform == 'win32'
  never
loose 1
loose 2
`
	for _, tt := range []struct{ name, require, want string }{
		{"one version serves both", "both", "both==1"},
		{"what one target needs must serve that one alone", "app", "app==1\nboth==1\npywin==1 ; sys_platform == 'win32'"},
		{"two pins where one cannot be", "never", "never==1\nshared==1 ; sys_platform == 'linux'\nshared==2 ; sys_platform == 'win32'"},
		{"two pins of that package alone", "apart", "apart==1\nloose==1\nnever==1\nshared==1 ; sys_platform == 'linux'\nshared==2 ; sys_platform == 'win32'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := request(t, tt.require)
			q.Targets = []Target{target(t, "3.12", "linux"), target(t, "3.12", "windows")}
			res, err := Resolve(t.Context(), newMemory(t, indextest.MustParse(universe)), q, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(res); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
