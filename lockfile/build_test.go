package lockfile

import (
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/resolver"
)

func file(name, digit string, uploaded time.Time) *index.File {
	return &index.File{Filename: name, Hashes: index.NewHashes("sha256:" + strings.Repeat(digit, 64)), UploadTime: uploaded}
}

func resolution() *resolver.Resolution {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	wheel, late, sdist := file("a-1-py3-none-any.whl", "a", day), file("a-1-cp312-cp312-win32.whl", "b", day.AddDate(0, 1, 0)), file("a-1.tar.gz", "c", day)
	return &resolver.Resolution{Packages: []resolver.Package{
		{Name: "a", Version: pep440.MustParse("1.0"), Extras: []pypi.Extra{"x"}, Index: "https://index.test/simple/",
			Files: []*index.File{wheel}, AllFiles: []*index.File{late, wheel, sdist},
			Via: []resolver.Via{{Origin: "svc (svc/pyproject.toml)"}, {Package: "b"}}},
		{Name: "b", Version: pep440.MustParse("2"), Index: "https://other.test/simple/",
			Files: []*index.File{file("b-2.tar.gz", "d", day)}, AllFiles: []*index.File{file("b-2.tar.gz", "d", day)},
			Via: []resolver.Via{{Package: "shared"}, {}}},
		{Name: "shared", Local: &project.Local{Name: "shared", Rel: "libs/shared"}, Via: []resolver.Via{{Origin: "svc (svc/pyproject.toml)"}}},
	}}
}

func TestFromResolution(t *testing.T) {
	all := []string{"a==1.0 ", digest("a"), digest("b"), digest("c"), "b==2 ", digest("d"), "#   shared"}
	for _, tt := range []struct {
		name      string
		o         BuildOptions
		want, not []string
	}{
		{"target", BuildOptions{}, []string{"a==1.0 \\\n    --hash=" + digest("a") + "\n    # via\n    #   svc (svc/pyproject.toml)\n    #   b\n",
			"b==2 \\\n    --hash=" + digest("d") + "\n    # via shared\n",
			"\n\n# " + localsTitle + "\n#   shared (libs/shared), via svc (svc/pyproject.toml)\n"}, []string{digest("b"), digest("c"), "shared==", "--extra", "[x]", "# from"}},
		{"all", BuildOptions{Hashes: AllHashes}, all, nil},
		{"none", BuildOptions{Hashes: NoHashes}, []string{"a==1.0\n"}, []string{"sha256"}},
		{"no emit", BuildOptions{NoEmit: []pypi.Name{"b", "zzz"}}, []string{"\n# " + excludedTitle + "\n# b\n\n# " + localsTitle}, []string{"b==2", "zzz"}},
		{"extras", BuildOptions{NoStripExtras: true}, []string{"a[x]==1.0 "}, nil},
		{"index", BuildOptions{DefaultIndex: "https://index.test/simple"}, []string{"--extra-index-url https://other.test/simple/\n\na=="}, []string{"url https://index.test"}},
		{"annotation", BuildOptions{IndexAnnotation: true}, []string{"    # from https://other.test/simple/\n"}, nil},
	} {
		l, err := FromResolution(resolution(), tt.o)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		text, err := Render(l, Style{})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		for _, w := range tt.want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s: got\n%s\nwant in it %q", tt.name, text, w)
			}
		}
		for _, w := range tt.not {
			if strings.Contains(string(text), w) {
				t.Errorf("%s: got\n%s\nwant not in it %q", tt.name, text, w)
			}
		}
	}
}

func TestFromResolutionWithoutHashes(t *testing.T) {
	r := resolution()
	r.Packages[1].Files = []*index.File{{Filename: "b-2.tar.gz", Hashes: index.NewHashes("md5:" + strings.Repeat("a", 32))}}
	if _, err := FromResolution(r, BuildOptions{}); err == nil || !strings.Contains(err.Error(), "use --no-hashes") {
		t.Errorf("got %v", err)
	}
	if _, err := FromResolution(r, BuildOptions{Hashes: NoHashes}); err != nil {
		t.Errorf("got %v", err)
	}
}

