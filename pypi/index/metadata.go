package index

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi/dist"
)

// Source says where metadata was read.
type Source uint8

const (
	FromSidecar   Source = iota + 1 // the metadata file beside the file
	FromRange                       // byte ranges of the wheel
	FromWheel                       // the whole wheel
	FromPKGINFO                     // the source distribution's PKG-INFO
	FromPyproject                   // the source distribution's pyproject.toml
	FromBuild                       // a build of the source distribution
)

// Metadata is the metadata of a release with its origin.
type Metadata struct {
	*dist.Metadata
	File   *File // the file read
	Source Source
}

// Metadata is MetadataOf without a preference.
func (c *Client) Metadata(ctx context.Context, p *Project, r *Release) (*dist.Metadata, error) {
	m, err := c.MetadataOf(ctx, p, r, nil)
	if err != nil {
		return nil, err
	}
	return m.Metadata, nil
}

// MetadataOf returns the metadata of release r of p, read from f where possible. With f nil, or where f cannot tell,
// the best other file is read: all wheels of a version are taken to declare the same.
//
// The result is always that of a file, never the JSON API's [Project.Claim]: of 51 claims on a mirror of PyPI, 10 were
// those of another version.
//
// Errors: ErrNeedsBuild when only a source distribution that is not static is left, and there is no builder; that of the
// builder; *UnusableError when the files'
// metadata must not be used, which concerns this version alone; *UnavailableError; or the context's.
func (c *Client) MetadataOf(ctx context.Context, p *Project, r *Release, f *File) (*Metadata, error) {
	files := candidates(r, f)
	if len(files) == 0 {
		return nil, fmt.Errorf("%s %s has no files: %w", p.Name, r.Version, ErrNotFound)
	}
	return c.metadata.do(ctx, files[0].URL, func(ctx context.Context) (*Metadata, error) {
		return c.readMetadata(ctx, p, r, files)
	})
}

// candidates returns the files of r in the order in which to read them: f, then wheels by how cheaply and likely they
// answer, then source distributions.
func candidates(r *Release, f *File) []*File {
	files := make([]*File, 0, len(r.Files()))
	for i := range r.Files() {
		files = append(files, &r.Files()[i])
	}
	rank := func(x *File) int {
		n := 0
		switch {
		case f != nil && x.Filename == f.Filename:
			return -1
		case x.IsSdist():
			return 6
		case x.Core.State == CoreUnknown:
			n = 2
		case x.Core.State == CoreAbsent:
			n = 4
		}
		if !strings.HasSuffix(x.Filename, "-none-any.whl") {
			n++
		}
		return n
	}
	slices.SortStableFunc(files, func(a, b *File) int { return cmp.Compare(rank(a), rank(b)) })
	return files
}

// maxAttemptedWheels bounds how many wheels of a version are read when they turn out to be broken.
const maxAttemptedWheels = 3

func (c *Client) readMetadata(ctx context.Context, p *Project, r *Release, files []*File) (*Metadata, error) {
	var broken error
	var build *File // to be built
	sp := &spool{on: c.opts.Builder != nil}
	defer sp.close()
	wheels := 0
	for _, f := range files {
		if f.IsSdist() && wheels > 0 {
			break // a wheel that is there but broken is not mended by a guess
		}
		m, err := c.loadMetadata(p, r, f)
		switch {
		case m != nil || err != nil:
		case p.homeOf(f).dir != "":
			m, err = c.localMetadata(ctx, p, r, f)
		case f.IsSdist():
			m, err = c.sdistMetadata(ctx, p, r, f, sp)
			if errors.Is(err, ErrNeedsBuild) {
				c.saveMetadata(p, f, needsBuild, nil)
			}
		default:
			if wheels++; wheels > maxAttemptedWheels {
				continue
			}
			m, err = c.wheelMetadata(ctx, p, r, f)
		}
		var unusable *UnusableError
		switch {
		case err == nil:
			c.saveRelease(p, r.Version, p.fetched)
			return m, nil
		case errors.Is(err, ErrNeedsBuild):
			if build == nil || !dist.CanUnpack(build.Filename) && dist.CanUnpack(f.Filename) {
				build = f
			}
		case errors.Is(err, errAbsent):
			if broken == nil {
				broken = &UnusableError{redactText(f.URL), errors.New("the index lists the file but does not have it")}
			}
		case errors.As(err, &unusable):
			if broken == nil {
				broken = err
			}
			if isSecurity(err) {
				return nil, err
			}
		default:
			return nil, err
		}
	}
	if broken == nil && build != nil && c.opts.Builder != nil {
		m, err := c.builtMetadata(ctx, p, r, build, sp)
		if err == nil {
			c.saveRelease(p, r.Version, p.fetched)
		}
		return m, err
	}
	if broken == nil && build != nil {
		return nil, fmt.Errorf("%s %s: %w", p.Name, r.Version, ErrNeedsBuild)
	}
	return nil, broken
}

