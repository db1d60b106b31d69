package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

// Builder tells what only a build of a source distribution would: package pypi/build.
type Builder interface {
	// Metadata returns the text of the core metadata of the source distribution in the file archive, whose hash is
	// verified; name is its file name, subdirectory the clean slash path of the package in it, "" for its top folder. Its
	// errors end what asked: a build that fails here may succeed elsewhere, and no lock may depend on that.
	Metadata(ctx context.Context, archive, name, subdirectory string) ([]byte, error)
	// Requires returns what a build of the source distribution requires, as written. Arguments and errors are those of
	// Metadata.
	Requires(ctx context.Context, archive, name string) ([]string, error)
	// Key names what the answer depends on beside the file, for the cache.
	Key() string
}

// kindError is why an archive is not built.
func kindError(filename string) error {
	return fmt.Errorf("only its build tells its dependencies, and archives like %s are not unpacked: source distributions are .tar.gz (PEP 625) or, of old, .zip; state its dependencies in [tool.uv] dependency-metadata", filename)
}

// errUnverified is why a file is not built.
var errUnverified = errors.New("the index states no hash of it, so nobody knows what a build would run: state its dependencies in [tool.uv] dependency-metadata")

// builtMetadata has the builder tell the metadata of source distribution f, which sp may have.
func (c *Client) builtMetadata(ctx context.Context, p *Project, r *Release, f *File, sp *spool) (*Metadata, error) {
	if _, immutable := fileKey(f); !immutable {
		return nil, &UnusableError{redactText(f.URL), errUnverified}
	}
	if !dist.CanUnpack(f.Filename) {
		return nil, &UnusableError{redactText(f.URL), kindError(f.Filename)}
	}
	key := c.builtKey(f)
	if !c.opts.Refresh.has(p.Name) {
		if m, _ := c.loadAs(p, r, f, key, true); m != nil {
			return m, nil
		}
	}
	archive := sp.path(f)
	if archive == "" {
		dir, err := os.MkdirTemp("", "pylock-sdist-*")
		if err != nil {
			return nil, &LocalError{err}
		}
		defer os.RemoveAll(dir)
		archive = filepath.Join(dir, "archive")
		if err := c.Download(ctx, p, f, archive); err != nil {
			return nil, err
		}
	}
	text, err := c.opts.Builder.Metadata(ctx, archive, f.Filename, "")
	if err != nil {
		return nil, err
	}
	md, err := dist.ParseMetadata(text)
	if err == nil {
		err = checkMetadata(md, p, r)
	}
	if err != nil {
		return nil, &UnusableError{redactText(f.URL), fmt.Errorf("its build: %w", err)}
	}
	c.saveAs(p, f, key, FromBuild, text)
	return &Metadata{md, f, FromBuild}, nil
}

// BuildRequires has the builder tell what a build of source distribution f of p requires, as written, or the cache, which
// keeps that by the hash of the file. Errors are those of [Client.MetadataOf]; there must be a builder.
func (c *Client) BuildRequires(ctx context.Context, p *Project, f *File) ([]string, error) {
	key, immutable := fileKey(f)
	if !immutable {
		return nil, &UnusableError{redactText(f.URL), errUnverified}
	}
	b, name := c.archives(), c.builtName("requires "+key)
	if b != nil && !c.opts.Refresh.has(p.Name) {
		var requires []string
		if text, ok := b.Read(cache.Archives, name); ok && json.Unmarshal(text, &requires) == nil {
			c.cached.Add(1)
			return requires, nil
		}
	}
	dir, err := os.MkdirTemp("", "pylock-sdist-*")
	if err != nil {
		return nil, &LocalError{err}
	}
	defer os.RemoveAll(dir)
	archive := filepath.Join(dir, "archive")
	if err := c.Download(ctx, p, f, archive); err != nil {
		return nil, err
	}
	requires, err := c.opts.Builder.Requires(ctx, archive, f.Filename)
	if err != nil || b == nil || !p.keep {
		return requires, err
	}
	text, err := json.Marshal(requires)
	if err == nil {
		c.later(func() { b.Write(cache.Archives, name, text) })
	}
	return requires, err
}

