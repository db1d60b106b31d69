package cli

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// headerValue is --header; alone it is pip-tools' opposite of --no-header.
type headerValue struct{ o *compileOptions }

func (h headerValue) String() string { return "pylock" }
func (h headerValue) Type() string   { return "choice" }

func (h headerValue) Set(s string) error {
	c := choice{of: []string{"pylock", "uv"}}
	if err := c.Set(s); err != nil {
		return err
	}
	h.o.headerStyle, h.o.noHeader = c, false
	return nil
}

// headerCommand is the command that the header names: pylock's own, or with
// --header=uv that of uv pip compile which makes the same lock. A style that
// is kept from the existing lock gives way to options that uv does not have.
func (o *compileOptions) headerCommand(r *run) (string, error) {
	o.written.declared = o.declared
	own := o.withCompany(o.written.command(r.project.Root, r.project.Sources), r.project.Root)
	if o.headerStyle.value != "uv" || o.noHeader {
		return own.String(), nil
	}
	// Not the written options alone: uv does not read our settings.
	c, err := o.uvCommand(o.withCompany(o.command(r.project.Root, r.project.Sources), r.project.Root), r)
	switch {
	case err == nil:
		return c.String(), nil
	case o.headerStyle.set:
		return "", err
	}
	return own.String(), nil
}

// renovateAccepts are the options of uv pip compile, among those of the
// canonical command, that Renovate (44) takes from a header; with any other it
// gives up on the lock.
var renovateAccepts = []string{
	"all-extras", "constraints", "emit-index-url", "exclude-newer", "exclude-newer-package", "extra", "fork-strategy",
	"generate-hashes", "group", "no-emit-package", "no-strip-extras", "output-file", "overrides", "prerelease",
	"python-version", "resolution", "universal",
}

// uvCommand returns the command of uv that makes the same lock, as Renovate
// reads and runs it: long options with "=", and nothing left to the defaults
// of a machine.
func (o *compileOptions) uvCommand(own *command, r *run) (*command, error) {
	refuse := func(what, instead string) (*command, error) {
		return nil, usagef("--header=uv: %s: %s", what, instead)
	}
	root := r.project.Root
	switch {
	case r.output == "":
		return refuse("Renovate updates files", "name one with --output-file")
	case path.Ext(r.output) == ".toml":
		return refuse("a pylock.toml has no header", "name a requirements.lock with --output-file")
	case !o.universal && len(o.platforms) > 0:
		return refuse("Renovate does not take --python-platform", "use --universal")
	case !o.universal:
		return refuse("without --universal, uv locks for the machine that it runs on", "use --universal")
	case o.hashes.value == "target":
		return refuse("uv has no --hashes=target", "use --generate-hashes or --no-hashes")
	}
	c := &command{words: []string{"uv", "pip", "compile"}}
	for _, s := range own.sources() {
		if s == "-" {
			return refuse("the standard input is no file for Renovate", "save the requirements in one")
		}
		s = asFile(root, s)
		if ext := path.Ext(s); path.Base(s) != "pyproject.toml" && ext != ".in" && ext != ".txt" {
			return refuse("Renovate does not know the source "+s, "name it *.in or *.txt")
		}
		c.words = append(c.words, s)
	}
	c.value("output-file", relative(root, r.output))
	if len(o.pythonVersions()) == 0 {
		// uv would take that of the machine.
		c.value("python-version", r.request.LowestPython.String())
	}
	for _, f := range own.flags {
		switch {
		case f.name == "output-file", f.name == "no-hashes":
		case f.name == "build" && !o.written.build: // uv builds anyway, and the settings see to it here
		case f.name == "default-index":
			c.value("index-url", f.value)
		case f.name == "index":
			if name, _ := splitIndex(f.value); name != "" {
				return refuse("Renovate takes no name for an index, as in --index="+f.value, "leave out the name")
			}
			c.value("extra-index-url", f.value)
		case !slices.Contains(renovateAccepts, f.name):
			return refuse("Renovate does not take --"+f.name, "leave out one of the two")
		default:
			c.flags = append(c.flags, f)
		}
	}
	if slices.ContainsFunc(r.project.Locals, func(l project.Local) bool { return l.Direct == nil }) {
		r.project.Warnings = append(r.project.Warnings, "--header=uv: uv, which Renovate runs, writes the packages of the repository into the lock, and pylock does not: compile it again after an update by Renovate")
	}
	return c, nil
}

