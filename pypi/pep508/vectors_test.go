package pep508

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
)

// load reads a file of conformance vectors.
func load[T any](tb testing.TB, name string) (vectors T) {
	tb.Helper()
	f, err := os.Open("testdata/" + name + ".json.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&vectors); err != nil {
		tb.Fatal(err)
	}
	return vectors
}

// A testEnvironment is an environment as the vectors write it.
type testEnvironment map[string]string

func (e testEnvironment) environment() Environment {
	return Environment{
		ImplementationName: e["implementation_name"], ImplementationVersion: e["implementation_version"],
		OSName: e["os_name"], PlatformMachine: e["platform_machine"],
		PlatformPythonImplementation: e["platform_python_implementation"], PlatformRelease: e["platform_release"],
		PlatformSystem: e["platform_system"], PlatformVersion: e["platform_version"],
		PythonFullVersion: e["python_full_version"], PythonVersion: e["python_version"], SysPlatform: e["sys_platform"],
	}
}

type markerVectors struct {
	Valid        []struct{ In, Norm string }
	Invalid      []string
	Environments []testEnvironment
	Evaluate     [][4]any
	EvaluateEnv  []struct {
		Marker   string
		Env      testEnvironment
		Expected any
	} `json:"evaluate_env"`
}

// exceptions counts the vectors that are not passed, by the rule that excepts them.
type exceptions map[string]int

func (got exceptions) check(t *testing.T, want exceptions) {
	t.Helper()
	for rule, n := range got {
		if want[rule] != n {
			t.Errorf("%d vectors excepted because %s, want %d", n, rule, want[rule])
		}
	}
	for rule, n := range want {
		if got[rule] == 0 {
			t.Errorf("no vectors excepted because %s, want %d", rule, n)
		}
	}
}

func TestMarkerVectors(t *testing.T) {
	v := load[markerVectors](t, "markers")
	excepted := exceptions{}
	for _, c := range v.Valid {
		m, _, err := ParseMarker(c.In)
		if err != nil {
			t.Errorf("ParseMarker(%q): %v", c.In, err)
			continue
		}
		if got := m.String(); got != c.Norm && !isPrintable(c.Norm) && got == mustMarker(t, c.Norm).String() {
			excepted["what does not print is escaped"]++
		} else if got != c.Norm {
			t.Errorf("ParseMarker(%q).String() = %q, want %q", c.In, got, c.Norm)
		}
	}
	for _, in := range v.Invalid {
		_, _, err := ParseMarker(in)
		var parse *ParseError
		switch {
		case err == nil && strings.Contains(in, `\`):
			excepted["uv reads a malformed escape literally"]++
		case err == nil:
			t.Errorf("ParseMarker(%q) gave no error", in)
		case !errors.As(err, &parse) || parse.Offset < 0 || parse.Length < 0 || parse.Offset+parse.Length > len(in):
			t.Errorf("ParseMarker(%q): bad error %#v", in, err)
		}
	}
	excepted.check(t, exceptions{"uv reads a malformed escape literally": 2, "what does not print is escaped": 5})
	t.Logf("%d valid, %d invalid", len(v.Valid), len(v.Invalid))
}

func TestMarkerEvalVectors(t *testing.T) {
	v := load[markerVectors](t, "markers")
	check := func(marker string, env testEnvironment, extra string, want any) {
		t.Helper()
		m, _, err := ParseMarker(marker)
		if err != nil {
			t.Errorf("ParseMarker(%q): %v", marker, err)
			return
		}
		var got any
		holds, err := m.Eval(env.environment(), pypi.NormalizeExtra(extra))
		switch {
		case errors.Is(err, ErrUndefinedComparison):
			got = "error:UndefinedComparison"
		case errors.Is(err, ErrUndefinedName):
			got = "error:UndefinedEnvironmentName"
		case err != nil:
			got = err
		default:
			got = holds
		}
		if got != want {
			t.Errorf("%q in %v with extra %q = %v, want %v", marker, env, extra, got, want)
		}
	}
	for _, c := range v.Evaluate {
		check(c[0].(string), v.Environments[int(c[1].(float64))], c[2].(string), c[3])
	}
	excepted := exceptions{}
	for _, c := range v.EvaluateEnv {
		if _, ok := c.Env["a"]; ok {
			excepted["the environment has a variable of its own"]++
			continue
		}
		check(c.Marker, c.Env, c.Env["extra"], c.Expected)
	}
	excepted.check(t, exceptions{"the environment has a variable of its own": 5})
	t.Logf("%d evaluations", len(v.Evaluate)+len(v.EvaluateEnv))
}

func TestUVMarkerVectors(t *testing.T) {
	v := load[struct {
		Environments []testEnvironment
		Answers      [][2]string
	}](t, "uv-markers")
	for _, c := range v.Answers {
		m, _, err := ParseMarker(c[0])
		if err != nil {
			t.Errorf("ParseMarker(%q): %v", c[0], err)
			continue
		}
		var got []byte
		for _, env := range v.Environments {
			b := byte('0')
			if m.EvalUV(env.environment(), "") {
				b = '1'
			}
			got = append(got, b)
		}
		if string(got) != c[1] {
			t.Errorf("EvalUV of %q = %s, want %s", c[0], got, c[1])
		}
	}
	t.Logf("%d markers in %d environments", len(v.Answers), len(v.Environments))
}
