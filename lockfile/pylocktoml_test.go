package lockfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

func distribution(filename, digit string) Distribution {
	return Distribution{Filename: filename, URL: "https://files.example.org/" + filename, Size: 1000,
		UploadTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Hashes: []string{digest(digit)}}
}

// samplePylock has every key that is written.
func samplePylock() *Lock {
	const home = "https://example.org/simple/"
	return &Lock{
		Header: Header("pylock compile services/api --output-file=services/api/pylock.api.toml", "CPython 3.12 on linux (x86_64)"),
		Scope: Scope{RequiresPython: ">=3.12", Environments: []string{
			"platform_machine == 'x86_64' and python_version == '3.12' and sys_platform == 'linux'",
			"platform_machine == 'aarch64' and python_version == '3.12' and sys_platform == 'linux'",
		}},
		Pins: []Pin{
			{Name: "numpy", Version: pep440.MustParse("2.0"), Marker: "platform_machine == 'x86_64'", From: home, RequiresPython: "<4,>=3.9",
				Files: []Distribution{
					distribution("numpy-2.0-cp312-cp312-manylinux_2_17_x86_64.whl", "d"),
					distribution("numpy-2.0-1-cp312-cp312-manylinux_2_17_x86_64.whl", "c"),
				}, Via: []string{"pandas", "api (services/api/pyproject.toml)"}},
			{Name: "numpy", Version: pep440.MustParse("1.26"), Marker: "platform_machine == 'aarch64'", From: home,
				Files: []Distribution{distribution("numpy-1.26.tar.gz", "b")}, Via: []string{"pandas"}},
			{Name: "pandas", Version: pep440.MustParse("2.2"), From: home,
				Files: []Distribution{
					{Filename: "pandas-2.2-py3-none-any.whl", URL: "https://files.example.org/x/pandas-2.2-py3-none-any.whl", Hashes: []string{digest("e")}},
					distribution("pandas-2.2.tar.gz", "f"),
				}, Via: []string{"shared", "-r \"é\".in", "-c constraints.txt"}},
		},
		Direct: []Direct{
			{Name: "shared", Directory: &Directory{Path: "../../shared"}, Via: []string{"api (services/api/pyproject.toml)"}},
			{Name: "tool", Directory: &Directory{Path: "../..", Subdirectory: "tool", Editable: true}, Marker: "sys_platform == 'linux'", Via: []string{"shared"}},
		},
	}
}

