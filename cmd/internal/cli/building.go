package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/build"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// buildSettings say how source distributions are built.
type buildSettings struct {
	python      string // minor version
	interpreter string // path or name, "" for one of that version on PATH
	timeout     time.Duration
	constraints []project.Requirement
	// As for what is locked, so that a lock of the past is built as then.
	excludeNewer        time.Time
	excludeNewerPackage map[pypi.Name]time.Time
}

// text tells builders apart that answer differently, or elsewhere.
func (b *buildSettings) text() string {
	if b == nil {
		return ""
	}
	lines := []string{"python " + b.python, "interpreter " + b.interpreter, "timeout " + b.timeout.String(), "exclude-newer " + b.excludeNewer.String(), b.inputs()}
	for _, n := range slices.Sorted(maps.Keys(b.excludeNewerPackage)) {
		lines = append(lines, "exclude-newer "+string(n)+" "+b.excludeNewerPackage[n].String())
	}
	return strings.Join(lines, "\n")
}

// inputs are what an answer of the cache must agree with, one a line. A cutoff
// is not among them, nor is what the index has today: who wants a build of
// today asks with --refresh.
func (b *buildSettings) inputs() string {
	var lines []string
	for _, c := range b.constraints {
		lines = append(lines, "constraint "+c.Requirement.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// builds settles how the job builds, if at all. The request has its targets
// and cutoffs.
func (o *compileOptions) builds(r *run) error {
	if !o.build || o.noBuild {
		if o.buildDeps != "" {
			return usagef("--build-deps %s: what builds require is known only with --build", slashed(o.buildDeps))
		}
		if named := o.namedInterpreter(); named != "" {
			return usagef("--python %s: that is an interpreter, which nothing but --build runs; write its version, such as 3.12", named)
		}
		return nil
	}
	q := &r.request
	python := q.LowestPython
	if len(q.Targets) > 0 {
		python = q.Targets[0].Python
	}
	s, err := o.buildSettings(python, r.project)
	if err != nil {
		return err
	}
	q.Builds = true
	r.indexes.build = s
	return nil
}

// buildSettings are those of builds for one Python, as far as p is read.
func (o *compileOptions) buildSettings(python pep440.Version, p *project.Project) (*buildSettings, error) {
	s := &buildSettings{
		python: python.String(), interpreter: cmp.Or(o.namedInterpreter(), o.interpreter), timeout: o.buildTimeout,
		constraints: slices.Clone(p.BuildConstraints),
	}
	if strings.ContainsAny(s.interpreter, `/\`) {
		path, err := filepath.Abs(s.interpreter)
		if err != nil {
			return nil, err
		}
		s.interpreter = path
	}
	if len(o.buildConstraints) > 0 {
		p, err := project.Load(project.LoadOptions{Sources: o.buildConstraints, NoSources: true, Getenv: o.app.Getenv})
		if err != nil {
			return nil, &inputError{fmt.Errorf("--build-constraints: %w", err)}
		}
		s.constraints = append(s.constraints, p.Requirements...)
	}
	var err error
	s.excludeNewer, s.excludeNewerPackage, err = o.cutoffs(&p.Settings)
	return s, err
}

// isInterpreter reports whether a value of --python names a program rather
// than a version.
func isInterpreter(s string) bool {
	if _, err := parsePython(s); err == nil {
		return false
	}
	return strings.ContainsAny(s, `/\`) || strings.HasPrefix(s, "python") || strings.HasPrefix(s, "pypy")
}

// namedInterpreter is the interpreter of --python, "" for none.
func (o *compileOptions) namedInterpreter() string {
	for _, s := range o.pythonShort {
		if isInterpreter(s) {
			return s
		}
	}
	return ""
}

// builder adapts a builder of metadata to what the index asks.
type builder struct {
	*build.Builder
	key string
}

// Key implements [index.Builder].
func (b builder) Key() string { return b.key }

// key is what an answer of the cache depends on. No Python is needed to know
// it: a lock that was built once is checked without one.
func (s *buildSettings) key() string {
	python, _, _ := strings.Cut(strings.Replace(s.python, ".", " ", 1), ".")
	return "cpython " + python + "\n" + runtime.GOOS + " " + runtime.GOARCH + "\n" + s.inputs()
}

// builder makes one that takes build requirements from a client, which does
// not exist yet.
func (o *compileOptions) builder(s *buildSettings, live *progress, client func() *index.Client) builder {
	p := o.printer()
	p.live = live
	opts := build.Options{
		Version: s.python, Interpreter: s.interpreter, Timeout: s.timeout, Getenv: o.app.Getenv,
		Wheels: func(ctx context.Context, on *build.Python, requires []string, folder string) error {
			return s.wheels(ctx, client(), on, requires, folder)
		},
	}
	if p.level > 0 {
		opts.Log = func(line string) {
			o.cache.mu.Lock() // builds run at once
			defer o.cache.mu.Unlock()
			p.detailf("build: %s", line)
		}
	}
	b := builder{build.New(opts), s.key()}
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	o.cache.builders = append(o.cache.builders, b.Builder)
	return b
}

// closeBuilders ends all builds, and removes what they left.
func (g *global) closeBuilders() {
	for _, b := range g.cache.builders {
		if err := b.Close(); err != nil {
			g.printer().warnf("what a build left cannot be removed: %s", rootCause(err))
		}
	}
}

// wheels chooses wheels for the requirements of a build as a lock does, and
// downloads them.
func (s *buildSettings) wheels(ctx context.Context, c *index.Client, on *build.Python, requires []string, folder string) error {
	platform, err := tags.ParsePlatform(on.Platform)
	if err != nil {
		return err
	}
	python, err := parsePython(on.Version)
	if err != nil {
		return err
	}
	q := resolver.Request{
		Root: "the build", Constraints: s.constraints,
		Targets:      []resolver.Target{{Python: python, Platform: platform}},
		OnlyBinary:   resolver.Names{All: true}, // what a build requires is not built itself
		ExcludeNewer: s.excludeNewer, ExcludeNewerPackage: s.excludeNewerPackage,
	}
	for _, text := range requires {
		r, _, err := pep508.ParseRequirement(text)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		q.Requirements = append(q.Requirements, project.Requirement{Requirement: r, Text: text, Origin: "build-system.requires"})
	}
	res, err := resolver.Resolve(ctx, source{c}, q, nil)
	if err != nil {
		return err
	}
	release := python.Release()
	fit := tags.For(tags.Python{Implementation: "cp", Major: release[0], Minor: release[1]}, platform)
	for _, pkg := range res.Packages {
		f := bestWheel(fit, pkg.Files)
		if f == nil {
			return fmt.Errorf("%s %s has no wheel for this machine", pkg.Name, pkg.Version)
		}
		p, err := c.Project(ctx, pkg.Name)
		if err != nil {
			return err
		}
		if err := c.Download(ctx, p, f, filepath.Join(folder, f.Filename)); err != nil {
			return err
		}
	}
	return nil
}

// bestWheel returns the wheel that pip would take, nil where none fits.
func bestWheel(fit *tags.Compatible, files []*index.File) *index.File {
	var best *index.File
	rank := 0
	for _, f := range files {
		if f.IsSdist() {
			continue
		}
		if k, ok := fit.Rank(f.Wheel.Tags); ok && (best == nil || k < rank || k == rank && f.Wheel.BuildNumber > best.Wheel.BuildNumber) {
			best, rank = f, k
		}
	}
	return best
}

// ofBuild reports whether an error is a build that failed, or that none is
// possible here.
func ofBuild(err error) bool {
	return errors.As(err, new(*build.Error)) || errors.As(err, new(*build.SetupError))
}

// buildValue is --build or --no-build: the last of them counts.
type buildValue struct {
	o  *compileOptions
	on bool
}

func (b buildValue) String() string   { return "false" }
func (b buildValue) Type() string     { return "bool" }
func (b buildValue) IsBoolFlag() bool { return true }

func (b buildValue) Set(s string) error {
	switch {
	case s == "true":
		b.o.build, b.o.noBuild = b.on, !b.on
	case s != "false":
		return fmt.Errorf("takes no value")
	case b.on:
		b.o.build = false
	default:
		b.o.noBuild = false
	}
	return nil
}
