package indextest

import "hash/fnv"

// A Profile is what an index offers. The zero value is the poorest: HTML pages and whole files.
type Profile struct {
	SimpleJSON     bool // PEP 691 JSON for clients that accept it
	ProjectJSON    bool // /pypi/NAME/json
	VersionJSON    bool // /pypi/NAME/VERSION/json
	Metadata       MetadataOffer
	Advertise      bool   // pages name the metadata file and its hash (PEP 714), where it is served
	RelativeURLs   bool   // of files, on pages and in the JSON API
	FilesBase      string // prefix of file URLs in place of the server's own, such as another server's URL; "" for none
	Ranges         bool   // byte ranges of files
	SuffixRanges   bool   // bytes=-N too; without it they get 501, as files of PyPI did when last seen
	Caching        bool   // ETag and Cache-Control, 304
	Gzip           bool   // pages and JSON compressed for clients that accept it
	User, Password string // Basic auth for everything, unless both are empty
	TLS            bool   // Serve uses https with a certificate of its own
}

// MetadataOffer says which wheels have a .metadata file beside them.
type MetadataOffer uint8

const (
	NoMetadata   MetadataOffer = iota
	SomeMetadata               // about half of them, by a hash of the file name
	AllMetadata
)

// PyPI offers all that PyPI does.
func PyPI() Profile {
	return Profile{SimpleJSON: true, ProjectJSON: true, VersionJSON: true, Metadata: AllMetadata, Advertise: true, Ranges: true, Caching: true, Gzip: true}
}

// Mirror is a caching proxy as companies run them: no document a version, metadata for some wheels and never
// advertised, relative file URLs, ranges, nothing to revalidate with.
func Mirror() Profile {
	return Profile{SimpleJSON: true, ProjectJSON: true, Metadata: SomeMetadata, RelativeURLs: true, Ranges: true, SuffixRanges: true}
}

// ServesMetadata reports whether the wheel of that file name has a .metadata file.
func (p Profile) ServesMetadata(filename string) bool {
	switch p.Metadata {
	case AllMetadata:
		return true
	case SomeMetadata:
		h := fnv.New32a()
		h.Write([]byte(filename))
		return h.Sum32()>>7&1 == 0
	}
	return false
}