// The golden file is what pylock writes; `make accept-pylock` shows it to
// packaging.pylock.
func TestRenderTOML(t *testing.T) {
	golden := filepath.Join("testdata", "pylock.golden.toml")
	got, err := RenderTOML(samplePylock(), Style{})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// Order is no matter.
	for seed := range uint64(20) {
		l := samplePylock()
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(l.Pins), func(i, j int) { l.Pins[i], l.Pins[j] = l.Pins[j], l.Pins[i] })
		r.Shuffle(len(l.Direct), func(i, j int) { l.Direct[i], l.Direct[j] = l.Direct[j], l.Direct[i] })
		slices.Reverse(l.Environments)
		for i := range l.Pins {
			slices.Reverse(l.Pins[i].Files)
			slices.Reverse(l.Pins[i].Via)
		}
		if got, err := RenderTOML(l, Style{}); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("shuffled: got\n%s\n%v", got, err)
		}
	}
	bare, err := RenderTOML(samplePylock(), Style{NoAnnotate: true, NoHeader: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, not := range []string{"#", "dependencies", "tool = "} {
		if bytes.Contains(bare, []byte(not)) {
			t.Errorf("%q is in\n%s", not, bare)
		}
	}
	empty, err := RenderTOML(&Lock{}, Style{})
	if want := "lock-version = \"1.0\"\ncreated-by = \"pylock\"\npackages = []\n"; err != nil || string(empty) != want {
		t.Errorf("got %q, %v, want %q", empty, err, want)
	}
}

func TestRenderTOMLRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Lock)
		want   string
	}{
		{"no files", func(l *Lock) { l.Pins[0].Files = nil }, "no file"},
		{"other version", func(l *Lock) { l.Pins[2].Version = pep440.MustParse("2.3") }, "not of version 2.3"},
		{"other package", func(l *Lock) { l.Pins[2].Files[0].Filename = "numpy-2.2-py3-none-any.whl" }, "not of pandas"},
		{"no wheel name", func(l *Lock) { l.Pins[2].Files[0].Filename = "pandas.whl" }, "wheel file name"},
		{"two sdists", func(l *Lock) {
			l.Pins[2].Files = append(l.Pins[2].Files, distribution("pandas-2.2.zip", "1"))
		}, "2 source distributions"},
		{"credentials", func(l *Lock) { l.Pins[2].Files[0].URL = "https://u:secret@example.org/x.whl" }, "credentials"},
		{"token", func(l *Lock) { l.Pins[2].Files[0].URL += "?token=secret" }, "no query"},
		{"relative", func(l *Lock) { l.Pins[2].Files[0].URL = "../x.whl" }, "wants http"},
		{"scheme", func(l *Lock) { l.Pins[2].Files[0].URL = "file:///x.whl" }, "wants http"},
		{"line", func(l *Lock) { l.Pins[2].Files[0].URL += "\u2028" }, "U+2028"},
		{"hash", func(l *Lock) { l.Pins[2].Files[0].Hashes = []string{"sha256:x\"y"} }, "hash"},
		{"no hash", func(l *Lock) { l.Pins[2].Files[0].Hashes = nil }, "no hash"},
		{"algorithm", func(l *Lock) { l.Pins[2].Files[0].Hashes = []string{"a.b:00"} }, "hash"},
		{"two of an algorithm", func(l *Lock) { l.Pins[2].Files[0].Hashes = []string{digest("1"), digest("2")} }, "one hash"},
		{"marker", func(l *Lock) { l.Pins[0].Marker = "x\"\n" }, "marker"},
		{"no marker", func(l *Lock) { l.Pins[0].Marker = "python_version" }, "marker"},
		{"environment", func(l *Lock) { l.Environments[0] = "linux" }, ""},
		{"requires-python", func(l *Lock) { l.RequiresPython = "3.12" }, ""},
		{"twice", func(l *Lock) { l.Pins[1].Marker = "" }, "numpy is in the lock twice"},
		{"same marker", func(l *Lock) { l.Pins[1].Marker = l.Pins[0].Marker }, "numpy is in the lock twice"},
		{"folder and pin", func(l *Lock) { l.Direct[0].Name = "pandas" }, "pandas is in the lock twice"},
		{"header", func(l *Lock) { l.Header[0] = "a\nb" }, "U+000A"},
		{"label", func(l *Lock) { l.Pins[0].Via[0] = "a\u202eb" }, "U+202E"},
		{"index", func(l *Lock) { l.Pins[0].From = "https://u:p@example.org/" }, "credentials"},
		{"path", func(l *Lock) { l.Direct[0].Directory.Path = "a\x00" }, "U+0000"},
		{"no path", func(l *Lock) { l.Direct[0].Directory.Path = "" }, "no folder"},
		{"name", func(l *Lock) { l.Direct[0].Name = "A B" }, "not a normalized"},
		{"url", func(l *Lock) { l.Direct[0].Directory = nil }, "neither"},
	} {
		l := samplePylock()
		tt.change(l)
		if got, err := RenderTOML(l, Style{}); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q\n%s", tt.name, err, tt.want, got)
		}
	}
}

// What is written reads back as the same lock, and changes neither form of it.
func TestPylockRoundTrip(t *testing.T) {
	text, err := RenderTOML(samplePylock(), Style{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ParseTOML("pylock.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := RenderTOML(l, Style{})
	if err != nil || !bytes.Equal(again, text) {
		t.Errorf("got\n%s\n%v, want\n%s", again, err, text)
	}
	if l.Command() != "pylock compile services/api --output-file=services/api/pylock.api.toml" || l.Target() != "CPython 3.12 on linux (x86_64)" {
		t.Errorf("got command %q, target %q", l.Command(), l.Target())
	}
	want := []string{
		"pylock.toml:13:8 numpy 1.26 [pandas]",
		"pylock.toml:20:8 numpy 2.0 [api (services/api/pyproject.toml) pandas]",
		"pylock.toml:32:8 pandas 2.2 [-c constraints.txt -r \"é\".in shared]",
	}
	var got []string
	for _, p := range l.Pins {
		got = append(got, fmt.Sprintf("%s %s %s %s", p.Place, p.Name, p.Version, sortLabels(p.Via)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzRenderTOML(f *testing.F) {
	f.Add("h", "svc (x/pyproject.toml)", "os_name == 'nt'", "https://example.org/x", "../x", ">=3.12", "sha256:00")
	f.Add("\"\"\"", "a\\", "x\ny", "https://u:p@h/\u2028", "\x7f", "", "md5:a")
	f.Fuzz(func(t *testing.T, header, via, marker, url, path, python, hash string) {
		l := samplePylock()
		l.Header = append(l.Header, header)
		l.Pins[2].Via = []string{via}
		l.Pins[2].Marker = marker
		l.Pins[2].Files[0].URL = url
		l.Pins[2].RequiresPython = python
		l.Pins[2].Files[1].Hashes = []string{hash}
		l.Pins[0].From = url
		l.Direct[0].Directory.Path = path
		text, err := RenderTOML(l, Style{}) // reads back and compares
		if err != nil {
			return
		}
		lines := 0
		for line := range strings.Lines(string(text)) {
			if line == "[[packages]]\n" {
				lines++
			}
		}
		if lines != 5 {
			t.Fatalf("%d packages in\n%s", lines, text)
		}
	})
}
