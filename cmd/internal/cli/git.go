package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// git reads a repository through the git binary, in a folder of it. What a
// user or a repository names reaches git on its standard input or as the hash
// of an object, so that nothing of it can be an option.
type git struct{ dir string }

// run returns the output of a git command. Locks of the index are not taken,
// since a reader should not get in the way of a writer, and the file system
// monitor is off: it is a program that the repository names.
func (g git) run(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(stdin)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	err := cmd.Run()
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, usagef("git is not installed, and the lock before is in its history: name two lock files")
	}
	said, _, _ := strings.Cut(strings.TrimSpace(talk.String()), "\n")
	said = strings.TrimPrefix(said, "fatal: ")
	if said == "" {
		said = err.Error()
	}
	return nil, usagef("git: %s: name two lock files, or go to the repository", said)
}

// object returns the type and content of what a name such as HEAD:./a.lock
// stands for; exists is false when nothing has that name.
func (g git) object(ctx context.Context, name string) (kind, id string, data []byte, exists bool, err error) {
	if strings.ContainsAny(name, "\n\x00") {
		return "", "", nil, false, usagef("git: %q is not a name: it has a line break", name)
	}
	out, err := g.run(ctx, name+"\n", "cat-file", "--batch")
	if err != nil {
		return "", "", nil, false, err
	}
	head, rest, _ := bytes.Cut(out, []byte("\n"))
	fields := strings.Fields(string(head))
	if len(fields) != 3 {
		return "", "", nil, false, nil // "NAME missing"
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil || size > len(rest) {
		return "", "", nil, false, nil
	}
	return fields[1], fields[0], rest[:size], true, nil
}

// commit returns the hash of the commit that a revision names.
func (g git) commit(ctx context.Context, rev string) (string, error) {
	_, id, _, exists, err := g.object(ctx, rev+"^{commit}")
	if err == nil && !exists {
		err = usagef("%s names no commit: use a branch, a tag or a hash", rev)
		if rev == "HEAD" {
			err = usagef("there is no commit yet to compare with: name two lock files")
		}
	}
	return id, err
}

// file returns the content of a file at a revision. A path that begins with
// "./" is relative to the folder, any other to the top of the repository, and
// the empty revision is what is staged.
func (g git) file(ctx context.Context, rev, path string) (data []byte, exists bool, err error) {
	if rev != "" {
		if rev, err = g.commit(ctx, rev); err != nil {
			return nil, false, err
		}
	}
	kind, _, data, exists, err := g.object(ctx, rev+":"+path)
	if err == nil && exists && kind != "blob" {
		err = usagef("%s is a folder: name a lock in it", path)
	}
	return data, exists, err
}

// changed returns the files under the folder that may differ from those of a
// commit, and those that are not tracked: slash paths relative to the folder,
// sorted.
func (g git) changed(ctx context.Context, commit string) ([]string, error) {
	tracked, err := g.run(ctx, "", "diff-index", "--name-only", "-z", "--no-renames", "--relative", commit, "--", ".")
	if err != nil {
		return nil, err
	}
	others, err := g.run(ctx, "", "ls-files", "-z", "--others", "--exclude-standard", "--", ".")
	if err != nil {
		return nil, err
	}
	files := strings.Split(string(tracked)+string(others), "\x00")
	files = slices.DeleteFunc(files, func(f string) bool { return f == "" })
	slices.Sort(files)
	return slices.Compact(files), nil
}

// gitPath returns the nearest folder above a file that exists, to run git in,
// and the name of the file from there as git takes it.
func gitPath(file string) (git, string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return git{}, "", fmt.Errorf("%s: %w", file, err)
	}
	dir, name := filepath.Dir(abs), filepath.Base(abs)
	for {
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() || filepath.Dir(dir) == dir {
			return git{dir}, "./" + name, nil
		}
		dir, name = filepath.Dir(dir), path.Join(filepath.Base(dir), name)
	}
}
