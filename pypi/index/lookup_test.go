package index

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

const universe = `
demo 1.0
  dep>=2
  @python >=3.8
  @uploaded 2024-03-24T10:20:30Z
  @wheel py3-none-any
  @sdist static
demo 1.1b2
  dep>=3
demo 2.0
  dep>=4
  extra-dep; extra == "x"
  @yanked broken on Tuesdays
demo 10.0
  @none
demo 9.0
  other
  @claim dep<3
demo 9.1
  @python nonsense
@status demo deprecated use other
other 1
late 1.0
  dep
late 2.0
  dep>1
gone 1
@status gone quarantined malware
`

// TestPages reads the same universe in every shape that an index may have.
func TestPages(t *testing.T) {
	html := indextest.Profile{ProjectJSON: true, Metadata: indextest.AllMetadata, Advertise: true}
	tests := []struct {
		name    string
		profile indextest.Profile
		order   Order
		simple  bool // what was read is the Simple API
		rich    bool // with upload times
	}{
		{"PyPI", indextest.PyPI(), Auto, true, true},
		{"PyPI, JSON first", indextest.PyPI(), JSONFirst, false, true},
		{"mirror", indextest.Mirror(), Auto, true, true},
		{"mirror, JSON first", indextest.Mirror(), JSONFirst, false, true},
		{"HTML alone", indextest.Profile{}, Auto, true, false},
		{"HTML alone, JSON first", indextest.Profile{}, JSONFirst, true, false},
		{"HTML and JSON API", html, Auto, false, true},
		{"HTML, Simple first", html, SimpleFirst, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := serveUniverse(t, universe, tt.profile, Options{Order: tt.order})
			p := project(t, c, "Demo")
			var got []string
			for _, r := range p.Releases {
				got = append(got, fmt.Sprint(r.Version, len(r.Files())))
			}
			if want := "1.0 2,1.1b2 1,2.0 1,9.0 1"; strings.Join(got, ",") != want {
				t.Errorf("releases %v, want %s", got, want)
			}
			if p.Name != "demo" || p.Index != s.SimpleURL() {
				t.Errorf("project %s on %s", p.Name, p.Index)
			}
			if len(p.Skipped) != 1 || !strings.Contains(p.Skipped[0].Reason, "Requires-Python") {
				t.Errorf("skipped %v", p.Skipped)
			}
			if tt.simple && (p.Status != "deprecated" || p.StatusReason != "use other") {
				t.Errorf("status %q, %q", p.Status, p.StatusReason)
			}
			f := &release(t, p, "1.0.0").Files()[0]
			if f.Filename != "demo-1.0-py3-none-any.whl" || f.IsSdist() || f.Wheel.Name != "demo" || !release(t, p, "1.0").Files()[1].IsSdist() {
				t.Errorf("files %+v", release(t, p, "1.0").Files())
			}
			if !strings.HasPrefix(f.URL, s.URL+"/files/") || len(f.Hashes.Get("sha256")) != 64 || f.RequiresPython != ">=3.8" || f.Python.String() != ">=3.8" {
				t.Errorf("file %+v", f)
			}
			if at := time.Date(2024, 3, 24, 10, 20, 30, 0, time.UTC); tt.rich && (f.UploadTime != at || f.Size == 0) || !tt.rich && !f.UploadTime.IsZero() {
				t.Errorf("uploaded %v, size %d", f.UploadTime, f.Size)
			}
			if y := release(t, p, "2.0").Files()[0]; !y.Yanked || y.YankedReason != "broken on Tuesdays" || f.Yanked {
				t.Errorf("yanked %+v", y)
			}
			if got, want := requires(metadata(t, c, p, "2.0")), "dep>=4\nextra-dep; extra == \"x\"\n"; got != want {
				t.Errorf("metadata %q, want %q", got, want)
			}
			gone := project(t, c, "gone")
			if len(gone.Releases) > 0 || gone.Status != "quarantined" {
				t.Errorf("quarantined: %+v", gone)
			}
			var missing *NotFoundError
			if _, err := c.Project(t.Context(), "nowhere"); !errors.Is(err, ErrNotFound) || !errors.As(err, &missing) || missing.Name != "nowhere" {
				t.Errorf("nowhere: %v", err)
			}
			if v, err := c.Version(t.Context(), "late", pep440.MustParse("1.0")); err != nil || v.Release(pep440.MustParse("1")) == nil {
				t.Errorf("version: %v", err)
			}
		})
	}
}

