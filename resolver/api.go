// Package resolver finds one version of each package that a project needs,
// so that every requirement, constraint and override holds in the target.
//
// It puts Python on top of [pubgrub]: packages, their extras and the Python
// interpreter are nodes; the releases of a package, ascending, are its
// versions; Requires-Dist of a release becomes its dependencies. Markers are
// evaluated for the targets, so what does not apply in any is never seen.
//
// The search is one goroutine and deterministic: its result depends on the
// request and on the index, never on timing. Fetching runs beside it and only
// fills what the search will ask for.
package resolver

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Index is where packages come from. Its methods are called from several
// goroutines at once and must answer the same for the same question during
// one resolution.
type Index interface {
	// Project returns the releases of a package. It returns an error that
	// matches [index.ErrNotFound] when no index knows the name; any other
	// error ends the resolution.
	Project(ctx context.Context, name pypi.Name) (*index.Project, error)

	// Versions returns those of the pinned versions that the index has, and no
	// other releases: of them it tells all that Project does, at less cost
	// where an index has a document for each version. Its errors are those of
	// Project.
	Versions(ctx context.Context, name pypi.Name, pins []index.Pinned) (*index.Project, error)

	// MetadataOf returns the dependencies of a release, as the given file
	// states them. It returns an error that matches [index.ErrNeedsBuild] when
	// only a build could tell, and an [index.UnusableError] when the metadata
	// cannot be read; both make the release unusable, but for a wrong hash
	// ([index.HashError]). That and any other error ends the resolution.
	MetadataOf(ctx context.Context, p *index.Project, r *index.Release, f *index.File) (*index.Metadata, error)
}

// Request is a question to the resolver.
type Request struct {
	// Root names the asking project in explanations; "" for "your requirements".
	Root         string
	Requirements []project.Requirement
	Constraints  []project.Requirement
	// Moves are those of Constraints that the user asks for in this run, as the
	// fixed releases of an advisory: to loosen one is offered only where nothing
	// else helps.
	Moves     []project.Requirement
	Overrides []project.Requirement
	// ScopedOverrides weigh more than Overrides, Exclusions more than both.
	ScopedOverrides []project.ScopedOverride
	Exclusions      []project.Exclusion
	// DependencyMetadata takes the place of what releases say of themselves:
	// the entry of their version, else the one without a version.
	DependencyMetadata []project.StaticMetadata
	// Locals are the path dependencies; they take the place of packages of
	// the same name on the index.
	Locals []project.Local
	// From are the indexes of packages that come from another one in some
	// environments than in the rest, by the source that says so. What is not in
	// it comes from where the Index of the resolution has it.
	From    map[*project.IndexSource]Index
	homesBy *Request // whose requirements say where those are meant; nil for this one

	// Targets are the environments to resolve for, together: one version of a
	// package for all of them wherever one can serve.
	Targets []Target
	// BestEffort keeps a release that at least one of several targets can
	// use, with a warning; otherwise all that need it must be able to.
	BestEffort bool
	// Universal resolves for every platform instead, and for every Python
	// from LowestPython on, or from the lower bound of RequiresPython if that
	// is zero.
	Universal    bool
	LowestPython pep440.Version
	ForkStrategy ForkStrategy
	// Environments narrow a universal resolution to where one of these markers
	// holds; none for everywhere.
	Environments []pep508.Marker
	// RequiredEnvironments are markers of environments that a universal
	// resolution must have a file for, wherever they need the package.
	RequiredEnvironments []pep508.Marker

	// RequiresPython is what the project says of itself; it is checked
	// against the targets' Pythons.
	RequiresPython      pep440.Specifiers
	RequiresPythonPlace project.Place

	Prerelease PrereleaseMode
	// PrereleasePackage and ExcludeNewerPackage take the place of Prerelease
	// and ExcludeNewer for single packages.
	PrereleasePackage map[pypi.Name]PrereleaseMode
	Resolution        Mode
	// ExcludeNewer hides files uploaded at this time or later; zero hides none.
	ExcludeNewer        time.Time
	ExcludeNewerPackage map[pypi.Name]time.Time

	// NoBuild forbids releases whose only usable file is an sdist.
	NoBuild bool
	// Builds says that the index may run the build of an sdist to answer
	// MetadataOf: then none is asked for before it is needed.
	Builds bool
	// NoBinary and OnlyBinary ignore the wheels, and the sdists, of packages.
	NoBinary, OnlyBinary Names

	// Preferences are versions to keep where they are allowed, as an existing
	// lock has them.
	Preferences map[pypi.Name][]Preference
	// NoDeps resolves the requirements of the project alone.
	NoDeps bool
}

// Preference is a pin of an existing lock.
type Preference struct {
	Version pep440.Version
	Marker  pep508.Marker
	Hashes  []string // "sha256:…" of its files; none where the lock has none
}

// ForkStrategy says what a universal resolution does with a release that the
// lowest of its Pythons cannot use.
type ForkStrategy uint8

const (
	// ForkRequiresPython gives each Python the newest release that it can use.
	ForkRequiresPython ForkStrategy = iota
	// ForkFewest takes an older release that serves all of them.
	ForkFewest
)

var forkNames = []string{"requires-python", "fewest"}

func (f ForkStrategy) String() string { return forkNames[f] }