// A file that joins an old release changes no lock, unless asked for.
func TestFromResolutionKeepsHashes(t *testing.T) {
	header := Header("pylock compile .", "CPython 3.12 on linux (x86_64)")
	old, err := FromResolution(resolution(), BuildOptions{Header: header})
	if err != nil {
		t.Fatal(err)
	}
	grown := resolution()
	a := &grown.Packages[0]
	late := file("a-1-cp312-cp312-linux_x86_64.whl", "e", time.Time{})
	a.Files, a.AllFiles = append(a.Files, late), append(a.AllFiles, late)
	for _, tt := range []struct {
		name   string
		o      BuildOptions
		change func()
		want   int
	}{
		{"kept", BuildOptions{Header: header, Old: old}, nil, 1},
		{"other target", BuildOptions{Header: Header("pylock compile .", "CPython 3.13 on linux (x86_64)"), Old: old}, nil, 2},
		{"no header", BuildOptions{Old: &Lock{Pins: old.Pins}}, nil, 1},
		{"other notes", BuildOptions{Header: append(header, "a note"), Old: old}, nil, 1},
		{"refreshed", BuildOptions{Header: header, Old: old, Refresh: []pypi.Name{"a"}}, nil, 2},
		{"upgraded", BuildOptions{Header: header}, nil, 2},
		{"gone from the index", BuildOptions{Header: header, Old: old}, func() { a.Files, a.AllFiles = a.Files[1:], a.AllFiles[3:] }, 1},
	} {
		if tt.change != nil {
			tt.change()
		}
		l, err := FromResolution(grown, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Pins[0].Hashes; len(got) != tt.want || tt.name == "gone from the index" && got[0] != digest("e") {
			t.Errorf("%s: got %q, want %d", tt.name, got, tt.want)
		}
	}
}

// TestHashesOfALock: what was uploaded since is no reason to write a pin anew,
// what somebody took out or put in is; see resolver.HashFaults.
func TestHashesOfALock(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	x86, arm, late, sdist := file("a-1-cp312-cp312-linux_x86_64.whl", "a", day(1)), file("a-1-cp312-cp312-linux_aarch64.whl", "b", day(1)),
		file("a-1-cp312-cp312-win_amd64.whl", "c", day(9)), file("a-1.tar.gz", "d", day(1))
	unknown := file("a-1-cp312-cp312-macosx_11_0_arm64.whl", "e", time.Time{})
	serving := func(always bool, files ...*index.File) resolver.Serving {
		return resolver.Serving{Where: files[0].Filename, Files: files, Always: always}
	}
	for _, tt := range []struct {
		name     string
		listed   string // digits of the hashes
		servings []resolver.Serving
		want     string // of the hashes that are written
	}{
		{"as it was", "ab", []resolver.Serving{serving(true, x86), serving(true, arm)}, "ab"},
		{"one taken out", "a", []resolver.Serving{serving(true, x86), serving(true, arm)}, "abcde"},
		{"one taken out where none has to be", "a", []resolver.Serving{serving(false, x86), serving(false, arm)}, "abcde"},
		{"one of two for an environment taken out", "d", []resolver.Serving{serving(true, x86, sdist)}, "d"},
		{"a platform came later", "ab", []resolver.Serving{serving(false, x86), serving(false, arm), serving(false, late)}, "ab"},
		{"a platform came later that has to be", "ab", []resolver.Serving{serving(true, x86), serving(true, late)}, "abcde"},
		{"no time is known", "ab", []resolver.Serving{serving(false, x86), serving(false, unknown)}, "ab"},
		{"one put in", "abf", []resolver.Serving{serving(true, x86)}, "abcde"},
		{"all others", "f", []resolver.Serving{serving(false, x86)}, "abcde"},
		{"none", "", []resolver.Serving{serving(true, x86)}, "abcde"},
		{"more than needed", "abcde", []resolver.Serving{serving(true, x86)}, "abcde"},
	} {
		all := []*index.File{x86, arm, late, sdist, unknown}
		res := &resolver.Resolution{Packages: []resolver.Package{{Name: "a", Version: pep440.MustParse("1"), Files: all, AllFiles: all, Servings: tt.servings}}}
		old := &Lock{Pins: []Pin{{Name: "a", Version: pep440.MustParse("1")}}}
		for _, d := range tt.listed {
			old.Pins[0].Hashes = append(old.Pins[0].Hashes, digest(string(d)))
		}
		l, err := FromResolution(res, BuildOptions{Old: old})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, h := range l.Pins[0].Hashes {
			got += h[len(h)-1:]
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
