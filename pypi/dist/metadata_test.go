package dist

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// TestHeaderVectors compares the fields as written with packaging's raw ones.
func TestHeaderVectors(t *testing.T) {
	for _, c := range readMetadataVectors(t) {
		h, err := readHeader([]byte(c.In))
		if err != nil {
			t.Errorf("%q: %v", c.In, err)
			continue
		}
		for _, one := range []struct {
			field string
			got   single
			want  *string
		}{
			{"metadata-version", h.metadataVersion, c.Raw.MetadataVersion},
			{"name", h.name, c.Raw.Name},
			{"version", h.version, c.Raw.Version},
			{"requires-python", h.requiresPython, c.Raw.RequiresPython},
		} {
			repeated := slices.Contains(c.Unparsed, one.field)
			switch {
			case one.want != nil && (one.got.count != 1 || one.got.value != *one.want):
				t.Errorf("%q: got %s %q, %d times, want %q", c.In, one.field, one.got.value, one.got.count, *one.want)
			case one.want == nil && (one.got.count > 1) != repeated || one.want == nil && !repeated && one.got.count > 0:
				t.Errorf("%q: got %s %q, %d times, want none", c.In, one.field, one.got.value, one.got.count)
			}
		}
		for _, list := range []struct {
			field     string
			got, want []string
		}{
			{"requires-dist", h.requiresDist, c.Raw.RequiresDist},
			{"provides-extra", h.providesExtra, c.Raw.ProvidesExtra},
			{"dynamic", h.dynamic, c.Raw.Dynamic},
		} {
			if !slices.Equal(list.got, list.want) {
				t.Errorf("%q: got %s %q, want %q", c.In, list.field, list.got, list.want)
			}
		}
	}
}

// serious are the fields whose faults make metadata unusable for a resolver too,
// if not repaired; faults of all others it reads past.
var serious = []string{"name", "version", "metadata-version", "requires-dist", "requires-python"}

func TestMetadataVectors(t *testing.T) {
	valid, laxer := 0, 0
	for _, c := range readMetadataVectors(t) {
		m, err := ParseMetadata([]byte(c.In))
		if !c.Valid {
			isSerious := slices.ContainsFunc(c.Errors, func(field string) bool { return slices.Contains(serious, field) })
			switch {
			case err == nil:
				laxer++
			case strings.Contains(c.In, "Requires-Python: ,"): // an empty clause, as uv
			case !isSerious:
				t.Errorf("%q: got %v, though only %v are malformed", c.In, err, c.Errors)
			}
			continue
		}
		valid++
		if err != nil {
			t.Errorf("%q: %v", c.In, err)
			continue
		}
		if string(m.Name) != c.Name || m.Version.String() != c.Version {
			t.Errorf("%q: got %s %s, want %s %s", c.In, m.Name, m.Version, c.Name, c.Version)
		}
		python := ""
		if c.RequiresPython != nil {
			python = *c.RequiresPython
		}
		if got := m.RequiresPython.String(); got != python {
			t.Errorf("%q: got Requires-Python %s, want %s", c.In, got, python)
		}
		want := make([]pypi.Extra, len(c.ProvidesExtra))
		for i, extra := range c.ProvidesExtra {
			want[i] = pypi.Extra(extra)
		}
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(m.Extras, want) {
			t.Errorf("%q: got extras %v, want %v", c.In, m.Extras, want)
		}
		if len(m.Requires) != len(c.RequiresDist) {
			t.Errorf("%q: got %d requirements, want %d", c.In, len(m.Requires), len(c.RequiresDist))
			continue
		}
		for i, want := range c.RequiresDist {
			if w, _, err := pep508.ParseRequirement(want); err != nil || m.Requires[i].String() != w.String() {
				t.Errorf("%q: got requirement %s, want %s", c.In, m.Requires[i], want)
			}
		}
	}
	t.Logf("%d valid, %d invalid accepted", valid, laxer)
}

// text gives the parts of metadata that tests look at in one line.
func text(m *Metadata, err error) string {
	if err != nil {
		return "error " + errField(err)
	}
	var requires []string
	for _, r := range m.Requires {
		requires = append(requires, r.String())
	}
	s := fmt.Sprintf("%s %s [%s] python%q extras%v", m.Name, m.Version, strings.Join(requires, " | "), m.RequiresPython, m.Extras)
	if len(m.Warnings) > 0 {
		s += fmt.Sprintf(" warnings=%d", len(m.Warnings))
	}
	return s
}