// mismatch is a wrong hash, unless a may have been cut: then nothing is wrong but the transfer.
func mismatch(a *answer, err error) error {
	if err != nil && !a.framed {
		return transientError{errors.New("the answer does not have its hash and announced no length: it may have been cut")}
	}
	return err
}

// verified reads anew, past caches, what does not have its hash.
func verified[T any](read func(fresh bool) (T, error)) (T, error) {
	for try := 1; ; try++ {
		v, err := read(try > 1)
		if !isSecurity(err) || try == doubtTries {
			return v, err
		}
	}
}

func isSecurity(err error) bool {
	var hash *HashError
	return errors.As(err, &hash)
}

// wheelMetadata reads the metadata of wheel f. The error is errAbsent when the index does not have the file after all.
func (c *Client) wheelMetadata(ctx context.Context, p *Project, r *Release, f *File) (*Metadata, error) {
	// Where metadata files are not advertised and mostly missing, but ranges work, a range is the better bet.
	home := p.homeOf(f)
	rangesFirst := f.Core.State == CoreUnknown && home.ranges.mostly() && !home.sidecars.mostly()
	w := &wheelReader{c: c, home: home, f: f}
	var data []byte
	var broken error // what is wrong with the metadata file beside it
	err := errRange
	if rangesFirst {
		data, err = w.ranged(ctx)
	}
	if errors.Is(err, errRange) {
		md, sidecarErr := c.sidecar(ctx, p, r, f)
		if sidecarErr == nil {
			return &Metadata{md, f, FromSidecar}, nil
		}
		var unusable *UnusableError
		if !errors.Is(sidecarErr, errAbsent) && !errors.As(sidecarErr, &unusable) || isSecurity(sidecarErr) {
			return nil, sidecarErr
		}
		if unusable != nil {
			broken = unusable
		}
	}
	if errors.Is(err, errRange) && !rangesFirst && home.ranges.worth(enoughRanges) {
		data, err = w.ranged(ctx)
	}
	if errors.Is(err, errRange) || isSecurity(err) {
		data, err = w.whole(ctx)
	}
	if errors.Is(err, errAbsent) && broken != nil {
		return nil, broken
	}
	if err != nil {
		return nil, err
	}
	md, err := parseMetadata(data, p, r)
	if err != nil {
		return nil, &UnusableError{redactText(f.URL), err}
	}
	source := FromRange
	if w.complete {
		source = FromWheel
	}
	if !w.passing {
		c.saveMetadata(p, f, source, data)
	}
	return &Metadata{md, f, source}, nil
}

// sidecar reads FILE.metadata; the error is errAbsent where there is none, or none is to be expected.
func (c *Client) sidecar(ctx context.Context, p *Project, r *Release, f *File) (*dist.Metadata, error) {
	home := p.homeOf(f)
	advertised := f.Core.State == CoreAdvertised
	if f.Core.State == CoreAbsent || !advertised && (f.IsSdist() || !home.sidecars.worth(enoughSidecars)) {
		return nil, errAbsent
	}
	address := sidecarURL(f.URL)
	var text []byte
	keep := false
	read := func(fresh bool) (*dist.Metadata, error) {
		var md *dist.Metadata
		rq := &request{url: address, accept: acceptFile, home: home, gzip: true, fresh: fresh}
		if !advertised && home.sidecars.yes.Load() == 0 {
			rq.tries = probeTries
		}
		err := c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
			var buf bytes.Buffer
			if err := readAll(a, body, &buf, "the metadata file", maxMetadata); err != nil {
				return err
			}
			if want := f.Core.Hashes.Get("sha256"); want != "" {
				sum := sha256.Sum256(buf.Bytes())
				if got := hex.EncodeToString(sum[:]); got != want {
					return mismatch(a, &HashError{"sha256", want, got})
				}
			} else if !a.framed {
				return errors.New("the answer has neither a length nor a hash: it may have been cut")
			}
			var err error
			md, err = dist.ParseMetadata(buf.Bytes())
			text, keep = buf.Bytes(), a.keep
			return err
		})
		return md, err
	}
	md, err := verified(read)
	if err == nil {
		err = checkMetadata(md, p, r)
		if err != nil {
			err = &UnusableError{redactText(address), err}
		}
	}
	if err == nil && keep && (!f.IsSdist() || md.StaticDependencies()) {
		c.saveMetadata(p, f, FromSidecar, text)
	}
	if !advertised {
		var unusable *UnusableError
		var unavailable *UnavailableError
		switch {
		case err == nil:
			home.sidecars.add(true)
		case errors.Is(err, errAbsent), errors.As(err, &unusable), errors.As(err, &unavailable):
			// Whatever was there, it was not promised. Some stores answer 403 for what they do not have. Where nothing
			// answers, that is not the index's word, and the file itself will tell.
			if unavailable == nil || unavailable.Status != 0 {
				home.sidecars.add(false)
			}
			return nil, errAbsent
		}
	}
	return md, err
}

// sidecarURL appends .metadata to the path of a file's address.
func sidecarURL(raw string) string {
	if path, query, ok := strings.Cut(raw, "?"); ok {
		return path + ".metadata?" + query
	}
	return raw + ".metadata"
}
