package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// chooseOutput finds where the lock goes; "" means that it is printed.
func (o *compileOptions) chooseOutput() (string, error) {
	if len(o.sources) == 0 {
		o.sources = []string{"."}
	}
	if o.output != "" || o.pip {
		return o.output, nil
	}
	var dirs []string
	for _, s := range o.sources {
		if fi, err := os.Stat(s); s != "-" && err == nil && fi.IsDir() {
			dirs = append(dirs, s)
		}
	}
	switch len(dirs) {
	case 0:
		return "", nil
	case 1:
		return filepath.Join(dirs[0], project.LockName), nil
	}
	return "", usagef("%s are folders among other sources: lock them apart, or name the file of a common lock with --output-file", strings.Join(dirs, ", "))
}

// pep751Name is a file name that PEP 751 reserves for another format.
var pep751Name = regexp.MustCompile(`^pylock(\.[^.]+)?\.toml$`)

// checkOutput refuses outputs that are inputs or cannot be files.
func (o *compileOptions) checkOutput(r *run) error {
	if r.output == "" {
		return nil
	}
	base := filepath.Base(r.output)
	switch {
	case pep751Name.MatchString(base):
		return usagef("--output-file %s: that name is for the format of PEP 751, which is not written yet: use requirements.lock", r.output)
	case base == "pyproject.toml" || base == "setup.py" || base == "setup.cfg":
		return usagef("--output-file %s is an input, not a lock: use requirements.lock", r.output)
	}
	out := relative(r.project.Root, r.output)
	inputs := slices.Clone(r.project.Files)
	for _, f := range slices.Concat(o.sources, o.constraints, o.overrides, o.excludeFiles) {
		inputs = append(inputs, relative(r.project.Root, f))
	}
	if slices.Contains(inputs, out) {
		return usagef("--output-file %s is one of the inputs: name another file", r.output)
	}
	_, err := lockfile.Stat(r.output, o.app.FS)
	return err
}

// slashed is a path as messages have it.
func slashed(path string) string { return filepath.ToSlash(path) }
