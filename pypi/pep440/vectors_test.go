package pep440

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// load reads testdata/NAME.json.gz, vectors made with packaging 26.3.
func load(t testing.TB, name string, into any) {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(z)
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// atLeast fails where a file of vectors was cut, or a key misspelled.
func atLeast(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want {
		t.Fatalf("%d vectors of %s, want at least %d", got, what, want)
	}
}

// parseAnyLength is Parse without MaxVersionLength, which two of the vectors exceed.
func parseAnyLength(t *testing.T, s string) (Version, error) {
	t.Helper()
	begin, end := trim(s)
	if end-begin <= MaxVersionLength {
		return Parse(s)
	}
	if _, err := Parse(s); err == nil {
		t.Errorf("Parse of %d bytes: no error", end-begin)
	}
	v, at, msg := parse(s[begin:end])
	if msg != "" {
		return Version{}, &ParseError{"version", s, at, msg}
	}
	return v, nil
}

type versionVectors struct {
	Valid []struct {
		In, Norm, Public, Base  string
		Epoch                   json.Number
		Release                 []json.Number
		Pre                     []any
		Post, Dev               *json.Number
		Local                   *string
		Is_pre, Is_post, Is_dev bool
	}
	Invalid []string
	Sorted  [][]string
	Compare [][3]any
}

func TestVersionVectors(t *testing.T) {
	var vectors versionVectors
	load(t, "versions", &vectors)
	atLeast(t, "valid", len(vectors.Valid), 6000)
	for _, want := range vectors.Valid {
		v, err := parseAnyLength(t, want.In)
		if err != nil {
			t.Errorf("Parse: %v", err)
			continue
		}
		local := ""
		if want.Local != nil {
			local = *want.Local
		}
		check := func(what, got, want string) {
			if got != want {
				t.Errorf("Parse(%q).%s = %q, want %q", v, what, got, want)
			}
		}
		check("String()", v.String(), want.Norm)
		check("Public()", v.Public().String(), want.Public)
		check("Base()", v.Base().String(), want.Base)
		check("Local()", v.Local(), local)
		if v.IsPrerelease() != want.Is_pre || v.IsPostrelease() != want.Is_post {
			t.Errorf("Parse(%q) prerelease %v postrelease %v, want %v %v", want.In, v.IsPrerelease(), v.IsPostrelease(), want.Is_pre, want.Is_post)
		}
		if got := v.Epoch(); int64(got) != saturated(want.Epoch) {
			t.Errorf("Parse(%q).Epoch() = %d, want %s", want.In, got, want.Epoch)
		}
		release := v.Release()
		if !slices.EqualFunc(release, want.Release, func(a int, b json.Number) bool { return int64(a) == saturated(b) }) {
			t.Errorf("Parse(%q).Release() = %v, want %v", want.In, release, want.Release)
		}
		phase, n, ok := v.Pre()
		if ok != (want.Pre != nil) || ok && (phase != want.Pre[0] || int64(n) != saturated(want.Pre[1].(json.Number))) {
			t.Errorf("Parse(%q).Pre() = %q, %d, %v, want %v", want.In, phase, n, ok, want.Pre)
		}
		if n, ok := v.Post(); ok != (want.Post != nil) || ok && int64(n) != saturated(*want.Post) {
			t.Errorf("Parse(%q).Post() = %d, %v, want %v", want.In, n, ok, want.Post)
		}
		if n, ok := v.Dev(); ok != want.Is_dev || ok && int64(n) != saturated(*want.Dev) {
			t.Errorf("Parse(%q).Dev() = %d, %v, want %v", want.In, n, ok, want.Dev)
		}
		if again, err := parseAnyLength(t, v.String()); err != nil || !again.Equal(v) || again.String() != v.String() {
			t.Errorf("Parse(%q) = %q, %v", v, again, err)
		}
	}
	atLeast(t, "invalid", len(vectors.Invalid), 2500)
	for _, in := range vectors.Invalid {
		v, err := Parse(in)
		var e *ParseError
		if !errors.As(err, &e) || !v.IsZero() || e.Offset < 0 || e.Offset > len(in) {
			t.Errorf("Parse(%q) = %v, %#v, want a *ParseError", in, v, err)
		}
	}
}

// saturated is n, or the largest int.
func saturated(n json.Number) int64 {
	i, _ := n.Int64()
	return i
}

func TestOrderVectors(t *testing.T) {
	var vectors versionVectors
	load(t, "versions", &vectors)
	atLeast(t, "sorted", len(vectors.Sorted), 2000)
	var all []Version
	var class []int
	for i, equal := range vectors.Sorted {
		for _, in := range equal {
			v, err := parseAnyLength(t, in)
			if err != nil {
				t.Fatal(err)
			}
			all, class = append(all, v), append(class, i)
		}
	}
	for i, v := range all {
		for j, w := range all {
			want := cmp.Compare(class[i], class[j])
			if got := v.Compare(w); got != want {
				t.Fatalf("Compare(%q, %q) = %d, want %d", v, w, got, want)
			}
			if (v.Key() == w.Key()) != (want == 0) {
				t.Fatalf("keys %q and %q, Compare %d", v.Key(), w.Key(), want)
			}
			if i > j+200 {
				break // neighbours, and everything with what sorts above
			}
		}
	}
	atLeast(t, "compare", len(vectors.Compare), 8000)
	for _, c := range vectors.Compare {
		v, err1 := parseAnyLength(t, c[0].(string))
		w, err2 := parseAnyLength(t, c[1].(string))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		want, _ := c[2].(json.Number).Int64()
		if got := v.Compare(w); int64(got) != want {
			t.Errorf("Compare(%q, %q) = %d, want %d", c[0], c[1], got, want)
		}
		if got := w.Compare(v); int64(got) != -want {
			t.Errorf("Compare(%q, %q) = %d, want %d", c[1], c[0], got, -want)
		}
		if v.Equal(w) != (want == 0) || (v.Key() == w.Key()) != (want == 0) {
			t.Errorf("Equal or Key of %q and %q, want Compare %d", c[0], c[1], want)
		}
	}
}

func TestKeyVectors(t *testing.T) {
	var vectors struct{ Canonical_versions [][3]string }
	load(t, "names", &vectors)
	atLeast(t, "canonical_versions", len(vectors.Canonical_versions), 800)
	for _, c := range vectors.Canonical_versions {
		v, err := parseAnyLength(t, c[0])
		if err != nil {
			if c[0] != c[1] { // what is no version stays as it is
				t.Errorf("Parse: %v", err)
			}
			continue
		}
		if v.Key() != c[1] || v.String() != c[2] {
			t.Errorf("Parse(%q) Key %q String %q, want %q %q", c[0], v.Key(), v, c[1], c[2])
		}
	}
}

type specifierVectors struct {
	Valid []struct {
		In, Norm string
		Specs    [][2]string
	}
	Invalid  []string
	Contains [][4]any
	Filter   []struct {
		Spec        string
		Versions    []string
		Prereleases *bool
		Expected    []string
	}
}

// parseLikePackaging is ParseSpecifiers without MaxVersionLength, and passes over empty clauses; where these two matter,
// it checks that ParseSpecifiers refuses the text.
func parseLikePackaging(t *testing.T, s string) (Specifiers, error) {
	t.Helper()
	var clauses []string
	refused := false
	for c := range strings.SplitSeq(s, ",") {
		begin, end := trim(c)
		if begin < end {
			clauses = append(clauses, c)
		} else if strings.Contains(s, ",") {
			refused = true
		}
		refused = refused || len(strings.TrimRight(strings.TrimLeft(c[begin:end], "<>=!~ "), ".*")) > MaxVersionLength
	}
	if _, err := ParseSpecifiers(s); refused && err == nil {
		t.Errorf("ParseSpecifiers(%.80q): no error, want one for an empty clause or the length", s)
	} else if !refused {
		return ParseSpecifiers(s)
	}
	return parseSpecifiers(strings.Join(clauses, ","), len(s))
}

func TestSpecifierVectors(t *testing.T) {
	var vectors specifierVectors
	load(t, "specifiers", &vectors)
	atLeast(t, "valid", len(vectors.Valid), 6800)
	for _, want := range vectors.Valid {
		specs, err := parseLikePackaging(t, want.In)
		if err != nil {
			t.Errorf("ParseSpecifiers(%q): %v", want.In, err)
			continue
		}
		if got := specs.String(); got != want.Norm {
			t.Errorf("ParseSpecifiers(%q).String() = %q, want %q", want.In, got, want.Norm)
		}
		var pairs [][2]string
		for _, s := range specs {
			pairs = append(pairs, [2]string{s.Op.String(), s.Text})
		}
		for _, w := range want.Specs {
			if !slices.Contains(pairs, w) {
				t.Errorf("ParseSpecifiers(%q) = %q, want %q", want.In, pairs, want.Specs)
			}
		}
		if len(specs) > 0 {
			if again, err := parseLikePackaging(t, specs.String()); err != nil || again.String() != specs.String() {
				t.Errorf("ParseSpecifiers(%q) = %q, %v", specs, again, err)
			}
		}
	}
	atLeast(t, "invalid", len(vectors.Invalid), 2300)
	for _, in := range vectors.Invalid {
		specs, err := ParseSpecifiers(in)
		var e *ParseError
		if !errors.As(err, &e) || specs != nil || e.Offset < 0 || e.Offset > len(in) {
			t.Errorf("ParseSpecifiers(%q) = %v, %v, want a *ParseError", in, specs, err)
		}
	}
}

func TestContainsVectors(t *testing.T) {
	var vectors specifierVectors
	load(t, "specifiers", &vectors)
	atLeast(t, "contains", len(vectors.Contains), 28000)
	for _, c := range vectors.Contains {
		in, text, want := c[0].(string), c[1].(string), c[3].(bool)
		specs, err := parseLikePackaging(t, in)
		if err != nil {
			t.Errorf("ParseSpecifiers(%q): %v", in, err)
			continue
		}
		got := specs.ContainsText(text)
		v, err := parseAnyLength(t, text)
		if err == nil && !strings.Contains(in, "===") {
			if set := specs.Set().Contains(v); set != specs.Contains(v) {
				t.Errorf("ParseSpecifiers(%q).Set().Contains(%q) = %v, Specifiers.Contains %v", in, text, set, !set)
			}
			got = specs.Contains(v)
		}
		if only, isBool := c[2].(bool); isBool && !only && err == nil && v.IsPrerelease() {
			got = false
		}
		if got != want {
			t.Errorf("ParseSpecifiers(%q).Contains(%q) = %v, want %v (prereleases %v)", in, text, got, want, c[2])
		}
	}
}

func TestFilterVectors(t *testing.T) {
	var vectors specifierVectors
	load(t, "specifiers", &vectors)
	atLeast(t, "filter", len(vectors.Filter), 2200)
	for _, f := range vectors.Filter {
		specs, err := parseLikePackaging(t, f.Spec)
		if err != nil {
			t.Errorf("ParseSpecifiers(%q): %v", f.Spec, err)
			continue
		}
		pre := PrereleasesIfNecessary
		if f.Prereleases != nil {
			if pre = PrereleasesExcluded; *f.Prereleases {
				pre = PrereleasesAllowed
			}
		}
		if got := specs.FilterText(f.Versions, pre); !slices.Equal(got, f.Expected) {
			t.Errorf("ParseSpecifiers(%q).FilterText(%q, %d) = %q, want %q", f.Spec, f.Versions, pre, got, f.Expected)
		}
		var versions []Version
		for _, text := range f.Versions {
			v, err := Parse(text)
			if err != nil {
				break
			}
			versions = append(versions, v)
		}
		if len(versions) != len(f.Versions) || strings.Contains(f.Spec, "===") {
			continue
		}
		got := specs.Filter(versions, pre)
		if !slices.EqualFunc(got, f.Expected, func(v Version, text string) bool { return v.Equal(MustParse(text)) }) {
			t.Errorf("ParseSpecifiers(%q).Filter(%q, %d) = %q, want %q", f.Spec, versions, pre, got, f.Expected)
		}
	}
}

func TestRelationVectors(t *testing.T) {
	var vectors struct {
		Relations     [][5]any
		Unsatisfiable [][2]any
	}
	load(t, "specifier_relations", &vectors)
	atLeast(t, "relations", len(vectors.Relations), 6000)
	set := func(s string) Set {
		specs, err := parseLikePackaging(t, s)
		if err != nil {
			t.Fatal(err)
		}
		return specs.Set()
	}
	for _, r := range vectors.Relations {
		a, b := set(r[0].(string)), set(r[1].(string))
		for _, relation := range []struct {
			name      string
			got, want bool
		}{
			{"SubsetOf", a.SubsetOf(b), r[2].(bool)},
			{"superset", b.SubsetOf(a), r[3].(bool)},
			{"Disjoint", a.Disjoint(b), r[4].(bool)},
			{"disjoint by Intersect", a.Intersect(b).IsEmpty(), r[4].(bool)},
			{"Equal", a.Equal(b), r[2].(bool) && r[3].(bool)},
		} {
			if relation.got != relation.want {
				t.Errorf("%q %s %q = %v, want %v", r[0], relation.name, r[1], relation.got, relation.want)
			}
		}
	}
	atLeast(t, "unsatisfiable", len(vectors.Unsatisfiable), 8500)
	for _, u := range vectors.Unsatisfiable {
		if got := set(u[0].(string)).IsEmpty(); got != u[1].(bool) {
			t.Errorf("%q is empty: %v, want %v", u[0], got, u[1])
		}
	}
}
