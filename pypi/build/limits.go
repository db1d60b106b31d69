package build

import "time"

// Limits of an archive and of what a build answers.
const (
	maxUnpacked   = 512 << 20 // bytes of all files of an archive
	maxMembers    = 200_000   // of an archive
	maxRatio      = 20        // unpacked to packed bytes, from minRatioSize on
	minRatioSize  = 64 << 20  // unpacked bytes
	maxName       = 4096      // bytes of a member's name
	maxMetadata   = 10 << 20  // bytes of METADATA
	maxRequires   = 1 << 20   // bytes of the list of get_requires_for_build_wheel
	maxPyproject  = 1 << 20   // bytes of pyproject.toml
	maxLine       = 1000      // bytes kept of a line that a build prints
	maxTail       = 20        // lines that an Error shows
	maxConcurrent = 4         // builds at once
)

// Times.
const (
	DefaultTimeout = 10 * time.Minute // of one build, with the installation of its requirements
	probeTimeout   = 20 * time.Second // for an interpreter to say what it is
	drainTimeout   = 2 * time.Second  // for output to end once the group is killed
)
