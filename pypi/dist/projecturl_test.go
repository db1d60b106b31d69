package dist

import (
	"slices"
	"testing"
)

func TestChangelog(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []string
		want string
	}{
		{"none", nil, ""},
		{"not among them", []string{"Homepage, https://e.org", "Source, https://e.org/s"}, ""},
		{"label", []string{"Homepage, https://e.org", "Changelog, https://e.org/c"}, "https://e.org/c"},
		{"case and spaces", []string{"Release Notes,https://e.org/r"}, "https://e.org/r"},
		{"punctuation", []string{"What's New?, https://e.org/w"}, "https://e.org/w"},
		{"the most particular", []string{"History, https://e.org/h", "Changes, https://e.org/c"}, "https://e.org/c"},
		{"prefix", []string{"Changelog (GitHub), https://e.org/g"}, "https://e.org/g"},
		{"prefix counts last", []string{"Changelog (old), https://e.org/g", "Releases, https://e.org/r"}, "https://e.org/r"},
		{"the first of equals", []string{"Changelog, https://e.org/1", "changelog, https://e.org/2"}, "https://e.org/1"},
		{"a comma in the address", []string{"Changelog, https://e.org/a,b"}, "https://e.org/a,b"},
		{"no address", []string{"Changelog", "Changelog,"}, ""},
		{"another scheme", []string{"Changelog, javascript:alert(1)", "Changes, file:///etc/passwd"}, ""},
	} {
		if got := Changelog(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestProjectURLs(t *testing.T) {
	m, err := ParseMetadata([]byte("Metadata-Version: 2.1\nName: a\nVersion: 1\nProject-URL: Docs, https://e.org/d\nproject-url: Changes,\n  https://e.org/c\nProject-URL: \xff\xfe, https://e.org/x\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Docs, https://e.org/d", "Changes,   https://e.org/c"}
	if !slices.Equal(m.ProjectURLs, want) {
		t.Errorf("got %q, want %q", m.ProjectURLs, want)
	}
	if got := Changelog(m.ProjectURLs); got != "https://e.org/c" {
		t.Errorf("got %q", got)
	}
}
