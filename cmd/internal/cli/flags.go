package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/tags"
)

// alias maps the names of pip and pip-tools, and the second names of uv, to
// the names of the flags.
func alias(f *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "constraint":
		name = "constraints"
	case "override":
		name = "overrides"
	case "unsafe-package":
		name = "no-emit-package"
	case "build-constraint":
		name = "build-constraints"
	case "no-binary-package":
		name = "no-binary"
	case "no-build-package":
		name = "only-binary"
	case "index-url", "pypi-url":
		name = "default-index"
	case "extra-index-url":
		name = "index"
	case "trusted-host":
		name = "allow-insecure-host"
	}
	return pflag.NormalizedName(name)
}

// register adds the flags of compile to cmd.
func (o *compileOptions) register(cmd *cobra.Command) {
	o.flags = cmd.Flags()
	o.define(o.flags, func(flag string, values ...string) { complete(cmd, flag, values...) })
	for _, name := range []string{"constraints", "overrides", "excludes", "build-constraints"} {
		must(cmd.MarkFlagFilename(name, "txt", "in"))
	}
	must(cmd.MarkFlagFilename("output-file", "lock", "txt", "toml"))
}

// define adds the flags to f, and sets all options to their defaults. complete
// is told of values for a shell to offer; it may be nil.
func (o *compileOptions) define(f *pflag.FlagSet, complete func(flag string, values ...string)) {
	if complete == nil {
		complete = func(string, ...string) {}
	}
	f.SetNormalizeFunc(alias)
	f.SortFlags = false
	hide := func(fl *pflag.Flag) { fl.Hidden = true }

	f.StringVarP(&o.output, "output-file", "o", "", "write the lock to this `file`; its pins are kept where they can be")

	// What is asked for.
	f.Var(&o.extras, "extra", "add an optional dependency group of the project (repeatable)")
	f.BoolVar(&o.allExtras, "all-extras", false, "add all optional dependencies")
	hide(sw(f, inverse{&o.allExtras}, "no-all-extras", ""))
	f.StringArrayVar(&o.groups, "group", nil, "add a dependency group, `[path:]name` (repeatable)")
	f.StringArrayVarP(&o.constraints, "constraints", "c", nil, "bound versions by the requirements in this `file` (repeatable; also --constraint)")
	f.StringArrayVar(&o.overrides, "overrides", nil, "replace every requirement of the packages in this `file` (repeatable; also --override)")
	f.Var(excludeValue{o}, "exclude", "drop a package and what only it brings, whoever asks for it (repeatable)")
	f.StringArrayVar(&o.excludeFiles, "excludes", nil, "drop the packages that this `file` names (repeatable)")
	f.BoolVar(&o.noDeps, "no-deps", false, "lock the direct requirements alone")
	hide(sw(f, inverse{&o.noDeps}, "deps", ""))
	f.BoolVar(&o.noSources, "no-sources", false, "ignore [tool.uv.sources]")

	// For which target.
	f.StringArrayVar(&o.pythons, "python-version", nil, "lock for this `version` of Python, such as 3.12 (repeatable)")
	f.StringArrayVarP(&o.pythonShort, "python", "p", nil, "the same: `version` of Python (repeatable); with --build also the interpreter to use")
	f.StringArrayVar(&o.platforms, "python-platform", nil, "lock for this `platform`, such as x86_64-manylinux_2_28, linux, macos, windows (repeatable)")
	complete("python-platform", tags.PlatformNames()...)
	f.BoolVar(&o.universal, "universal", false, "lock for every platform, and every Python from the given one on")
	hide(sw(f, inverse{&o.universal}, "no-universal", ""))
	o.forkStrategy = choice{value: "requires-python", first: "requires-python", of: []string{"requires-python", "fewest"}}
	f.Var(&o.forkStrategy, "fork-strategy", "with --universal, what a Python too old for a version gets: its own older one (requires-python), or all get that one (fewest)")
	complete("fork-strategy", o.forkStrategy.of...)

	// Which versions.
	f.BoolVarP(&o.upgrade, "upgrade", "U", false, "take the newest versions, whatever the existing lock has")
	hide(sw(f, inverse{&o.upgrade}, "no-upgrade", ""))
	f.StringArrayVarP(&o.upgradePackages, "upgrade-package", "P", nil, "let this package move, within an optional specifier: `name[spec]` (repeatable)")
	o.resolution = choice{value: "highest", first: "highest", of: []string{"highest", "lowest", "lowest-direct"}}
	f.Var(&o.resolution, "resolution", "which versions to prefer: highest, lowest or lowest-direct")
	complete("resolution", o.resolution.of...)
	o.prerelease = choice{value: "if-necessary-or-explicit", first: "if-necessary-or-explicit", of: []string{"disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"}}
	f.Var(&o.prerelease, "prerelease", "when to take pre-releases: disallow, allow, if-necessary, explicit or if-necessary-or-explicit")
	complete("prerelease", o.prerelease.of...)
	sw(f, assign{&o.prerelease.value, "allow"}, "pre", "the same as --prerelease=allow")
	f.StringArrayVar(&o.prereleasePackages, "prerelease-package", nil, "when to take pre-releases of one package: `name=mode` (repeatable)")
	f.StringVar(&o.excludeNewer, "exclude-newer", "", "ignore files uploaded after this `time`, date or span (7 days); false for none")
	f.StringArrayVar(&o.excludeNewerPackages, "exclude-newer-package", nil, "the same for one package: `name=time` (repeatable)")

	f.BoolVar(&o.coherent, "coherent", false, "prefer one version of a package in all services that are locked")
	hide(sw(f, inverse{&o.coherent}, "no-coherent", ""))
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would change, and write nothing")

	// From which files and indexes.
	sw(f, buildValue{o, true}, "build", "run the build of a source distribution that does not state its dependencies (PYLOCK_BUILD)")
	sw(f, buildValue{o, false}, "no-build", "never choose a version that has only a source distribution")
	f.StringArrayVarP(&o.buildConstraints, "build-constraints", "b", nil, "bound what builds require by this `file` (repeatable; also --build-constraint)")
	f.StringVar(&o.buildDeps, "build-deps", "", "with --build, lock what the builds of the lock's source distributions require in this `file`, for pip's --build-constraint")
	f.DurationVar(&o.buildTimeout, "build-timeout", 0, "end a build after this `duration`; 10m unless given")
	f.Var(&o.noBinary, "no-binary", "ignore the wheels of a package, or :all: (repeatable; also --no-binary-package)")
	f.Var(&o.onlyBinary, "only-binary", "ignore the source distributions of a package, or :all: (repeatable; also --no-build-package)")
	f.StringVarP(&o.defaultIndex, "default-index", "i", "", "ask this index `URL` in place of the default (also --index-url)")
	f.StringArrayVar(&o.indexes, "index", nil, "ask this index `URL` before the default (repeatable; also --extra-index-url)")
	o.indexStrategy = choice{value: index.Strategies[0], first: index.Strategies[0], of: index.Strategies}
	f.Var(&o.indexStrategy, "index-strategy", "which indexes to take a name from: first-index that has it, or all of them: unsafe-first-match, unsafe-best-match")
	complete("index-strategy", o.indexStrategy.of...)
	f.Var(&o.torchBackend, "torch-backend", "take the packages of PyTorch from its index for this backend: cpu, cu128, rocm6.4, xpu …")
	complete("torch-backend", project.TorchBackends...)
	f.StringArrayVarP(&o.findLinks, "find-links", "f", nil, "take files from this `folder` or page too (repeatable)")
	f.BoolVar(&o.noIndex, "no-index", false, "ask no index: take what --find-links has")
	f.StringVar(&o.cert, "cert", "", "trust the certificates in this `file` or folder, in PEM, in place of the system's")
	f.StringVar(&o.clientCert, "client-cert", "", "show the certificate in this `file`, in PEM with its key, to the indexes")
	f.StringArrayVar(&o.insecure, "allow-insecure-host", nil, "do not check the certificate of this `host`, or host:port (repeatable; also --trusted-host)")
	f.StringVar(&o.proxy, "proxy", "", "reach the indexes by this proxy `URL`")
	o.keyring = choice{value: "disabled", first: "disabled", of: []string{"disabled", "subprocess"}}
	f.Var(&o.keyring, "keyring-provider", "how to ask the keyring for the password of a user in an index URL: disabled, or subprocess, by the command keyring")
	complete("keyring-provider", o.keyring.of...)
	f.BoolVar(&o.noConfig, "no-config", false, "read no pip.conf, and no uv.toml of user and machine")
	f.DurationVar(&o.timeout, "timeout", 0, "give up after this `duration`, such as 2m")

	// How the lock looks.
	o.hashes = hashesValue{o.defaultHashes()}
	fl := f.VarPF(&o.hashes, "hashes", "", "write the hashes of the files that the target can use, of all, or of none: target, all, none")
	fl.NoOptDefVal = "target"
	complete("hashes", "target", "all", "none")
	sw(f, assign{&o.hashes.value, "all"}, "generate-hashes", "the same as --hashes=all")
	sw(f, assign{&o.hashes.value, "none"}, "no-hashes", "the same as --hashes=none")
	hide(sw(f, assign{&o.hashes.value, "none"}, "no-generate-hashes", ""))
	o.annotation = choice{value: "split", of: []string{"split", "line"}}
	f.Var(&o.annotation, "annotation-style", "how to tell who asked for a package: split or line")
	complete("annotation-style", o.annotation.of...)
	f.BoolVar(&o.noAnnotate, "no-annotate", false, "do not tell who asked for a package")
	hide(sw(f, inverse{&o.noAnnotate}, "annotate", ""))
	f.BoolVar(&o.noHeader, "no-header", false, "leave out the header")
	f.VarPF(headerValue{o}, "header", "", "whose command the header names: pylock, or uv, as Renovate reads it").NoOptDefVal = "pylock"
	complete("header", "pylock", "uv")
	f.StringVar(&o.customCommand, "custom-compile-command", "", "write this `command` into the header")
	f.BoolVar(&o.noStripExtras, "no-strip-extras", false, "write the extras of packages")
	hide(sw(f, inverse{&o.noStripExtras}, "strip-extras", ""))
	f.Var(&o.noEmit, "no-emit-package", "resolve a package and leave it out of the lock (repeatable; also --unsafe-package)")
	f.BoolVar(&o.emitIndexURL, "emit-index-url", false, "write the indexes into the lock")
	hide(sw(f, inverse{&o.emitIndexURL}, "no-emit-index-url", ""))
	f.BoolVar(&o.emitFindLinks, "emit-find-links", false, "write the pages and folders of --find-links into the lock")
	hide(sw(f, inverse{&o.emitFindLinks}, "no-emit-find-links", ""))
	f.BoolVar(&o.emitBuildOptions, "emit-build-options", false, "write --no-binary and --only-binary into the lock")
	hide(sw(f, inverse{&o.emitBuildOptions}, "no-emit-build-options", ""))
	f.BoolVar(&o.emitIndexAnnotation, "emit-index-annotation", false, "write the index of each package")
	hide(sw(f, inverse{&o.emitIndexAnnotation}, "no-emit-index-annotation", ""))
	f.BoolVar(&o.emitLocal, "emit-local", false, "write packages of the repository into a pylock.toml, as folders, which uv takes and pip does not")
	hide(sw(f, inverse{&o.emitLocal}, "no-emit-local", ""))
	o.format = choice{of: []string{"requirements.txt", "pylock.toml"}}
	f.Var(&o.format, "format", "the form of the lock: requirements.txt or pylock.toml; by the name of the file where none is given")
	complete("format", o.format.of...)

	ignored(f)
}

