package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
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
		return filepath.Join(dirs[0], o.fileName()), nil
	}
	return "", usagef("%s are folders among other sources: lock them apart, or name the file of a common lock with --output-file", strings.Join(dirs, ", "))
}

// isInput reports whether a file has a name that only inputs have.
func isInput(path string) bool {
	return slices.Contains([]string{"pyproject.toml", "setup.py", "setup.cfg"}, filepath.Base(path))
}

// checkOutput refuses outputs that are inputs or cannot be files.
func (o *compileOptions) checkOutput(r *run) error {
	if r.output == "" {
		return nil
	}
	if isInput(r.output) {
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
