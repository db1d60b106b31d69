package tags

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

type vectors struct {
	Platforms []vectorPlatform `json:"platforms"`
	TagLists  []struct {
		Python         [2]int
		Implementation string
		ABI            string
		Platform       string
		Tags           []string
	} `json:"tag_lists"`
	Parse []struct {
		In   string
		Tags []string
	}
	Counts map[string]int
}

// A vectorPlatform is a pair of a name and its tags.
type vectorPlatform struct {
	name string
	tags []string
}

func (p *vectorPlatform) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&p.name, &p.tags})
}

func readVectors(tb testing.TB) *vectors {
	tb.Helper()
	f, err := os.Open("testdata/tags.json.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	v := new(vectors)
	if err := json.NewDecoder(z).Decode(v); err != nil {
		tb.Fatal(err)
	}
	if len(v.Platforms) != v.Counts["platforms"] || len(v.TagLists) != v.Counts["tag_lists"] || len(v.Parse) != v.Counts["parse"] {
		tb.Fatalf("got %d, %d, %d entries, want %v", len(v.Platforms), len(v.TagLists), len(v.Parse), v.Counts)
	}
	return v
}

// vectorName rewrites a platform of the vectors as a platform tag.
func vectorName(name string) string {
	system, rest, ok := strings.Cut(name, "-")
	if !ok {
		return name
	}
	if version, ok := strings.CutPrefix(rest, "glibc2."); ok {
		return "manylinux_2_" + version + "_" + system
	}
	if version, ok := strings.CutPrefix(rest, "musl1."); ok {
		return "musllinux_1_" + version + "_" + system
	}
	system = strings.ReplaceAll(system, ".", "_")
	for _, kind := range []string{"macos", "ios", "android"} {
		if version, ok := strings.CutPrefix(system, kind); ok {
			if kind == "macos" {
				kind = "macosx"
			}
			return kind + "_" + version + "_" + rest
		}
	}
	return name
}

func TestPlatformVectors(t *testing.T) {
	for _, want := range readVectors(t).Platforms {
		p, err := ParsePlatform(vectorName(want.name))
		if err != nil {
			t.Errorf("%s: %v", want.name, err)
			continue
		}
		if got := p.Tags(); !slices.Equal(got, want.tags) {
			t.Errorf("%s: got %v, want %v", want.name, got, want.tags)
		}
	}
}

func TestTagListVectors(t *testing.T) {
	for _, want := range readVectors(t).TagLists {
		p, err := ParsePlatform(vectorName(want.Platform))
		if err != nil {
			t.Fatal(err)
		}
		py := Python{Implementation: want.Implementation, Major: want.Python[0], Minor: want.Python[1], ABI: want.ABI}
		c := For(py, p)
		ts := c.Tags()
		got := make([]string, len(ts))
		for i, tag := range ts {
			got[i] = tag.String()
			if rank, ok := c.Rank([]Tag{tag}); rank != i || !ok {
				t.Errorf("%s %s: got rank %d, %v of %s, want %d", want.ABI, want.Platform, rank, ok, tag, i)
			}
			if why := c.Why([]Tag{tag}); why != "" {
				t.Errorf("%s %s: %s does not fit: %s", want.ABI, want.Platform, tag, why)
			}
		}
		if !slices.Equal(got, want.Tags) {
			t.Errorf("%s %s: got %v, want %v", want.ABI, want.Platform, got, want.Tags)
		}
		derived := Python{Implementation: py.Implementation, Major: py.Major, Minor: py.Minor, FreeThreaded: strings.HasSuffix(want.ABI, "t")}
		if !slices.Equal(For(derived, p).Tags(), ts) {
			t.Errorf("%s: got ABI %s by default", want.ABI, derived.abi())
		}
	}
}

func TestParseVectors(t *testing.T) {
	for _, want := range readVectors(t).Parse {
		ts, err := Parse(want.In)
		if want.Tags == nil {
			if err == nil {
				t.Errorf("%q: got %v, want an error", want.In, ts)
			}
			continue
		}
		var got []string
		for _, tag := range ts {
			got = append(got, tag.String())
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want.Tags) {
			t.Errorf("%q: got %v, %v, want %v", want.In, got, err, want.Tags)
		}
	}
}

func TestParse(t *testing.T) {
	dots := strings.Repeat("a.", 33) + "a"
	for _, test := range []struct{ in, want string }{
		{"CP312-CP312-WIN_AMD64", "cp312-cp312-win_amd64"},
		{"Py2.PY3-none-Any", "py2-none-any py3-none-any"},
		{"é3-none-any", "é3-none-any"},
		{"", "error"},
		{"py3", "error"},
		{"py3-none-any\xff", "error"},
		{"py3-none-any-1", "error"},
		{"py3.-none-any", "error"},
		{"3py-none-any", "error"},
		{"p y-none-any", "error"},
		{dots + "-" + dots + "-any", "error"},
		{strings.Repeat("a.", MaxTags-1) + "b-none-any", "a-none-any b-none-any"},
	} {
		ts, err := Parse(test.in)
		got := "error"
		if err == nil {
			var list []string
			for _, tag := range ts {
				list = append(list, tag.String())
			}
			got = strings.Join(list, " ")
		}
		if got != test.want {
			t.Errorf("Parse(%.40q): got %s, %v, want %s", test.in, got, err, test.want)
		}
	}
}

func TestRankOfWheels(t *testing.T) {
	p, err := ParsePlatform("linux")
	if err != nil {
		t.Fatal(err)
	}
	c := For(Python{Implementation: "cp", Major: 3, Minor: 12}, p)
	// Better wheels first; the last ones do not fit.
	order := []string{
		"cp312-cp312-manylinux_2_28_x86_64",
		"cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
		"cp312-cp312-manylinux1_x86_64",
		"cp312-abi3-manylinux2014_x86_64",
		"cp38-abi3-manylinux2014_x86_64",
		"py3-none-manylinux1_x86_64",
		"cp312-none-any",
		"py312-none-any",
		"py2.py3-none-any",
		"py310-none-any",
	}
	last := -1
	for _, s := range order {
		ts, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		rank, ok := c.Rank(ts)
		if !ok || rank <= last {
			t.Errorf("%s: got rank %d, %v, want more than %d", s, rank, ok, last)
		}
		last = rank
	}
	for _, s := range []string{
		"cp312-cp312-manylinux_2_34_x86_64", "cp312-cp312-musllinux_1_2_x86_64", "cp313-abi3-manylinux2014_x86_64",
		"cp312-cp312t-manylinux2014_x86_64", "cp312-abi3t-manylinux2014_x86_64", "cp312-cp312-any", "py2-none-any",
		"cp312-cp312-macosx_11_0_arm64", "cp311-none-any",
	} {
		ts, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if rank, ok := c.Rank(ts); ok {
			t.Errorf("%s: got rank %d, want none", s, rank)
		}
	}
}

func TestWhy(t *testing.T) {
	for _, test := range []struct {
		python, platform, tags, want string
	}{
		{"3.12", "linux", "cp39-cp39-manylinux2014_x86_64", "needs CPython 3.9"},
		{"3.12", "linux", "cp39-cp39-manylinux2014_x86_64 cp38-cp38-manylinux2014_x86_64 cp310-cp310-win_amd64", "needs CPython 3.8 or 3.9"},
		{"3.12", "linux", "cp313-abi3-manylinux2014_x86_64", "needs CPython 3.13 or newer"},
		{"3.12", "linux", "py313-none-any", "needs Python 3.13 or newer"},
		{"3.12", "linux", "py2-none-any", "needs Python 2"},
		{"3.12", "linux", "py27.pp310-none-any", "needs PyPy 3.10 or Python 2.7"},
		{"3.12", "linux", "cp312-cp312t-manylinux2014_x86_64", "needs free-threaded CPython 3.12"},
		{"3.13t", "linux", "cp313-cp313-manylinux2014_x86_64", "needs CPython with the GIL, 3.13"},
		{"3.13t", "linux", "cp38-abi3-manylinux2014_x86_64", "needs CPython with the GIL, 3.8 or newer"},
		{"3.12", "linux", "ip34-none-any", "needs an interpreter with tag ip34-none"},
		{"3.12", "linux", "cp312-cp312-macosx_11_0_arm64", "only macOS wheels"},
		{"3.12", "linux", "cp312-cp312-macosx_11_0_arm64 cp312-cp312-win_amd64 cp312-cp312-win32", "only Windows or macOS wheels"},
		{"3.12", "linux", "cp312-cp312-manylinux_2_34_x86_64 cp312-cp312-win32", "needs glibc 2.34 or newer"},
		{"3.12", "linux", "cp312-cp312-musllinux_1_2_x86_64", "only wheels for musl"},
		{"3.12", "linux", "cp312-cp312-manylinux2014_aarch64.manylinux2014_s390x", "only wheels for aarch64 or s390x"},
		{"3.12", "macos", "cp312-cp312-macosx_14_0_arm64", "needs macOS 14.0 or newer"},
		{"3.12", "macos", "cp312-cp312-macosx_10_9_x86_64", "only wheels for x86_64"},
		{"3.12", "windows", "cp312-cp312-win32", "only wheels for i686"},
		{"3.12", "linux", "cp39-cp39-win_amd64", "needs CPython 3.9, only Windows wheels"},
		{"3.12", "linux", "cp312-cp312-wasi", "only wasi wheels"},
		{"3.12", "linux", "", "has no tags"},
		{"3.12", "linux", "py3-none-any cp39-cp39-win_amd64", ""},
	} {
		p, err := ParsePlatform(test.platform)
		if err != nil {
			t.Fatal(err)
		}
		py := Python{Implementation: "cp", Major: 3, Minor: 12}
		if test.python == "3.13t" {
			py = Python{Implementation: "cp", Major: 3, Minor: 13, FreeThreaded: true}
		}
		var ts []Tag
		for s := range strings.FieldsSeq(test.tags) {
			more, err := Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			ts = append(ts, more...)
		}
		if got := For(py, p).Why(ts); got != test.want {
			t.Errorf("%s on %s, %s: got %q, want %q", test.python, test.platform, test.tags, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range readVectors(f).Parse {
		f.Add(v.In)
	}
	p, err := ParsePlatform("linux")
	if err != nil {
		f.Fatal(err)
	}
	c := For(Python{Implementation: "cp", Major: 3, Minor: 12}, p)
	f.Fuzz(func(t *testing.T, s string) {
		ts, err := Parse(s)
		if err != nil {
			return
		}
		if len(ts) == 0 || len(ts) > MaxTags {
			t.Fatalf("%q: got %d tags", s, len(ts))
		}
		for _, tag := range ts {
			again, err := Parse(tag.String())
			if err != nil || len(again) != 1 || again[0] != tag {
				t.Fatalf("%q: got %v, %v, want %v", s, again, err, tag)
			}
		}
		if _, ok := c.Rank(ts); ok != (c.Why(ts) == "") {
			t.Fatalf("%q: fits %v, but why is %q", s, ok, c.Why(ts))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	p, err := ParsePlatform("linux")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		For(Python{Implementation: "cp", Major: 3, Minor: 12}, p)
	}
}

func BenchmarkRank(b *testing.B) {
	p, err := ParsePlatform("linux")
	if err != nil {
		b.Fatal(err)
	}
	c := For(Python{Implementation: "cp", Major: 3, Minor: 12}, p)
	for _, bench := range []struct{ name, tags string }{
		{"fits", "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"},
		{"pure", "py3-none-any"},
		{"windows", "cp312-cp312-win_amd64"},
	} {
		ts, err := Parse(bench.tags)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Rank(ts)
			}
		})
	}
}
