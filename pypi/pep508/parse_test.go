package pep508

import (
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
)

func TestParseErrors(t *testing.T) {
	for _, test := range []struct {
		text   string
		offset int
		msg    string
	}{
		{"", 0, "expected a project name, found nothing"},
		{"-x", 0, `expected a project name (it begins with a letter or digit), found "-"`},
		{"x-", 1, "a project name must end with a letter or digit, not '-'"},
		{"x[a", 1, `the bracket is not closed: expected "]" after the extras`},
		{"x[a b]", 4, `expected "," or "]" after the extra, found "b"`},
		{"x[,a]", 2, `expected an extra name (it begins with a letter or digit), found ","`},
		{"x[a,]", 4, `expected an extra name (it begins with a letter or digit), found "]"`},
		{"x y", 2, `expected a version specifier, "@", "[" or ";", found "y"`},
		{"x (>=1", 2, `the parenthesis is not closed: expected ")" after the version specifiers`},
		{"x >=1,,<2", 6, `invalid version specifier ">=1,,<2": a clause is empty, remove the comma`},
		{"x (,)", 3, `expected a version specifier such as >=1.0, found ","`},
		{"x ===foo", 2, `expected a version after ===, found "foo"`},
		{"x>=1\n", 4, `expected ",", ";" or the end, found "\n"`},
		{"x\x1b[31m", 1, `expected a version specifier, "@", "[" or ";", found "\x1b"`},
		{"x>=1) ", 4, `invalid version specifier ">=1)": found ')', write a version such as 1.2.3, 1.2.3rc1 or 1.2.3.post1`},
		{"x @", 3, "expected a URL or path after @, found the end"},
		{"x @ https://a b", 13, `expected a URL without white space, or ";" after it, found " "`},
		{"x @ https://a/b;os_name == 'nt'", 15, `expected white space before ";", which begins a marker only after it`},
		{"x @ https://a/b # c", 16, `expected ";" or the end after the URL (a comment does not belong to a requirement), found "#"`},
		{"x @ a\x00b", 5, `expected a URL without control characters, found "\x00"`},
		{"x @ a\tb", 5, `expected a URL without control characters, found "\t"`},
		{"x; os_name == '\xff'", 15, "the byte 0xff is not UTF-8; save the text as UTF-8"},
		{"./x", 0, `this is a file or URL without a name; write "NAME @ " before it`},
		{"https://u:secret@h/x", 0, `this is a file or URL without a name; write "NAME @ " before it`},
		{"x-1.0.tar.gz", 0, `this is a file or URL without a name; write "NAME @ " before it`},
		{"x; ", 3, "expected a marker variable or a quoted text, found the end"},
		{"x; os_nam == 'nt'", 3, `expected a marker variable or a quoted text, found "os_nam"`},
		{"x; os_name = 'nt'", 11, `expected a comparison ("==", "!=", "<", "<=", ">", ">=", "~=", "===", "in" or "not in"), found "="`},
		{"x; os_name == 'nt", 14, `the quoted text is not closed: expected '\''`},
		{"x; (os_name == 'nt'", 3, `the parenthesis is not closed: expected "and", "or" or ")" before the end`},
		{"x; (os_name == 'nt' 'x')", 20, `expected "and", "or" or ")", found "'"`},
		{"x; os_name == 'nt')", 18, `expected "and", "or" or the end, found ")"`},
		{"x; os_name not 'nt'", 15, `expected white space and "in" after "not", found "'"`},
		{"x; python_version >= 3.8", 21, `expected a marker variable or a quoted text, found "3.8"`},
	} {
		_, _, err := ParseRequirement(test.text)
		e, ok := err.(*ParseError)
		if !ok || e.Offset != test.offset || e.Msg != test.msg || e.Text != test.text {
			t.Errorf("ParseRequirement(%q) = %v, want %s (at offset %d)", test.text, err, test.msg, test.offset)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct{ text, part, msg string }{
		{"os.name == 'nt'", "os.name", "os.name is an old name, write os_name"},
		{"os_name != 'x' and python_implementation == 'y'", "python_implementation",
			"python_implementation is an old name, write platform_python_implementation"},
		{"extra == 'x' or os_name == sys_platform", "os_name == sys_platform",
			"the variables os_name and sys_platform are compared with each other, which is ignored"},
		{"'a' == 'b'", "'a' == 'b'", "two quoted texts are compared, which is ignored"},
		{"python_version >= 'abc'", "python_version >= 'abc'",
			`python_version is compared with "abc" by >=, which makes no comparison of versions; uv ignores it`},
		{"python_version in '3.8, 3.9'", "python_version in '3.8, 3.9'", `python_version is compared with "3.8, 3.9", ` +
			"which is no list of versions separated by blanks; uv ignores the comparison"},
		{"'3' in python_version", "'3' in python_version", `"3" is looked for in python_version, which is ignored`},
		{"os_name ~= 'x'", "os_name ~= 'x'", "os_name is a text, which ~= does not compare; the comparison is ignored"},
		{"os_name > 'x'", "os_name > 'x'", "os_name is a text, which is never > another"},
		{"extra >= 'x'", "extra >= 'x'", "extra is compared with >=, which is ignored; use == or !="},
		{"extra == 'a b'", "extra == 'a b'", `"a b" is no name of an extra; uv takes the comparison for false`},
		{"extras == 'x'", "extras == 'x'", `extras is a set; write "'NAME' in extras"; the comparison is ignored`},
	} {
		_, warnings, err := ParseMarker(test.text)
		if err != nil || len(warnings) != 1 {
			t.Errorf("ParseMarker(%q) = %v, %v", test.text, warnings, err)
			continue
		}
		w := warnings[0]
		if got := test.text[w.Offset:][:w.Length]; got != test.part || w.String() != test.msg {
			t.Errorf("ParseMarker(%q) warns of %q: %s\nwant %q: %s", test.text, got, w, test.part, test.msg)
		}
	}
	if _, warnings, err := ParseMarker("python_version >= '3.8' and extra == 'x' or 'a' not in sys_platform"); len(warnings) > 0 || err != nil {
		t.Errorf("warnings for a good marker: %v, %v", warnings, err)
	}
}

func TestRequirementString(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"Flask", "Flask"},
		{" a.B [ Y_z, x,y-Z ] ( >=1 , <2.0, ) ", "a.B[x,y-z]<2.0,>=1"},
		{"a()", "a"},
		{"a[]", "a"},
		{"a @ ../my path", "a @ ../my path"},
		{"a @https://h/b.zip#c ;os.name=='nt'", `a @ https://h/b.zip#c ; os_name == "nt"`},
		{"a @ https://h/b.zip; extra == 'B.c'", `a @ https://h/b.zip ; extra == "b-c"`},
		{"a;(extra=='x')and((os_name=='nt'or os_name=='x'))", `a; extra == "x" and (os_name == "nt" or os_name == "x")`},
		{`a; os_name == 'x\n--index-url \u202e'`, `a; os_name == "x\x0a--index-url \u202e"`},
		{"a; os_name == '\t\u00a0'", `a; os_name == "\x09\u00a0"`},
		{`a; os_name == '\x22\x27\\'`, `a; os_name == "\x22'\\"`},
		{`a; os_name == 'a\x22\'`, `a; os_name == "a\x22\"`},
	} {
		r, _, err := ParseRequirement(test.text)
		if err != nil || r.String() != test.want {
			t.Errorf("ParseRequirement(%q) = %q, %v, want %q", test.text, r, err, test.want)
		}
	}
}

