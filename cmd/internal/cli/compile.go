package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver"
)

// compileOptions are the flags of compile and pip compile.
type compileOptions struct {
	*global
	pip bool // pip compile: prints unless told otherwise, and writes no hashes

	sources []string
	output  string

	extras                 list
	allExtras              bool
	groups                 []string
	constraints, overrides []string
	excludes               list
	excludeFiles           []string
	noDeps, noSources      bool

	pythons, platforms []string
	pythonShort        []string
	universal          bool
	forkStrategy       choice

	upgrade         bool
	upgradePackages []string
	resolution      choice
	prerelease      choice
	excludeNewer    string
	// NAME=VALUE for single packages.
	prereleasePackages, excludeNewerPackages []string

	build, noBuild       bool
	buildConstraints     []string
	buildTimeout         time.Duration
	buildDeps            string // path of the lock of what builds require, "" for none
	interpreter          string // of UV_PYTHON, for builds
	noBinary, onlyBinary list
	defaultIndex         string
	indexes              []string
	findLinks            []string
	noIndex              bool
	indexStrategy        choice
	torchBackend         torchValue
	access
	timeout        time.Duration
	requestTimeout time.Duration // of one request; 0 for the client's own

	format              choice
	hashes              hashesValue
	annotation          choice
	noAnnotate          bool
	noHeader            bool
	headerStyle         choice // pylock or uv
	customCommand       string
	noStripExtras       bool
	noEmit              list
	emitIndexURL        bool
	emitFindLinks       bool
	emitBuildOptions    bool
	emitIndexAnnotation bool
	emitLocal           bool

	coherent, dryRun bool
	// diff is how a dry run tells what would change; nil for text.
	diff *diffReport

	// flags is the set that the fields above are bound to; it knows which of
	// them a flag or a variable gave.
	flags *pflag.FlagSet
	// values are the settings that were applied, and written is what the header
	// says: the options without them.
	values  project.Values
	written *compileOptions

	workspaces map[string]*project.Workspace // by root
	unwritten  map[string][]byte             // locks of a dry run, by absolute path
	warnings   []string                      // of the environment
	remarks    []string                      // on the options of an existing lock
	// declared is what the project's tables say; nil until they are read.
	declared *project.ResolverSettings
}

func (o *compileOptions) defaultHashes() string {
	if o.pip {
		return "none"
	}
	return "target"
}

func newCompile(g *global) *cobra.Command {
	o := &compileOptions{global: g}
	cmd := &cobra.Command{
		Use:        "compile [DIR|FILE...]",
		SuggestFor: []string{"lock", "resolve", "update", "upgrade"},
		Short:      "Lock a service",
		Long: `Resolve what the sources ask for and lock it.

A DIR means its pyproject.toml, and the lock is DIR/requirements.lock. A FILE
is a pyproject.toml or a requirements file, "-" the standard input; its lock is
printed, or written where --output-file says. Several FILEs make one lock.

The pins of an existing lock are kept wherever they can be: --upgrade lifts
that for all packages, --upgrade-package for one. Without flags that change
the result, the options in the header of the existing lock are kept too.

Several DIRs are services, each with a lock of its own; a service may be named
by its lock too, which then is made alone. Without a source, all services of the
repository in the current folder are locked.`,
		Example: `  pylock compile services/langgraph
  pylock compile services/langgraph --upgrade-package httpx
  pylock compile requirements.in -o requirements.txt --python-version 3.12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.sources = args
			if err := o.environment(); err != nil {
				return err
			}
			return runCompile(cmd.Context(), o)
		},
	}
	o.register(cmd)
	return cmd
}

func newPip(g *global) *cobra.Command {
	pip := &cobra.Command{
		Use:   "pip",
		Short: "Commands that behave like those of uv pip",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	o := &compileOptions{global: g, pip: true}
	cmd := &cobra.Command{
		Use:   "compile FILE...",
		Short: "Lock requirements as uv pip compile does",
		Long: `Resolve what the sources ask for and print it, every package with its exact
version: uv pip compile with uv's defaults. Hashes come with --generate-hashes,
a file with --output-file.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name a source: a pyproject.toml, a requirements file, or - for the standard input")
			}
			o.sources = args
			if err := o.environment(); err != nil {
				return err
			}
			return runCompile(cmd.Context(), o)
		},
	}
	o.register(cmd)
	pip.AddCommand(cmd)
	return pip
}

// ended says why the context is over, or returns nil. The cause of an
// interrupt is the signal: only that of a deadline tells more.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return ctx.Err()
}

