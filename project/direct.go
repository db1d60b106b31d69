package project

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/pypi"
)

// Direct is what a reference was found to be.
type Direct struct {
	Reference
	// Commit is the full hash of the commit of a repository.
	Commit string
	// Filename, Hash and Size are those of an archive; Hash is "sha256:…".
	Filename string
	Hash     string
	Size     int64
}

// Exact is the address that always leads to this package, without credentials:
// "https://…", "git+https://…@COMMIT#subdirectory=…", the path of a file.
func (d *Direct) Exact() string {
	r := d.Reference
	if r.Kind == Git {
		r.Revision = d.Commit
	}
	return r.String()
}

// identity is equal for two references to the same package.
func (d *Direct) identity() string {
	switch {
	case d.File != "":
		return "file " + d.File + "#" + d.Subdirectory
	case d.Kind == Git:
		return "git " + canonicalURL(d.URL) + "@" + d.Commit + "#" + d.Subdirectory
	}
	return "url " + canonicalURL(d.URL) + "#" + d.Subdirectory
}

// Key is what a requirement on the package has as [Requirement.Target].
func (l *Local) Key() string {
	if l.Direct != nil {
		return l.Direct.identity()
	}
	return "folder " + l.Dir
}

// Serves reports whether the URL of a requirement, as metadata states it, means
// this package: the same address and folder, and of a repository the same
// revision, or the commit that it is.
func (d *Direct) Serves(written string) bool {
	if s := scheme(written); s == "" || s == "file" {
		return false
	}
	r, err := parseReference(written)
	if err != nil || r.Kind != d.Kind || d.File != "" {
		return false
	}
	if r.Kind == Git && r.Revision != d.Revision && r.Revision != d.Commit {
		return false
	}
	return canonicalURL(r.URL) == canonicalURL(d.URL) && r.Subdirectory == d.Subdirectory
}

// Described is what a reference leads to.
type Described struct {
	Commit   string // of a repository
	Filename string // of an archive
	Hash     string // "sha256:…"
	Size     int64

	// Metadata is what an archive says of itself; nil for a repository.
	Metadata *StaticMetadata
	// Tree has the files of the commit of a repository; nil for an archive.
	Tree Tree
	// Build returns what a build tells of the package of Tree, for one that does
	// not state its dependencies in its pyproject.toml; its sources hold for them
	// all the same. It is not asked where dependency-metadata states them. Its
	// error says what to do where nothing may be built.
	Build func(ctx context.Context) (*StaticMetadata, error)
}

// Tree is the files of a commit. Paths are slash paths from its top.
type Tree interface {
	// File returns the content of a regular file; its error matches
	// [fs.ErrNotExist] where there is none.
	File(ctx context.Context, path string) ([]byte, error)
	// Find returns the paths of all files of a name, sorted.
	Find(ctx context.Context, name string) ([]string, error)
}

// Describer finds out what references lead to. It is called from several
// goroutines at once, once for each reference.
type Describer interface {
	Describe(ctx context.Context, r *Reference) (*Described, error)
}

// Target is the [Local.Key] of what the requirement points at, "" for a package
// of an index and for a reference that is not described yet.
func (r *Requirement) Target() string {
	switch {
	case r.Path != "":
		return "folder " + r.Path
	case r.direct != nil:
		return r.direct.identity()
	}
	return ""
}

// References reports whether some requirement is still to be described.
func (p *Project) References() bool {
	found := false
	p.eachPending(func(*Requirement) { found = true })
	return found
}

// eachPending calls do for the requirements whose references are not described.
func (p *Project) eachPending(do func(*Requirement)) {
	list := func(rs []Requirement) {
		for i := range rs {
			if rs[i].Ref != nil && rs[i].direct == nil {
				do(&rs[i])
			}
		}
	}
	list(p.Requirements)
	list(p.Constraints)
	list(p.Overrides)
	for i := range p.ScopedOverrides {
		list(p.ScopedOverrides[i].Requirements)
	}
	for i := range p.Locals {
		list(p.Locals[i].Requirements)
		for _, x := range p.Locals[i].Extras {
			list(x)
		}
	}
}

// maxDescribed bounds the references that are described at once.
const maxDescribed = 8

