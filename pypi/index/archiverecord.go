package index

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index/cache"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// archiveRecord is what is kept of an archive:
//
//	archive = seconds lifetime-in-seconds etag last-modified sha256 size source text
type archiveRecord struct {
	fetched        time.Time
	lifetime       time.Duration
	etag, modified string
	sha256         string
	size           int64
	source         Source
	text           []byte
	keep           bool // not kept itself
}

func (r *archiveRecord) pack() []byte {
	out := binary.AppendUvarint(nil, uint64(r.fetched.Unix()))
	out = binary.AppendUvarint(out, uint64(r.lifetime/time.Second))
	for _, s := range [...]string{r.etag, r.modified, r.sha256} {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	out = binary.AppendUvarint(out, uint64(r.size))
	out = binary.AppendUvarint(out, uint64(r.source))
	return append(out, r.text...)
}

// unpackArchive returns nil for what is no record.
func unpackArchive(data []byte) *archiveRecord {
	u := &unpacker{s: string(data)}
	r := &archiveRecord{fetched: time.Unix(int64(u.number()), 0)}
	seconds := u.number()
	r.etag, r.modified, r.sha256 = u.text(), u.text(), u.text()
	r.size, r.source = int64(u.number()), Source(u.number())
	if u.bad || len(r.sha256) != 64 || seconds > uint64(maxLifetime/time.Second) || r.source > FromPyproject {
		return nil
	}
	r.lifetime, r.text = time.Duration(seconds)*time.Second, []byte(u.s)
	return r
}

// content parses the record. A version that the metadata leaves open may be told by the file name.
func (r *archiveRecord) content(filename string, a *Archive) (*ArchiveContent, error) {
	out := &ArchiveContent{Filename: filename, SHA256: r.sha256, Size: r.size, Source: r.source}
	shown := a.File
	if shown == "" {
		shown = redactText(a.URL)
	}
	var err error
	switch r.source {
	case needsBuild:
		return out, nil
	case FromPyproject:
		out.Metadata, err = dist.StaticProject(r.text)
	default:
		out.Metadata, err = dist.ParseMetadata(r.text)
	}
	if err != nil {
		return nil, &UnusableError{shown, err}
	}
	name, version := out.Metadata.Name, pep440.Version{}
	if w, err := dist.ParseWheel(filename); err == nil {
		if version = w.Version; w.Name != name || !version.Equal(out.Metadata.Version) {
			return nil, &UnusableError{shown, fmt.Errorf("its metadata is that of %s %s", name, out.Metadata.Version)}
		}
	} else if s, err := dist.ParseSdistOf(filename, name); err == nil && a.Subdirectory == "" {
		version = s.Version
	}
	if out.Metadata.Version.IsZero() {
		out.Metadata.Version = version
	}
	return out, nil
}

// archiveHolds reports whether a record may be used without asking.
func (c *Client) archiveHolds(r *archiveRecord, a *Archive) bool {
	has := func(hashes []string) bool { return slices.Contains(hashes, "sha256:"+r.sha256) }
	if len(a.Hashes) > 0 && !has(a.Hashes) {
		return false // of another content, or under another algorithm
	}
	if c.opts.Offline {
		return true
	}
	if a.Refresh || c.opts.Refresh.All {
		return false
	}
	s := stored{fetched: r.fetched, lifetime: r.lifetime}
	return has(a.Hashes) || has(a.Known) || s.fresh(c.opts.Now())
}

// archiveName is the name of the record of an address.
func archiveName(u *url.URL, subdirectory string) string {
	sum := sha256.Sum256([]byte(u.String() + "#" + subdirectory))
	return hex.EncodeToString(sum[:16])
}

// archives is where archives are kept, nil for nowhere.
func (c *Client) archives() *cache.Bucket {
	if c.opts.Cache == nil {
		return nil
	}
	b, err := c.opts.Cache.Bucket("archives", false)
	if err != nil {
		return nil // noted by the store
	}
	return b
}

func (c *Client) loadArchive(u *url.URL, subdirectory string) *archiveRecord {
	b := c.archives()
	if b == nil {
		return nil
	}
	data, ok := b.Read(cache.Archives, archiveName(u, subdirectory))
	if !ok {
		return nil
	}
	return unpackArchive(data)
}

func (c *Client) saveArchive(u *url.URL, subdirectory string, r *archiveRecord) {
	b := c.archives()
	if b == nil || u.RawQuery != "" {
		return // a query may be a signature, which is a credential, and expires
	}
	data := r.pack()
	c.later(func() { b.Write(cache.Archives, archiveName(u, subdirectory), data) })
}