// builtKey is the key of built metadata in the cache.
func (c *Client) builtKey(f *File) string {
	file, _ := fileKey(f)
	sum := sha256.Sum256([]byte(c.opts.Builder.Key()))
	return "built:" + file + ":" + hex.EncodeToString(sum[:16])
}

// Built returns the text of the core metadata that a build told of the source tree of an identity, which says what was
// built, by its content, and is the same for that content alone. ok is false where nothing is kept of it.
func (c *Client) Built(identity string) (text []byte, ok bool) {
	b := c.archives()
	if b == nil {
		return nil, false
	}
	if text, ok = b.Read(cache.Archives, c.builtName(identity)); !ok {
		return nil, false
	}
	if _, err := dist.ParseMetadata(text); err != nil {
		return nil, false
	}
	c.cached.Add(1)
	return text, true
}

// KeepBuilt keeps what [Client.Built] returns from now on.
func (c *Client) KeepBuilt(identity string, text []byte) {
	b := c.archives()
	if b == nil {
		return
	}
	name, text := c.builtName(identity), dist.TrimMetadata(text)
	c.later(func() { b.Write(cache.Archives, name, text) })
}

func (c *Client) builtName(identity string) string {
	sum := sha256.Sum256([]byte("built\n" + c.opts.Builder.Key() + "\n" + identity))
	return hex.EncodeToString(sum[:16])
}

// Download writes file f of p to path, anew, and verifies its hash; without one stated by the index, its length. Errors
// are those of [Client.MetadataOf]; what was written then must not be used.
func (c *Client) Download(ctx context.Context, p *Project, f *File, path string) error {
	limit, what := int64(maxWheel), "the wheel"
	if f.IsSdist() {
		limit, what = maxSdist, "the source distribution"
	}
	home := p.homeOf(f)
	if home.dir != "" {
		return copyVerified(filepath.Join(home.dir, f.Filename), path, f)
	}
	_, err := verified(func(fresh bool) (struct{}, error) {
		rq := &request{url: f.URL, accept: acceptFile, home: home, fresh: fresh, timeout: max(downloadTimeout, c.opts.Timeout)}
		return struct{}{}, c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
			if a.length > limit {
				return &LimitError{what, limit, "bytes"}
			}
			out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				return &LocalError{err}
			}
			defer out.Close()
			check := newHashCheck(f)
			n, err := io.Copy(localWriter{out}, io.TeeReader(io.LimitReader(body, limit+1), check))
			if err != nil {
				return err
			}
			if n > limit {
				return &LimitError{what, limit, "bytes"}
			}
			if check.want == "" && !a.framed {
				return errors.New("the answer has neither a length nor a hash: it may have been cut")
			}
			if err := mismatch(a, check.err()); err != nil {
				return err
			}
			if err := out.Close(); err != nil {
				return &LocalError{err}
			}
			return nil
		})
	})
	if errors.Is(err, errAbsent) {
		err = &UnusableError{redactText(f.URL), errors.New("the index lists the file but does not have it")}
	}
	return err
}

// copyVerified is Download for a file of this machine.
func copyVerified(from, to string, f *File) error {
	in, err := os.Open(from)
	if err != nil {
		return &UnusableError{f.Filename, localCause(err)}
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return &LocalError{err}
	}
	defer out.Close()
	check := newHashCheck(f)
	if _, err := io.Copy(localWriter{out}, io.TeeReader(in, check)); err != nil {
		return &UnusableError{f.Filename, localCause(err)}
	}
	if err := check.err(); err != nil {
		return &UnusableError{f.Filename, err}
	}
	if err := out.Close(); err != nil {
		return &LocalError{err}
	}
	return nil
}
