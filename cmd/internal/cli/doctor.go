package cli

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/cmd/internal/report"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// Doctor examines repositories. It reads formats whose parsers are larger than
// pylock, so that it is part of a program of its own, pylock-doctor, which has
// this command line too; pylock itself has none and starts that program.
type Doctor interface {
	// Rules are all rules, in the order of their documentation.
	Rules() []lockfile.Rule
	// Explain is what there is to say of a rule, as Markdown.
	Explain(id string) string
	// Examine looks at a repository. It writes nothing.
	Examine(ctx context.Context, e Examination) (*Diagnosis, error)
}

// Examination says what to look at.
type Examination struct {
	Root    string   // absolute
	Ignore  []string // ids of rules
	Exclude []string // patterns of folders and files
	Fix     bool     // mend what can be mended
}

// Diagnosis is what was found. With Fix it is what is left.
type Diagnosis struct {
	Findings []lockfile.Finding // with places, but without service and lock
	Notes    []Note             // what could not be looked at
	Mended   []Mended           // files, sorted by path
	Diff     string             // of those, for a person
	Fixed    int                // findings that are mended
	Fixable  int                // findings that --fix would mend
}

// Note says of a file why it was left out.
type Note struct {
	Place   project.Place
	Message string
}

// Mended is the new text of a file.
type Mended struct {
	Path string // relative to the root, with slashes
	Text []byte
}

// doctorProgram is the program that has a [Doctor].
const doctorProgram = "pylock-doctor"

type doctorOptions struct {
	*global
	root    string
	format  formatFlag
	strict  bool
	fix     bool
	dryRun  bool
	ignore  []string
	explain string
}

func newDoctor(g *global) *cobra.Command {
	o := &doctorOptions{global: g}
	cmd := &cobra.Command{
		Use:        "doctor [ROOT]",
		SuggestFor: []string{"lint", "diagnose"},
		Short:      "Find what makes images slow, or other than their locks",
		Long: `Read the Dockerfiles, compose files, workflows, Makefiles and locks of a
repository, and tell what keeps its images from being what the locks say, or
makes their builds slow: each finding with its rule, its place, why, what it
costs, and what to do. Nothing is built, run or fetched.

Without ROOT it is the repository of the current folder. Rules are switched off
by ignore in [tool.pylock.doctor], by --ignore, or at one place by a comment
"# pylock: ignore[RULE]" on the line or above it.

--fix mends what is mechanical: it prints the difference and writes the files;
with --dry-run it writes nothing. What is left is reported.

Exit codes: 0 no errors, 1 there are some (with --strict: or warnings), 2 invalid
input, 4 this machine's files.`,
		Example: `  pylock doctor
  pylock doctor --fix --dry-run
  pylock doctor --explain lock-after-source
  pylock doctor --format sarif`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one folder: pylock doctor examines a repository as a whole")
			}
			return nil
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if g.app.Doctor == nil {
				return nil // the other program changes to --directory
			}
			return g.enter()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if g.app.Doctor == nil {
				return g.runDoctorProgram(cmd.Context())
			}
			if len(args) > 0 {
				o.root = args[0]
			}
			return runDoctor(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.format.register(cmd)
	f.BoolVar(&o.strict, "strict", false, "let warnings fail too")
	f.BoolVar(&o.fix, "fix", false, "mend what is mechanical, and print the difference")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --fix: write nothing")
	f.StringSliceVar(&o.ignore, "ignore", nil, "do not look for this `rule`; may be given several times")
	f.StringVar(&o.explain, "explain", "", "tell all of a `rule`: the fault, the reason, before and after")
	return cmd
}

// runDoctorProgram runs the program that has a doctor, with the same arguments.
func (g *global) runDoctorProgram(ctx context.Context) error {
	path, err := findDoctor()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, g.args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = g.app.Stdin, g.app.Stdout, g.app.Stderr
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return &reported{exit.ExitCode()}
	}
	if err != nil {
		return &machineError{err}
	}
	return nil
}

// findDoctor looks beside this program, then on PATH.
func findDoctor() (string, error) {
	name := doctorProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if own, err := os.Executable(); err == nil {
		for _, own := range []string{own, resolved(own)} {
			path := filepath.Join(filepath.Dir(own), name)
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
				return path, nil
			}
		}
	}
	path, err := exec.LookPath(doctorProgram)
	if err != nil {
		return "", &machineError{errors.New("pylock doctor is a program of its own, " + doctorProgram + ", which is neither beside pylock nor on PATH: make build in the source of pylock makes both, and where pylock was copied from, copy " + doctorProgram + " too")}
	}
	return path, nil
}

