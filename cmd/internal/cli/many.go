package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/resolver"
)

// maxJobs bounds the services that are resolved at once. One resolution is one
// goroutine that mostly computes.
const maxJobs = 8

// jobsError says that some of several jobs failed; each error is told already.
type jobsError struct {
	errs []error
	of   int
}

func (e *jobsError) Error() string {
	return fmt.Sprintf("%d of %s failed", len(e.errs), count(int64(e.of), "lock"))
}

// Unwrap lets [exitCode] find the gravest.
func (e *jobsError) Unwrap() []error { return e.errs }

// team runs the jobs of a command with one view of the indexes and one
// display.
type team struct {
	global  *global
	live    *progress
	mu      sync.Mutex
	clients map[string]*index.Client
	// censuses are those of --coherent, by root.
	censuses map[string]*census
}

// client returns the client for the indexes of a job: jobs that ask the same
// indexes share it, and so each page is read once.
func (t *team) client(o *compileOptions, s indexSettings) (*index.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := strings.Join(append([]string{s.byDefault}, s.extra...), "\n")
	if c := t.clients[key]; c != nil {
		return c, nil
	}
	c, err := o.client(s, t.live)
	if err == nil {
		t.clients[key] = c
	}
	return c, err
}

func (t *team) stats() (s index.Stats) {
	for _, c := range t.clients {
		n := c.Stats()
		s.Requests, s.Retries, s.Bytes = s.Requests+n.Requests, s.Retries+n.Retries, s.Bytes+n.Bytes
	}
	return s
}

// each calls do for each job, several at once, but one after the other for the
// jobs of a service, since they may build on each other. What a job prints
// comes in the order of the jobs, as soon as those before it are done. The
// error is that of the only job, or a [*jobsError].
func (t *team) each(ctx context.Context, jobs []*job, do func(ctx context.Context, j *job, p *printer) error) error {
	if len(jobs) == 1 && jobs[0].name == "" {
		p := t.global.printer()
		p.live = t.live
		return do(ctx, jobs[0], p)
	}
	var chains [][]int
	for i, j := range jobs {
		if last := len(chains) - 1; i > 0 && j.service != nil && jobs[i-1].service == j.service {
			chains[last] = append(chains[last], i)
			continue
		}
		chains = append(chains, []int{i})
	}
	errs := make([]error, len(jobs))
	printed := newTurns(t, len(jobs))
	work := make(chan []int)
	var wg sync.WaitGroup
	for range min(len(chains), maxJobs, runtime.GOMAXPROCS(0)+1) {
		wg.Go(func() {
			for chain := range work {
				for _, i := range chain {
					p := printed.printer(jobs[i].name)
					if errs[i] = ctx.Err(); errs[i] == nil {
						errs[i] = do(ctx, jobs[i], p)
					}
					if errs[i] != nil && exitCode(errs[i]) != exitInterrupted {
						p.errorf("%s", errs[i])
					}
					printed.done(i, p)
				}
			}
		})
	}
	for _, c := range chains {
		work <- c
	}
	close(work)
	wg.Wait()
	if err := ended(ctx); err != nil {
		return err
	}
	failed := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if len(failed) == 0 {
		return nil
	}
	return &jobsError{failed, len(jobs)}
}

// turns lets what jobs print out in their order.
type turns struct {
	team *team
	mu   sync.Mutex
	text []*strings.Builder // nil until the job is done
	next int
}

func newTurns(t *team, n int) *turns { return &turns{team: t, text: make([]*strings.Builder, n)} }

// printer returns a printer into memory, whose messages name the job.
func (t *turns) printer(name string) *printer {
	p := t.team.global.printer()
	p.w, p.about = &strings.Builder{}, name
	return p
}

func (t *turns) done(i int, p *printer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text[i] = p.w.(*strings.Builder)
	for ; t.next < len(t.text) && t.text[t.next] != nil; t.next++ {
		if s := t.text[t.next].String(); s != "" {
			t.team.live.clear()
			fmt.Fprint(t.team.global.app.Stderr, s)
		}
	}
}

