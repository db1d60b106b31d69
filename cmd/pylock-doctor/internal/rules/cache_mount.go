package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var cacheMountUnused = Rule{
	Rule: lockfile.Rule{ID: "cache-mount-unused", Severity: lockfile.Warning,
		Title: "a cache mount, and an option that turns the cache off",
		Help:  "Take out --no-cache-dir: with the mount, the cache is in no layer."},
	Reason: `--mount=type=cache keeps what was downloaded between builds. --no-cache-dir, or PIP_NO_CACHE_DIR, tells pip neither to read
nor to write it: the mount stays empty, and every build downloads all packages again.`,
	Cost: "the download of all packages in each build that installs",
	Before: `RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-cache-dir -r requirements.lock`,
	After: `RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -r requirements.lock`,
	Lang:  "dockerfile",
	Mends: "takes the option out; a variable is left to a person",
	find:  findCacheMountUnused,
}

var noCacheMount = Rule{
	Rule: lockfile.Rule{ID: "no-cache-mount", Severity: lockfile.Warning,
		Title: "pip's cache stays in a layer",
		Help:  "Mount a cache: RUN --mount=type=cache,target=/root/.cache/pip pip install …"},
	Reason: `Without a cache mount and without --no-cache-dir pip writes all that it downloads a second time into its cache, which
becomes part of the layer, and which no later build reads.`,
	Cost:   "an image that is larger by the size of all downloads, and these in each build that installs",
	Before: `RUN pip install -r requirements.lock`,
	After: `RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -r requirements.lock`,
	Lang:  "dockerfile",
	Mends: "adds the mount, where root installs",
	find:  findNoCacheMount,
}

// cacheName is the folder of a tool in ~/.cache.
func cacheName(t tree.Tool) string {
	if t == tree.Pip {
		return "pip"
	}
	return "uv"
}

// isCacheOf reports whether a mount is where an install has its cache.
func isCacheOf(m tree.Mount, s *site) bool {
	if m.Type != "cache" {
		return false
	}
	target := path.Clean(m.Target)
	if s.CacheDir != "" {
		return target == path.Clean(s.CacheDir) || strings.HasPrefix(path.Clean(s.CacheDir), target+"/")
	}
	return strings.HasSuffix(target, "/.cache") || strings.HasSuffix(target, "/.cache/"+cacheName(s.Tool))
}

func caching(t tree.Tool) bool { return t == tree.Pip || t == tree.UvPip || t == tree.Uv }

func findCacheMountUnused(e *examiner) {
	for _, s := range e.all() {
		if !caching(s.Tool) || s.Cached() || s.CacheDir != "" && s.NoCacheBy == "" && s.NoCache.Text == "" {
			continue
		}
		if !slices.ContainsFunc(s.step.Run.Mounts, func(m tree.Mount) bool { return isCacheOf(m, &s) }) {
			continue
		}
		by := s.NoCacheBy
		var edits []fix.Edit
		if by == "" {
			by = s.NoCache.Text
			if s.NoCache.Column > 0 {
				edits = e.takeOut(&s)
			}
		}
		e.add(s.Place, fmt.Sprintf("take out %s", by), fmt.Sprintf("mounts a cache, which %s keeps %s from using", by, s.Tool), edits...)
	}
}

// takeOut removes a word and the space before it.
func (e *examiner) takeOut(s *site) []fix.Edit {
	w := s.NoCache
	text := e.tree.Text(s.Place.File)
	if text == nil || w.Line < 1 || w.Line > len(text.Lines) {
		return nil
	}
	line := text.Lines[w.Line-1]
	start, n := w.Column, len(w.Text)
	if start-1+n > len(line) || line[start-1:start-1+n] != w.Text {
		return nil
	}
	if start > 1 && line[start-2] == ' ' && strings.TrimSpace(line[:start-1]) != "" {
		start, n = start-1, n+1
	} else if start-1+n < len(line) && line[start-1+n] == ' ' {
		n++
	}
	return []fix.Edit{{File: s.Place.File, Line: w.Line, Column: start, Delete: n}}
}