func TestMarkerQuestions(t *testing.T) {
	var always Marker
	if !always.IsTrivial() || always.MentionsExtra() || always.String() != "" || !always.Set().IsTrue() ||
		!always.EvalUV(Environment{}, "") || !always.Applies(Environment{}, "") {
		t.Error("the zero marker does not always hold")
	}
	if holds, err := always.Eval(Environment{}, ""); !holds || err != nil {
		t.Errorf("the zero marker is %v, %v", holds, err)
	}
	for text, want := range map[string]bool{
		"os_name == 'extra'": false,
		"'x' in extras":      false,
		"extra == 'x'":       true,
		"os_name == 'nt' or (os_name == 'x' and 'a' != extra)": true,
	} {
		m := mustMarker(t, text)
		if m.MentionsExtra() != want || m.IsTrivial() {
			t.Errorf("%s: mentions extra %v, trivial %v", text, m.MentionsExtra(), m.IsTrivial())
		}
	}
}

// TestApplies has markers to which packaging and uv give different answers for CPython 3.12.4 on Linux.
func TestApplies(t *testing.T) {
	for _, test := range []struct {
		text      string
		eval, uv  bool
		undefined bool
	}{
		{"python_version in '3.11, 3.12'", true, true, false},
		{"python_version == 'x' or python_version in '3.11, 3.12'", true, true, false},
		{"os_name == 'nt' or python_version in '3.11, 3.12'", true, false, false},
		{"python_version not in '3.1'", true, true, false},
		{"'3.12' in python_version and os_name == 'nt'", false, false, false},
		{"python_full_version in '3.12.4.1'", true, false, false},
		{"os_name ~= 'x'", false, true, true},
		{"extra >= 'x'", false, true, false},
		{"platform_release >= '5.10'", false, true, false},
		{"platform_release > '5.10' and os_name == 'posix'", false, true, false},
		{"python_version > '3.12rc1'", true, false, false},
	} {
		m := mustMarker(t, test.text)
		eval, err := m.Eval(benchEnvironment, "")
		if uv := m.EvalUV(benchEnvironment, ""); eval != test.eval || uv != test.uv || (err != nil) != test.undefined {
			t.Errorf("%s: Eval %v, %v, EvalUV %v, want %v, %v", test.text, eval, err, uv, test.eval, test.uv)
		}
		if got, want := m.Applies(benchEnvironment, ""), test.eval || test.uv; got != want {
			t.Errorf("%s: Applies %v, want %v", test.text, got, want)
		}
	}
}

