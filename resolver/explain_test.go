package resolver

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

var update = flag.Bool("update", false, "write the explanations found into testdata/explain")

// TestExplanations holds what a person reads when there is no solution: each
// archive has requirements, a universe, and the text.
func TestExplanations(t *testing.T) {
	paths, err := filepath.Glob("testdata/explain/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no archives", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range ar.Files {
				files[f.Name] = string(f.Data)
			}
			q := request(t)
			for i, line := range strings.Split(strings.TrimSpace(files["requirements"]), "\n") {
				r := requirement(t, line)
				r.Place.Line = i + 1
				q.Requirements = append(q.Requirements, r)
			}
			for _, line := range strings.Fields(files["constraints"]) {
				r := requirement(t, line)
				r.Place.File = "constraints.txt"
				q.Constraints = append(q.Constraints, r)
			}
			if strings.Contains(string(ar.Comment), "prerelease: disallow") {
				q.Prerelease = Disallow
			}
			_, err = Resolve(t.Context(), newMemory(t, indextest.MustParse(files["universe"])), q, nil)
			var none *NoSolutionError
			if !errors.As(err, &none) {
				t.Fatalf("got %v", err)
			}
			got := none.Error() + "\n"
			if got == files["want"] {
				return
			}
			if !*update {
				t.Fatalf("got\n%s\nwant\n%s", got, files["want"])
			}
			for i := range ar.Files {
				if ar.Files[i].Name == "want" {
					ar.Files[i].Data = []byte(got)
				}
			}
			if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}
