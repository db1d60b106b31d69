package index

import "time"

// Limits on what an index may send. Bytes are counted after decompression.
const (
	maxPage         = 64 << 20  // bytes of a project page or document
	maxPacked       = 1 << 20   // bytes of a compressed answer that are read before it is inflated
	maxDepth        = 64        // of nesting in JSON
	maxFiles        = 200_000   // on a project page
	maxMetadata     = 10 << 20  // bytes of METADATA, PKG-INFO, FILE.metadata
	maxPyproject    = 1 << 20   // bytes of a source distribution's pyproject.toml
	maxDirectory    = 16 << 20  // bytes of a wheel's central directory
	maxEntries      = 200_000   // in a wheel
	maxRatio        = 200       // decompressed to compressed bytes of a METADATA
	minRatioSize    = 64 << 10  // bytes below which the ratio is not looked at
	maxWheel        = 4 << 30   // bytes of a wheel that is fetched whole
	maxSdist        = 1 << 30   // bytes of a source distribution
	maxSdistContent = 512 << 20 // decompressed bytes of a source distribution
	maxSdistRatio   = 20        // decompressed to compressed bytes, from minSdistRatio on
	minSdistRatio   = 64 << 20  // decompressed bytes
	maxReason       = 1000      // bytes kept of why a release is yanked, a project archived
	maxHTMLToken    = 1 << 20   // bytes of one tag
	maxDrain        = 4 << 10   // bytes of an error's text, to be read and dropped
	idleBytes       = 30 << 10  // of a body, or the rest of it, within idleTimeout: 1 KiB a second
	maxRedirects    = 10
)

// Times. The total covers all tries of one request.
const (
	connectTimeout     = 10 * time.Second
	headerTimeout      = 30 * time.Second
	idleTimeout        = 30 * time.Second // in which less than idleBytes of the body come
	defaultTimeout     = 120 * time.Second
	downloadTimeout    = 20 * time.Minute // of a whole file
	maxRetryAfter      = 60 * time.Second
	backoffBase        = 100 * time.Millisecond
	backoffMax         = 5 * time.Second
	defaultTries       = 8
	absentTries        = 4 // where nobody answers: connection refused, no such host
	probeTries         = 2 // of an address that was only guessed
	doubtTries         = 4 // of an answer that is complete and not what it should be
	defaultConcurrency = 50
)
