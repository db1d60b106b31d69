package cli

import (
	"context"
	"os"
	"path/filepath"

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
	c, err := t.client(o, r.indexes)
	if err != nil {
		return nil, err
	}
	q := r.request
	q.Root, q.Requirements, q.Constraints, q.Moves = "the builds", nil, r.indexes.build.constraints, nil
	q.Overrides, q.ScopedOverrides, q.Exclusions, q.DependencyMetadata, q.Locals = nil, nil, nil, nil, nil
	q.RequiresPython, q.NoDeps, q.BestEffort = nil, false, false
	q.NoBinary, q.OnlyBinary = resolver.Names{}, resolver.Names{All: true}
	for i := range res.Packages {
		pkg := &res.Packages[i]
		f := sdistOf(pkg)
		if f == nil {
			continue
		}
		requires, err := buildRequires(ctx, c, pkg, f)
		if err != nil {
			return nil, err
		}
		for _, text := range requires {
			req, _, err := pep508.ParseRequirement(text)
			if err != nil {
				return nil, err
			}
			q.Requirements = append(q.Requirements, project.Requirement{Requirement: req, Text: text, Origin: string(pkg.Name) + " (build)"})
		}
	}
	was := *r
	was.output = o.buildDeps
	was.request = q
	was.build.Old, was.build.Refresh, was.request.Preferences = nil, nil, nil
	if err := o.readOld(&was); err != nil {
		return nil, err
	}
	deps, err := resolver.Resolve(ctx, source{c}, was.request, nil)
	if err != nil {
		return nil, err
	}
	b := lockfile.BuildOptions{
		Header: []string{
			"What the builds of source distributions require; made together with their lock by:",
			"   " + (&lockfile.Lock{Header: r.build.Header}).Command(),
			"Install with pip install --build-constraint " + filepath.Base(o.buildDeps) + " -r LOCK, or set PIP_CONSTRAINT before pip 25.3.",
		},
		Hashes: r.build.Hashes, Old: was.build.Old, DefaultIndex: r.build.DefaultIndex,
	}
	lock, err := lockfile.FromResolution(deps, b)
	if err != nil {
		return nil, err
	}
	return lockfile.Write(lock, b.Format, r.style)
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

// buildRequires asks the build of f what it requires.
func buildRequires(ctx context.Context, c *index.Client, pkg *resolver.Package, f *index.File) ([]string, error) {
	p, err := c.Project(ctx, pkg.Name)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pylock-sdist-*")
	if err != nil {
		return nil, &machineError{err}
	}
	defer os.RemoveAll(dir)
	archive := filepath.Join(dir, "archive")
	if err := c.Download(ctx, p, f, archive); err != nil {
		return nil, err
	}
	return c.Builder().(builder).Requires(ctx, archive, f.Filename)
}
