package pep508

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// beyondPackaging gives the rule by which a requirement that the packaging library refuses is accepted, since uv
// accepts it.
func beyondPackaging(in string, r Requirement) string {
	name, rest, _ := strings.Cut(in, "@")
	switch {
	case r.URL != "" && !strings.ContainsAny(name, ";<>=!~("):
		if strings.ContainsAny(r.URL, " \t") {
			return "a URL may contain white space"
		}
		if before, _, ok := strings.Cut(rest, "; "); ok && strings.HasSuffix(before, r.URL) {
			return "a URL ends before a semicolon that white space follows"
		}
	case strings.Contains(in, "==="):
		return "=== ends at a comma"
	case strings.Contains(in, `\`):
		return "uv reads a malformed escape literally"
	}
	return ""
}

// shortOfPackaging gives the rule by which a requirement that the packaging library accepts is refused, since uv
// refuses it.
func shortOfPackaging(in string, err *ParseError) string {
	switch {
	case strings.HasPrefix(err.Msg, "expected a version after ==="):
		return "the operand of === is a version"
	case strings.Contains(err.Msg, "must end with a letter or digit"):
		return "a name ends with a letter or digit"
	case strings.Contains(err.Msg, "without a name") && isArchive(strings.TrimSpace(in)):
		return "the name of a distribution file is no project"
	}
	return ""
}

func TestRequirementVectors(t *testing.T) {
	v := load[struct {
		Valid []struct {
			In, Name, Canonical, Norm string
			Extras                    []string
			Specs                     [][2]string
			URL, Marker               *string
		}
		Invalid []string
	}](t, "requirements")
	excepted := exceptions{}
	for _, c := range v.Valid {
		r, _, err := ParseRequirement(c.In)
		if err != nil {
			if rule := shortOfPackaging(c.In, err.(*ParseError)); rule != "" {
				excepted[rule]++
			} else {
				t.Errorf("ParseRequirement(%q): %v", c.In, err)
			}
			continue
		}
		var url, marker string
		if c.URL != nil {
			url = *c.URL
		}
		if c.Marker != nil {
			marker = *c.Marker
		}
		if r.NameText != c.Name || string(r.Name) != c.Canonical || r.URL != url || isPrintable(marker) && r.Marker.String() != marker {
			t.Errorf("ParseRequirement(%q) = name %q (%s), URL %q, marker %q, want %q (%s), %q, %q",
				c.In, r.NameText, r.Name, r.URL, r.Marker, c.Name, c.Canonical, url, marker)
		}
		var extras []pypi.Extra
		for _, extra := range c.Extras {
			extras = append(extras, pypi.NormalizeExtra(extra))
		}
		slices.Sort(extras)
		if extras = slices.Compact(extras); !slices.Equal(r.Extras, extras) {
			t.Errorf("ParseRequirement(%q).Extras = %q, want %q", c.In, r.Extras, extras)
		}
		if specs := split(r.Specifiers); !sameSpecifiers(specs, c.Specs) {
			t.Errorf("ParseRequirement(%q).Specifiers = %q, want %q", c.In, specs, c.Specs)
		}
		// The norm has extras as written and sorted so.
		want := c.Norm
		if i := strings.IndexByte(want, '['); i == len(c.Name) {
			var b strings.Builder
			for _, extra := range extras {
				b.WriteString("," + string(extra))
			}
			want = c.Name + "[" + b.String()[1:] + want[strings.IndexByte(want, ']'):]
		}
		if got := r.String(); got != want && !isPrintable(want) && got == mustRequirement(t, want).String() {
			excepted["what does not print is escaped"]++
		} else if got != want {
			t.Errorf("ParseRequirement(%q).String() = %q, want %q", c.In, got, want)
		}
	}
	for _, in := range v.Invalid {
		r, _, err := ParseRequirement(in)
		var parse *ParseError
		switch {
		case err == nil && beyondPackaging(in, r) != "":
			excepted[beyondPackaging(in, r)]++
		case err == nil:
			t.Errorf("ParseRequirement(%q) gave no error", in)
		case !errors.As(err, &parse) || parse.Offset < 0 || parse.Length < 0 || parse.Offset+parse.Length > len(in):
			t.Errorf("ParseRequirement(%q): bad error %#v", in, err)
		}
	}
	excepted.check(t, exceptions{
		"=== ends at a comma": 62,
		"a URL ends before a semicolon that white space follows": 116,
		"a URL may contain white space":                          3,
		"a name ends with a letter or digit":                     4,
		"the name of a distribution file is no project":          1,
		"the operand of === is a version":                        645,
		"uv reads a malformed escape literally":                  2,
	})
	t.Logf("%d valid, %d invalid", len(v.Valid), len(v.Invalid))
}

func mustRequirement(tb testing.TB, text string) Requirement {
	tb.Helper()
	r, _, err := ParseRequirement(text)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func split(list pep440.Specifiers) (specs [][2]string) {
	for _, s := range list {
		specs = append(specs, [2]string{s.Op.String(), strings.TrimPrefix(s.String(), s.Op.String())})
	}
	return specs
}

func sameSpecifiers(a, b [][2]string) bool {
	order := func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	a, b = slices.Compact(a), slices.Compact(b)
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

// notAsUV gives the rule by which a text is read otherwise than uv reads a line of a requirements file: that of
// what is no requirement of PEP 508, and that of what is wrong with a URL.
func notAsUV(err error, answer string) string {
	switch {
	case err == nil && (strings.Contains(answer, "to end in a supported file extension") ||
		strings.Contains(answer, "Unsupported Git URL scheme")):
		return "what a URL leads to is not the parser's matter"
	case err != nil && strings.Contains(err.Error(), "without a name"):
		return "a path or URL without a name belongs to requirements files"
	case err != nil && (strings.Contains(err.Error(), "expected white space before") ||
		strings.Contains(err.Error(), "a URL without white space")):
		return "a URL with white space, which nothing can fetch, is refused at once"
	}
	return ""
}

// TestUVRequirementVectors has for each text whether packaging and whether uv accept it; uv's answer counts.
func TestUVRequirementVectors(t *testing.T) {
	excepted := exceptions{}
	vectors := load[[][]any](t, "uv-requirement-parse")
	for _, c := range vectors {
		in, want, answer := c[0].(string), c[2].(bool), c[3].(string)
		_, _, err := ParseRequirement(in)
		if got := err == nil; got == want {
			continue
		}
		if rule := notAsUV(err, answer); rule != "" {
			excepted[rule]++
			continue
		}
		t.Errorf("ParseRequirement(%q) = %v, want %v; uv says %q", in, err, want, answer)
	}
	excepted.check(t, exceptions{
		"a path or URL without a name belongs to requirements files":          8,
		"a URL with white space, which nothing can fetch, is refused at once": 26,
		"what a URL leads to is not the parser's matter":                      38,
	})
	t.Logf("%d requirements", len(vectors))
}