func runDoctor(ctx context.Context, o *doctorOptions) error {
	d := o.app.Doctor
	if o.explain != "" {
		if err := knownRule(d, o.explain); err != nil {
			return usagef("--explain: %w", err)
		}
		return o.print([]byte(d.Explain(o.explain)))
	}
	if o.dryRun && !o.fix {
		return usagef("--dry-run is for --fix: add that, or leave it out; without --fix nothing is written")
	}
	e, err := o.examination()
	if err != nil {
		return err
	}
	found, err := d.Examine(ctx, e)
	if err != nil {
		return err
	}
	p := o.printer()
	for _, n := range found.Notes {
		p.warnf("%s: %s", n.Place, n.Message)
	}
	if err := o.mend(p, e.Root, found); err != nil {
		return err
	}
	if found.Fixable > 0 && !o.fix && o.format.String() == "text" {
		defer p.infof("%d of the findings can be mended: see with pylock doctor --fix --dry-run", found.Fixable)
	}
	return o.writeReport(o.format.Format, doctorReport(d, found, o.strict), e.Root)
}

// examination is what flags and settings say.
func (o *doctorOptions) examination() (Examination, error) {
	e := Examination{Fix: o.fix}
	dir := cmp.Or(o.root, ".")
	st, err := os.Stat(dir)
	switch {
	case err != nil:
		return e, usagef("%s: %w", dir, rootCause(err))
	case !st.IsDir():
		return e, usagef("%s is no folder: name the root of a repository", dir)
	}
	if e.Root, err = filepath.Abs(dir); err != nil {
		return e, err
	}
	if o.root == "" {
		e.Root = project.FindRoot(e.Root)
	}
	e.Root = resolved(e.Root)
	w, err := project.OpenWorkspaceAt(e.Root)
	if err != nil {
		return e, err
	}
	settings, err := w.Table("doctor")
	if err != nil {
		return e, err
	}
	for _, id := range o.ignore {
		if err := knownRule(o.app.Doctor, id); err != nil {
			return e, usagef("--ignore: %w", err)
		}
	}
	ignore := settings["ignore"]
	for i, id := range ignore.Texts {
		if err := knownRule(o.app.Doctor, id); err != nil {
			return e, &project.InputError{Place: ignore.Places[i], Msg: "tool.pylock.doctor.ignore: " + err.Error()}
		}
	}
	e.Ignore = slices.Concat(o.ignore, ignore.Texts)
	e.Exclude = settings["exclude"].Texts
	return e, nil
}

func knownRule(d Doctor, id string) error {
	var ids []string
	for _, r := range d.Rules() {
		if r.ID == id {
			return nil
		}
		ids = append(ids, r.ID)
	}
	return usagef("there is no rule %q: %s", id, project.Choices(id, ids))
}

// mend shows what --fix changes and writes it. The difference is the product
// where that is text; a report for a program has stdout for itself.
func (o *doctorOptions) mend(p *printer, root string, found *Diagnosis) error {
	if !o.fix {
		return nil
	}
	if len(found.Mended) == 0 {
		p.infof("nothing is there that --fix could mend")
		return nil
	}
	diff := clean(found.Diff)
	if o.format.String() == "text" {
		if err := o.print([]byte(diff)); err != nil {
			return err
		}
	} else if p.level >= 0 {
		p.write("", diff)
	}
	if o.dryRun {
		p.infof("Would mend %d findings in %d files", found.Fixed, len(found.Mended))
		return nil
	}
	for _, m := range found.Mended {
		if _, err := lockfile.WriteFile(filepath.Join(root, filepath.FromSlash(m.Path)), m.Text, o.app.FS); err != nil {
			return err
		}
	}
	p.infof("Mended %d findings in %d files", found.Fixed, len(found.Mended))
	return nil
}

// doctorReport groups findings by file.
func doctorReport(d Doctor, found *Diagnosis, strict bool) *report.Report {
	r := &report.Report{Command: "doctor", Files: true, Rules: d.Rules()}
	at := map[string]int{}
	for _, f := range found.Findings {
		file := f.Place.File
		n, ok := at[file]
		if !ok {
			n = len(r.Locks)
			at[file] = n
			r.Locks = append(r.Locks, report.Lock{Path: file, State: report.UpToDate})
		}
		if strict {
			f.Severity = lockfile.Stale
		}
		if f.Severity == lockfile.Stale {
			r.Locks[n].State = report.Stale
		}
		r.Locks[n].Findings = append(r.Locks[n].Findings, f)
	}
	slices.SortFunc(r.Locks, func(a, b report.Lock) int { return strings.Compare(a.Path, b.Path) })
	return r
}
