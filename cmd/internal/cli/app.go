// Package cli is the command line of pylock: it parses flags and environment,
// runs one command, shows progress and picks the exit code.
//
// Stdout is the product, stderr is talk. Text from outside (an index, a
// project, an argument) reaches stderr through one writer that escapes control
// characters; see [printer].
package cli

import (
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi/index"
)

// App is the world of a command: what differs between a process and a test.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       bool // Stderr is one
	StdoutTerminal bool
	Getenv         func(string) (string, bool)
	FS             lockfile.FS
	// SystemConfig is the folder of the machine's settings; "" for none.
	SystemConfig string
	Now          func() time.Time
	// Transport replaces the network, Dial only its connections, and Sleep the
	// wait between tries; nil for the real ones.
	Transport http.RoundTripper
	Dial      index.Dial
	Sleep     func(context.Context, time.Duration) error
	// Doctor is what pylock doctor asks; nil where another program has it.
	Doctor Doctor
	// Jobs bounds the services that are locked at once; 0 for as many as the
	// machine is good for.
	Jobs int
	// KeyringTimeout bounds a question to the keyring; 0 for a minute.
	KeyringTimeout time.Duration
}

// New returns the app of the process.
func New() *App {
	return &App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Terminal: term.IsTerminal(int(os.Stderr.Fd())), StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		Getenv: os.LookupEnv,
		FS:     lockfile.OS{},

		SystemConfig: systemConfig(),
		Now:          time.Now,
	}
}

// Run executes the command that the arguments name and returns the exit code.
func (a *App) Run(ctx context.Context, args []string) int {
	g := &global{app: a, args: args}
	root := newRootFor(g, args)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	g.closeBuilders()
	g.closeCache()
	return g.exit(ctx, err)
}

// global are the flags that every command has.
type global struct {
	app        *App
	args       []string // as given
	quiet      int
	verbose    int
	color      choice
	noProgress bool
	directory  string
	cache      caching

	company      company
	netrc        netrcFile
	keyringAsked keyringState
}

func systemConfig() string {
	if runtime.GOOS == "windows" {
		return os.Getenv("ProgramData")
	}
	return "/etc"
}

// commands make the commands, in no order.
var commands = map[string]func(g *global) *cobra.Command{
	"compile": newCompile, "check": newCheck, "diff": newDiff, "export": newExport, "pip": newPip, "cache": newCache,
	"config": newConfig, "doctor": newDoctor, "init": newInit, "version": newVersion,
	"tree":      func(g *global) *cobra.Command { return newTree(g, newReading(g)) },
	"why":       func(g *global) *cobra.Command { return newWhy(g, newReading(g)) },
	"outdated":  func(g *global) *cobra.Command { return newOutdated(g, newReading(g)) },
	"coherence": func(g *global) *cobra.Command { return newCoherence(g, newReading(g)) },
	"settings":  newSettingsTopic,
}

// newRoot returns the whole command line.
func newRoot(g *global) *cobra.Command { return newRootFor(g, nil) }

// newRootFor leaves out commands that the arguments cannot be about: to define
// all their flags takes as long as to start the process.
func newRootFor(g *global, args []string) *cobra.Command {
	root := newBareRoot(g)
	if len(args) > 0 {
		if one := commands[args[0]]; one != nil {
			root.AddCommand(one(g))
			return root
		}
		if args[0] == "--version" && len(args) == 1 {
			return root
		}
	}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		root.AddCommand(commands[name](g))
	}
	root.SetHelpCommand(newHelp(root))
	return root
}

func newBareRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "pylock",
		Short: "Lock the dependencies of Python services",
		Long: `pylock resolves what a pyproject.toml or a requirements file asks for and
writes a requirements.lock: every package with its exact version and hashes,
as pip install -r reads it.

Exit codes: 0 yes, 1 the answer is no (no solution, unknown package), 2 usage
or invalid input, 3 index or network not available, 4 this machine's files,
130 interrupted.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, args []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			return g.enter()
		},
	}
	root.SetVersionTemplate("pylock {{.Version}}\n")
	root.SetIn(g.app.Stdin)
	root.SetOut(g.app.Stdout)
	root.SetErr(g.app.Stderr)
	root.SetFlagErrorFunc(flagError)
	g.color = choice{value: "auto", of: []string{"auto", "always", "never"}}
	f := root.PersistentFlags()
	f.VarPF((*tally)(&g.quiet), "quiet", "q", "print no messages but errors; what a command is asked for is printed all the same").NoOptDefVal = "true"
	f.VarPF((*tally)(&g.verbose), "verbose", "v", "print what happens in detail").NoOptDefVal = "true"
	f.Var(&g.color, "color", "colour messages: auto, always or never")
	f.BoolVar(&g.noProgress, "no-progress", false, "show no progress")
	g.cache.register(f)
	f.StringVar(&g.directory, "directory", "", "change to this `folder` first")
	must(root.MarkPersistentFlagDirname("directory"))
	must(root.MarkPersistentFlagDirname("cache-dir"))
	complete(root, "color", g.color.of...)
	return root
}

// enter applies the global flags.
func (g *global) enter() error {
	if g.directory == "" {
		return nil
	}
	if err := os.Chdir(g.directory); err != nil {
		return usagef("--directory: %w", err)
	}
	return nil
}

// must is for mistakes in the definition of commands.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// complete offers values for a flag to the shell.
func complete(cmd *cobra.Command, flag string, values ...string) {
	must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return usagef("%w", cobra.NoArgs(cmd, args))
	}
	name := args[0]
	switch name {
	case "sync", "install":
		return usagef("unknown command %q: pylock installs nothing: pylock check tells whether a lock is up to date, pylock compile writes it, pip install -r takes it", name)
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usagef("unknown command %q: did you mean %s %s?", name, cmd.CommandPath(), strings.Join(near, " or "))
	}
	return usagef("unknown command %q: see %s --help", name, cmd.CommandPath())
}
