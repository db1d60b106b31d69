package report

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Every report validates against the published schema, and writes no field
// that the schema does not tell of.
func TestSchema(t *testing.T) {
	reports := []*Report{{}, sample(), many(2, 3)}
	files := []*Report{{Files: true}}
	for _, s := range hostile {
		reports, files = append(reports, everywhere(s)), append(files, everyFile(s))
	}
	checkSchema(t, "check", reports,
		`{}`, `[]`, `{"schema":2,"command":"","drift":true,"summary":{},"locks":[]}`,
		`{"schema":1,"command":"","drift":1,"summary":{"locks":-1},"locks":[{"state":"fine"}],"more":0}`)
	checkSchema(t, "doctor", files, `{}`, `{"schema":1,"command":"doctor","summary":{"files":0,"errors":0},"files":[{}]}`)
}

// checkSchema holds reports to a schema, which must refuse what is broken.
func checkSchema(t *testing.T, name string, reports []*Report, broken ...string) {
	t.Helper()
	data, err := os.ReadFile("../../../docs/schema/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	format, _ := ParseFormat("json")
	for _, r := range reports {
		out, _, _ := render(t, format, r, Options{})
		var v any
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatal(err)
		}
		for _, problem := range validate(root, root, v, "$") {
			t.Error(problem)
		}
	}
	// The validator sees what is wrong.
	for _, broken := range broken {
		var v any
		if err := json.Unmarshal([]byte(broken), &v); err != nil {
			t.Fatal(err)
		}
		if len(validate(root, root, v, "$")) == 0 {
			t.Errorf("%s validates", broken)
		}
	}
}

// validate checks a value by the keywords that the schema uses. A field that
// is not among the properties is a problem here, though not to a reader.
func validate(root, s map[string]any, v any, at string) (problems []string) {
	fail := func(format string, args ...any) { problems = append(problems, at+": "+fmt.Sprintf(format, args...)) }
	for keyword, arg := range s {
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description":
		case "$ref":
			def := root["$defs"].(map[string]any)[strings.TrimPrefix(arg.(string), "#/$defs/")]
			problems = append(problems, validate(root, def.(map[string]any), v, at)...)
		case "type":
			if got := jsonType(v); got != arg {
				fail("is %s, want %s", got, arg)
			}
		case "const":
			if v != arg {
				fail("is %v, want %v", v, arg)
			}
		case "enum":
			found := false
			for _, e := range arg.([]any) {
				found = found || e == v
			}
			if !found {
				fail("is %v, want one of %v", v, arg)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < arg.(float64) {
				fail("is %v, want %v at least", n, arg)
			}
		case "required":
			object, _ := v.(map[string]any)
			for _, name := range arg.([]any) {
				if _, ok := object[name.(string)]; !ok {
					fail("has no %s", name)
				}
			}
		case "properties":
			object, _ := v.(map[string]any)
			for name, e := range object {
				p, known := arg.(map[string]any)[name]
				if !known {
					fail("has %s", name)
					continue
				}
				problems = append(problems, validate(root, p.(map[string]any), e, at+"."+name)...)
			}
		case "items":
			list, _ := v.([]any)
			for i, e := range list {
				problems = append(problems, validate(root, arg.(map[string]any), e, fmt.Sprintf("%s[%d]", at, i))...)
			}
		default:
			fail("the validator does not know %s", keyword)
		}
	}
	return problems
}

func jsonType(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	}
	return "null"
}
