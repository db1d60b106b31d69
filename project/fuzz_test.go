package project

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are the files of testdata/load with the given ending.
func seeds(f *testing.F, end string) {
	paths, _ := filepath.Glob("testdata/load/*.txtar")
	for _, p := range paths {
		a, err := readArchive(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range a.Files {
			if strings.HasSuffix(x.Name, end) {
				f.Add(unescape(x.Data))
			}
		}
	}
}

// checkError holds every error to the rules for what is printed.
func checkError(t *testing.T, err error) {
	t.Helper()
	var ie *InputError
	if !errors.As(err, &ie) {
		t.Fatalf("not an InputError: %T %v", err, err)
	}
	for i, r := range err.Error() {
		if r != '\n' && !printable(r) {
			t.Fatalf("byte %d of the error is %q: %q", i, r, err.Error())
		}
	}
	if strings.Count(err.Error(), "\n") > 2 {
		t.Fatalf("more than three lines: %q", err.Error())
	}
}

// checkRequirements holds every requirement to its place and its text.
func checkRequirements(t *testing.T, rs []Requirement, lines int) {
	t.Helper()
	for _, r := range rs {
		if r.Place.Line < 1 || r.Place.Line > lines || r.Place.Column < 1 {
			t.Fatalf("%q is at %s of %d lines", r.Text, r.Place, lines)
		}
		if r.Name == "" || r.Text == "" {
			t.Fatalf("a requirement without name or text: %+v", r)
		}
		if strings.Contains(r.Text, "hunter2") {
			t.Fatalf("the text holds a variable's value: %q", r.Text)
		}
		if r.Ref == nil && r.URL != "" && r.Path == "" {
			t.Fatalf("a URL without a path: %+v", r)
		}
	}
}

func FuzzRequirements(f *testing.F) {
	seeds(f, ".in")
	seeds(f, ".txt")
	f.Add([]byte("a${X} \\\n -- \\\n\"'\n-e .[x];"))
	root := f.TempDir()
	writeFile(f, filepath.Join(root, "pkg", pyprojectName), []byte("[project]\nname = \"pkg\"\n"))
	writeFile(f, filepath.Join(root, "more.txt"), []byte("more\n-r requirements.in\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "hunter2") {
			return
		}
		load := func(data []byte) (*Project, error) {
			return Load(LoadOptions{
				Root: root, WorkDir: root, Sources: []string{"-"}, Stdin: strings.NewReader(string(data)),
				Getenv: func(k string) (string, bool) { return "hunter2", k == "TOKEN" || k == "DIR" || k == "X" },
			})
		}
		p, err := load(data)
		if err != nil {
			checkError(t, err)
			if strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("the error holds a variable's value: %s", err)
			}
			return
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
		checkRequirements(t, p.Requirements, lines)
		checkRequirements(t, p.Constraints, lines)

		// Each requirement alone, as written, is itself again.
		for _, r := range p.Requirements {
			if r.Place.File != "-" || r.Editable || strings.ContainsAny(r.Text, "\\\"'") {
				continue
			}
			q, err := load([]byte(r.Text + "\n"))
			if err != nil {
				t.Fatalf("%q does not read again: %v", r.Text, err)
			}
			if len(q.Requirements) != 1 || q.Requirements[0].String() != r.String() || q.Requirements[0].Path != r.Path {
				t.Fatalf("%q reads again as %+v, was %+v", r.Text, q.Requirements, r)
			}
		}
	})
}

// FuzzLogicalLines compares the line reader with pip's, transliterated.
func FuzzLogicalLines(f *testing.F) {
	seeds(f, ".in")
	seeds(f, ".txt")
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := newText("f", data)
		if err != nil {
			checkError(t, err)
			return
		}
		lines, err := logicalLines(x)
		if err != nil {
			checkError(t, err)
			return
		}
		var got []string
		for _, l := range lines {
			got = append(got, l.text)
			off, _ := l.at(0, 1)
			r, _ := utf8.DecodeRuneInString(l.text)
			if s, _ := utf8.DecodeRune(x.data[off:]); r != s {
				t.Fatalf("%q is not at byte %d of %q", l.text, off, x.data)
			}
			for i, r := range l.text {
				off, _ := l.at(i, 1)
				if s, _ := utf8.DecodeRune(x.data[off:]); s != r && r != ' ' {
					t.Fatalf("byte %d of %q is not at byte %d of %q", i, l.text, off, x.data)
				}
			}
		}
		if want := pipLines(string(x.data)); !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q", x.data, got, want)
		}
	})
}

