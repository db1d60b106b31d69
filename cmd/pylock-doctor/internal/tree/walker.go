package tree

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/pylock-dev/pylock/project"
)

func itoa(n int) string { return strconv.Itoa(n) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (i *Image) tree() *Tree { return i.Dockerfile.tree }

// ignored reports whether a path of the repository is left out of the context.
func (i *Image) ignored(repo string) (line int, out bool) {
	rel := repo
	if i.Context != "." {
		var ok bool
		if rel, ok = strings.CutPrefix(repo, i.Context+"/"); !ok {
			return 0, false
		}
	}
	return i.ignore.ignores(rel)
}

// walker follows the instructions of a stage.
type walker struct {
	*follower
	stage  *Stage
	global variables
}

func (w *walker) expand(word string) (string, bool) {
	return w.stage.Image.Dockerfile.expand(word, w.stage.vars)
}

// at is an absolute path of the stage; "" when not known.
func (w *walker) at(p string, known bool) string {
	switch {
	case !known:
		return ""
	case path.IsAbs(p):
		return path.Clean(p)
	case w.stage.workdir == "":
		return ""
	}
	return path.Join(w.stage.workdir, p)
}

func (w *walker) command(c instructions.Command) {
	s := w.stage
	switch c := c.(type) {
	case *instructions.ArgCommand:
		for _, kv := range c.Args {
			if v, ok := w.global[kv.Key]; ok && kv.Value == nil {
				s.vars[kv.Key] = v // a global one, declared again
				continue
			}
			if len(s.vars) < maxNames {
				w.argument(s.Image.Dockerfile, kv, s.vars, s.Image)
			}
		}
	case *instructions.EnvCommand:
		values := variables{}
		for _, kv := range c.Env {
			values[kv.Key] = nil
			// A variable of the base image, such as PATH, is not known.
			if v, known := w.expand(kv.Value); known {
				values.set(kv.Key, v)
			}
		}
		if len(s.vars) < maxNames {
			maps.Copy(s.vars, values)
		}
	case *instructions.WorkdirCommand:
		s.workdir = w.at(w.expand(c.Path))
	case *instructions.UserCommand:
		s.User, _ = w.expand(c.User)
		s.User = cmp.Or(s.User, "?")
	case *instructions.ShellCommand:
		s.shell = len(c.Shell) > 0 && slices.Contains([]string{"sh", "bash", "ash", "dash"}, path.Base(c.Shell[0]))
	case *instructions.CopyCommand:
		w.copy(c.SourcesAndDest, c.From, c.Parents, c.ExcludePatterns, c.Location())
	case *instructions.AddCommand:
		w.copy(c.SourcesAndDest, "", false, c.ExcludePatterns, c.Location())
	case *instructions.RunCommand:
		w.run(c)
	}
}

func (w *walker) step(loc []parser.Range) *Step {
	st := &Step{Stage: w.stage, Place: project.Place{File: w.stage.Image.Dockerfile.Path}, index: len(w.stage.files)}
	if len(loc) > 0 {
		st.Place.Line, st.End = loc[0].Start.Line, loc[len(loc)-1].End.Line
	}
	w.stage.Steps = append(w.stage.Steps, st)
	return st
}

// stageOf is what FROM= names: a stage, or an image of the repository; others
// reports an image of others, or one that is not known.
func (w *walker) stageOf(from string) (s *Stage, others bool) {
	if from == "" {
		return nil, false
	}
	name, known := w.stage.Image.Dockerfile.expand(from, w.global)
	if !known {
		return nil, true
	}
	for n, earlier := range w.stage.Image.Stages[:len(w.stage.Image.Stages)-1] {
		if earlier.Name != "" && strings.EqualFold(earlier.Name, name) || name == itoa(n) {
			return earlier, false
		}
	}
	if b := w.local(name, w.stage.Image); b != nil {
		if other := w.image(b, maxBases/2); other != nil && other.Final != nil && other != w.stage.Image {
			return other.Final, false
		}
	}
	return nil, true
}

func (w *walker) copy(sd instructions.SourcesAndDest, from string, parents bool, exclude []string, loc []parser.Range) {
	st := w.step(loc)
	cp := &Copy{Texts: sd.SourcePaths}
	st.Copy = cp
	defer func() { st.index = len(w.stage.files) }()
	dest, known := w.expand(sd.DestPath)
	cp.Dest = w.at(dest, known)
	if cp.Dest == "" {
		// It may be anywhere.
		w.stage.files = append(w.stage.files, file{path: "/", dir: true, step: st, unknown: true})
		return
	}
	stage, others := w.stageOf(from)
	cp.From = stage
	into := strings.HasSuffix(dest, "/") || dest == "." || len(sd.SourcePaths) > 1 || strings.HasSuffix(dest, "/.") || w.isDir(cp.Dest)
	for _, text := range sd.SourcePaths {
		src, known := w.expand(text)
		switch {
		case strings.Contains(src, "://") || strings.HasPrefix(src, "git@"):
			w.unknown(st, path.Join(cp.Dest, path.Base(src)), false)
		case others || !known:
			w.unknown(st, cp.Dest, true)
		case stage != nil:
			w.copyStage(st, stage, path.Join("/", src), into)
		default:
			w.copyContext(st, src, into, parents, exclude)
		}
	}
	for _, c := range sd.SourceContents {
		w.unknown(st, path.Join(cp.Dest, c.Path), false)
		w.unknown(st, cp.Dest, false)
	}
}

func (w *walker) unknown(st *Step, p string, dir bool) {
	w.stage.files = append(w.stage.files, file{path: p, dir: dir, step: st, unknown: true})
}

// isDir reports whether a path of the stage is known to be a folder.
func (w *walker) isDir(p string) bool {
	if p == w.stage.workdir || p == "/" {
		return true
	}
	for _, f := range w.stage.files {
		if f.dir && f.path == p || strings.HasPrefix(f.path, p+"/") {
			return true
		}
	}
	return false
}

// copyStage copies from a stage. What is there may be a folder or a file.
func (w *walker) copyStage(st *Step, from *Stage, src string, into bool) {
	st.Copy.Sources = append(st.Copy.Sources, src)
	if strings.ContainsAny(src, "*?[") {
		w.unknown(st, st.Copy.Dest, true)
		return
	}
	repo, _, a := from.Lookup(src)
	isFile := a == Found && w.tree.Has(repo)
	dst := st.Copy.Dest
	if into && isFile {
		dst = path.Join(dst, path.Base(src))
	}
	if into && !isFile {
		// Were it a file that a command wrote, it would lie below.
		w.stage.files = append(w.stage.files, file{path: path.Join(dst, path.Base(src)), step: st, unknown: a != Found})
	}
	w.stage.files = append(w.stage.files, file{path: dst, dir: true, from: from, at: src, step: st})
}

// copyContext copies from the context.
func (w *walker) copyContext(st *Step, src string, into, parents bool, exclude []string) {
	i := w.stage.Image
	rel := strings.TrimLeft(path.Clean("/"+src), "/")
	p, ok := join(i.Context, rel)
	if !ok {
		w.unknown(st, st.Copy.Dest, true)
		return
	}
	matches := []string{p}
	glob := strings.ContainsAny(src, "*?[")
	if glob {
		matches = w.glob(i.Context, p)
		into = into || len(matches) > 1
	}
	for _, m := range matches {
		dst := st.Copy.Dest
		if line, out := i.ignored(m); out {
			if w.tree.Has(m) {
				st.Copy.Ignored = append(st.Copy.Ignored, Ignored{m, project.Place{File: i.ignore.file, Line: line}})
			}
			continue
		}
		switch {
		case w.tree.HasFolder(m):
			if parents {
				dst = path.Join(dst, strings.TrimPrefix(m, i.Context+"/"))
			}
			w.stage.files = append(w.stage.files, file{path: dst, dir: true, repo: m, step: st})
			for _, e := range exclude {
				// What a pattern leaves out is not looked into.
				w.unknown(st, path.Join(dst, e), true)
			}
			for _, f := range w.tree.Below(m) {
				if line, out := i.ignored(f); out {
					st.Copy.Ignored = append(st.Copy.Ignored, Ignored{f, project.Place{File: i.ignore.file, Line: line}})
				}
			}
		case w.tree.Has(m):
			switch {
			case parents:
				dst = path.Join(dst, strings.TrimPrefix(m, i.Context+"/"))
			case into:
				dst = path.Join(dst, path.Base(m))
			}
			w.stage.files = append(w.stage.files, file{path: dst, repo: m, step: st})
		default:
			// It is made before the build, or the context is another.
			w.unknown(st, dst, true)
			continue
		}
		st.Copy.Sources = append(st.Copy.Sources, m)
	}
}

// glob are the files and folders that a pattern of a COPY matches.
func (w *walker) glob(context, pattern string) (out []string) {
	n := strings.Count(pattern, "/")
	seen := map[string]bool{}
	for _, f := range w.tree.Below(context) {
		parts := strings.Split(f, "/")
		if len(parts) <= n {
			continue
		}
		head := strings.Join(parts[:n+1], "/")
		if seen[head] {
			continue
		}
		seen[head] = true
		if ok, err := path.Match(pattern, head); ok && err == nil {
			out = append(out, head)
		}
	}
	return out
}

func (w *walker) run(c *instructions.RunCommand) {
	s := w.stage
	st := w.step(c.Location())
	run := &Run{Known: true}
	st.Run = run
	expand := func(word string) (string, error) {
		v, known := w.expand(word)
		if !known {
			return word, nil
		}
		return v, nil
	}
	_ = c.Expand(expand) // of the options of mounts
	for _, m := range instructions.GetMounts(c) {
		run.Mounts = append(run.Mounts, Mount{string(m.Type), m.Target})
		w.mount(st, m)
	}
	vars := maps.Clone(s.vars)
	switch {
	case !c.PrependShell:
		cmd := &Command{Env: vars, Dir: s.workdir, Place: st.Place}
		for _, word := range c.CmdLine {
			cmd.Words = append(cmd.Words, Word{Text: word, Known: true, Line: st.Place.Line})
		}
		cmd.unwrap()
		run.Commands = []*Command{cmd}
		if name := cmd.Name(); name == "sh" || name == "bash" {
			if inner, ok := shellArgument(cmd); ok {
				sc := script{file: st.Place.File, text: inner.Text, line: st.Place.Line}
				run.Commands, run.Known = sc.commands(vars, s.workdir)
			}
		}
	case !s.shell:
		run.Known = false
	default:
		run.ShellForm = true
		sc, ok := w.script(st, c, run)
		if !ok {
			run.Known = false
			break
		}
		run.Commands, run.Known = sc.commands(vars, s.workdir)
	}
	for _, cmd := range run.Commands {
		cmd.Place.File = st.Place.File
		if in := NewInstall(cmd); in != nil {
			if !run.Body {
				in.Place = st.Place
			}
			run.Installs = append(run.Installs, in)
		}
	}
	w.writes(st)
}

// script is what the shell of a RUN gets, with the lines and columns that it has
// in the file: what is no part of it is blanked.
func (w *walker) script(st *Step, c *instructions.RunCommand, run *Run) (script, bool) {
	d := w.stage.Image.Dockerfile
	first, last := st.Place.Line, st.End
	if first < 1 || last > len(d.Lines) || last < first {
		return script{}, false
	}
	lines := slices.Clone(d.Lines[first-1 : last])
	if len(c.Files) > 0 {
		line := ""
		if len(c.CmdLine) > 0 {
			line = strings.TrimSpace(c.CmdLine[0])
		}
		words := strings.Fields(line)
		shellOnly := len(words) == 1 || len(words) >= 2 && slices.Contains([]string{"sh", "bash", "/bin/sh", "/bin/bash"}, words[0])
		if !strings.Contains(line, "<<") || !shellOnly || len(c.Files) > 1 {
			// A command with a here-document, which is data.
			return script{file: d.Path, text: line, line: first}, line != ""
		}
		if head := strings.TrimSpace(c.Files[0].Data); strings.HasPrefix(head, "#!") {
			interpreter, _, _ := strings.Cut(head, "\n")
			if !strings.Contains(interpreter, "sh") {
				return script{}, false
			}
		}
		// The body begins behind the line with the mark.
		at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "<<") })
		if at < 0 || at+1 > len(lines)-1 {
			return script{}, false
		}
		run.Body = true
		return script{file: d.Path, text: strings.Join(lines[at+1:len(lines)-1], "\n"), line: first + at + 1, exact: true}, true
	}
	blank(lines, d.escape)
	return script{file: d.Path, text: strings.Join(lines, "\n"), line: first, exact: true}, true
}

