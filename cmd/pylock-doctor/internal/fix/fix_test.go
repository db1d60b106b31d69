package fix

import (
	"strings"
	"testing"
)

func TestApply(t *testing.T) {
	const text = "FROM a # one\nRUN pip install --no-cache-dir x\nCOPY . .\nRUN y\n"
	for _, tt := range []struct {
		name  string
		edits []Edit
		want  string
		done  int
	}{
		{"splices of a line", []Edit{{Line: 2, Column: 5, Insert: "--m "}, {Line: 2, Column: 17, Delete: 15}},
			"FROM a # one\nRUN --m pip install x\nCOPY . .\nRUN y\n", 2},
		{"the same twice", []Edit{{Line: 2, Column: 17, Delete: 15}, {Line: 2, Column: 17, Delete: 15}},
			"FROM a # one\nRUN pip install x\nCOPY . .\nRUN y\n", 2},
		{"a clash", []Edit{{Line: 2, Column: 17, Delete: 15}, {Line: 2, Column: 20, Delete: 1}},
			strings.Replace(text, "--no-", "--n-", 1), 1},
		{"behind a line", []Edit{{Line: 1, After: []string{"# b", "ENV c"}}}, "FROM a # one\n# b\nENV c\n" + text[13:], 1},
		{"behind the last", []Edit{{Line: 5, After: []string{"!z"}}}, text + "!z\n", 1},
		{"a move", []Edit{{Line: 4, To: 4, Move: true, Before: 3}}, "FROM a # one\nRUN pip install --no-cache-dir x\nRUN y\nCOPY . .\n", 1},
		{"one move a time", []Edit{{Line: 3, To: 3, Move: true, Before: 2}, {Line: 4, To: 4, Move: true, Before: 1}},
			"FROM a # one\nCOPY . .\nRUN pip install --no-cache-dir x\nRUN y\n", 1},
		{"past the end", []Edit{{Line: 9, Column: 1, Insert: "x"}, {Line: 2, Column: 99, Insert: "x"}}, text, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, done := Apply(text, tt.edits)
			if got != tt.want || len(done) != tt.done {
				t.Errorf("got %d of\n%s\nwant %d of\n%s", len(done), got, tt.done, tt.want)
			}
		})
	}
}

func TestApplyKeepsLineEnds(t *testing.T) {
	got, _ := Apply("a\r\nb\r\n", []Edit{{Line: 1, After: []string{"x"}}, {Line: 2, Column: 2, Insert: "y"}})
	if want := "a\r\nx\r\nby\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiff(t *testing.T) {
	a := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n"
	b := "1\n2\nx\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n"
	want := `--- a/f
+++ b/f
@@ -1,6 +1,6 @@
 1
 2
-3
+x
 4
 5
 6
@@ -12,3 +12,4 @@
 12
 13
 14
+15
`
	if got := Diff("f", a, b); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Diff("f", a, a); got != "" {
		t.Errorf("got %q for the same text", got)
	}
}
