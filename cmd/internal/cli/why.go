package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver"
)

// whyOptions are the flags of why.
type whyOptions struct {
	readingOptions
	name  string
	paths int
}

func newWhy(g *global, r *reading) *cobra.Command {
	o := &whyOptions{readingOptions: readingOptions{global: g, reading: r}}
	cmd := &cobra.Command{
		Use:   "why PACKAGE [SERVICE...]",
		Short: "Tell why a package is locked, and why at this version",
		Long: `Tell every path from the project to a package, with each requirement on it,
what bounds its version, and what keeps it from being newer.

The exit code is 1 when no lock has the package.`,
		Example: `  pylock why httpx
  pylock why urllib3 services/api services/worker`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name a package: pylock why PACKAGE [SERVICE...]")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name, o.args = args[0], args[1:]
			return runWhy(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.paths, "paths", lockfile.DefaultPaths, "tell this `number` of paths, the shortest ones")
	o.register(cmd)
	return cmd
}

func runWhy(ctx context.Context, o *whyOptions) error {
	if o.paths < 1 {
		return usagef("--paths %d: give 1 at least", o.paths)
	}
	locks, gs, err := o.graphs(ctx, o.args)
	if err != nil {
		return err
	}
	names, err := present(gs, []string{o.name})
	if err != nil {
		return err
	}
	var all []*lockfile.Why
	for i, g := range gs {
		if len(g.Find(names[0])) == 0 {
			continue
		}
		releases, err := o.releases(ctx, locks[i], g, names[0])
		if err != nil {
			return err
		}
		all = append(all, g.Why(names[0], lockfile.WhyOptions{Paths: o.paths, Releases: releases})...)
	}
	return o.write(
		func(w io.Writer) error { return lockfile.WhyText(w, all, o.colorStdout()) },
		func(w io.Writer) error { return lockfile.WhyJSON(w, all) })
}

// releases returns those of a package, nil where they are not known: why a
// package is there can be told without an index.
func (o *whyOptions) releases(ctx context.Context, lock string, g *lockfile.Graph, name pypi.Name) ([]resolver.Judged, error) {
	nodes := g.Find(name)
	if g.Nodes[nodes[0]].Local != "" {
		return nil, nil
	}
	read, q, err := o.world(ctx, lock)
	if err != nil {
		return nil, err
	}
	// Of several pins each applies to a part of the environments: what none of
	// them can use is what is told to be unusable.
	marker := pep508.Marker{}
	if n := &g.Nodes[nodes[0]]; len(nodes) == 1 && n.Marker != "" {
		if marker, _, err = pep508.ParseMarker(n.Marker); err != nil {
			return nil, &project.InputError{Place: n.Place, Msg: err.Error()}
		}
	}
	home, one, err := q.Home(name, marker)
	switch {
	case err != nil:
		return nil, err
	case !one:
		return nil, nil // each pin has releases of its own
	case home != nil:
		read = home.Project
	}
	page, err := read(ctx, name)
	var unavailable *index.UnavailableError
	switch {
	case ctx.Err() != nil:
		return nil, ended(ctx)
	case errors.Is(err, index.ErrOffline):
		return nil, nil
	case errors.As(err, &unavailable), errors.Is(err, index.ErrNotFound):
		o.printer().warnf("newer releases of %s are not known: %s", name, err)
		return nil, nil
	case err != nil:
		return nil, err
	}
	return resolver.Judge(page, q, marker)
}
