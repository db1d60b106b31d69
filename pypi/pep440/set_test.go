package pep440

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func set(t testing.TB, s string) Set {
	t.Helper()
	specs, err := ParseSpecifiers(s)
	if err != nil {
		t.Fatal(err)
	}
	return specs.Set()
}

func (g generator) specifier() string {
	op := g.pick("~=", "==", "!=", "<=", ">=", "<", ">")
	switch op {
	case "~=":
		if s := g.public(); strings.Contains(s, ".") && MustParse(s).segments > 1 {
			return op + s
		}
		return "~=1.0"
	case "==", "!=":
		if g.IntN(3) == 0 {
			return op + g.release() + ".*"
		}
		return op + g.version()
	}
	return op + g.public()
}

func (g generator) specifiers() string {
	s := g.specifier()
	for g.IntN(2) == 0 {
		s += "," + g.specifier()
	}
	return s
}

func (g generator) set(t testing.TB) Set {
	switch s := set(t, g.specifiers()); g.IntN(6) {
	case 0:
		return s.Complement()
	case 1:
		return s.Union(g.set(t))
	case 2:
		return Exactly(MustParse(g.version()))
	default:
		return s
	}
}

// near gives versions that a specifier can easily get wrong: spelled around those in the text.
func (g generator) near(specs Specifiers) []Version {
	vs := []Version{MustParse(g.version()), MustParse(g.version())}
	for _, s := range specs {
		v := s.Version
		base, public := v.Base().String(), v.Public().String()
		for _, text := range []string{
			v.String(), public, base, public + "+loc", public + "+0", public + "+z.1", base + ".0", base + ".0.0.1", base + ".dev0", base + ".dev1", base + "a0.dev0", base + "a0",
			base + "a1", base + "a1.post0", base + "a2", base + "b1", base + "rc1.post1.dev1", base + "rc2", base + ".post0.dev0", base + ".post0",
			base + ".post1.dev2", base + ".post1", base + ".post1+loc", base + ".post2", public + ".dev0", public + ".dev1", public + ".post0.dev0", public + ".post0",
			public + ".post1", base + ".1", base + ".1.dev0", base + "99999999999999999999", v.String() + ".a", "1!" + base,
		} {
			if w, err := Parse(text); err == nil {
				vs = append(vs, w)
			}
		}
		p := beforeRelease(v, int(v.segments), true).at
		vs = append(vs, p, p.Base())
		if v.segments > 1 {
			p := beforeRelease(v, int(v.segments)-1, true).at
			vs = append(vs, p, p.Base())
		}
	}
	return vs
}

func TestSetIsWhatSpecifiersContain(t *testing.T) {
	g := newGenerator(t)
	for range 8_000 {
		text := g.specifiers()
		specs, err := ParseSpecifiers(text)
		if err != nil {
			t.Fatal(err)
		}
		s := specs.Set()
		versions := g.near(specs)
		for _, v := range versions {
			if got, want := s.Contains(v), specs.Contains(v); got != want {
				t.Fatalf("%q: Set().Contains(%q) = %v, Specifiers.Contains %v; the set is %s", text, v, got, want, s)
			}
		}
		slices.SortFunc(versions, Version.Compare)
		runs := s.Indexes(versions)
		for i, v := range versions {
			in := slices.ContainsFunc(runs, func(r [2]int) bool { return r[0] <= i && i < r[1] })
			if in != s.Contains(v) {
				t.Fatalf("%q.Indexes(%q) = %v, wrong about %q", text, versions, runs, v)
			}
		}
		for i, r := range runs {
			if r[0] >= r[1] || i > 0 && runs[i-1][1] >= r[0] {
				t.Fatalf("%q.Indexes = %v, want runs apart and not empty", text, runs)
			}
		}
		lower, inclusive, ok := s.Lower()
		for _, v := range versions {
			if c := v.Compare(lower); ok && s.Contains(v) && (c < 0 || c == 0 && !inclusive) {
				t.Fatalf("%q.Lower() = %q, %v, but %q is contained", text, lower, inclusive, v)
			}
		}
		if ok && inclusive && !s.Contains(lower) {
			t.Fatalf("%q.Lower() = %q inclusive, which is not contained", text, lower)
		}
	}
}

