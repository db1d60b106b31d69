package rules

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

var noDriftCheck = Rule{
	Rule: lockfile.Rule{ID: "no-drift-check", Severity: lockfile.Warning,
		Title: "no workflow checks the locks",
		Help:  "Add a step that runs pylock check, or uses: pylock-dev/pylock."},
	Reason: `A pyproject.toml that changes without its lock leaves an image without the new dependency: the build passes, and the service
fails when it imports it. pylock check tells in the pull request, without a resolution.`,
	Cost: "stale locks, which are found when the image runs",
	Before: `steps:
  - uses: actions/checkout@v5
  - run: docker compose build`,
	After: `steps:
  - uses: actions/checkout@v5
  - uses: pylock-dev/pylock@v0
  - run: docker compose build`,
	Lang: "yaml",
	find: findNoDriftCheck,
}

// usesPylock reports whether a step is our action, as a check.
func usesPylock(s *tree.JobStep) bool {
	if !strings.Contains(s.Uses, "pylock@") && !strings.HasSuffix(s.Uses, "/pylock") {
		return false
	}
	command, set := s.Inputs["command"]
	return !set || command.Text != "compile"
}

func isPylockCheck(c *tree.Command) bool {
	texts := c.Texts()
	for i, w := range texts {
		if name := path.Base(w); name == "pylock" || strings.HasPrefix(name, "pylock@") || w == "" {
			return slices.Contains(texts[i:], "check")
		}
	}
	return false
}

// checkText finds the check in whatever language it is written.
var checkText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)pylock[^\n]{0,80}\bcheck\b|pylock-check|pre-commit|pylock-dev/pylock|pip-compile|pip compile|pip-sync`)
})

func findNoDriftCheck(e *examiner) {
	if !slices.ContainsFunc(e.tree.Locks, func(l *tree.Lock) bool { return l.Tool() != "" }) {
		return // which pylock could not check
	}
	var first *tree.Workflow
	for _, w := range e.tree.Workflows {
		for _, j := range w.Jobs {
			if j.Uses != "" {
				return // a workflow of others may check
			}
			for _, s := range j.Steps {
				if usesPylock(s) || strings.HasPrefix(s.Uses, "./") || e.mayCheck(s) {
					return
				}
			}
		}
		for _, ev := range w.Events {
			if (ev.Name == "pull_request" || ev.Name == "push") && first == nil {
				first = w
			}
		}
	}
	if first == nil {
		return
	}
	for _, file := range e.tree.Files {
		switch path.Base(file) {
		case ".gitlab-ci.yml", "azure-pipelines.yml", "Jenkinsfile", "bitbucket-pipelines.yml", ".pre-commit-config.yaml":
			if text := e.tree.Text(file); text != nil && checkText().MatchString(text.Data) {
				return
			}
		}
	}
	e.add(project.Place{File: first.Path, Line: 1}, "", "no workflow runs pylock check: a lock may be stale, and nobody is told")
}

// mayCheck reports whether a step checks the locks, or runs what nobody has
// looked into.
func (e *examiner) mayCheck(s *tree.JobStep) bool {
	if checkText().MatchString(s.Run) {
		return true
	}
	if s.Run != "" && len(s.Commands) == 0 && strings.TrimSpace(s.Run) != "" {
		return true // another shell
	}
	return e.tree.Reaches(s, func(c *tree.Command) bool {
		if isPylockCheck(c) {
			return true
		}
		if len(c.Words) == 0 || !c.Words[0].Known {
			return true
		}
		// A script of the repository, or a runner of tasks.
		name := c.Words[0].Text
		switch path.Base(name) {
		case "tox", "nox", "just", "task", "invoke", "inv", "doit", "pants", "bazel", "pre-commit", "dagger", "earthly", "hatch", "act":
			return true
		case "bash", "sh", "python", "python3", "uv":
			return slices.ContainsFunc(c.Texts()[1:], func(w string) bool { return e.script(w) })
		}
		return e.script(name)
	})
}

// script reports whether a word is a script of the repository that is not known
// to be without the check.
func (e *examiner) script(word string) bool {
	if word == "" || strings.HasPrefix(word, "-") || !strings.Contains(word, "/") && path.Ext(word) == "" {
		return false
	}
	file := path.Clean(word)
	if !e.tree.Has(file) {
		return strings.HasPrefix(word, "./") || path.Ext(word) == ".sh"
	}
	text := e.tree.Text(file)
	return text == nil || strings.Contains(text.Data, "pylock") || strings.Contains(text.Data, ".sh") || strings.Contains(text.Data, "make ")
}
