package tree

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/pylock-dev/pylock/project"
)

// maxImages bounds the images of a repository, maxBases the Dockerfiles that
// build on each other.
const (
	maxImages = 2_000
	maxBases  = 16
	maxSteps  = 30_000 // instructions of all images
)

// Image is a Dockerfile as something builds it.
type Image struct {
	Build
	Dockerfile *Dockerfile
	Stages     []*Stage
	// Final is the stage that is the image, nil where Target names none.
	Final *Stage
	// Guessed is set where nothing was found that builds it: its context is the
	// folder that its COPYs fit best.
	Guessed bool
	ignore  *ignorer
}

// Stage is a stage of an image with all that its instructions are known to do.
type Stage struct {
	Image *Image
	Name  string
	Place project.Place // of its FROM
	From  string        // the image as FROM names it, with its arguments
	// Base is the stage that it continues: of the same Dockerfile, or the final
	// one of a Dockerfile of the repository. Nil for an image of others, which
	// External is then; "" where not known.
	Base     *Stage
	External string
	Steps    []*Step

	files   []file
	vars    variables
	workdir string // "" when not known
	User    string
	shell   bool // sh, bash
}

// Step is a COPY, an ADD or a RUN.
type Step struct {
	Stage *Stage
	Place project.Place
	End   int // its last line
	Copy  *Copy
	Run   *Run
	index int // of the next file when it runs
}

// Copy is a COPY or an ADD.
type Copy struct {
	From *Stage // nil for the context
	// Sources are what is copied: paths from the root of the repository, or
	// within the stage. Of another image, or where a part is not known, none.
	Sources []string
	Dest    string // absolute
	// Ignored are the files that are named and that a .dockerignore leaves out.
	Ignored []Ignored
	// Texts are the sources as written.
	Texts []string
}

// Ignored is a file that a pattern of a .dockerignore leaves out.
type Ignored struct {
	Path  string // from the root
	Place project.Place
}

// Run is a RUN.
type Run struct {
	Mounts   []Mount
	Commands []*Command
	Installs []*Install
	// Known is false where it is no shell that could be read.
	Known bool
	// ShellForm is set for RUN COMMAND, and Body for a RUN that is one
	// here-document.
	ShellForm, Body bool
	mounts          []file
}

// Mount is a --mount of a RUN.
type Mount struct {
	Type   string // cache, bind, tmpfs, secret, ssh
	Target string // as written, after its variables
}

// file is what a path within a stage is.
type file struct {
	path string
	dir  bool
	repo string // from the root of the repository; "" for none
	from *Stage
	at   string // within that stage
	step *Step
	// unknown hides whatever else is at path.
	unknown bool
}

// readImages follows the images that are built somewhere, then the Dockerfiles
// that are left.
func (t *Tree) readImages() {
	var builds []Build
	add := func(b *Build) {
		if b != nil && t.Has(b.Dockerfile) {
			builds = append(builds, *b)
		}
	}
	for _, f := range t.Compose {
		for _, s := range f.Services {
			add(s.Build)
		}
	}
	for _, m := range t.Makefiles {
		for _, name := range sortedKeys(m.Targets) {
			for _, c := range m.Targets[name].Commands {
				if path.Dir(m.Path) != "." {
					c.Dir = path.Join(path.Dir(m.Path), c.Dir)
				}
				add(newBuild(c))
			}
		}
	}
	for _, w := range t.Workflows {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				add(s.Build)
				for _, c := range s.Commands {
					add(newBuild(c))
				}
			}
		}
	}
	f := &follower{tree: t, builds: builds, names: map[string]int{}}
	for i, b := range builds {
		for _, n := range b.Names {
			if name := imageName(n); name != "" {
				if _, ok := f.names[name]; !ok {
					f.names[name] = i
				}
			}
		}
	}
	for i := range builds {
		f.image(&builds[i], 0)
	}
	for _, file := range t.Files {
		if isDockerfile(file) && !slices.ContainsFunc(t.Images, func(i *Image) bool { return i.Dockerfile.Path == file }) {
			f.guess(file)
		}
	}
	slices.SortStableFunc(t.Images, func(a, b *Image) int { return strings.Compare(a.Dockerfile.Path, b.Dockerfile.Path) })
}

