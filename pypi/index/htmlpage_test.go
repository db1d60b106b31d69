package index

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestSimpleHTML(t *testing.T) {
	sha := strings.Repeat("cd", 32)
	page := `<!DOCTYPE html><html><head>
<meta name="pypi:repository-version" content="1.3">
<META NAME="PyPI:Project-Status" content="archived"><meta name="pypi:project-status-reason" content="moved &amp; renamed">
<base href="/files/"><base href="https://evil.test/">
<script>document.write('<a href="demo-6.0.tar.gz">x</a>')</script>
<!-- <a href="demo-7.0.tar.gz">x</a> -->
</head><body>
<a href="/">all projects</a>
<A HREF=" demo-1.0-py3-none-any.whl#sha256=` + sha + `&amp;egg=demo " data-requires-python="&gt;=3.8,&lt;4" DATA-CORE-METADATA="sha256=` + sha + `">any text</A>
<a href="../other/demo-1.0.tar.gz" data-gpg-sig="true" data-yanked>demo-1.0.tar.gz</a>
<a data-yanked="bad &lt;build&gt;" data-dist-info-metadata="true" href="https://cdn.test/demo-2.0%2Blocal-py3-none-any.whl?sig=1"/>
<a href="demo-3.0-py3-none-any.whl" data-core-metadata="false" data-dist-info-metadata="true">x</a>
<a href="javascript:alert('demo-4.0.tar.gz')">x</a>
<a name="demo-5.0.tar.gz">x</a>
` + strings.Repeat("<div>", 100_000) + `</body></html>`
	b := testBuilder("demo")
	if err := scanSimpleHTML([]byte(page), b); err != nil {
		t.Fatal(err)
	}
	p := built(t, b, &repository{})
	var got []string
	for _, r := range p.Releases {
		for _, f := range r.Files() {
			got = append(got, f.URL)
		}
	}
	want := []string{
		"https://index.test/files/demo-1.0-py3-none-any.whl", "https://index.test/other/demo-1.0.tar.gz",
		"https://cdn.test/demo-2.0%2Blocal-py3-none-any.whl?sig=1", "https://index.test/files/demo-3.0-py3-none-any.whl",
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("got  %q\nwant %q\nskipped %v", got, want, p.Skipped)
	}
	if p.Status != "archived" || p.StatusReason != "moved & renamed" {
		t.Errorf("status %q, %q", p.Status, p.StatusReason)
	}
	one, sdist, two, three := p.Releases[0].Files()[0], p.Releases[0].Files()[1], p.Releases[1].Files()[0], p.Releases[2].Files()[0]
	if one.Hashes.Get("sha256") != sha || one.RequiresPython != ">=3.8,<4" || one.Core != (CoreMetadata{CoreAdvertised, NewHashes("sha256:" + sha)}) || one.Yanked {
		t.Errorf("first %+v", one)
	}
	if !sdist.Yanked || sdist.YankedReason != "" || !sdist.Hashes.IsZero() || sdist.Core.State != CoreUnknown {
		t.Errorf("sdist %+v", sdist)
	}
	if two.YankedReason != "bad <build>" || two.Core != (CoreMetadata{State: CoreAdvertised}) || two.Filename != "demo-2.0+local-py3-none-any.whl" || p.Releases[1].Version.String() != "2.0+local" {
		t.Errorf("second %+v", two)
	}
	if three.Core.State != CoreAbsent {
		t.Errorf("third %+v", three)
	}
	if b.unended {
		t.Error("the end was not seen")
	}
}

func TestSimpleHTMLRefuses(t *testing.T) {
	for _, tt := range []struct{ name, page, want string }{
		{"login", `<html><body><form action="/login"><input type="password"></form><a href="/help">help</a></body></html>`, "login page"},
		{"login in a form of the API", `<html><title>Links for x</title><form></html>`, "login page"},
		{"maintenance", `<html><title>Back soon</title><body>We are in maintenance. <a href="/status">Status</a></body></html>`, "does not look like a page"},
		{"links for in the text", `<html><body>Links for everyone</body></html>`, "does not look like a page"},
		{"empty", ``, "does not look like a page"},
		{"other version", `<html><meta name="pypi:repository-version" content="2.0"></html>`, `version "2.0"`},
		{"base", `<html><base href="file:///x"></html>`, "base element"},
		{"huge tag", `<a href="` + strings.Repeat("x", 2<<20) + `">`, "over the limit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := scanSimpleHTML([]byte(tt.page), testBuilder("demo"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSimpleHTMLWithoutFiles(t *testing.T) {
	for _, page := range []string{
		`<meta name="pypi:repository-version" content="1.0">`,
		`<html><head><title>Links for demo</title></head></html>`,
		`<html><head><title>root/pypi: links for demo</title></head></html>`,
		`<html><body><h1>Links for <em>demo</em></h1></body></html>`,
		`<title>Simple index</title>`,
	} {
		b := testBuilder("demo")
		if err := scanSimpleHTML([]byte(page), b); err != nil || len(b.files) > 0 {
			t.Errorf("%s: got %v, %v", page, b.files, err)
		}
	}
}

// FuzzScanSimpleHTML checks that every file kept has an address that the rules allow, and that a page of those files,
// written anew, reads the same.
func FuzzScanSimpleHTML(f *testing.F) {
	f.Add(`<a href="demo-1.0-py3-none-any.whl#sha256=ab" data-requires-python="&gt;=3">x</a>`)
	f.Add(`<base href="//x/"><a href="demo-1.tar.gz" data-yanked="r">`)
	f.Add(`<a href='demo-2.zip'><script><a href="demo-1.tar.gz"></script>`)
	f.Fuzz(func(t *testing.T, page string) {
		b := testBuilder("demo")
		err := scanSimpleHTML([]byte(page), b)
		var limit *LimitError
		if err != nil && errors.As(err, &limit) {
			return
		}
		var again strings.Builder
		again.WriteString("<title>Links for demo</title>")
		for _, file := range b.list() {
			u, err := url.Parse(file.URL)
			if err != nil || u.Scheme != "https" && !loopback(u.Hostname()) || u.User != nil {
				t.Fatalf("kept %q", file.URL)
			}
			again.WriteString(`<a href="` + html.EscapeString(file.URL) + `"`)
			if file.Yanked {
				again.WriteString(` data-yanked="` + html.EscapeString(file.YankedReason) + `"`)
			}
			again.WriteString(">")
		}
		c := testBuilder("demo")
		if err := scanSimpleHTML([]byte(again.String()), c); err != nil {
			t.Fatal(err)
		}
		if len(c.files) != len(b.files) {
			t.Fatalf("%d files, then %d from %s: %v", len(b.files), len(c.files), again.String(), c.skipped)
		}
		was, is := b.list(), c.list()
		for i := range is {
			if is[i].URL != was[i].URL || is[i].Filename != was[i].Filename || is[i].Yanked != was[i].Yanked {
				t.Fatalf("%+v, then %+v", was[i], is[i])
			}
		}
	})
}

func BenchmarkSimpleHTML(b *testing.B) {
	var page strings.Builder
	p := testBuilder("demo")
	if err := scanSimple(generatedPage(10_000), p); err != nil {
		b.Fatal(err)
	}
	for _, f := range p.list() {
		page.WriteString(`<a href="` + f.URL + "#sha256=" + f.Hashes.Get("sha256") + `" data-requires-python="&gt;=3.8">` + f.Filename + "</a><br/>\n")
	}
	data := []byte(page.String())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := scanSimpleHTML(data, testBuilder("demo")); err != nil {
			b.Fatal(err)
		}
	}
}
