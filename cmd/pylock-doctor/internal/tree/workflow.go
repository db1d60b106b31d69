package tree

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rhysd/actionlint"

	"github.com/pylock-dev/pylock/project"
)

// Workflow is one of GitHub Actions.
type Workflow struct {
	*Text
	Events []*Event
	Jobs   []*Job // sorted by id
}

// Event is what starts a workflow.
type Event struct {
	Name   string // push, pull_request, …
	Place  project.Place
	Paths  []Scalar // of paths
	Ignore []Scalar // of paths-ignore
}

// Job is one of a workflow.
type Job struct {
	ID     string
	Matrix []string // the names of its rows
	Steps  []*JobStep
	Uses   string // the reusable workflow that it calls, "" for none
}

// JobStep is a step of a job.
type JobStep struct {
	Job      *Job
	Place    project.Place
	Uses     string
	Inputs   map[string]Scalar
	Run      string
	Dir      string // working directory of Run, from the root
	Commands []*Command
	Build    *Build // of docker/build-push-action
}

func (t *Tree) readWorkflows() {
	for _, file := range t.Files {
		if path.Dir(file) != ".github/workflows" || path.Ext(file) != ".yml" && path.Ext(file) != ".yaml" {
			continue
		}
		if len(t.Workflows) >= maxParsed {
			return
		}
		text := t.Text(file)
		if text == nil {
			continue
		}
		w, err := t.readWorkflow(text)
		if err != nil {
			t.noteAt(project.Place{File: file}, err)
			continue
		}
		t.Workflows = append(t.Workflows, w)
	}
}

func (t *Tree) readWorkflow(text *Text) (out *Workflow, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("the parser of workflows stumbles over it: %v", r)
		}
	}()
	// What it complains about is actionlint's business, not ours.
	w, errs := actionlint.Parse([]byte(text.Data))
	if w == nil || len(w.Jobs) == 0 && len(errs) > 0 {
		if len(errs) > 0 {
			return nil, fmt.Errorf("line %d: %s", errs[0].Line, errs[0].Message)
		}
		return nil, fmt.Errorf("it is no workflow")
	}
	out = &Workflow{Text: text}
	for _, e := range w.On {
		ev := &Event{Name: e.EventName()}
		if h, ok := e.(*actionlint.WebhookEvent); ok {
			ev.Place = t.pos(text, h.Pos)
			ev.Paths, ev.Ignore = filter(text, h.Paths), filter(text, h.PathsIgnore)
		}
		out.Events = append(out.Events, ev)
	}
	for _, id := range slices.Sorted(maps.Keys(w.Jobs)) {
		out.Jobs = append(out.Jobs, t.readJob(text, id, w, w.Jobs[id]))
	}
	return out, nil
}

func (t *Tree) pos(text *Text, p *actionlint.Pos) project.Place {
	if p == nil {
		return project.Place{File: text.Path}
	}
	return project.Place{File: text.Path, Line: p.Line, Column: p.Col}
}

func filter(text *Text, f *actionlint.WebhookEventFilter) (out []Scalar) {
	if f == nil {
		return nil
	}
	for _, v := range f.Values {
		out = append(out, scalar(text, v))
	}
	return out
}

func scalar(text *Text, s *actionlint.String) Scalar {
	out := Scalar{Place: project.Place{File: text.Path}}
	if s != nil {
		out.Text = s.Value
		if s.Pos != nil {
			out.Place.Line, out.Place.Column = s.Pos.Line, s.Pos.Col
		}
	}
	return out
}

func (t *Tree) readJob(text *Text, id string, w *actionlint.Workflow, j *actionlint.Job) *Job {
	job := &Job{ID: id}
	if j.Strategy != nil && j.Strategy.Matrix != nil {
		job.Matrix = slices.Sorted(maps.Keys(j.Strategy.Matrix.Rows))
		if j.Strategy.Matrix.Include != nil {
			for _, c := range j.Strategy.Matrix.Include.Combinations {
				job.Matrix = append(job.Matrix, slices.Sorted(maps.Keys(c.Assigns))...)
			}
		}
		slices.Sort(job.Matrix)
		job.Matrix = slices.Compact(job.Matrix)
	}
	if j.WorkflowCall != nil && j.WorkflowCall.Uses != nil {
		job.Uses = j.WorkflowCall.Uses.Value
	}
	dir := ""
	for _, d := range []*actionlint.Defaults{w.Defaults, j.Defaults} {
		if d != nil && d.Run != nil && d.Run.WorkingDirectory != nil {
			dir = d.Run.WorkingDirectory.Value
		}
	}
	for _, s := range j.Steps {
		job.Steps = append(job.Steps, t.readStep(text, job, dir, s))
	}
	return job
}

