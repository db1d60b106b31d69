package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

var ghaCacheMode = Rule{
	Rule: lockfile.Rule{ID: "gha-cache-mode", Severity: lockfile.Warning,
		Title: "the layer cache of GitHub Actions has the last stage alone",
		Help:  "Add mode=max to cache-to."},
	Reason: `Without mode=max only the layers of the final image are put into the cache. Those of the builder stage, where packages are
installed, are not, and the next run installs them again.`,
	Cost:   "the whole install in each run of the workflow",
	Before: `cache-to: type=gha`,
	After:  `cache-to: type=gha,mode=max`,
	Lang:   "yaml",
	Mends:  "adds mode=max",
	find:   findCacheMode,
}

var ghaCacheScope = Rule{
	Rule: lockfile.Rule{ID: "gha-cache-scope", Severity: lockfile.Warning,
		Title: "several images share one scope of the layer cache",
		Help:  "Give each image a scope of its own, in cache-from and in cache-to: scope=api."},
	Reason: `A scope holds the cache of one build: whoever writes last replaces what was there. Without scope= it is "buildkit" for all,
so that of several images only the one that was built last finds its layers again.`,
	Cost: "a build without a cache of each image but one, in each run",
	Before: `cache-from: type=gha
cache-to: type=gha,mode=max`,
	After: `cache-from: type=gha,scope=${{ matrix.service }}
cache-to: type=gha,mode=max,scope=${{ matrix.service }}`,
	Lang:  "yaml",
	Mends: "adds a scope named for the value of a matrix, or for the folder of the Dockerfile",
	find:  findCacheScope,
}

// cacheEntry is one export of a cache, or one import.
type cacheEntry struct {
	text  string // type=gha,mode=max
	attrs map[string]string
	place project.Place
	// image names what is built: Dockerfile, context and target as written.
	image string
	step  *tree.JobStep // nil for one of a compose file
	build *tree.Build
}

