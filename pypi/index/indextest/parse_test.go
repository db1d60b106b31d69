package indextest

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got, err := Parse(`# a comment
Foo_Bar 1.10
  dep>=1; extra == 'Two'
  other ; "one" == extra and os_name == "nt"
  # a comment
  @python >=3.8
  @extra three
	@wheel cp312-cp312-win32
  @wheel 2-py3-none-any
  @sdist dynamic
  @file foo.zip
  @unread
  @yanked for a reason
  @uploaded 2024-03-24T01:00:00+01:00
  @claim dep<1
  @size 10
  @requires-dist @verbatim
foo.bar 1.9

@status foo-bar archived no more of it
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Universe{Projects: []*Project{{
		Name: "foo-bar", Title: "Foo_Bar", Status: "archived", StatusReason: "no more of it",
		Releases: []*Release{
			{Version: "1.9", Wheels: []string{"py3-none-any"}, line: 18},
			{Version: "1.10", Requires: []string{"dep>=1; extra == 'Two'", `other ; "one" == extra and os_name == "nt"`, "@verbatim"},
				RequiresPython: ">=3.8", Extras: []string{"three"}, Wheels: []string{"cp312-cp312-win32", "2-py3-none-any"}, Sdist: DynamicSdist,
				Files: []string{"foo.zip"}, Unread: true, Yanked: true, YankedReason: "for a reason", Uploaded: time.Date(2024, 3, 24, 0, 0, 0, 0, time.UTC),
				Claimed: true, Claims: []string{"dep<1"}, Size: 10, line: 2},
		},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got, want := got.Project("FOO.bar").Releases[1].ProvidesExtra(), []string{"one", "three", "Two"}; !slices.Equal(got, want) {
		t.Errorf("extras: got %q, want %q", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct {
		text string
		want string
	}{
		{"a 1\na 1.0", "line 2: a 1.0 is on line 1 already"},
		{"a 1\nA one", `line 2: A: version "one": ` + "*"},
		{"-a 1", `line 1: "-a" is no project name; a release is NAME VERSION, and what belongs to it is indented`},
		{"a", `line 1: "a" is not NAME VERSION`},
		{"a 1 2", `line 1: "a 1 2" is not NAME VERSION`},
		{"\n  dep", `line 2: "dep" belongs to no release; put NAME VERSION before it`},
		{"a 1\n@status a active\n dep", `line 3: "dep" belongs to no release; put NAME VERSION before it`},
		{"a 1\n @pyhton >=3", "line 2: unknown directive @pyhton; a dependency of that text needs @requires-dist before it"},
		{"a 1\n @python", "line 2: @python needs a value"},
		{"a 1\n @wheel py3-any", `line 2: "py3-any" is no wheel tag such as py3-none-any`},
		{"a 1\n @sdist maybe", `line 2: "maybe" is no kind of sdist; use one of [static dynamic pyproject legacy failing]`},
		{"a 1\n @sdist pyproject\n b; 'x' == extra", `line 1: a 1: "b; 'x' == extra" cannot be written into a pyproject.toml; end its marker with and extra == "x"`},
		{"a 1\n @none\n @sdist", "line 1: a 1 has @none and files"},
		{"a 1\n @file ../x", `line 2: "../x" is no file name`},
		{"a 1\nb 1\n @file a-1-py3-none-any.whl", "line 2: file a-1-py3-none-any.whl is of the release on line 1 already"},
		{"a 1\n @uploaded yesterday", "line 2: @uploaded yesterday: give a time such as 2024-03-24T00:00:00Z, or none"},
		{"a 1\n @size -1", "line 2: @size -1: give bytes, 0 to 67108864"},
		{"@status a lost", "line 1: @status needs NAME, one of active, archived, deprecated, quarantined, and perhaps a reason"},
		{"@status a active\n@status A active", "line 2: @status of A is on line 1 already"},
		{"a 1\n b\x00", "line 2: not plain UTF-8 text"},
		{"a 1\n b\xff", "line 2: not plain UTF-8 text"},
	} {
		_, err := Parse(test.text)
		var parseError *ParseError
		if !errors.As(err, &parseError) || !matches(err.Error(), test.want) {
			t.Errorf("Parse(%q): got %v, want %s", test.text, err, test.want)
		}
	}
}

// matches compares with a text that may end in an open "*".
func matches(got, want string) bool {
	if n := len(want) - 1; n >= 0 && want[n] == '*' {
		return len(got) > n && got[:n] == want[:n]
	}
	return got == want
}

const (
	universes = "../../../testdata/index"
	scenarios = "../../../testdata/scenarios"
)

func TestLoad(t *testing.T) {
	all, err := Load(universes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"webapp", "prereleases", "yanked", "python-ladder", "conflict-ladder", "cycles", "local-versions", "no-wheel", "quirks"} {
		if all[name] == nil {
			t.Errorf("no universe %s", name)
		}
	}
	for name, u := range all {
		sameAgain(t, name, u)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("an empty folder loads")
	}
	bad := filepath.Join(t.TempDir(), "bad.txt")
	if err := os.WriteFile(bad, []byte("a 1\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadFile(bad); err == nil || err.Error() != `bad.txt:2: "b" is not NAME VERSION` {
		t.Errorf("got %v", err)
	}
}

// sameAgain checks that a universe's text is read back to the same universe.
func sameAgain(t *testing.T, name string, u *Universe) {
	t.Helper()
	again, err := Parse(u.String())
	if err != nil {
		t.Fatalf("%s: %v in\n%s", name, err, u)
	}
	if got, want := again.String(), u.String(); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
	for _, w := range []*Universe{u, again} {
		for _, p := range w.Projects {
			for _, r := range p.Releases {
				r.line = 0
			}
		}
	}
	if !reflect.DeepEqual(again, u) {
		t.Errorf("%s: its text holds less than it does:\n%s", name, u)
	}
}

func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(universes, "*.txt"))
	if err != nil || len(paths) == 0 {
		f.Fatal("no universes", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("a 1\n @requires-dist\n @requires-dist # x\n @claim null\n @uploaded none\n @size 7\n @yanked\n")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			return
		}
		sameAgain(t, "fuzz", u)
	})
}
