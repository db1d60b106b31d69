package tree

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
)

// Makefile is one, read as far as its recipes can be without make.
type Makefile struct {
	*Text
	Targets map[string]*Target
}

// Target is a rule of a Makefile.
type Target struct {
	Needs    []string
	Commands []*Command
	Recipe   string // its lines
}

var makeAssign = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(\?=|:=|::=|=)\s*(.*)$`)
})
var makeVariable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$[({]([A-Za-z_][A-Za-z0-9_]*)[)}]`) })

func (t *Tree) readMakefiles() {
	for _, file := range t.Files {
		name := base(file)
		if name != "Makefile" && name != "makefile" && name != "GNUmakefile" && path.Ext(name) != ".mk" {
			continue
		}
		if len(t.Makefiles) >= maxParsed {
			return
		}
		if text := t.Text(file); text != nil {
			t.Makefiles = append(t.Makefiles, readMakefile(text))
		}
	}
}

func readMakefile(text *Text) *Makefile {
	m := &Makefile{Text: text, Targets: map[string]*Target{}}
	vars := variables{"CURDIR": nil}
	vars.set("CURDIR", ".")
	var current []*Target
	for i := 0; i < len(text.Lines); i++ {
		line, first := text.Lines[i], i+1
		for strings.HasSuffix(line, `\`) && i+1 < len(text.Lines) {
			i++
			line += "\n" + text.Lines[i]
		}
		if strings.HasPrefix(line, "\t") {
			recipe := strings.TrimLeft(line, "\t@-+ ")
			for _, target := range current {
				target.Recipe += recipe + "\n"
				target.Commands = append(target.Commands, makeCommands(text.Path, recipe, first, vars)...)
			}
			continue
		}
		line = strings.ReplaceAll(line, "\\\n", " ")
		if m := makeAssign().FindStringSubmatch(line); m != nil {
			if value, ok := makeExpand(m[3], vars); ok {
				if j := strings.Index(value, " #"); j >= 0 {
					value = value[:j]
				}
				vars.set(m[1], strings.TrimSpace(value))
			} else {
				vars[m[1]] = nil
			}
			continue
		}
		names, needs, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		needs, _, _ = strings.Cut(needs, "#")
		needs, inline, _ := strings.Cut(needs, ";")
		current = nil
		for _, name := range strings.Fields(names) {
			target := m.Targets[name]
			if target == nil {
				target = &Target{}
				m.Targets[name] = target
			}
			target.Needs = append(target.Needs, strings.Fields(needs)...)
			if inline = strings.TrimSpace(inline); inline != "" {
				target.Recipe += inline + "\n"
				target.Commands = append(target.Commands, makeCommands(text.Path, inline, first, vars)...)
			}
			current = append(current, target)
		}
	}
	return m
}

// makeCommands are the commands of a line of a recipe.
func makeCommands(file, recipe string, line int, vars variables) []*Command {
	expanded, _ := makeExpand(recipe, vars)
	expanded = strings.ReplaceAll(expanded, "$$", "$")
	cmds, _ := script{file: file, text: expanded, line: line}.commands(nil, ".")
	for _, c := range cmds {
		c.Place = project.Place{File: file, Line: c.Place.Line}
	}
	return cmds
}

// makeExpand replaces $(NAME) by its value; what has none becomes a word that
// the shell does not know either.
func makeExpand(s string, vars variables) (string, bool) {
	known := true
	out := makeVariable().ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := vars.Get(m[2 : len(m)-1]); ok && len(v) < maxExpanded {
			return v
		}
		known = false
		return "${" + m[2:len(m)-1] + "}"
	})
	if strings.Contains(out, "$(") {
		known = false
	}
	if len(out) > maxScript {
		return "", false
	}
	return out, known
}

// reach are the targets that a target of a Makefile brings about, itself
// included.
func (m *Makefile) reach(name string, seen map[string]bool) []*Target {
	target := m.Targets[name]
	if target == nil || seen[name] {
		return nil
	}
	seen[name] = true
	out := []*Target{target}
	for _, n := range target.Needs {
		out = append(out, m.reach(n, seen)...)
	}
	for _, c := range target.Commands {
		if c.Name() == "make" || c.Name() == "" && strings.Contains(target.Recipe, "$(MAKE)") {
			for _, w := range c.Words[1:] {
				if w.Known && !strings.HasPrefix(w.Text, "-") {
					out = append(out, m.reach(w.Text, seen)...)
				}
			}
		}
	}
	return out
}