// hashesValue is the flag --hashes.
type hashesValue struct{ value string }

func (h *hashesValue) String() string { return h.value }
func (h *hashesValue) Type() string   { return "choice" }

func (h *hashesValue) Set(s string) error {
	c := choice{of: []string{"target", "all", "none"}}
	err := c.Set(s)
	if err == nil {
		h.value = s
	}
	return err
}

// ignored adds the flags of pip-tools that ask for what is the case anyway.
func ignored(f *pflag.FlagSet) {
	for _, name := range []string{"allow-unsafe", "no-allow-unsafe", "no-reuse-hashes", "no-emit-trusted-host", "no-emit-options", "strip-markers"} {
		f.Bool(name, false, "")
		f.Lookup(name).Hidden = true
	}
	f.Var(&choice{value: "backtracking", of: []string{"backtracking"}}, "resolver", "")
	f.Lookup("resolver").Hidden = true
}

// unsupported returns what to do instead of a flag that uv or pip-tools have.
func unsupported(name string) string {
	switch name {
	case "no-strip-markers", "emit-marker-expression":
		return "a lock for several environments has the markers that it needs: --python-platform, --universal"
	case "config-setting", "config-settings", "config-settings-package", "C", "no-build-isolation",
		"no-build-isolation-package", "build-isolation", "require-build-hashes", "link-mode", "build-deps-for", "all-build-deps", "only-build-deps":
		return "builds are isolated, have no settings, and only tell dependencies: --build, --build-constraints"
	case "no-cache-dir", "n":
		return "--no-cache, or --dry-run for what pip-compile calls -n"
	case "rebuild":
		return "--refresh asks the index again"
	case "system-certs", "native-tls":
		return "the system's certificates are trusted unless --cert, SSL_CERT_FILE or SSL_CERT_DIR name others: leave it out"
	case "system", "managed-python", "no-managed-python", "no-python-downloads", "python-preference", "python-fetch", "no-system":
		return "no Python is run but for --build: --python-version"
	case "uploaded-prior-to":
		return "--exclude-newer"
	case "upgrade-group":
		return "--upgrade-package names packages one by one"
	case "no-sources-package":
		return "--no-sources is for all packages"
	case "config", "config-file", "project", "pip-args", "emit-options", "emit-trusted-host", "max-rounds", "reuse-hashes":
		return "leave it out"
	case "no-color":
		return "--color never, or NO_COLOR"
	case "check", "locked", "frozen":
		return "pylock check tells whether a lock is up to date, and writes nothing"
	case "newline":
		return "lines end with a line feed on every system: leave it out"
	case "cpython", "python-tag", "implementation", "abi":
		return "--python-version, --python-platform"
	}
	return ""
}

// flagError adds to an error of the flags what might have been meant.
func flagError(cmd *cobra.Command, err error) error {
	if ne, ok := err.(*pflag.NotExistError); ok {
		name := ne.GetSpecifiedName()
		if hint := unsupported(name); hint != "" {
			return usagef("%w: pylock does not have it: %s", err, hint)
		}
		if near := nearest(cmd.Flags(), name); near != "" {
			return usagef("%w: did you mean --%s?", err, near)
		}
	}
	return usagef("%w: see %s --help", err, cmd.CommandPath())
}

// nearest returns the flag most like name, or "".
func nearest(f *pflag.FlagSet, name string) string {
	best, distance := "", 1+len(name)/3
	f.VisitAll(func(fl *pflag.Flag) {
		if fl.Hidden {
			return
		}
		d := editDistance(fl.Name, name)
		if len(name) > 3 && (strings.HasPrefix(fl.Name, name) || strings.HasSuffix(fl.Name, name)) {
			d = 1
		}
		if d < distance || d == distance && best == "" {
			best, distance = fl.Name, d
		}
	})
	return best
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
