package cli

import (
	"context"

	"github.com/pylock-dev/pylock/lockfile"
)

// dryRun compares the existing lock with the text of a new one as it would be
// read back: what the style leaves out is no difference.
func (r *run) dryRun(text []byte) (*lockfile.Diff, error) {
	written, err := lockfile.Read(slashed(r.output), text)
	if err != nil {
		return nil, err
	}
	d := lockfile.Compare(r.old, written)
	d.Name, d.Before, d.After = slashed(r.output), workingTree, "dry run"
	return d, nil
}

// printDryRun prints what would change, as the product of a dry run.
func (o *compileOptions) printDryRun(ctx context.Context, outcomes []outcome) error {
	var ds []*lockfile.Diff
	for i := range outcomes {
		if d := outcomes[i].diff; d != nil {
			ds = append(ds, d)
		}
	}
	r := o.diff
	if r == nil {
		r = &diffReport{format: choice{value: "text"}}
	}
	return r.print(ctx, o.global, ds)
}
