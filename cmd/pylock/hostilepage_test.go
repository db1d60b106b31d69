package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var updatePage = flag.Bool("update", false, "write the generated parts of docs/hostile-input.md")

const hostilePage = "../../docs/hostile-input.md"

// limitFiles define the limits, each as a constant with a comment.
var limitFiles = []string{
	"pypi/index/limits.go", "pypi/build/limits.go", "pypi/dist/metadata.go", "pypi/pep440/parse.go", "pypi/pep440/specifiers.go", "pypi/pep508/scan.go", "pypi/pep508/builder.go",
	"project/text.go", "project/toml.go", "lockfile/parse.go", "lockfile/pylocktoml_parse.go", "resolver/problem.go",
	"pypi/vcs/git.go", "cmd/internal/cli/keyring.go",
}

var (
	generatedPart = regexp.MustCompile(`(?s)(<!-- (limits|inputs) -->\n).*?(<!-- end -->)`)
	limitLine     = regexp.MustCompile(`(?m)^(?:const |\t)((?:[mM]ax|min|idle|connect|header|[dD]efault|keyring|download|backoff|absent|probe|doubt)[A-Za-z0-9]+)[ \t]+=[ \t]+([^/\n]+?)[ \t]*(?:// (.+))?$`)
)

// TestHostilePage fails when docs/hostile-input.md is stale; with -update it
// writes it anew. Limits come from where they are defined, inputs from the cases
// that TestHostileIndex runs.
func TestHostilePage(t *testing.T) {
	old, err := os.ReadFile(hostilePage)
	if err != nil {
		t.Fatal(err)
	}
	text := generatedPart.ReplaceAllStringFunc(string(old), func(s string) string {
		m := generatedPart.FindStringSubmatch(s)
		if m[2] == "limits" {
			return m[1] + limitTable(t) + m[3]
		}
		return m[1] + inputTable() + m[3]
	})
	if text == string(old) {
		return
	}
	if !*updatePage {
		t.Errorf("docs/hostile-input.md is stale: go test ./cmd/pylock -run=TestHostilePage -update")
		return
	}
	if err := os.WriteFile(hostilePage, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func limitTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| limit | value | of what | defined in |\n|---|---|---|---|\n")
	for _, file := range limitFiles {
		source, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range limitLine.FindAllStringSubmatch(string(source), -1) {
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", m[1], m[2], m[3], file)
		}
	}
	return b.String()
}

func inputTable() string {
	var b strings.Builder
	b.WriteString("| the index sends | exit code | the message has, or the lock |\n|---|---|---|\n")
	for _, c := range hostileCases() {
		says := ""
		switch {
		case c.want != "":
			says = "`" + c.want + "`"
		case c.pins != "":
			says = "the lock has `" + c.pins + "`"
		}
		fmt.Fprintf(&b, "| %s | %d | %s |\n", c.name, c.code, says)
	}
	return b.String()
}