// outcome is what became of a job.
type outcome struct {
	run        *run
	resolution *resolver.Resolution
	lock       *lockfile.Lock
	start      time.Time
	changes    int
	diff       *lockfile.Diff // of a dry run
	written    bool           // the file is another than before
	skipped    bool
}

// runCompile locks what the command names. Nothing of a job is written unless
// all of it succeeds; a job that fails leaves the others alone.
func runCompile(ctx context.Context, o *compileOptions) error {
	start := o.app.Now()
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
	jobs, err := o.jobs()
	if err != nil {
		return err
	}
	t := &team{global: o.global, live: o.newProgress(), clients: map[string]*index.Client{}}
	defer t.live.close()
	outcomes := make([]outcome, len(jobs))
	at := map[*job]*outcome{}
	for i, j := range jobs {
		at[j] = &outcomes[i]
	}
	several := len(jobs) > 1
	coherent := o.wantsCoherence(jobs)
	solve := func(ctx context.Context, j *job, p *printer) error {
		return j.solve(ctx, t, p, at[j], several, coherent)
	}
	finish := func(ctx context.Context, j *job, p *printer) error {
		if at[j].skipped {
			return nil
		}
		return j.finish(ctx, p, at[j])
	}
	if coherent && several {
		err = t.coherently(ctx, jobs, at, outcomes, solve, finish)
	} else {
		err = t.each(ctx, jobs, func(ctx context.Context, j *job, p *printer) error {
			if err := solve(ctx, j, p); err != nil {
				return err
			}
			if !several {
				t.live.close()
			}
			return finish(ctx, j, p)
		})
	}
	t.live.close()
	if err != nil && !several {
		return err
	}
	if several && exitCode(err) == exitInterrupted {
		n := 0
		for i := range outcomes {
			if outcomes[i].written {
				n++
			}
		}
		return &interruptedError{err, n, len(jobs)}
	}
	stats := t.stats()
	decisions, conflicts := 0, 0
	for i := range outcomes {
		if res := outcomes[i].resolution; res != nil {
			decisions, conflicts = decisions+res.Stats.Decisions, conflicts+res.Stats.Conflicts
		}
	}
	p.detailf("%s, %d bytes, %s, %s", count(stats.Requests, "request"), stats.Bytes, count(int64(decisions), "decision"), count(int64(conflicts), "conflict"))
	if several {
		tell(p, outcomes, o.app.Now().Sub(start))
	}
	if o.dryRun && exitCode(err) != exitInterrupted {
		if printed := o.printDryRun(ctx, outcomes); err == nil {
			err = printed
		}
	}
	return err
}

// tell sums up several jobs.
func tell(p *printer, outcomes []outcome, took time.Duration) {
	var changed, same, failed, skipped int
	for i := range outcomes {
		switch out := &outcomes[i]; {
		case out.skipped:
			skipped++
		case out.lock == nil:
			failed++
		case out.written:
			changed++
		default:
			same++
		}
	}
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{changed, "changed"}, {same, "unchanged"}, {skipped, "left alone"}, {failed, "failed"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	p.infof("%s in %s: %s", count(int64(len(outcomes)), "lock"), seconds(took), strings.Join(parts, ", "))
}

// coherently solves all jobs, then those again that could share a version with
// another, and writes what came of it.
func (t *team) coherently(ctx context.Context, jobs []*job, at map[*job]*outcome, outcomes []outcome, solve, finish func(context.Context, *job, *printer) error) error {
	errs := &jobsError{of: len(jobs)}
	note := func(err error) error {
		if several := (*jobsError)(nil); errors.As(err, &several) {
			errs.errs = append(errs.errs, several.errs...)
			return nil
		}
		return err
	}
	first := slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.constrained })
	rest := slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return !j.constrained })
	if err := note(t.each(ctx, first, solve)); err != nil {
		return err
	}
	if common := disagreements(outcomes); len(common) > 0 {
		err := t.each(ctx, first, func(ctx context.Context, j *job, p *printer) error {
			out := at[j]
			if !out.align(common) {
				return nil
			}
			res, err := t.resolve(ctx, j.options, out.run)
			if err == nil {
				out.resolution = res
			}
			return err
		})
		if err := note(err); err != nil {
			return err
		}
	}
	var solved []*job
	for _, j := range first {
		if at[j].resolution != nil || at[j].skipped {
			solved = append(solved, j)
		}
	}
	if err := note(t.each(ctx, solved, finish)); err != nil {
		return err
	}
	t.censuses = nil // the locks are others now
	err := t.each(ctx, rest, func(ctx context.Context, j *job, p *printer) error {
		if err := solve(ctx, j, p); err != nil {
			return err
		}
		return finish(ctx, j, p)
	})
	if err := note(err); err != nil {
		return err
	}
	if len(errs.errs) > 0 {
		return errs
	}
	return nil
}

