package lockfile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the expected output into testdata")

// golden runs a test for each archive of a folder in testdata: fn gets its
// files and returns what is expected in those of the same names.
func golden(t *testing.T, dir string, fn func(t *testing.T, files map[string][]byte) map[string]string) {
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archive in testdata/%s: %v", dir, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, f := range a.Files {
				files[f.Name] = f.Data
			}
			got := fn(t, files)
			changed := false
			for i, f := range a.Files {
				g, ok := got[f.Name]
				if !ok {
					continue
				}
				if g != "" && !strings.HasSuffix(g, "\n") {
					g += "\n"
				}
				if !bytes.Equal([]byte(g), f.Data) {
					changed = true
					a.Files[i].Data = []byte(g)
					if !*update {
						t.Errorf("%s: got\n%s\nwant\n%s", f.Name, g, f.Data)
					}
				}
			}
			if changed && *update {
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
