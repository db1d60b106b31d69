// Package project reads what is asked for: pyproject.toml files,
// requirements files, scripts with inline metadata, and the local packages
// that they point at.
//
// A pyproject.toml gives its [project] dependencies and optional-dependencies
// (PEP 621), its [dependency-groups] (PEP 735), and, of [tool.uv] and
// [tool.pylock], what changes a resolution: sources, constraints, overrides,
// exclusions, metadata, conflicts, settings, indexes and the workspace. Only static declarations are read; dynamic
// dependencies are an error that names them, unless [LoadOptions.Build] tells them. A
// requirements file is read as pip reads it, with its includes and options. A
// script gives the dependencies of its PEP 723 block.
//
// Every requirement keeps the file, line and column at which it is written,
// and the label by which a lock names its origin. Paths in both are slash
// paths relative to the root, so that they are the same on every machine.
//
// A relative path in a requirement is relative to the file that names it, else
// to the root; never to the working directory, of which a lock must not
// depend. A plain requirement with the name of a package of the repository (a
// folder directly under the root, or a member of the uv workspace) is an error
// until a source is declared for it: the same name on an index is another
// package, and quite possibly a stranger's.
//
// What is at a URL, in an archive or in a git repository is not read here: such
// requirements keep a [Reference], and [Project.Describe] asks for what they
// lead to.
//
// Left out on purpose: requirements from the network, and legacy setup.py and
// setup.cfg metadata, which a build alone understands. Each is a clear error where
// it is met.
package project

