package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

// command returns the canonical command of the lock: only what changes the
// result, paths relative to the root, no credentials.
func (o *compileOptions) command(root string, sources []string) *command {
	c := &command{words: []string{"pylock", "compile"}}
	if o.pip {
		c.words = []string{"pylock", "pip", "compile"}
	}
	c.words = append(c.words, sources...)
	paths := func(name string, files []string) {
		var rel []string
		for _, f := range files {
			rel = append(rel, relative(root, f))
		}
		c.values(name, rel)
	}
	on := func(name string, set bool) {
		if set {
			c.flag(name)
		}
	}
	normal := func(values []string) []string {
		var s []string
		for _, v := range values {
			if v[0] != ':' {
				v = string(pypi.NormalizeName(v))
			}
			s = append(s, v)
		}
		return s
	}
	if o.output != "" {
		c.value("output-file", relative(root, o.output))
	}
	if o.formatToTell() {
		c.value("format", o.format.value)
	}
	c.values("extra", normal(o.extras.values))
	on("all-extras", o.allExtras)
	var groups []string
	for _, g := range o.groups {
		if i := strings.LastIndexByte(g, ':'); i >= 0 {
			g = relative(root, g[:i]) + ":" + string(pypi.NormalizeName(g[i+1:]))
		} else {
			g = string(pypi.NormalizeName(g))
		}
		groups = append(groups, g)
	}
	c.values("group", groups)
	paths("constraints", o.constraints)
	paths("overrides", o.overrides)
	c.values("exclude", normal(o.excludes.values))
	paths("excludes", o.excludeFiles)
	on("no-deps", o.noDeps)
	on("no-sources", o.noSources)
	c.values("python-version", o.pythonVersions())
	c.values("python-platform", o.platforms)
	on("universal", o.universal)
	// The default is told only where the project says otherwise.
	var declared project.ResolverSettings
	if o.declared != nil {
		declared = *o.declared
	}
	choose := func(name string, v *choice, s project.Setting) {
		if v.value != v.first || v.set && (o.declared == nil || s.Text != "") {
			c.value(name, v.value)
		}
	}
	choose("fork-strategy", &o.forkStrategy, declared.ForkStrategy)
	choose("resolution", &o.resolution, declared.Resolution)
	choose("prerelease", &o.prerelease, declared.Prerelease)
	c.values("prerelease-package", packageValues(o.prereleasePackages))
	c.values("exclude-newer-package", packageValues(o.excludeNewerPackages))
	if cut, err := parseCutoff(o.excludeNewer); err == nil && cut.text != "" && (cut.text != "false" || o.declared == nil || declared.ExcludeNewer.Text != "") {
		c.value("exclude-newer", cut.text)
	}
	on("build", o.build)
	on("no-build", o.noBuild)
	paths("build-constraints", o.buildConstraints)
	if o.buildDeps != "" {
		c.value("build-deps", relative(root, o.buildDeps))
	}
	c.values("no-binary", normal(o.noBinary.values))
	c.values("only-binary", normal(o.onlyBinary.values))
	if o.emitIndexURL && o.defaultIndex != "" {
		_, u := splitIndex(o.defaultIndex)
		c.value("default-index", bare(u))
	}
	for _, value := range o.indexes {
		for _, one := range strings.Fields(value) {
			name, u := splitIndex(one)
			if u = bare(u); name != "" {
				u = name + "=" + u
			}
			c.value("index", u)
		}
	}
	for _, l := range o.findLinks {
		c.value("find-links", linkPath(root, l))
	}
	on("no-index", o.noIndex)
	if o.indexStrategy.value != o.indexStrategy.first {
		c.value("index-strategy", o.indexStrategy.value)
	}
	if o.torchBackend.name != "" {
		c.value("torch-backend", o.torchBackend.name)
	}
	if h := o.hashes.value; h != o.defaultHashes() {
		switch h {
		case "all":
			c.flag("generate-hashes")
		case "none":
			c.flag("no-hashes")
		default:
			c.value("hashes", h)
		}
	}
	if o.annotation.value != "split" {
		c.value("annotation-style", o.annotation.value)
	}
	on("no-annotate", o.noAnnotate)
	on("no-strip-extras", o.noStripExtras)
	c.values("no-emit-package", normal(o.noEmit.values))
	on("emit-index-url", o.emitIndexURL)
	on("emit-find-links", o.emitFindLinks)
	on("emit-build-options", o.emitBuildOptions)
	on("emit-index-annotation", o.emitIndexAnnotation)
	on("emit-local", o.emitLocal)
	return c
}

// options are the flags of the canonical command but for the name and the form
// of the lock.
func (o *compileOptions) options(root string) []flag {
	return slices.DeleteFunc(o.command(root, nil).flags, func(f flag) bool { return f.name == "output-file" || f.name == "format" })
}

