package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
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
	format       formatFlag
	strict       bool
	changedSince string
}

func newCheck(g *global) *cobra.Command {
	o := &checkOptions{compileOptions: &compileOptions{global: g}}
	cmd := &cobra.Command{
		Use:        "check [DIR|LOCK...]",
		SuggestFor: []string{"verify", "validate"},
		Short:      "Tell whether locks fit their inputs",
		Long: `Tell whether each lock is a correct, complete and minimal solution of what its
service asks for. New releases on the index never make a lock stale: only the
pinned versions are looked at, and nothing is searched or written.

A DIR is a service, or a folder of services, a LOCK a file that the settings of
a service make, or whose header names its sources: one of pylock, of uv pip
compile or of pip-compile. Without either,
all services of the repository in the current folder are checked. Options that
change what a lock should be (--python-version, --extra, …) are those of
compile; without them the settings count, then the header of the lock.

Exit codes: 0 all are up to date, 1 some are stale, 2 invalid input, 3 the index
is not available, or with --offline the cache does not have what is needed.`,
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
	o.format.register(cmd)
	f.BoolVar(&o.strict, "strict", false, "let warnings (yanked, quarantined, archived since) fail too")
	f.StringVar(&o.changedSince, "changed-since", "", "check only services of which a file differs from this git `revision`")
	o.adopt(f, "output-file", "upgrade", "no-upgrade", "upgrade-package", "dry-run", "coherent", "no-coherent", "format")
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
	ctx, cancel := o.begin(ctx, p)
	defer cancel()
	whole, err := o.whole()
	if err != nil {
		return err
	}
	jobs, err := o.lockJobs()
	if err != nil {
		return err
	}
	t := &team{global: o.global, live: o.newProgress(), clients: map[string]*index.Client{}}
	defer t.live.close()
	if o.changedSince != "" {
		if jobs, err = o.onlyChanged(ctx, t, jobs, o.changedSince); err != nil {
			return err
		}
	}
	each := make([][]report.Lock, len(jobs))
	at := map[*job]*[]report.Lock{}
	for i, j := range jobs {
		at[j] = &each[i]
	}
	err = t.each(ctx, jobs, func(ctx context.Context, j *job, p *printer) error {
		*at[j] = j.check(ctx, t, p, o)
		return nil
	})
	t.live.close()
	t.tellIndexes(p)
	if err == nil {
		err = ended(ctx)
	}
	if err != nil {
		return err
	}
	results := slices.Concat(each...)
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if whole != "" {
		if real, err := filepath.EvalSymlinks(whole); err == nil {
			whole = real // services have one name, however their folder is entered
		}
		orphans, err := o.orphans(ctx, whole)
		if err != nil {
			return err
		}
		results = append(results, orphans...)
	}
	stats := t.stats()
	p.detailf("%s", spend(stats))
	return o.writeReport(o.format.Format, &report.Report{Command: "check", Locks: results}, project.FindRoot(here))
}

// whole returns the absolute folder below which everything is checked, locks
// of nobody too: the current one without sources, a root that is no service. It
// is "" where sources name services or locks.
func (o *checkOptions) whole() (string, error) {
	source := "."
	if len(o.sources) == 1 {
		source = o.sources[0]
	} else if len(o.sources) > 1 {
		return "", nil
	}
	dir, err := filepath.Abs(source)
	if err != nil || len(o.sources) == 0 {
		return dir, err
	}
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return "", nil
	}
	w, err := o.workspace(dir)
	if err != nil || resolved(dir) != resolved(w.Root) || sourceExists(dir) && w.Declares(dir) {
		return "", err
	}
	return dir, nil
}

