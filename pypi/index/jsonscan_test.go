package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/pypi"
)

func TestScannerRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", ``, "unexpected end"},
		{"cut in string", `{"files": [{"filename": "a`, "unexpected end"},
		{"cut after value", `{"files": []`, "unexpected end"},
		{"trailing text", `{"files": []} x`, "want the end"},
		{"byte order mark", "\ufeff" + `{"files": []}`, "want an object"},
		{"invalid UTF-8", "{\"files\": [], \"x\": \"\xff\"}", "not valid UTF-8"},
		{"control character", "{\"files\": [], \"x\": \"a\nb\"}", "control character"},
		{"bad escape", `{"files": [], "x": "\q"}`, "unknown escape"},
		{"short escape", `{"files": [], "x": "\u12"}`, "hexadecimal"},
		{"lone surrogate that is read", `{"files": [{"filename": "\ud800"}]}`, "files.0.filename: lone surrogate"},
		{"leading zero", `{"files": [], "x": 01}`, "want a comma"},
		{"plus sign", `{"files": [], "x": +1}`, "want a value"},
		{"bare point", `{"files": [], "x": 1.}`, "want a value"},
		{"trailing comma", `{"files": [],}`, "want a key"},
		{"trailing comma in array", `{"files": [], "x": [1,]}`, "want a value"},
		{"single quotes", `{'files': []}`, "want a key"},
		{"repeated key", `{"files": [], "files": []}`, "files: repeated key"},
		{"repeated key by escape", `{"files": [], "fil\u0065s": []}`, "repeated key"},
		{"repeated key in a file", `{"files": [{"url": "a", "url": "b"}]}`, "files.0.url: repeated key"},
		{"other letters", `{"FILES": []}`, `no key "files"`},
		{"wrong type", `{"files": [{"filename": 5}]}`, "files.0.filename: want a string, found '5'"},
		{"negative size", `{"files": [{"size": -1}]}`, "whole number"},
		{"fraction as size", `{"files": [{"size": 1.5}]}`, "whole number"},
		{"huge size", `{"files": [{"size": 1e300}]}`, "whole number"},
		{"too deep", `{"x": ` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "over the limit of 64"},
		{"too deep, mixed", `{"x": ` + strings.Repeat(`{"a":[`, 40) + "1" + strings.Repeat(`]}`, 40) + `}`, "over the limit of 64"},
		{"not an object", `[]`, "want an object"},
		{"other version", `{"meta": {"api-version": "2.0"}, "files": []}`, `version "2.0"`},
		{"other project", `{"name": "other", "files": []}`, `about "other"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := scanSimple([]byte(tt.text), testBuilder("demo"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestScannerAccepts(t *testing.T) {
	for _, text := range []string{
		`{"files":[]}`,
		" \t\r\n{ \"files\" : [ ] } \n",
		`{"x": [1, -0, 0.5, 1e9, 1E-2, true, false, null, {}, [], "\ud800 \" \\ \/ \b\f\n\r\té"], "files": []}`,
		`{"x": ` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `, "files": []}`,
		`{"x": 1, "x": 2, "files": []}`,
		`{"meta": {"api-version": "1.9"}, "files": []}`,
		`{"name": "De_Mo", "files": []}`,
	} {
		b := testBuilder("de-mo")
		if err := scanSimple([]byte(text), b); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestText(t *testing.T) {
	for _, want := range []string{"", "plain", `"`, `\`, "é", "\U0001F600", "a\u2028b", "x\x00y\x1f", strings.Repeat("abcdefg\"", 20)} {
		quoted, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		s, err := newScanner(quoted)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.text()
		if err != nil || string(got) != want || s.end() != nil {
			t.Errorf("%s: got %q, %v", quoted, got, err)
		}
	}
}

func TestPlain(t *testing.T) {
	for n := range 40 {
		for _, c := range []byte{'"', '\\', 0, 0x1f, '\n'} {
			for _, fill := range []byte{' ', '!', '#', '[', ']', 0x7f, 0x80, 0xff, 'a', '\x21'} {
				data := bytes.Repeat([]byte{fill}, 40)
				data[n] = c
				if got := plain(data, 0); got != n {
					t.Fatalf("plain of %q at %d among %q: got %d", c, n, fill, got)
				}
			}
		}
	}
}

func testBuilder(name pypi.Name) *pageBuilder {
	page := &url.URL{Scheme: "https", Host: "index.test", Path: "/simple/" + string(name) + "/"}
	return &pageBuilder{name: name, links: newLinkResolver(page)}
}

// scanSimple reads a page that is here as a whole.
func scanSimple(data []byte, b *pageBuilder) error {
	s, err := newScanner(data)
	if err != nil {
		return err
	}
	return scanSimpleJSON(s, b)
}

// outline is what a page states, as read by the scanner or by encoding/json.
type outline struct {
	status, reason string
	files          []string
}

