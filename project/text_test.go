package project

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünï": "plain ünï", "a\x1b[31mb": `a\u001b[31mb`, "a\nb\tc": `a\u000ab\u0009c`, "\u202e": `\u202e`, "\u2028": `\u2028`,
		"a\xffb": `a\xffb`, "\u00a0": `\u00a0`, "\U000e0001": `\U000e0001`, "\ufffd": "\ufffd", "\u200b": `\u200b`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@h/x":                  "https://****@h/x",
		"https://h/x@v1":                   "https://h/x@v1",
		"a https://u@h b https://u:p@i c@": "a https://****@h b https://****@i c@",
		"https://u:p@q@h/":                 "https://****@h/",
		"://":                              "://",
		"x@y":                              "x@y",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	tests := []struct {
		line   string
		off, n int
		want   string
	}{
		{"abc", 1, 1, "    abc\n     ^"},
		{"abc", 3, 1, "    abc\n       ^"},
		{"", 0, 5, "    \n    ^"},
		{"\tüb", 1, 2, "     üb\n     ^"},
		{"a\x1bb", 2, 1, "    a\\u001bb\n           ^"},
		{"  ::error::b", 2, 2, "      :\\u003aerror::b\n      ^^^^^^^"},
		{"a ##[group]", 0, 1, "    a ##\\u005bgroup]\n    ^"},
		{"https://u:p@h x", 14, 1, "    https://***@h x\n                  ^"},
		{strings.Repeat("x", 150) + "y", 150, 1, "    …" + strings.Repeat("x", 99) + "y\n" + strings.Repeat(" ", 104) + "^"},
	}
	for _, tt := range tests {
		x, err := newText("f", []byte("first\n"+tt.line+"\nlast"))
		if err != nil {
			t.Fatal(err)
		}
		got := x.excerpt(6+tt.off, tt.n)
		want := tt.want
		if tt.line == "" {
			want = "\n    ^"
		}
		if got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", tt.line, got, want)
		}
	}
}

func TestPlace(t *testing.T) {
	x, err := newText("f", []byte("\ufeffaüb\r\nc\rd\n"))
	if err != nil {
		t.Fatal(err)
	}
	data := string(x.data)
	for at, want := range map[string]string{"a": "f:1:1", "b": "f:1:3", "c": "f:2:1", "d": "f:3:1"} {
		if got := x.place(strings.Index(data, at)).String(); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
	if got := x.place(len(data) + 9).String(); got != "f:4:1" {
		t.Errorf("past the end: got %s", got)
	}
}

func TestReadText(t *testing.T) {
	dir := t.TempDir()
	if _, err := readText(filepath.Join(dir, "none"), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
	if _, err := readText(dir, "dir"); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("folder: got %v", err)
	}
	big := filepath.Join(dir, "big")
	writeFile(t, big, make([]byte, maxFileSize+1))
	if _, err := readText(big, "big"); err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("large: got %v", err)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"redis", "test", "tests", "docs"}
	for in, want := range map[string]string{"redsi": "redis", "tets": "test tests", "zzz": "", "doc": "docs", "tests-extra": "tests test"} {
		if got := strings.Join(nearest(in, names), " "); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}
