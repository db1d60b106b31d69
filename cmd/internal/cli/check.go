package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/cmd/internal/report"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/resolver"
)

// checkOptions are the flags of check: those of compile that change the
// result, and its own.
type checkOptions struct {
	*compileOptions
	format          choice
	strict, offline bool
	changedSince    string
}

func newCheck(g *global) *cobra.Command {
	o := &checkOptions{compileOptions: &compileOptions{global: g}}
	cmd := &cobra.Command{
		Use:   "check [DIR|LOCK...]",
		Short: "Tell whether locks fit their inputs",
		Long: `Tell whether each lock is a correct, complete and minimal solution of what its
service asks for. New releases on the index never make a lock stale: only the
pinned versions are looked at, and nothing is searched or written.

A DIR is a service, or a folder of services, a LOCK a file whose header names
its sources: one of pylock, of uv pip compile or of pip-compile. Without either,
all services of the repository in the current folder are checked. Options that
change what a lock should be (--python-version, --extra, …) are those of
compile; without them the settings count, then the header of the lock.

Exit codes: 0 all are up to date, 1 some are stale, 2 invalid input, 3 the index
is not available, or with --offline something could not be verified.`,
		Example: `  pylock check
  pylock check services/api --format github
  pylock check --changed-since origin/main`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.sources = args
			if err := o.environment(); err != nil {
				return err
			}
			return runCheck(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SetNormalizeFunc(alias)
	f.SortFlags = false
	o.format = choice{value: "text", of: report.Names()}
	f.Var(&o.format, "format", "how to report: "+strings.Join(report.Names(), ", "))
	complete(cmd, "format", report.Names()...)
	f.BoolVar(&o.strict, "strict", false, "let warnings (yanked, quarantined, archived since) fail too")
	f.BoolVar(&o.offline, "offline", false, "ask no index: check what the inputs alone tell, and say what was not verified")
	f.StringVar(&o.changedSince, "changed-since", "", "check only services of which a file differs from this git `revision`")
	o.adopt(f, "output-file", "upgrade", "no-upgrade", "upgrade-package", "dry-run", "coherent", "no-coherent", "format", "header", "annotation-style", "no-annotate", "annotate")
	return cmd
}

// adopt adds the flags of compile to those of another command, where they are
// understood without being listed; but names those that it does not have.
func (o *compileOptions) adopt(f *pflag.FlagSet, but ...string) {
	o.flags = pflag.NewFlagSet("compile", pflag.ContinueOnError)
	o.define(o.flags, nil)
	o.flags.VisitAll(func(fl *pflag.Flag) {
		if slices.Contains(but, fl.Name) || f.Lookup(fl.Name) != nil {
			return
		}
		fl.Hidden = fl.Name != "default-index" && fl.Name != "index" && fl.Name != "timeout"
		f.AddFlag(fl)
	})
}

func runCheck(ctx context.Context, o *checkOptions) error {
	p := o.printer()
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.timeout, &errTimeout{o.timeout})
		defer cancel()
	}
	for _, w := range o.warnings {
		p.warnf("%s", w)
	}
	o.warnings = nil
	whole := len(o.sources) == 0
	jobs, err := o.lockJobs()
	if err != nil {
		return err
	}
	if o.changedSince != "" {
		if jobs, err = o.onlyChanged(ctx, jobs, o.changedSince); err != nil {
			return err
		}
	}
	t := &team{global: o.global, live: o.newProgress(), clients: map[string]*index.Client{}}
	defer t.live.close()
	results := make([]report.Lock, len(jobs))
	errs := make([]error, len(jobs))
	at := map[*job]int{}
	for i, j := range jobs {
		at[j] = i
	}
	err = t.each(ctx, jobs, func(ctx context.Context, j *job, p *printer) error {
		i := at[j]
		results[i], errs[i] = j.check(ctx, t, p, o)
		return nil
	})
	t.live.close()
	if err == nil {
		err = ended(ctx)
	}
	if err != nil {
		return err
	}
	stale := false
	for i := range results {
		if errs[i] != nil {
			results[i].State, results[i].Error, results[i].Exit = report.Failed, errs[i].Error(), exitCode(errs[i])
		}
		stale = stale || results[i].State == report.Stale
	}
	if whole && o.changedSince == "" {
		orphans, err := o.orphans()
		if err != nil {
			return err
		}
		stale = stale || len(orphans) > 0
		results = append(results, orphans...)
	}
	if err := o.report("check", results, o.format.value); err != nil {
		return err
	}
	stats := t.stats()
	p.detailf("%s, %d bytes", count(stats.Requests, "request"), stats.Bytes)
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if stale {
		errs = append(errs, errStale)
	}
	if len(errs) == 0 {
		return nil
	}
	return &jobsError{errs, len(jobs)}
}

