package lockfile

import (
	"strings"
	"testing"
)

func TestFormatOf(t *testing.T) {
	for _, tt := range []struct {
		file string
		want Format
		bad  bool
	}{
		{"requirements.lock", Requirements, false},
		{"services/api/requirements.txt", Requirements, false},
		{"pylock.toml", PylockTOML, false},
		{"services/api/pylock.toml", PylockTOML, false},
		{"pylock.api.toml", PylockTOML, false},
		{"pylock.Api-2_x.toml", PylockTOML, false},
		{"pyproject.toml", Requirements, false},
		{".pylock.toml", Requirements, false},
		{"pylock.toml/x.lock", Requirements, false},
		{"pylock.a.b.toml", 0, true},
		{"pylock..toml", 0, true},
		{"Pylock.toml", 0, true},
		{"pylock.a.TOML", 0, true},
		{"pylock-a.toml", 0, true},
	} {
		got, err := FormatOf(tt.file)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%s: got %s, %v, want %s", tt.file, got, err, tt.want)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range []Format{Requirements, PylockTOML} {
		if got, err := ParseFormat(f.String()); got != f || err != nil {
			t.Errorf("got %s, %v, want %s", got, err, f)
		}
		if got, err := FormatOf(f.FileName()); got != f || err != nil {
			t.Errorf("%s: got %s, %v, want %s", f.FileName(), got, err, f)
		}
	}
	if _, err := ParseFormat("uv.lock"); err == nil || !strings.Contains(err.Error(), "requirements.txt, pylock.toml") {
		t.Errorf("got %v", err)
	}
}

func TestReadWrite(t *testing.T) {
	for _, name := range []string{"pylock.toml", "requirements.lock"} {
		format, err := FormatOf(name)
		if err != nil {
			t.Fatal(err)
		}
		l := samplePylock()
		if format == Requirements {
			l = sample()
		}
		text, err := Write(l, format, Style{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(name, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
