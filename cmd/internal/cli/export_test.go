package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Every flag of export is on its page.
func TestExportPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/pylock-toml.md")
	if err != nil {
		t.Fatal(err)
	}
	newExport(&global{app: &App{}}).Flags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(string(page), "--"+f.Name) {
			t.Errorf("--%s is not in docs/pylock-toml.md", f.Name)
		}
	})
}
