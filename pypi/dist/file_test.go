package dist

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/tags"
)

// refused reports whether pylock refuses a file name that packaging accepts:
// the project part is no project's name, or the text has a path separator.
func refused(v fileVector) bool {
	nameText := v.In[:strings.LastIndexByte(strings.TrimSuffix(v.In, ".tar.gz"), '-')]
	if strings.HasSuffix(v.In, ".whl") {
		nameText, _, _ = strings.Cut(v.In, "-")
	}
	_, err := pypi.ParseName(nameText)
	return err != nil || strings.ContainsAny(v.In, `/\`)
}

func TestWheelVectors(t *testing.T) {
	vectors := readFileVectors(t)
	var shared FileParser
	stricter := 0
	for _, want := range vectors.Wheels {
		w, err := ParseWheel(want.In)
		if refused(want) {
			stricter++
			if err == nil {
				t.Errorf("%q: got no error", want.In)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", want.In, err)
			continue
		}
		var got []string
		for _, tag := range w.Tags {
			got = append(got, tag.String())
		}
		slices.Sort(got)
		if string(w.Name) != want.Name || w.Version.String() != want.Version || !slices.Equal(got, want.Tags) {
			t.Errorf("%q: got %s %s %v, want %s %s %v", want.In, w.Name, w.Version, got, want.Name, want.Version, want.Tags)
		}
		if len(want.Build) == 0 {
			want.Build = []any{0.0, ""}
		}
		if suffix := strings.TrimLeft(w.Build, "0123456789"); float64(w.BuildNumber) != want.Build[0] || suffix != want.Build[1] {
			t.Errorf("%q: got build %q, number %d, want %v", want.In, w.Build, w.BuildNumber, want.Build)
		}
		again, err := shared.Wheel(want.In)
		if err != nil || again.Name != w.Name || !again.Version.Equal(w.Version) || again.Version.String() != w.Version.String() ||
			again.Build != w.Build || !slices.Equal(again.Tags, w.Tags) {
			t.Errorf("%q: a FileParser gives %+v, %v, want %+v", want.In, again, err, w)
		}
	}
	for _, in := range vectors.InvalidWheels {
		if w, err := ParseWheel(in); err == nil {
			t.Errorf("%q: got %+v, want an error", in, w)
		}
		if w, err := shared.Wheel(in); err == nil {
			t.Errorf("%q: a FileParser gives %+v, want an error", in, w)
		}
	}
	if stricter > 25 {
		t.Errorf("%d valid names are refused", stricter)
	}
}

func TestSdistVectors(t *testing.T) {
	vectors := readFileVectors(t)
	var shared FileParser
	stricter := 0
	for _, want := range vectors.Sdists {
		s, err := ParseSdist(want.In)
		if refused(want) {
			stricter++
			if err == nil {
				t.Errorf("%q: got no error", want.In)
			}
			continue
		}
		if err != nil || string(s.Name) != want.Name || s.Version.String() != want.Version || !strings.HasSuffix(want.In, s.Ext) {
			t.Errorf("%q: got %+v, %v, want %s %s", want.In, s, err, want.Name, want.Version)
		}
		of, err := shared.SdistOf(want.In, s.Name)
		if err != nil || of.Name != s.Name || of.Version.String() != s.Version.String() || of.Ext != s.Ext {
			t.Errorf("%q: got %+v, %v of %s, want %+v", want.In, of, err, s.Name, s)
		}
	}
	for _, in := range vectors.InvalidSdists {
		if s, err := ParseSdist(in); err == nil {
			t.Errorf("%q: got %+v, want an error", in, s)
		}
	}
	if stricter > 30 {
		t.Errorf("%d valid names are refused", stricter)
	}
}

func TestWheelErrors(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"foo-1.0.zip", "ends in .whl"},
		{"foo-1.0-py3-none.whl", "want NAME-VERSION"},
		{"foo-1.0-1-2-py3-none-any.whl", "want NAME-VERSION"},
		{"foo-1.0-x1-py3-none-any.whl", "build tag"},
		{"foo-1.0-1234567890123456789-py3-none-any.whl", "build tag"},
		{"foo__bar-1.0-py3-none-any.whl", "underscores"},
		{"foo-x-py3-none-any.whl", "x"},
		{"foo--py3-none-any.whl", ""},
		{"-1.0-py3-none-any.whl", ""},
		{"foo-1.0-py3-none-any\x1b.whl", "control"},
		{"foo-1.0-py3-none-a/b.whl", "separator"},
		{"foo-1.0-py3-none-a\xff.whl", "UTF-8"},
		{strings.Repeat("a", maxFilename) + "-1.0-py3-none-any.whl", "bytes"},
	} {
		w, err := ParseWheel(test.in)
		if err == nil {
			t.Errorf("%.40q: got %+v, want an error", test.in, w)
		} else if !strings.Contains(err.Error(), test.want) || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%.40q: got %q, want %q in it", test.in, err, test.want)
		}
	}
}

func TestParseSdistOf(t *testing.T) {
	for _, test := range []struct{ in, project, want string }{
		{"foo-1.0.tar.gz", "foo", "foo 1.0 .tar.gz"},
		{"foo-1.0-1.zip", "foo", "foo 1.0.post1 .zip"},
		{"foo-1.0-beta2.tar.gz", "foo", "foo 1.0b2 .tar.gz"},
		{"foo.bar-1.0.tgz", "foo-bar", "foo-bar 1.0 .tgz"},
		{"Foo__Bar-1.0.tar.bz2", "foo-bar", "foo-bar 1.0 .tar.bz2"},
		{"foo-bar-1.0.tar.xz", "foo-bar", "foo-bar 1.0 .tar.xz"},
		{"a-1-1.zip", "a", "a 1.post1 .zip"},
		{"a-1-1.zip", "a-1", "a-1 1 .zip"},
		{"a-1-2-3.zip", "a-1", "a-1 2.post3 .zip"},
		{"foo-bar-1.0.tar.gz", "foo", "error"},
		{"foo-1.0.tar.gz", "bar", "error"},
		{"foo-.tar.gz", "foo", "error"},
		{"foo.tar.gz", "foo", "error"},
		{".tar.gz", "foo", "error"},
		{"foo-1.0.exe", "foo", "error"},
		{"foo-1.0+a\x00.zip", "foo", "error"},
	} {
		s, err := ParseSdistOf(test.in, pypi.Name(test.project))
		got := "error"
		if err == nil {
			got = fmt.Sprintf("%s %s %s", s.Name, s.Version, s.Ext)
		}
		if got != test.want {
			t.Errorf("%s of %s: got %s, %v, want %s", test.in, test.project, got, err, test.want)
		}
	}
}

// TestFileParserErrors checks that a bad name leaves nothing behind.
func TestFileParserErrors(t *testing.T) {
	var p FileParser
	for _, in := range []string{
		"foo-1.0-py3-none-any.whl", "foo-1.x-py3-none-any.whl", "foo--py3-none-any.whl", "-1.0-py3-none-any.whl",
		"foo-2.0-cp312-cp312-win32.whl", "foo-2.0--cp312-win32.whl", "foo-1.0-cp312-cp312-win32.whl", "_-1.0-py3-none-any.whl",
		"bar-1.0-py3-none-any.whl", "bar-1.0-py3-none-any.whl",
	} {
		got, err1 := p.Wheel(in)
		want, err2 := ParseWheel(in)
		if (err1 == nil) != (err2 == nil) || got.Name != want.Name || got.Version.String() != want.Version.String() ||
			!slices.Equal(got.Tags, want.Tags) {
			t.Errorf("%s: got %+v, %v, want %+v, %v", in, got, err1, want, err2)
		}
	}
}

func FuzzParseWheel(f *testing.F) {
	v := readFileVectors(f)
	for i := range v.Wheels {
		if i%20 == 0 {
			f.Add(v.Wheels[i].In)
		}
	}
	for _, in := range v.InvalidWheels[:50] {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		w, err := ParseWheel(in)
		if err != nil {
			return
		}
		build := ""
		if w.Build != "" {
			build = "-" + w.Build
		}
		name := strings.ReplaceAll(string(w.Name), "-", "_")
		for _, tag := range w.Tags {
			out := fmt.Sprintf("%s-%s%s-%s.whl", name, w.Version, build, tag)
			again, err := ParseWheel(out)
			if err != nil || again.Name != w.Name || !again.Version.Equal(w.Version) || again.Build != w.Build ||
				again.BuildNumber != w.BuildNumber || !slices.Equal(again.Tags, []tags.Tag{tag}) {
				t.Fatalf("%q: %q reads back as %+v, %v, want %+v", in, out, again, err, w)
			}
		}
	})
}

func FuzzParseSdist(f *testing.F) {
	v := readFileVectors(f)
	for i := range v.Sdists {
		if i%20 == 0 {
			f.Add(v.Sdists[i].In, v.Sdists[i].Name)
		}
	}
	f.Add("a-1-1.zip", "a-1")
	f.Fuzz(func(t *testing.T, in, project string) {
		if s, err := ParseSdist(in); err == nil {
			if of, err := ParseSdistOf(in, s.Name); err != nil || of.Name != s.Name {
				t.Fatalf("%q: got %+v, %v, want %+v", in, of, err, s)
			}
		}
		s, err := ParseSdistOf(in, pypi.Name(project))
		if err != nil {
			return
		}
		out := fmt.Sprintf("%s-%s%s", s.Name, s.Version, s.Ext)
		again, err := ParseSdistOf(out, s.Name)
		if err != nil || s.Name != pypi.Name(project) || again.Name != s.Name || !again.Version.Equal(s.Version) {
			t.Fatalf("%q: %q reads back as %+v, %v, want %+v", in, out, again, err, s)
		}
	})
}

// page returns the file names of a large project.
func page(files int) []string {
	platforms := []string{
		"manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_aarch64.manylinux2014_aarch64",
		"musllinux_1_2_x86_64", "macosx_11_0_arm64", "macosx_10_9_x86_64", "win32", "win_amd64",
	}
	var names []string
	for release := 0; ; release++ {
		for python := 8; python < 14; python++ {
			for _, platform := range platforms {
				if len(names) == files {
					return names
				}
				names = append(names, fmt.Sprintf("charset_normalizer-3.%d.%d-cp3%d-cp3%d-%s.whl", release/10, release%10, python, python, platform))
			}
		}
	}
}

func BenchmarkParseWheel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseWheel("charset_normalizer-3.4.3-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPage reads a page of 5,000 wheels.
func BenchmarkPage(b *testing.B) {
	names := page(5000)
	b.ReportAllocs()
	for b.Loop() {
		var p FileParser
		for _, name := range names {
			if _, err := p.Wheel(name); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(names)), "ns/file")
}

func BenchmarkParseSdistOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSdistOf("charset_normalizer-3.4.3.tar.gz", "charset-normalizer"); err != nil {
			b.Fatal(err)
		}
	}
}

// errField returns the field that a *FieldError names.
func errField(err error) string {
	var f *FieldError
	if errors.As(err, &f) {
		return f.Field
	}
	return ""
}