// witness gives a version between two bounds of a set, to being nil for none.
func witness(from, to *bound) Version {
	switch {
	case from == nil:
		return MustParse("0.dev0")
	case from.isAfterPosts():
		n := int(from.at.segments)
		if to != nil {
			n = max(n, int(to.at.segments))
		}
		base := from.at.Base().String()
		return MustParse(base + strings.Repeat(".0", n-int(from.at.segments)+1) + ".1.dev0")
	case !from.after:
		return from.at
	}
	var release releaseBuffer
	p := from.at.parts(&release)
	next := segment{text: "a"} // less than every number
	if to != nil && from.at.samePublic(to.at) {
		// The least text has zeros without end before its letter; it needs more than the bound has.
		if s := to.at.locals(); len(s) > len(p.local) {
			next.text = strings.Repeat("0", len(s[len(p.local)].text)) + "a"
		}
	}
	p.local = append(slices.Clone(p.local), next)
	return p.version()
}

func TestSetLaws(t *testing.T) {
	g := newGenerator(t)
	strs := map[string]Set{}
	for range 8_000 {
		a, b, c := g.set(t), g.set(t), g.set(t)
		v := MustParse(g.version())
		for _, law := range []struct {
			name string
			ok   bool
		}{
			{"complement twice", a.Complement().Complement().Equal(a)},
			{"a and not a", a.Intersect(a.Complement()).IsEmpty()},
			{"a or not a", a.Union(a.Complement()).IsFull()},
			{"a and a", a.Intersect(a).Equal(a)},
			{"a or a", a.Union(a).Equal(a)},
			{"a and b commute", a.Intersect(b).Equal(b.Intersect(a))},
			{"a or b commute", a.Union(b).Equal(b.Union(a))},
			{"and associates", a.Intersect(b.Intersect(c)).Equal(a.Intersect(b).Intersect(c))},
			{"or associates", a.Union(b.Union(c)).Equal(a.Union(b).Union(c))},
			{"and distributes", a.Intersect(b.Union(c)).Equal(a.Intersect(b).Union(a.Intersect(c)))},
			{"De Morgan", a.Intersect(b).Complement().Equal(a.Complement().Union(b.Complement()))},
			{"absorption", a.Union(a.Intersect(b)).Equal(a)},
			{"difference", a.Difference(b).Equal(a.Intersect(b.Complement()))},
			{"subset", a.SubsetOf(b) == a.Intersect(b).Equal(a)},
			{"subset of the union", a.SubsetOf(a.Union(b)) && a.Intersect(b).SubsetOf(a)},
			{"disjoint", a.Disjoint(b) == a.Intersect(b).IsEmpty()},
			{"equal", a.Equal(b) == (a.SubsetOf(b) && b.SubsetOf(a))},
			{"member of and", a.Intersect(b).Contains(v) == (a.Contains(v) && b.Contains(v))},
			{"member of or", a.Union(b).Contains(v) == (a.Contains(v) || b.Contains(v))},
			{"member of not", a.Complement().Contains(v) == !a.Contains(v)},
			{"exactly", Exactly(v).SubsetOf(a) == a.Contains(v) && Exactly(v).Contains(v)},
		} {
			if !law.ok {
				t.Fatalf("%s does not hold for a %s; b %s; c %s; v %s", law.name, a, b, c, v)
			}
		}
		// Bounds ascend and part at least one version from the next: so no two sets are alike.
		in := a.lowest
		for i := 0; i <= len(a.bounds); i++ {
			var from, to *bound
			if i > 0 {
				from = &a.bounds[i-1]
			}
			if i < len(a.bounds) {
				to = &a.bounds[i]
			}
			if from != nil && to != nil && from.compare(*to) >= 0 {
				t.Fatalf("bounds of %s do not ascend", a)
			}
			w := witness(from, to)
			if from != nil && !from.below(w) || to != nil && to.below(w) || a.Contains(w) != in {
				t.Fatalf("%s: %q is not between its bounds %v and %v", a, w, from, to)
			}
			in = !in
		}
		if same, ok := strs[a.String()]; ok && !same.Equal(a) {
			t.Fatalf("two sets are written %s: %v and %v", a, a.bounds, same.bounds)
		}
		strs[a.String()] = a
	}
}

