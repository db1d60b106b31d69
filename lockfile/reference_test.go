package lockfile

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

const (
	oneHash   = "sha256:2a0c112836c60cfda45ccb03d03ec7f51a771eb4bf909ad582d46c9344295ab0"
	oneCommit = "13ac86f24b3c0e30b1be6cb5141a7627056b1e60"
)

func TestRenderDirect(t *testing.T) {
	l := &Lock{Header: []string{"x"}, Pins: []Pin{{Name: "m", Version: pep440.MustParse("1"), Via: []string{"a"}}}, Direct: []Direct{
		{Name: "z", URL: "git+ssh://git@example.org/z.git@" + oneCommit + "#subdirectory=py", From: "git+ssh://git@example.org/z.git@main", Via: []string{"m", "-r r.in"}},
		{Name: "a", URL: "https://example.org/a-1.0-py3-none-any.whl", Marker: "sys_platform == 'linux'"},
		{Name: "b", URL: "file:../vendor/b%20c/b-1.0.tar.gz", Via: []string{"a"}},
	}}
	want := `# x
a @ https://example.org/a-1.0-py3-none-any.whl ; sys_platform == 'linux'
b @ file:../vendor/b%20c/b-1.0.tar.gz
    # via a
m==1
    # via a
z @ git+ssh://git@example.org/z.git@` + oneCommit + `#subdirectory=py
    # via
    #   -r r.in
    #   m
    # from git+ssh://git@example.org/z.git@main
`
	got, err := Render(l, Style{})
	if err != nil || string(got) != want {
		t.Fatalf("got %v\n%s\nwant\n%s", err, got, want)
	}
	back, err := Parse("x", got)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range back.Direct {
		i := slices.IndexFunc(l.Direct, func(o Direct) bool { return o.Name == d.Name })
		w := l.Direct[i]
		if d.URL != w.URL || d.Marker != w.Marker || d.From != w.From || len(d.Via) != len(w.Via) || d.Place.Line == 0 {
			t.Errorf("got %+v, want %+v", d, w)
		}
	}
	line, err := Render(l, Style{Annotation: Line, NoHeader: true})
	if err != nil || !strings.Contains(string(line), "  # via a\n") {
		t.Errorf("%v\n%s", err, line)
	}
	bare, err := Render(l, Style{NoAnnotate: true})
	if err != nil || strings.Contains(string(bare), "# from") {
		t.Errorf("%v\n%s", err, bare)
	}
}