// inherit returns o with the options of the existing lock from its header,
// where neither a flag nor the environment gives any: a lock describes itself,
// and a bare recompile repeats it. What the settings decide on is not taken.
// Where o has options of its own, it tells which of the header's are not kept,
// since a variable of the environment is easily overlooked.
func (o *compileOptions) inherit(output string, vs project.Values) (*compileOptions, error) {
	data, exists, err := lockfile.ReadFile(output, o.app.FS)
	if err != nil || !exists {
		return o, err
	}
	old, err := lockfile.ReadHeader(filepath.ToSlash(output), data)
	if err != nil {
		return o, nil // told when its pins are read
	}
	root := project.FindRoot(folder(o.sources[0]))
	was, err := o.described(old, output, root)
	if err != nil {
		o.warnings = append(o.warnings, filepath.ToSlash(output)+": the options in its header are not understood and not kept: "+err.Error())
		return o, nil
	}
	if was == nil {
		return o, nil
	}
	var sources []string
	for _, s := range o.sources {
		if s != "-" {
			s = relative(root, s)
		}
		sources = append(sources, s)
	}
	if !sameSources(root, sources, was.sources) {
		return o, nil
	}
	was.rebase(root)
	company := o.companyFlags(root)
	line := &command{flags: slices.DeleteFunc(was.options(root), func(f flag) bool { return settled(vs, f.name) || slices.Contains(company, f) })}
	if given := o.options(root); len(given) > 0 || o.changesResult(o.flags) || o.headless(vs) {
		line.flags = slices.DeleteFunc(line.flags, func(f flag) bool {
			return slices.ContainsFunc(given, func(g flag) bool { return g.name == f.name })
		})
		if len(line.flags) > 0 {
			o.remarks = append(o.remarks, "Without the options of the existing lock: "+line.String())
		}
		return o, nil
	}
	if len(line.flags) == 0 {
		return o, nil
	}
	o.remarks = append(o.remarks, "With the options of the existing lock: "+line.String())
	words, _ := unquote(line.String())
	style := was.headerStyle
	was = newOptions(o.global, false)
	if err := was.flags.Parse(words); err != nil {
		return nil, err
	}
	was.rebase(root)
	was.headerStyle = style
	was.sources, was.output, was.format, was.warnings, was.remarks, was.workspaces = o.sources, o.output, o.format, o.warnings, o.remarks, o.workspaces
	was.upgrade, was.upgradePackages, was.dryRun, was.coherent = o.upgrade, o.upgradePackages, o.dryRun, o.coherent
	was.timeout, was.requestTimeout, was.access = o.timeout, o.requestTimeout, o.access
	was.buildTimeout, was.interpreter = o.buildTimeout, o.interpreter
	was.customCommand, was.noHeader = o.customCommand, o.noHeader
	if o.headerStyle.set {
		was.headerStyle = o.headerStyle
	}
	if o.defaultIndex != "" {
		was.defaultIndex = o.defaultIndex
	}
	return was, nil
}

// headless reports whether the lock will have no header. What the one of the
// existing lock says would then be followed this once and never again.
func (o *compileOptions) headless(vs project.Values) bool {
	v, ok := vs["no-header"]
	return o.noHeader || ok && slices.Contains(v.Texts, "true") && !o.given(flagsOf(v)...)
}

// changesResult reports whether a flag is given that a header would hold.
func (o *compileOptions) changesResult(f *pflag.FlagSet) bool {
	changed := false
	f.VisitAll(func(fl *pflag.Flag) {
		if !fl.Changed {
			return
		}
		switch fl.Name {
		case "output-file", "upgrade", "no-upgrade", "upgrade-package", "default-index", "timeout", "build-timeout", "custom-compile-command", "no-header", "header", "format", "dry-run", "coherent",
			"quiet", "verbose", "color", "no-progress", "directory":
		default:
			changed = changed || !slices.Contains(accessFlags, fl.Name)
		}
	})
	return changed
}

// rebase makes the paths of a header, which are relative to the root, usable
// from anywhere.
func (o *compileOptions) rebase(root string) {
	for _, files := range [][]string{o.constraints, o.overrides, o.excludeFiles, o.buildConstraints} {
		for i, f := range files {
			files[i] = filepath.Join(root, filepath.FromSlash(f))
		}
	}
	for i, l := range o.findLinks {
		if !strings.Contains(l, "://") && !filepath.IsAbs(l) {
			o.findLinks[i] = filepath.Join(root, filepath.FromSlash(l))
		}
	}
	if o.buildDeps != "" {
		o.buildDeps = filepath.Join(root, filepath.FromSlash(o.buildDeps))
	}
	for i, g := range o.groups {
		if j := strings.LastIndexByte(g, ':'); j >= 0 {
			o.groups[i] = filepath.Join(root, filepath.FromSlash(g[:j])) + g[j:]
		}
	}
}

// linkPath is a page or folder of files as a header names it: a folder of the
// repository by its path from the root, another by its own.
func linkPath(root, l string) string {
	if strings.Contains(l, "://") {
		return bare(l)
	}
	rel := relative(root, l)
	if abs, err := filepath.Abs(l); err == nil && (rel == ".." || strings.HasPrefix(rel, "../")) && filepath.IsAbs(l) {
		return filepath.ToSlash(abs)
	}
	return rel
}

// folder returns the folder that a source is in, or is.
func folder(source string) string {
	if source == "-" {
		return "."
	}
	if fi, err := os.Stat(source); err == nil && fi.IsDir() {
		return source
	}
	return filepath.Dir(source)
}