func TestParseMetadata(t *testing.T) {
	const head = "Metadata-Version: 2.1\nName: Foo\nVersion: 1.0\n"
	const none = `foo 1.0 [] python"" extras[]`
	for _, test := range []struct{ name, in, want string }{
		{"plain", head + "Requires-Dist: a>=1\nRequires-Dist: b; extra == 'x'\nRequires-Python: >=3.8\nProvides-Extra: x\n",
			`foo 1.0 [a>=1 | b; extra == "x"] python">=3.8" extras[x]`},
		{"CR LF", strings.ReplaceAll(head+"Requires-Dist: a\n\nRequires-Dist: b", "\n", "\r\n"), `foo 1.0 [a] python"" extras[]`},
		{"CR", strings.ReplaceAll(head+"Requires-Dist: a\n\nRequires-Dist: b", "\n", "\r"), `foo 1.0 [a] python"" extras[]`},
		{"byte order mark", "\xef\xbb\xbf" + head, none},
		{"no metadata version", "Name: foo\nVersion: 1.0", none},
		{"odd metadata version", "Metadata-Version: x\nName: foo\nVersion: 1.0", none},
		{"newer minor", "Metadata-Version: 2.99\nName: foo\nVersion: 1.0", none},
		{"newer major", "Metadata-Version: 3.0\nName: foo\nVersion: 1.0", "error Metadata-Version"},
		{"case of names", "NAME: foo\nvErSiOn: 1.0\nREQUIRES-dist: a", `foo 1.0 [a] python"" extras[]`},
		{"folded", head + "Requires-Dist: a[b]\n  >=1,\r\n\t<2 ; python_version\n > '3'\n",
			`foo 1.0 [a[b]<2,>=1; python_version > "3"] python"" extras[]`},
		{"folding before a field", "  x\n" + head, none},
		{"envelope", "From x\n" + head + "From y\nRequires-Dist: a", `foo 1.0 [a] python"" extras[]`},
		{"nameless field", head + ": x\n folded\nRequires-Dist: a", `foo 1.0 [a] python"" extras[]`},
		{"line without colon ends the header", head + "nonsense\nRequires-Dist: a", none},
		{"space before colon ends the header", head + "Requires-Dist : a\nRequires-Dist: a", none},
		{"body", head + "\nRequires-Dist: a\n\xff", none},
		{"fields not read", head + "Summary: \xff\nRequires: x y z\nObsoletes: (\nRequires-External: (((\n", none},
		{"not UTF-8", head + "Requires-Dist: a\xff", "error Requires-Dist"},
		{"name not UTF-8", "Name: a\xff\nVersion: 1", "error Name"},
		{"no name", "Version: 1.0", "error Name"},
		{"bad name", "Name: a b\nVersion: 1.0", "error Name"},
		{"no version", "Name: foo", "error Version"},
		{"bad version", "Name: foo\nVersion: x", "error Version"},
		{"empty", "", "error Name"},
		{"first of two", head + "Name: bar\nVersion: 2\nRequires-Python: >=3\nRequires-Python: >=4\n",
			`foo 1.0 [] python">=3" extras[] warnings=3`},
		{"same twice", head + "Name: Foo\nVersion: 1.0\n", none},
		{"UNKNOWN", head + "Requires-Python: UNKNOWN\nRequires-Dist: UNKNOWN\nProvides-Extra: UNKNOWN\n", none},
		{"empty fields", head + "Requires-Python:\nRequires-Dist: \nProvides-Extra:\n", none},
		{"extras", head + "Provides-Extra: B_b\nProvides-Extra: a\nProvides-Extra: b-b\nProvides-Extra: bad extra\n",
			`foo 1.0 [] python"" extras[a b-b] warnings=1`},
		{"repaired python", head + "Requires-Python: >=3.8.*", `foo 1.0 [] python">=3.8" extras[] warnings=1`},
		{"irreparable python", head + "Requires-Python: three", "error Requires-Python"},
		{"repaired requirement", head + "Requires-Dist: a (>=1<2)", `foo 1.0 [a<2,>=1] python"" extras[] warnings=1`},
		{"irreparable requirement", head + "Requires-Dist: a b c", "error Requires-Dist"},
		{"no repair of a marker", head + "Requires-Dist: a; python_version >= 3", "error Requires-Dist"},
	} {
		if got := text(ParseMetadata([]byte(test.in))); got != test.want {
			_, err := ParseMetadata([]byte(test.in))
			t.Errorf("%s: got %s, %v, want %s", test.name, got, err, test.want)
		}
	}
}

