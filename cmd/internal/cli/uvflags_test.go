package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

const uvFlagsPage = "../../../docs/uv-flags.md"

// foreignFlag is a flag of another tool, as testdata/flags lists them.
type foreignFlag struct {
	short, name string
	valued      bool
}

func readFlags(t *testing.T, file string) (flags []foreignFlag) {
	t.Helper()
	data, err := os.ReadFile("testdata/flags/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var f foreignFlag
		for _, word := range strings.Fields(strings.TrimSpace(line)) {
			switch {
			case strings.HasPrefix(line, "#"):
			case strings.HasPrefix(word, "--"):
				f.name = word[2:]
			case strings.HasPrefix(word, "-"):
				f.short = word[1:]
			default:
				f.valued = true
			}
		}
		if f.name != "" {
			flags = append(flags, f)
		}
	}
	return flags
}

// TestUVFlagsPage fails when docs/uv-flags.md is stale; with -update it writes
// it anew. Each flag of uv pip compile and of pip-compile is in a table: kept,
// without effect, or refused with what to do instead.
func TestUVFlagsPage(t *testing.T) {
	old, err := os.ReadFile(uvFlagsPage)
	if err != nil {
		t.Fatal(err)
	}
	p := newPage(t)
	text := string(old)
	for _, list := range []string{"uv.txt", "pip-compile.txt"} {
		tables := map[string]string{}
		for _, f := range readFlags(t, list) {
			table, row := p.foreign(f, list)
			tables[table] += row
		}
		for table, head := range map[string]string{
			"same":    "| flag | meaning |\n|---|---|\n",
			"ignored": "| flag | here |\n|---|---|\n",
			"refused": "| flag | instead |\n|---|---|\n",
		} {
			begin := fmt.Sprintf("<!-- %s %s -->\n", table, list)
			before, rest, ok := strings.Cut(text, begin)
			_, after, closed := strings.Cut(rest, "<!-- end -->")
			if !ok || !closed {
				t.Fatalf("%s has no part %s", uvFlagsPage, begin)
			}
			text = before + begin + head + tables[table] + "<!-- end -->" + after
		}
	}
	if text == string(old) {
		return
	}
	if !*update {
		t.Error("docs/uv-flags.md is stale: go test ./cmd/internal/cli -run=TestUVFlagsPage -update")
		return
	}
	if err := os.WriteFile(uvFlagsPage, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// foreign is the table and the row of a flag.
func (p *page) foreign(f foreignFlag, list string) (table, row string) {
	name := "`--" + f.name + "`"
	if f.short != "" {
		name = "`-" + f.short + "`, " + name
	}
	have := p.flags.Lookup(f.name)
	if have == nil {
		hint := unsupported(f.name)
		if hint == "" {
			p.t.Errorf("--%s of %s is neither a flag nor refused with a reason: see unsupported", f.name, list)
		}
		return "refused", fmt.Sprintf("| %s | %s |\n", name, cell(hint))
	}
	if f.name == "color" && !f.valued {
		return "refused", fmt.Sprintf("| %s | it has a value here: `--color always` |\n", name)
	}
	if valued := have.NoOptDefVal == "" && have.Value.Type() != "bool" && have.Value.Type() != "count"; valued != f.valued {
		p.t.Errorf("--%s of %s has a value: %t, ours: %t", f.name, list, f.valued, valued)
	}
	// Short flags are known to fingers and scripts: the same letter must not
	// silently be another flag, except for that of pip-compile which the page
	// tells of.
	if short := p.flags.ShorthandLookup(f.short); f.short != "" && short != nil && short != have && f.short+list != "ppip-compile.txt" {
		p.t.Errorf("-%s is --%s here, and --%s in %s", f.short, short.Name, f.name, list)
	}
	only, isChoice := have.Value.(*choice)
	_, usage := pflag.UnquoteUsage(have)
	switch {
	case isChoice && len(only.of) == 1:
		return "ignored", fmt.Sprintf("| %s | `%s` alone is taken |\n", name, only.of[0])
	case p.undoes(have) && have.Hidden:
		of, ok := strings.CutPrefix(f.name, "no-")
		if !ok {
			of = "no-" + f.name
		}
		return "same", fmt.Sprintf("| %s | undoes `--%s` |\n", name, of)
	case have.Hidden:
		return "ignored", fmt.Sprintf("| %s | it asks for what is the case anyway |\n", name)
	case have.Name != f.name:
		return "same", fmt.Sprintf("| %s | another name of `--%s` |\n", name, have.Name)
	}
	return "same", fmt.Sprintf("| %s | %s |\n", name, cell(usage))
}
