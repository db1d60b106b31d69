package cli

import (
	"bytes"
	goflag "flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/pypi/tags"
)

var update = goflag.Bool("update", false, "write the generated parts of docs/compile.md")

const compilePage = "../../../docs/compile.md"

// The page is prose with generated parts in it, each between
//
//	<!-- KIND ARGUMENTS -->
//	<!-- end -->
//
// where KIND is flags, off, variables, platforms, exits or known. What the
// parts say comes from the definitions: the arguments only choose and order.
var generated = regexp.MustCompile(`(?s)(<!-- (flags|off|variables|platforms|exits|known)\b(.*?) -->\n).*?(<!-- end -->)`)

// TestCompilePage fails when docs/compile.md is stale; with -update it writes
// it anew.
func TestCompilePage(t *testing.T) {
	old, err := os.ReadFile(compilePage)
	if err != nil {
		t.Fatal(err)
	}
	p := newPage(t)
	text := generated.ReplaceAllStringFunc(string(old), func(s string) string {
		m := generated.FindStringSubmatch(s)
		return m[1] + p.part(m[2], strings.Fields(m[3])) + m[4]
	})
	p.flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && !p.told[f.Name] {
			t.Errorf("--%s is in no table: name it in one of the parts of docs/compile.md", f.Name)
		}
	})
	if text == string(old) {
		return
	}
	if !*update {
		t.Errorf("docs/compile.md is stale: go test ./cmd/internal/cli -run=TestCompilePage -update")
		return
	}
	if err := os.WriteFile(compilePage, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The commands of the page's examples parse.
func TestCompilePageExamples(t *testing.T) {
	text, err := os.ReadFile(compilePage)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
		words, ok := unquote(strings.TrimPrefix(line, "$ "))
		if !ok || len(words) < 2 || words[0] != "pylock" || words[1] != "compile" && words[1] != "pip" {
			continue
		}
		n++
		root := newRoot(&global{app: &App{}})
		cmd, args, err := root.Find(words[1:])
		if err == nil {
			err = cmd.ParseFlags(args)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n == 0 {
		t.Error("there is no example")
	}
}

// Every variable that the command line looks at is on the page.
func TestCompilePageVariables(t *testing.T) {
	text, err := os.ReadFile(compilePage)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`"([A-Z]+(?:_[A-Z]+)+)_?"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range variable.FindAllSubmatch(source, -1) {
			if !bytes.Contains(text, m[1]) {
				t.Errorf("%s: %s is not in docs/compile.md", file, m[1])
			}
		}
	}
}

// Both commands have the same flags, so one page does for both.
func TestSameFlags(t *testing.T) {
	names := func(path ...string) (s []string) {
		cmd, _, err := newRoot(&global{app: &App{}}).Find(path)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) { s = append(s, f.Name) })
		slices.Sort(s)
		return s
	}
	if a, b := names("compile"), names("pip", "compile"); !slices.Equal(a, b) {
		t.Errorf("compile has %v, pip compile has %v", a, b)
	}
}

// page knows the definitions.
type page struct {
	t         *testing.T
	flags     *pflag.FlagSet
	told      map[string]bool
	variables map[string][]string // by flag, the strongest first
	refused   []string            // variables that are told to be without effect
}

func newPage(t *testing.T) *page {
	cmd, _, err := newRoot(&global{app: &App{}}).Find([]string{"compile"})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(nil); err != nil { // which joins the global flags
		t.Fatal(err)
	}
	p := &page{t: t, flags: cmd.Flags(), told: map[string]bool{}, variables: map[string][]string{}}
	p.probe()
	return p
}

// probe finds out which variables speak for which flags: it sets each of those
// that are looked up and sees what that changes.
func (p *page) probe() {
	var asked []string
	options := func(getenv func(string) (string, bool)) (*compileOptions, *pflag.FlagSet, error) {
		o := &compileOptions{global: &global{app: &App{Getenv: getenv}}}
		cmd := &cobra.Command{}
		o.register(cmd)
		return o, cmd.Flags(), o.environment(cmd.Flags())
	}
	if _, _, err := options(func(name string) (string, bool) {
		asked = append(asked, name)
		return "", false
	}); err != nil {
		p.t.Fatal(err)
	}
	for _, name := range asked {
		for _, value := range []string{"1", "3.12", "lowest", "allow"} {
			o, f, err := options(func(n string) (string, bool) { return value, n == name })
			if err != nil {
				continue
			}
			if len(o.warnings) > 0 && !slices.Contains(p.refused, name) {
				p.refused = append(p.refused, name)
			}
			f.VisitAll(func(fl *pflag.Flag) {
				if !fl.Hidden && fl.NoOptDefVal != "true" && fl.Value.String() != fl.DefValue && !slices.Contains(p.variables[fl.Name], name) {
					p.variables[fl.Name] = append(p.variables[fl.Name], name)
				}
			})
		}
	}
}

func (p *page) part(kind string, args []string) string {
	var b strings.Builder
	switch kind {
	case "flags":
		b.WriteString("| flag | meaning | default | environment |\n|---|---|---|---|\n")
		for _, name := range args {
			p.row(&b, name)
		}
	case "off":
		p.off(&b)
	case "variables":
		b.WriteString("| variable | instead |\n|---|---|\n")
		for _, name := range p.refused {
			_, n, _ := strings.Cut(name, "_")
			fmt.Fprintf(&b, "| `%s` | %s |\n", name, unsupported(strings.ReplaceAll(strings.ToLower(n), "_", "-")))
		}
	case "platforms":
		for _, name := range tags.PlatformNames() {
			fmt.Fprintf(&b, "    %s\n", name)
		}
	case "exits":
		b.WriteString("| exit code | meaning |\n|---|---|\n")
		p.exits(&b)
	case "known":
		b.WriteString("| flag | here |\n|---|---|\n")
		for _, name := range args {
			fmt.Fprintf(&b, "| `%s` | %s |\n", name, cell(p.known(name)))
		}
	}
	return b.String()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// row is a flag as a line of a table.
func (p *page) row(b *strings.Builder, name string) {
	f := p.flags.Lookup(name)
	if f == nil || f.Hidden || p.told[name] {
		p.t.Errorf("--%s is no flag to be shown, or is shown twice: take it out of the part", name)
		return
	}
	p.told[name] = true
	value, usage := pflag.UnquoteUsage(f)
	flag := "--" + f.Name
	if f.Shorthand != "" {
		flag = "-" + f.Shorthand + ", " + flag
	}
	switch {
	case f.Value.Type() == "bool", f.Value.Type() == "count":
	case f.NoOptDefVal != "":
		flag += "[=" + value + "]"
	default:
		flag += " " + value
	}
	def := f.DefValue
	if def == "[]" || def == "false" || def == "0" || def == "0s" {
		def = ""
	}
	if def != "" {
		def = "`" + def + "`"
	}
	var env []string
	for _, v := range p.variables[name] {
		env = append(env, "`"+v+"`")
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", flag, cell(usage), def, strings.Join(env, ", "))
}

// off lists the flags that undo others, and those without effect.
func (p *page) off(b *strings.Builder) {
	var undo, nothing []string
	p.flags.VisitAll(func(f *pflag.Flag) {
		_, isInverse := f.Value.(inverse)
		switch only, isChoice := f.Value.(*choice); {
		case !f.Hidden:
		case isInverse, p.flags.Lookup(opposite(f.Name)) != nil:
			undo = append(undo, "`--"+f.Name+"`")
		case isChoice && len(only.of) == 1:
			nothing = append(nothing, "`--"+f.Name+"="+only.of[0]+"`")
		default:
			nothing = append(nothing, "`--"+f.Name+"`")
		}
	})
	fmt.Fprintf(b, "The last of two opposites wins: %s.\n\nTaken and without effect, since they ask for what is the case anyway: %s.\n",
		strings.Join(undo, ", "), strings.Join(nothing, ", "))
}

// opposite is the flag that a hidden switch may undo.
func opposite(name string) string {
	if s, ok := strings.CutPrefix(name, "no-"); ok {
		return s
	}
	return "no-" + name
}

// known says what becomes of a flag of uv or pip-tools. A short one is told
// by its long name.
func (p *page) known(flag string) string {
	name := strings.TrimLeft(flag, "-")
	f := p.flags.Lookup(name)
	switch {
	case len(flag) == 2:
		f = p.flags.ShorthandLookup(name)
		if f != nil {
			return "the same as `--" + f.Name + "`"
		}
	case f != nil && f.Name != name:
		return "the same as `--" + f.Name + "`"
	case f != nil && f.Hidden:
		if c, ok := f.Value.(*choice); ok && len(c.of) == 1 {
			return fmt.Sprintf("`%s` alone, which is the case anyway", c.of[0])
		}
		if _, ok := f.Value.(inverse); ok || p.flags.Lookup(opposite(name)) != nil {
			return "yes"
		}
		return "taken, without effect"
	case f != nil:
		return "yes"
	}
	hint := unsupported(name)
	switch {
	case hint == "":
		return "no"
	case strings.Contains(hint, " yet") || strings.Contains(hint, "so far"):
		return "not yet: " + hint
	}
	return "no: " + hint
}

// exits reads the exit codes from their definition.
func (p *page) exits(b *strings.Builder) {
	file, err := parser.ParseFile(token.NewFileSet(), "exit.go", nil, parser.ParseComments)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			meaning, ok := strings.CutPrefix(v.Names[0].Name, "exit")
			value, isLit := v.Values[0].(*ast.BasicLit)
			if !ok || !isLit {
				continue
			}
			meaning = strings.ToLower(meaning)
			if v.Comment != nil {
				meaning = strings.TrimSpace(v.Comment.Text())
			}
			if _, err := strconv.Atoi(value.Value); err != nil {
				p.t.Errorf("%s is %s", v.Names[0].Name, value.Value)
			}
			fmt.Fprintf(b, "| %s | %s |\n", value.Value, meaning)
		}
	}
}
