package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// docs/reading.md tells every flag of its commands, and its examples parse.
func TestReadingPage(t *testing.T) {
	data, err := os.ReadFile("../../../docs/reading.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(data), "\n## pylock ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		sections[name] = text
	}
	root := newRoot(&global{app: &App{}})
	for _, name := range []string{"diff", "tree", "why", "outdated", "coherence"} {
		cmd, _, err := root.Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" && !strings.Contains(sections[name], "--"+f.Name) {
				t.Errorf("--%s of %s is not in docs/reading.md", f.Name, name)
			}
		})
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "  ")
		words, ok := unquote(strings.TrimPrefix(line, "$ "))
		if !ok || len(words) < 2 || words[0] != "pylock" || strings.Contains(line, `"$(`) {
			continue
		}
		n++
		cmd, args, err := root.Find(words[1:])
		if err == nil {
			err = cmd.ParseFlags(args)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n < 8 {
		t.Errorf("%d examples", n)
	}
}
