package index

import (
	"sync"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Project is what one index has under a name. It is shared and must not be changed.
type Project struct {
	Name     pypi.Name
	Index    string    // the index as configured, without credentials
	Releases []Release // ascending by version; equal versions in different spellings are one release

	// Status is the project's state of PEP 792 ("archived", "deprecated", "quarantined"), empty when active or not
	// stated. The JSON API states none. A quarantined project has no releases.
	Status       string
	StatusReason string

	Skipped []Skipped // files left out, in the order of the page

	home   *repository // nil where merged
	merged bool        // of several places: each file knows its own
	claim  *claim
	keep   bool // metadata of its files may be kept in the cache

	fetched time.Time // when a page of all releases came from the index; zero for what the cache had
}

// Release is a version of a project, with at least one file.
type Release struct {
	Version pep440.Version
	files   *files
	rank    int
}

// Rank is how much later than others a release is to be tried, whatever its version: under [UnsafeFirstMatch] the number
// of its index, otherwise 0.
func (r *Release) Rank() int { return r.rank }

// Signature is the same for releases of a project whose files are, in their order, alike in all that decides which of them
// a target can use: wheel or kind of source distribution, tags, build number, Requires-Python. It is no answer where a
// file is yanked, or is not known that way, nor does it tell of upload times.
func (r *Release) Signature() (signature string, ok bool) {
	if r.files == nil || r.files.page == nil || r.files.yanked {
		return "", false
	}
	return r.files.kinds, true
}

// NewRelease returns a release with these files, by file name, for indexes that are no [Client].
func NewRelease(v pep440.Version, list ...File) Release {
	f := new(files)
	f.list.Store(&list)
	return Release{Version: v, files: f}
}

// Files returns the files, by file name. They are shared and must not be changed; each call returns the same.
//
// Most releases of a page are never looked at: of one with thousands, keeping the files packed until then takes a tenth
// of the memory.
func (r *Release) Files() []File {
	if r.files == nil {
		return nil
	}
	return r.files.get()
}

// File is one file of a release.
type File struct {
	Filename       string
	URL            string // absolute, http or https, without credentials and fragment
	Hashes         Hashes
	Size           int64             // bytes, 0 when unknown
	UploadTime     time.Time         // UTC, zero when unknown
	RequiresPython string            // as written, "" when absent
	Python         pep440.Specifiers // RequiresPython parsed, after repairs; nil allows every Python
	Yanked         bool
	YankedReason   string
	Wheel          *dist.Wheel // nil for a source distribution; its version may be spelled as the release's
	Core           CoreMetadata

	home *repository // of a file in a merged project
}

// IsSdist reports whether f is a source distribution.
func (f *File) IsSdist() bool { return f.Wheel == nil }

// CoreMetadata is what the index says about the metadata file beside a file (PEP 658, PEP 714).
type CoreMetadata struct {
	State  CoreState
	Hashes Hashes // of the metadata file, at most a sha256
}

// CoreState is whether FILE.metadata exists.
type CoreState uint8

const (
	CoreUnknown    CoreState = iota // the index does not say
	CoreAbsent                      // the index says that there is none
	CoreAdvertised                  // the index says that there is one
)

// Skipped is a file of the page that is not offered, and why.
type Skipped struct {
	Filename string // as on the page: escape before printing
	Reason   string
}

// Release returns the release of version v, or nil.
func (p *Project) Release(v pep440.Version) *Release {
	lo, hi := 0, len(p.Releases)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch p.Releases[mid].Version.Compare(v) {
		case 0:
			return &p.Releases[mid]
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return nil
}

// Claim returns the metadata that the project's own document states for r, or nil when it states none. It costs no
// request. The JSON API takes it from the file that was uploaded first, leaves it out when empty and does not mend it:
// resolve on it, but verify the versions chosen with [Client.Metadata]. Name, Version, Requires, RequiresPython and
// Extras are set.
func (p *Project) Claim(r *Release) *dist.Metadata {
	if p.claim == nil || !p.claim.version.Equal(r.Version) {
		return nil
	}
	return p.claim.metadata()
}

// claim is the info table of a JSON API document whose requires_dist is not null.
type claim struct {
	name           pypi.Name
	version        pep440.Version
	requires       []string
	requiresPython string
	extras         []string

	once sync.Once
	md   *dist.Metadata
}

// metadata returns nil for a claim that does not parse: the file decides then.
func (c *claim) metadata() *dist.Metadata {
	c.once.Do(func() {
		md, err := dist.NewMetadata(c.requires, c.requiresPython, c.extras)
		if err != nil {
			return
		}
		md.Name, md.Version = c.name, c.version
		c.md = md
	})
	return c.md
}
