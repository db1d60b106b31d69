package lockfile

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/project"
)

const (
	headTOML = "lock-version = '1.0'\ncreated-by = 'x'\n"
	hashTOML = "hashes = { sha256 = '00' }"
	fileTOML = "wheels = [{ url = 'https://example.org/a-1-py3-none-any.whl', " + hashTOML + " }]\n"
)

func TestParseTOMLErrors(t *testing.T) {
	pkg := func(s string) string { return headTOML + "[[packages]]\n" + s }
	a := func(s string) string { return pkg("name = 'a'\n" + s) }
	wheel := func(s string) string { return a("version = '1'\nwheels = [{ " + s + " }]\n") }
	for _, tt := range []struct{ name, in, want string }{
		{"not TOML", "a==1\n", "x:1:"},
		{"no version", "created-by = 'x'\npackages = []", "x: there is no lock-version"},
		{"no maker", "lock-version = '1.0'\npackages = []", "x: there is no created-by"},
		{"no packages", headTOML, "x: there are no packages"},
		{"next version", "lock-version = '2.0'\ncreated-by = 'x'\npackages = []", "x:1:16: lock-version is 2.0, and this pylock reads 1.0: use a newer pylock"},
		{"number", "lock-version = 1.0\n", "x:1:16: lock-version is a number or date: it should be a string"},
		{"version", "lock-version = 'one'\n", `x:1:16: lock-version "one" is not a version`},
		{"environment", headTOML + "environments = ['linux']\npackages = []", `x:3:17: "linux" is not a marker`},
		{"environments", headTOML + "environments = 'linux'\npackages = []", "x:3:16: environments is a string: it should be an array"},
		{"python", headTOML + "requires-python = '3.12'\npackages = []", "x:3:19: requires-python"},
		{"packages", headTOML + "packages = 'a'", "x:3:12: packages is a string: it should be an array"},
		{"package", headTOML + "packages = ['a']", "x:3:13: a package is a string: it should be a table"},
		{"no name", pkg("version = '1'"), "x:3:3: there is no name"},
		{"name", pkg("name = 'A'\n" + fileTOML), `x:4:8: "A" is not a normalized package name`},
		{"no source", a("version = '1'\n"), "x:4:8: a has no source"},
		{"empty wheels", a("version = '1'\nwheels = []\n"), "x:4:8: a has no source"},
		{"two sources", a("directory = { path = 'a' }\n" + fileTOML), "x:4:8: a has both files of an index and a directory"},
		{"two places", a("directory = { path = 'a' }\nvcs = { type = 'git', url = 'https://example.org/a', commit-id = '0' }\n"), "x:4:8: a has both a vcs and a directory"},
		{"marker", a("marker = 'no'\n" + fileTOML), `x:5:10: "no" is not a marker`},
		{"bad version", a("version = 'no'\n" + fileTOML), `x:5:11: "no" is not a version`},
		{"package python", a("requires-python = 'no'\n" + fileTOML), "x:5:19: requires-python"},
		{"other version", a("version = '2'\n" + fileTOML), "x:6:11: a-1-py3-none-any.whl is a file of a 1, and this package is 2"},
		{"other name", wheel("url = 'https://example.org/b-1-py3-none-any.whl', " + hashTOML), "x:6:11: the wheel b-1-py3-none-any.whl is not of a"},
		{"no wheel", wheel("url = 'https://example.org/a-1.tar.gz', " + hashTOML), "x:6:11: a-1.tar.gz is not the name of a wheel"},
		{"wheel name", wheel("name = 'a-1.whl', url = 'https://example.org/x', " + hashTOML), "x:6:11: wheel file name"},
		{"no url", wheel("name = 'a-1-py3-none-any.whl', " + hashTOML), "x:6:11: a wheel of a has neither url nor path"},
		{"no hashes", wheel("url = 'https://example.org/a-1-py3-none-any.whl'"), "x:6:11: there are no hashes"},
		{"empty hashes", wheel("url = 'https://example.org/a-1-py3-none-any.whl', hashes = {}"), "there is no hash"},
		{"hash", wheel("url = 'https://example.org/a-1-py3-none-any.whl', hashes = { sha256 = 1 }"), "the hash sha256 is a number or date"},
		{"size", wheel("url = 'https://example.org/a-1-py3-none-any.whl', size = -1, " + hashTOML), "the size of a-1-py3-none-any.whl"},
		{"time", wheel("url = 'https://example.org/a-1-py3-none-any.whl', upload-time = '2026', " + hashTOML), "the upload-time of a-1-py3-none-any.whl"},
		{"sdist", a("sdist = { url = 'https://example.org/b-1.tar.gz', " + hashTOML + " }"), "x:5:9: the sdist b-1.tar.gz is not of a"},
		{"legacy sdist", a("sdist = { url = 'https://example.org/a-1.tar.bz2', " + hashTOML + " }"), `x:5:9: sdist file name "a-1.tar.bz2"`},
		{"commit", a("vcs = { type = 'git', url = 'https://example.org/a' }"), "there is no commit-id"},
		{"vcs", a("vcs = 'git'"), "x:5:7: vcs is a string"},
		{"archive", a("archive = { url = 'https://example.org/a.zip' }"), "there are no hashes"},
		{"directory", a("directory = { editable = true }"), "there is no path"},
		{"editable", a("directory = { path = 'a', editable = 'yes' }"), "editable is a string"},
		{"dependencies", a("dependencies = ['b']\n" + fileTOML), "x:5:17: a dependency is a string"},
		{"twice", pkg("name = 'a'\n" + fileTOML + "[[packages]]\nname = 'a'\n" + fileTOML), "x:7:8: a is in the lock twice"},
		{"twice, always", pkg("name = 'a'\nmarker = \"os_name == 'nt'\"\n" + fileTOML + "[[packages]]\nname = 'a'\n" + fileTOML), "x:8:8: a is in the lock twice"},
		{"many", headTOML + strings.Repeat("[[packages]]\nname = 'a'\n"+fileTOML, maxVersions+1), "more than 64 entries of a"},
		{"conflict", headTOML + "<<<<<<< HEAD\npackages = []\n", "x:3:1: <<<<<<< is the mark of a merge"},
		{"key twice", headTOML + "packages = []\npackages = []", "x:4:1: invalid TOML"},
		{"large", strings.Repeat("#", maxTOMLBytes+1), "larger than"},
	} {
		_, err := ParseTOML("x", []byte(tt.in))
		var ie *project.InputError
		if !errors.As(err, &ie) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// describeFiles adds to describe what only a pylock.toml has.
func describeFiles(l *Lock) string {
	var b strings.Builder
	b.WriteString(describe(l))
	for _, w := range l.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	for _, e := range l.Environments {
		fmt.Fprintf(&b, "environment %s\n", e)
	}
	if l.RequiresPython != "" {
		fmt.Fprintf(&b, "python %s\n", l.RequiresPython)
	}
	for _, p := range l.Pins {
		for _, f := range p.Files {
			fmt.Fprintf(&b, "%s %s %d %d\n", f.Filename, f.URL+f.Path, f.Size, f.UploadTime.Year())
		}
	}
	return b.String()
}

// The files in testdata are those of other tools, with fewer wheels and
// addresses of example.org.
func TestParseTOMLOfOthers(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"pylock.uv.toml", `pylock.uv.toml:8:8 click 8.1.7 hashes=2
pylock.uv.toml:14:8 colorama 0.4.6 marker=sys_platform == 'win32' hashes=2
pylock.uv.toml:21:8 markupsafe 2.1.5 hashes=3
command uv pip compile in.txt -o pylock.u.toml --universal --python-version 3.12
python >=3.12
click-8.1.7-py3-none-any.whl https://files.example.org/click-8.1.7-py3-none-any.whl 97941 2023
click-8.1.7.tar.gz https://files.example.org/click-8.1.7.tar.gz 336121 2023
colorama-0.4.6-py2.py3-none-any.whl https://files.example.org/colorama-0.4.6-py2.py3-none-any.whl 25335 2022
colorama-0.4.6.tar.gz https://files.example.org/colorama-0.4.6.tar.gz 27697 2022
MarkupSafe-2.1.5-cp312-cp312-macosx_10_9_universal2.whl https://files.example.org/MarkupSafe-2.1.5-cp312-cp312-macosx_10_9_universal2.whl 18215 2024
MarkupSafe-2.1.5-cp312-cp312-macosx_10_9_x86_64.whl https://files.example.org/MarkupSafe-2.1.5-cp312-cp312-macosx_10_9_x86_64.whl 14069 2024
MarkupSafe-2.1.5.tar.gz https://files.example.org/MarkupSafe-2.1.5.tar.gz 19384 2024
`},
		{"pylock.uv-directory.toml", `pylock.uv-directory.toml:8:8 click 8.5.1 hashes=2
pylock.uv-directory.toml:14:8 idna 3.20 hashes=2
pylock.uv-directory.toml:20:8 direct "shared" -e ./shared via=
command uv pip compile in2.txt -o pylock.d.toml --python-version 3.12
python >=3.12
click-8.5.1-py3-none-any.whl https://files.example.org/click-8.5.1-py3-none-any.whl 126163 2026
click-8.5.1.tar.gz https://files.example.org/click-8.5.1.tar.gz 399151 2026
idna-3.20-py3-none-any.whl https://files.example.org/idna-3.20-py3-none-any.whl 69583 2026
idna-3.20.tar.gz https://files.example.org/idna-3.20.tar.gz 216463 2026
`},
		{"pylock.pip.toml", `pylock.pip.toml:5:8 click 8.1.7 hashes=1
pylock.pip.toml:16:8 markupsafe 2.1.5 hashes=1
click-8.1.7-py3-none-any.whl https://files.example.org/click-8.1.7-py3-none-any.whl 0 1
MarkupSafe-2.1.5-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl https://files.example.org/MarkupSafe-2.1.5-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl 0 1
`},
	} {
		data, err := os.ReadFile("testdata/" + tt.file)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Read(tt.file, data)
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if got := describeFiles(l); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.file, got, tt.want)
		}
		if _, err := RenderTOML(l, Style{}); err != nil {
			t.Errorf("%s: %v", tt.file, err)
		}
	}
}

