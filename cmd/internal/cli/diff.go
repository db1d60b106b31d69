package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// diffOptions are the flags of diff.
type diffOptions struct {
	*global
	report  diffReport
	locks   []string
	rev     string
	dryRun  bool
	compile *compileOptions // of a dry run
}

// diffReport is how differences are told; compile --dry-run shares it.
type diffReport struct {
	format   choice
	links    bool
	exitCode bool
}

func newDiff(g *global) *cobra.Command {
	o := &diffOptions{global: g}
	cmd := &cobra.Command{
		Use:   "diff [A [B]]",
		Short: "Show what differs between locks",
		Long: `Show which packages a lock gained, lost or moved, grouped by the direct
requirement that brought them.

A and B are locks: a file, a service by its name or folder for its first lock,
or REV:PATH for a file at a git revision, with PATH from the top of the
repository, or from here if it begins with ./; :PATH is what is staged. With A
alone, A is compared with what it is at HEAD, and of services all locks are;
without any, all locks under the current folder are. --rev compares with another
revision.

--dry-run compares the locks of services with what compile would write now: its
arguments and flags are those of compile.

The exit code is 0, or with --exit-code 1 where something differs.`,
		Example: `  pylock diff
  pylock diff services/api --rev origin/main
  pylock diff v1.4:services/api/requirements.lock services/api
  pylock diff --rev origin/main --format markdown --links
  pylock diff --dry-run --upgrade services/api`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.locks = args
			return runDiff(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SetNormalizeFunc(alias)
	f.StringVar(&o.rev, "rev", "", "compare with the locks at this git `revision` (default HEAD)")
	o.report.register(cmd)
	f.BoolVar(&o.dryRun, "dry-run", false, "compare with what compile would write")
	o.compile = &compileOptions{global: g, diff: &o.report}
	o.compile.adopt(f, "dry-run", "format")
	return cmd
}

func (r *diffReport) register(cmd *cobra.Command) {
	r.format = choice{value: "text", of: []string{"text", "json", "markdown"}}
	f := cmd.Flags()
	f.Var(&r.format, "format", "text, json or markdown")
	f.BoolVar(&r.links, "links", false, "ask the index for changelogs, and link them in json and markdown")
	f.BoolVar(&r.exitCode, "exit-code", false, "exit with 1 if something differs")
	complete(cmd, "format", r.format.of...)
}

func runDiff(ctx context.Context, o *diffOptions) error {
	if o.dryRun {
		if o.rev != "" {
			return usagef("--rev and --dry-run exclude each other: leave one out")
		}
		o.compile.sources, o.compile.dryRun = o.locks, true
		if err := o.compile.environment(); err != nil {
			return err
		}
		return runCompile(ctx, o.compile)
	}
	if name := o.compile.firstGiven(); name != "" {
		return usagef("--%s is for --dry-run: add that, or leave it out", name)
	}
	ds, err := o.compare(ctx)
	if err != nil && ds == nil {
		return err
	}
	// One lock that cannot be read does not hide the others.
	printed := o.report.print(ctx, o.global, ds)
	if err != nil && (printed == nil || errors.Is(printed, errNo)) {
		return err
	}
	return printed
}

// firstGiven returns the first flag of compile that was given, by name, or "".
func (o *compileOptions) firstGiven() (name string) {
	o.flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed && name == "" {
			name = f.Name
		}
	})
	return name
}

// print writes differences as the flags say. The error is errNo when something
// differs and that is asked for.
func (r *diffReport) print(ctx context.Context, g *global, ds []*lockfile.Diff) error {
	var out bytes.Buffer
	var err error
	switch r.format.value {
	case "text":
		err = lockfile.DiffText(&out, ds, g.colorStdout())
	default:
		links, lerr := r.changelogs(ctx, g, ds)
		if lerr != nil {
			return lerr
		}
		if r.format.value == "json" {
			err = lockfile.DiffJSON(&out, ds, links)
		} else {
			err = lockfile.DiffMarkdown(&out, ds, links)
		}
	}
	if err != nil {
		return err
	}
	if err := g.print(out.Bytes()); err != nil {
		return err
	}
	for _, d := range ds {
		if r.exitCode && !d.Same() {
			return errNo
		}
	}
	return nil
}

