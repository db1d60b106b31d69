package lockfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
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

// randomLock has some of a few packages, at some of a few versions, with
// annotations between them.
func randomLock(r *rand.Rand) *Lock {
	l := &Lock{}
	for _, name := range []pypi.Name{"a", "b", "c", "d", "e"} {
		markers := [][]string{nil, {""}, {"x"}, {"x", "y"}, {"y", "z", "x"}}[r.IntN(5)]
		for _, m := range markers {
			p := Pin{Name: name, Version: pep440.MustParse(fmt.Sprint(1 + r.IntN(3))), Marker: m}
			for _, d := range []string{"a", "b"} {
				if r.IntN(2) == 0 {
					p.Hashes = append(p.Hashes, digest(d))
				}
			}
			for _, v := range []string{"a", "b", "c", "d", "e", "svc (pyproject.toml)", "-c c.txt"} {
				if r.IntN(4) == 0 {
					p.Via = append(p.Via, v)
				}
			}
			if r.IntN(4) == 0 {
				p.Extras = []pypi.Extra{"x"}
			}
			l.Pins = append(l.Pins, p)
		}
	}
	r.Shuffle(len(l.Pins), func(i, j int) { l.Pins[i], l.Pins[j] = l.Pins[j], l.Pins[i] })
	return l
}

// Compare finds a difference exactly where Same does, tells each pin once, and
// backwards the opposite.
func TestCompareLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		a, b := randomLock(r), randomLock(r)
		d := Compare(a, b)
		if same := Same(a, b) == nil; same != d.Same() {
			t.Fatalf("%+v\n%+v: Same is %v, Compare %+v", a, b, same, d)
		}
		if d := Compare(a, a); !d.Same() {
			t.Fatalf("%+v: differs from itself: %+v", a, d)
		}
		before, after := map[*Pin]bool{}, map[*Pin]bool{}
		gained := 0
		for _, c := range d.Changes() {
			if c.Before != nil && before[c.Before] || c.After != nil && after[c.After] {
				t.Fatalf("%+v\n%+v: %s twice", a, b, c.Name)
			}
			before[c.Before], after[c.After] = true, true
			if c.Before == nil {
				gained++
			}
			if c.After == nil {
				gained--
			}
		}
		if gained != len(b.Pins)-len(a.Pins) {
			t.Fatalf("%+v\n%+v: %d pins more by the changes", a, b, gained)
		}
		back := Compare(b, a)
		for k, opposite := range map[Kind]Kind{Added: Removed, Removed: Added, Upgraded: Downgraded, Downgraded: Upgraded, MarkerChanged: MarkerChanged, ExtrasChanged: ExtrasChanged, HashesChanged: HashesChanged} {
			if d.Count(k) != back.Count(opposite) {
				t.Fatalf("%+v\n%+v: %d %s, backwards %d %s", a, b, d.Count(k), k, back.Count(opposite), opposite)
			}
		}
	}
}

// A lock of many packages that all ask for each other is compared in a moment.
func BenchmarkCompare(b *testing.B) {
	lock := func(version string) *Lock {
		l := &Lock{}
		for i := range 300 {
			p := Pin{Name: pypi.Name(fmt.Sprintf("p%d", i)), Version: pep440.MustParse(version), Via: []string{"svc (pyproject.toml)"}}
			for j := range 30 {
				p.Via = append(p.Via, fmt.Sprintf("p%d", (i*7+j*11)%300))
			}
			l.Pins = append(l.Pins, p)
		}
		return l
	}
	x, y := lock("1"), lock("2")
	for b.Loop() {
		Compare(x, y)
	}
}