// moves are the changes that a person counts: those of versions and markers.
func moves(d *lockfile.Diff) []lockfile.Change {
	return slices.DeleteFunc(d.Changes(), func(c lockfile.Change) bool {
		return c.Kind == lockfile.HashesChanged || c.Kind == lockfile.ExtrasChanged
	})
}

func describe(c lockfile.Change) string {
	pin := func(p *lockfile.Pin) string {
		if p.Marker == "" {
			return p.Version.String()
		}
		return p.Version.String() + " ; " + p.Marker
	}
	switch {
	case c.Before == nil:
		return fmt.Sprintf("+ %s %s", c.Name, pin(c.After))
	case c.After == nil:
		return fmt.Sprintf("- %s %s", c.Name, pin(c.Before))
	}
	return fmt.Sprintf("~ %s %s -> %s", c.Name, pin(c.Before), pin(c.After))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// run is what runCompile works on.
type run struct {
	project *project.Project
	request resolver.Request
	target  string // as the header has it
	indexes indexSettings
	homes   map[*project.IndexSource]string // the indexes of indexSettings.places, by the source that names them
	build   lockfile.BuildOptions
	style   lockfile.Style

	output string                // path, or "" to print
	also   []string              // paths of other forms
	old    *lockfile.Lock        // nil when there is none
	before []byte                // the text of old
	moved  []pypi.Name           // --upgrade-package
	bounds []project.Requirement // the specifiers of --upgrade-package
}

// folder is where the lock is, links resolved; build.Root is known.
func (r *run) folder() string {
	return filepath.Join(r.build.Root, filepath.FromSlash(relative(r.project.Root, filepath.Dir(r.output))))
}

// prepare reads all inputs of a job but its existing lock, and checks all
// options; it asks the network for nothing but what direct references lead to,
// through the clients of the team, which may be nil.
func (j *job) prepare(ctx context.Context, t *team) (*run, error) {
	if j.err != nil {
		return nil, j.err
	}
	o := j.options
	if o.allExtras && len(o.extras.values) > 0 {
		return nil, usagef("--extra and --all-extras exclude each other: leave one out")
	}
	r := &run{}
	if len(j.outputs) > 0 {
		r.output, r.also = j.outputs[0], j.outputs[1:]
	}
	var err error
	if r.build.Format, err = o.chooseFormat(r.output); err != nil {
		return nil, err
	}
	if r.project, err = o.load(ctx); err != nil {
		return nil, err
	}
	if err := o.checkOutput(r); err != nil {
		return nil, err
	}
	base := ""
	if r.output != "" {
		base = filepath.Dir(r.output)
	}
	if r.indexes, err = o.indexSettings(r.project.Index, base); err != nil {
		return nil, err
	}
	if err := o.describe(ctx, t, r); err != nil {
		return nil, err
	}
	q := &r.request
	*q = resolver.Request{
		Root:         r.project.Name,
		Requirements: r.project.Requirements,
		Constraints:  slices.Clone(r.project.Constraints),
		Overrides:    r.project.Overrides,

		ScopedOverrides:    r.project.ScopedOverrides,
		Exclusions:         slices.Clone(r.project.Exclusions),
		DependencyMetadata: r.project.DependencyMetadata,

		Locals:         r.project.Locals,
		RequiresPython: r.project.RequiresPython, RequiresPythonPlace: r.project.RequiresPythonPlace,
		NoBuild: o.noBuild,
		NoDeps:  o.noDeps,
	}
	if err := o.settings(r); err != nil {
		return nil, err
	}
	if err := o.target(r); err != nil {
		return nil, err
	}
	if err := o.pinIndexes(r); err != nil {
		return nil, err
	}
	if err := o.builds(r); err != nil {
		return nil, err
	}
	if q.NoBinary, err = names("--no-binary", slices.Concat(r.project.NoBinary, o.noBinary.values)); err != nil {
		return nil, err
	}
	if q.OnlyBinary, err = names("--only-binary", slices.Concat(r.project.OnlyBinary, o.onlyBinary.values)); err != nil {
		return nil, err
	}
	if err := o.prepareMoves(r); err != nil {
		return nil, err
	}
	return r, o.prepareLock(r)
}

// prepareLock settles how the lock will look.
func (o *compileOptions) prepareLock(r *run) error {
	b := &r.build
	var err error
	if b.Hashes, err = lockfile.ParseHashes(o.hashes.value); err != nil {
		return &inputError{err}
	}
	for _, n := range o.noEmit.values {
		name, err := pypi.ParseName(n)
		if err != nil {
			return usagef("--no-emit-package: %w", err)
		}
		b.NoEmit = append(b.NoEmit, name)
	}
	if r.style.Annotation, err = lockfile.ParseAnnotation(o.annotation.value); err != nil {
		return &inputError{err}
	}
	r.style.NoAnnotate, r.style.NoHeader = o.noAnnotate, o.noHeader
	b.NoStripExtras = o.noStripExtras
	b.IndexAnnotation = o.emitIndexAnnotation
	if !o.pip {
		b.DefaultIndex = bare(r.indexes.byDefault)
	}
	if r.indexes.noIndex && !o.pip {
		// Nothing else may be asked for these pins, so pip must not either.
		b.Options = append(b.Options, "--no-index")
	} else if o.emitIndexURL && !r.indexes.noIndex {
		b.Options = append(b.Options, "--index-url "+bare(r.indexes.byDefault))
		for _, u := range r.indexes.extra {
			option := "--extra-index-url "
			if _, flat := r.indexes.flat[u]; flat {
				option = "--find-links "
			}
			b.Options = append(b.Options, option+r.indexes.shown(u))
		}
	}
	if o.emitFindLinks {
		for _, l := range r.indexes.links {
			b.Options = append(b.Options, "--find-links "+cmp.Or(l.Shown, bare(l.Address)))
		}
	}
	if o.emitBuildOptions {
		b.Options = append(b.Options, nameOptions("--no-binary", r.request.NoBinary)...)
		only := r.request.OnlyBinary
		only.All = only.All || o.noBuild
		b.Options = append(b.Options, nameOptions("--only-binary", only)...)
	}
	line := o.customCommand
	if line == "" {
		if line, err = o.headerCommand(r); err != nil {
			return err
		}
	}
	b.Header = lockfile.Header(line, r.target)
	b.Root = resolved(r.project.Root)
	b.Dir = r.folder()
	return o.preparePylock(r)
}

// load reads the sources.
func (o *compileOptions) load(ctx context.Context) (*project.Project, error) {
	p, err := project.Load(project.LoadOptions{
		Sources: o.sources, Stdin: stdin(ctx, o.app.Stdin),
		Extras: o.extras.values, AllExtras: o.allExtras, Groups: o.groups,
		Constraints: o.constraints, Overrides: o.overrides, Excludes: o.excludeFiles, NoSources: o.noSources,
		Asked:     o.asked(),
		Unwritten: o.unwritten,
		Build:     o.buildTree(ctx),
		Getenv:    o.app.Getenv,
	})
	if err != nil {
		for _, s := range o.sources {
			if slices.Contains([]string{"target", "all", "none"}, s) {
				return nil, &inputError{fmt.Errorf("%w; for hashes write --hashes=%s", err, s)}
			}
		}
		return nil, &inputError{err}
	}
	return p, nil
}

// asked are the places of the settings that ask for something of the sources.
func (o *compileOptions) asked() map[string]project.Place {
	at := map[string]project.Place{}
	for _, key := range []string{"extra", "group", "constraints", "overrides", "excludes"} {
		v, ok := o.values[key]
		if !ok || o.given(flagsOf(v)...) {
			continue
		}
		for i, text := range v.Texts {
			if i < len(v.Places) {
				at[project.Asking(key, text)] = v.Places[i]
			}
		}
	}
	return at
}

// names reads the values of --no-binary and --only-binary; as in pip, :none:
// forgets what came before.
func names(flag string, values []string) (resolver.Names, error) {
	var s resolver.Names
	for _, v := range values {
		switch v {
		case ":all:":
			s = resolver.Names{All: true}
			continue
		case ":none:":
			s = resolver.Names{}
			continue
		}
		n, err := pypi.ParseName(v)
		if err != nil {
			return s, usagef("%s: %w", flag, err)
		}
		if s.Names == nil {
			s.Names = map[pypi.Name]bool{}
		}
		s.Names[n] = true
	}
	return s, nil
}

func nameOptions(option string, s resolver.Names) []string {
	if s.All {
		return []string{option + " :all:"}
	}
	var lines []string
	for n := range s.Names {
		lines = append(lines, option+" "+string(n))
	}
	slices.Sort(lines)
	return lines
}

func bareAll(urls []string) []string {
	var s []string
	for _, u := range urls {
		s = append(s, bare(u))
	}
	return s
}
