package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver"
)

// buildDeps returns the text of --build-deps: a lock of all that the builds of
// the source distributions in a resolution require, for the same target and
// with the same hashes. Its pins are kept where they can be, as those of the lock.
func (t *team) buildDeps(ctx context.Context, o *compileOptions, r *run, res *resolver.Resolution) ([]byte, error) {
	deps, c, err := t.buildDepsRun(ctx, o, r, res)
	if err != nil {
		return nil, err
	}
	if err := o.readOld(deps); err != nil {
		return nil, err
	}
	deps.build.Old = deps.old
	if o.upgrade {
		deps.build.Old = nil
	}
	solved, err := resolver.Resolve(ctx, source{c}, deps.request, nil)
	if err != nil {
		return nil, err
	}
	lock, err := lockfile.FromResolution(solved, deps.build)
	if err != nil {
		return nil, err
	}
	return lockfile.Write(lock, deps.build.Format, deps.style)
}

// buildDepsRun is the run of that lock, without the file that is there.
func (t *team) buildDepsRun(ctx context.Context, o *compileOptions, r *run, res *resolver.Resolution) (*run, *index.Client, error) {
	c, err := t.client(o, r.indexes)
	if err != nil {
		return nil, nil, err
	}
	q := r.request
	q.Root, q.Requirements, q.Constraints, q.Moves, q.Preferences = "the builds", nil, r.indexes.build.constraints, nil, nil
	q.Overrides, q.ScopedOverrides, q.Exclusions, q.DependencyMetadata, q.Locals = nil, nil, nil, nil, nil
	q.RequiresPython, q.NoDeps, q.BestEffort = nil, false, false
	q.NoBinary, q.OnlyBinary = resolver.Names{}, resolver.Names{All: true}
	for i := range res.Packages {
		pkg := &res.Packages[i]
		f := sdistOf(pkg)
		if f == nil {
			continue
		}
		p, err := c.Project(ctx, pkg.Name)
		if err != nil {
			return nil, nil, err
		}
		requires, err := c.BuildRequires(ctx, p, f)
		if err != nil {
			return nil, nil, fmt.Errorf("%s %s: %w", pkg.Name, pkg.Version, err)
		}
		for _, text := range requires {
			req, _, err := pep508.ParseRequirement(text)
			if err != nil {
				return nil, nil, fmt.Errorf("%s %s: its build requires %s: %w", pkg.Name, pkg.Version, text, err)
			}
			q.Requirements = append(q.Requirements, project.Requirement{Requirement: req, Text: text, Origin: string(pkg.Name) + " (build)"})
		}
	}
	deps := *r
	deps.output, deps.also, deps.old, deps.before, deps.request = o.buildDeps, nil, nil, nil, q
	deps.build = lockfile.BuildOptions{
		Header: []string{
			"What the builds of source distributions require; made together with their lock by:",
			"   " + (&lockfile.Lock{Header: r.build.Header}).Command(),
			"Install with pip install --build-constraint " + filepath.Base(o.buildDeps) + " -r LOCK, or set PIP_CONSTRAINT before pip 25.3.",
		},
		Hashes: r.build.Hashes, DefaultIndex: r.build.DefaultIndex,
	}
	return &deps, c, nil
}

// checkBuildDeps judges the file of --build-deps, whose lock r is up to date, as
// that lock is judged: it is to be what the builds of the lock's source
// distributions require.
func (j *job) checkBuildDeps(ctx context.Context, t *team, r *run, want lockfile.Expectation) ([]lockfile.Finding, error) {
	o := j.options
	now := *r
	if err := o.readOld(&now); err != nil {
		return nil, err
	}
	res, err := t.resolve(ctx, o, &now) // which keeps the pins
	if err != nil {
		return nil, err
	}
	deps, _, err := t.buildDepsRun(ctx, o, r, res)
	if err != nil {
		return nil, err
	}
	at, was := *r, want
	at.output = o.buildDeps
	want = lockfile.Expectation{
		Service: was.Service, Lock: relative(r.project.Root, o.buildDeps), Fix: was.Fix, Custom: was.Custom, NoHeader: true,
		DefaultIndex: deps.build.DefaultIndex, Hashes: deps.build.Hashes, Dir: at.folder(), Offline: was.Offline,
	}
	lock, findings, err := j.findings(ctx, t, deps, want)
	if err != nil || lock == nil || was.NoHeader || was.Custom || slices.Equal(lock.Header, deps.build.Header) {
		return findings, err
	}
	f := lockfile.Finding{Rule: lockfile.OptionsChanged, Severity: lockfile.OptionsChanged.Severity, Service: want.Service, Lock: want.Lock, Fix: want.Fix,
		Place: project.Place{File: want.Lock}, Message: "its header is not that of the lock that it was made with: it should name " + strings.TrimSpace(deps.build.Header[1])}
	return append(findings, f), nil
}

// sdistOf returns the source distribution that some target has to build, nil
// where wheels serve all.
func sdistOf(pkg *resolver.Package) *index.File {
	if pkg.Local != nil {
		return nil
	}
	for _, f := range pkg.Files {
		if f.IsSdist() {
			return f
		}
	}
	return nil
}
