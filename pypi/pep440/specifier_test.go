package pep440

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSpecifierErrors(t *testing.T) {
	for _, test := range []struct {
		in     string
		offset int
		want   string
	}{
		{"1.0", 0, "a specifier begins with one of"},
		{">=1,,<2", 4, "a clause is empty, remove the comma"},
		{">=1,", 4, "a clause is empty"},
		{",", 0, "a clause is empty"},
		{">=1 <2", 3, "found ' '"},
		{">=", 2, "a version begins with a number, found its end"},
		{">= 1.*", 4, "a wildcard goes with == and != alone"},
		{"==1.0rc1.*", 8, "a wildcard follows a release"},
		{"==1.0 .*", 5, "found ' '"},
		{"==1.0+foo.*", 9, "a wildcard follows a release"},
		{"==1.0.**", 5, "found '.'"},
		{">1.0+foo", 4, "a local version goes with == and != alone"},
		{"~=1", 2, "~= needs a release of two numbers, write ~=1.0 or >="},
		{"=== ", 3, "=== needs a text to compare with, found its end"},
		{"=1.0", 0, "found '='"},
		{"===1.0 x", 6, "found ' '"},
		{"===1.0;x", 6, "found ';'"},
		{"==" + strings.Repeat("1.", 200) + "1", 258, "the version has 401 bytes, the limit is 256"},
		{strings.Repeat("!=1,", MaxClauses) + "!=1", 0, "it has 1001 clauses, the limit is 1000"},
	} {
		specs, err := ParseSpecifiers(test.in)
		var e *ParseError
		if !errors.As(err, &e) || specs != nil {
			t.Errorf("ParseSpecifiers(%q) = %q, %v, want a *ParseError", test.in, specs, err)
			continue
		}
		if e.Offset != test.offset || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ParseSpecifiers(%.40q): %v (offset %d), want %s (offset %d)", test.in, err, e.Offset, test.want, test.offset)
		}
	}
	if specs, err := ParseSpecifiers(" \t"); specs != nil || err != nil {
		t.Errorf("white space: %v, %v", specs, err)
	}
	if specs, err := ParseSpecifiers(strings.Repeat("!=1,", MaxClauses-1) + "!=1"); len(specs) != MaxClauses || err != nil {
		t.Errorf("%d clauses: %v", MaxClauses, err)
	}
}

func TestSpecifierByHand(t *testing.T) {
	v := MustParse("1.2")
	for _, test := range []struct {
		spec Specifier
		want string
	}{
		{Specifier{Op: GreaterEqual, Version: v}, ">=1.2"},
		{Specifier{Op: Equal, Version: v, Wildcard: true}, "==1.2.*"},
		{Specifier{Op: Arbitrary, Version: v}, "===1.2"},
		{Specifier{Op: Arbitrary, Text: "wat"}, "===wat"},
	} {
		if got := test.spec.String(); got != test.want {
			t.Errorf("String() = %q, want %q", got, test.want)
		}
		if got := test.spec.Contains(v); got != (test.want != "===wat") || test.spec.Set().Contains(v) != got {
			t.Errorf("%s contains %s: %v", test.spec, v, got)
		}
	}
	if s := (Specifier{}); s.Contains(v) || !s.Set().IsEmpty() {
		t.Error("the zero Specifier contains a version")
	}
}

func TestSpecifiersString(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		" >=1 , <2":                   "<2,>=1",
		"==1.0,==1":                   "==1",
		"~=1.0,~=1.0.0":               "~=1.0,~=1.0.0",
		"== v1.0-ALPHA":               "==v1.0-ALPHA",
		"==1.*,==1.0.*,==1.*":         "==1.*,==1.0.*",
		"=== Foo,>=1":                 "===Foo,>=1",
		">=1.0,>=1.0.0,!=2+A,!=2.0+a": "!=2+A,>=1.0",
	} {
		specs, err := ParseSpecifiers(in)
		if err != nil {
			t.Error(err)
		}
		if got := specs.String(); got != want {
			t.Errorf("ParseSpecifiers(%q).String() = %q, want %q", in, got, want)
		}
	}
}