func TestSetExamples(t *testing.T) {
	for _, test := range []struct {
		specs, in, out string // versions in the set, and not in it
	}{
		{">1.2.3", "1.2.3.1.dev0 1.2.3.0.1 1.2.4.dev0 1!0", "1.2.3 1.2.3.post1 1.2.3.post1.dev0 1.2.3+foo 1.2.3.0+foo 1.2.3rc1"},
		{">1.2.3rc1", "1.2.3rc2.dev0 1.2.3rc2 1.2.3 1.2.3+foo 1.2.3.dev0.post1", "1.2.3rc1 1.2.3rc1+foo 1.2.3rc1.post1 1.2.3b9 1.2.3.dev1"},
		{">1.2.post1", "1.2.post2.dev0 1.2.post2 1.2.0.1.dev0", "1.2.post1 1.2.post1+foo 1.2"},
		{">1.2.dev1", "1.2.dev2 1.2a0 1.2", "1.2.dev1 1.2.dev1+foo 1.2.dev0"},
		{"<1.2", "1.1 1.1.post9 1.1+foo 1.2.dev0.x", "1.2 1.2.dev0 1.2a1 1.2rc1.post1 1.2+foo"},
		{"<1.2rc1", "1.2b9 1.2.dev0 1.2rc1.dev0 1.1", "1.2rc1 1.2rc1+foo 1.2"},
		{"<1.2.post1", "1.2 1.2+foo 1.2.post0 1.2rc1", "1.2.post1.dev0 1.2.post1 1.3"},
		{"==1.2.3", "1.2.3 1.2.3+foo 1.2.3.0", "1.2.3.post0.dev0 1.2.3.post1 1.2.3rc1 1.2.3.0.1"},
		{"==1.2.3+foo", "1.2.3+foo 1.2.3.0+FOO", "1.2.3 1.2.3+foo.1 1.2.3+fo"},
		{"==1.2.*", "1.2 1.2.dev0 1.2a1 1.2.post1 1.2+foo 1.2.9", "1.3.dev0 1.20 1.1 1!1.2"},
		{"==1.0.*", "1 1.0 1.0.9 1rc1", "1.1 1.1.dev0 0.9"},
		{"<=1.2", "1.2 1.2+foo 1.2rc1", "1.2.post0.dev0 1.2.0.1"},
		{">=1.2", "1.2 1.2+foo 1.2.post1 2.dev0", "1.2rc1 1.2.dev9"},
		{"~=1.4.2", "1.4.2 1.4.2+foo 1.4.99 1.4.3.dev1", "1.5.dev0 1.5 1.4.2rc1 2"},
		{"~=1.4rc1", "1.4rc1 1.4 1.99", "1.4b9 2.dev0 2.0a1"},
		{"!=1.2", "1.2.post1 1.2rc1", "1.2 1.2+foo"},
		{"===1.2", "1.2 1.2.0", "1.2+foo 1.3"},
		{"===v1.2", "", "1.2"},
		{"===wat", "", "1.2"},
		{"<0.dev0", "", "0.dev0 0.dev0+foo 0"},
		{"<0", "", "0.dev0 0a1"},
		{">=0.dev0", "0.dev0 1", ""},
	} {
		s := set(t, test.specs)
		for v := range strings.FieldsSeq(test.in) {
			if w, err := Parse(v); err == nil && !s.Contains(w) {
				t.Errorf("%s does not contain %s", test.specs, v)
			}
		}
		for v := range strings.FieldsSeq(test.out) {
			if s.Contains(MustParse(v)) {
				t.Errorf("%s contains %s", test.specs, v)
			}
		}
	}
	if s := Exactly(MustParse("1.0")); s.Contains(MustParse("1.0+foo")) || !s.Contains(MustParse("1")) || s.Equal(set(t, "==1.0")) {
		t.Errorf("Exactly(1.0) = %s", s)
	}
	if !set(t, ">=0.dev0").IsFull() || !set(t, "<0").IsEmpty() || !(Set{}).Equal(Empty()) || !Specifiers(nil).Set().IsFull() {
		t.Error("full and empty sets are not recognized")
	}
	if !set(t, ">=1.0,<=1.0.0").Equal(set(t, "==1")) || !set(t, ">1.0.post1").Equal(set(t, ">=1.post2.dev0")) {
		t.Error("sets of the same versions are not equal")
	}
}