import (
	"io"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Requirement is one dependency as somebody wrote it.
type Requirement struct {
	pep508.Requirement

	// Text is the requirement as written, variables unexpanded.
	Text string
	// Place is where Text begins.
	Place Place
	// Origin is the label of a lock's `via` lines:
	//
	//	langgraph-service (services/langgraph/pyproject.toml)
	//	langgraph-service (services/langgraph/pyproject.toml:dev)
	//	-r requirements.in
	//	-c constraints.txt, -c (workspace)
	//	--override overrides.txt, --override (workspace)
	//
	// It is "" for requirements of the standard input and of scripts.
	Origin string
	// Path is the absolute folder of a path requirement, else "". URL is then
	// the reference as written, or "" where the path was given otherwise.
	Path string
	// Ref says where the package is taken from, if that is neither a folder nor
	// an index; URL is then as it may be shown. See [Project.Describe].
	Ref *Reference
	// Editable is set for -e and for sources that say so.
	Editable bool
	// Hashes are the --hash options of a requirements file, "sha256:…".
	Hashes []string
	// Index is the index that a source names for it, or nil.
	Index *IndexSource

	direct *Direct // what Ref was found to be
}

// IndexSource is what a source says of the index of a package.
type IndexSource struct {
	// Name is that of the index; "" says that the package comes from the usual
	// indexes, where its sources name one for other environments alone.
	Name string
	// Link is the index of that name, of the file with the source, else of its
	// workspace, else of the root; zero where none declares one.
	Link  Link
	Place Place // of the source
}

// Local is a package that is taken from one place instead of an index: from a
// folder, at which a path requirement points and whose pyproject.toml says what
// it needs, or from what a direct reference names.
type Local struct {
	Name    pypi.Name
	Version pep440.Version // zero when dynamic or absent
	Dir     string         // of a folder: absolute; else ""
	Rel     string         // of a folder: slash path relative to the root; else what Direct shows
	// Direct is what a reference was found to be; nil for a folder.
	Direct *Direct
	// Requirements are its own, Extras what each of its extras adds.
	// References of extras to the package itself are expanded.
	Requirements []Requirement
	Extras       map[pypi.Extra][]Requirement
	// Stated are the requirements of an archive's metadata, those of its extras
	// among them; Extras then has the names alone.
	Stated         []pep508.Requirement
	RequiresPython pep440.Specifiers
	Place          Place // of its name
}

// Project is all that the sources of one lock ask for.
type Project struct {
	Name string // of the first source with a [project] table, normalized; else ""
	Dir  string // absolute folder of the first source
	Root string // absolute

	Requirements []Requirement
	Constraints  []Requirement
	// BuildConstraints bound what the builds of source distributions require.
	BuildConstraints []Requirement
	Overrides        []Requirement

	Exclusions         []Exclusion
	ScopedOverrides    []ScopedOverride
	DependencyMetadata []StaticMetadata
	Settings           ResolverSettings

	// RequiresPython is the conjunction over all sources and groups; its
	// place is that of the highest lower bound.
	RequiresPython      pep440.Specifiers
	RequiresPythonPlace Place

	// Locals are the path dependencies, transitive, and once they are described
	// what direct references name; sorted by name and place.
	Locals []Local

	Index IndexSettings
	// OnlyBinary and NoBinary hold normalized names and ":all:".
	OnlyBinary, NoBinary []string
	// Pre is set by --pre in a requirements file.
	Pre bool

	// Sources are the inputs in the order given: slash paths relative to the
	// root, a folder as a folder, "-" for the standard input.
	Sources []string
	// Files are the files that say any of this, slash paths relative to the
	// root, sorted.
	Files []string
	// Built are the folders of which builds told what they ask for, slash paths
	// relative to the root, in the order of the builds: any file in them may
	// have a say.
	Built    []string
	Warnings []string

	loader *loader // of what is still to be described
}

// IndexSettings are the index options of requirements files and [tool.uv].
type IndexSettings struct {
	Default   Link // --index-url; the zero Link when not given
	Extra     []Link
	FindLinks []Link
	NoIndex   bool
}

// Link is an address of an index or of a page of files.
type Link struct {
	Text     string // as written, variables unexpanded
	URL      string // expanded; may hold credentials. A local path is absolute
	Name     string // of a [[tool.uv.index]], else ""
	Explicit bool   // only for packages whose source names it
	Flat     bool   // a page or folder of files, no index
	IndexRules
	Place Place
}

// IndexRules are keys of a [[tool.uv.index]] that say how the index is asked.
type IndexRules struct {
	Authenticate     string // "auto", "always" or "never"; "" when not given
	IgnoreErrorCodes []int  // statuses of HTTP, 100 to 599
}

// LoadOptions say what to read.
type LoadOptions struct {
	// Root is the folder that paths are relative to in places and origins; ""
	// for FindRoot of the first source.
	Root string
	// WorkDir is the folder that Sources, Constraints, Overrides, Excludes and Groups
	// are relative to; "" for the process's own.
	WorkDir string
	// Sources are folders (their pyproject.toml), files, and "-".
	Sources []string
	Stdin   io.Reader
	// Extras of the pyproject.toml sources, any spelling.
	Extras    []string
	AllExtras bool
	// Groups are NAME, in each pyproject.toml source or else in the one of
	// WorkDir, or PATH:NAME with the path of a pyproject.toml or its folder.
	Groups []string
	// Constraints and Overrides are requirements files; of those in Excludes
	// the names count alone.
	Constraints, Overrides, Excludes []string
	// Asked are the places where settings ask for extras, groups, constraints,
	// overrides and excludes, by [Asking]. What no setting asks for is not there.
	Asked map[string]Place
	// Unwritten are requirements files that would be written by now, by
	// absolute path: they are read in place of those on disk.
	Unwritten map[string][]byte
	// Build returns what a build tells of the source tree in an absolute folder,
	// for sources and path dependencies that do not state it: a setup.py or
	// setup.cfg alone, a pyproject.toml without [project], or dynamic
	// dependencies. p is what is read so far: folders, indexes and settings. The
	// result has no place. It is asked once for a folder. Nil where nothing may
	// be built.
	Build func(p *Project, tree BuildTree) (*StaticMetadata, error)
	// NoSources ignores [tool.uv.sources] and [tool.pylock.sources].
	NoSources bool
	// Getenv looks a variable up for ${VAR}; nil knows none.
	Getenv func(string) (string, bool)
}

// BuildTree is a folder that is to be built.
type BuildTree struct {
	Dir string // absolute
	Rel string // slash path relative to the root
	// Name is the package's, as far as it is known; else "".
	Name pypi.Name
	// Outside is set where cache-keys of [tool.uv] name something outside of the
	// folder: what is in it does not tell all that the build depends on.
	Outside bool
}

// Asking is the key of a value in [LoadOptions.Asked]; key is the setting's.
func Asking(key, value string) string { return key + "=" + value }

// Load reads the sources. What is wrong with them is an [*InputError]; other
// errors come from the file system and name the path.
func Load(o LoadOptions) (*Project, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	if err := l.load(); err != nil {
		return nil, err
	}
	if l.p.References() {
		l.p.loader = l
	}
	return l.p, nil
}
