package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// exportOptions are the flags of export.
type exportOptions struct {
	*global
	index *compileOptions // those of compile that say which indexes to ask

	lock       string
	output     string
	format     choice
	noAnnotate bool
	noHeader   bool
	emitLocal  bool
}

func newExport(g *global) *cobra.Command {
	o := &exportOptions{global: g, index: newOptions(g, false)}
	cmd := &cobra.Command{
		Use:   "export LOCK|SERVICE",
		Short: "Write a lock in its other form",
		Long: `Write a requirements.lock as a pylock.toml (PEP 751), or a pylock.toml as a
requirements.lock. No version changes, nothing is resolved. The lock is
printed, or written where --output-file says. A service, by its name or folder,
stands for its first lock.

A pylock.toml names the address of each file: it is asked from the index. The
other way needs no network.`,
		Example: `  pylock export services/api/requirements.lock -o services/api/pylock.toml
  pylock export pylock.toml -o requirements.lock`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one lock: a requirements.lock or a pylock.toml")
			}
			o.lock = args[0]
			if err := o.index.environment(); err != nil {
				return err
			}
			return runExport(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SetNormalizeFunc(alias)
	f.SortFlags = false
	f.StringVarP(&o.output, "output-file", "o", "", "write the lock to this `file`")
	o.format = choice{of: []string{"requirements.txt", "pylock.toml"}}
	f.Var(&o.format, "format", "the form to write: requirements.txt or pylock.toml; the one that LOCK has not, where none is given")
	complete(cmd, "format", o.format.of...)
	for _, name := range slices.Concat([]string{"default-index", "index", "timeout"}, accessFlags) {
		f.AddFlag(o.index.flags.Lookup(name))
	}
	f.BoolVar(&o.noAnnotate, "no-annotate", false, "do not tell who asked for a package")
	f.BoolVar(&o.noHeader, "no-header", false, "leave out the header")
	f.BoolVar(&o.emitLocal, "emit-local", false, "write packages of the repository into a pylock.toml, as folders")
	must(cmd.MarkFlagFilename("output-file", "lock", "txt", "toml"))
	return cmd
}

// runExport turns a lock into its other form. Nothing is written unless all
// succeeds.
func runExport(ctx context.Context, o *exportOptions) error {
	start := o.app.Now()
	p := o.printer()
	if o.index.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.index.timeout, &errTimeout{o.index.timeout})
		defer cancel()
	}
	lock, err := o.index.lockNamed(o.lock)
	if err != nil {
		return err
	}
	o.lock = slashed(lock)
	data, exists, err := lockfile.ReadFile(o.lock, o.app.FS)
	if err == nil && !exists {
		err = usagef("%s: no such file: name a requirements.lock or a pylock.toml", o.lock)
	}
	if err != nil {
		return err
	}
	from, err := lockfile.FormatOf(o.lock)
	if err != nil {
		return &inputError{err}
	}
	to, err := chooseFormat(o.output, o.format.value, 1-from)
	if err != nil {
		return err
	}
	if to == from {
		return usagef("%s has the form of a %s already: export writes the other one", o.lock, to)
	}
	if isInput(o.output) {
		return usagef("--output-file %s is an input, not a lock: use %s", o.output, to.FileName())
	}
	old, err := lockfile.Read(filepath.ToSlash(o.lock), data)
	if err != nil {
		return err
	}
	for _, w := range old.Warnings {
		p.warnf("%s", w)
	}
	indexes, err := o.index.indexSettings(indexesOf(old, filepath.Dir(o.lock)), filepath.Dir(o.lock))
	if err != nil {
		return err
	}
	root := project.FindRoot(filepath.Dir(o.lock))
	at := func(path string) string {
		return filepath.Join(resolved(root), filepath.FromSlash(relative(root, filepath.Dir(path))))
	}
	out := &lockfile.Lock{}
	options := lockfile.ExportOptions{
		Header: lockfile.Header(o.command(root, to), old.Target()), DefaultIndex: bare(indexes.byDefault),
		Root: resolved(root), From: at(o.lock), To: at(o.output), Folders: o.emitLocal,
	}
	if to == lockfile.Requirements {
		out, err = lockfile.ToRequirements(old, options)
	} else {
		for _, w := range o.index.warnings {
			p.warnf("%s", w)
		}
		out, err = o.toPylock(ctx, old, indexes, options)
	}
	if err != nil {
		return err
	}
	text, err := lockfile.Write(out, to, lockfile.Style{NoAnnotate: o.noAnnotate, NoHeader: o.noHeader})
	if err != nil {
		return &inputError{fmt.Errorf("%s: %w", filepath.ToSlash(o.lock), err)}
	}
	if err := ended(ctx); err != nil {
		return err
	}
	outcome := "printed"
	if o.output == "" {
		err = o.print(text)
	} else {
		var changed bool
		changed, err = lockfile.WriteFile(o.output, text, o.app.FS)
		outcome = "unchanged"
		if changed {
			outcome = "wrote " + filepath.ToSlash(o.output)
		}
	}
	if err != nil {
		return err
	}
	p.infof("Exported %s in %s, %s", count(int64(len(out.Pins)), "package"), seconds(o.app.Now().Sub(start)), outcome)
	return nil
}

