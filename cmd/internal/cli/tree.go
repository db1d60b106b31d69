package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
)

// treeOptions are the flags of tree.
type treeOptions struct {
	readingOptions
	tree     lockfile.TreeOptions
	packages []string
}

func newTree(g *global, r *reading) *cobra.Command {
	o := &treeOptions{readingOptions: readingOptions{global: g, reading: r}}
	cmd := &cobra.Command{
		Use:   "tree [SERVICE...]",
		Short: "Draw what a lock holds, and who asks for it",
		Long: `Draw the pins of a lock below what asks for them, each with what the
requirement says of versions, and the project's own with file and line.

What is below a package is drawn once; (*) marks where it would be again.
--invert draws who asks for a package below it.`,
		Example: `  pylock tree services/langgraph --depth 1
  pylock tree --invert --package httpx`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return runTree(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.tree.Invert, "invert", "i", false, "draw who asks for a package below it")
	f.IntVarP(&o.tree.Depth, "depth", "d", -1, "draw this `number` of levels; negative for all")
	f.StringArrayVarP(&o.packages, "package", "p", nil, "begin at this `package`; repeatable")
	f.BoolVar(&o.tree.NoDedupe, "no-dedupe", false, "draw what is below a package each time")
	f.BoolVar(&o.tree.NoBounds, "no-bounds", false, "leave out what requirements say")
	f.BoolVar(&o.tree.ASCII, "ascii", false, "draw with ASCII characters alone")
	o.register(cmd)
	return cmd
}

func runTree(ctx context.Context, o *treeOptions) error {
	_, gs, err := o.graphs(ctx, o.args)
	if err != nil {
		return err
	}
	t := o.tree
	t.Color = o.colorStdout()
	if t.Packages, err = present(gs, o.packages); err != nil {
		return err
	}
	return o.write(
		func(w io.Writer) error { return lockfile.TreesText(w, gs, t) },
		func(w io.Writer) error { return lockfile.TreesJSON(w, gs, t) })
}
