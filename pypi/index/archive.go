package index

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi/dist"
)

// Archive is a wheel or a source distribution that is not found on an index, but named by a project.
type Archive struct {
	URL  string // http or https, may hold credentials; "" for a file
	File string // path on this machine
	// Subdirectory is the folder of the package in a source distribution, a clean slash path; "" for its top folder.
	Subdirectory string
	// Hashes are "sha256:…" and the like, of which it must have one; none for any.
	Hashes []string
	// Known are hashes with which the cache's word is enough, as those of an existing lock.
	Known []string
	// Refresh asks whether what the cache has still holds.
	Refresh bool
	// NoBuild leaves the builder alone.
	NoBuild bool
}

// ArchiveContent is what an archive is and says of itself.
type ArchiveContent struct {
	Filename string
	SHA256   string // lower-case hexadecimal
	Size     int64
	// Metadata has no version where a source distribution leaves that to a build. It is nil where only a build would
	// tell the dependencies.
	Metadata *dist.Metadata
	Source   Source
}

// Archive fetches an archive whole, verifies its hash and reads its metadata: METADATA of a wheel, the static PKG-INFO
// or pyproject.toml of a source distribution, else what the builder tells, if there is one. What was read is kept by the
// address and the hash, what was built by the hash.
//
// Errors: *UnusableError, *UnavailableError, *LocalError, one that matches [ErrNotFound], that of the builder, or the
// context's.
func (c *Client) Archive(ctx context.Context, a Archive) (*ArchiveContent, error) {
	if a.File != "" {
		return c.archiveFile(ctx, &a)
	}
	u, given, err := indexURL(a.URL)
	if err != nil {
		return nil, &UnusableError{redactText(a.URL), err}
	}
	d := &archiveDownload{c: c, a: &a, u: u, auth: c.archiveAuth(u, given), filename: path.Base(u.Path)}
	defer d.close()
	rec := c.loadArchive(u, a.Subdirectory)
	if rec != nil && c.archiveHolds(rec, &a) {
		c.cached.Add(1)
		rec.keep = true
	} else if rec, err = d.fetch(ctx, rec); err != nil {
		return nil, err
	}
	out, err := rec.content(d.filename, &a)
	if err == nil && out.Metadata == nil && c.builds(&a) {
		err = d.build(ctx, rec, out)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// archiveDownload is an archive while it is read; its file is kept as long as a build may want it.
type archiveDownload struct {
	c        *Client
	a        *Archive
	u        *url.URL
	auth     string
	filename string
	dir      string // of the file, "" where none is kept
	whole    bool   // the file is there
}

func (d *archiveDownload) close() {
	if d.dir != "" {
		os.RemoveAll(d.dir)
	}
}

// file opens what the archive is written to, and returns what is to be done with it in the end.
func (d *archiveDownload) file() (f *os.File, end func(), err error) {
	if !d.c.builds(d.a) {
		if f, err = os.CreateTemp("", "pylock-*.archive"); err != nil {
			return nil, nil, &LocalError{err}
		}
		return f, func() { f.Close(); os.Remove(f.Name()) }, nil
	}
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "pylock-archive-*"); err != nil {
			return nil, nil, &LocalError{err}
		}
	}
	d.whole = false
	if f, err = os.OpenFile(d.path(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, nil, &LocalError{err}
	}
	return f, func() { f.Close() }, nil
}

func (d *archiveDownload) path() string { return filepath.Join(d.dir, "archive") }

// fetch asks for the archive, unless it is what was known.
func (d *archiveDownload) fetch(ctx context.Context, was *archiveRecord) (*archiveRecord, error) {
	c := d.c
	rq := &request{url: d.u.String(), accept: acceptFile, auth: d.auth, timeout: max(downloadTimeout, c.opts.Timeout)}
	// What must have a hash that is not known to be that of the copy is read anew: an unchanged file would not be looked at.
	mayKeep := len(d.a.Hashes) == 0 || was != nil && slices.Contains(d.a.Hashes, "sha256:"+was.sha256)
	if was != nil && mayKeep && (was.etag != "" || was.modified != "") {
		rq.was = &stored{etag: was.etag, modified: was.modified}
	}
	rec, err := verified(func(fresh bool) (*archiveRecord, error) {
		if rq.fresh = rq.fresh || fresh; fresh {
			rq.was = nil
		}
		return c.fetchArchive(ctx, rq, was, d)
	})
	switch {
	case errors.Is(err, errAbsent):
		return nil, fmt.Errorf("%s: %w: correct the URL", redact(d.u), ErrNotFound)
	case err != nil:
		return nil, demanded(err)
	}
	if rec.keep {
		c.saveArchive(d.u, d.a.Subdirectory, rec)
	}
	return rec, nil
}

func (c *Client) fetchArchive(ctx context.Context, rq *request, was *archiveRecord, d *archiveDownload) (*archiveRecord, error) {
	var rec *archiveRecord
	err := c.fetch(ctx, rq, func(ans *answer, body io.Reader) error {
		now := c.opts.Now()
		life, keep := lifetime(ans.header, now)
		if ans.status == http.StatusNotModified {
			c.revalidated.Add(1)
			same := *was
			rec = &same
		} else {
			limit := int64(maxSdist)
			if strings.HasSuffix(d.filename, ".whl") {
				limit = maxWheel
			}
			if ans.length > limit {
				return &LimitError{"the archive", limit, "bytes"}
			}
			file, end, err := d.file()
			if err != nil {
				return err
			}
			defer end()
			sums := newSums()
			n, err := io.Copy(io.MultiWriter(localWriter{file}, sums), io.LimitReader(body, limit+1))
			switch {
			case err != nil:
				return err
			case n > limit:
				return &LimitError{"the archive", limit, "bytes"}
			case !ans.framed:
				return transientError{errors.New("the answer announced no length: it may have been cut")}
			}
			if err := sums.demand(d.a.Hashes); err != nil {
				return err
			}
			if rec, err = readArchive(ctx, file, n, d.filename, d.a.Subdirectory); err != nil {
				return err
			}
			d.whole = true
			rec.sha256, rec.size = hex.EncodeToString(sums.sha256.Sum(nil)), n
			rec.etag, rec.modified = ans.header.Get("ETag"), ans.header.Get("Last-Modified")
		}
		rec.fetched, rec.lifetime, rec.keep = now, life, keep
		return nil
	})
	return rec, err
}

// archiveFile reads an archive of this machine.
func (c *Client) archiveFile(ctx context.Context, a *Archive) (*ArchiveContent, error) {
	shown := filepath.ToSlash(a.File)
	file, err := os.Open(a.File)
	if err != nil {
		return nil, &UnusableError{shown, rootOf(err)}
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() > maxSdist {
		return nil, &UnusableError{shown, fmt.Errorf("it is no file of at most %d bytes", int64(maxSdist))}
	}
	sums := newSums()
	n, err := io.Copy(sums, io.LimitReader(file, maxSdist+1))
	if err == nil {
		err = sums.demand(a.Hashes)
	}
	if err != nil {
		return nil, demanded(&UnusableError{shown, rootOf(err)})
	}
	filename := filepath.Base(a.File)
	rec, err := readArchive(ctx, file, n, filename, a.Subdirectory)
	if err != nil {
		return nil, &UnusableError{shown, err}
	}
	rec.sha256, rec.size, rec.keep = hex.EncodeToString(sums.sha256.Sum(nil)), n, true
	out, err := rec.content(filename, a)
	if err == nil && out.Metadata == nil && c.builds(a) {
		err = c.buildArchiveFile(ctx, rec, out, a)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// demanded words a wrong hash: it is the project that states the right one.
func demanded(err error) error {
	var hash *HashError
	var unusable *UnusableError
	if errors.As(err, &hash) && errors.As(err, &unusable) {
		return &UnusableError{unusable.URL, fmt.Errorf("SECURITY ERROR: its %s is %s, and %s is asked for; do not use it before its origin is clear", hash.Algorithm, hash.Got, hash.Want)}
	}
	return err
}

func rootOf(err error) error {
	if pe := (*os.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// sums are the hashes that an archive may be asked for.
type sums struct{ sha256, sha384, sha512 hash.Hash }

func newSums() *sums { return &sums{sha256.New(), sha512.New384(), sha512.New()} }

func (s *sums) Write(p []byte) (int, error) {
	s.sha256.Write(p)
	s.sha384.Write(p)
	return s.sha512.Write(p)
}

// demand returns a *HashError unless one of the hashes fits, or there is none.
func (s *sums) demand(hashes []string) error {
	var first *HashError
	for _, h := range hashes {
		algorithm, want, _ := strings.Cut(h, ":")
		sum := map[string]hash.Hash{"sha256": s.sha256, "sha384": s.sha384, "sha512": s.sha512}[algorithm]
		if sum == nil {
			continue
		}
		got := hex.EncodeToString(sum.Sum(nil))
		if got == want {
			return nil
		}
		if first == nil {
			first = &HashError{algorithm, want, got}
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// readArchive reads the metadata of an archive of size bytes.
func readArchive(ctx context.Context, file *os.File, size int64, filename, subdirectory string) (*archiveRecord, error) {
	src := readerAtSource{file, size}
	switch {
	case strings.HasSuffix(filename, ".whl"):
		w, err := dist.ParseWheel(filename)
		if err != nil {
			return nil, err
		}
		if subdirectory != "" {
			return nil, errors.New("a wheel has no subdirectory: take the fragment out")
		}
		data, err := wheelMetadata(ctx, src, &File{Filename: filename, Wheel: &w})
		if err != nil {
			return nil, err
		}
		return &archiveRecord{source: FromWheel, text: data}, nil
	case strings.HasSuffix(filename, ".tar.gz"), strings.HasSuffix(filename, ".tgz"):
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, &LocalError{err}
		}
		content, err := readSdistIn(&countReader{r: file}, func(string) bool { return true }, subdirectory, true)
		if err != nil {
			return nil, err
		}
		return content.record(), nil
	case strings.HasSuffix(filename, ".zip"):
		content, err := readZipSdist(ctx, src, subdirectory)
		if err != nil {
			return nil, err
		}
		return content.record(), nil
	}
	return &archiveRecord{source: needsBuild}, nil
}

// readZipSdist reads PKG-INFO and pyproject.toml of the top folder of a zip.
func readZipSdist(ctx context.Context, src zipSource, subdirectory string) (*sdistContent, error) {
	entries, err := readDirectory(ctx, src)
	if err != nil {
		return nil, err
	}
	content := new(sdistContent)
	folder := ""
	for i := range entries {
		top, rest, _ := strings.Cut(entries[i].name, "/")
		if rest, ok := within(rest, subdirectory); !ok || rest != "PKG-INFO" && rest != "pyproject.toml" {
			continue
		}
		if folder != "" && top != folder {
			return nil, fmt.Errorf("zip: two folders %q and %q", folder, top)
		}
		folder = top
		limit, to := int64(maxMetadata), &content.pkgInfo
		if strings.HasSuffix(rest, "pyproject.toml") {
			limit, to = maxPyproject, &content.pyproject
		}
		switch {
		case *to != nil:
			return nil, fmt.Errorf("zip: %s is there twice", rest)
		case entries[i].size > limit:
			return nil, &LimitError{rest, limit, "bytes"}
		}
		if *to, err = readEntry(ctx, src, &entries[i]); err != nil {
			return nil, err
		}
	}
	return content, nil
}

// record picks the member that tells the dependencies.
func (s *sdistContent) record() *archiveRecord {
	if s.pkgInfo != nil {
		if md, err := dist.ParseMetadata(s.pkgInfo); err == nil && md.StaticDependencies() {
			return &archiveRecord{source: FromPKGINFO, text: s.pkgInfo}
		}
	}
	if s.pyproject != nil {
		if _, err := dist.StaticProject(s.pyproject); err == nil {
			return &archiveRecord{source: FromPyproject, text: s.pyproject}
		}
	}
	return &archiveRecord{source: needsBuild}
}
