package vcs

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Tree is the files of a commit.
type Tree struct {
	repo   *Repository
	commit string
}

// entries lists what is at a path, or below it.
func (t *Tree) entries(ctx context.Context, args ...string) ([]entry, error) {
	out, err := t.repo.run(ctx, "", nil, append([]string{"ls-tree", "-z", "-l", "--full-tree", t.commit}, args...)...)
	if err != nil {
		return nil, err
	}
	var es []entry
	for line := range strings.SplitSeq(string(out), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		f := strings.Fields(head)
		if !ok || len(f) != 4 {
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			size = -1
		}
		es = append(es, entry{mode: f[0], hash: f[2], size: size, name: name})
	}
	return es, nil
}

type entry struct {
	mode, hash string
	size       int64 // -1 for what is no file
	name       string
}

func (e *entry) regular() bool { return e.mode == "100644" || e.mode == "100755" }

// File returns the content of a regular file of at most 1 MiB; its error matches
// [fs.ErrNotExist] where there is none.
func (t *Tree) File(ctx context.Context, path string) ([]byte, error) {
	es, err := t.entries(ctx, "--", path)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(es, func(e entry) bool { return e.name == path })
	switch {
	case i < 0:
		return nil, t.repo.wrap(fmt.Errorf("the commit %s has no %s: %w", t.commit, path, fs.ErrNotExist))
	case !es[i].regular():
		return nil, t.repo.wrap(fmt.Errorf("%s of the commit %s is no regular file", path, t.commit))
	case es[i].size > maxFile:
		return nil, t.repo.wrap(fmt.Errorf("%s of the commit %s is larger than %d bytes", path, t.commit, maxFile))
	}
	return t.repo.run(ctx, "", nil, "cat-file", "blob", es[i].hash)
}

// Find returns the paths of all regular files of a name, sorted.
func (t *Tree) Find(ctx context.Context, name string) ([]string, error) {
	es, err := t.entries(ctx, "-r")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range es {
		if e.regular() && (e.name == name || strings.HasSuffix(e.name, "/"+name)) {
			out = append(out, e.name)
		}
	}
	slices.Sort(out)
	return out, nil
}