// resolve asks for a solution of a run.
func (t *team) resolve(ctx context.Context, o *compileOptions, r *run) (*resolver.Resolution, error) {
	client, err := t.client(o, r.indexes)
	if err != nil {
		return nil, err
	}
	var observer resolver.Observer
	if t.live != nil {
		observer = t.live
	}
	res, err := resolver.Resolve(ctx, source{client}, r.request, observer)
	if err != nil {
		if ended := ended(ctx); ended != nil {
			return nil, ended
		}
	}
	return res, err
}

// solve finds the solution of one job.
func (j *job) solve(ctx context.Context, t *team, p *printer, out *outcome, several, coherent bool) error {
	o := j.options
	out.start = o.app.Now()
	for _, w := range o.warnings {
		p.warnf("%s", w)
	}
	for _, s := range o.remarks {
		p.infof("%s", s)
	}
	r, err := j.prepare(ctx)
	if err != nil {
		return err
	}
	if several && !j.named && len(r.moved) > 0 && !o.upgrade && !pinsAny(r.old, r.moved) {
		out.skipped = true
		p.infof("Left alone: its lock has no %s", joinNames(r.moved, " or "))
		return nil
	}
	for _, w := range r.project.Warnings {
		p.warnf("%s", w)
	}
	p.detailf("target: %s", r.target)
	p.detailf("index: %s", strings.Join(append(bareAll(r.indexes.extra), bare(r.indexes.byDefault)), ", "))
	if coherent {
		if err := t.preferOthers(j, r); err != nil {
			return err
		}
	}
	out.run = r
	out.resolution, err = t.resolve(ctx, o, r)
	return err
}

// finish renders and writes the solution of a job.
func (j *job) finish(ctx context.Context, p *printer, out *outcome) error {
	o, r, resolution := j.options, out.run, out.resolution
	for _, w := range resolution.Warnings {
		p.warnf("%s", w)
	}
	notes, warnings := o.notes(r, resolution)
	for _, w := range warnings {
		p.warnf("%s", w)
	}
	r.build.Header = append(r.build.Header, notes...)
	lock, text, err := r.render(resolution)
	if err != nil {
		return err
	}
	others, err := o.others(r)
	if err != nil {
		return err
	}
	texts := make([][]byte, len(others))
	for i, other := range others {
		if _, texts[i], err = other.render(resolution); err != nil {
			return err
		}
	}
	tellMoved(p, r, resolution)
	if err := ended(ctx); err != nil {
		return err
	}
	changes := moves(lockfile.Compare(r.old, lock))
	out.changes = len(changes)
	if o.dryRun && r.output != "" {
		if out.diff, err = r.dryRun(text); err != nil {
			return err
		}
	}
	what, err := o.emit(r, text, out)
	if err != nil {
		return err
	}
	for i, other := range others {
		changed, err := o.write(other.output, texts[i])
		if err != nil {
			return err
		}
		if changed && !out.written {
			out.written, what = true, "wrote "+slashed(other.output)
		}
	}
	out.lock = lock
	if r.old != nil && !o.dryRun {
		for _, c := range changes {
			p.detailf("%s", describe(c))
		}
	}
	heldBack(p, resolution.HeldBack)
	p.infof("Resolved %s in %s, %s", count(int64(pinned(resolution)), "package"), seconds(o.app.Now().Sub(out.start)), what)
	return nil
}

