package pylock

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// examples/monorepo-before runs the sources of examples/monorepo: what differs
// between the trees is how they are installed.
func TestExamplesShareSources(t *testing.T) {
	sources := func(tree string) map[string][]byte {
		out := map[string][]byte{}
		err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(tree, path)
			if err != nil || !strings.Contains(filepath.ToSlash(name), "/src/") || strings.Contains(name, "__pycache__") {
				return err
			}
			out[filepath.ToSlash(name)], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before, after := sources("examples/monorepo-before"), sources("examples/monorepo")
	if len(after) == 0 {
		t.Error("there are no sources")
	}
	for name, text := range after {
		if have, ok := before[name]; !ok {
			t.Errorf("%s is missing before", name)
		} else if !bytes.Equal(have, text) {
			t.Errorf("%s differs", name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			t.Errorf("%s is missing after", name)
		}
	}
}