// blank turns the lines of a RUN into a script of the same lines and columns:
// the keyword and its options become spaces, a comment or an empty line a
// continuation, since Docker leaves them out.
func blank(lines []string, escape rune) {
	for i, l := range lines {
		trimmed := strings.TrimSpace(l)
		if i > 0 && i < len(lines) && (trimmed == "" || strings.HasPrefix(trimmed, "#")) && i < len(lines)-1 {
			lines[i] = `\`
			continue
		}
		if cut, ok := strings.CutSuffix(strings.TrimRight(l, " \t"), string(escape)); ok && i < len(lines)-1 {
			lines[i] = cut + `\`
		}
	}
	// The options may be spread over lines.
	started := false
	for i := range lines {
		l := lines[i]
		pos := 0
		for {
			for pos < len(l) && (l[pos] == ' ' || l[pos] == '\t') {
				pos++
			}
			rest := l[pos:]
			switch {
			case !started && len(rest) >= 3 && strings.EqualFold(rest[:3], "RUN"):
				started = true
				l = l[:pos] + "   " + l[pos+3:]
				pos += 3
				continue
			case started && strings.HasPrefix(rest, "--"):
				n := strings.IndexAny(rest, " \t")
				if n < 0 {
					n = len(rest)
				}
				l = l[:pos] + strings.Repeat(" ", n) + l[pos+n:]
				pos += n
				continue
			}
			break
		}
		lines[i] = l
		if rest := strings.TrimSpace(l); rest != "" && rest != `\` {
			return
		}
	}
}

// mount takes in a bind mount: what it shows is there while the step runs.
func (w *walker) mount(st *Step, m *instructions.Mount) {
	if m.Type != instructions.MountTypeBind {
		return
	}
	target := w.at(m.Target, m.Target != "")
	if target == "" {
		return
	}
	f := file{path: target, step: st}
	stage, others := w.stageOf(m.From)
	switch {
	case others:
		f.unknown, f.dir = true, true
	case stage != nil:
		f.from, f.at, f.dir = stage, path.Join("/", m.Source), true
	default:
		p, ok := join(w.stage.Image.Context, strings.TrimLeft(m.Source, "/"))
		f.repo, f.dir, f.unknown = p, w.tree.HasFolder(p), !ok
	}
	st.Run.mounts = append(st.Run.mounts, f)
}

// writes hides files that commands of a step may have written.
func (w *walker) writes(st *Step) {
	for _, c := range st.Run.Commands {
		targets := slices.Clone(c.Writes)
		texts := c.Texts()
		for i, word := range texts {
			if (word == "-o" || word == "--output" || word == "--output-file") && i+1 < len(texts) {
				targets = append(targets, texts[i+1])
			} else if _, v, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "--output") {
				targets = append(targets, v)
			}
		}
		switch c.Name() {
		case "cp", "mv", "ln", "tee", "sed", "curl", "wget", "git", "unzip", "tar", "envsubst", "install":
			for _, word := range texts[1:] {
				if word != "" && !strings.HasPrefix(word, "-") {
					targets = append(targets, word)
				}
			}
		}
		for _, target := range targets {
			switch {
			case target == "" || strings.HasPrefix(target, "/dev/"):
			case path.IsAbs(target):
				w.unknown(st, path.Clean(target), c.Name() != "sed" && c.Name() != "tee")
			case c.Dir != "":
				w.unknown(st, path.Join(c.Dir, target), c.Name() != "sed" && c.Name() != "tee")
			}
		}
	}
}

// Ignores reports whether a .dockerignore leaves a file of the repository out of
// the context.
func (i *Image) Ignores(repo string) bool {
	_, out := i.ignored(repo)
	return out
}
