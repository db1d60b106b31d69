package pep440

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	for _, test := range []struct {
		in     string
		offset int
		want   string
	}{
		{"", 0, `invalid version "": character 1: a version begins with a number, found its end`},
		{"  v", 3, `character 4: a version begins with a number, found its end`},
		{"1.x", 1, `character 2: found '.'`},
		{"1!", 2, `character 3: a number follows the epoch`},
		{"1.0+", 4, `character 5: letters or digits make a local version, found its end`},
		{"1.0+a..b", 6, `found '.'`},
		{"1.0+a.", 6, `found its end`},
		{"1.0 .1", 3, `found ' '`},
		{"é", 0, `found 'é'`},
		{"1é2", 1, `character 2: found 'é'`},
		{"1.0\x1b[31m", 3, `found '\x1b'`},
		{"1.0rc1rc2", 7, `found 'c'`},
		{"1.0rc1a2", 6, `found 'a'`},
		{strings.Repeat("1.", 200) + "1", 256, `it has 401 bytes, the limit is 256`},
	} {
		v, err := Parse(test.in)
		var e *ParseError
		if !errors.As(err, &e) || !v.IsZero() {
			t.Errorf("Parse(%q) = %q, %v, want a *ParseError", test.in, v, err)
			continue
		}
		if e.Offset != test.offset || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%q): %v (offset %d), want %s (offset %d)", test.in, err, e.Offset, test.want, test.offset)
		}
		if strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("Parse(%q): the error holds an unescaped control character", test.in)
		}
	}
	if _, err := Parse(" " + strings.Repeat("1", MaxVersionLength) + "\n"); err != nil {
		t.Errorf("a version of %d bytes: %v", MaxVersionLength, err)
	}
}

func TestZeroVersion(t *testing.T) {
	var v Version
	if !v.IsZero() || v.String() != "" || v.Key() != "" || v.Local() != "" || v.IsPrerelease() || !v.Public().IsZero() || !v.Base().IsZero() {
		t.Errorf("the zero Version: %#v", v)
	}
	if MustParse("0.dev0").IsZero() {
		t.Error("0.dev0 is the zero Version")
	}
}

// Numbers about the limits of the packed form, and of 64 bits.
var numbers = []string{"0", "0", "0", "1", "1", "2", "3", "9", "10", "15", "16", "17", "255", "271", "272", "273", "2024", "4367", "4368", "4369",
	"20240131", "268439823", "268439824", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
	"99999999999999999999", "100000000000000000000"}

// A generator makes random texts from a small world, so that they are often equal and nearly equal.
type generator struct {
	*rand.Rand
	numbers []string
}

func newGenerator(t testing.TB) generator {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return generator{rand.New(rand.NewPCG(seed, 0)), numbers}
}

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) number() string {
	if g.IntN(3) > 0 {
		return strconv.Itoa(g.IntN(3))
	}
	return g.pick(g.numbers...)
}

func (g generator) release() string {
	s := g.number()
	if g.IntN(12) == 0 {
		s = g.number() + "!" + s
	}
	for range g.IntN(4) {
		s += "." + g.number()
	}
	return s
}

func (g generator) public() string {
	s := g.release()
	if g.IntN(3) == 0 {
		s += g.pick("a", "b", "rc") + g.number()
	}
	if g.IntN(4) == 0 {
		s += ".post" + g.number()
	}
	if g.IntN(4) == 0 {
		s += ".dev" + g.number()
	}
	return s
}

func (g generator) version() string {
	s := g.public()
	if g.IntN(4) == 0 {
		s += "+" + g.pick("0", "1", "a", "0a", "00a", "abc", "cpu", g.number())
		for g.IntN(3) == 0 {
			s += "." + g.pick("0", "1", "a", "b", g.number())
		}
	}
	return s
}

// naive orders versions by their parts alone.
func naive(v, w Version) int {
	var vr, wr releaseBuffer
	p, q := v.parts(&vr), w.parts(&wr)
	if c := p.comparePublic(&q); c != 0 {
		return c
	}
	return compareLocals(p.local, q.local)
}

func TestPackedOrder(t *testing.T) {
	g := newGenerator(t)
	packed := 0
	for range 60_000 {
		a, b := g.version(), g.version()
		v, w := MustParse(a), MustParse(b)
		if v.long == nil {
			packed++
		}
		want := naive(v, w)
		if got := v.Compare(w); got != want || w.Compare(v) != -want {
			t.Fatalf("Compare(%q, %q) = %d, by their parts %d", a, b, got, want)
		}
		if (v.Key() == w.Key()) != (want == 0) {
			t.Fatalf("keys %q and %q, Compare %d", v.Key(), w.Key(), want)
		}
		if got := v.samePublic(w); got != v.Public().Equal(w.Public()) {
			t.Fatalf("samePublic(%q, %q) = %v", a, b, got)
		}
		if got := v.sameRelease(w); got != v.Base().Equal(w.Base()) {
			t.Fatalf("sameRelease(%q, %q) = %v", a, b, got)
		}
		if v.String() != a && MustParse(v.String()).String() != v.String() {
			t.Fatalf("Parse(%q) = %q", a, v)
		}
		var release releaseBuffer
		p := v.parts(&release)
		if again := p.version(); again.String() != v.String() || again.key != v.key || again.flags != v.flags {
			t.Fatalf("%q taken apart and made again is %q", v, again)
		}
	}
	if packed < 15_000 {
		t.Errorf("%d of 60000 versions are packed", packed)
	}
}

