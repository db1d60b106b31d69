package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver"
)

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
	memo       *memo             // of what this may be again; nil for nothing
	known      bool              // by the memo, without a resolution
	said       int               // messages before the resolution
	lowered    []string          // what --coherent took down, and why
	err        error             // why it failed
	texts      map[string][]byte // of its files, by absolute path
	buildDeps  []byte            // the text of --build-deps
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
	for _, left := range j.left {
		p.detailf("%s: %s", left.Place, lacks(j.service, left))
	}
	r, err := j.prepare(ctx, t)
	if err != nil {
		return err
	}
	if len(r.moved) > 0 {
		if err := o.readOld(r); err != nil {
			return err
		}
		if several && !j.named && !o.upgrade && !pinsAny(r.old, r.moved) {
			out.skipped = true
			p.infof("Left alone: its lock has no %s", joinNames(r.moved, " or "))
			return nil
		}
	}
	for _, w := range r.project.Warnings {
		p.warnf("%s", w)
	}
	p.detailf("target: %s", r.target)
	p.detailf("index: %s", project.Escape(strings.Join(r.indexes.asked(), ", ")))
	out.run = r
	if !coherent && len(r.moved) == 0 {
		if out.memo, out.known = t.recall("compile", o, r); out.known {
			p.detailf("nothing is other than when this lock was last found to be unchanged")
			p.infof("Resolved %s in %s, unchanged", count(int64(out.memo.packages), "package"), seconds(o.app.Now().Sub(out.start)))
			return nil
		}
	}
	out.said = p.said
	if r.old == nil {
		if err := o.readOld(r); err != nil {
			return err
		}
	}
	if coherent {
		if err := t.preferOthers(j, r); err != nil {
			return err
		}
	}
	if out.resolution, err = t.resolve(ctx, o, r); err != nil {
		return err
	}
	if out.resolution, err = t.insist(ctx, o, r, out.resolution); err != nil || o.buildDeps == "" {
		return err
	}
	out.buildDeps, err = t.buildDeps(ctx, o, r, out.resolution)
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
	for _, pin := range lockfile.ForeignHashes(r.old, resolution) {
		pin.Place.Column = 0
		p.warnf("%s: %s, and is not kept: find out where it came from", pin.Place, lockfile.ForeignSentence(pin))
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
	if o.dryRun {
		out.texts = map[string][]byte{}
		for i, r := range append([]*run{r}, others...) {
			path, err := filepath.Abs(r.output)
			if err != nil {
				return err
			}
			if out.texts[path] = text; i > 0 {
				out.texts[path] = texts[i-1]
			}
		}
	}
	tellMoved(p, r, resolution)
	if err := ended(ctx); err != nil {
		return err
	}
	var changes []lockfile.Change
	if r.old == nil || !bytes.Equal(r.before, text) {
		changes = moves(lockfile.Compare(r.old, lock))
	}
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
	if o.buildDeps != "" {
		changed, err := o.write(o.buildDeps, out.buildDeps)
		if err != nil {
			return err
		}
		if changed && !out.written {
			out.written, what = true, "wrote "+slashed(o.buildDeps)
		}
	}
	out.lock = lock
	if r.old != nil && !o.dryRun {
		for _, c := range changes {
			p.detailf("%s", describe(c))
		}
	}
	heldBack(p, resolution.HeldBack)
	for _, l := range out.lowered {
		p.infof("For coherence %s", l)
	}
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
	var mixture *lockfile.MixtureError
	if errors.As(err, &mixture) {
		err = r.placed(mixture)
	}
	return lock, text, err
}

// placed gives an error about a direct reference the place that asks for it.
func (r *run) placed(e *lockfile.MixtureError) error {
	lists := [][]project.Requirement{r.project.Requirements}
	for i := range r.project.Locals {
		lists = append(lists, r.project.Locals[i].Requirements)
	}
	for _, list := range lists {
		for i := range list {
			if q := &list[i]; q.Name == e.Name && q.Ref != nil {
				return &project.InputError{Place: q.Place, Msg: e.Error(), Err: e}
			}
		}
	}
	return e
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
		if p := &res.Packages[i]; p.Local == nil || p.Local.Direct != nil {
			n++
		}
	}
	return n
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

// tell sums up several jobs.
func tell(p *printer, outcomes []outcome, took time.Duration) {
	var changed, same, failed, skipped int
	for i := range outcomes {
		switch out := &outcomes[i]; {
		case out.skipped:
			skipped++
		case out.lock == nil && !out.known:
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