// TestRenderDirectRefused: what pip would read as something else, would not
// install, or is a secret.
func TestRenderDirectRefused(t *testing.T) {
	for want, d := range map[string]Direct{
		"has no version to pin":       {Name: "a", Text: "-e ./a"},
		"not a normalized":            {Name: "A", URL: "https://example.org/a.whl"},
		"has credentials":             {Name: "a", URL: "https://user:pw@example.org/a.whl"},
		"escape its special":          {Name: "a", URL: "https://example.org/a.whl\n--index-url https://evil"},
		"cannot be written into a":    {Name: "a", URL: "https://example.org/a b.whl"},
		"its special characters":      {Name: "a", URL: "https://example.org/${TOKEN}.whl"},
		"has no full commit":          {Name: "a", URL: "git+https://example.org/a@main"},
		"no full commit":              {Name: "a", URL: "git+https://user@example.org"},
		"has no hash":                 {Name: "a", URL: "git+https://example.org/a@" + oneCommit, Hashes: []string{oneHash}},
		"none that pip installs":      {Name: "a", URL: "ftp://example.org/a.whl"},
		"is not a hash":               {Name: "a", URL: "https://example.org/a.whl", Hashes: []string{"md5:00"}},
		"would take":                  {Name: "a", URL: "https://example.org/a.whl", Marker: "x == 'a' -r b"},
		"does not belong in a lock":   {Name: "a", URL: "https://example.org/a.whl", Via: []string{"x\ny"}},
		"begins or ends with a space": {Name: "a", URL: "https://example.org/a.whl", From: " x"},
	} {
		if want == "no full commit" {
			d.URL = "git+https://example.org/a"
		}
		_, err := Render(&Lock{Direct: []Direct{d}}, Style{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pw") {
			t.Errorf("%+v: got %v, want %s", d, err, want)
		}
	}
}

func TestMixture(t *testing.T) {
	git := Direct{Name: "g", URL: "git+https://github.com/o/g.git@" + oneCommit}
	hashed := Direct{Name: "a", URL: "https://example.org/a.whl", Hashes: []string{oneHash}}
	bare := Direct{Name: "b", URL: "https://example.org/b.whl"}
	pin := Pin{Name: "p", Version: pep440.MustParse("1"), Hashes: []string{oneHash}}
	for _, tt := range []struct {
		lock Lock
		name pypi.Name
	}{
		{Lock{Direct: []Direct{git, bare}}, ""},
		{Lock{Direct: []Direct{hashed}, Pins: []Pin{pin}}, ""},
		{Lock{Direct: []Direct{git}, Pins: []Pin{pin}}, "g"},
		{Lock{Direct: []Direct{hashed, git}}, "g"},
		{Lock{Direct: []Direct{bare}, Pins: []Pin{pin}}, "b"},
	} {
		_, err := Render(&tt.lock, Style{})
		var m *MixtureError
		if errors.As(err, &m) != (tt.name != "") || m != nil && m.Name != tt.name {
			t.Errorf("%+v: got %v, want %q", tt.lock, err, tt.name)
		}
		if m != nil && m.Git && !strings.HasSuffix(m.Error(), "https://github.com/o/g/archive/"+oneCommit+".tar.gz") {
			t.Errorf("%v", m)
		}
	}
}

// TestParseDirect reads what uv and pip-tools write.
func TestParseDirect(t *testing.T) {
	l, err := Parse("x", []byte("demo[x] @ https://u:p@example.org/demo.whl#sha256="+oneHash[7:]+" \\\n    --hash="+oneHash+"\n    # via -r r.in\n"+
		"far @ git+https://example.org/far@"+oneCommit+"#egg=far&subdirectory=a/b ; python_version < '4'\n./rel.whl\n-e ./here\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Direct{
		{Name: "demo", URL: "https://example.org/demo.whl", Hashes: []string{oneHash}, Via: []string{"-r r.in"}},
		{Name: "far", URL: "git+https://example.org/far@" + oneCommit + "#subdirectory=a/b", Marker: "python_version < '4'"},
		{Text: "./rel.whl"}, {Text: "-e ./here"},
	}
	for i := range l.Direct {
		d := l.Direct[i]
		if d.URL != "" {
			d.Text = ""
		}
		d.Place = project.Place{}
		if !reflect.DeepEqual(d, want[i]) {
			t.Errorf("got %+v, want %+v", d, want[i])
		}
	}
}

func TestDirectTOML(t *testing.T) {
	l := &Lock{Direct: []Direct{
		{Name: "a", Version: pep440.MustParse("1"), URL: "https://example.org/a-1.whl", Size: 7, Hashes: []string{oneHash}, Marker: "sys_platform == 'linux'"},
		{Name: "b", URL: "file:../b c/b.tar.gz#subdirectory=x", Hashes: []string{oneHash}, Via: []string{"a"}},
		{Name: "c", URL: "git+https://example.org/c@" + oneCommit + "#subdirectory=x", From: "git+https://example.org/c@v1"},
		{Name: "d", URL: "git+https://example.org/d@" + oneCommit, From: "git+https://example.org/d"},
	}}
	l.Direct[1].URL = "file:../b%20c/b.tar.gz#subdirectory=x"
	got, err := RenderTOML(l, Style{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`archive = { url = "https://example.org/a-1.whl", size = 7, hashes = { sha256 = "` + oneHash[7:] + `" } }`,
		`archive = { path = "../b c/b.tar.gz", hashes = { sha256 = "` + oneHash[7:] + `" }, subdirectory = "x" }`,
		`vcs = { type = "git", url = "https://example.org/c", requested-revision = "v1", commit-id = "` + oneCommit + `", subdirectory = "x" }`,
		`vcs = { type = "git", url = "https://example.org/d", commit-id = "` + oneCommit + `" }`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if _, err := RenderTOML(&Lock{Direct: []Direct{{Name: "a", URL: "https://example.org/a.whl"}}}, Style{}); err == nil || !strings.Contains(err.Error(), "has no hash") {
		t.Errorf("%v", err)
	}
	// From one form to the other, beside another folder.
	back, err := ParseTOML("x", got)
	if err != nil {
		t.Fatal(err)
	}
	back.Direct = back.Direct[:2] // commits cannot stand beside hashes
	text, err := ToRequirements(back, ExportOptions{From: "/r/a/b", To: "/r/a", Root: "/r"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := Render(text, Style{})
	if err != nil || !strings.Contains(string(out), "b @ file:b%20c/b.tar.gz#subdirectory=x") {
		t.Errorf("%v\n%s", err, out)
	}
	again, err := ToPylock(text, nil, ExportOptions{From: "/r/a", To: "/r/a/b", Root: "/r"})
	if err != nil || again.Direct[1].URL != "file:../b%20c/b.tar.gz#subdirectory=x" {
		t.Errorf("%v %+v", err, again)
	}
}

func TestGitParts(t *testing.T) {
	for in, want := range map[string][3]string{
		"git+https://example.org/a@v1#subdirectory=x/y": {"https://example.org/a", "v1", "x/y"},
		"git+ssh://git@example.org/a":                   {"ssh://git@example.org/a", "", ""},
		"git+ssh://git@example.org/a@b/c":               {"ssh://git@example.org/a", "b/c", ""},
		"git+file:///a@b/c@d":                           {"file:///a@b/c", "d", ""},
		"https://example.org":                           {"https://example.org", "", ""},
		"":                                              {"", "", ""},
	} {
		a, b, c := GitParts(in)
		if got := [3]string{a, b, c}; got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}
