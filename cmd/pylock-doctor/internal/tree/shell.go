package tree

import (
	"maps"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/pylock-dev/pylock/project"
)

const (
	maxShellDepth = 6        // scripts within scripts: sh -c "sh -c …"
	maxScript     = 64 << 10 // bytes of a script
	maxCommands   = 5_000    // of a script
)

// Word is a word of a command.
type Word struct {
	Text  string
	Known bool // false where a part of it is known only when it runs
	// Line and Column of the first character, both from 1, the column in bytes;
	// 0 where it does not stand in the file as it is.
	Line, Column int
}

// Command is one simple command of a script.
type Command struct {
	Words []Word
	Env   variables
	Dir   string // absolute, or relative to where the script starts; "" when unknown
	Place project.Place
	// Writes are the files that it is redirected to.
	Writes []string
}

// Name is the command without its folder, "" where it is not known.
func (c *Command) Name() string {
	if len(c.Words) == 0 || !c.Words[0].Known {
		return ""
	}
	return path.Base(c.Words[0].Text)
}

// Texts are the words; of an unknown one "".
func (c *Command) Texts() []string {
	var out []string
	for _, w := range c.Words {
		if w.Known {
			out = append(out, w.Text)
		} else {
			out = append(out, "")
		}
	}
	return out
}

// script is what is to be read as shell.
type script struct {
	file  string
	text  string
	line  int // of the first line of text, from 1
	depth int
	exact bool // the words stand in the file at these lines and columns
}

// scan is the state of a script that is read.
type scan struct {
	script
	vars     variables
	dir      string
	commands *[]*Command
}

// commands returns the simple commands of a script in the order in which they
// are written, whatever it would take for them to run; ok is false where it is
// no shell.
func (s script) commands(vars variables, dir string) (out []*Command, ok bool) {
	if len(s.text) > maxScript || s.depth > maxShellDepth {
		return nil, false
	}
	f, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(s.text), "")
	if err != nil {
		return nil, false
	}
	sc := &scan{script: s, vars: maps.Clone(vars), dir: dir, commands: &out}
	if sc.vars == nil {
		sc.vars = variables{}
	}
	sc.statements(f.Stmts)
	return out, true
}

func (s *scan) statements(stmts []*syntax.Stmt) {
	for _, st := range stmts {
		s.statement(st)
	}
}

// inner is the state of a part that cannot change what comes after it.
func (s *scan) inner() *scan {
	c := *s
	c.vars = maps.Clone(s.vars)
	return &c
}

func (s *scan) statement(st *syntax.Stmt) {
	if st == nil || len(*s.commands) > maxCommands {
		return
	}
	before := len(*s.commands)
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		s.call(c, st)
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			s.inner().statement(c.X)
			s.inner().statement(c.Y)
		} else {
			s.statement(c.X)
			s.statement(c.Y)
		}
	case *syntax.Block:
		s.statements(c.Stmts)
	case *syntax.Subshell:
		s.inner().statements(c.Stmts)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			s.statements(c.Cond)
			s.statements(c.Then)
		}
	case *syntax.WhileClause:
		s.statements(c.Cond)
		s.statements(c.Do)
	case *syntax.ForClause:
		if it, ok := c.Loop.(*syntax.WordIter); ok {
			s.vars[it.Name.Value] = nil
		}
		s.statements(c.Do)
	case *syntax.CaseClause:
		for _, item := range c.Items {
			s.inner().statements(item.Stmts)
		}
	case *syntax.TimeClause:
		s.statement(c.Stmt)
	case *syntax.FuncDecl:
		s.inner().statement(c.Body)
	case *syntax.DeclClause:
		for _, a := range c.Args {
			s.assign(s.vars, a)
		}
	}
	for _, r := range st.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll, syntax.RdrClob:
			if w := s.word(r.Word); w.Known {
				for _, c := range (*s.commands)[before:] {
					c.Writes = append(c.Writes, w.Text)
				}
			}
		}
	}
}

// assign sets a variable; of an array, or of one that is added to, nobody knows
// the value.
func (s *scan) assign(vars variables, a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	vars[a.Name.Value] = nil
	if a.Array != nil || a.Append || a.Index != nil {
		return
	}
	if a.Value == nil {
		vars.set(a.Name.Value, "")
	} else if w := s.word(a.Value); w.Known {
		vars.set(a.Name.Value, w.Text)
	}
}

func (s *scan) call(c *syntax.CallExpr, st *syntax.Stmt) {
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			s.assign(s.vars, a)
		}
		return
	}
	env := maps.Clone(s.vars)
	for _, a := range c.Assigns {
		s.assign(env, a)
	}
	cmd := &Command{Env: env, Dir: s.dir}
	for _, a := range c.Args {
		cmd.Words = append(cmd.Words, s.words(a)...)
	}
	s.add(cmd, st)
}