// imageName is a reference without registry, tag and digest.
func imageName(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	slash := strings.LastIndexByte(ref, '/')
	if i := strings.LastIndexByte(ref, ':'); i > slash {
		ref = ref[:i]
	}
	return ref
}

// follower makes images, each once.
type follower struct {
	tree   *Tree
	builds []Build
	names  map[string]int // of a build by the name of its image
	steps  int            // instructions of the images so far
}

func sameBuild(a, b *Build) bool {
	if a.Dockerfile != b.Dockerfile || a.Context != b.Context || a.Target != b.Target || len(a.Args) != len(b.Args) {
		return false
	}
	for k, v := range a.Args {
		if w, ok := b.Args[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// image follows a build; nil where its Dockerfile cannot be read.
func (f *follower) image(b *Build, depth int) *Image {
	t := f.tree
	for _, i := range t.Images {
		if sameBuild(&i.Build, b) {
			return i
		}
	}
	d := t.Dockerfile(b.Dockerfile)
	if d == nil || depth > maxBases {
		return nil
	}
	for _, s := range d.stages {
		f.steps += len(s.Commands)
	}
	if len(t.Images) >= maxImages || f.steps > maxSteps {
		t.note(b.Dockerfile, "left out: the images have more than %d instructions in all", maxSteps)
		return nil
	}
	i := &Image{Build: *b, Dockerfile: d, ignore: t.ignorer(b.Dockerfile, b.Context)}
	t.Images = append(t.Images, i)
	f.follow(i, depth)
	return i
}

// guess makes an image of a Dockerfile that nothing was found to build.
func (f *follower) guess(file string) {
	d := f.tree.Dockerfile(file)
	if d == nil {
		return
	}
	best, context := -1, ""
	dir := path.Dir(file)
	for _, c := range []string{dir, ".", path.Dir(dir)} {
		if n := f.fits(d, c); n > best {
			best, context = n, c
		}
	}
	if i := f.image(&Build{Dockerfile: file, Context: context, Args: map[string]string{}}, 0); i != nil {
		i.Guessed = true
	}
}

// fits counts the sources of COPYs that are in a context.
func (f *follower) fits(d *Dockerfile, context string) (n int) {
	for _, s := range d.stages {
		for _, c := range s.Commands {
			if cp, ok := c.(*instructions.CopyCommand); ok && cp.From == "" {
				for _, src := range cp.SourcePaths {
					if p, ok := join(context, strings.TrimLeft(src, "/")); ok && (f.tree.Has(p) || f.tree.HasFolder(p)) {
						n++
					}
				}
			}
		}
	}
	return n
}

// follow follows the stages of an image.
func (f *follower) follow(i *Image, depth int) {
	d := i.Dockerfile
	global := variables{}
	for k, v := range i.Args {
		if global[k] = nil; v != unset {
			global.set(k, v)
		}
	}
	for _, platform := range []string{"TARGETPLATFORM", "BUILDPLATFORM", "TARGETARCH", "BUILDARCH", "TARGETOS", "TARGETVARIANT"} {
		global[platform] = nil
	}
	for _, arg := range d.args {
		for _, kv := range arg.Args {
			f.argument(d, kv, global, i)
		}
	}
	for n := range d.stages {
		src := &d.stages[n]
		s := &Stage{Image: i, Name: src.Name, Place: project.Place{File: d.Path}, vars: variables{}, workdir: "/", shell: true}
		if len(src.Location) > 0 {
			s.Place.Line = src.Location[0].Start.Line
		}
		i.Stages = append(i.Stages, s)
		f.base(s, src, global, depth)
		w := &walker{follower: f, stage: s, global: global}
		for _, c := range src.Commands {
			w.command(c)
		}
	}
	if i.Target == "" {
		i.Final = i.Stages[len(i.Stages)-1]
		return
	}
	for n, s := range i.Stages {
		if strings.EqualFold(s.Name, i.Target) || i.Target == itoa(n) {
			i.Final = s
		}
	}
}

// argument takes in an ARG with its default, unless the build gives a value.
func (f *follower) argument(d *Dockerfile, kv instructions.KeyValuePairOptional, vars variables, i *Image) {
	vars[kv.Key] = nil
	if v, ok := i.Args[kv.Key]; ok {
		if v != unset {
			vars.set(kv.Key, v)
		}
		return
	}
	if kv.Value != nil {
		if v, known := d.expand(*kv.Value, vars); known {
			vars.set(kv.Key, v)
		}
	}
}

// base finds out what a stage starts from.
func (f *follower) base(s *Stage, src *instructions.Stage, global variables, depth int) {
	i := s.Image
	name, known := i.Dockerfile.expand(src.BaseName, global)
	if !known || name == "" {
		return
	}
	s.From = name
	for _, earlier := range i.Stages[:len(i.Stages)-1] {
		if earlier.Name != "" && strings.EqualFold(earlier.Name, name) {
			s.continues(earlier)
			return
		}
	}
	if b := f.local(name, i); b != nil {
		if other := f.image(b, depth+1); other != nil && other.Final != nil && other != i {
			s.continues(other.Final)
			return
		}
		return
	}
	s.External = name
}

// local is the build of the image of that name, nil for an image of others.
func (f *follower) local(name string, from *Image) *Build {
	if n, ok := f.names[imageName(name)]; ok && f.builds[n].Dockerfile != from.Dockerfile.Path {
		return &f.builds[n]
	}
	root := f.tree.Root
	abs := func(p string) string { return root + "/" + p }
	if file := project.BaseDockerfile(name, abs(path.Dir(from.Dockerfile.Path)), root); file != "" && !strings.Contains(name, "/") {
		if rel, ok := join(strings.TrimPrefix(strings.ReplaceAll(file, `\`, "/"), root+"/")); ok && f.tree.Has(rel) && rel != from.Dockerfile.Path {
			for n := range f.builds {
				if f.builds[n].Dockerfile == rel {
					return &f.builds[n]
				}
			}
			return &Build{Dockerfile: rel, Context: path.Dir(rel), Args: map[string]string{}}
		}
	}
	return nil
}

// continues makes a stage start where another ends.
func (s *Stage) continues(base *Stage) {
	s.Base, s.workdir, s.User, s.shell = base, base.workdir, base.User, base.shell
	for k, v := range base.vars {
		s.vars[k] = v
	}
}

// Chain are the stages that a stage is made of, from the first on.
func (s *Stage) Chain() []*Stage {
	var out []*Stage
	for ; s != nil; s = s.Base {
		out = append(out, s)
	}
	slices.Reverse(out)
	return out
}

// Origin is the image of others that the stage goes back to; "" when not known.
func (s *Stage) Origin() string {
	for s.Base != nil {
		s = s.Base
	}
	return s.External
}

// Official reports whether the stage goes back to an image whose environment is
// known to set nothing for pip.
func (s *Stage) Official() bool {
	name := strings.TrimPrefix(strings.TrimPrefix(imageName(s.Origin()), "docker.io/"), "library/")
	switch name {
	case "python", "debian", "ubuntu", "alpine", "buildpack-deps", "ghcr.io/astral-sh/uv", "public.ecr.aws/docker/library/python", "mirror.gcr.io/library/python":
		return true
	}
	return false
}

// Needs are the stages that a stage is built from: its chain, and what it
// copies from, of the same Dockerfile or of others. It is the last one.
func (s *Stage) Needs() []*Stage {
	var out []*Stage
	var visit func(s *Stage)
	visit = func(s *Stage) {
		if s == nil || slices.Contains(out, s) {
			return
		}
		visit(s.Base)
		for _, step := range s.Steps {
			if step.Copy != nil {
				visit(step.Copy.From)
			}
			if step.Run != nil {
				for _, m := range step.Run.mounts {
					visit(m.from)
				}
			}
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	visit(s)
	return out
}

// Answer is what a path within a stage was found to be.
type Answer uint8

const (
	Absent  Answer = iota // nothing of the repository
	Unknown               // nobody can tell
	Found
)

// Lookup says which file or folder of the repository is at a path when a step
// runs, and which step of the stage's chain brought it.
func (step *Step) Lookup(p string) (repo string, by *Step, a Answer) {
	if p == "" {
		return "", nil, Unknown
	}
	if step.Run != nil {
		if repo, by, a := lookup(step.Run.mounts, p, newBudget()); a != Absent {
			return repo, by, a
		}
	}
	return step.Stage.lookup(p, step.index, newBudget())
}

// Project says which folder of the repository a folder of the stage is, by its
// pyproject.toml: a COPY may bring that and the code from different places.
func (step *Step) Project(dir string) (repo string, a Answer) {
	if dir == "" {
		return "", Unknown
	}
	file, _, a := step.Lookup(path.Join(dir, "pyproject.toml"))
	if a == Found {
		return path.Dir(file), Found
	}
	if a == Absent {
		_, _, a = step.Lookup(dir)
		if a == Found {
			a = Absent // a folder without a project
		}
	}
	return "", a
}

// Lookup is that of the stage when it is done.
func (s *Stage) Lookup(p string) (repo string, by *Step, a Answer) {
	return s.lookup(p, len(s.files), newBudget())
}

// budget bounds the stages that one question leads to: stages that copy from
// each other are a graph with very many ways through it.
type budget struct{ left int }

func newBudget() *budget { return &budget{1_000} }

func (s *Stage) lookup(p string, upto int, b *budget) (string, *Step, Answer) {
	if b.left--; b.left < 0 {
		return "", nil, Unknown
	}
	if repo, by, a := lookup(s.files[:upto], p, b); a != Absent {
		return repo, by, a
	}
	if s.Base != nil {
		return s.Base.lookup(p, len(s.Base.files), b)
	}
	if s.External == "" || !s.Official() && s.External != "scratch" {
		return "", nil, Unknown
	}
	return "", nil, Absent
}

func lookup(files []file, p string, b *budget) (string, *Step, Answer) {
	for n := len(files) - 1; n >= 0; n-- {
		f := &files[n]
		rest, below := "", p == f.path
		if !below && f.dir {
			if f.path == "/" {
				rest, below = p[1:], true
			} else if r, ok := strings.CutPrefix(p, f.path+"/"); ok {
				rest, below = r, true
			}
		}
		if !below {
			continue
		}
		switch {
		case f.unknown:
			return "", f.step, Unknown
		case f.from != nil:
			repo, _, a := f.from.lookup(path.Join(f.at, rest), len(f.from.files), b)
			if a != Absent {
				return repo, f.step, a
			}
		default:
			repo := path.Join(f.repo, rest)
			t := f.step.Stage.Image.tree()
			if t.Has(repo) || t.HasFolder(repo) {
				if _, out := f.step.Stage.Image.ignored(repo); !out {
					return repo, f.step, Found
				}
			}
		}
	}
	return "", nil, Absent
}

// Brings reports whether the stage itself, apart from what it starts from, has a
// file of the repository, or shows it to one of its steps.
func (s *Stage) Brings(repo string) bool {
	has := func(f *file) bool {
		if f.unknown || f.from != nil || f.repo == "" {
			return false
		}
		if f.repo != repo && f.repo != "." && !strings.HasPrefix(repo, f.repo+"/") || f.repo != repo && !f.dir {
			return false
		}
		_, out := s.Image.ignored(repo)
		return !out
	}
	for n := range s.files {
		if has(&s.files[n]) {
			return true
		}
	}
	for _, st := range s.Steps {
		if st.Run == nil {
			continue
		}
		for n := range st.Run.mounts {
			if has(&st.Run.mounts[n]) {
				return true
			}
		}
	}
	return false
}
