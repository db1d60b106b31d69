package cli

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
)

// outdatedOptions are the flags of outdated.
type outdatedOptions struct {
	readingOptions
	direct bool
}

func newOutdated(g *global, r *reading) *cobra.Command {
	o := &outdatedOptions{readingOptions: readingOptions{global: g, reading: r}}
	cmd := &cobra.Command{
		Use:   "outdated [SERVICE...]",
		Short: "List the pins that are behind, and what holds them back",
		Long: `List, for each lock, the pins that were yanked and those of which there is a
newer release: the version locked, the newest that all requirements and
settings allow, the newest there is, and what is in the way of that.

A lock that another one bounds has its pins: they are listed once, with that
one, where both are looked at.

What a newer release asks for in turn is not looked at: pylock compile
--upgrade-package NAME tries.

The exit code is 0, or with --exit-code 1 where something is listed.`,
		Example: `  pylock outdated services/langgraph --direct
  pylock outdated --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return runOutdated(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.direct, "direct", false, "list what the project itself asks for alone")
	f.BoolVar(&o.exitCode, "exit-code", false, "exit with 1 if something is listed")
	o.register(cmd)
	return cmd
}

func runOutdated(ctx context.Context, o *outdatedOptions) error {
	locks, gs, err := o.graphs(ctx, o.args)
	if err != nil {
		return err
	}
	var all []*lockfile.Outdated
	listed := 0
	for i, g := range gs {
		read, q, err := o.world(ctx, locks[i])
		if err != nil {
			return err
		}
		out, err := lockfile.FindOutdated(ctx, g, read, q, o.direct)
		if err != nil {
			if ended := ended(ctx); ended != nil {
				return ended
			}
			return err
		}
		again := g.Repeats(gs)
		out.Pins = slices.DeleteFunc(out.Pins, func(p lockfile.OutdatedPin) bool { return again[p.Node] })
		all = append(all, out)
		listed += len(out.Pins)
	}
	err = o.write(
		func(w io.Writer) error { return lockfile.OutdatedText(w, all, o.colorStdout()) },
		func(w io.Writer) error { return lockfile.OutdatedJSON(w, all) })
	switch {
	case err != nil:
		return err
	case listed > 0 && o.exitCode:
		return errNo
	case listed == 0:
		o.printer().infof("No pin is behind")
	}
	return nil
}
