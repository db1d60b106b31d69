package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pylock-dev/pylock/cmd/internal/cli"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/rules"
)

// unpack writes the files of an archive, and returns their folder, what is
// wanted, and the files as --fix should leave them.
func unpack(t *testing.T, a *txtar.Archive) (dir, want string, fixed map[string]string) {
	t.Helper()
	dir, fixed = t.TempDir(), map[string]string{}
	for _, f := range a.Files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		if name, ok := strings.CutPrefix(f.Name, "fixed/"); ok {
			fixed[name] = string(f.Data)
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want, fixed
}

// listed are findings as "rule file:line", a line each, sorted, and notes.
func listed(d *cli.Diagnosis) string {
	var lines []string
	for _, f := range d.Findings {
		lines = append(lines, fmt.Sprintf("%s %s:%d\n", f.Rule.ID, f.Place.File, f.Place.Line))
	}
	for _, n := range d.Notes {
		lines = append(lines, fmt.Sprintf("note %s\n", n.Place))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func examine(t *testing.T, dir string, fix bool) *cli.Diagnosis {
	t.Helper()
	d, err := doctor{}.Examine(t.Context(), cli.Examination{Root: dir, Fix: fix})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFaults plants faults, each in an archive: the findings are these and no
// others, and --fix leaves the files as the archive has them.
func TestFaults(t *testing.T) {
	found := map[string]bool{}
	for _, file := range archives(t, "testdata/faults/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir, want, fixed := unpack(t, a)
			d := examine(t, dir, false)
			for _, f := range d.Findings {
				found[f.Rule.ID] = true
				if f.Message == "" || f.Fix == "" || f.Why == "" || f.Cost == "" {
					t.Errorf("%s: something is not said: %+v", f.Place, f)
				}
			}
			if got := listed(d); got != sorted(want) {
				t.Errorf("got\n%swant\n%s", got, sorted(want))
				for _, f := range d.Findings {
					t.Logf("%s: %s [%s]", f.Place, f.Message, f.Rule.ID)
				}
			}
			mended := map[string]string{}
			after := examine(t, dir, true)
			for _, m := range after.Mended {
				mended[m.Path] = string(m.Text)
			}
			for name, want := range fixed {
				if got := mended[name]; got != want {
					t.Errorf("%s: --fix makes\n%s\nwant\n%s", name, got, want)
				}
			}
		})
	}
	for _, r := range rules.All {
		if !found[r.ID] {
			t.Errorf("no archive has a fault of the rule %s", r.ID)
		}
	}
}

// TestLayouts looks at repositories in which nothing is wrong.
func TestLayouts(t *testing.T) {
	for _, file := range archives(t, "testdata/layouts/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir, want, _ := unpack(t, a)
			d := examine(t, dir, false)
			if got := listed(d); got != sorted(want) {
				for _, f := range d.Findings {
					t.Errorf("%s: %s [%s]", f.Place, f.Message, f.Rule.ID)
				}
				for _, n := range d.Notes {
					t.Errorf("%s: %s", n.Place, n.Message)
				}
			}
		})
	}
}

func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" })
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func archives(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	return files
}
