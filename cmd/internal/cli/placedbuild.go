package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/build"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/vcs"
)

// Builds of what is named by its place: folders of the repository, commits and
// archives. What they tell is kept in the cache by what was built, never by where
// it was.

// placedBuilds are the settings of such builds, as far as p is read; nil where
// nothing may be built.
func (o *compileOptions) placedBuilds(p *project.Project) (*buildSettings, error) {
	if !o.build || o.noBuild {
		return nil, nil
	}
	pythons, err := o.targetPythons(p)
	if err != nil {
		return nil, err
	}
	return o.buildSettings(slices.MinFunc(pythons, pep440.Version.Compare), p)
}

// buildTree returns what builds folders that do not state what they ask for, nil
// where nothing may be built. What their builds require comes from the indexes of
// flags, environment and the project's own files.
func (o *compileOptions) buildTree(ctx context.Context) func(*project.Project, project.BuildTree) (*project.StaticMetadata, error) {
	if !o.build || o.noBuild {
		return nil
	}
	clients := map[string]*index.Client{}
	return func(p *project.Project, tree project.BuildTree) (*project.StaticMetadata, error) {
		indexes, err := o.indexSettings(p.Index, "")
		if err != nil {
			return nil, err
		}
		if indexes.build, err = o.placedBuilds(p); err != nil {
			return nil, err
		}
		c := clients[indexes.key()]
		if c == nil {
			if c, err = o.client(indexes, nil); err != nil {
				return nil, err
			}
			clients[indexes.key()] = c
		}
		text, err := o.treeMetadata(ctx, c, tree)
		if err != nil {
			if ended := ended(ctx); ended != nil {
				return nil, ended
			}
			return nil, err
		}
		return withoutVersion(text, "the build of "+tree.Rel)
	}
}

// treeBuild is a build of a folder in this run.
type treeBuild struct {
	once sync.Once
	text []byte
	err  error
}

// treeMetadata builds a folder unless the cache has a build of one that is the
// same, file by file; several jobs wait for one build.
func (o *compileOptions) treeMetadata(ctx context.Context, c *index.Client, tree project.BuildTree) ([]byte, error) {
	b := c.Builder().(builder)
	sum, err := build.TreeSum(tree.Dir)
	if err != nil || tree.Outside {
		text, _, err := b.TreeMetadata(ctx, tree.Dir, tree.Rel)
		return text, err
	}
	run := &o.global.cache
	run.mu.Lock()
	key := b.Key() + "\n" + sum
	one := run.trees[key]
	if one == nil {
		if run.trees == nil {
			run.trees = map[string]*treeBuild{}
		}
		one = new(treeBuild)
		run.trees[key] = one
	}
	refresh := run.refresh || run.names[tree.Name]
	run.mu.Unlock()
	one.once.Do(func() {
		if text, ok := c.Built("tree " + sum); ok && !refresh {
			one.text = text
			return
		}
		if one.text, sum, one.err = b.TreeMetadata(ctx, tree.Dir, tree.Rel); one.err == nil {
			c.KeepBuilt("tree "+sum, one.text)
		}
	})
	return one.text, one.err
}

// buildCommit builds a package of a commit, from a copy of its files.
func (d *describer) buildCommit(ctx context.Context, r *project.Reference, tree *vcs.Tree, commit string) (*project.StaticMetadata, error) {
	exact := *r
	exact.Revision = commit
	subject := exact.String()
	b, ok := d.client.Builder().(builder)
	if !ok {
		return nil, &needsBuildError{r.Name, r.String()}
	}
	if r.LFS {
		return nil, fmt.Errorf("%s: the build of %s needs files of git LFS, which are not fetched: state its dependencies in [[tool.uv.dependency-metadata]]", r.Name, subject)
	}
	identity := strings.Join([]string{"commit " + commit, lockfile.BareURL(r.URL), r.Subdirectory}, "\n")
	text, ok := d.client.Built(identity)
	if !ok || d.refresh(r.Name) {
		archive, remove, err := commitArchive(ctx, tree)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, gitError(err))
		}
		defer remove()
		if text, err = b.CommitMetadata(ctx, archive, subject, r.Subdirectory); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		d.client.KeepBuilt(identity, text)
	}
	return withoutVersion(text, string(r.Name)+": the build of "+subject)
}

// commitArchive writes the files of a commit as a tar.
func commitArchive(ctx context.Context, tree *vcs.Tree) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "pylock-commit-*")
	if err != nil {
		return "", nil, &machineError{err}
	}
	remove = func() { os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	path = filepath.Join(dir, "commit.tar")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", nil, &machineError{err}
	}
	err = errors.Join(tree.Tar(ctx, f), f.Close())
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = &machineError{pe}
	}
	return path, remove, err
}

// withoutVersion parses the metadata that a build without git told. Its version
// is unknown where it is the one that such a build is told to have; what asks for
// just that one of another package means the version that it cannot know.
func withoutVersion(text []byte, subject string) (*project.StaticMetadata, error) {
	m, err := dist.ParseMetadata(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject, err)
	}
	out := staticMetadata(m)
	if !m.Version.Equal(pretended) && !strings.HasPrefix(m.Version.String(), "0+") { // 0+unknown is versioneer's
		return out, nil
	}
	out.Version = pep440.Version{}
	for _, r := range m.Requires {
		for _, s := range r.Specifiers {
			if text := s.String(); strings.HasPrefix(text, "==") && strings.TrimLeft(text, "=") == pretended.String() {
				return nil, fmt.Errorf("%s: it asks for %s, which is its own version, and only git could tell that: state its dependencies in [[tool.uv.dependency-metadata]]", subject, r)
			}
		}
	}
	return out, nil
}

// pretended is the version that a build without git is told to have.
var pretended = pep440.MustParse(build.PretendedVersion)

func staticMetadata(m *dist.Metadata) *project.StaticMetadata {
	return &project.StaticMetadata{Name: m.Name, Version: m.Version, Requires: m.Requires, RequiresPython: m.RequiresPython, Extras: m.Extras}
}
