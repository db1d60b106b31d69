package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
)

// coherenceOptions are the flags of coherence.
type coherenceOptions struct{ readingOptions }

func newCoherence(g *global, r *reading) *cobra.Command {
	o := &coherenceOptions{readingOptions{global: g, reading: r}}
	cmd := &cobra.Command{
		Use:   "coherence [SERVICE...]",
		Short: "List the packages that services lock at different versions",
		Long: `List the packages of which services lock different versions, and for each
service behind the newest of them the requirements that force it.

The exit code is 0, or with --exit-code 1 where something is listed.`,
		Example: `  pylock coherence
  pylock coherence services/api services/worker --exit-code`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return runCoherence(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 1 if something is listed")
	o.register(cmd)
	return cmd
}

func runCoherence(ctx context.Context, o *coherenceOptions) error {
	_, gs, err := o.graphs(ctx, o.args)
	if err != nil {
		return err
	}
	ds := lockfile.Coherence(gs)
	err = o.write(
		func(w io.Writer) error { return lockfile.CoherenceText(w, ds, o.colorStdout()) },
		func(w io.Writer) error { return lockfile.CoherenceJSON(w, ds) })
	switch {
	case err != nil:
		return err
	case len(ds) > 0 && o.exitCode:
		return errNo
	case len(ds) == 0:
		o.printer().infof("%s, and each package has one version", count(int64(len(gs)), "lock"))
	}
	return nil
}