func parseCache(text string) map[string]string {
	attrs := map[string]string{}
	for _, part := range strings.Split(text, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if ok {
			attrs[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return attrs
}

// entries are the lines of an input of a step, each with its place.
func (e *examiner) entries(w *tree.Workflow, s *tree.JobStep, input string) []cacheEntry {
	in, ok := s.Inputs[input]
	if !ok {
		return nil
	}
	var out []cacheEntry
	line := in.Place.Line
	for text := range strings.Lines(in.Text) {
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		place := in.Place
		for n := line; n <= len(w.Lines) && n < line+len(w.Lines); n++ {
			if i := strings.Index(w.Lines[n-1], text); i >= 0 {
				place = project.Place{File: w.Path, Line: n, Column: i + 1}
				line = n
				break
			}
		}
		out = append(out, cacheEntry{text: text, attrs: parseCache(text), place: place, step: s, build: s.Build, image: imageOf(s)})
	}
	return out
}

func imageOf(s *tree.JobStep) string {
	context := "."
	if v, ok := s.Inputs["context"]; ok {
		context = path.Clean(v.Text)
	}
	return strings.Join([]string{context, s.Inputs["file"].Text, s.Inputs["target"].Text}, " ")
}

// exports are the caches that workflows and compose files write to GitHub.
func (e *examiner) exports() []cacheEntry {
	var out []cacheEntry
	keep := func(c cacheEntry) {
		if c.attrs["type"] == "gha" {
			out = append(out, c)
		}
	}
	for _, w := range e.tree.Workflows {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if strings.HasPrefix(s.Uses, "docker/build-push-action@") {
					for _, c := range e.entries(w, s, "cache-to") {
						keep(c)
					}
				}
				for _, c := range s.Commands {
					for _, x := range commandCaches(c) {
						keep(x)
					}
				}
			}
		}
	}
	for _, f := range e.tree.Compose {
		for _, s := range f.Services {
			for _, c := range s.CacheTo {
				x := cacheEntry{text: c.Text, attrs: parseCache(c.Text), place: c.Place, build: s.Build}
				if s.Build != nil {
					x.image = strings.Join([]string{s.Build.Context, s.Build.Dockerfile, s.Build.Target}, " ")
				}
				keep(x)
			}
		}
	}
	return out
}

// commandCaches are those of docker buildx build --cache-to.
func commandCaches(c *tree.Command) []cacheEntry {
	if c.Name() != "docker" {
		return nil
	}
	var out []cacheEntry
	for i, w := range c.Words {
		text, ok := strings.CutPrefix(w.Text, "--cache-to=")
		if w.Text == "--cache-to" && i+1 < len(c.Words) {
			text, ok = c.Words[i+1].Text, c.Words[i+1].Known
		}
		if ok && w.Known {
			out = append(out, cacheEntry{text: text, attrs: parseCache(text), place: project.Place{File: c.Place.File, Line: w.Line}, image: strings.Join(c.Texts(), " ")})
		}
	}
	return out
}

func findCacheMode(e *examiner) {
	for _, c := range e.exports() {
		if c.attrs["mode"] != "max" && !strings.Contains(c.attrs["mode"], "${{") {
			e.add(c.place, "", "exports the layers of the last stage alone: there is no mode=max", e.appendTo(c.place, c.text, ",mode=max")...)
		}
	}
}

// appendTo adds text behind other text in a line.
func (e *examiner) appendTo(place project.Place, text, more string) []fix.Edit {
	file := e.tree.Text(place.File)
	if file == nil || place.Line < 1 || place.Line > len(file.Lines) {
		return nil
	}
	at := strings.Index(file.Lines[place.Line-1], text)
	if at < 0 {
		return nil
	}
	return []fix.Edit{{File: place.File, Line: place.Line, Column: at + len(text) + 1, Insert: more}}
}

var matrixValue = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{\{\s*matrix\.([A-Za-z0-9_.-]+)\s*\}\}`) })

func findCacheScope(e *examiner) {
	byScope := map[string][]cacheEntry{}
	for _, c := range e.exports() {
		scope := c.attrs["scope"]
		if c.step != nil {
			if m := matrixValue().FindStringSubmatch(c.image + c.step.Inputs["tags"].Text); m != nil && !strings.Contains(scope, "matrix.") && !strings.Contains(scope, "strategy.") {
				value := scopeExpression(c)
				e.add(c.place, fmt.Sprintf("add scope=%s", value),
					fmt.Sprintf("each image of the matrix writes its cache to the scope %s", scopeName(scope)), e.addScope(c, value)...)
				continue
			}
			if strings.Contains(c.image, "${{") {
				continue
			}
		}
		if c.image != "" {
			byScope[scope] = append(byScope[scope], c)
		}
	}
	for scope, all := range byScope {
		if !slices.ContainsFunc(all, func(c cacheEntry) bool { return c.image != all[0].image }) {
			continue
		}
		for _, c := range all {
			i := slices.IndexFunc(all, func(o cacheEntry) bool { return o.image != c.image })
			var edits []fix.Edit
			if value := scopeOf(c.build); value != "" && c.attrs["scope"] == "" && !slices.ContainsFunc(all, func(o cacheEntry) bool {
				return o.image != c.image && scopeOf(o.build) == value
			}) {
				edits = e.addScope(c, value)
			}
			e.add(c.place, "", fmt.Sprintf("writes the cache to the scope %s, as another image does (%s)", scopeName(scope), all[i].place), edits...)
		}
	}
}

// scopeOf names a scope for an image: by the folder of its Dockerfile, the name of
// that, and the target; "" where nothing tells.
func scopeOf(b *tree.Build) string {
	if b == nil {
		return ""
	}
	var parts []string
	for _, p := range []string{path.Base(path.Dir(b.Dockerfile)), strings.Trim(strings.ReplaceAll(path.Base(b.Dockerfile), "Dockerfile", ""), "."), b.Target} {
		if p != "" && p != "." {
			parts = append(parts, p)
		}
	}
	name := strings.Join(parts, "-")
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return ""
	}
	return name
}

func scopeName(s string) string {
	if s == "" {
		return "of all (none is named)"
	}
	return s
}

// scopeExpression is what tells the images of a matrix apart.
func scopeExpression(c cacheEntry) string {
	m := matrixValue().FindStringSubmatch(c.step.Inputs["tags"].Text + c.image)
	return "${{ matrix." + m[1] + " }}"
}

// addScope adds the scope to the export and to the imports of the same step.
func (e *examiner) addScope(c cacheEntry, value string) []fix.Edit {
	if c.attrs["scope"] != "" || c.step == nil {
		return nil
	}
	edits := e.appendTo(c.place, c.text, ",scope="+value)
	for _, w := range e.tree.Workflows {
		if w.Path != c.place.File {
			continue
		}
		for _, in := range e.entries(w, c.step, "cache-from") {
			if in.attrs["type"] == "gha" && in.attrs["scope"] == "" {
				edits = append(edits, e.appendTo(in.place, in.text, ",scope="+value)...)
			}
		}
	}
	return edits
}
