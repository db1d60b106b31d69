package project

// Kind is the shape of a setting.
type Kind uint8

const (
	KindText         Kind = iota // a string
	KindTexts                    // a string or an array of strings
	KindBool                     // true or false
	KindCutoff                   // a time, a span, or false
	KindByPackage                // a table of packages and their values
	KindTables                   // an array of tables
	KindTable                    // a table
	KindRequirements             // an array of requirements, or of tables that hold some
	KindMarkers                  // a string or an array of strings, each a marker
)

var kindNames = []string{"a string", "a string or an array of strings", "true or false", "a string or false", "a table by package",
	"an array of tables", "a table", "an array of requirements", "a marker or an array of them"}

func (k Kind) String() string { return kindNames[k] }

// Key is a setting of [tool.pylock]. The list of them is the one place that
// names, documents and checks them: the schema, the pages and `pylock config`
// come from it.
type Key struct {
	Name    string
	Kind    Kind
	Choices []string // of a text; nil for free text
	Doc     string   // a phrase
	// Files says that the values are files, relative to the one that declares
	// them.
	Files bool
	// Root says that the key belongs to the root's table alone.
	Root bool
	// Alias is a second name in [tool.pylock] itself.
	Alias string
	// UVPip and UV are its names in [tool.uv.pip] and [tool.uv], PipTools that
	// in [tool.pip-tools]; "" where the table does not have it. What Load reads
	// of [tool.uv] by itself is listed too.
	UVPip, UV, PipTools string
	// Loaded says that [Load] reads the key: it is listed here to be known.
	Loaded bool
	// Joined says that every table counts, not the strongest alone.
	Joined bool
	// Sub are the keys of a table that has keys of its own; see
	// [Workspace.Table].
	Sub []Key
}