func TestMetadataLimits(t *testing.T) {
	const head = "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n"
	if _, err := ParseMetadata(make([]byte, MaxMetadata+1)); err == nil {
		t.Error("got no error for a large file")
	}
	if got := text(ParseMetadata([]byte(head + strings.Repeat("Provides-Extra: x\n", MaxExtras+1)))); got != "error Provides-Extra" {
		t.Errorf("many extras: got %s", got)
	}
	if got := text(ParseMetadata([]byte(head + strings.Repeat("Requires-Dist: x\n", MaxRequirements+1)))); got != "error Requires-Dist" {
		t.Errorf("many requirements: got %s", got)
	}
	if _, err := ParseMetadata([]byte("Name: " + strings.Repeat("x", 1<<20) + "\nVersion: 1")); err == nil || len(err.Error()) > 1000 {
		t.Errorf("long name: got %.300v", err)
	}
}

func TestRepairRequirement(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"elasticsearch-dsl (>=7.2.0<8.0.0)", "elasticsearch-dsl<8.0.0,>=7.2.0"},
		{"jupyter-core (!=~5.0,>=4.12)", "jupyter-core!=5.0.*,>=4.12"},
		{"torch (>=1.9.*)", "torch>=1.9"},
		{"torch >= 1.9.*", "torch>=1.9"},
		{"pyzmq (>=2.7,!=3.0*,!=3.1*)", "pyzmq!=3.0.*,!=3.1.*,>=2.7"},
		{"a>=3.6,", "a>=3.6"},
		{"a>dev", "a>0.0.0dev"},
		{"a>=9.0.0a1.0", "a>=9.0.0a1"},
		{"a>=3.6'", "a>=3.6"},
		{"a (>='3.6')", "a>=3.6"},
		{"'a>=3.6'", "a>=3.6"},
		{"a>='1' ; python_version>='3'", `a>=1; python_version >= "3"`},
		{"a[x]>=1<2; extra == 'b' and python_version<'3'", `a[x]<2,>=1; extra == "b" and python_version < "3"`},
		// A name that ends in a digit is no missing comma.
		{"a2>=1.*", "a2>=1"},
		{"h5py (>=2.*)", "h5py>=2"},
		{"a @ ", "error"},
		{"a @ x ; python_version>'3'<", "error"},
		{"a (>=1", "error"},
		{"a >= 1 2", "error"},
		{">=1", "error"},
		{"", "error"},
	} {
		m, err := NewMetadata([]string{test.in}, "", nil)
		got := "error"
		if err == nil && len(m.Requires) == 1 {
			got = m.Requires[0].String()
		}
		if got != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.in, got, err, test.want)
		}
		if strings.ContainsAny(test.in, ",") == false && err == nil && len(m.Requires) == 1 && len(m.Warnings) != 1 {
			t.Errorf("%s: got warnings %q", test.in, m.Warnings)
		}
	}
}

func TestParseRequiresPython(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{" ", ""},
		{"UNKNOWN", ""},
		{">=3.8", ">=3.8"},
		{" >= 3.8 , <4 ", "<4,>=3.8"},
		{">=3.8\n  ,<4", "<4,>=3.8"},
		{">=3.6,", ">=3.6"},
		{">=3.8<4", "<4,>=3.8"},
		{">=2.7, !=3.0*", "!=3.0.*,>=2.7"},
		{"'>=3.5'", ">=3.5"},
		{">=3.x", "error"},
		{"3.8", "error"},
	} {
		s, err := ParseRequiresPython(test.in)
		got := "error"
		if err == nil {
			got = s.String()
		}
		if got != test.want {
			t.Errorf("%q: got %s, %v, want %s", test.in, got, err, test.want)
		}
	}
}

func TestNewMetadata(t *testing.T) {
	for _, test := range []struct {
		requires []string
		python   string
		extras   []string
		want     string
	}{
		{nil, "", nil, ` 0 [] python"" extras[]`},
		{[]string{"a>=1", "b; extra == 'x'"}, ">=3.8", []string{"X"}, `[a>=1 | b; extra == "x"] python">=3.8" extras[x]`},
		{[]string{"a>=1.*"}, ">=3.8.*", nil, `[a>=1] python">=3.8" extras[] warnings=2`},
		{[]string{"a b"}, "", nil, "error requires_dist"},
		{nil, "x", nil, "error requires_python"},
	} {
		m, err := NewMetadata(test.requires, test.python, test.extras)
		got := text(m, err)
		if err == nil {
			_, got, _ = strings.Cut(got, "[")
			_, test.want, _ = strings.Cut(test.want, "[")
		}
		if got != test.want {
			t.Errorf("%q, %q, %q: got %s, %v, want %s", test.requires, test.python, test.extras, got, err, test.want)
		}
	}
}

