package lockfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// shortHash lets archives write sha256:a for a digest of 64 a.
var shortHash = regexp.MustCompile(`sha256:([0-9a-f])\b`)

func parseArchived(t *testing.T, name string, data []byte) *Lock {
	if data == nil {
		return nil
	}
	long := shortHash.ReplaceAllFunc(data, func(b []byte) []byte { return []byte(digest(string(b[len(b)-1:]))) })
	l, err := Parse(name, long)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// shorten undoes what parseArchived does to hashes.
func shorten(s string) string {
	return regexp.MustCompile(`sha256:([0-9a-f])[0-9a-f]{63}`).ReplaceAllString(s, "sha256:$1")
}

func TestDiffs(t *testing.T) {
	golden(t, "diff", func(t *testing.T, files map[string][]byte) map[string]string {
		d := Compare(parseArchived(t, "before.lock", files["before.lock"]), parseArchived(t, "after.lock", files["after.lock"]))
		d.Name, d.Before, d.After = "svc/requirements.lock", "HEAD", "working tree"
		links := map[pypi.Name]string{}
		for line := range strings.Lines(string(files["links"])) {
			name, url, _ := strings.Cut(strings.TrimSpace(line), " ")
			links[pypi.Name(name)] = url
		}
		var text, md, js bytes.Buffer
		if err := DiffText(&text, []*Diff{d}, false); err != nil {
			t.Error(err)
		}
		if err := DiffMarkdown(&md, []*Diff{d}, links); err != nil {
			t.Error(err)
		}
		if err := DiffJSON(&js, []*Diff{d}, links); err != nil {
			t.Error(err)
		}
		conforms(t, "diff", js.Bytes())
		return map[string]string{"text": shorten(text.String()), "markdown": shorten(md.String()), "json": shorten(js.String())}
	})
}

func TestCompareSame(t *testing.T) {
	if d := Compare(sample(), sample()); !d.Same() || d.Summary() != "no difference" {
		t.Errorf("got %+v", d)
	}
	spelled := sample()
	spelled.Pins[3].Version = pep440.MustParse("5.0.0")
	if d := Compare(sample(), spelled); !d.Same() {
		t.Errorf("another spelling of a version: got %+v", d)
	}
	var b bytes.Buffer
	if err := DiffText(&b, []*Diff{Compare(sample(), sample())}, true); err != nil || b.Len() > 0 {
		t.Errorf("got %q, %v", &b, err)
	}
}

func TestDiffTextColor(t *testing.T) {
	after := sample()
	after.Pins[1].Version = pep440.MustParse("5")
	d := Compare(sample(), after)
	d.Name = "a\x1b[2J.lock"
	var b bytes.Buffer
	if err := DiffText(&b, []*Diff{d}, true); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, yellow+"upgraded"+plainC) || strings.Contains(got, "\x1b[2J") {
		t.Errorf("got %q", got)
	}
}

// Text of a lock, of a path or of an index means nothing to Markdown.
func TestMarkdownEscapes(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"1.0.5", "1.0.5"},
		{"a|b", `a\|b`},
		{"<img src=x>", "&lt;img src=x&gt;"},
		{"[x](https://e.org)", `\[x\](https&#58;//e.org)`},
		{"@team #1 `c`", "&#64;team &#35;1 \\`c\\`"},
		{"a\nb\u202e", `a\\u000ab\\u202e`},
		{"www.e.org", "www&#46;e.org"},
	} {
		if got := markdown(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
	for _, tt := range []struct{ in, want string }{
		{"https://e.org/a(b)|c", "https://e.org/a%28b%29%7Cc"},
		{"javascript:alert(1)", ""},
		{"https://e.org/\n", "https://e.org/%0A"},
	} {
		if got := markdownURL(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestJSONEscapes(t *testing.T) {
	const in = "a\x1b\x7f\u202e\U000E0001é"
	var b bytes.Buffer
	if err := writeJSON(&b, in); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back != in {
		t.Errorf("got %q, %v", back, err)
	}
	if got := b.String(); strings.ContainsAny(got, "\x7f\u202e\U000E0001") || !strings.Contains(got, "é") {
		t.Errorf("got %q", got)
	}
}

func TestDiffWriteError(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	d := Compare(nil, sample())
	for i, err := range []error{DiffText(w, []*Diff{d}, false), DiffMarkdown(w, nil, nil), DiffJSON(w, nil, nil)} {
		if err == nil {
			t.Errorf("%d: no error", i)
		}
	}
}

// conforms checks a document against docs/schema/NAME.schema.json, as far as
// those schemas go: type, enum, const, properties, required, items, $ref and
// no additional properties.
func conforms(t *testing.T, name string, doc []byte) {
	t.Helper()
	data, err := os.ReadFile("../docs/schema/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	var check func(at string, s map[string]any, v any)
	check = func(at string, s map[string]any, v any) {
		if ref, ok := s["$ref"].(string); ok {
			s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		if choices, ok := s["anyOf"].([]any); ok {
			for _, o := range choices {
				o := o.(map[string]any)
				if (v == nil) == (o["type"] == "null") {
					check(at, o, v)
					return
				}
			}
			t.Errorf("%s: %v fits none", at, v)
			return
		}
		if c, ok := s["const"]; ok && c != v {
			t.Errorf("%s: %v is not %v", at, v, c)
		}
		if e, ok := s["enum"].([]any); ok && !strings.Contains(fmt.Sprint(e), fmt.Sprint(v)) {
			t.Errorf("%s: %v is none of %v", at, v, e)
		}
		kind := map[bool]string{true: "null"}[v == nil]
		switch v := v.(type) {
		case map[string]any:
			kind = "object"
			props, _ := s["properties"].(map[string]any)
			for k, x := range v {
				p, ok := props[k].(map[string]any)
				if !ok {
					if p, ok = s["additionalProperties"].(map[string]any); !ok {
						t.Errorf("%s: %q is not in the schema", at, k)
						continue
					}
				}
				check(at+"."+k, p, x)
			}
			required, _ := s["required"].([]any)
			for _, r := range required {
				if _, ok := v[r.(string)]; !ok {
					t.Errorf("%s: %q is missing", at, r)
				}
			}
			if s["properties"] != nil && s["additionalProperties"] == nil {
				t.Errorf("%s: the schema leaves additionalProperties open", at)
			}
		case []any:
			kind = "array"
			for i, x := range v {
				check(fmt.Sprintf("%s[%d]", at, i), s["items"].(map[string]any), x)
			}
		case string:
			kind = "string"
		case float64:
			kind = "integer"
		case bool:
			kind = "boolean"
		}
		if types := fmt.Sprint(s["type"]); s["type"] != nil && !strings.Contains(types, kind) {
			t.Errorf("%s: %s, want %s", at, kind, types)
		}
	}
	check("$", root, v)
}