func TestClaim(t *testing.T) {
	_, c := serveUniverse(t, universe, indextest.PyPI(), Options{Order: JSONFirst})
	p := project(t, c, "late")
	claim := p.Claim(release(t, p, "2.0"))
	if claim == nil || claim.Name != "late" || claim.Version.String() != "2.0" || len(claim.Requires) != 1 || claim.Requires[0].String() != "dep>1" {
		t.Errorf("got %+v", claim)
	}
	if p.Claim(release(t, p, "1.0")) != nil {
		t.Error("a claim for another version")
	}
	v, err := c.Version(t.Context(), "late", pep440.MustParse("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	if claim := v.Claim(&v.Releases[0]); claim == nil || claim.Requires[0].String() != "dep" || len(v.Releases) != 1 {
		t.Errorf("version document: %+v", claim)
	}
	if p := project(t, c, "other"); p.Claim(&p.Releases[0]) != nil {
		t.Error("a claim from requires_dist null")
	}
}

// TestClaimIsNotTruth has the JSON API state other dependencies than the wheel.
func TestClaimIsNotTruth(t *testing.T) {
	for _, profile := range []indextest.Profile{indextest.PyPI(), indextest.Mirror(), {ProjectJSON: true}} {
		_, c := serveUniverse(t, "demo 9.0\n  other\n  @claim dep<3\n", profile, Options{Order: JSONFirst})
		p := project(t, c, "demo")
		if claim := p.Claim(&p.Releases[0]); claim == nil || claim.Requires[0].String() != "dep<3" {
			t.Errorf("claim %+v", claim)
		}
		if got := requires(metadata(t, c, p, "9.0")); got != "other\n" {
			t.Errorf("got %q", got)
		}
	}
}

// TestLearned counts what is asked of an index that lacks it.
func TestLearned(t *testing.T) {
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "p%d 1.0\n  p%d\n", i, i+1)
	}
	tests := []struct {
		name    string
		profile indextest.Profile
		order   Order
		want    map[indextest.Kind]int
	}{
		{"no JSON API", indextest.Profile{SimpleJSON: true, Metadata: indextest.AllMetadata, Advertise: true}, JSONFirst,
			map[indextest.Kind]int{indextest.KindProjectJSON: enoughProjects, indextest.KindSimple: 40, indextest.KindMetadata: 40}},
		{"HTML and JSON API", indextest.Profile{ProjectJSON: true, Metadata: indextest.AllMetadata, Advertise: true}, Auto,
			map[indextest.Kind]int{indextest.KindProjectJSON: 40, indextest.KindSimple: 1, indextest.KindMetadata: 40}},
		{"metadata not advertised", indextest.Profile{SimpleJSON: true, Metadata: indextest.AllMetadata}, Auto,
			map[indextest.Kind]int{indextest.KindSimple: 40, indextest.KindMetadata: 40}},
		{"no metadata", indextest.Profile{SimpleJSON: true, Ranges: true}, Auto,
			map[indextest.Kind]int{indextest.KindSimple: 40, indextest.KindMetadata: 1, indextest.KindRange: 40}},
		{"neither metadata nor ranges", indextest.Profile{SimpleJSON: true}, Auto,
			map[indextest.Kind]int{indextest.KindSimple: 40, indextest.KindMetadata: enoughSidecars, indextest.KindRange: enoughRanges, indextest.KindFile: 40 - enoughRanges}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := serveUniverse(t, text.String(), tt.profile, Options{Order: tt.order})
			for i := range 40 {
				p := project(t, c, fmt.Sprintf("p%d", i))
				if got, want := requires(metadata(t, c, p, "1.0")), fmt.Sprintf("p%d\n", i+1); got != want {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
			if got := s.Requests().Kinds; fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("requests %v, want %v", got, tt.want)
			}
		})
	}
}

func TestVersionDocumentsLearned(t *testing.T) {
	s, c := serveUniverse(t, universe, indextest.Mirror(), Options{})
	for _, name := range []string{"late", "demo", "other"} {
		if _, err := c.Version(t.Context(), pypiNameOf(name), pep440.MustParse("1.0")); err != nil {
			t.Error(err)
		}
	}
	if n := s.Requests().Kinds[indextest.KindVersionJSON]; n != enoughVersions {
		t.Errorf("%d requests for version documents", n)
	}
}

