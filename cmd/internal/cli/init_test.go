package cli

import (
	"os"
	"strings"
	"testing"
)

// What init prints is what docs/ci.md shows, but for the name of the workflow.
func TestInitSnippets(t *testing.T) {
	data, err := os.ReadFile("../../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(data), "name: ci\n", "name: locks\n")
	for language, snippet := range map[string]string{"make": makeSnippet, "yaml": gitlabSnippet} {
		if !strings.Contains(page, "```"+language+"\n"+snippet+"```\n") {
			t.Errorf("docs/ci.md does not show\n%s", snippet)
		}
	}
	if !strings.Contains(page, "\n"+githubSnippet+"```\n") {
		t.Errorf("docs/ci.md does not show\n%s", githubSnippet)
	}
}