// errStale is the answer no of a check, which the report tells.
var errStale = &resolver.NoSolutionError{Report: "a lock is stale"}

// report writes the result of a command over locks.
func (o *compileOptions) report(command string, results []report.Lock, name string) error {
	format, err := report.ParseFormat(name)
	if err != nil {
		return usagef("--format %s: %w", name, err)
	}
	opts := report.Options{Version: release, Quiet: o.quiet > 0}
	if here, err := os.Getwd(); err == nil {
		opts.Prefix = belowTop(project.FindRoot(here))
	}
	opts.SummaryFile, _ = o.app.Getenv("GITHUB_STEP_SUMMARY")
	opts.OutputFile, _ = o.app.Getenv("GITHUB_OUTPUT")
	out := &productWriter{o.app}
	return report.Write(out, format, &report.Report{Command: command, Locks: results}, opts)
}

// productWriter writes to stdout with errors that say so.
type productWriter struct{ app *App }

func (w *productWriter) Write(b []byte) (int, error) {
	n, err := w.app.Stdout.Write(b)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// belowTop is the path of a folder relative to the top of its git repository,
// "" for the top itself and outside of one.
func belowTop(dir string) string {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, ".git")); err == nil {
			if rel := relative(d, dir); rel != "." {
				return rel
			}
			return ""
		}
		if d == filepath.Dir(d) {
			return ""
		}
	}
}

// check judges the lock of a job.
func (j *job) check(ctx context.Context, t *team, p *printer, o *checkOptions) (report.Lock, error) {
	result := report.Lock{Service: j.label()}
	if j.service != nil {
		result.Service = j.service.Rel
	}
	if len(j.outputs) == 0 {
		return result, usagef("name the lock of %s: it is not in a folder of its own", strings.Join(j.options.sources, " "))
	}
	path := j.outputs[0]
	result.Path = relative(project.FindRoot(folder(j.options.sources[0])), path)
	for _, w := range j.options.warnings {
		p.warnf("%s", w)
	}
	j.options.unread = true
	r, err := j.prepare(ctx)
	if err != nil {
		return result, err
	}
	for _, w := range r.project.Warnings {
		p.warnf("%s", w)
	}
	want := j.expect(r)
	want.Offline = o.offline
	if result.Findings, err = j.findings(ctx, t, r, want, path); err != nil {
		if ended := ended(ctx); ended != nil {
			return result, ended
		}
		return result, err
	}
	unverified := ""
	for i := range result.Findings {
		f := &result.Findings[i]
		if f.Rule.ID == lockfile.Unverified.ID {
			unverified = f.Message
		} else if o.strict {
			f.Severity = lockfile.Stale
		}
		if f.Severity == lockfile.Stale {
			result.State = report.Stale
		}
	}
	if unverified != "" && result.State != report.Stale {
		return result, &index.UnavailableError{URL: "--offline", Err: errors.New(unverified)}
	}
	return result, nil
}

// expect says what the lock of a prepared job should be like.
func (j *job) expect(r *run) lockfile.Expectation {
	o := j.options
	header := &lockfile.Lock{Header: r.build.Header}
	e := lockfile.Expectation{
		Service: j.label(), Lock: relative(r.project.Root, j.outputs[0]),
		Command: header.Command(), Target: header.Target(), NoHeader: o.noHeader,
		Options: r.build.Options, DefaultIndex: r.build.DefaultIndex, Hashes: r.build.Hashes,
		NoEmit: r.build.NoEmit, NoStripExtras: r.build.NoStripExtras,
	}
	e.Fix = header.Command()
	if j.service != nil {
		e.Service = j.service.Rel
		e.Fix = "pylock compile " + quote(j.service.Rel)
	}
	if o.customCommand != "" {
		e.Command, e.Fix = "", o.customCommand
	}
	if v, ok := o.values["python-version"]; ok && !o.written.given(flagsOf(v)...) {
		e.TargetPlace = v.Place
	} else if len(o.pythons)+len(o.pythonShort) == 0 {
		if h, err := project.PythonVersionHint(r.project.Dir, r.project.Root); err == nil {
			e.TargetPlace = h.Place
		}
	}
	if len(r.request.Targets) > 0 {
		release := r.request.Targets[0].Python.Release()
		e.Python = r.request.Targets[0].Python.String()
		if len(release) > 2 {
			e.Python = strings.Join(strings.SplitN(e.Python, ".", 3)[:2], ".")
		}
	}
	return e
}