// TestFirstIndexWins asks extra indexes first, goes on at 404 and stops at 401 and 403.
func TestFirstIndexWins(t *testing.T) {
	serveText := func(text string) *indextest.Server {
		u, err := indextest.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return indextest.Serve(t, u, indextest.PyPI())
	}
	extra, main := serveText("both 1\nextra 1\n"), serveText("both 2\nmain 1\n")
	c, _ := newTestClient(t, Options{DefaultIndex: main.SimpleURL(), ExtraIndexes: []string{extra.SimpleURL()}})
	for name, want := range map[string]string{"both": extra.SimpleURL(), "extra": extra.SimpleURL(), "main": main.SimpleURL()} {
		if p := project(t, c, name); p.Index != want || len(p.Releases) != 1 {
			t.Errorf("%s is on %s, want %s", name, p.Index, want)
		}
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		extra.SetFaults(indextest.FailFirst(99, indextest.Fault{Status: status}, nil))
		c, _ := newTestClient(t, Options{DefaultIndex: main.SimpleURL(), ExtraIndexes: []string{extra.SimpleURL()}})
		_, err := c.Project(t.Context(), "main")
		var unavailable *UnavailableError
		if !errors.As(err, &unavailable) || unavailable.Status != status {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

// TestGuessedJSONAPI puts something else where the JSON API is guessed to be.
func TestGuessedJSONAPI(t *testing.T) {
	for name, fault := range map[string]indextest.Fault{
		"web page":     {ContentType: "text/html", Body: []byte("<html><form></form></html>")},
		"forbidden":    {Status: 403},
		"server error": {Status: 500},
		"other JSON":   {Body: []byte(`{"info": {"name": "demo"}}`)},
		"other name":   {Body: []byte(`{"info": {"name": "other"}, "releases": {}}`)},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := serveUniverse(t, universe, indextest.PyPI(), Options{Order: JSONFirst})
			s.SetFaults(indextest.FailFirst(99, fault, func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/pypi/") }))
			if p := project(t, c, "demo"); len(p.Releases) != 4 {
				t.Errorf("%d releases", len(p.Releases))
			}
			project(t, c, "late")
			s.Reset()
			project(t, c, "other")
			if n := s.Requests().Kinds[indextest.KindProjectJSON]; n != 0 {
				t.Errorf("the JSON API was asked %d times more", n)
			}
		})
	}
}

func TestSkipped(t *testing.T) {
	sha := strings.Repeat("ab", 32)
	file := func(name, url, more string) string {
		return fmt.Sprintf(`{"filename": %q, "url": %q%s}`, name, url, more)
	}
	files := []struct{ json, reason string }{
		{file("demo-1.0-py3-none-any.whl", "https://files.test/a/demo-1.0-py3-none-any.whl", `, "hashes": {"sha256": "`+strings.ToUpper(sha)+`", "md5": "x"}`), ""},
		{file("demo-1.0.0.tar.gz", "demo-1.0.0.tar.gz#sha256="+sha, ""), ""},
		{file("Demo-01.tar.gz", "//cdn.test/Demo-01.tar.gz", ""), ""},
		{file("demo-1.0-py3-none-any.whl", "https://files.test/b/demo-1.0-py3-none-any.whl", ""), "listed twice"},
		{file("other-1.0-py3-none-any.whl", "x/other-1.0-py3-none-any.whl", ""), "belongs to project other"},
		{file("demo-x.y-py3-none-any.whl", "x", ""), "demo-x.y"},
		{file("demo-1.0-py2.7.egg", "x", ""), "want a name that ends in"},
		{file("../demo-2.0-py3-none-any.whl", "x", ""), "path separator"},
		{file("demo-2.0\n-py3-none-any.whl", "x", ""), "control character"},
		{file("", "x", ""), "has no name"},
		{file("demo-3.tar.gz", "", ""), "no address"},
		{file("demo-3.tar.gz", "file:///etc/passwd", ""), "neither http nor https"},
		{file("demo-3.tar.gz", "ftp://files.test/x", ""), "neither http nor https"},
		{file("demo-3.tar.gz", "javascript:alert(1)", ""), "neither http nor https"},
		{file("demo-3.tar.gz", "https://u:p@files.test/x", ""), "credentials"},
		{file("demo-3.tar.gz", "https://files.test/x\r\ny", ""), "malformed"},
		{file("demo-3.tar.gz", "https://files.test\\@evil.test/", ""), "malformed"},
		{file("demo-3.tar.gz", "https:///x", ""), "malformed"},
		{file("demo-3.tar.gz", "http://files.test/x", ""), "http on a page of https"},
		{file("demo-3.tar.gz", "x", `, "hashes": {"sha256": "abc"}`), "sha256 is malformed"},
		{file("demo-3-py3-none-any.whl", "x", `, "core-metadata": {"sha256": "abc"}`), "malformed sha256"},
		{file("demo-3.tar.gz", "x", `, "requires-python": "three"`), "Requires-Python"},
	}
	var list []string
	for _, f := range files {
		list = append(list, f.json)
	}
	b := testBuilder("demo")
	if err := scanSimple([]byte(`{"files": [`+strings.Join(list, ",")+`]}`), b); err != nil {
		t.Fatal(err)
	}
	p := built(t, b, &repository{display: "https://index.test/simple/"})
	if len(p.Releases) != 1 || len(p.Releases[0].Files()) != 3 || p.Releases[0].Version.String() != "1" {
		t.Fatalf("releases %+v", p.Releases)
	}
	got := p.Releases[0].Files()
	if got[0].URL != "https://cdn.test/Demo-01.tar.gz" || got[2].URL != "https://index.test/simple/demo/demo-1.0.0.tar.gz" ||
		got[1].Hashes.Get("sha256") != sha || got[2].Hashes.Get("sha256") != sha || got[1].Hashes.has != 1 || !got[0].Hashes.IsZero() {
		t.Errorf("files %+v", got)
	}
	reasons := make([]string, 0, len(p.Skipped))
	for _, s := range p.Skipped {
		reasons = append(reasons, s.Reason)
	}
	all := strings.Join(reasons, "\n")
	for _, f := range files {
		if !strings.Contains(all, f.reason) {
			t.Errorf("no file was skipped for %q in\n%s", f.reason, all)
		}
	}
	if len(p.Skipped) != len(files)-3 {
		t.Errorf("%d skipped, want %d:\n%s", len(p.Skipped), len(files)-3, all)
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2019-12-29T17:02:14.432949Z":    "2019-12-29T17:02:14.432949Z",
		"2019-12-29T17:02:14Z":           "2019-12-29T17:02:14Z",
		"2019-12-29T17:02:14.123456789Z": "2019-12-29T17:02:14.123456789Z",
		"2019-12-29T17:02:14":            "2019-12-29T17:02:14Z",
		"2019-12-29T17:02:14.5":          "2019-12-29T17:02:14.5Z",
		"2019-12-29T19:02:14+02:00":      "2019-12-29T17:02:14Z",
		"2019-02-30T17:02:14Z":           "0001-01-01T00:00:00Z",
		"2019-13-01T17:02:14Z":           "0001-01-01T00:00:00Z",
		"2019-12-29T17:02:6xZ":           "0001-01-01T00:00:00Z",
		"2019-12-29T17:02:14.Z":          "0001-01-01T00:00:00Z",
		"yesterday":                      "0001-01-01T00:00:00Z",
		"":                               "0001-01-01T00:00:00Z",
	} {
		if got := parseTime([]byte(text)).Format(time.RFC3339Nano); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestZulu compares with time.Parse, each day of a few centuries and the days that there are not.
func TestZulu(t *testing.T) {
	for _, years := range [][2]int{{1, 5}, {1896, 2105}, {2396, 2404}, {9996, 9999}} {
		for year := years[0]; year <= years[1]; year++ {
			for month := 0; month <= 13; month++ {
				for day := 0; day <= 32; day++ {
					text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day, day%24, month*4, day, year%1000)
					want, err := time.Parse(time.RFC3339Nano, text)
					got, ok := parseZulu([]byte(text))
					if ok != (err == nil) || ok && got != want {
						t.Fatalf("%s: got %s, %t, want %s, %v", text, got, ok, want, err)
					}
				}
			}
		}
	}
}

func FuzzLink(f *testing.F) {
	for _, s := range []string{"https://files.test/a/b.whl#sha256=ab", "../../x.whl", "//h/x", "HTTP://h:80/%2e", "https://a:b@c/", "https://h/a b", "https://h:99999/x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := newLinkResolver(&url.URL{Scheme: "https", Host: "index.test", Path: "/simple/demo/"})
		href, fragment, err := l.resolve(raw)
		if err != nil {
			return
		}
		u, err := url.Parse(string(href))
		if err != nil {
			t.Fatalf("%q: %v", href, err)
		}
		if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) || u.User != nil || u.Hostname() == "" || u.Fragment != "" || strings.ContainsAny(string(href), "\r\n\x00") {
			t.Fatalf("%q became %q (fragment %q)", raw, href, fragment)
		}
		again, _, err := l.resolve(href)
		if err != nil || string(again) != string(href) {
			t.Fatalf("%q, then %q, %v", href, again, err)
		}
	})
}
