package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/resolver"
)

// reading is how the commands that read locks (tree, why, outdated,
// coherence) get at them. They know no more of services, settings and indexes
// than these functions.
type reading struct {
	// locks returns the locks that arguments name, by themselves or by their
	// services, each once and in their order. Without arguments they are those
	// of the service of the current folder or, where there is none, of all of
	// the repository, sorted. A name that is none is an input error that says
	// which there are.
	locks func(ctx context.Context, args []string) ([]string, error)
	// graph reads a lock, the requirements of its project and the metadata of
	// its pins: the edges are those that the check goes by. A lock that is
	// missing or cannot be read is an error; one that is stale is not, an edge
	// that no pin meets is then left out.
	graph func(ctx context.Context, lock string) (*lockfile.Graph, error)
	// world returns the pages of a lock's indexes, each read once however often
	// it is asked for, and the request that compile would make of its settings,
	// without preferences.
	world func(ctx context.Context, lock string) (pages, resolver.Request, error)
}

// pages returns what the indexes have of a package. It may be called from
// several goroutines at once.
type pages func(ctx context.Context, name pypi.Name) (*index.Project, error)

// graphs returns the graphs of the locks that arguments name, beside the locks.
func (r *reading) graphs(ctx context.Context, args []string) ([]string, []*lockfile.Graph, error) {
	locks, err := r.locks(ctx, args)
	if err != nil {
		return nil, nil, err
	}
	var gs []*lockfile.Graph
	for _, l := range locks {
		g, err := r.graph(ctx, l)
		if err != nil {
			return nil, nil, err
		}
		gs = append(gs, g)
	}
	return locks, gs, nil
}

// readingOptions are the flags that these commands share.
type readingOptions struct {
	*global
	*reading
	args     []string // services
	format   choice
	exitCode bool
}

func (o *readingOptions) register(cmd *cobra.Command) {
	o.format = choice{value: "text", of: []string{"text", "json"}}
	cmd.Flags().Var(&o.format, "format", "text or json")
	complete(cmd, "format", o.format.of...)
}

// write prints what one of two functions writes.
func (o *readingOptions) write(text, json func(io.Writer) error) error {
	var b bytes.Buffer
	f := text
	if o.format.value == "json" {
		f = json
	}
	if err := f(&b); err != nil {
		return err
	}
	return o.print(b.Bytes())
}

// notLockedError says that no lock has a package.
type notLockedError struct {
	names []string
	locks []string
}

func (e *notLockedError) Error() string {
	locks := strings.Join(e.locks, ", ")
	if len(e.locks) > 1 {
		locks = "none of " + locks + " has"
	} else {
		locks += " does not have"
	}
	return fmt.Sprintf("%s %s: check the spelling", locks, strings.Join(e.names, ", "))
}

// present reads the names of packages, of which each must be in one of the
// locks at least.
func present(gs []*lockfile.Graph, args []string) ([]pypi.Name, error) {
	var names []pypi.Name
	missing := &notLockedError{}
	for _, a := range args {
		name, err := pypi.ParseName(a)
		if err != nil {
			return nil, &inputError{err}
		}
		found := false
		for _, g := range gs {
			found = found || len(g.Find(name)) > 0
		}
		if !found {
			missing.names = append(missing.names, string(name))
		}
		names = append(names, name)
	}
	if missing.names == nil {
		return names, nil
	}
	for _, g := range gs {
		missing.locks = append(missing.locks, g.Lock)
	}
	return nil, missing
}
