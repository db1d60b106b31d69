package index

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pylock-dev/pylock/pypi/dist"
)

// sdistMetadata reads what source distribution f states about itself without a build: the metadata file beside it,
// else its PKG-INFO where that is static (metadata 2.2), else the [project] of its pyproject.toml where that is. The
// error is ErrNeedsBuild where none is.
func (c *Client) sdistMetadata(ctx context.Context, p *Project, r *Release, f *File, sp *spool) (*Metadata, error) {
	md, err := c.sidecar(ctx, p, r, f)
	var unusable *UnusableError
	switch {
	case err == nil && md.StaticDependencies():
		return &Metadata{md, f, FromSidecar}, nil
	case isSecurity(err), err != nil && !errors.Is(err, errAbsent) && !errors.As(err, &unusable):
		return nil, err
	}
	if !strings.HasSuffix(f.Filename, ".tar.gz") && !strings.HasSuffix(f.Filename, ".tgz") {
		return nil, ErrNeedsBuild // other formats are older than static metadata
	}
	content, err := verified(func(fresh bool) (*sdistContent, error) { return c.fetchSdist(ctx, p.homeOf(f), f, fresh, sp) })
	if err != nil {
		return nil, err
	}
	m, err := content.metadata(p, r)
	if err != nil && !errors.Is(err, ErrNeedsBuild) {
		return nil, &UnusableError{redactText(f.URL), err}
	}
	if m != nil {
		m.File = f
		text := content.pkgInfo
		if m.Source == FromPyproject {
			text = content.pyproject
		}
		if !content.passing {
			c.saveMetadata(p, f, m.Source, text)
		}
	}
	return m, err
}

// sdistContent is the two members that are read.
type sdistContent struct {
	pkgInfo   []byte // nil when absent
	pyproject []byte
	passing   bool // the server does not allow it to be kept
}

func (s *sdistContent) metadata(p *Project, r *Release) (*Metadata, error) {
	if s.pkgInfo != nil {
		md, err := dist.ParseMetadata(s.pkgInfo)
		if err != nil && s.pyproject == nil {
			return nil, fmt.Errorf("PKG-INFO: %w", err)
		}
		if err == nil {
			if err := checkMetadata(md, p, r); err != nil {
				return nil, err
			}
			if md.StaticDependencies() {
				return &Metadata{Metadata: md, Source: FromPKGINFO}, nil
			}
		}
	}
	if s.pyproject == nil {
		return nil, ErrNeedsBuild
	}
	md, err := dist.StaticProject(s.pyproject)
	if err != nil {
		// A build may still make sense of what is dynamic or malformed here.
		return nil, ErrNeedsBuild
	}
	if md.Version.IsZero() {
		md.Version = r.Version
	}
	return &Metadata{Metadata: md, Source: FromPyproject}, checkMetadata(md, p, r)
}

func (c *Client) fetchSdist(ctx context.Context, home *repository, f *File, fresh bool, sp *spool) (*sdistContent, error) {
	rq := &request{url: f.URL, accept: acceptFile, home: home, fresh: fresh, timeout: max(downloadTimeout, c.opts.Timeout)}
	var content *sdistContent
	err := c.fetch(ctx, rq, func(a *answer, body io.Reader) error {
		if a.length > maxSdist {
			return &LimitError{"the source distribution", maxSdist, "bytes"}
		}
		check := newHashCheck(f)
		limited := &io.LimitedReader{R: body, N: maxSdist + 1}
		copied := sp.begin(f)
		defer copied.end(sp)
		counted := &countReader{r: io.TeeReader(limited, io.MultiWriter(check, copied))}
		var err error
		content, err = readSdist(counted, f, check.want == "" && !a.framed)
		if content != nil {
			content.passing = !a.keep
		}
		var limit *LimitError
		if errors.As(err, &limit) {
			return err
		}
		// The hash comes first: what it does not cover is not worth a diagnosis.
		if _, drain := io.Copy(io.Discard, counted); drain != nil {
			return drain
		}
		if limited.N == 0 {
			return &LimitError{"the source distribution", maxSdist, "bytes"}
		}
		if err := mismatch(a, check.err()); err != nil {
			return err
		}
		copied.whole = check.want != ""
		return err
	})
	return content, err
}