// findings reads and judges the lock.
func (j *job) findings(ctx context.Context, t *team, r *run, want lockfile.Expectation, path string) ([]lockfile.Finding, error) {
	one := func(rule lockfile.Rule, at project.Place, message string) []lockfile.Finding {
		return []lockfile.Finding{{Rule: rule, Severity: rule.Severity, Service: want.Service, Lock: want.Lock, Place: at, Message: message, Fix: want.Fix}}
	}
	data, exists, err := lockfile.ReadFile(path, j.options.app.FS)
	if err != nil {
		return nil, err
	}
	if !exists {
		return one(lockfile.LockMissing, project.Place{File: want.Lock}, "the lock does not exist"), nil
	}
	lock, err := lockfile.ParseLax(want.Lock, data)
	var conflict *lockfile.MergeConflictError
	var input *project.InputError
	switch {
	case errors.As(err, &conflict):
		return one(lockfile.MergeConflict, conflict.Place, "a merge conflict is not resolved"), nil
	case errors.As(err, &input):
		return one(lockfile.LockInvalid, input.Place, input.Msg), nil
	case err != nil:
		return nil, err
	}
	verdict, err := j.judge(ctx, t, r, lock, want)
	var none *resolver.NoSolutionError
	switch {
	case errors.As(err, &none):
		return one(lockfile.TargetChanged, r.request.RequiresPythonPlace, none.Report), nil
	case errors.As(err, &input) && input.Place.File == want.Lock:
		return one(lockfile.LockInvalid, input.Place, input.Msg), nil
	case err != nil:
		return nil, err
	}
	if lock.Tool() != lockfile.ToolPylock {
		want.Command = "" // somebody else's says nothing of ours
	}
	return lockfile.Drift(lock, verdict, want), nil
}

// judge asks what the pins of a lock are worth.
func (j *job) judge(ctx context.Context, t *team, r *run, lock *lockfile.Lock, want lockfile.Expectation) (*resolver.Verdict, error) {
	pins, err := lock.LockedPins()
	if err != nil {
		return nil, err
	}
	client, err := t.client(j.options, r.indexes)
	if err != nil {
		return nil, err
	}
	return resolver.Check(ctx, client, r.request, pins, want.CheckOptions())
}

// orphans are the locks of services that are gone: in folders that are no
// services, and made from sources that are not there.
func (o *checkOptions) orphans() ([]report.Lock, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	w, err := o.workspace(here)
	if err != nil {
		return nil, err
	}
	paths, err := w.Orphans(here)
	if err != nil {
		return nil, err
	}
	var out []report.Lock
	for _, path := range paths {
		data, exists, err := lockfile.ReadFile(path, o.app.FS)
		if err != nil || !exists {
			continue
		}
		rel := relative(w.Root, path)
		lock, err := lockfile.ParseConflicted(rel, data)
		if err != nil || lock.Tool() != lockfile.ToolPylock {
			continue
		}
		was, err := o.described(lock, path, w.Root)
		if err != nil || was == nil || slices.ContainsFunc(was.sources, func(s string) bool { return isInput(filepath.Join(w.Root, filepath.FromSlash(s))) }) {
			continue
		}
		out = append(out, report.Lock{Service: relative(w.Root, filepath.Dir(path)), Path: rel, State: report.Stale, Findings: []lockfile.Finding{{
			Rule: lockfile.LockOrphaned, Place: project.Place{File: rel},
			Message: "its service is gone: it was made from " + strings.Join(was.sources, " "), Fix: "git rm " + quote(rel),
		}}})
	}
	return out, nil
}

// isInput reports whether a source of a header is still there.
func isInput(path string) bool {
	fi, err := os.Stat(path)
	if err == nil && fi.IsDir() {
		_, err = os.Stat(filepath.Join(path, "pyproject.toml"))
	}
	return err == nil
}
