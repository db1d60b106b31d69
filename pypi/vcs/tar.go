package vcs

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of the files of a commit that are written at once.
const (
	maxTreeBytes = 512 << 20 // of all files
	maxTreeFiles = 200_000
)

// ErrUnfit says that a commit cannot be taken as a whole.
var ErrUnfit = errors.New("cannot be taken as a whole")

// Tar writes all files of the commit as a tar, as git has them: no attribute of the repository
// converts or leaves out any. Links are links, and whoever unpacks them has to see to it that they stay inside.
//
// A commit with submodules is refused, since a tree without them is another one than pip and uv would build. That, and
// one over the limits, is an error that matches [ErrUnfit].
func (t *Tree) Tar(ctx context.Context, w io.Writer) error {
	es, err := t.entries(ctx, "-r")
	if err != nil {
		return err
	}
	var hashes strings.Builder
	var total int64
	for i := range es {
		switch e := &es[i]; {
		case e.mode == "160000":
			return t.repo.wrap(fmt.Errorf("the commit %s %w: it has a submodule, %s, and those are not fetched; name an archive that has everything, or state its dependencies in [[tool.uv.dependency-metadata]]", t.commit, ErrUnfit, e.name))
		case !e.regular() && e.mode != "120000" || e.size < 0:
			return t.repo.wrap(fmt.Errorf("the commit %s %w: %s is neither a file nor a link", t.commit, ErrUnfit, e.name))
		}
		total += es[i].size
		hashes.WriteString(es[i].hash + "\n")
	}
	if total > maxTreeBytes || len(es) > maxTreeFiles {
		return t.repo.wrap(fmt.Errorf("the commit %s %w: it has %d files of %d bytes, over the limit of %d files and %d bytes", t.commit, ErrUnfit, len(es), total, maxTreeFiles, int64(maxTreeBytes)))
	}
	r, pipe := io.Pipe()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		err := t.repo.stream(ctx, hashes.String(), nil, pipe, "cat-file", "--batch")
		pipe.CloseWithError(err)
		ended <- err
	}()
	err = writeTar(w, r, es)
	r.CloseWithError(err) // git is not left writing
	if err != nil {
		cancel()
	}
	switch said := <-ended; {
	case err == nil:
		return said
	case said != nil && errors.Is(err, said):
		return said
	}
	return t.repo.wrap(err)
}

// writeTar writes entries whose objects come from git cat-file --batch, in their order.
func writeTar(w io.Writer, objects io.Reader, es []entry) error {
	in, out := bufio.NewReader(objects), tar.NewWriter(w)
	for i := range es {
		e := &es[i]
		head, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%s blob %d\n", e.hash, e.size); head != want {
			return fmt.Errorf("git does not have %s", e.name)
		}
		h := &tar.Header{Name: e.name, Mode: 0o644, Typeflag: tar.TypeReg, Size: e.size}
		switch e.mode {
		case "100755":
			h.Mode = 0o755
		case "120000":
			target, err := io.ReadAll(io.LimitReader(in, min(e.size, maxLink+1)))
			if err != nil {
				return err
			}
			if e.size > maxLink {
				return fmt.Errorf("%s is a link to more than %d bytes", e.name, maxLink)
			}
			h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, string(target)
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.CopyN(out, in, e.size); err != nil {
				return err
			}
		}
		if end, err := in.ReadByte(); err != nil || end != '\n' {
			return fmt.Errorf("git does not end %s", e.name)
		}
	}
	return out.Close()
}

const maxLink = 4096 // bytes of the target of a link