type countReader struct {
	r io.Reader
	n int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// inflateLimit passes decompressed bytes on, up to the limits.
type inflateLimit struct {
	gz  io.Reader
	in  *countReader
	out int64
}

func (l *inflateLimit) Read(p []byte) (int, error) {
	n, err := l.gz.Read(p)
	l.out += int64(n)
	switch {
	case l.out > maxSdistContent:
		return n, &LimitError{"the content of the source distribution", maxSdistContent, "bytes"}
	case l.out > minSdistRatio && l.out/max(l.in.n, 1) > maxSdistRatio:
		return n, &LimitError{"the compression of the source distribution", maxSdistRatio, "to 1"}
	}
	return n, err
}

// readSdist reads PKG-INFO and pyproject.toml of the folder NAME-VERSION of a tar.gz. Nothing is extracted. Either
// must be a regular file and there once: two readers could differ on which one counts. Archives of distutils' time
// have neither.
func readSdist(in *countReader, f *File, toEnd bool) (*sdistContent, error) {
	return readSdistIn(in, func(top string) bool { return namesSdist(top, f) }, "", toEnd)
}

// within returns what of a path is below a folder, "" for the top.
func within(name, folder string) (rest string, ok bool) {
	if folder == "" {
		return name, true
	}
	return strings.CutPrefix(name, folder+"/")
}

// readSdistIn is readSdist for a top folder of another name, and a package in a folder below it.
func readSdistIn(in *countReader, named func(top string) bool, subdirectory string, toEnd bool) (*sdistContent, error) {
	gz, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	limited := &inflateLimit{gz: gz, in: in}
	t := tar.NewReader(limited)
	content := new(sdistContent)
	folder, foreign := "", false
	seen := make(map[string]bool, 2)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("tar: %w", err)
		}
		if key := secondReading(h); key != "" {
			return nil, fmt.Errorf("tar: a PAX record states %s anew, which not all readers heed", key)
		}
		top, rest, _ := strings.Cut(strings.TrimPrefix(h.Name, "./"), "/")
		rest, ok := within(rest, subdirectory)
		if !ok || rest != "PKG-INFO" && rest != "pyproject.toml" {
			continue
		}
		if !named(top) {
			foreign = foreign || rest == "PKG-INFO"
			continue
		}
		if folder != "" && top != folder {
			return nil, fmt.Errorf("tar: two folders %q and %q", folder, top)
		}
		folder = top
		if seen[rest] {
			return nil, fmt.Errorf("tar: %s is there twice", rest)
		}
		seen[rest] = true
		limit := int64(maxMetadata)
		if rest == "pyproject.toml" {
			limit = maxPyproject
		}
		switch {
		case h.Typeflag != tar.TypeReg || sparse(h):
			return nil, fmt.Errorf("tar: %s is not a regular file", rest)
		case h.Size > limit:
			return nil, &LimitError{rest, limit, "bytes"}
		}
		var buf bytes.Buffer
		if _, err := buf.ReadFrom(t); err != nil {
			return nil, fmt.Errorf("tar: %w", err)
		}
		if rest == "PKG-INFO" {
			content.pkgInfo = buf.Bytes()
		} else {
			content.pyproject = buf.Bytes()
		}
	}
	if folder == "" && foreign {
		return nil, errors.New("tar: no PKG-INFO in a folder with the name and version of the file")
	}
	if toEnd {
		// Without hash and length, the checksum of gzip shows that nothing is missing.
		_, err = io.Copy(io.Discard, limited)
	}
	return content, err
}

// secondReading returns the PAX record of h by which readers come to see different archives: a size beside that of the
// plain header, which says where the next member begins (CVE-2025-62518), and what a global header says of the members
// that follow it, which archive/tar passes over and Python's tarfile heeds. No size that fits the plain header is
// written twice, and those that do not are beyond any limit here.
func secondReading(h *tar.Header) string {
	keys := []string{"size"}
	if h.Typeflag == tar.TypeXGlobalHeader {
		keys = []string{"size", "path", "linkpath"}
	}
	for _, key := range keys {
		if _, ok := h.PAXRecords[key]; ok {
			return key
		}
	}
	return ""
}

// sparse reports whether h states a size that its bytes in the archive do not have.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// namesSdist reports whether folder is NAME-VERSION of the file, in any spelling.
func namesSdist(folder string, f *File) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(f.Filename, ".tar.gz"), ".tgz")
	if folder == stem {
		return true
	}
	want, err := dist.ParseSdist(stem + ".tar.gz")
	if err != nil {
		return false
	}
	got, err := dist.ParseSdistOf(folder+".tar.gz", want.Name)
	return err == nil && got.Version.Equal(want.Version)
}