// compare reads and compares the locks that the arguments name. Beside an
// error it may return differences: those of the locks that could be read.
func (o *diffOptions) compare(ctx context.Context) ([]*lockfile.Diff, error) {
	switch len(o.locks) {
	case 0:
		return o.compareFolder(ctx)
	case 1:
		return o.compareNamed(ctx, o.locks[0])
	case 2:
		if o.rev != "" {
			return nil, usagef("--rev is for one lock or none: write %s:PATH for one of the two", o.rev)
		}
		a, err := o.open(ctx, o.locks[0])
		if err != nil {
			return nil, err
		}
		b, err := o.open(ctx, o.locks[1])
		if err != nil {
			return nil, err
		}
		d := lockfile.Compare(a, b)
		d.Before, d.After = filepath.ToSlash(o.locks[0]), filepath.ToSlash(o.locks[1])
		d.Name = d.Before + " -> " + d.After
		return []*lockfile.Diff{d}, nil
	}
	return nil, usagef("%d arguments: name one lock or two", len(o.locks))
}

// workingTree names the state of a file that is not in a revision.
const workingTree = "working tree"

func (o *diffOptions) revision() string {
	if o.rev == "" {
		return "HEAD"
	}
	return o.rev
}

// compareNamed compares a lock, or those of services, with what they are at the
// revision.
func (o *diffOptions) compareNamed(ctx context.Context, arg string) ([]*lockfile.Diff, error) {
	if rev, path, ok := splitRevision(arg); ok {
		if path = strings.TrimPrefix(path, "./"); rev == "" {
			return nil, usagef("%s names one state of a lock: name the other one too", arg)
		}
		return nil, usagef("%s names one state of a lock: name the other one too, or write --rev %s %s", arg, rev, path)
	}
	paths, err := o.compile.locksOf(arg)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		paths = []string{lockIn(arg)}
	}
	var ds []*lockfile.Diff
	for _, path := range paths {
		d, err := o.compareOne(ctx, path)
		switch {
		case err != nil:
			return nil, err
		case d != nil:
			ds = append(ds, d)
		}
	}
	if ds != nil {
		return ds, nil
	}
	if _, err := (git{"."}).commit(ctx, arg); err == nil && o.rev == "" {
		return nil, usagef("%s: no such file: did you mean --rev %s?", slashed(paths[0]), arg)
	}
	for i := range paths {
		paths[i] = slashed(paths[i])
	}
	return nil, usagef("%s: no such file, neither here nor at %s", strings.Join(paths, ", "), o.revision())
}

// compareOne compares a lock with what it is at the revision; nil where it is
// in neither state.
func (o *diffOptions) compareOne(ctx context.Context, path string) (*lockfile.Diff, error) {
	after, err := readLock(path, o.app.FS)
	if err != nil {
		return nil, err
	}
	g, name, err := gitPath(path)
	if err != nil {
		return nil, err
	}
	data, exists, err := g.file(ctx, o.revision(), name)
	if err != nil {
		return nil, err
	}
	shown := filepath.ToSlash(path)
	if !exists && after == nil {
		return nil, nil
	}
	return o.against(shown, data, exists, after)
}

func (o *diffOptions) against(path string, data []byte, exists bool, after *lockfile.Lock) (*lockfile.Diff, error) {
	var before *lockfile.Lock
	if exists {
		var err error
		if before, err = parseLock(o.revision()+":"+path, path, data); err != nil {
			return nil, err
		}
	}
	d := lockfile.Compare(before, after)
	d.Name, d.Before, d.After = path, o.revision(), workingTree
	return d, nil
}