func TestParseTOMLTolerates(t *testing.T) {
	in := `lock-version = "1.3"
created-by = "x"
extras = ["x"]
new-key = { a = 1 }
[[packages]]
name = "a"
marker = "'x' in extras  and os_name == 'nt'"
dependencies = [{ name = "B.b" }, { vcs = { url = "x" } }]
index = "https://example.org/simple"
sdist = { name = "a-1.tar.gz", path = "dl/a-1.tar.gz", hashes = { MD5 = "AA", sha256 = "` + strings.Repeat("a", 64) + `" } }
tool = { other = 1 }
attestation-identities = [{ kind = "x" }]
[[packages]]
name = "b-b"
version = "1.0"
archive = { url = "https://example.org/b.zip", subdirectory = "s", hashes = { sha256 = "` + strings.Repeat("b", 64) + `" } }
[[packages]]
name = "c"
vcs = { type = "git", url = "https://example.org/c", requested-revision = "main", commit-id = "0123" }
`
	l, err := ParseTOML("x", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := `x:6:8 a 1 marker='x' in extras and os_name == 'nt' hashes=1 from=https://example.org/simple
x:14:8 direct "b-b" b-b @ https://example.org/b.zip#subdirectory=s via=a
x:18:8 direct "c" c @ git+https://example.org/c@0123 via=
warning x:1:16: lock-version is 1.3, and this pylock knows 1.0: what is new in it is passed over
a-1.tar.gz dl/a-1.tar.gz 0 1
`
	if got := describeFiles(l); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzParseTOML(f *testing.F) {
	for _, file := range []string{"pylock.golden.toml", "pylock.uv.toml", "pylock.pip.toml", "pylock.uv-directory.toml"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(headTOML + "[[packages]]\nname = 'a'\n" + fileTOML)
	f.Add("\uFEFF# x\r\n" + headTOML + "packages = [{ name = 'a', directory = { path = 'b' } }]")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseTOML("x", []byte(s))
		if err != nil {
			if ie := (*project.InputError)(nil); !errors.As(err, &ie) {
				t.Fatalf("got %T, want *project.InputError", err)
			}
			return
		}
		if other, err := ToRequirements(l, ExportOptions{Root: "/r", From: "/r/x"}); err == nil {
			if _, err := Render(other, Style{}); err != nil && strings.Contains(err.Error(), "back") {
				t.Fatal(err)
			}
		}
		text, err := RenderTOML(l, Style{})
		if err != nil {
			if strings.Contains(err.Error(), "read back") || strings.Contains(err.Error(), "reads back") {
				t.Fatal(err)
			}
			return // what others wrote need not fit ours
		}
		back, err := ParseTOML("x", text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := RenderTOML(back, Style{})
		if err != nil || string(again) != string(text) {
			t.Fatalf("got\n%s\n%v, want\n%s", again, err, text)
		}
	})
}