// command is the canonical command of the lock, with paths from the root.
func (o *exportOptions) command(root string, to lockfile.Format) string {
	c := &command{words: []string{"pylock", "export", relative(root, o.lock)}}
	if o.output != "" {
		c.value("output-file", relative(root, o.output))
	} else if o.format.set {
		c.value("format", to.String())
	}
	if o.noAnnotate {
		c.flag("no-annotate")
	}
	return c.String()
}

// indexesOf are the indexes that the options of a lock name.
func indexesOf(l *lockfile.Lock, dir string) project.IndexSettings {
	var s project.IndexSettings
	for _, option := range l.Options {
		name, value, _ := strings.Cut(option, " ")
		switch name {
		case "--index-url":
			s.Default = project.Link{URL: value}
		case "--extra-index-url":
			s.Extra = append(s.Extra, project.Link{URL: value})
		case "--find-links":
			if !strings.Contains(value, "://") && !filepath.IsAbs(value) {
				value = filepath.Join(dir, filepath.FromSlash(value))
			}
			s.FindLinks = append(s.FindLinks, project.Link{URL: value})
		case "--no-index":
			s.NoIndex = true
		}
	}
	return s
}

// maxLookups is how many versions are asked for at once; the client has a
// bound on connections besides.
const maxLookups = 16

// toPylock asks the index for the files of each pin.
func (o *exportOptions) toPylock(ctx context.Context, l *lockfile.Lock, s indexSettings, options lockfile.ExportOptions) (*lockfile.Lock, error) {
	live := o.newProgress()
	defer live.close()
	client, err := o.index.client(s, live)
	if err != nil {
		return nil, err
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make([]*index.Project, len(l.Pins))
	errs := make([]error, len(l.Pins))
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxLookups)
	for i := range l.Pins {
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			pages[i], errs[i] = client.Version(ctx, l.Pins[i].Name, l.Pins[i].Version)
			if errs[i] != nil && !errors.Is(errs[i], index.ErrNotFound) {
				cancel()
			}
		}()
	}
	wg.Wait()
	if err := ended(outer); err != nil {
		return nil, err
	}
	for i, err := range errs {
		// The first failure ends the other lookups: their errors say nothing.
		if err != nil && !errors.Is(err, index.ErrNotFound) && !errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("%s: %w", l.Pins[i].Place, err)
		}
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return errors.Is(err, index.ErrNotFound) }); i >= 0 {
		return nil, fmt.Errorf("%s: %w", l.Pins[i].Place, errs[i])
	}
	return lockfile.ToPylock(l, func(n pypi.Name, v pep440.Version) *index.Project {
		for i := range l.Pins {
			if l.Pins[i].Name == n && l.Pins[i].Version.Equal(v) {
				return pages[i]
			}
		}
		return nil
	}, options)
}