// compareFolder compares every lock under the current folder that differs
// from the revision.
func (o *diffOptions) compareFolder(ctx context.Context) ([]*lockfile.Diff, error) {
	g := git{"."}
	commit, err := g.commit(ctx, o.revision())
	if err != nil {
		return nil, err
	}
	files, err := g.changed(ctx, commit)
	if err != nil {
		return nil, err
	}
	ds, failed := []*lockfile.Diff{}, []error(nil)
	for _, file := range files {
		if !mayBeLock(file) {
			continue
		}
		data, exists, err := g.file(ctx, commit, "./"+file)
		if err != nil {
			return nil, err
		}
		now, err := readAll(file, o.app.FS)
		if err != nil {
			return nil, err
		}
		if filepath.Base(file) != project.LockName && !isPylock(file) && !lockHeader().Match(head(data)) && !lockHeader().Match(head(now)) {
			continue
		}
		var after *lockfile.Lock
		if now != nil {
			if after, err = parseLock(file, file, now); err != nil {
				failed = append(failed, err)
				continue
			}
		}
		d, err := o.against(file, data, exists, after)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		ds = append(ds, d)
	}
	return ds, errors.Join(failed...)
}

// mayBeLock tells by the name whether a file is worth a look.
func mayBeLock(file string) bool {
	ext := filepath.Ext(file)
	return ext == ".lock" || ext == ".txt" || isPylock(file)
}

// lockHeader is what pylock, uv and pip-tools write at the top of a lock.
var lockHeader = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^#\s*This file (was|is) autogenerated by (pylock|uv|pip-compile)\b`)
})

// head is the part of a file in which a header can be.
func head(data []byte) []byte { return data[:min(len(data), 4096)] }

// splitRevision splits REV:PATH. A file of that name is a file, and so is a
// path with the letter of a drive.
func splitRevision(arg string) (rev, path string, ok bool) {
	if _, err := os.Lstat(arg); err == nil || filepath.VolumeName(arg) != "" {
		return "", "", false
	}
	rev, path, ok = strings.Cut(arg, ":")
	return rev, path, ok && path != ""
}

// lockIn returns the lock of a folder, or the argument itself.
func lockIn(arg string) string {
	if fi, err := os.Stat(arg); err == nil && fi.IsDir() {
		return filepath.Join(arg, project.LockName)
	}
	return arg
}

// open reads the lock that an argument names, which must exist.
func (o *diffOptions) open(ctx context.Context, arg string) (*lockfile.Lock, error) {
	if rev, path, ok := splitRevision(arg); ok {
		data, exists, err := git{"."}.file(ctx, rev, filepath.ToSlash(path))
		if err != nil {
			return nil, err
		}
		if !exists {
			return nil, usagef("%s: git knows no such file", arg)
		}
		return parseLock(filepath.ToSlash(arg), path, data)
	}
	path, err := o.compile.lockNamed(arg)
	if err != nil {
		return nil, err
	}
	l, err := readLock(path, o.app.FS)
	if err == nil && l == nil {
		if _, unknown := (git{"."}).commit(ctx, arg); unknown == nil {
			return nil, usagef("%s: no such file: for a lock at a revision write %s:PATH", filepath.ToSlash(path), arg)
		}
		err = usagef("%s: no such file", filepath.ToSlash(path))
	}
	return l, err
}

// readLock reads a lock; nil when the file does not exist.
func readLock(path string, sys lockfile.FS) (*lockfile.Lock, error) {
	data, err := readAll(path, sys)
	if data == nil || err != nil {
		return nil, err
	}
	return parseLock(filepath.ToSlash(path), path, data)
}

// parseLock reads a lock in the form that its path stands for; name is what
// places call it, in which a revision may stand before the path.
func parseLock(name, path string, data []byte) (*lockfile.Lock, error) {
	if isPylock(path) {
		return lockfile.ParseTOML(name, data)
	}
	return lockfile.Parse(name, data)
}

func isPylock(path string) bool {
	f, err := lockfile.FormatOf(path)
	return err == nil && f == lockfile.PylockTOML
}

// maxReadLock bounds what is read of a file, in bytes; [lockfile.Parse] has a
// lower limit and says so.
const maxReadLock = 128 << 20

// readAll reads a file of any kind, since a lock may come through a pipe; nil
// when it does not exist.
func readAll(path string, sys lockfile.FS) ([]byte, error) {
	f, err := sys.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &lockfile.WriteError{Path: filepath.ToSlash(path), Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReadLock))
	if err != nil {
		return nil, &lockfile.WriteError{Path: filepath.ToSlash(path), Err: err}
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}
