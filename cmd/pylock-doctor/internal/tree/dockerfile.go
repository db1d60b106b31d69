package tree

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/patternmatcher"

	"github.com/pylock-dev/pylock/project"
)

// maxInstructions bounds the instructions of a Dockerfile, maxStages its stages.
const (
	maxInstructions = 1_000
	maxStages       = 200
)

// Dockerfile is one as it is written.
type Dockerfile struct {
	*Text
	tree   *Tree
	stages []instructions.Stage
	args   []instructions.ArgCommand // before the first FROM
	escape rune
}

// isDockerfile tells by its name whether a file is a Dockerfile.
func isDockerfile(file string) bool {
	name := base(file)
	switch {
	case strings.HasSuffix(name, ".dockerignore"), strings.HasSuffix(name, ".md"), strings.HasSuffix(name, "~"):
		return false
	case slices.Contains([]string{".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".template", ".in", ".bak", ".orig", ".txt", ".sh", ".py"}, path.Ext(name)):
		return false
	}
	for _, word := range []string{"Dockerfile", "Containerfile"} {
		if name == word || strings.HasPrefix(name, word+".") || strings.HasSuffix(name, "."+word) || strings.HasSuffix(name, "."+strings.ToLower(word)) {
			return true
		}
	}
	return false
}

// Dockerfile reads one; nil for what is none, with a note.
func (t *Tree) Dockerfile(file string) *Dockerfile {
	if d, ok := t.dockerfiles[file]; ok {
		return d
	}
	t.dockerfiles[file] = nil
	text := t.Text(file)
	if text == nil {
		return nil
	}
	d, err := parseDockerfile(text)
	if err != nil {
		place := project.Place{File: file}
		if le := (*parser.LocationError)(nil); errors.As(err, &le) && len(le.Locations) > 0 && len(le.Locations[0]) > 0 {
			place.Line = le.Locations[0][0].Start.Line
		}
		t.noteAt(place, err)
		return nil
	}
	d.tree = t
	t.dockerfiles[file] = d
	return d
}

func parseDockerfile(text *Text) (d *Dockerfile, err error) {
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("the parser of Dockerfiles stumbles over it: %v", r)
		}
	}()
	result, err := parser.Parse(strings.NewReader(text.Data))
	if err != nil {
		return nil, err
	}
	if n := len(result.AST.Children); n > maxInstructions {
		return nil, fmt.Errorf("it has %d instructions: the limit is %d", n, maxInstructions)
	}
	stages, args, err := instructions.Parse(result.AST, nil)
	if err != nil {
		return nil, err
	}
	if len(stages) > maxStages {
		return nil, fmt.Errorf("it has %d stages: the limit is %d", len(stages), maxStages)
	}
	return &Dockerfile{Text: text, stages: stages, args: args, escape: result.EscapeToken}, nil
}

// variables are those that a word of a Dockerfile may use. A name without a
// value is one that is set to nobody knows what.
type variables map[string]*string

func (v variables) Get(name string) (string, bool) {
	if s, ok := v[name]; ok && s != nil {
		return *s, true
	}
	return "", false
}

func (v variables) Keys() []string {
	var keys []string
	for k := range v {
		keys = append(keys, k)
	}
	return keys
}

func (v variables) set(name, value string) { v[name] = &value }

const (
	// maxExpanded bounds a word after its variables, in bytes, and maxVariables
	// the variables in it.
	maxExpanded  = 4 << 10
	maxVariables = 64
	// maxNames bounds the variables of a stage: later ones are not known.
	maxNames = 500
)

// expand replaces the variables of a word; known is false where one of them
// has no value.
func (d *Dockerfile) expand(word string, vars variables) (s string, known bool) {
	if len(word) > maxExpanded || strings.Count(word, "$") > maxVariables {
		return "", false
	}
	r, err := shell.NewLex(d.escape).ProcessWordWithMatches(word, vars)
	if err != nil || len(r.Result) > maxExpanded {
		return "", false
	}
	return r.Result, len(r.Unmatched) == 0
}

// maxPatterns bounds the patterns of a .dockerignore.
const maxPatterns = 2_000

// ignorer is what a .dockerignore leaves out of a context.
type ignorer struct {
	file    string // "" for none
	lines   []int  // of the patterns
	texts   []string
	matcher *patternmatcher.PatternMatcher
}

// ignorer reads the .dockerignore of a Dockerfile and its context.
func (t *Tree) ignorer(dockerfile, context string) *ignorer {
	for _, file := range []string{dockerfile + ".dockerignore", path.Join(context, ".dockerignore")} {
		if !t.Has(file) {
			continue
		}
		text := t.Text(file)
		if text == nil {
			return &ignorer{}
		}
		return newIgnorer(file, text.Lines)
	}
	return &ignorer{}
}

func newIgnorer(file string, lines []string) *ignorer {
	g := &ignorer{file: file}
	for i, line := range lines {
		if strings.HasPrefix(line, "#") {
			continue
		}
		p := strings.TrimSpace(line)
		if p == "" {
			continue
		}
		inverse := strings.HasPrefix(p, "!")
		p = strings.TrimSpace(strings.TrimPrefix(p, "!"))
		if len(p) > 0 {
			p = path.Clean(p)
			if len(p) > 1 && p[0] == '/' {
				p = p[1:]
			}
		}
		if inverse {
			p = "!" + p
		}
		g.lines, g.texts = append(g.lines, i+1), append(g.texts, p)
	}
	if len(g.texts) > maxPatterns {
		return &ignorer{file: file}
	}
	if m, err := patternmatcher.New(g.texts); err == nil {
		g.matcher = m
	}
	return g
}

// ignores reports whether a path, relative to the context, is left out, and the
// line of the pattern that decides it.
func (g *ignorer) ignores(file string) (line int, ignored bool) {
	if g == nil || g.matcher == nil {
		return 0, false
	}
	ignored, err := g.matcher.MatchesOrParentMatches(file)
	if err != nil || !ignored {
		return 0, false
	}
	for i := len(g.texts) - 1; i >= 0; i-- {
		if strings.HasPrefix(g.texts[i], "!") {
			continue
		}
		if m, err := patternmatcher.MatchesOrParentMatches(file, []string{g.texts[i]}); err == nil && m {
			return g.lines[i], true
		}
	}
	return 0, true
}