func TestSetString(t *testing.T) {
	for _, test := range []struct {
		set  Set
		want string
	}{
		{Full(), "any version"},
		{Empty(), "no version"},
		{set(t, ">=1.0,<2.0"), ">=1.0, <2.0"},
		{set(t, ">=1.0,!=1.5,!=1.7.*,<2.0"), ">=1.0, !=1.5, !=1.7.*, <2.0"},
		{set(t, "!=1.5"), "!=1.5"},
		{set(t, "!=1.5+foo"), "!=1.5+foo"},
		{set(t, "==1.5"), "==1.5"},
		{set(t, "==1.0.*"), "==1.0.*"},
		{set(t, "==2.*"), "==2.*"},
		{set(t, "==1!2.*"), "==1!2.*"},
		{set(t, "~=1.4.2"), ">=1.4.2, <1.5"},
		{set(t, ">1.0"), ">1.0"},
		{set(t, ">1.0rc1"), ">=1.0rc2.dev0"},
		{set(t, "<=1.0"), "<=1.0"},
		{set(t, "<=1.0rc1"), "<=1.0rc1"},
		{set(t, "<=1.0.post1"), "<1.0.post2"},
		{set(t, "<1.0rc1"), "<1.0rc1"},
		{set(t, "<1.0").Union(set(t, ">2.0")), "<1.0 | >2.0"},
		{set(t, ">=1.0").Complement(), "before 1.0"},
		{set(t, ">1.0").Complement(), "through 1.0.post*"},
		{Exactly(MustParse("1.0")), "===1.0"},
		{Exactly(MustParse("1.0")).Complement(), "!==1.0"},
		{Exactly(MustParse("1.0")).Union(Exactly(MustParse("2.0"))), "===1.0 | ===2.0"},
	} {
		if got := test.set.String(); got != test.want {
			t.Errorf("String() = %q, want %q", got, test.want)
		}
	}
}

func TestLower(t *testing.T) {
	for _, test := range []struct {
		specs, want string
		inclusive   bool
	}{
		{">=3.8", "3.8", true},
		{">=3.8,<4,!=3.9.*", "3.8", true},
		{">3.8", "3.8", false},
		{"~=3.8", "3.8", true},
		{"==3.8.*", "3.8.dev0", true},
		{"==3.8", "3.8", true},
		{"!=3.8", "", false},
		{"<3.8", "", false},
		{">4,<3", "", false},
	} {
		v, inclusive, ok := set(t, test.specs).Lower()
		if v.String() != test.want || inclusive != test.inclusive || ok != (test.want != "") {
			t.Errorf("%s: Lower() = %q, %v, %v, want %q, %v", test.specs, v, inclusive, ok, test.want, test.inclusive)
		}
	}
}

