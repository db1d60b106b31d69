package index

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pylock-dev/pylock/pypi/dist"
)

// builds reports whether an archive may be built.
func (c *Client) builds(a *Archive) bool { return c.opts.Builder != nil && !a.NoBuild }

// build has the builder tell the metadata of an archive that does not state it. It is fetched once: what was read is
// what is built.
func (d *archiveDownload) build(ctx context.Context, rec *archiveRecord, out *ArchiveContent) error {
	shown := redact(d.u)
	if d.c.builtBefore(rec, out, d.a) {
		return nil
	}
	if err := d.trusted(rec); err != nil {
		return &UnusableError{shown, err}
	}
	if !dist.CanUnpack(d.filename) {
		return &UnusableError{shown, kindError(d.filename)}
	}
	if !d.whole {
		again, err := d.fetch(ctx, nil)
		if err != nil {
			return err
		}
		if again.sha256 != rec.sha256 {
			return &UnusableError{shown, errors.New("it is another file than a moment ago: try again")}
		}
	}
	return d.c.buildArchive(ctx, d.path(), rec, out, d.a, shown)
}

// trusted refuses to run what nobody has vouched for: something else than what was locked, and what anybody on the way
// could have put there.
func (d *archiveDownload) trusted(rec *archiveRecord) error {
	has := func(hashes []string) bool { return slices.Contains(hashes, "sha256:"+rec.sha256) }
	switch {
	case len(d.a.Hashes) > 0: // which it has
	case len(d.a.Known) > 0 && !has(d.a.Known):
		return errors.New("it does not have the hash of the lock any more, so that it is not built: find out why before you take it with --upgrade-package")
	case d.u.Scheme == "http" && !loopback(d.u.Hostname()) && !has(d.a.Known):
		return errors.New("it comes over http, where anybody could change it, and no hash of it is stated, so that nobody knows what a build would run: use https, or add #sha256=… to the address")
	}
	return nil
}

// buildArchiveFile is build for a file of this machine. A copy is built, so that it is what was hashed.
func (c *Client) buildArchiveFile(ctx context.Context, rec *archiveRecord, out *ArchiveContent, a *Archive) error {
	shown := filepath.ToSlash(a.File)
	if c.builtBefore(rec, out, a) {
		return nil
	}
	if !dist.CanUnpack(out.Filename) {
		return &UnusableError{shown, kindError(out.Filename)}
	}
	dir, err := os.MkdirTemp("", "pylock-archive-*")
	if err != nil {
		return &LocalError{err}
	}
	defer os.RemoveAll(dir)
	in, err := os.Open(a.File)
	if err != nil {
		return &UnusableError{shown, rootOf(err)}
	}
	defer in.Close()
	path := filepath.Join(dir, "archive")
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &LocalError{err}
	}
	defer to.Close()
	sums := newSums()
	if _, err := io.Copy(localWriter{to}, io.TeeReader(io.LimitReader(in, maxSdist+1), sums)); err != nil {
		return err
	}
	if err := to.Close(); err != nil {
		return &LocalError{err}
	}
	if hex.EncodeToString(sums.sha256.Sum(nil)) != rec.sha256 {
		return &UnusableError{shown, errors.New("it changed while it was read: try again")}
	}
	return c.buildArchive(ctx, path, rec, out, a, shown)
}

// identity says what is built of an archive.
func (r *archiveRecord) identity(a *Archive) string {
	return "archive " + r.sha256 + "\n" + a.Subdirectory
}

// builtBefore puts what is kept of an earlier build into out.
func (c *Client) builtBefore(rec *archiveRecord, out *ArchiveContent, a *Archive) bool {
	if a.Refresh || c.opts.Refresh.All {
		return false
	}
	text, ok := c.Built(rec.identity(a))
	if !ok {
		return false
	}
	var err error
	out.Metadata, err = dist.ParseMetadata(text)
	out.Source = FromBuild
	return err == nil
}

// buildArchive has the file at path built.
func (c *Client) buildArchive(ctx context.Context, path string, rec *archiveRecord, out *ArchiveContent, a *Archive, shown string) error {
	text, err := c.opts.Builder.Metadata(ctx, path, out.Filename, a.Subdirectory)
	if err != nil {
		return err
	}
	if out.Metadata, err = dist.ParseMetadata(text); err != nil {
		return &UnusableError{shown, fmt.Errorf("its build: %w", err)}
	}
	out.Source = FromBuild
	if rec.keep {
		c.KeepBuilt(rec.identity(a), text)
	}
	return nil
}