// pipLines is pip's join_lines and ignore_comments.
func pipLines(s string) []string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	isComment := func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), "#")
	}
	var joined []string
	var parts []string
	for _, line := range strings.Split(s, "\n") {
		if !strings.HasSuffix(line, `\`) || isComment(line) {
			if isComment(line) {
				line = " " + line
			}
			joined = append(joined, strings.Join(append(parts, line), ""))
			parts = nil
			continue
		}
		parts = append(parts, strings.Trim(line, `\`))
	}
	if len(parts) > 0 {
		joined = append(joined, strings.Join(parts, ""))
	}
	var out []string
	for _, line := range joined {
		for i := range line {
			if line[i] == '#' && (i == 0 || strings.TrimSpace(line[:i]) == "" || strings.TrimRight(line[:i], " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000") != line[:i]) {
				line = line[:i]
				break
			}
		}
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func FuzzPyproject(f *testing.F) {
	seeds(f, pyprojectName)
	root := f.TempDir()
	writeFile(f, filepath.Join(root, "lib", pyprojectName), []byte("[project]\nname = \"lib\"\n"))
	path := filepath.Join(root, pyprojectName)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		text, err := newText(pyprojectName, data)
		if err != nil {
			checkError(t, err)
			return
		}
		doc, err := parsePyproject(text, root)
		if err != nil {
			checkError(t, err)
			return
		}
		o := LoadOptions{Root: root, WorkDir: root, Sources: []string{"."}, AllExtras: true, Groups: doc.groupNames()}
		p, err := Load(o)
		if err != nil {
			checkError(t, err)
			return
		}
		lines := len(text.lines)
		checkRequirements(t, p.Requirements, lines)
		// What is written at a requirement's place is the requirement.
		for _, r := range p.Requirements {
			if r.Place.File != pyprojectName {
				continue
			}
			line := strings.Split(strings.ReplaceAll(string(text.data), "\r\n", "\n"), "\n")[r.Place.Line-1]
			rest := string([]rune(line)[r.Place.Column-1:])
			if !strings.HasPrefix(rest, `"`) && !strings.HasPrefix(rest, "'") {
				t.Fatalf("%q is not at %s: %q", r.Text, r.Place, rest)
			}
			bare := strings.TrimLeft(rest, `"'`)
			if !strings.HasPrefix(bare, r.Text) && !strings.Contains(rest, `\`) && bare != "" && !strings.Contains(r.Text, "\n") {
				t.Fatalf("%q is not at %s: %q", r.Text, r.Place, rest)
			}
		}
	})
}

func FuzzScript(f *testing.F) {
	seeds(f, ".py")
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := newText("x.py", data)
		if err != nil {
			checkError(t, err)
			return
		}
		p, err := parseScript(text, "/")
		if err != nil {
			checkError(t, err)
			return
		}
		for _, d := range p.dependencies {
			if got := string(text.data[d.off : d.off+1]); got != `"` && got != "'" {
				t.Fatalf("%q is at %q", d.text, got)
			}
		}
	})
}

func FuzzDockerfile(f *testing.F) {
	f.Add([]byte("ARG V=3.12\nFROM python:${V:-3.11}-slim AS x\nRUN <<A\nA\nFROM x"))
	f.Add([]byte("# escape=`\nFROM `\npython:3.12"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := newText("Dockerfile", data)
		if err != nil {
			checkError(t, err)
			return
		}
		image, place := lastStage(text)
		if image != "" && (place.Line < 1 || place.Line > len(text.lines)) {
			t.Fatalf("%q is at %s", image, place)
		}
		name, tag := imageName(image)
		if v := pythonTag(name, tag); v != "" && !isPythonVersion(v) {
			t.Fatalf("%q gives Python %q", image, v)
		}
	})
}