func TestStaticDependencies(t *testing.T) {
	for _, test := range []struct {
		in   string
		want bool
	}{
		{"Metadata-Version: 2.1", false},
		{"Metadata-Version: 2.2", true},
		{"Metadata-Version: 2.6", true},
		{"Metadata-Version: 2.10", true},
		{"Metadata-Version: 1.2", false},
		{"X: y", false},
		{"Metadata-Version: 2.2\nDynamic: License\nDynamic: Version", true},
		{"Metadata-Version: 2.2\nDynamic: Requires-Dist", false},
		{"Metadata-Version: 2.2\nDynamic: requires-python", false},
		{"Metadata-Version: 2.4\nDynamic: License\nDynamic: PROVIDES-EXTRA", false},
		{"Metadata-Version: 2.6\nRequires-Dist: a\nDynamic: Requires-Dist", false},
		{"Metadata-Version: 2.2\nDynamic:\n requires-dist", false},
	} {
		m, err := ParseMetadata([]byte("Name: foo\nVersion: 1\n" + test.in))
		if err != nil {
			t.Errorf("%q: %v", test.in, err)
		} else if got := m.StaticDependencies(); got != test.want {
			t.Errorf("%q: got %v, want %v", test.in, got, test.want)
		}
	}
}

func TestFieldError(t *testing.T) {
	_, err := ParseMetadata([]byte("Name: foo\nVersion: 1\nRequires-Dist: a\x1b b"))
	var f *FieldError
	if !errors.As(err, &f) || f.Field != "Requires-Dist" || f.Value != "a\x1b b" || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("got %q", err)
	}
	var p *pep508.ParseError
	if !errors.As(err, &p) {
		t.Errorf("got no pep508.ParseError in %v", err)
	}
}

func FuzzParseMetadata(f *testing.F) {
	for i, c := range readMetadataVectors(f) {
		if i%25 == 0 || !c.Valid && i < 40 {
			f.Add([]byte(c.In))
		}
	}
	f.Add([]byte("Name: a\r\nVersion: 1\r\rRequires-Dist: b"))
	f.Add([]byte("\xef\xbb\xbfFrom x\n : y\n z\nName: a\nVersion: 1\nRequires-Dist: b (>=1<2)\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMetadata(b)
		if err != nil {
			return
		}
		again, err := ParseMetadata([]byte(format(m)))
		if err != nil {
			t.Fatalf("%q: written as %q, %v", b, format(m), err)
		}
		if got, want := format(again), format(m); got != want {
			t.Fatalf("%q: reads back as %q, want %q", b, got, want)
		}
	})
}

// format writes metadata in a normal form.
func format(m *Metadata) string {
	var b strings.Builder
	if m.MetadataVersion != "" {
		fmt.Fprintf(&b, "Metadata-Version: %s\n", m.MetadataVersion)
	}
	fmt.Fprintf(&b, "Name: %s\nVersion: %s\n", m.Name, m.Version)
	for _, r := range m.Requires {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	if s := m.RequiresPython.String(); s != "" {
		fmt.Fprintf(&b, "Requires-Python: %s\n", s)
	}
	for _, e := range m.Extras {
		fmt.Fprintf(&b, "Provides-Extra: %s\n", e)
	}
	for _, d := range m.Dynamic {
		fmt.Fprintf(&b, "Dynamic: %s\n", d)
	}
	return b.String()
}

func FuzzParseRequiresPython(f *testing.F) {
	for _, s := range []string{">=3.8<4", "!=3.0*", ">dev", ">=3.6,", "'>=3'", "!=~5.0", ">=9.0.0a1.0", ">=3.8.*", "UNKNOWN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseRequiresPython(s)
		if err != nil {
			return
		}
		again, err := pep440.ParseSpecifiers(got.String())
		if err != nil || again.String() != got.String() {
			t.Fatalf("%q: %s reads back as %s, %v", s, got, again, err)
		}
	})
}

// sample is metadata of the size of a web framework's, with a long body.
func sample() []byte {
	var b strings.Builder
	b.WriteString("Metadata-Version: 2.4\nName: langgraph\nVersion: 0.6.7\nSummary: Building stateful agents\nRequires-Python: >=3.9\n")
	for i := range 30 {
		fmt.Fprintf(&b, "Classifier: Programming Language :: Python :: 3.%d\n", i)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "Requires-Dist: dependency-%d<%d,>=1.2.3\n", i, i+2)
		fmt.Fprintf(&b, "Requires-Dist: optional-%d>=%d.1; python_version < \"3.13\" and extra == \"all\"\n", i, i)
	}
	b.WriteString("Provides-Extra: all\nDescription-Content-Type: text/markdown\n\n")
	b.WriteString(strings.Repeat("A long description of the project, which nobody reads here.\n", 500))
	return []byte(b.String())
}

func BenchmarkParseMetadata(b *testing.B) {
	data := sample()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMetadata(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadHeader leaves out the parsing of requirements.
func BenchmarkReadHeader(b *testing.B) {
	data := sample()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readHeader(data); err != nil {
			b.Fatal(err)
		}
	}
}
