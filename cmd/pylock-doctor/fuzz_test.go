package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
)

// FuzzExamine gives the doctor archives of files: whatever they hold, it ends
// without a panic, every finding has a place in a file that is there, and what
// --fix makes is stable.
func FuzzExamine(f *testing.F) {
	for _, pattern := range []string{"testdata/faults/*.txtar", "testdata/layouts/*.txtar"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		have := map[string]bool{}
		for _, file := range txtar.Parse(data).Files {
			if !filepath.IsLocal(file.Name) || len(file.Name) > 100 {
				continue
			}
			path := filepath.Join(dir, file.Name)
			if os.MkdirAll(filepath.Dir(path), 0o755) == nil && os.WriteFile(path, file.Data, 0o644) == nil {
				have[filepath.ToSlash(filepath.Clean(file.Name))] = true
			}
		}
		d := examine(t, dir, false)
		for _, f := range d.Findings {
			if !have[f.Place.File] || f.Place.Line < 0 {
				t.Errorf("a finding at %q, line %d", f.Place.File, f.Place.Line)
			}
		}
		fixed := examine(t, dir, true)
		for _, m := range fixed.Mended {
			before, err := os.ReadFile(filepath.Join(dir, m.Path))
			if err != nil {
				t.Fatal(err)
			}
			if fix.Diff(m.Path, string(before), string(m.Text)) == "" {
				t.Errorf("%s is mended without a difference", m.Path)
			}
		}
	})
}