func TestPackedVersionsNeedNoMemory(t *testing.T) {
	texts := []string{"1.2.3", "1.34.162", "2024.12.31", "20240131", "2.31.0.20240106", "1!2.0", "1.0rc1", "4.0.0b12.dev3", "1.0.post1", "0.0.0.dev20240131"}
	if n := testing.AllocsPerRun(10, func() {
		for _, s := range texts {
			if v, err := Parse(s); err != nil || v.long != nil {
				t.Errorf("Parse(%q): %v, long %v", s, err, v.long != nil)
			}
		}
	}); n != 0 {
		t.Errorf("parsing allocates %v times", n)
	}
}

func TestNumbers(t *testing.T) {
	var all []number
	for _, s := range slices.Compact(slices.Clone(numbers)) {
		all = append(all, parseNumber(s))
	}
	for i, a := range all {
		for j, b := range all {
			if a.compare(b) != cmp.Compare(i, j) && a != b {
				t.Errorf("%v compared with %v: %d", a, b, a.compare(b))
			}
		}
		if next := a.next(); next.compare(a) <= 0 {
			t.Errorf("%v.next() = %v", a, next)
		}
		if inf := (number{big: infinite}); a.compare(inf) != -1 || inf.compare(a) != +1 || inf.compare(inf) != 0 {
			t.Errorf("%v compared with the infinite number", a)
		}
	}
	for _, test := range [][2]string{{"9", "10"}, {"18446744073709551615", "18446744073709551616"}, {"99999999999999999999", "100000000000000000000"},
		{"18446744073709551999", "18446744073709552000"}} {
		if got := string(parseNumber(test[0]).next().append(nil)); got != test[1] {
			t.Errorf("%s.next() = %s, want %s", test[0], got, test[1])
		}
	}
	if got := parseNumber("000000000000000000000000000000000000012"); got != (number{n: 12}) {
		t.Errorf("leading zeros: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1.2.3", " V1!1.0-ALPHA_1.rev-2.DEV3+Ubuntu_1.007 ", "1-1", "1.0.", "1.0a-", "1.0a..post", "0.dev0", "1.0r.dev",
		"99999999999999999999999.1", "1.0.dev18446744073709551616", "20240131.1.2.3.4.5.6.7.8.9.10.11.12.13", "\u202f1.0\u2029", "1.0+a.", "1.0+007.7"} {
		f.Add(s, "1.0")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, err := Parse(a)
		if err != nil {
			var e *ParseError
			if !errors.As(err, &e) || !v.IsZero() || e.Offset < 0 || e.Offset > len(a) {
				t.Fatalf("Parse(%q) = %q, %#v", a, v, err)
			}
			return
		}
		again, at, msg := parse(v.String())
		if msg != "" || again.String() != v.String() || !again.Equal(v) {
			t.Fatalf("Parse(%q) = %q, parsed again %q %s at %d", a, v, again, msg, at)
		}
		if k, _, msg := parse(v.Key()); msg != "" || !k.Equal(v) || k.Key() != v.Key() {
			t.Fatalf("Parse(%q).Key() = %q, parsed %q %s", a, v.Key(), k, msg)
		}
		if w, err := Parse(b); err == nil {
			if got, want := v.Compare(w), naive(v, w); got != want || (v.Key() == w.Key()) != (want == 0) {
				t.Fatalf("Compare(%q, %q) = %d, by their parts %d", v, w, got, want)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, s := range []string{"1.2.3", "1.34.162", "2.31.0.20240106", "1.0.0rc1", "2.1.0.post1.dev3", "2.1.0+cu118", "2024.01.31.235959123456"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, pair := range [][2]string{{"1.34.162", "1.34.161"}, {"1.0", "1.0.0"}, {"2.1.0+cu118", "2.1.0+cu121"}, {"2024.01.31.235959123456", "2024.01.31.235959123457"}} {
		v, w := MustParse(pair[0]), MustParse(pair[1])
		b.Run(pair[0], func(b *testing.B) {
			for b.Loop() {
				sink = v.Compare(w)
			}
		})
	}
}

var sink int

func BenchmarkString(b *testing.B) {
	v := MustParse("1.34.162")
	for b.Loop() {
		sink = len(v.String())
	}
}

func BenchmarkSort(b *testing.B) {
	versions := manyVersions(2000)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(versions), func(i, j int) { versions[i], versions[j] = versions[j], versions[i] })
	b.ReportAllocs()
	for b.Loop() {
		slices.SortFunc(slices.Clone(versions), Version.Compare)
	}
}

// manyVersions are n releases in ascending order, as of a project that releases daily, with some pre-releases.
func manyVersions(n int) []Version {
	var vs []Version
	for i := 0; len(vs) < n; i++ {
		base := "1." + strconv.Itoa(i/100) + "." + strconv.Itoa(i%100)
		if i%10 == 0 {
			vs = append(vs, MustParse(base+"rc1"))
		}
		vs = append(vs, MustParse(base))
	}
	return vs[:n]
}