// add adds a command without the words that only start it.
func (s *scan) add(cmd *Command, st *syntax.Stmt) {
	cmd.unwrap()
	if len(cmd.Words) == 0 {
		return
	}
	cmd.Place = project.Place{File: s.file, Line: max(cmd.Words[0].Line, s.line)}
	if s.exact {
		cmd.Place.Column = cmd.Words[0].Column
	}
	switch cmd.Name() {
	case "cd", "pushd":
		s.enter(cmd)
	case "sh", "bash", "ash", "dash":
		if inner, ok := shellArgument(cmd); ok {
			sc := script{file: s.file, text: inner.Text, line: cmd.Place.Line, depth: s.depth + 1}
			if !inner.Known {
				return
			}
			if more, ok := sc.commands(cmd.Env, cmd.Dir); ok {
				*s.commands = append(*s.commands, more...)
				return
			}
		} else if body, line, ok := s.heredoc(st); ok && len(cmd.Words) == 1 {
			sc := script{file: s.file, text: body, line: line, depth: s.depth + 1}
			if more, ok := sc.commands(cmd.Env, cmd.Dir); ok {
				*s.commands = append(*s.commands, more...)
				return
			}
		}
	}
	*s.commands = append(*s.commands, cmd)
}

// heredoc is the literal body of a here-document of a statement.
func (s *scan) heredoc(st *syntax.Stmt) (body string, line int, ok bool) {
	if st == nil {
		return "", 0, false
	}
	for _, r := range st.Redirs {
		if r.Hdoc != nil && (r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc) {
			start, end := r.Hdoc.Pos().Offset(), r.Hdoc.End().Offset()
			if int(end) <= len(s.text) {
				return s.text[start:end], s.line + int(r.Hdoc.Pos().Line()) - 1, true
			}
		}
	}
	return "", 0, false
}

func (s *scan) enter(cmd *Command) {
	switch {
	case len(cmd.Words) != 2 || !cmd.Words[1].Known || cmd.Words[1].Text == "-" || strings.HasPrefix(cmd.Words[1].Text, "~"):
		s.dir = ""
	case path.IsAbs(cmd.Words[1].Text):
		s.dir = path.Clean(cmd.Words[1].Text)
	case s.dir != "":
		s.dir = path.Join(s.dir, cmd.Words[1].Text)
	}
}

// shellArgument is the script of sh -c.
func shellArgument(cmd *Command) (Word, bool) {
	for i, w := range cmd.Words[1:] {
		if !w.Known || !strings.HasPrefix(w.Text, "-") {
			return Word{}, false
		}
		if !strings.HasPrefix(w.Text, "--") && strings.HasSuffix(w.Text, "c") && i+2 < len(cmd.Words) {
			return cmd.Words[i+2], true
		}
	}
	return Word{}, false
}

// wrappers start another command, behind options of their own.
var wrappers = []string{"sudo", "env", "exec", "time", "nice", "command", "nohup", "eatmydata", "retry", "gosu", "su-exec", "then", "builtin"}

// unwrap removes what only starts a command.
func (c *Command) unwrap() {
	for len(c.Words) > 1 {
		switch name := c.Name(); {
		case name == "gosu" || name == "su-exec":
			c.Words = c.Words[2:]
		case slices.Contains(wrappers, name):
			c.Words = c.Words[1:]
			for len(c.Words) > 1 && c.Words[0].Known && (strings.HasPrefix(c.Words[0].Text, "-") || strings.Contains(c.Words[0].Text, "=")) {
				if k, v, ok := strings.Cut(c.Words[0].Text, "="); ok && !strings.HasPrefix(k, "-") {
					c.Env.set(k, v)
				}
				c.Words = c.Words[1:]
			}
		default:
			return
		}
	}
}

// words are the words that an argument becomes: several where a variable that
// is not quoted holds some.
func (s *scan) words(w *syntax.Word) []Word {
	one := s.word(w)
	if one.Known && len(w.Parts) == 1 {
		if _, ok := w.Parts[0].(*syntax.ParamExp); ok {
			var out []Word
			for _, f := range strings.Fields(one.Text) {
				out = append(out, Word{Text: f, Known: true, Line: one.Line})
			}
			return out
		}
	}
	return []Word{one}
}

// word is the text of a word.
func (s *scan) word(w *syntax.Word) Word {
	out := Word{Line: s.line + int(w.Pos().Line()) - 1}
	if s.exact {
		out.Column = int(w.Pos().Col())
	}
	var b strings.Builder
	out.Known = s.parts(&b, w.Parts, false)
	out.Text = b.String()
	if len(out.Text) > maxExpanded {
		out.Text, out.Known = "", false
	}
	return out
}

func (s *scan) parts(b *strings.Builder, parts []syntax.WordPart, quoted bool) (known bool) {
	known = true
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(p.Value, quoted))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
			known = known && !p.Dollar
		case *syntax.DblQuoted:
			known = s.parts(b, p.Parts, true) && known
		case *syntax.ParamExp:
			text, ok := s.parameter(p)
			b.WriteString(text)
			known = known && ok
		default:
			known = false
		}
	}
	return known
}

// parameter is the value of $NAME, ${NAME}, ${NAME:-word} and ${NAME-word}.
func (s *scan) parameter(p *syntax.ParamExp) (string, bool) {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 {
		return "", false
	}
	value, set := s.vars[p.Param.Value]
	if p.Exp == nil {
		if !set || value == nil {
			return "", false
		}
		return *value, true
	}
	if !set || value == nil || (p.Exp.Op != syntax.DefaultUnset && p.Exp.Op != syntax.DefaultUnsetOrNull) {
		return "", false
	}
	if *value == "" && p.Exp.Op == syntax.DefaultUnsetOrNull {
		if p.Exp.Word == nil {
			return "", true
		}
		w := s.word(p.Exp.Word)
		return w.Text, w.Known
	}
	return *value, true
}

// unescape takes the backslashes out of a literal.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (!quoted || strings.IndexByte("$`\"\\\n", s[i+1]) >= 0) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