// check judges the files of a job.
func (j *job) check(ctx context.Context, t *team, p *printer, o *checkOptions) []report.Lock {
	root := project.FindRoot(folder(j.options.sources[0]))
	service := j.label()
	if j.service != nil {
		service = j.service.Rel
	}
	if len(j.outputs) == 0 {
		return []report.Lock{failedLock(service, "", usagef("name the lock of %s: it is not in a folder of its own", strings.Join(j.options.sources, " ")))}
	}
	for _, w := range j.options.warnings {
		p.warnf("%s", w)
	}
	r, err := j.prepare(ctx, t)
	if f, ok := j.boundAmiss(root, err); ok {
		return []report.Lock{{Service: service, Path: f.Lock, State: report.Stale, Findings: []lockfile.Finding{f}}}
	}
	if err != nil {
		return []report.Lock{failedLock(service, relative(root, j.outputs[0]), err)}
	}
	for _, w := range r.project.Warnings {
		p.warnf("%s", w)
	}
	others, err := j.options.others(r)
	if err != nil {
		return []report.Lock{failedLock(service, relative(root, j.outputs[0]), err)}
	}
	var out []report.Lock
	for _, r := range append([]*run{r}, others...) {
		result := report.Lock{Service: service, Path: relative(root, r.output)}
		if err := j.checkFile(ctx, t, p, r, o, &result); err != nil {
			if ended := ended(ctx); ended != nil {
				err = ended
			}
			result = failedLock(result.Service, result.Path, err)
		}
		out = append(out, result)
	}
	if j.options.buildDeps == "" || out[0].State != report.UpToDate {
		return out // what a lock that is stale would have built, nobody knows
	}
	deps := report.Lock{Service: service, Path: relative(root, j.options.buildDeps)}
	var err2 error
	if deps.Findings, err2 = j.checkBuildDeps(ctx, t, r, j.expect(r)); err2 == nil {
		err2 = o.weigh(&deps)
	}
	if err2 != nil {
		deps = failedLock(deps.Service, deps.Path, cmp.Or(ended(ctx), err2))
	}
	return append(out, deps)
}

// boundAmiss turns an error into a finding where the lock that bounds the job's
// is missing or in the middle of a merge, which the recompile of both mends.
func (j *job) boundAmiss(root string, err error) (f lockfile.Finding, ok bool) {
	var conflict *project.MergeConflictError
	var input *project.InputError
	if j.bound == nil || !errors.As(err, &input) {
		return f, false
	}
	bound := slices.ContainsFunc(j.bound.outputs, func(b string) bool { return relative(root, b) == input.Place.File })
	f = lockfile.Finding{Service: j.service.Rel, Lock: relative(root, j.outputs[0]), Place: input.Place, Fix: "pylock compile " + quote(j.service.Rel)}
	switch {
	case !bound:
		return f, false
	case errors.As(err, &conflict):
		f.Rule = lockfile.MergeConflict
		f.Message = "a merge conflict is not resolved in the lock that bounds this one: there is the mark " + conflict.Mark
	case errors.Is(err, fs.ErrNotExist):
		f.Rule = lockfile.LockMissing
		f.Message = "the lock that bounds this one does not exist"
	default:
		return f, false
	}
	f.Severity = f.Rule.Severity
	return f, true
}

func (j *job) checkFile(ctx context.Context, t *team, p *printer, r *run, o *checkOptions, result *report.Lock) error {
	memo, holds := t.recall("check", j.options, r)
	if holds {
		p.detailf("nothing is other than when this lock was last found to be up to date")
		return nil
	}
	want := j.expect(r)
	want.Offline = o.isOffline()
	var err error
	if _, result.Findings, err = j.findings(ctx, t, r, want); err != nil {
		return err
	}
	if len(result.Findings) == 0 {
		t.keep(memo, r, 0)
	}
	return o.weigh(result)
}

// weigh settles the state of a lock by its findings; the error says that
// something could not be verified, and nothing else is wrong.
func (o *checkOptions) weigh(result *report.Lock) error {
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
		return &unverifiedError{unverified}
	}
	return nil
}

