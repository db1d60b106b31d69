package cli

import (
	"context"
	"fmt"

	"github.com/pylock-dev/pylock/pypi/index"
)

// begin prints the warnings so far, and bounds the time of a command.
func (o *compileOptions) begin(ctx context.Context, p *printer) (context.Context, context.CancelFunc) {
	for _, w := range o.warnings {
		p.warnf("%s", w)
	}
	o.warnings = nil
	if o.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, o.timeout, &errTimeout{o.timeout})
}

// runCompile locks what the command names. Nothing of a job is written unless
// all of it succeeds; a job that fails leaves the others alone.
func runCompile(ctx context.Context, o *compileOptions) error {
	start := o.app.Now()
	p := o.printer()
	ctx, cancel := o.begin(ctx, p)
	defer cancel()
	if _, _, err := o.toMove(); err != nil {
		return err // once for all jobs
	}
	jobs, err := o.jobs()
	if err != nil {
		return err
	}
	warnFuture(p, jobs)
	absent, all, err := o.inNoLock(jobs)
	if err != nil {
		return err
	}
	if all {
		return absent
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
		out := at[j]
		if b := at[j.bound]; b != nil && b.err != nil {
			out.err = &boundError{slashed(j.bound.outputs[0]), b.err}
			return out.err
		} else if b != nil && o.dryRun {
			j.options.unwritten = b.texts
		}
		out.err = j.solve(ctx, t, p, out, several, coherent)
		return out.err
	}
	finish := func(ctx context.Context, j *job, p *printer) error {
		out := at[j]
		if out.skipped || out.known {
			return out.err
		}
		out.err = j.finish(ctx, p, out)
		if out.err == nil && !out.written && p.said == out.said+1 {
			t.keep(out.memo, out.run, pinned(out.resolution))
		}
		return out.err
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
	t.tellIndexes(p)
	stats := t.stats()
	decisions, conflicts := 0, 0
	for i := range outcomes {
		if res := outcomes[i].resolution; res != nil {
			decisions, conflicts = decisions+res.Stats.Decisions, conflicts+res.Stats.Conflicts
		}
	}
	p.detailf("%s, %s, %s", spend(stats), count(int64(decisions), "decision"), count(int64(conflicts), "conflict"))
	if several {
		tell(p, outcomes, o.app.Now().Sub(start))
	}
	if o.dryRun && exitCode(err) != exitInterrupted {
		if printed := o.printDryRun(ctx, outcomes); err == nil {
			err = printed
		}
	}
	if absent != nil {
		p.errorf("%s", absent)
		if exitCode(err) == exitYes {
			return &reported{exitNo}
		}
	}
	return err
}

// boundError says that a lock was not tried, since the one that bounds it
// failed.
type boundError struct {
	by  string
	err error // why that one did
}

func (e *boundError) Error() string { return "not tried, since it is bounded by " + e.by }
func (e *boundError) Unwrap() error { return e.err }

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