// sources are the words behind the command's own.
func (c *command) sources() []string {
	n := slices.Index(c.words, "compile") + 1
	return c.words[n:]
}

// asFile names the file that a source of a header means, which is relative to
// the root.
func asFile(root, source string) string {
	if fi, err := os.Stat(filepath.Join(root, filepath.FromSlash(source))); err == nil && fi.IsDir() {
		return path.Join(source, "pyproject.toml")
	}
	return source
}

// described returns the options that the header of a lock names, with paths
// relative to the root: a command of pylock, of uv pip compile or of
// pip-compile. It is nil where the header names none of these.
func (o *compileOptions) described(lock *lockfile.Lock, file, root string) (*compileOptions, error) {
	words, ok := unquote(lock.Command())
	switch {
	case !ok || len(words) == 0:
		return nil, nil
	case words[0] == "pip-compile":
		return o.fromPipTools(words[1:], lock, relative(root, file))
	case len(words) < 2:
		return nil, nil
	case words[0] == "pylock" && words[1] == "compile":
		was := &compileOptions{global: o.global}
		cmd := &cobra.Command{}
		was.register(cmd)
		if err := cmd.ParseFlags(words[2:]); err != nil {
			return nil, err
		}
		was.sources = cmd.Flags().Args()
		return was, nil
	case words[0] == "uv" && len(words) > 2 && words[1] == "pip" && words[2] == "compile":
		was, _, err := o.fromUV(words[3:], relative(root, file))
		return was, err
	}
	return nil, nil
}

// fromUV maps the words behind "uv pip compile" to the options of pylock
// compile that make the same lock. The file is the lock's, relative to the
// root; the words are relative to the folder where uv was run, which follows
// from the lock's name among them.
func (o *compileOptions) fromUV(words []string, file string) (*compileOptions, *pflag.FlagSet, error) {
	was := &compileOptions{global: o.global, pip: true}
	cmd := &cobra.Command{}
	was.register(cmd)
	f := cmd.Flags()
	withoutEffect(f)
	if err := cmd.ParseFlags(words); err != nil {
		if ne, ok := err.(*pflag.NotExistError); ok {
			if hint := unsupported(ne.GetSpecifiedName()); hint != "" {
				err = fmt.Errorf("%w: pylock does not have it: %s", err, hint)
			}
		}
		return nil, nil, err
	}
	was.sources = f.Args()
	if len(was.sources) == 0 && len(was.groups) == 0 {
		return nil, nil, fmt.Errorf("the command names no source")
	}
	base, err := workingFolder(file, was.output, was.sources)
	if err != nil {
		return nil, nil, err
	}
	in := func(p string) string { return path.Join(base, filepath.ToSlash(p)) }
	for _, files := range [][]string{was.sources, was.constraints, was.overrides, was.excludeFiles} {
		for i, p := range files {
			if p != "-" {
				files[i] = in(p)
			}
		}
	}
	for i, l := range was.findLinks {
		if !strings.Contains(l, "://") && !path.IsAbs(l) {
			was.findLinks[i] = in(l)
		}
	}
	for i, g := range was.groups {
		if n := strings.LastIndexByte(g, ':'); n >= 0 {
			was.groups[i] = in(g[:n]) + g[n:]
		}
	}
	was.output = file
	if was.hashes.value == "none" && (was.format.value == "pylock.toml" || path.Ext(file) == ".toml") {
		was.hashes.value = "all"
	}

	// Say what pylock compile takes otherwise.
	if !was.universal && len(was.platforms) == 0 {
		if was.platforms, err = was.defaultPlatforms(&project.Project{}); err != nil {
			return nil, nil, err
		}
	}
	was.pythonShort = interpreters(was.pythonShort)
	was.upgrade, was.upgradePackages = false, nil
	was.pip = false
	was.headerStyle = choice{value: "uv"}
	return was, f, nil
}

