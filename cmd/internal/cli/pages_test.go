package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// The parts of the pages of settings and of the check that come from
// definitions, each between <!-- KIND ARGUMENT --> and <!-- end -->.
var defined = regexp.MustCompile(`(?s)(<!-- (settings|rules|flags) ?(\w*) -->\n).*?(<!-- end -->)`)

// TestPages fails when a page is stale; with -update it writes it anew.
func TestPages(t *testing.T) {
	for _, name := range []string{"settings.md", "check.md", "doctor.md"} {
		file := filepath.Join("../../../docs", name)
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := 0
		text := defined.ReplaceAllStringFunc(string(old), func(s string) string {
			parts++
			m := defined.FindStringSubmatch(s)
			return m[1] + definedPart(t, m[2], m[3]) + m[4]
		})
		if parts == 0 {
			t.Errorf("%s has no part that comes from definitions", name)
		}
		if text == string(old) {
			continue
		}
		if !*update {
			t.Errorf("docs/%s is stale: go test ./cmd/internal/cli -run=TestPages -update", name)
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func definedPart(t *testing.T, kind, argument string) string {
	var b strings.Builder
	switch kind {
	case "settings":
		b.WriteString("| key | value | meaning | in uv, pip-tools |\n|---|---|---|---|\n")
		for i := range project.Keys {
			k := &project.Keys[i]
			var elsewhere []string
			for _, e := range []struct{ table, name string }{{"tool.uv.pip", k.UVPip}, {"tool.uv", k.UV}, {"tool.pip-tools", k.PipTools}} {
				if e.name != "" {
					elsewhere = append(elsewhere, fmt.Sprintf("`%s.%s`", e.table, e.name))
				}
			}
			name := "`" + k.Name + "`"
			if k.Alias != "" {
				name += ", `" + k.Alias + "`"
			}
			doc := k.Doc
			if k.Choices != nil {
				doc += ": " + strings.Join(code(k.Choices), ", ")
			}
			if k.Root {
				doc += " (root)"
			}
			if k.Joined {
				doc += " (joined)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, k.Kind, cell(doc), strings.Join(elsewhere, ", "))
		}
	case "rules":
		b.WriteString("| id | severity | meaning | what to do |\n|---|---|---|---|\n")
		for _, r := range lockfile.Rules {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.ID, r.Severity, r.Title, r.Help)
		}
	case "flags":
		cmd, _, err := newRoot(&global{app: &App{}}).Find([]string{argument})
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("| flag | meaning |\n|---|---|\n")
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			if value != "" {
				name += " " + value
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", name, cell(usage))
		})
	}
	return b.String()
}
