package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/vcs"
)

// describer finds out what the direct references of a project lead to: archives
// through the client of the indexes, repositories through git.
type describer struct {
	options *compileOptions
	client  *index.Client
	git     *vcs.Store
	stated  []project.StaticMetadata // of dependency-metadata
	locked  []lockfile.Direct        // of the existing lock, whose commits are kept

	mu       sync.Mutex
	warnings []string
}

// describe asks for what direct references lead to. An existing lock keeps its
// commits, but for those that are to move.
func (o *compileOptions) describe(ctx context.Context, t *team, r *run) error {
	if !r.project.References() {
		return nil
	}
	indexes := r.indexes
	var err error
	if indexes.build, err = o.placedBuilds(r.project); err != nil {
		return err
	}
	client, err := t.client(o, indexes)
	if err != nil {
		return err
	}
	d := &describer{options: o, client: client, git: &vcs.Store{Offline: o.isOffline()}, stated: r.project.DependencyMetadata}
	if t != nil && t.live != nil {
		d.git.Asked = func(url string) { t.live.Request("", url) }
	}
	defer d.git.Close()
	if s := o.global.cache.store; s != nil {
		d.git.Dir = s.Repositories()
	}
	if d.locked, err = o.lockedDirects(r); err != nil {
		return err
	}
	if err := r.project.Describe(ctx, d); err != nil {
		if ended := ended(ctx); ended != nil {
			return ended
		}
		return err
	}
	slices.Sort(d.warnings)
	r.project.Warnings = append(r.project.Warnings, d.warnings...)
	return nil
}

// lockedDirects are the entries of the existing lock, without those that an
// upgrade is asked for.
func (o *compileOptions) lockedDirects(r *run) ([]lockfile.Direct, error) {
	if r.output == "" || o.upgrade {
		return nil, nil
	}
	data, exists, err := lockfile.ReadFile(r.output, o.app.FS)
	if err != nil || !exists {
		return nil, err
	}
	old, err := lockfile.ReadConflicted(slashed(r.output), data)
	if err != nil {
		return nil, nil // told where the lock itself is read
	}
	moved, _, err := o.toMove()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(old.Direct), func(d lockfile.Direct) bool { return slices.Contains(moved, d.Name) }), nil
}

// Describe implements [project.Describer].
func (d *describer) Describe(ctx context.Context, r *project.Reference) (*project.Described, error) {
	if r.Kind == project.Git {
		return d.repository(ctx, r)
	}
	return d.archive(ctx, r)
}

// refresh reports whether the cache's word is not enough for a package.
func (d *describer) refresh(name pypi.Name) bool {
	c := &d.options.global.cache
	return c.refresh || c.names[name]
}

func (d *describer) archive(ctx context.Context, r *project.Reference) (*project.Described, error) {
	stated := slices.IndexFunc(d.stated, func(m project.StaticMetadata) bool { return m.Name == r.Name })
	a := index.Archive{URL: r.URL, File: r.File, Subdirectory: r.Subdirectory, Hashes: r.Hashes, Refresh: d.refresh(r.Name), NoBuild: stated >= 0}
	var was project.Place
	for i := range d.locked {
		if l := &d.locked[i]; l.Name == r.Name && l.URL == r.String() && len(l.Hashes) > 0 {
			a.Known, was = append(a.Known, l.Hashes...), l.Place
		}
	}
	found, err := d.client.Archive(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name, err)
	}
	if len(a.Known) > 0 && !slices.Contains(a.Known, "sha256:"+found.SHA256) {
		was.Column = 0
		d.mu.Lock()
		d.warnings = append(d.warnings, fmt.Sprintf("%s: what is at %s does not have the hash of the lock any more, and gets a new one: find out why", was, r.Bare()))
		d.mu.Unlock()
	}
	out := &project.Described{Filename: found.Filename, Hash: "sha256:" + found.SHA256, Size: found.Size}
	switch {
	case found.Metadata != nil:
		out.Metadata = staticMetadata(found.Metadata)
	case stated >= 0:
		out.Metadata = &d.stated[stated]
	default:
		return nil, &needsBuildError{r.Name, r.String()}
	}
	return out, nil
}

// needsBuildError says that only a build could tell what a package needs.
type needsBuildError struct {
	name pypi.Name
	at   string
}

func (e *needsBuildError) Error() string {
	return fmt.Sprintf("%s: %s does not state its dependencies, so that only its build could tell them: allow that with --build, name a wheel instead, or state them in [[tool.uv.dependency-metadata]]", e.name, e.at)
}

func (e *needsBuildError) Unwrap() error { return index.ErrNeedsBuild }

// repository finds the commit of a reference: that of the existing lock while
// the project asks for the same, else the one that its revision names now.
func (d *describer) repository(ctx context.Context, r *project.Reference) (*project.Described, error) {
	repo, err := d.git.Open(r.URL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name, err)
	}
	commit := d.lockedCommit(r)
	if commit == "" {
		kind := map[project.RevisionKind]vcs.Kind{project.AnyRevision: vcs.Any, project.BranchRevision: vcs.Branch, project.TagRevision: vcs.Tag}[r.RevisionKind]
		if commit, err = repo.Resolve(ctx, r.Revision, kind); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, gitError(err))
		}
	}
	tree, err := repo.Tree(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name, gitError(err))
	}
	build := func(ctx context.Context) (*project.StaticMetadata, error) { return d.buildCommit(ctx, r, tree, commit) }
	return &project.Described{Commit: commit, Tree: tree, Build: build}, nil
}

// lockedCommit is the commit that the existing lock has of a reference, ""
// where the lock was made for another revision.
func (d *describer) lockedCommit(r *project.Reference) string {
	for i := range d.locked {
		l := &d.locked[i]
		address, commit, folder := lockfile.GitParts(l.URL)
		asked := l.From == r.Asked() || l.From == "" && r.Revision == ""
		if l.Name == r.Name && address == lockfile.BareURL(r.URL) && folder == r.Subdirectory && asked && vcs.IsCommit(commit) {
			return commit
		}
	}
	return ""
}

// gitError gives an error of a repository its exit code.
func gitError(err error) error {
	var e *vcs.Error
	if !errors.As(err, &e) || errors.Is(err, vcs.ErrUnfit) {
		return err
	}
	if errors.Is(err, vcs.ErrNotFound) {
		return fmt.Errorf("git repository %s: %w: correct the revision", e.URL, e.Err)
	}
	if errors.Is(err, vcs.ErrOffline) {
		return &index.UnavailableError{URL: e.URL, Err: index.ErrOffline}
	}
	return &index.UnavailableError{URL: "git repository " + e.URL, Err: e.Err}
}
