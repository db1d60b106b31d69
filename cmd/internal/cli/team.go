package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

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
// indexes share it, and so each page is read once. Without a team it is one of
// its own.
func (t *team) client(o *compileOptions, s indexSettings) (*index.Client, error) {
	if t == nil {
		return o.client(s, nil)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := s.key()
	if c := t.clients[key]; c != nil {
		return c, nil
	}
	c, err := o.client(s, t.live)
	if err == nil {
		t.clients[key] = c
	}
	return c, err
}

// tellIndexes warns of what is unsafe in how the indexes were asked: once, for
// all jobs.
func (t *team) tellIndexes(p *printer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	told := map[string]bool{}
	names := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(t.clients)) {
		c := t.clients[key]
		if s := c.Strategy(); s != index.FirstIndex && !told[s.String()] {
			told[s.String()] = true
			p.warnf("index-strategy %s takes a package from whichever index has it: who can upload to one of them can replace a package of another; name the index of a package with [tool.uv.sources]", s)
		}
		for _, shared := range c.Shared() {
			at := strings.Join(shared.Indexes, " and ")
			if !slices.Contains(names[at], string(shared.Name)) {
				names[at] = append(names[at], string(shared.Name))
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(names)) {
		p.warnf("%s: what %s have under this name have no file in common, and may be different packages: name the index with [tool.uv.sources]", shortened(names[at], p), at)
	}
}

// shortened lists names, of many the first unless verbose.
func shortened(names []string, p *printer) string {
	slices.Sort(names)
	if len(names) > maxHeldBack && p.level <= 0 {
		names = append(names[:maxHeldBack:maxHeldBack], fmt.Sprintf("%d more (-v names them)", len(names)-maxHeldBack))
	}
	return strings.Join(names, ", ")
}

func (t *team) stats() (s index.Stats) {
	for _, c := range t.clients {
		n := c.Stats()
		s.Requests, s.Retries, s.Bytes = s.Requests+n.Requests, s.Retries+n.Retries, s.Bytes+n.Bytes
		s.Cached, s.Revalidated = s.Cached+n.Cached, s.Revalidated+n.Revalidated
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
	atOnce := cmp.Or(t.global.app.Jobs, min(maxJobs, runtime.GOMAXPROCS(0)+1))
	for range min(len(chains), atOnce) {
		wg.Go(func() {
			for chain := range work {
				for _, i := range chain {
					p := printed.printer(jobs[i].name)
					if errs[i] = ctx.Err(); errs[i] == nil {
						errs[i] = do(ctx, jobs[i], p)
					}
					err := errs[i]
					if exitCode(err) == exitInterrupted || told(jobs, i) {
						err = nil
					}
					printed.done(i, p, err)
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

// told reports whether what is wrong with the settings of a job's service is
// what the job before it says.
func told(jobs []*job, i int) bool {
	return i > 0 && jobs[i].err != nil && jobs[i].err == jobs[i-1].err
}

// turns lets what jobs print out in their order.
type turns struct {
	team *team
	mu   sync.Mutex
	all  []*turn // nil until the job is done
	next int
	root map[string]bool // errors of the root's files that are told
}

// turn is what a job printed and how it failed.
type turn struct {
	printer *printer
	err     error
}

func newTurns(t *team, n int) *turns {
	return &turns{team: t, all: make([]*turn, n), root: map[string]bool{}}
}

// printer returns a printer into memory, whose messages name the job.
func (t *turns) printer(name string) *printer {
	p := t.team.global.printer()
	p.w, p.about = &strings.Builder{}, name
	return p
}

// done ends the turn of a job. What is wrong with a file of the root is wrong
// for many jobs, and told once.
func (t *turns) done(i int, p *printer, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[i] = &turn{p, err}
	for ; t.next < len(t.all) && t.all[t.next] != nil; t.next++ {
		p, err := t.all[t.next].printer, t.all[t.next].err
		switch {
		case err == nil:
		case !ofRoot(err):
			p.errorf("%s", err)
		case !t.root[err.Error()]:
			t.root[err.Error()] = true
			p.about = ""
			p.errorf("%s", err)
		}
		if s := p.w.(*strings.Builder).String(); s != "" {
			t.team.live.clear()
			fmt.Fprint(t.team.global.app.Stderr, s)
		}
	}
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
	res, err := resolver.Resolve(ctx, source{client}, r.ask(client), observer)
	if err != nil {
		if ended := ended(ctx); ended != nil {
			return nil, ended
		}
	}
	return res, err
}
