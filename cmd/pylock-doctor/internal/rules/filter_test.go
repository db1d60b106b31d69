package rules

import (
	"testing"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
)

func TestLastMatch(t *testing.T) {
	for _, tt := range []struct {
		patterns []string
		file     string
		want     int
	}{
		{[]string{"**.py"}, "a/b.py", 0},
		{[]string{"*.py"}, "a/b.py", -1},
		{[]string{"*.py"}, "b.py", 0},
		{[]string{"**/*.lock"}, "a/b/x.lock", 0},
		{[]string{"**/*.lock"}, "x.lock", 0},
		{[]string{"a/**"}, "a/b/c", 0},
		{[]string{"a/**"}, "ab/c", -1},
		{[]string{"**", "!**/*.lock"}, "a/x.lock", -1},
		{[]string{"!a", "**"}, "a", 1},
		{[]string{"a?.py"}, "a.py", 0}, // the character before it, or none
		{[]string{"[ab]+.py"}, "abab.py", 0},
		{[]string{"a.py"}, "axpy", -1},
		{[]string{"["}, "[", -1},
		{nil, "a", -1},
	} {
		var ps []tree.Scalar
		for _, p := range tt.patterns {
			ps = append(ps, tree.Scalar{Text: p})
		}
		if got := lastMatch(ps, tt.file); got != tt.want {
			t.Errorf("%q of %s: got %d, want %d", tt.patterns, tt.file, got, tt.want)
		}
	}
}

func TestDeveloping(t *testing.T) {
	for name, want := range map[string]bool{
		"Dockerfile": false, "Dockerfile.dev": true, "dev": true, "api-test": true, "builder": false, "device": false, "latest": false, "": false, "tests.Dockerfile": true,
	} {
		if got := isDeveloping(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}