// pipToolsPython is where pip-compile names its Python.
var pipToolsPython = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`with Python (3\.\d+)$`) })

// The packages that pip-compile leaves out unless allowed.
var unsafePackages = []string{"distribute", "pip", "setuptools"}

// fromPipTools does for the words behind "pip-compile" what fromUV does.
func (o *compileOptions) fromPipTools(words []string, lock *lockfile.Lock, file string) (*compileOptions, error) {
	for i, w := range words {
		if w == "-p" { // uv's --python
			words[i] = "--pre"
		}
	}
	was, f, err := o.fromUV(words, file)
	if err != nil {
		return nil, err
	}
	was.headerStyle = choice{value: "pylock"}
	strip, stated := f.Lookup("strip-extras"), f.Changed("no-strip-extras")
	if !stated && !strip.Changed {
		was.noStripExtras = true
	}
	if f.Changed("allow-unsafe") {
		was.noEmit.values = nil
	} else if len(was.noEmit.values) == 0 {
		was.noEmit.values = slices.Clone(unsafePackages)
	}
	if len(was.pythonVersions()) == 0 {
		for _, line := range lock.Header {
			if m := pipToolsPython().FindStringSubmatch(line); m != nil {
				was.pythons = []string{m[1]}
			}
		}
	}
	return was, nil
}

// withoutEffect adds the flags of uv and pip-tools that say how to fetch, build
// and talk, and nothing about the lock: a header has them if they were given.
func withoutEffect(f *pflag.FlagSet) {
	f.CountP("quiet", "q", "")
	f.CountP("verbose", "v", "")
	for _, name := range []string{
		"no-progress", "no-color", "system", "native-tls", "system-certs", "offline", "refresh", "rebuild",
		"managed-python", "no-managed-python", "no-python-downloads", "require-build-hashes", "no-build-isolation", "build-isolation", "reuse-hashes",
		"no-strip-markers", "emit-marker-expression", "emit-options", "emit-trusted-host",
	} {
		f.Bool(name, false, "")
	}
	f.BoolP("no-cache", "n", false, "")
	for _, name := range []string{
		"color", "cache-dir", "refresh-package", "link-mode",
		"python-preference", "no-build-isolation-package", "config-settings-package", "project", "directory", "config-file", "max-rounds", "newline",
	} {
		f.StringArray(name, nil, "")
	}
	f.StringArrayP("config-setting", "C", nil, "")
}

var interpreter = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:c?python)[@-]?|.*/python)?(3\.\d+(?:\.\d+)?)$`)
})

// interpreters are the versions among what names Pythons; the name of another
// interpreter says nothing on this machine.
func interpreters(names []string) []string {
	var versions []string
	for _, n := range names {
		if m := interpreter().FindStringSubmatch(n); m != nil {
			versions = append(versions, m[1])
		}
	}
	return versions
}

// workingFolder is where the command was run that wrote a lock: both the file
// and the folder are relative to the root, the output as the command has it.
// Without one the lock is beside its source, as pip-compile writes it, or in
// the folder itself.
func workingFolder(file, output string, sources []string) (string, error) {
	if output == "" {
		base := path.Dir(file)
		if len(sources) == 1 {
			if up, ok := strings.CutSuffix("/"+base, "/"+path.Dir(filepath.ToSlash(sources[0]))); ok {
				base = strings.TrimPrefix(up, "/")
			}
		}
		return base, nil
	}
	output = path.Clean(filepath.ToSlash(output))
	base, ok := strings.CutSuffix("/"+file, "/"+output)
	if !ok {
		return "", fmt.Errorf("the command writes %s, so that it is not known where it was run", output)
	}
	return strings.TrimPrefix(base, "/"), nil
}

// sameSources compares the sources of two headers.
func sameSources(root string, a, b []string) bool {
	files := func(sources []string) (s []string) {
		for _, x := range sources {
			s = append(s, asFile(root, x))
		}
		return s
	}
	return slices.Equal(files(a), files(b))
}