func TestNamesPrerelease(t *testing.T) {
	for in, want := range map[string]bool{
		"": false, ">=1.0": false, ">=1.0a1": true, "<2.dev0": true, "!=1.0a1": false, "==1.0.*": false, "~=1.0rc1,<2": true, "===1.0rc1": true, "===wat": false,
	} {
		specs, err := ParseSpecifiers(in)
		if err != nil {
			t.Error(err)
		}
		if got := specs.NamesPrerelease(); got != want {
			t.Errorf("ParseSpecifiers(%q).NamesPrerelease() = %v, want %v", in, got, want)
		}
	}
}

func TestRepairSpecifiers(t *testing.T) {
	for _, test := range []struct {
		in, want string
		ok       bool
	}{
		{">=1.0", ">=1.0", true},
		{"", "", true},
		{">=7.2.0<8.0.0", ">=7.2.0,<8.0.0", true},
		{">=2.7,!=3.0.*!=3.1.*", ">=2.7,!=3.0.*!=3.1.*", false},
		{"!=~5.0,>=4.12", "!=5.0.*,>=4.12", true},
		{"!=~5.10", "!=5.10.*", true},
		{">=1.9.*", ">=1.9", true},
		{">= 1.9.*, <2.*", ">=1.9, <2", true},
		{"!=3.0*,>=2.7", "!=3.0.*,>=2.7", true},
		{">=2.7, !=3.0*, !=3.1*", ">=2.7, !=3.0.*, !=3.1.*", true},
		{">=3.6,", ">=3.6", true},
		{">=3.6, ", ">=3.6", true},
		{">dev", ">0.0.0dev", true},
		{">=9.0.0a1.0", ">=9.0.0a1", true},
		{">=3.6'", ">=3.6", true},
		{`'>=3.6', "<4"`, ">=3.6, <4", true},
		{">=3.6<4,'", ">=3.6<4,'", false},
		{">=2.7.*<4'", ">=2.7.*<4'", false},
		{">=3.6.*,<4'", ">=3.6,<4", true},
		{">=1,,<2", ">=1,,<2", false},
		{"3.6", "3.6", false},
		{">=x", ">=x", false},
	} {
		got, ok := RepairSpecifiers(test.in)
		if got != test.want || ok != test.ok {
			t.Errorf("RepairSpecifiers(%q) = %q, %v, want %q, %v", test.in, got, ok, test.want, test.ok)
		}
	}
	got, ok := Repair(`x >= '1' ; python_version < "3"`, func(s string) bool { return !strings.Contains(s, "'") })
	if want := `x >= 1 ; python_version < "3"`; got != want || !ok {
		t.Errorf("Repair = %q, %v, want %q", got, ok, want)
	}
}

func FuzzRepairSpecifiers(f *testing.F) {
	for _, s := range []string{">=7.2.0<8", "!=~5.0", ">=1.9.*", "!=3.0*", ">=3.6,", ">dev", ">=9.0.0a1.0", ">=3.6'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := RepairSpecifiers(s)
		_, err := ParseSpecifiers(got)
		if ok != (err == nil) || !ok && got != s {
			t.Fatalf("RepairSpecifiers(%q) = %q, %v; parsed: %v", s, got, ok, err)
		}
	})
}

func ExampleSet() {
	asked, err := ParseSpecifiers(">=1.4,<2")
	if err != nil {
		panic(err)
	}
	broken, err := ParseSpecifiers("==1.5.*")
	if err != nil {
		panic(err)
	}
	usable := asked.Set().Intersect(broken.Set().Complement())
	fmt.Println(usable)
	fmt.Println(usable.Contains(MustParse("1.5.1")), usable.Contains(MustParse("1.6")))
	// Output:
	// >=1.4, !=1.5.*, <2
	// false true
}
