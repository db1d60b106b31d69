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
// where KIND is flags, off, platforms, exits or known. What the
// parts say comes from the definitions: the arguments only choose and order.
var generated = regexp.MustCompile(`(?s)(<!-- (flags|off|platforms|exits|known)\b(.*?) -->\n).*?(<!-- end -->)`)

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
		return o, cmd.Flags(), o.environment()
	}
	if _, _, err := options(func(name string) (string, bool) {
		asked = append(asked, name)
		return "", false
	}); err != nil {
		p.t.Fatal(err)
	}
	for _, name := range asked {
		for _, value := range []string{"1", "3.12", "lowest", "allow", "fewest", "unsafe-best-match", "subprocess", "cpu"} {
			_, f, err := options(func(n string) (string, bool) { return value, n == name })
			if err != nil {
				continue
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
	case "platforms":
		wrap(&b, code(tags.PlatformNames()))
	case "exits":
		b.WriteString("| exit code | meaning |\n|---|---|\n")
		p.exits(&b)
	case "known":
		p.knownFlags(&b, args)
	}
	return b.String()
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(s) }

func code(names []string) []string {
	var s []string
	for _, n := range names {
		s = append(s, "`"+n+"`")
	}
	return s
}

// wrap writes words as a paragraph, separated by commas.
func wrap(b *strings.Builder, words []string) {
	const width = 80
	column := 0
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		switch {
		case column == 0:
		case column+1+len(w) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += len(w)
	}
	b.WriteByte('\n')
}

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
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", flag, cell(usage), def, strings.Join(code(p.variables[name]), ", "))
}

// off lists the flags that undo others, and those without effect.
func (p *page) off(b *strings.Builder) {
	var undo, nothing []string
	p.flags.VisitAll(func(f *pflag.Flag) {
		switch only, isChoice := f.Value.(*choice); {
		case !f.Hidden:
		case p.undoes(f):
			undo = append(undo, "--"+f.Name)
		case isChoice && len(only.of) == 1:
			nothing = append(nothing, "--"+f.Name+"="+only.of[0])
		default:
			nothing = append(nothing, "--"+f.Name)
		}
	})
	b.WriteString("The last of two opposites wins:\n")
	wrap(b, code(undo))
	b.WriteString("\nTaken and without effect, since they ask for what is the case anyway:\n")
	wrap(b, code(nothing))
}

// undoes reports whether a hidden flag is the opposite of one that is shown.
func (p *page) undoes(f *pflag.Flag) bool {
	name, ok := strings.CutPrefix(f.Name, "no-")
	if !ok {
		name = "no-" + name
	}
	of := p.flags.Lookup(name)
	return of != nil && !of.Hidden
}

// knownFlags tells what becomes of flags that uv or pip-tools have: those that
// are the same, then a line for each answer.
func (p *page) knownFlags(b *strings.Builder, names []string) {
	const same = "the same"
	flags, answers := map[string][]string{}, []string(nil)
	for _, name := range names {
		a := p.known(strings.TrimPrefix(name, "--"))
		if a != same && flags[a] == nil {
			answers = append(answers, a)
		}
		flags[a] = append(flags[a], name)
	}
	b.WriteString("The same:\n")
	wrap(b, code(flags[same]))
	b.WriteString("\n| flag | here |\n|---|---|\n")
	for _, a := range answers {
		fmt.Fprintf(b, "| %s | %s |\n", strings.Join(code(flags[a]), ", "), cell(a))
	}
}

func (p *page) known(name string) string {
	if f := p.flags.Lookup(name); f != nil {
		only, isChoice := f.Value.(*choice)
		switch {
		case f.Name != name:
			return "another name of `--" + f.Name + "`"
		case isChoice && len(only.of) == 1:
			return fmt.Sprintf("`%s` alone, without effect", only.of[0])
		case f.Hidden && !p.undoes(f):
			return "without effect"
		}
		return "the same"
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
