package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var pathsWithoutLock = Rule{
	Rule: lockfile.Rule{ID: "paths-without-lock", Severity: lockfile.Warning,
		Title: "a change of a lock does not start the workflow that builds with it",
		Help:  "Add the lock to paths."},
	Reason: `A workflow with a paths: filter runs only if one of the files matches. Where the filter has the source of a service and not
its lock, a pull request that only moves pins is merged without the build and the tests that it needs most.`,
	Cost: "pins that nobody has built or tested",
	Before: `on:
  pull_request:
    paths: ["services/api/**.py", "services/api/pyproject.toml"]`,
	After: `on:
  pull_request:
    paths: ["services/api/**.py", "services/api/pyproject.toml", "services/api/requirements.lock"]`,
	Lang:  "yaml",
	Mends: "adds the lock to the list",
	find:  findPathsWithoutLock,
}

func findPathsWithoutLock(e *examiner) {
	for _, w := range e.tree.Workflows {
		if !e.needsLocks(w) {
			continue
		}
		for _, ev := range w.Events {
			if ev.Name != "push" && ev.Name != "pull_request" && ev.Name != "pull_request_target" {
				continue
			}
			e.filterLeavesOut(w, ev)
		}
	}
}

// needsLocks reports whether a workflow builds images or installs locks.
func (e *examiner) needsLocks(w *tree.Workflow) bool {
	for _, j := range w.Jobs {
		for _, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "docker/build-push-action@") || strings.HasPrefix(s.Uses, "docker/bake-action@") || usesPylock(s) {
				return true
			}
			if e.tree.Reaches(s, func(c *tree.Command) bool { return buildsImages(c) || isPylockCheck(c) || installsFile(c) }) {
				return true
			}
		}
	}
	return false
}

func buildsImages(c *tree.Command) bool {
	texts := c.Texts()
	switch c.Name() {
	case "docker", "podman", "docker-compose":
		return slices.Contains(texts, "build") || slices.Contains(texts, "bake") || slices.Contains(texts, "--build")
	}
	return false
}

func installsFile(c *tree.Command) bool {
	in := tree.NewInstall(c)
	return in != nil && slices.ContainsFunc(in.Files, func(a tree.Argument) bool { return strings.HasSuffix(a.Text, ".lock") })
}

// filterLeavesOut reports a filter that lets files of services through, and not
// their locks.
func (e *examiner) filterLeavesOut(w *tree.Workflow, ev *tree.Event) {
	var left []string
	at := -1
	for _, l := range e.tree.Locks {
		if e.tree.ProjectIn(l.Dir) == nil || e.tree.LocksIn(l.Dir)[0] != l {
			continue
		}
		own := []string{path.Join(l.Dir, "pyproject.toml"), path.Join(l.Dir, "Dockerfile")}
		if n := lastMatch(ev.Ignore, l.Path); n >= 0 && lastMatch(ev.Ignore, own[0]) < 0 {
			e.add(ev.Ignore[n].Place, fmt.Sprintf("take it out, or add !%s", l.Path), fmt.Sprintf("paths-ignore of %s has %s", ev.Name, l.Path))
		}
		if len(ev.Paths) == 0 || lastMatch(ev.Paths, l.Path) >= 0 {
			continue
		}
		for _, file := range own {
			if n := lastMatch(ev.Paths, file); n >= 0 && e.tree.Has(file) {
				left = append(left, l.Path)
				if at < 0 {
					at = n
				}
				break
			}
		}
	}
	if len(left) > 0 {
		e.add(ev.Paths[at].Place, "add "+strings.Join(addedPaths(left), ", "),
			fmt.Sprintf("paths of %s have %s and not %s", ev.Name, ev.Paths[at].Text, quoteList(left, 3)), e.addPaths(w, ev, addedPaths(left))...)
	}
}

// addedPaths are the patterns for locks: one for all that are called alike.
func addedPaths(locks []string) []string {
	name := path.Base(locks[0])
	if len(locks) > 1 && !slices.ContainsFunc(locks, func(l string) bool { return path.Base(l) != name }) {
		return []string{"**/" + name}
	}
	return locks
}

// lastMatch is the pattern that lets a file through, -1 for none: of those that
// match it the last one counts, and one with ! takes it out.
func lastMatch(patterns []tree.Scalar, file string) int {
	at := -1
	for n, p := range patterns {
		text, out := strings.CutPrefix(p.Text, "!")
		if re := filterPattern(text); re != nil && re.MatchString(file) {
			if at = n; out {
				at = -1
			}
		}
	}
	return at
}

// filterPattern is a pattern of a filter as GitHub means it: * is anything but a
// slash, ** anything, ? the character before it or none, + one or more of it.
func filterPattern(p string) *regexp.Regexp {
	if len(p) > 1000 {
		return nil
	}
	var b strings.Builder
	b.WriteString(`^`)
	for i := 0; i < len(p); i++ {
		switch c := p[i]; c {
		case '*':
			if strings.HasPrefix(p[i:], "**/") {
				b.WriteString(`(?:.*/)?`)
				i += 2
			} else if strings.HasPrefix(p[i:], "**") {
				b.WriteString(`.*`)
				i++
			} else {
				b.WriteString(`[^/]*`)
			}
		case '?', '+', '[', ']':
			b.WriteByte(c)
		case '\\':
			if i++; i < len(p) {
				b.WriteString(regexp.QuoteMeta(p[i : i+1]))
			}
		default:
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	b.WriteString(`$`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil
	}
	return re
}

// addPaths adds patterns to a list that has a line for each item, or one for all.
func (e *examiner) addPaths(w *tree.Workflow, ev *tree.Event, patterns []string) []fix.Edit {
	last := ev.Paths[len(ev.Paths)-1]
	if last.Place.Line < 1 || last.Place.Line > len(w.Lines) {
		return nil
	}
	line := w.Lines[last.Place.Line-1]
	if i := strings.Index(line, "- "); i >= 0 && strings.TrimSpace(line[:i]) == "" {
		var lines []string
		for _, p := range patterns {
			lines = append(lines, line[:i]+"- "+yamlText(p))
		}
		return []fix.Edit{{File: w.Path, Line: last.Place.Line, After: lines}}
	}
	if i := strings.LastIndexByte(line, ']'); i >= 0 && strings.Contains(line[:i], last.Text) {
		var quoted []string
		for _, p := range patterns {
			quoted = append(quoted, yamlText(p))
		}
		return []fix.Edit{{File: w.Path, Line: last.Place.Line, Column: i + 1, Insert: ", " + strings.Join(quoted, ", ")}}
	}
	return nil
}

func yamlText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