func findNoCacheMount(e *examiner) {
	for _, s := range e.all() {
		if !caching(s.Tool) || !s.Cached() || s.Unclear || s.NoIndex || !s.stage.Official() || s.configured() || isDeveloping(s.stage.Name) {
			continue
		}
		if !s.downloads() || s.cleans() || strings.HasPrefix(s.CacheDir, "/tmp") || s.CacheDir != "" && isSet(s.Command, "PIP_CACHE_DIR") && strings.HasPrefix(s.CacheDir, "/dev") {
			continue
		}
		if slices.ContainsFunc(s.step.Run.Mounts, func(m tree.Mount) bool {
			return m.Type == "cache" || m.Type == "tmpfs"
		}) {
			continue
		}
		e.add(s.Place, fmt.Sprintf("RUN --mount=type=cache,target=%s, or %s", s.cacheFolder(), s.noCacheOption()),
			fmt.Sprintf("%s leaves its cache in the layer: there is neither a cache mount nor %s", s.Tool, s.noCacheOption()), s.mountCache(e)...)
	}
}

func (s *site) noCacheOption() string {
	if s.Tool == tree.Pip {
		return "--no-cache-dir"
	}
	return "--no-cache"
}

func (s *site) cacheFolder() string {
	if s.CacheDir != "" {
		return s.CacheDir
	}
	return "/root/.cache/" + cacheName(s.Tool)
}

// downloads reports whether more is fetched than tools that build.
func (s *site) downloads() bool {
	if s.Tool == tree.Uv {
		return true
	}
	if len(s.Files) > 0 || len(s.Paths) > 0 && !s.NoDeps {
		return true
	}
	return slices.ContainsFunc(s.Specs, func(sp tree.Spec) bool { return !slices.Contains(installers, string(sp.Name)) })
}

// configured reports whether a file may tell the tool to have no cache: one that is
// copied or mounted to where it looks for its settings, or a command that sets
// them.
func (s *site) configured() bool {
	isConfig := func(file string) bool {
		return slices.Contains([]string{"pip.conf", "pip.ini", "uv.toml", ".pip"}, path.Base(file))
	}
	if isSet(s.Command, "PIP_CONFIG_FILE") || isSet(s.Command, "UV_CONFIG_FILE") {
		return true
	}
	for _, stage := range s.stage.Chain() {
		for _, st := range stage.Steps {
			if st.Copy != nil && (isConfig(st.Copy.Dest) || slices.ContainsFunc(st.Copy.Texts, isConfig)) {
				return true
			}
			if st.Run == nil {
				continue
			}
			if slices.ContainsFunc(st.Run.Mounts, func(m tree.Mount) bool { return isConfig(m.Target) }) {
				return true
			}
			for _, c := range st.Run.Commands {
				texts := c.Texts()
				if slices.ContainsFunc(c.Writes, isConfig) || len(texts) > 1 && slices.Contains(texts[:min(len(texts), 5)], "config") && strings.Contains(strings.Join(texts, " "), "pip") {
					return true
				}
			}
		}
	}
	return false
}

// cleans reports whether the step removes the cache itself.
func (s *site) cleans() bool {
	return slices.ContainsFunc(s.step.Run.Commands, func(c *tree.Command) bool {
		texts := c.Texts()
		switch c.Name() {
		case "rm", "find":
			return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, "cache") || t == "" || t == "/root" })
		case "pip", "pip3", "uv":
			return len(texts) > 1 && texts[1] == "cache"
		}
		return len(texts) > 3 && texts[2] == "pip" && texts[3] == "cache"
	})
}

// mountCache adds the mount behind RUN.
func (s *site) mountCache(e *examiner) []fix.Edit {
	if s.stage.User != "" && s.stage.User != "root" && s.stage.User != "0" && s.CacheDir == "" || !s.step.Run.ShellForm {
		return nil
	}
	text := e.tree.Text(s.step.Place.File)
	if text == nil || s.step.Place.Line > len(text.Lines) {
		return nil
	}
	line := text.Lines[s.step.Place.Line-1]
	at := strings.Index(strings.ToUpper(line), "RUN")
	if at < 0 || strings.TrimSpace(line[:at]) != "" || len(line) < at+4 {
		return nil
	}
	return []fix.Edit{{File: s.step.Place.File, Line: s.step.Place.Line, Column: at + 4, Insert: " --mount=type=cache,target=" + s.cacheFolder()}}
}