// render returns the lock of a resolution and its text.
func (r *run) render(res *resolver.Resolution) (*lockfile.Lock, []byte, error) {
	lock, err := lockfile.FromResolution(res, r.build)
	if err != nil {
		return nil, nil, err
	}
	text, err := lockfile.Write(lock, r.build.Format, r.style)
	return lock, text, err
}

// write puts a lock in its place, or tells whether it would be another.
func (o *compileOptions) write(path string, text []byte) (changed bool, err error) {
	if !o.dryRun {
		return lockfile.WriteFile(path, text, o.app.FS)
	}
	before, exists, err := lockfile.ReadFile(path, o.app.FS)
	return err == nil && !(exists && string(before) == string(text)), err
}

// pinned counts the packages that are not local.
func pinned(res *resolver.Resolution) (n int) {
	for i := range res.Packages {
		if res.Packages[i].Local == nil {
			n++
		}
	}
	return n
}

func pinsAny(lock *lockfile.Lock, names []pypi.Name) bool {
	return lock != nil && slices.ContainsFunc(lock.Pins, func(p lockfile.Pin) bool { return slices.Contains(names, p.Name) })
}

func joinNames(names []pypi.Name, sep string) string {
	var s []string
	for _, n := range names {
		s = append(s, string(n))
	}
	return strings.Join(s, sep)
}

// tellMoved says which packages of --upgrade-package did not move.
func tellMoved(p *printer, r *run, res *resolver.Resolution) {
	for _, n := range r.moved {
		i := slices.IndexFunc(res.Packages, func(p resolver.Package) bool { return p.Name == n })
		if i < 0 {
			p.warnf("--upgrade-package %s: nothing asks for that package", n)
			continue
		}
		if r.old == nil {
			continue
		}
		had := slices.ContainsFunc(r.old.Pins, func(pin lockfile.Pin) bool {
			return pin.Name == n && pin.Version.Equal(res.Packages[i].Version)
		})
		if had {
			p.infof("%s stays at %s, the newest that fits", n, res.Packages[i].Version)
		}
	}
}

// emit writes or prints the lock and returns how to tell the outcome.
func (o *compileOptions) emit(r *run, text []byte, out *outcome) (string, error) {
	if r.output == "" {
		if o.diff != nil {
			return "", usagef("these sources have no lock to compare with: name it with --output-file")
		}
		return "printed", o.print(text)
	}
	var err error
	out.written, err = o.write(r.output, text)
	if o.dryRun && err == nil {
		switch {
		case !out.written:
			return "would change nothing", nil
		case r.old == nil:
			return "would write " + slashed(r.output), nil
		}
		return fmt.Sprintf("would change %s", count(int64(out.changes), "package")), nil
	}
	switch {
	case err != nil:
		return "", err
	case !out.written:
		return "unchanged", nil
	case r.old == nil:
		return "wrote " + slashed(r.output), nil
	case out.changes == 0:
		return "no pin changed", nil
	}
	return fmt.Sprintf("%d changed", out.changes), nil
}

// interruptedError is the end of several jobs before all were done.
type interruptedError struct {
	err     error
	written int
	of      int
}

func (e *interruptedError) Error() string {
	return fmt.Sprintf("interrupted: %d of %s written, the others are as they were", e.written, count(int64(e.of), "lock"))
}

func (e *interruptedError) Unwrap() error { return e.err }