func (t *Tree) readStep(text *Text, job *Job, dir string, s *actionlint.Step) *JobStep {
	step := &JobStep{Job: job, Place: t.pos(text, s.Pos), Inputs: map[string]Scalar{}}
	switch e := s.Exec.(type) {
	case *actionlint.ExecAction:
		step.Uses = scalar(text, e.Uses).Text
		for name, in := range e.Inputs {
			step.Inputs[name] = scalar(text, in.Value)
		}
		if strings.HasPrefix(step.Uses, "docker/build-push-action@") {
			step.Build = step.build()
		}
	case *actionlint.ExecRun:
		run := scalar(text, e.Run)
		step.Run = run.Text
		if e.WorkingDirectory != nil {
			dir = e.WorkingDirectory.Value
		}
		shell := ""
		if e.Shell != nil {
			shell = e.Shell.Value
		}
		var ok bool
		if step.Dir, ok = join(".", dir); !ok || strings.Contains(dir, "${{") {
			step.Dir = ""
		}
		if shell == "" || strings.HasPrefix(shell, "bash") || strings.HasPrefix(shell, "sh") {
			step.commands(text, run)
		}
	}
	return step
}

var expression = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)\$\{\{.*?\}\}`) })

// commands reads the script of a step. An expression becomes a variable that
// the shell does not know.
func (s *JobStep) commands(text *Text, run Scalar) {
	line := run.Place.Line
	if line > 0 && line <= len(text.Lines) && strings.ContainsAny(lastPart(text.Lines[line-1]), "|>") && !strings.Contains(run.Text, lastPart(text.Lines[line-1])) {
		line++
	}
	body := expression().ReplaceAllStringFunc(run.Text, func(m string) string {
		return "${EXPRESSION}" + strings.Repeat("\n", strings.Count(m, "\n"))
	})
	s.Commands, _ = script{file: text.Path, text: body, line: line}.commands(nil, s.Dir)
}

func lastPart(line string) string {
	_, after, _ := strings.Cut(line, ":")
	return strings.TrimSpace(after)
}

// build is what docker/build-push-action builds; nil where expressions decide.
func (s *JobStep) build() *Build {
	b := &Build{Place: s.Place, Args: map[string]string{}}
	context, file := ".", ""
	if v, ok := s.Inputs["context"]; ok {
		context = v.Text
	}
	if v, ok := s.Inputs["file"]; ok {
		file = v.Text
	}
	if v, ok := s.Inputs["target"]; ok {
		b.Target = v.Text
	}
	for _, line := range strings.FieldsFunc(s.Inputs["tags"].Text, func(r rune) bool { return r == '\n' || r == ',' }) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "${{") {
			b.Names = append(b.Names, line)
		}
	}
	for line := range strings.Lines(s.Inputs["build-args"].Text) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.Contains(v, "${{") {
			v = unset
		}
		if k != "" {
			b.Args[k] = v
		}
	}
	if strings.Contains(context+file+b.Target, "${{") || strings.Contains(context, "://") {
		return nil
	}
	dir, ok := join(".", context)
	if !ok {
		return nil
	}
	b.Context = dir
	if file == "" {
		file = path.Join(dir, "Dockerfile")
	}
	if b.Dockerfile, ok = join(".", file); !ok {
		return nil
	}
	return b
}

// Reaches reports whether the script of a step runs a command that is, or the
// targets of a Makefile that it makes run one that is.
func (t *Tree) Reaches(s *JobStep, is func(*Command) bool) bool {
	for _, c := range s.Commands {
		if is(c) || t.makes(c, is) {
			return true
		}
	}
	return false
}

// makes follows make TARGET.
func (t *Tree) makes(c *Command, is func(*Command) bool) bool {
	if c.Name() != "make" && c.Name() != "gmake" {
		return false
	}
	dir := c.Dir
	var targets []string
	words := c.Texts()
	for i := 1; i < len(words); i++ {
		switch {
		case words[i] == "-C" && i+1 < len(words):
			i++
			dir = path.Join(dir, words[i])
		case strings.HasPrefix(words[i], "-"), strings.Contains(words[i], "="):
		default:
			targets = append(targets, words[i])
		}
	}
	for _, m := range t.Makefiles {
		if dir != "" && path.Dir(m.Path) != path.Clean(dir) && path.Ext(m.Path) != ".mk" {
			continue
		}
		for _, name := range targets {
			for _, target := range m.reach(name, map[string]bool{}) {
				if slices.ContainsFunc(target.Commands, is) {
					return true
				}
			}
		}
		if len(targets) == 0 { // the first one, whichever that is
			for _, target := range m.Targets {
				if slices.ContainsFunc(target.Commands, is) {
					return true
				}
			}
		}
	}
	return false
}