// ParseForkStrategy reads the name of a strategy.
func ParseForkStrategy(s string) (ForkStrategy, error) {
	i, err := parseChoice("fork strategy", s, forkNames)
	return ForkStrategy(i), err
}

// Names is a set of packages; All stands for every package.
type Names struct {
	All   bool
	Names map[pypi.Name]bool
}

// Has reports whether n is in the set.
func (s Names) Has(n pypi.Name) bool { return s.All || s.Names[n] }

// PrereleaseMode says when a pre-release may be chosen. In each mode but
// Allow, a stable version that works is taken before any pre-release.
type PrereleaseMode uint8

// The modes are uv's.
const (
	// IfNecessaryOrExplicit admits them where the project itself names one
	// in a specifier, and where a package has nothing else to offer.
	IfNecessaryOrExplicit PrereleaseMode = iota
	// Disallow never admits them.
	Disallow
	// Allow treats them like any other version.
	Allow
	// IfNecessary admits them for packages without any stable version.
	IfNecessary
	// Explicit admits them where the project itself names one in a specifier.
	Explicit
)

var prereleaseNames = []string{"if-necessary-or-explicit", "disallow", "allow", "if-necessary", "explicit"}

func (m PrereleaseMode) String() string { return prereleaseNames[m] }

// ParsePrereleaseMode reads the name of a mode.
func ParsePrereleaseMode(s string) (PrereleaseMode, error) {
	i, err := parseChoice("pre-release mode", s, prereleaseNames)
	return PrereleaseMode(i), err
}

// Mode says which of several allowed versions is preferred.
type Mode uint8

const (
	// Highest takes the newest version of every package.
	Highest Mode = iota
	// Lowest takes the oldest version of every package.
	Lowest
	// LowestDirect takes the oldest version of what the project itself asks
	// for, and the newest of everything else.
	LowestDirect
)

var modeNames = []string{"highest", "lowest", "lowest-direct"}

func (m Mode) String() string { return modeNames[m] }

// ParseMode reads the name of a mode.
func ParseMode(s string) (Mode, error) {
	i, err := parseChoice("resolution", s, modeNames)
	return Mode(i), err
}

func parseChoice(what, s string, names []string) (int, error) {
	for i, n := range names {
		if n == s {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q: use one of %s", what, s, strings.Join(names, ", "))
}

// Resolution is a solution: a flat graph of packages.
type Resolution struct {
	// Packages are sorted by name and version: one entry a name, or several
	// with markers of which at most one holds in any environment.
	Packages []Package
	// Overridden are the packages whose requirements an override replaced;
	// pip's own resolver would refuse such a lock. Sorted.
	Overridden []pypi.Name
	// Excluded are the packages that others ask for and an exclusion dropped,
	// Restated those whose metadata is that of the request. Sorted.
	Excluded, Restated []pypi.Name
	// Revised are the packages of which others name a branch or tag, where a lock
	// names the commit: pip's own resolver takes the two for different. Sorted.
	Revised []pypi.Name
	// HeldBack are the packages of which ExcludeNewer hid a newer version that
	// all requirements admit, sorted by name.
	HeldBack []HeldBack
	Warnings []string
	Stats    Stats
}

// HeldBack is a package of which there is a newer version than the cutoff lets
// through.
type HeldBack struct {
	Name          pypi.Name
	Chosen, Newer pep440.Version
	Uploaded      time.Time // when the first file of Newer was
}

// Package is one chosen version.
type Package struct {
	Name    pypi.Name
	Version pep440.Version
	// Marker says in which environments of the resolution the package is
	// needed: "" for all.
	Marker string
	// Extras are those that somebody in the resolution asks for, sorted.
	Extras []pypi.Extra
	// Via says who asks for it, sorted: the project's own requirements by
	// origin first, then packages by name.
	Via []Via
	// Files are those that the target can use, sorted by file name: its
	// wheels, and the sdist only where no wheel fits.
	Files []*index.File
	// AllFiles are all files of the version, sorted by file name.
	AllFiles []*index.File
	// Servings are the environments in which it is needed and has files, for
	// [HashFaults].
	Servings []Serving
	// Index is the credential-free URL of the index it came from, "" where it
	// is on none; Links are the pages and folders of files that have some of it.
	Index string
	Links []string
	// Local is set for a path dependency, which is not pinned.
	Local        *project.Local
	Yanked       bool
	YankedReason string
}

// Via is one reason for a package to be there: either a package that depends
// on it, or the origin of one of the project's own requirements, constraints
// or overrides.
type Via struct {
	Package pypi.Name
	Origin  string
}

// Stats counts the work of one resolution.
type Stats struct {
	Decisions int // versions tried
	Conflicts int // conflicts met and learned from
	Projects  int // package pages read
	Metadata  int // metadata documents read
	Forks     int // parts of the environments that were solved apart
}

// Event is a sign of progress.
type Event struct {
	Package pypi.Name // what was decided last
	Stats   Stats
	Known   int // packages met so far
}

// Observer hears of progress; it is called on the goroutine of the search.
type Observer interface {
	Progress(Event)
}

// NoSolutionError says that the requirements cannot all hold, and why.
type NoSolutionError struct {
	// Report is the derivation, in lines.
	Report string
	// Hints say what might help, one a string.
	Hints []string
}

func (e *NoSolutionError) Error() string {
	s := strings.TrimRight(e.Report, "\n")
	for _, h := range e.Hints {
		s += "\n\nhint: " + h
	}
	return s
}