func FuzzParseSpecifiers(f *testing.F) {
	for _, s := range []string{">=1.0,<2", "== 1.*", "~=1.4.2rc1", "===wat", "!=1.0+local", " > 1 , ! = 2", ">=1,,<2", ">=1,", "", "==1.0,==1", "===", ">1.0.*", "<0!1"} {
		f.Add(s, "1.0rc1")
	}
	f.Fuzz(func(t *testing.T, text, version string) {
		specs, err := ParseSpecifiers(text)
		if err != nil {
			var e *ParseError
			if !errors.As(err, &e) || specs != nil || e.Offset < 0 || e.Offset > len(text) || e.Error() == "" {
				t.Fatalf("ParseSpecifiers(%q) = %q, %#v", text, specs, err)
			}
			return
		}
		again, err := ParseSpecifiers(specs.String())
		if err != nil || again.String() != specs.String() {
			t.Fatalf("ParseSpecifiers(%q) = %q, parsed again %q, %v", text, specs, again, err)
		}
		s := specs.Set()
		if !s.Equal(again.Set()) {
			t.Fatalf("ParseSpecifiers(%q): set %s, of its normal form %s", text, s, again.Set())
		}
		if v, err := Parse(version); err == nil {
			arbitrary := slices.ContainsFunc(specs, func(s Specifier) bool { return s.Op == Arbitrary })
			if got, want := s.Contains(v), specs.Contains(v); got != want && (!arbitrary || want) {
				t.Fatalf("ParseSpecifiers(%q).Set().Contains(%q) = %v, Contains %v", text, v, got, want)
			}
		}
	})
}

var boolSink bool

func BenchmarkContains(b *testing.B) {
	v := MustParse("1.34.162")
	for _, text := range []string{">=1.33,<2", "==1.34.*", "~=1.34.0", ">=1.33,!=1.34.0,!=1.34.1,<1.35"} {
		specs, err := ParseSpecifiers(text)
		if err != nil {
			b.Fatal(err)
		}
		s := specs.Set()
		b.Run("specifiers/"+text, func(b *testing.B) {
			for b.Loop() {
				boolSink = specs.Contains(v)
			}
		})
		b.Run("set/"+text, func(b *testing.B) {
			for b.Loop() {
				boolSink = s.Contains(v)
			}
		})
	}
}

func BenchmarkParseSpecifiers(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSpecifiers(">=1.33, !=1.34.0, <2"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	specs, err := ParseSpecifiers(">=1.33,!=1.34.0,<2")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		boolSink = specs.Set().IsEmpty()
	}
}

func BenchmarkIntersect(b *testing.B) {
	s, o := set(b, ">=1.33,!=1.34.0,<2"), set(b, ">=1.20,<1.40")
	b.ReportAllocs()
	for b.Loop() {
		boolSink = s.Intersect(o).IsEmpty()
	}
}

func BenchmarkDisjoint(b *testing.B) {
	s, o := set(b, ">=1.33,!=1.34.0,<2"), set(b, ">=1.20,<1.30")
	b.ReportAllocs()
	for b.Loop() {
		boolSink = s.Disjoint(o)
	}
}

func BenchmarkIndexes2000(b *testing.B) {
	versions := manyVersions(2000)
	s := set(b, ">=1.3,!=1.5.7,<1.12")
	b.ReportAllocs()
	for b.Loop() {
		sink = len(s.Indexes(versions))
	}
}

func TestUpper(t *testing.T) {
	for _, tt := range []struct {
		spec, want string
		inclusive  bool
	}{
		{"", "", false}, {">=1", "", false}, {"!=1", "", false}, {"<1,>=2", "", false},
		{"<2", "2.dev0", false}, {"<=2", "2.post0.dev0", false}, {"~=1.4", "2.dev0", false}, {"==1.*", "2.dev0", false},
		{"<2rc1", "2rc1", false}, {"==1+x", "1+x", true}, {">=1,<3,!=2", "3.dev0", false},
	} {
		s, err := ParseSpecifiers(tt.spec)
		if err != nil {
			t.Fatal(err)
		}
		v, inclusive, ok := s.Set().Upper()
		if got := v.String(); ok != (tt.want != "") || ok && (!v.Equal(MustParse(tt.want)) || inclusive != tt.inclusive) {
			t.Errorf("%s: got %s, %v, %v", tt.spec, got, inclusive, ok)
		}
	}
}
