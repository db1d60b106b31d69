package pypi

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestNameVectors(t *testing.T) {
	f, err := os.Open("testdata/names.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Names [][4]any }
	if err := json.NewDecoder(z).Decode(&vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Names) < 1000 {
		t.Fatalf("%d names in the vectors", len(vectors.Names))
	}
	for _, v := range vectors.Names {
		in, canonical, valid, normal := v[0].(string), v[1].(string), v[2].(bool), v[3].(bool)
		if got := NormalizeName(in); string(got) != canonical {
			t.Errorf("NormalizeName(%q) = %q, want %q", in, got, canonical)
		}
		if got := NormalizeExtra(in); string(got) != canonical {
			t.Errorf("NormalizeExtra(%q) = %q, want %q", in, got, canonical)
		}
		name, err := ParseName(in)
		if (err == nil) != valid {
			t.Errorf("ParseName(%q) error %v, want valid %v", in, err, valid)
			continue
		}
		if _, err := ParseExtra(in); (err == nil) != valid {
			t.Errorf("ParseExtra(%q) error %v, want valid %v", in, err, valid)
		}
		if valid && (string(name) != canonical || (string(name) == in) != normal) {
			t.Errorf("ParseName(%q) = %q, want %q, already normal %v", in, name, canonical, normal)
		}
	}
}

func TestParseNameErrors(t *testing.T) {
	for _, test := range []struct {
		in     string
		offset int
		want   string
	}{
		{"", 0, "it is empty"},
		{"a b", 1, "' ' is not allowed"},
		{"foo_", 3, "it ends with '_'"},
		{"-foo", 0, "it begins with '-'"},
		{"caf\u00e9", 3, "is not allowed"},
		{"a\x1b[0m", 1, `'\x1b' is not allowed`},
		{"a\xff", 1, "is not allowed"},
		{strings.Repeat("a", MaxNameLength+1), MaxNameLength, "it has 257 bytes, the limit is 256"},
	} {
		_, err := ParseName(test.in)
		var e *NameError
		if !errors.As(err, &e) {
			t.Errorf("ParseName(%q) error %v, want a *NameError", test.in, err)
			continue
		}
		if e.Offset != test.offset || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ParseName(%q) error at %d: %v, want at %d: %s", test.in, e.Offset, err, test.offset, test.want)
		}
		if strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("ParseName(%q): the error holds an unescaped control character", test.in)
		}
	}
	if _, err := ParseName(strings.Repeat("a", MaxNameLength)); err != nil {
		t.Errorf("a name of %d bytes: %v", MaxNameLength, err)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"Hello_World", "a..b", "-x", "", "é", "0", "A-_-.z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := NormalizeName(s)
		if again := NormalizeName(string(n)); again != n {
			t.Fatalf("NormalizeName(%q) = %q, normalized again %q", s, n, again)
		}
		p, err := ParseName(s)
		if err != nil {
			return
		}
		if p != n {
			t.Fatalf("ParseName(%q) = %q, NormalizeName %q", s, p, n)
		}
		if q, err := ParseName(string(p)); err != nil || q != p {
			t.Fatalf("ParseName(%q) = %q, %v", p, q, err)
		}
	})
}

func BenchmarkParseName(b *testing.B) {
	for _, s := range []string{"requests", "Typing_Extensions"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				if _, err := ParseName(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