// FuzzScanSimpleJSON compares the scanner with encoding/json: what it accepts must be JSON with the same content, and
// what it refuses must either be refused there, or for a reason that the scanner states.
func FuzzScanSimpleJSON(f *testing.F) {
	f.Add([]byte(`{"meta": {"api-version": "1.1"}, "name": "demo", "files": [{"filename": "demo-1.0-py3-none-any.whl", "url": "https://files.test/demo-1.0-py3-none-any.whl", "hashes": {"sha256": "` + strings.Repeat("ab", 32) + `"}, "requires-python": ">=3.8", "size": 5, "upload-time": "2024-01-02T03:04:05.678Z", "yanked": "broken"}], "versions": ["1.0"]}`))
	f.Add([]byte(`{"files": [{"filename": "demo-1.tar.gz", "url": "demo-1.tar.gz", "yanked": true, "core-metadata": {"sha256": "x"}}], "project-status": {"status": "archived", "reason": "\u00e9"}}`))
	f.Add([]byte(`{"files": [], "x": [1.5e-3, {"a": "\ud83d\ude00"}], "project-status": "active"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got outline
		err := outlineByScanner(data, &got)
		var doc any
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		reference := decoder.Decode(&doc)
		if reference == nil && decoder.More() {
			reference = errors.New("more than one value")
		}
		if err != nil {
			return
		}
		if !utf8.Valid(data) {
			t.Fatal("accepted invalid UTF-8")
		}
		if reference != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", reference)
		}
		if want := outlineByReflection(doc); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
	})
}

// outlineByScanner runs the scan with a builder that keeps records as they are.
func outlineByScanner(data []byte, o *outline) error {
	b := testBuilder("demo")
	err := scanSimple(data, b)
	o.status, o.reason = b.status, b.statusReason
	for _, f := range b.list() {
		o.files = append(o.files, fmt.Sprint(f.Filename, f.Size, f.Yanked, f.YankedReason, f.RequiresPython))
	}
	for _, s := range b.skipped {
		o.files = append(o.files, s.Filename)
	}
	slices.Sort(o.files)
	return err
}

func outlineByReflection(doc any) (o outline) {
	top := doc.(map[string]any)
	switch status := top["project-status"].(type) {
	case string:
		o.status = status
	case map[string]any:
		o.status, _ = status["status"].(string)
		o.reason, _ = status["reason"].(string)
	}
	b := testBuilder("demo")
	for _, file := range top["files"].([]any) {
		m := file.(map[string]any)
		text := func(key string) []byte { s, _ := m[key].(string); return []byte(s) }
		r := record{filename: text("filename"), url: text("url"), requiresPython: text("requires-python"), uploaded: text("upload-time")}
		if n, ok := m["size"].(json.Number); ok {
			r.size, _ = n.Int64()
		}
		switch y := m["yanked"].(type) {
		case bool:
			r.yanked = y
		case string:
			r.yanked, r.yankedReason = true, []byte(y)
		}
		hashes, _ := m["hashes"].(map[string]any)
		hash := func(m map[string]any, key string) []byte { s, _ := m[key].(string); return []byte(s) }
		r.sha256, r.sha384, r.sha512 = hash(hashes, "sha256"), hash(hashes, "sha384"), hash(hashes, "sha512")
		core, ok := m["core-metadata"]
		if !ok || core == nil {
			core = m["dist-info-metadata"]
		}
		if c, ok := core.(map[string]any); ok {
			r.core, r.coreHash = CoreAdvertised, hash(c, "sha256")
		}
		if err := b.add(&r); err != nil {
			panic(err)
		}
	}
	for _, f := range b.list() {
		o.files = append(o.files, fmt.Sprint(f.Filename, f.Size, f.Yanked, f.YankedReason, f.RequiresPython))
	}
	for _, s := range b.skipped {
		o.files = append(o.files, s.Filename)
	}
	slices.Sort(o.files)
	return o
}

func FuzzSkip(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}]}`, `"\u00e9\n"`, `-0.5e+3`, ` [ ] `, `nul`, `{"a":1,}`, `"\ud800"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := newScanner(data)
		if err != nil {
			return
		}
		if err = s.skip(); err == nil {
			err = s.end()
		}
		var limit *LimitError
		if errors.As(err, &limit) {
			return
		}
		if want := json.Valid(data); (err == nil) != want {
			t.Fatalf("%q: got %v, json.Valid %v", data, err, want)
		}
	})
}

// generatedPage is a page of n files as PyPI writes it.
func generatedPage(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"files": [`)
	platforms := []string{"manylinux_2_17_x86_64.manylinux2014_x86_64", "macosx_11_0_arm64", "win_amd64", "musllinux_1_2_aarch64"}
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		name := fmt.Sprintf("demo-%d.%d.%d-cp3%d-cp3%d-%s.whl", i/1000, i/40%25, i/4%10, 8+i/4%6, 8+i/4%6, platforms[i%4])
		hash := fmt.Sprintf("%064x", i*7919+1)
		fmt.Fprintf(&b, `{"core-metadata": {"sha256": "%s"}, "data-dist-info-metadata": {"sha256": "%s"}, "filename": "%s", "hashes": {"sha256": "%s"}, "provenance": null, "requires-python": ">=3.8", "size": %d, "upload-time": "2024-%02d-02T17:02:14.432949Z", "url": "https://files.index.test/packages/5d/b2/%s/%s", "yanked": false}`,
			hash, hash, name, hash, 100000+i, 1+i%12, hash[:60], name)
	}
	b.WriteString(`], "meta": {"_last-serial": 1, "api-version": "1.3"}, "name": "demo", "versions": []}`)
	return b.Bytes()
}

func BenchmarkSimpleJSON(b *testing.B) {
	page := generatedPage(10_000)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		pb := testBuilder("demo")
		if err := scanSimple(page, pb); err != nil {
			b.Fatal(err)
		}
		if p := built(b, pb, new(repository)); len(p.Releases) == 0 || len(p.Skipped) > 0 {
			b.Fatal(p.Skipped)
		}
	}
}

func BenchmarkSkip(b *testing.B) {
	page := generatedPage(10_000)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		s, _ := newScanner(page)
		if err := s.skip(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSimpleEncodingJSON(b *testing.B) {
	page := generatedPage(10_000)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		var doc struct {
			Files []struct {
				Filename, URL string
				Hashes        map[string]string
				Size          int64
			}
		}
		if err := json.Unmarshal(page, &doc); err != nil {
			b.Fatal(err)
		}
	}
}