func TestSetString(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"os_name == 'a' or os_name != 'a'", ""},
		{"os_name == 'a' and os_name == 'b'", "python_version < '0'"},
		{"python_version < '0'", "python_version < '0'"},
		{"python_version >= '3.8'", "python_full_version >= '3.8'"},
		{"python_version > '3.8'", "python_full_version >= '3.9'"},
		{"python_version <= '3.8'", "python_full_version < '3.9'"},
		{"python_version == '3.8'", "python_full_version == '3.8.*'"},
		{"python_version == '3'", "python_full_version == '3.0.*'"},
		{"python_version == '3.*'", "python_full_version >= '3' and python_full_version < '4'"},
		{"python_version != '3.8'", "python_full_version != '3.8.*'"},
		{"python_version ~= '3.8'", "python_full_version >= '3.8' and python_full_version < '4'"},
		{"python_version == '3.8.1'", "python_version < '0'"},
		{"python_version != '3.8.1.*'", ""},
		{"python_version > '3.8.1'", "python_full_version >= '3.9'"},
		{"python_version in '3.8 3.9'", "python_full_version >= '3.8' and python_full_version < '3.10'"},
		{"python_full_version == '3.8.0'", "python_full_version == '3.8'"},
		{"python_full_version != '3.8.1' and python_full_version != '3.8.2'",
			"python_full_version != '3.8.1' and python_full_version != '3.8.2'"},
		{"python_version >= '3.8' and python_full_version < '3.8.0'", "python_version < '0'"},
		{"sys_platform == 'linux' or sys_platform == 'darwin'", "sys_platform == 'darwin' or sys_platform == 'linux'"},
		{"sys_platform == 'win32' and python_version < '3.9'", "python_full_version < '3.9' and sys_platform == 'win32'"},
		{"sys_platform == 'win32' or python_version < '3.9'", "python_full_version < '3.9' or sys_platform == 'win32'"},
		{"extra == 'A_b' and 'x' in os_name and os_name in 'xy' and 'l' not in extras",
			"os_name in 'xy' and 'x' in os_name and 'l' not in extras and extra == 'a-b'"},
		{"sys_platform == 'linux' and 'lin' not in sys_platform", "python_version < '0'"},
		{"sys_platform == 'linux' or 'lin' in sys_platform", "'lin' in sys_platform"},
		{"sys_platform in 'linux linux2' and sys_platform != 'darwin'", "sys_platform in 'linux linux2'"},
		{"platform_release >= '5' and platform_release <= '5'", "platform_release == '5'"},
		{"platform_release >= ''", ""},
		{"os_name == \"it's\"", `os_name == "it's"`},
		{"platform_system == 'Windows'", "platform_system == 'Windows'"},
	} {
		s := mustMarker(t, test.text).Set()
		if test.text == "" {
			s = MarkerSet{}
		}
		if got := s.String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.text, got, test.want)
		}
	}
}

