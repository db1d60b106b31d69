package pep508

import (
	"reflect"
	"testing"
)

func FuzzParseRequirement(f *testing.F) {
	for _, text := range []string{
		"anyio", "A.b_c[x,y ,Z] (>=1.0, <2,) ; os_name == 'nt'", "x @ https://example.com/a.zip ; extra == 'b'",
		"x@ ./a b#c", "x===1.0,!=2.*", "x @ ;y ; os_name != \"a\\\"b\"", "x[", "x (", "x;", "x>=", "./x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, warnings, err := ParseRequirement(text)
		checkSpans(t, text, warnings, err)
		if err != nil {
			return
		}
		normal := r.String()
		again, _, err := ParseRequirement(normal)
		if err != nil {
			t.Fatalf("%q is printed as %q, which is refused: %v", text, normal, err)
		}
		if got := again.String(); got != normal {
			t.Errorf("%q is printed as %q, and that as %q", text, normal, got)
		}
		if again.Name != r.Name || again.URL != r.URL || !reflect.DeepEqual(again.Extras, r.Extras) ||
			again.Marker.String() != r.Marker.String() {
			t.Errorf("%q reads as %+v, printed and read again %+v", text, r, again)
		}
	})
}

func FuzzParseMarker(f *testing.F) {
	for _, text := range []string{
		"python_version >= '3.8'", "os.name=='nt' or (\"a\" in sys_platform and extra != 'B.c')", "'3' not  in python_version",
		"python_full_version in '3.8 3.9.1' and (((implementation_name not in \"x\")))", `os_name == "a\x22'b\\"`,
		"platform_release < '6' or platform_release >= ''", "python_version ~= '3.8' or python_version != '3.9.*'",
		"python_version > '99999999999999999999.2.3.4.5'", "'x' in extras", "extra == 'a' and extra == 'b'",
		"sys_platform not in 'linux linux2' and 'lin' in sys_platform and sys_platform == 'linux'", "os_name == '\\N{DASH}'",
	} {
		f.Add(text)
	}
	env := Environment{
		ImplementationName: "cpython", ImplementationVersion: "3.12.4", OSName: "posix", PlatformMachine: "x86_64",
		PlatformPythonImplementation: "CPython", PlatformRelease: "6.8.0", PlatformSystem: "Linux", PlatformVersion: "#1",
		PythonFullVersion: "3.12.4", PythonVersion: "3.12", SysPlatform: "linux",
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, warnings, err := ParseMarker(text)
		checkSpans(t, text, warnings, err)
		if err != nil {
			return
		}
		normal := m.String()
		again, _, err := ParseMarker(normal)
		if err != nil {
			t.Fatalf("%q is printed as %q, which is refused: %v", text, normal, err)
		}
		if got := again.String(); got != normal {
			t.Errorf("%q is printed as %q, and that as %q", text, normal, got)
		}
		got, err := m.Eval(env, "a")
		want, wantErr := again.Eval(env, "a")
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("%q is %v, %v; printed as %q it is %v, %v", text, got, err, normal, want, wantErr)
		}
		s := m.Set()
		if s.Err() != nil {
			return
		}
		if s.Contains(env, "a") != m.EvalUV(env, "a") || !s.Equal(again.Set()) {
			t.Errorf("the set of %q is %s, that of %q is %s", text, s, again, again.Set())
		}
		if printed, err := s.Marker(); err == nil && !printed.Set().Equal(s) {
			t.Errorf("the set %s of %q reads as %s", s, text, printed.Set())
		}
		if p := s.Python(); p.IsEmpty() != s.IsFalse() {
			t.Errorf("the set %s has the versions %s", s, p)
		}
	})
}

func checkSpans(t *testing.T, text string, warnings []Warning, err error) {
	t.Helper()
	if e, ok := err.(*ParseError); ok {
		if e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > len(text) || e.Text != text {
			t.Errorf("error out of range: %#v", e)
		}
	} else if err != nil {
		t.Errorf("error of type %T", err)
	}
	for _, w := range warnings {
		if w.Offset < 0 || w.Length <= 0 || w.Offset+w.Length > len(text) {
			t.Errorf("warning out of range: %#v in %q", w, text)
		}
	}
}
