package netrc

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	f, err := Parse("# mine\nmachine A.example login bob password hunter2\n" +
		"machine b.example\n\tlogin \"bob \\\"b\\\"\"\n\taccount x\n\tpassword #hash # said aloud\n" +
		"macdef init\ncd /x\nmachine evil.example login no\n\n" +
		"machine a.example login second password p\nmachine c.example\n" +
		"default user anyone password \"\"\n")
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]Entry{
		"a.example": {"bob", "hunter2"}, "b.example": {`bob "b"`, "#hash"}, "c.example": {},
	} {
		if got, ok := f.Find(host); !ok || got != want {
			t.Errorf("%s: got %v %v, want %v", host, got, ok, want)
		}
	}
	for _, host := range []string{"evil.example", "example", "x.a.example", ""} {
		if e, ok := f.Find(host); ok {
			t.Errorf("%s has %v", host, e)
		}
	}
	if d, ok := f.Default(); !ok || d != (Entry{"anyone", ""}) {
		t.Errorf("default: %v %v", d, ok)
	}
	if _, ok := (*File)(nil).Default(); ok {
		t.Error("no file has a default")
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"machine":                                "line 1: machine without",
		"machine a login":                        "line 1: login without",
		"machine a\nlogin b password s3cret two": "line 2: a word",
		"machine a login \"s3cret":               "line 1: a quote",
		"password":                               "line 1: password without",
		strings.Repeat(" ", MaxSize+1):           "over the limit",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("machine a login b password c\ndefault login d")
	f.Add("machine a macdef m\nx\n\n login \"q\\\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse(text)
		if (file == nil) == (err == nil) {
			t.Fatal("neither or both")
		}
		if err != nil {
			// Nothing of the text is in the error but for the words of the format.
			if s, ok := err.(*SyntaxError); !ok || s.Line < 1 || s.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("%v", err)
			}
			return
		}
		for host := range file.machines {
			quoted := func(s string) string {
				return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
			}
			e, _ := file.Find(host)
			again, err := Parse("machine " + quoted(host) + " login " + quoted(e.Login) + " password " + quoted(e.Password))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := again.Find(host); !ok || got != e {
				t.Fatalf("%q: got %v, want %v", host, got, e)
			}
		}
	})
}