func TestKnownSet(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"platform_system == 'Windows'", "sys_platform == 'win32'"},
		{"platform_system != 'Darwin'", "sys_platform != 'darwin'"},
		{"platform_system == 'FreeBSD'", "platform_system == 'FreeBSD'"},
		{"platform_system == 'Windows' and sys_platform == 'linux'", "python_version < '0'"},
		{"os_name == 'nt' and sys_platform == 'darwin'", "python_version < '0'"},
		{"os_name != 'posix' or sys_platform != 'win32'", ""},
		{"platform_system == 'FreeBSD' and sys_platform == 'wasi'", "python_version < '0'"},
		{"platform_system == 'iOS' and sys_platform == 'ios'", "platform_system == 'iOS' and sys_platform == 'ios'"},
	} {
		if got := mustMarker(t, test.text).KnownSet().String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.text, got, test.want)
		}
	}
	windows, unix := mustMarker(t, "platform_system == 'Windows'"), mustMarker(t, "os_name == 'posix'")
	if windows.Set().Disjoint(unix.Set()) || !windows.KnownSet().Disjoint(unix.Set()) || !unix.Set().Disjoint(windows.KnownSet()) {
		t.Error("Windows and posix are disjoint if and only if platforms are known")
	}
}

func TestSimplify(t *testing.T) {
	for _, test := range []struct{ text, assumption, want string }{
		{"python_version >= '3.8' and python_version < '3.12'", "python_version >= '3.9'", "python_full_version < '3.12'"},
		{"python_version >= '3.8'", "python_version >= '3.9'", ""},
		{"python_version < '3.8'", "python_version >= '3.9'", "python_version < '0'"},
		{"python_version < '3.10' or python_version >= '3.12'", "python_version >= '3.10' and python_version < '3.13'",
			"python_full_version >= '3.12'"},
		{"sys_platform == 'linux' and python_version < '3.11'", "sys_platform == 'linux'", "python_full_version < '3.11'"},
		{"sys_platform != 'linux'", "sys_platform == 'linux' or sys_platform == 'darwin'", "sys_platform != 'linux'"},
		{"sys_platform == 'linux'", "sys_platform != 'linux'", "python_version < '0'"},
		{"extra == 'x'", "extra == 'x'", ""},
		{"extra == 'x' and os_name == 'nt'", "os_name == 'nt' or os_name == 'posix' and extra != 'x'",
			"os_name != 'posix' and extra == 'x'"},
	} {
		s, assumption := mustMarker(t, test.text).Set(), mustMarker(t, test.assumption).Set()
		got := s.Simplify(assumption)
		if got.String() != test.want || !got.And(assumption).Equal(s.And(assumption)) {
			t.Errorf("%s if %s: %s, want %s", test.text, test.assumption, got, test.want)
		}
	}
}

func TestSetExtras(t *testing.T) {
	s := mustMarker(t, "extra == 'b' and os_name == 'nt' or extra == 'a' and python_version < '3.9' or extra == 'b'").Set()
	if got, want := s.Extras(), []pypi.Extra{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("extras %v, want %v", got, want)
	}
	if got, want := s.WithExtra("b", false).String(), "python_full_version < '3.9' and extra == 'a'"; got != want {
		t.Errorf("without b: %s, want %s", got, want)
	}
	if got := s.WithExtra("b", false).WithoutExtras().String(); got != "python_full_version < '3.9'" {
		t.Errorf("without extras: %s", got)
	}
	if got := s.In(benchEnvironment).String(); got != "extra == 'b'" {
		t.Errorf("in %v: %s", benchEnvironment, got)
	}
}

func TestPythonString(t *testing.T) {
	for text, want := range map[string]string{
		"python_version >= '3.8' and os_name == 'nt' or python_version >= '3.9'": ">=3.8",
		"os_name == 'nt'": "",
	} {
		got := mustMarker(t, text).Set().Python()
		specifiers := strings.TrimSpace(want)
		if v, inclusive, ok := got.Lower(); ok != (specifiers != "") || ok && (v.String() != "3.8" || !inclusive) {
			t.Errorf("%s: from %v, %v, %v, want %q", text, v, inclusive, ok, want)
		}
	}
	if python := mustMarker(t, "python_version < '3.8' or python_version >= '3.8'").Set().Python(); !python.IsFull() {
		t.Errorf("all versions: %s", python)
	}
	split := mustMarker(t, "python_version < '3.8' and os_name == 'nt' or python_version >= '3.8' and os_name != 'nt'").Set()
	if python := split.Python(); !python.IsFull() {
		t.Errorf("versions below and from 3.8: %s", python)
	}
}
