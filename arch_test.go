package pylock

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/pylock-dev/pylock/"

// allowed lists by folder what it may import of this module, tests aside.
var allowed = map[string]string{
	"bench":        "bench/replay pypi/index",
	"bench/replay": "pypi/dist pypi/pep440 pypi",
	"cmd/pylock":   "cmd/internal/cli",

	"cmd/pylock-doctor":                "cmd/internal/cli cmd/pylock-doctor/internal/rules cmd/pylock-doctor/internal/tree cmd/pylock-doctor/internal/fix lockfile",
	"cmd/pylock-doctor/internal/rules": "cmd/pylock-doctor/internal/tree cmd/pylock-doctor/internal/fix lockfile project pypi",
	"cmd/pylock-doctor/internal/tree":  "lockfile project pypi/pep508 pypi",
	"cmd/pylock-doctor/internal/fix":   "",

	"cmd/internal/cli":     "cmd/internal/report lockfile resolver project pypi/build pypi/vcs pypi/index pypi/index/cache pypi/index/netrc pypi/dist pypi/pep508 pypi/pep440 pypi/tags pypi",
	"cmd/internal/report":  "lockfile project pypi",
	"lockfile":             "resolver project pypi/index pypi/dist pypi/pep508 pypi/pep440 pypi/tags pypi",
	"resolver":             "resolver/pubgrub project pypi/index pypi/dist pypi/pep508 pypi/pep440 pypi/tags pypi",
	"resolver/pubgrub":     "",
	"project":              "pypi/pep508 pypi/pep440 pypi",
	"pypi/index":           "pypi/index/cache pypi/dist pypi/pep508 pypi/pep440 pypi/tags pypi",
	"pypi/build":           "pypi/dist",
	"pypi/index/cache":     "",
	"pypi/index/netrc":     "",
	"pypi/index/indextest": "pypi/pep440",
	"pypi/dist":            "pypi/pep508 pypi/pep440 pypi/tags pypi",
	"pypi/pep508":          "pypi/pep440 pypi",
	"pypi/vcs":             "",
	"pypi/pep440":          "pypi",
	"pypi/tags":            "pypi",
	"pypi":                 "",
}

// homes says which folders may import an outside library.
var homes = map[string]string{
	"github.com/go-resty/resty/v2":      "pypi/index",
	"github.com/klauspost/compress":     "pypi/index",
	"golang.org/x/net":                  "pypi/index",
	"github.com/pelletier/go-toml/v2":   "project pypi/dist",
	"github.com/spf13/cobra":            "cmd/internal/cli",
	"github.com/schollz/progressbar/v3": "cmd/internal/cli",
	"golang.org/x/term":                 "cmd/internal/cli",
	"github.com/hashicorp/go-version":   "cmd/internal/cli",
	"golang.org/x/sync":                 "pypi/index resolver",
	"golang.org/x/sys":                  "lockfile cmd/internal/cli",
	"github.com/spf13/pflag":            "cmd/internal/cli",

	"github.com/moby/buildkit":           "cmd/pylock-doctor/internal/tree",
	"github.com/moby/patternmatcher":     "cmd/pylock-doctor/internal/tree",
	"github.com/compose-spec/compose-go": "cmd/pylock-doctor/internal/tree",
	"github.com/sirupsen/logrus":         "cmd/pylock-doctor/internal/tree",
	"go.yaml.in/yaml/v3":                 "cmd/pylock-doctor/internal/tree",
	"github.com/rhysd/actionlint":        "cmd/pylock-doctor/internal/tree",
	"mvdan.cc/sh/v3":                     "cmd/pylock-doctor/internal/tree",
}

// modules are the folders of the modules that the rules hold for. The parsers of
// the doctor are in one of their own: what is in the first, every command pays
// for.
var modules = []string{".", "cmd/pylock-doctor"}

func TestImportsPointDown(t *testing.T) {
	for _, dir := range modules {
		t.Run(dir, func(t *testing.T) { importsPointDown(t, dir) })
	}
}

func importsPointDown(t *testing.T, dir string) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		folder := strings.TrimPrefix(p.ImportPath, module)
		if folder+"/" == module {
			continue
		}
		may, known := allowed[folder]
		if !known {
			t.Errorf("%s is not in docs/architecture.md: give it a room there and in this test", folder)
		}
		for _, imp := range p.Imports {
			if sub, ok := strings.CutPrefix(imp, module); ok {
				if !contains(may, sub) {
					t.Errorf("%s imports %s, which is not below it", folder, sub)
				}
				continue
			}
			if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				continue // the standard library
			}
			found := false
			for lib, home := range homes {
				if imp == lib || strings.HasPrefix(imp, lib+"/") {
					found = true
					if !contains(home, folder) {
						t.Errorf("%s imports %s, whose home is %s", folder, imp, home)
					}
				}
			}
			if !found {
				t.Errorf("%s imports %s, which has no home in this test", folder, imp)
			}
		}
	}
}

func contains(words, word string) bool {
	for _, w := range strings.Fields(words) {
		if w == word {
			return true
		}
	}
	return false
}