// Describe finds out what the references of the project lead to, and what those
// need in turn, and adds it to Locals. What is wrong with one is an
// [*InputError] at its place, or an error of d, with the place before it.
func (p *Project) Describe(ctx context.Context, d Describer) error {
	if p.loader == nil {
		return nil
	}
	// One answer for all that ask for the same.
	var asked []*Reference
	var answers []*Described
	for {
		var pending []*Requirement
		p.eachPending(func(r *Requirement) { pending = append(pending, r) })
		if len(pending) == 0 {
			break
		}
		index := make([]int, len(pending))
		for i, r := range pending {
			index[i] = slices.IndexFunc(asked, func(o *Reference) bool {
				return o.same(r.Ref) && o.Name == r.Name && slices.Equal(o.Hashes, r.Ref.Hashes)
			})
			if index[i] < 0 {
				index[i] = len(asked)
				asked = append(asked, r.Ref)
			}
		}
		more, err := describeAll(ctx, d, asked[len(answers):])
		if err != nil {
			return err
		}
		answers = append(answers, more...)
		for i, r := range pending {
			if err := p.addDirect(ctx, r, answers[index[i]]); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(p.Locals, func(a, b Local) int {
		if c := strings.Compare(string(a.Name), string(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.Key(), b.Key())
	})
	l := p.loader
	if err := l.checkExtras(p.Requirements); err != nil {
		return err
	}
	for i := range p.Locals {
		if err := l.checkExtras(p.Locals[i].Requirements); err != nil {
			return err
		}
	}
	p.loader = nil
	return nil
}

// describeAll asks for all references at once; the error is that of the first.
func describeAll(ctx context.Context, d Describer, refs []*Reference) ([]*Described, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, errs := make([]*Described, len(refs)), make([]error, len(refs))
	slots := make(chan struct{}, maxDescribed)
	var wg sync.WaitGroup
	for i, r := range refs {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if errs[i] = ctx.Err(); errs[i] == nil {
				out[i], errs[i] = d.Describe(ctx, r)
			}
			if errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	for _, canceled := range []bool{false, true} {
		for i, err := range errs {
			if err != nil && (canceled || !isCanceled(err)) {
				return nil, placed(refs[i].Place, err)
			}
		}
	}
	return out, nil
}

func isCanceled(err error) bool {
	return err == context.Canceled || strings.HasSuffix(err.Error(), context.Canceled.Error())
}

// placedError is an error about what is written at a place.
type placedError struct {
	place Place
	err   error
}

func (e *placedError) Error() string { return Escape(e.place.String()) + ": " + e.err.Error() }
func (e *placedError) Unwrap() error { return e.err }

func placed(p Place, err error) error {
	if p.File == "" {
		return err
	}
	return &placedError{p, err}
}

// addDirect makes a requirement one for what its reference was found to be.
func (p *Project) addDirect(ctx context.Context, r *Requirement, d *Described) error {
	r.direct = &Direct{Reference: *r.Ref, Commit: d.Commit, Filename: d.Filename, Hash: d.Hash, Size: d.Size}
	for i := range p.Locals {
		o := &p.Locals[i]
		if o.Direct == nil || o.Direct.identity() != r.direct.identity() {
			continue
		}
		if o.Name != r.Name {
			return p.misnamed(r, o.Name)
		}
		return nil
	}
	if len(p.Locals) >= maxLocals {
		return &InputError{Place: r.Place, Msg: fmt.Sprintf("more than %d path dependencies", maxLocals)}
	}
	local := Local{Name: r.Name, Direct: r.direct, Rel: r.direct.Exact(), Place: r.Place}
	if r.Ref.File != "" {
		local.Rel = p.loader.rel(r.Ref.File)
	}
	if d.Tree != nil {
		tree := &remote{l: p.loader, ctx: ctx, at: local.Direct, tree: d.Tree}
		stated, err := tree.read(&local)
		switch {
		case stated || d.Build == nil:
		case p.statedMetadata(r.Name) != nil:
			d.Metadata, err = p.statedMetadata(r.Name), nil
		default:
			m, failed := d.Build(ctx)
			if failed != nil {
				return placed(r.Place, failed)
			}
			err = tree.readBuilt(&local, m)
		}
		if err != nil {
			return err
		}
	}
	if d.Metadata != nil {
		p.readArchive(&local, d.Metadata)
	}
	if local.Name != r.Name {
		return p.misnamed(r, local.Name)
	}
	p.Locals = append(p.Locals, local)
	for i := range p.DependencyMetadata {
		if m := &p.DependencyMetadata[i]; m.Name == r.Name && m != d.Metadata {
			p.loader.warn(m.Place, "dependency-metadata for %s has no effect: it is taken from %s, which says what it needs", r.Name, r.direct.Bare())
		}
	}
	return nil
}

// statedMetadata is the first dependency-metadata of a package, nil for none.
func (p *Project) statedMetadata(name pypi.Name) *StaticMetadata {
	i := slices.IndexFunc(p.DependencyMetadata, func(m StaticMetadata) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &p.DependencyMetadata[i]
}

func (p *Project) misnamed(r *Requirement, name pypi.Name) error {
	return &InputError{Place: r.Place, Msg: fmt.Sprintf("the package at %s is called %s, not %s: use its name", r.Ref.Bare(), name, r.Name)}
}

// readArchive takes over the metadata of an archive. What it asks for by URL is
// for the project to allow.
func (p *Project) readArchive(l *Local, m *StaticMetadata) {
	l.Name, l.Version, l.RequiresPython = m.Name, m.Version, m.RequiresPython
	l.Extras = map[pypi.Extra][]Requirement{}
	for _, x := range m.Extras {
		l.Extras[x] = nil
	}
	l.Stated = append(l.Stated, m.Requires...)
}