// expect says what the lock of a prepared job should be like.
func (j *job) expect(r *run) lockfile.Expectation {
	o := j.options
	header := &lockfile.Lock{Header: r.build.Header}
	e := lockfile.Expectation{
		Service: j.label(), Lock: relative(r.project.Root, r.output),
		Command: header.Command(), Target: header.Target(), NoHeader: o.noHeader,
		Options: r.build.Options, DefaultIndex: r.build.DefaultIndex, Hashes: r.build.Hashes,
		Dir: r.build.Dir, NoEmit: r.build.NoEmit, NoStripExtras: r.build.NoStripExtras,
	}
	e.Fix = header.Command()
	if j.service != nil {
		e.Service = j.service.Rel
	}
	if r.build.Format == lockfile.PylockTOML {
		// Such a lock has no lines for indexes, and always has hashes.
		e.Options, e.DefaultIndex, e.Hashes = nil, "", lockfile.TargetHashes
	}
	if o.customCommand != "" {
		e.Command, e.Fix, e.Custom = "", o.customCommand, true
	}
	if v, ok := o.values["python-version"]; ok && !o.written.given(flagsOf(v)...) {
		e.PythonPlace = v.Place
	} else if len(o.pythons)+len(o.pythonShort) == 0 {
		if h, err := project.PythonVersionHint(r.project.Dir, r.project.Root); err == nil {
			e.PythonPlace = h.Place
		}
	}
	setting := "platforms"
	switch {
	case len(r.request.Environments) > 0:
		setting = "environments"
	case r.request.Universal:
		setting = "universal"
	}
	if v, ok := o.values[setting]; ok && !o.written.given(flagsOf(v)...) {
		e.PlatformPlace = v.Place
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

// findings reads and judges the lock, which is nil where it cannot be read.
func (j *job) findings(ctx context.Context, t *team, r *run, want lockfile.Expectation) (*lockfile.Lock, []lockfile.Finding, error) {
	data, exists, err := lockfile.ReadFile(r.output, j.options.app.FS)
	if err != nil {
		return nil, nil, err
	}
	if !exists {
		rule := lockfile.LockMissing
		return nil, []lockfile.Finding{{Rule: rule, Severity: rule.Severity, Service: want.Service, Lock: want.Lock,
			Place: project.Place{File: want.Lock}, Message: "the lock does not exist", Fix: want.Fix}}, nil
	}
	lock, err := lockfile.ReadLax(want.Lock, data)
	var verdict *resolver.Verdict
	if err == nil {
		verdict, err = j.judge(ctx, t, r, lock, want)
	}
	if f, ok := lockfile.Failure(err, want); ok {
		return nil, []lockfile.Finding{f}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if lock.Tool() != lockfile.ToolPylock {
		want.Command = "" // somebody else's says nothing of ours
	}
	return lock, lockfile.Drift(lock, verdict, want), nil
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
	return resolver.Check(ctx, client, r.ask(client), pins, want.CheckOptions())
}

// orphans are the locks that nothing makes any more: in folders that are no
// services, and made from sources that are not there, or in that of a service
// whose settings do not have them among its outputs; where only what changed
// counts, those that changed themselves or lost a source.
func (o *checkOptions) orphans(ctx context.Context, here string) ([]report.Lock, error) {
	w, err := o.workspace(here)
	if err != nil {
		return nil, err
	}
	paths, err := w.Orphans(here)
	if err != nil {
		return nil, err
	}
	var changed map[string]bool
	if o.changedSince != "" && len(paths) > 0 {
		if changed, err = changedFiles(ctx, w.Root, o.changedSince); err != nil {
			return nil, err
		}
	}
	var out []report.Lock
	for _, path := range paths {
		data, exists, err := lockfile.ReadFile(path, o.app.FS)
		if err != nil || !exists {
			continue
		}
		rel := relative(w.Root, path)
		lock, err := lockfile.ReadConflicted(rel, data)
		if err != nil || lock.Tool() != lockfile.ToolPylock {
			continue
		}
		was, err := o.described(lock, path, w.Root)
		if err != nil || was == nil {
			continue
		}
		home := relative(w.Root, filepath.Dir(path))
		why := "its service is gone: it was made from " + strings.Join(was.sources, " ")
		if slices.ContainsFunc(was.sources, func(s string) bool { return sourceExists(filepath.Join(w.Root, filepath.FromSlash(s))) }) {
			// A lock that was made by a command of its own says how.
			if was.output != "" || !slices.Equal(was.sources, []string{home}) || !isService(w, home) {
				continue
			}
			why = "the settings of " + home + " have no output of this name"
		}
		lost := func(s string) bool { return changed[s] || changed[s+"/pyproject.toml"] }
		if changed != nil && !changed[rel] && !slices.ContainsFunc(was.sources, lost) {
			continue
		}
		out = append(out, report.Lock{Service: home, Path: rel, State: report.Stale, Findings: []lockfile.Finding{{
			Rule: lockfile.LockOrphaned, Place: project.Place{File: rel},
			Message: why, Fix: "git rm " + quote(rel),
		}}})
	}
	return out, nil
}

// isService reports whether a folder is among the services of a workspace.
func isService(w *project.Workspace, rel string) bool {
	services, err := w.Services()
	return err == nil && slices.ContainsFunc(services, func(s *project.Service) bool { return s.Rel == rel })
}

// sourceExists reports whether a source of a header is still there.
func sourceExists(path string) bool {
	fi, err := os.Stat(path)
	if err == nil && fi.IsDir() {
		_, err = os.Stat(filepath.Join(path, "pyproject.toml"))
	}
	return err == nil
}
