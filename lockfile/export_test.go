package lockfile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// pages is an index with what resolution has.
func pages() func(pypi.Name, pep440.Version) *index.Project {
	r := resolution()
	return func(n pypi.Name, v pep440.Version) *index.Project {
		for i := range r.Packages {
			p := &r.Packages[i]
			if p.Name != n || !p.Version.Equal(v) {
				continue
			}
			var files []index.File
			for _, f := range p.AllFiles {
				files = append(files, *f)
			}
			return &index.Project{Name: n, Index: p.Index, Releases: []index.Release{index.NewRelease(p.Version, files...)}}
		}
		return nil
	}
}

// locatable gives the files of the fake resolution addresses.
func locatable(fs []*index.File) {
	for _, f := range fs {
		f.URL = "https://files.example.org/" + f.Filename
		if strings.HasSuffix(f.Filename, ".whl") {
			w := must(dist.ParseWheel(f.Filename))
			f.Wheel = &w
		}
	}
}

// A lock in one form, exported to the other, is what the resolution gives in
// that form.
func TestExport(t *testing.T) {
	header := Header("pylock compile svc", "CPython 3.12 on linux (x86_64)")
	scope := scopeOfTarget("CPython 3.12 on linux (x86_64)")
	r := resolution()
	for i := range r.Packages {
		locatable(r.Packages[i].Files)
		locatable(r.Packages[i].AllFiles)
	}
	for _, hashes := range []Hashes{TargetHashes, AllHashes} {
		o := BuildOptions{Header: header, Hashes: hashes, DefaultIndex: "https://index.test/simple"}
		requirements := must(FromResolution(r, o))
		o.Format, o.Scope, o.Root, o.Dir, o.Folders = PylockTOML, scope, "/root", "/root/svc", true
		pylock := must(FromResolution(r, o))
		e := ExportOptions{Header: header, DefaultIndex: "https://index.test/simple/", Root: "/root", From: "/root/svc", To: "/root/svc", Folders: true}

		// Through the texts, as the command does.
		pylock = must(ParseTOML("pylock.toml", must(RenderTOML(pylock, Style{}))))
		got := must(ToRequirements(pylock, e))
		if err := Same(got, requirements); err != nil {
			t.Errorf("%s: %v", hashes, err)
		}
		if err := sameComments(got, requirements); err != nil {
			t.Errorf("%s: %v", hashes, err)
		}

		find := pages()
		located := func(n pypi.Name, v pep440.Version) *index.Project {
			p := find(n, v)
			for i := range p.Releases[0].Files() {
				locatable([]*index.File{&p.Releases[0].Files()[i]})
			}
			return p
		}
		back, err := ToPylock(must(Parse("requirements.lock", must(Render(requirements, Style{})))), located, e)
		if err != nil {
			t.Fatal(err)
		}
		a, b := must(RenderTOML(pylock, Style{})), must(RenderTOML(back, Style{}))
		if string(a) != string(b) {
			t.Errorf("%s: got\n%s\nwant\n%s", hashes, b, a)
		}
	}
}

func TestPylockFromResolution(t *testing.T) {
	r := resolution()
	for i := range r.Packages {
		locatable(r.Packages[i].Files)
		locatable(r.Packages[i].AllFiles)
	}
	o := BuildOptions{Format: PylockTOML, Hashes: NoHashes, Root: "/r", Dir: "/r/svc", Folders: true, Editable: []pypi.Name{"shared"}}
	l := must(FromResolution(r, o))
	if len(l.Pins[0].Files) != 1 || len(l.Pins[0].Hashes) != 1 || len(l.Trailer)+len(l.Options) != 0 || l.Pins[0].From == "" {
		t.Errorf("got %+v", l)
	}
	if d := l.Direct; len(d) != 1 || d[0].Text != "-e ../libs/shared" {
		t.Errorf("got %+v", d)
	}
	o.NoEmit = []pypi.Name{"shared"}
	if l = must(FromResolution(r, o)); len(l.Direct) != 0 {
		t.Errorf("got %+v", l.Direct)
	}
	// Of several archives of the source, one.
	b := &r.Packages[1]
	zip := file("b-2.zip", "e", time.Time{})
	b.Files = append([]*index.File{zip}, b.Files...)
	locatable(b.Files)
	if l = must(FromResolution(r, o)); len(l.Pins[1].Files) != 1 || l.Pins[1].Files[0].Filename != "b-2.tar.gz" {
		t.Errorf("got %+v", l.Pins[1].Files)
	}
	// One that the format cannot name counts for nothing.
	b.Files = []*index.File{file("b-2.tar.bz2", "e", time.Time{})}
	locatable(b.Files)
	if _, err := FromResolution(r, o); err == nil || !strings.Contains(err.Error(), "a name that PEP 751 knows") {
		t.Errorf("got %v", err)
	}
	b.Files = []*index.File{{Filename: "b-2.tar.gz", URL: "https://files.example.org/b-2.tar.gz"}}
	if _, err := FromResolution(r, o); err == nil || !strings.Contains(err.Error(), "requirements.lock with --no-hashes") {
		t.Errorf("got %v", err)
	}
}

func TestPlainURL(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"https://files.example.org/x/a-1.tar.gz", "https://files.example.org/x/a-1.tar.gz"},
		{"http://u:p@example.org:8080/a-1.tar.gz?token=hunter2#sha256=00", "http://example.org:8080/a-1.tar.gz"},
		{"https://example.org/a%2D1.tar.gz?", "https://example.org/a%2D1.tar.gz"},
		{"https://example.org/get?file=a-1.tar.gz&token=hunter2", ""},
		{"../a-1.tar.gz", ""}, {"file:///a-1.tar.gz", ""}, {"https://exa mple/a-1.tar.gz", ""},
	} {
		got, err := plainURL(&index.File{Filename: "a-1.tar.gz", URL: tt.url})
		if got != tt.want || (err == nil) != (tt.want != "") || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %q, %v, want %q", tt.url, got, err, tt.want)
		}
	}
}

func TestCommonPython(t *testing.T) {
	of := func(texts ...string) []*index.File {
		var fs []*index.File
		for _, s := range texts {
			f := &index.File{}
			if s != "" {
				f.Python = must(pep440.ParseSpecifiers(s))
			}
			fs = append(fs, f)
		}
		return fs
	}
	pythons := []pep440.Version{pep440.MustParse("3.12")}
	for _, tt := range []struct {
		files []*index.File
		want  string
	}{
		{of(">=3.9", ">=3.9"), ">=3.9"}, {of(">=3.9", ">=3.10"), ""}, {of(">=3.9", ""), ""}, {of(""), ""},
		{of(">=3.13"), ""}, // the lock is for 3.12 all the same
	} {
		if got := commonPython(tt.files, pythons); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestLocalsOf(t *testing.T) {
	trailer := localsTrailer([]string{
		localLine("b", "", "", nil),
		localLine("a", "libs/a (1)", "os_name == 'nt'", []string{"-r x.in", "svc (svc/pyproject.toml, y)"}),
	})
	got := localsOf(append([]string{"other", ""}, append(trailer, "end")...))
	if len(got) != 2 || got[0].Name != "a" || got[0].Directory.Path != "libs/a (1)" || got[0].Marker != "os_name == 'nt'" ||
		!slices.Equal(got[0].Via, []string{"-r x.in", "svc (svc/pyproject.toml, y)"}) || got[1].Directory.Path != "." {
		t.Errorf("got %+v", got)
	}
}