// Keys are the settings, in the order of their documentation.
var Keys = []Key{
	{Name: "services", Kind: KindTexts, Root: true, Doc: "folders of services, with * and **; without it, every folder with a pyproject.toml that is no path dependency of another"},
	{Name: "exclude-services", Kind: KindTexts, Root: true, Doc: "folders that are no services, with * and **"},
	{Name: "service", Kind: KindTable, Root: true, Doc: "settings of single services, by name or path: [tool.pylock.service.api]"},
	{Name: "required-version", Kind: KindText, Root: true, Doc: "versions of pylock that may be used, such as >=0.3,<0.5"},
	{Name: "doctor", Kind: KindTable, Root: true, Doc: "what pylock doctor leaves alone: ignore (ids of rules) and exclude (folders and files, with * and **)", Sub: []Key{
		{Name: "ignore", Kind: KindTexts, Doc: "ids of rules that pylock doctor does not look for"},
		{Name: "exclude", Kind: KindTexts, Doc: "folders and files that pylock doctor does not look at, with * and **"},
	}},
	{Name: "coherent", Kind: KindBool, Root: true, Doc: "prefer one version of a package in all services"},
	{Name: "output", Kind: KindTables, Doc: "the locks of a service, each with file (a name or several, {service} stands for the service's), constrained-by (another's file) and settings of its own"},

	{Name: "python-version", Kind: KindTexts, Doc: "the Python to lock for, such as 3.12, or several", UVPip: "python-version"},
	{Name: "platforms", Alias: "python-platform", Kind: KindTexts, Doc: "the platforms to lock for, such as x86_64-manylinux_2_28", UVPip: "python-platform"},
	{Name: "universal", Kind: KindBool, Doc: "lock for every platform, and every Python from the given one on", UVPip: "universal"},
	{Name: "fork-strategy", Kind: KindText, Choices: []string{"requires-python", "fewest"}, Doc: "with universal, what a Python too old for a version gets", UVPip: "fork-strategy", UV: "fork-strategy", Loaded: true},
	{Name: "environments", Kind: KindMarkers, Doc: "with universal, the environments to lock for", UV: "environments", Loaded: true},
	{Name: "required-environments", Kind: KindMarkers, Doc: "with universal, the environments that each package needs a file for", UV: "required-environments", Loaded: true},

	{Name: "extra", Kind: KindTexts, Doc: "optional dependencies to add", UVPip: "extra", PipTools: "extra"},
	{Name: "all-extras", Kind: KindBool, Doc: "add all optional dependencies", UVPip: "all-extras", PipTools: "all-extras"},
	{Name: "group", Kind: KindTexts, Doc: "dependency groups to add, [path:]name", UVPip: "group"},
	{Name: "constraints", Kind: KindTexts, Files: true, Doc: "files whose requirements bound versions", PipTools: "constraint"},
	{Name: "overrides", Kind: KindTexts, Files: true, Doc: "files whose requirements replace those of the same packages"},
	{Name: "excludes", Kind: KindTexts, Files: true, Doc: "files that name packages to drop"},
	{Name: "constraint-dependencies", Kind: KindRequirements, Doc: "requirements that bound versions", UV: "constraint-dependencies", Loaded: true, Joined: true},
	{Name: "override-dependencies", Kind: KindRequirements, Doc: "requirements that replace those of the same packages", UV: "override-dependencies", Loaded: true, Joined: true},
	{Name: "exclude-dependencies", Kind: KindRequirements, Doc: "packages to drop", UV: "exclude-dependencies", Loaded: true, Joined: true},
	{Name: "dependency-metadata", Kind: KindTables, Doc: "what takes the place of a package's own metadata", UV: "dependency-metadata", UVPip: "dependency-metadata", Loaded: true, Joined: true},
	{Name: "conflicts", Kind: KindTables, Doc: "sets of extras and groups that exclude each other", UV: "conflicts", Loaded: true, Joined: true},
	{Name: "sources", Kind: KindTable, Doc: "where packages are", UV: "sources", Loaded: true, Joined: true},
	{Name: "no-deps", Kind: KindBool, Doc: "lock the direct requirements alone", UVPip: "no-deps"},
	{Name: "no-sources", Kind: KindBool, Doc: "ignore sources", UV: "no-sources", UVPip: "no-sources"},

	{Name: "resolution", Kind: KindText, Choices: []string{"highest", "lowest", "lowest-direct"}, Doc: "which versions to prefer", UVPip: "resolution", UV: "resolution", Loaded: true},
	{Name: "prerelease", Kind: KindText, Choices: []string{"disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"}, Doc: "when to take pre-releases", UVPip: "prerelease", UV: "prerelease", PipTools: "prerelease", Loaded: true},
	{Name: "prerelease-package", Kind: KindByPackage, Doc: "the same by package", UVPip: "prerelease-package", UV: "prerelease-package", Loaded: true, Joined: true},
	{Name: "exclude-newer", Kind: KindCutoff, Doc: "ignore files uploaded after this time, date or span; false for none", UVPip: "exclude-newer", UV: "exclude-newer", Loaded: true},
	{Name: "exclude-newer-package", Kind: KindByPackage, Doc: "the same by package", UVPip: "exclude-newer-package", UV: "exclude-newer-package", Loaded: true, Joined: true},

	{Name: "index", Kind: KindTables, Doc: "indexes, each with url, and perhaps name, default, explicit, format, authenticate (auto, always or never) and ignore-error-codes", UV: "index", Loaded: true, Joined: true},
	{Name: "index-url", Kind: KindText, Doc: "the default index", UVPip: "index-url", UV: "index-url", PipTools: "index-url", Loaded: true},
	{Name: "extra-index-url", Kind: KindTexts, Doc: "indexes to ask before the default", UVPip: "extra-index-url", UV: "extra-index-url", PipTools: "extra-index-url", Loaded: true, Joined: true},
	{Name: "index-strategy", Kind: KindText, Choices: []string{"first-index", "unsafe-first-match", "unsafe-best-match"}, Doc: "which indexes to take a name from", UVPip: "index-strategy", UV: "index-strategy"},
	{Name: "torch-backend", Kind: KindText, Doc: "take the packages of PyTorch from its index for this backend: cpu, cu128, rocm6.4, xpu …", UVPip: "torch-backend", UV: "torch-backend"},
	{Name: "find-links", Kind: KindTexts, Doc: "pages and folders of files to take packages from too", UVPip: "find-links", UV: "find-links", PipTools: "find-links", Loaded: true, Joined: true},
	{Name: "no-index", Kind: KindBool, Doc: "ask no index: take what find-links has", UVPip: "no-index", UV: "no-index", PipTools: "no-index", Loaded: true},
	{Name: "keyring-provider", Kind: KindText, Choices: []string{"disabled", "subprocess"}, Doc: "how to ask the keyring for the password of a user in the address of an index", UVPip: "keyring-provider", UV: "keyring-provider"},
	{Name: "build", Kind: KindBool, Doc: "run the build of a source distribution that does not state its dependencies"},
	{Name: "build-constraints", Kind: KindTexts, Files: true, Doc: "files whose requirements bound what builds require"},
	{Name: "build-constraint-dependencies", Kind: KindRequirements, Doc: "requirements that bound what builds require", UV: "build-constraint-dependencies", Loaded: true, Joined: true},
	{Name: "build-timeout", Kind: KindText, Doc: "how long a build may take, such as 10m"},
	{Name: "no-build", Kind: KindBool, Doc: "never choose a version that has only a source distribution", UVPip: "no-build", UV: "no-build"},
	{Name: "no-binary", Alias: "no-binary-package", Kind: KindTexts, Doc: "packages whose wheels are ignored, or :all:", UVPip: "no-binary", UV: "no-binary-package"},
	{Name: "only-binary", Alias: "no-build-package", Kind: KindTexts, Doc: "packages whose source distributions are ignored, or :all:", UVPip: "only-binary", UV: "no-build-package"},

	{Name: "hashes", Kind: KindText, Choices: []string{"target", "all", "none"}, Doc: "which files' hashes to write"},
	{Name: "generate-hashes", Kind: KindBool, Doc: "hashes = \"all\"", UVPip: "generate-hashes", PipTools: "generate-hashes"},
	{Name: "annotation-style", Kind: KindText, Choices: []string{"split", "line"}, Doc: "how to tell who asked for a package", UVPip: "annotation-style", PipTools: "annotation-style"},
	{Name: "no-annotate", Kind: KindBool, Doc: "do not tell who asked for a package", UVPip: "no-annotate", PipTools: "no-annotate"},
	{Name: "no-header", Kind: KindBool, Doc: "leave out the header", UVPip: "no-header", PipTools: "no-header"},
	{Name: "custom-compile-command", Kind: KindText, Doc: "the command that the header names", UVPip: "custom-compile-command"},
	{Name: "no-strip-extras", Kind: KindBool, Doc: "write the extras of packages", UVPip: "no-strip-extras", PipTools: "no-strip-extras"},
	{Name: "no-emit-package", Kind: KindTexts, Doc: "packages that are resolved and left out of the lock", UVPip: "no-emit-package", PipTools: "unsafe-package"},
	{Name: "emit-index-url", Kind: KindBool, Doc: "write the indexes into the lock", UVPip: "emit-index-url", PipTools: "emit-index-url"},
	{Name: "emit-find-links", Kind: KindBool, Doc: "write the pages and folders of find-links into the lock", UVPip: "emit-find-links", PipTools: "emit-find-links"},
	{Name: "emit-build-options", Kind: KindBool, Doc: "write no-binary and only-binary into the lock", UVPip: "emit-build-options"},
	{Name: "emit-index-annotation", Kind: KindBool, Doc: "write the index of each package", UVPip: "emit-index-annotation"},
	{Name: "emit-local", Kind: KindBool, Doc: "write packages of the repository into a pylock.toml, as folders"},
}

// keyOf finds a key of [tool.pylock] by its name or second name.
func keyOf(name string) *Key {
	for i := range Keys {
		if k := &Keys[i]; k.Name == name || k.Alias == name && name != "" {
			return k
		}
	}
	return nil
}

// in returns the name that the key has in a table of another tool, or "".
func (k *Key) in(table string) string {
	switch table {
	case tableUVPip:
		return k.UVPip
	case tableUV:
		return k.UV
	case tablePipTools, tablePipToolsCompile:
		return k.PipTools
	}
	return k.Name
}

// The tables of other tools that are read where [tool.pylock] is silent.
const (
	tablePylock          = "tool.pylock"
	tableUVPip           = "tool.uv.pip"
	tableUV              = "tool.uv"
	tablePipTools        = "tool.pip-tools"
	tablePipToolsCompile = "tool.pip-tools.compile"
)
