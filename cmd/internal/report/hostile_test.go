package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

var hostile = []string{
	"]]><evil/>", "</failure>", "a%0A::error::b", "\n::error::evil", "  ::set-output name=x::y", "##[error]evil", "::stop-commands::x",
	"\x1b[31mred", "\u202eevil", "\u2028::error::x", "\xff\xfe", "\x00", "a\r\nb", "drift=false\nx", "EOF\nchanged-services=[]",
	"\"}], \"x\": \"", "<script>alert(1)</script>", "[click](https://evil.example)", "![x](http://e.example)", "{0}", "| a | b |", "```\nsh", "`", "%", "a:b,c",
	"https://user:secret@example.org/x", "\ufffe", "\U000e0001", "\ud7ff\uffff", "~~~", "//evil.example/x", "../../etc/passwd", "a\\", "&amp;", "", "0",
}

// report with the same text in each field.
func everywhere(s string) *Report {
	f := lockfile.Finding{
		Rule: lockfile.Rule{ID: s, Title: s, Help: s}, Service: s, Lock: s, Package: pypi.Name(s),
		Place: project.Place{File: s, Line: 1, Column: 2}, Message: s, Where: s, Fix: s,
	}
	w := f
	w.Severity = lockfile.Warning
	nowhere := f
	nowhere.Place = project.Place{}
	return &Report{Command: s, Locks: []Lock{
		{Service: s, Path: s, State: Stale, Findings: []lockfile.Finding{f, w, nowhere}},
		{Service: s + "2", Path: s + "/2", State: Failed, Error: "x" + oneLine(s) + "\nx" + oneLine(s), Exit: 3},
		{Service: s + "3", Path: s + "/3"},
	}}
}

// everyFile is a report on files with the same text in each field.
func everyFile(s string) *Report {
	r := everywhere(s)
	r.Files, r.Rules = true, []lockfile.Rule{{ID: s, Title: s, Help: s}}
	r.Locks = slices.Delete(r.Locks, 1, 3)
	for i := range r.Locks[0].Findings {
		f := &r.Locks[0].Findings[i]
		f.Why, f.Cost = s, s
	}
	return r
}

// oneLine leaves out the line feeds, which the text of an error may have.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "") }

func FuzzHostile(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 1<<12 {
			checkHostile(t, s)
		}
	})
}

func checkHostile(t *testing.T, s string) {
	t.Helper()
	checkReports(t, s, everywhere)
	checkReports(t, s, everyFile)
}

func checkReports(t *testing.T, s string, of func(string) *Report) {
	t.Helper()
	r := of(s)
	for _, f := range Formats {
		out, summary, outputs := render(t, f, r, Options{Version: s, Prefix: ""})
		plain, plainSummary, _ := render(t, f, of("x"), Options{Version: "x"})
		for _, text := range []string{out, summary, outputs} {
			if !utf8.ValidString(text) {
				t.Errorf("%s of %q: invalid UTF-8", f, s)
			}
			for _, c := range text {
				if c != '\n' && (!unicode.IsGraphic(c) || c != ' ' && unicode.Is(unicode.Z, c)) {
					t.Errorf("%s of %q: has %U", f, s, c)
				}
			}
			if strings.Contains(s, "user:secret@") && strings.Contains(text, "secret") {
				t.Errorf("%s of %q: has a password", f, s)
			}
		}
		if s == "" {
			continue // what is empty is left out
		}
		// Whatever the text, the structure is the same: so many lines, or so
		// many tokens.
		same := func(got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s of %q: got %d parts, want %d:\n%s", f, s, got, want, out)
			}
		}
		if r.Files {
			if outputs != "findings=3\n" {
				t.Errorf("%s of %q: outputs are %q", f, s, outputs)
			}
		} else if n := strings.Count(outputs, "\n"); n != 2 || !strings.HasPrefix(outputs, "drift=true\nchanged-services=[\"") {
			t.Errorf("%s of %q: outputs are %q", f, s, outputs)
		}
		switch f.String() {
		case "text", "github":
			same(strings.Count(out, "\n"), strings.Count(plain, "\n"))
			if f.String() == "text" {
				break
			}
			same(len(commands(out)), len(commands(plain)))
			for _, c := range commands(out) {
				if !strings.HasPrefix(c, "::error file=") && !strings.HasPrefix(c, "::warning file=") {
					t.Errorf("github of %q: has %s", s, c)
				}
			}
			same(strings.Count(summary, "\n"), strings.Count(plainSummary, "\n"))
		case "junit":
			same(tokens(t, out), tokens(t, plain))
		default:
			same(jsonValues(t, s, out), jsonValues(t, s, plain))
		}
		if f.String() == "sarif" {
			checkURIs(t, s, out)
		}
	}
}

// commands are the lines that a runner takes as commands.
func commands(out string) (lines []string) {
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "::") || strings.Contains(line, "##[") {
			lines = append(lines, line)
		}
	}
	return lines
}

// tokens counts the elements of an XML document.
func tokens(t *testing.T, out string) (n int) {
	t.Helper()
	for dec := xml.NewDecoder(strings.NewReader(out)); ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Errorf("%v:\n%s", err, out)
			return n
		}
		if _, ok := tok.(xml.StartElement); ok {
			n++
		}
	}
}

// jsonValues counts the values of a JSON document.
func jsonValues(t *testing.T, s, out string) int {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Errorf("%q: %v:\n%s", s, err, out)
	}
	var count func(v any) int
	count = func(v any) int {
		n := 1
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				n += count(e)
			}
		case map[string]any:
			for k, e := range v {
				// Fields that are left out where the text is empty.
				if text, ok := e.(string); ok && (text == "" || k == "version" || k == "package" || k == "file" || k == "environments" || k == "fix") {
					continue
				}
				n += count(e)
			}
		}
		return n
	}
	return count(v)
}

// checkURIs parses the addresses of a SARIF log: each is a relative path.
func checkURIs(t *testing.T, s, out string) {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		return
	}
	for _, r := range log.Runs[0].Results {
		at := r.Locations[0].Physical.Artifact.URI
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "" || u.Host != "" || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("sarif of %q: %q is no relative path: %v", s, at, err)
		}
		if strings.Contains(r.Message.Text, "](") {
			t.Errorf("sarif of %q: has a link", s)
		}
	}
}
