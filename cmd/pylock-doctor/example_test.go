package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/rules"
)

// example is the absolute folder of an example; it skips the test where there is
// none.
func example(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("../../examples", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("there is no examples/%s", name)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Of the example as it was, the doctor reports the faults that are planted in it,
// each at its line, and no others; of the example as it is, nothing.
func TestExamples(t *testing.T) {
	before := example(t, "monorepo-before")
	planted, err := os.ReadFile(filepath.Join(before, "faults.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for line := range strings.Lines(string(planted)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			want.WriteString(regexp.MustCompile(`\s+`).ReplaceAllString(line, " ") + "\n")
		}
	}
	if got, want := listed(examine(t, before, false)), sorted(want.String()); got != want {
		t.Errorf("examples/monorepo-before: got\n%s\nwant\n%s", got, want)
	}
	if got := listed(examine(t, example(t, "monorepo"), false)); got != "" {
		t.Errorf("examples/monorepo has findings:\n%s", got)
	}
}

// What --fix leaves of the example as it was needs a person.
func TestExamplesFixed(t *testing.T) {
	before := example(t, "monorepo-before")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
		t.Fatal(err)
	}
	first := examine(t, dir, true)
	if len(first.Mended) == 0 {
		t.Fatal("nothing is mended")
	}
	for _, m := range first.Mended {
		if err := os.WriteFile(filepath.Join(dir, m.Path), m.Text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	left := examine(t, dir, false)
	if left.Fixable > 0 {
		t.Errorf("%d findings could still be mended:\n%s", left.Fixable, listed(left))
	}
	for _, f := range left.Findings {
		switch r := rules.Find(f.Rule.ID); f.Rule.ID {
		case "unpinned-install", "lock-after-source":
			// Without a lock, or with a folder in it, a person has to.
		case "lock-not-installed":
			// Names on the command line, not a file beside the lock.
		default:
			if r.Mends != "" {
				t.Errorf("%s: %s is left", f.Place, f.Rule.ID)
			}
		}
	}
}
