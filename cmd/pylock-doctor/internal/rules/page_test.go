package rules

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/rules.md")

const page = "../../../../docs/rules.md"

// TestPage fails when docs/rules.md is stale; with -update it writes it anew.
func TestPage(t *testing.T) {
	if *update {
		if err := os.WriteFile(page, []byte(Pages()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != Pages() {
		t.Error("docs/rules.md is stale: in cmd/pylock-doctor, go test ./internal/rules -update")
	}
}

// Each rule says all there is to say, in the form that the texts are put together
// in.
func TestTexts(t *testing.T) {
	id := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	seen := map[string]bool{}
	for _, r := range All {
		if !id.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("the id %q is malformed, or not the only one", r.ID)
		}
		seen[r.ID] = true
		for name, text := range map[string]string{"title": r.Title, "help": r.Help, "reason": r.Reason, "cost": r.Cost, "before": r.Before, "after": r.After, "language": r.Lang} {
			if text == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: the %s is empty or has spaces around it", r.ID, name)
			}
		}
		if r.Before == r.After {
			t.Errorf("%s: the example does not change", r.ID)
		}
		if !strings.HasSuffix(r.Reason, ".") || strings.HasSuffix(r.Title, ".") || strings.HasSuffix(r.Cost, ".") {
			t.Errorf("%s: the reason is sentences, title and cost are phrases", r.ID)
		}
	}
}
