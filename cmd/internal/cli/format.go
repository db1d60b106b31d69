package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/resolver"
)

// fileName is the name of the lock in the folder of a service.
func (o *compileOptions) fileName() string {
	if o.format.value == lockfile.PylockTOML.String() {
		return lockfile.PylockTOML.FileName()
	}
	return project.LockName
}

// chooseFormat returns the form of the lock: that of --format, else the one
// that the name of the file stands for.
func (o *compileOptions) chooseFormat(output string) (lockfile.Format, error) {
	return chooseFormat(output, o.format.value, lockfile.Requirements)
}

func chooseFormat(output, flag string, otherwise lockfile.Format) (lockfile.Format, error) {
	format := otherwise
	if output != "" {
		var err error
		if format, err = lockfile.FormatOf(output); err != nil {
			return 0, usagef("--output-file %w", err)
		}
	}
	if flag == "" {
		return format, nil
	}
	wanted, err := lockfile.ParseFormat(flag)
	switch {
	case err != nil:
		return 0, usagef("--format: %w", err)
	case output == "" || wanted == format:
		return wanted, nil
	case wanted == lockfile.PylockTOML:
		return 0, usagef("--output-file %s: PEP 751 wants the name pylock.toml, or pylock.NAME.toml without a dot in NAME", output)
	}
	return 0, usagef("--output-file %s: that name is for --format=pylock.toml: use requirements.lock", output)
}

// formatToTell reports whether the header has to name the form, since the name
// of the file does not.
func (o *compileOptions) formatToTell() bool {
	return o.output == "" && o.format.value == lockfile.PylockTOML.String()
}

// preparePylock settles what a pylock.toml needs besides, and refuses flags
// that it cannot follow.
func (o *compileOptions) preparePylock(r *run) error {
	b := &r.build
	if b.Format != lockfile.PylockTOML {
		return nil
	}
	if b.Hashes == lockfile.NoHashes && !o.pip {
		return usagef("--no-hashes: a pylock.toml always has the hashes of its files: leave it out")
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"emit-index-url", o.emitIndexURL}, {"emit-build-options", o.emitBuildOptions},
		{"emit-index-annotation", o.emitIndexAnnotation}, {"no-strip-extras", o.noStripExtras},
	} {
		if f.set {
			return usagef("--%s is for requirements files: a pylock.toml names index and files of each package anyway: leave it out", f.name)
		}
	}
	if b.Hashes == lockfile.NoHashes {
		b.Hashes = lockfile.TargetHashes
	}
	b.Options = nil
	b.Folders = o.emitLocal || o.pip
	var err error
	if b.Scope, err = lockfile.ScopeOf(&r.request); err != nil {
		return &inputError{err}
	}
	for _, q := range r.project.Requirements {
		if q.Path == "" || !q.Editable {
			continue
		}
		for _, l := range r.project.Locals {
			if l.Dir == q.Path && !slices.Contains(b.Editable, l.Name) {
				b.Editable = append(b.Editable, l.Name)
			}
		}
	}
	return nil
}

// pylockWarnings tell what an installer will not take.
func pylockWarnings(r *run, res *resolver.Resolution) []string {
	if r.build.Format != lockfile.PylockTOML {
		return nil
	}
	var names, git []string
	for i := range res.Packages {
		p := &res.Packages[i]
		switch {
		case p.Local == nil || slices.Contains(r.build.NoEmit, p.Name):
		case p.Local.Direct == nil && r.build.Folders:
			names = append(names, string(p.Name))
		case p.Local.Direct != nil && p.Local.Direct.Kind == project.Git:
			git = append(git, string(p.Name))
		}
	}
	var out []string
	if len(git) > 0 {
		out = append(out, fmt.Sprintf("the lock has commits of git repositories, which uv installs and pip refuses beside hashes: for pip add --no-emit-package=%s", strings.Join(git, ",")))
	}
	if len(names) == 0 {
		return out
	}
	return append(out, fmt.Sprintf("the lock has folders, which uv installs and pip refuses beside hashes: for pip leave out --emit-local, or add --no-emit-package=%s", strings.Join(names, ",")))
}

// others are the runs that write the same resolution to the other files of an
// output, each in the form that its name stands for.
func (o *compileOptions) others(r *run) ([]*run, error) {
	var out []*run
	for _, path := range r.also {
		n := *r
		n.output, n.also, n.old = path, nil, nil
		var err error
		if n.build.Format, err = lockfile.FormatOf(path); err != nil {
			return nil, usagef("%w", err)
		}
		n.build.Header = slices.Clone(r.build.Header)
		if n.build.Format == lockfile.Requirements {
			n.build.Folders = false
		}
		n.build.Dir = n.folder()
		if err := o.preparePylock(&n); err != nil {
			return nil, err
		}
		data, exists, err := lockfile.ReadFile(path, o.app.FS)
		if err != nil {
			return nil, err
		}
		if exists {
			// What cannot be read has no hashes to keep.
			n.old, _ = lockfile.ReadConflicted(slashed(path), data)
		}
		n.build.Old = nil
		if !o.upgrade {
			n.build.Old = n.old
		}
		out = append(out, &n)
	}
	return out, nil
}
