package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/project"
)

// environment fills the options that no flag set from the variables of uv and
// pip. Those that change the result are then written into the header like
// flags; see [compileOptions.command].
func (o *compileOptions) environment() error {
	f := o.flags
	took := func(flag string) { f.Lookup(flag).Changed = true }
	get := func(names ...string) string {
		for _, n := range names {
			if v, ok := o.app.Getenv(n); ok && strings.TrimSpace(v) != "" {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	text := func(to *string, flag string, names ...string) {
		if v := get(names...); v != "" && !f.Changed(flag) {
			*to = v
			took(flag)
		}
	}
	texts := func(to *[]string, flag string, names ...string) {
		if v := get(names...); v != "" && !f.Changed(flag) {
			*to = strings.Fields(v)
			took(flag)
		}
	}
	pick := func(to pflag.Value, name string, flags ...string) error {
		v := get(name)
		if v == "" || slices.ContainsFunc(flags, f.Changed) {
			return nil
		}
		if err := to.Set(v); err != nil {
			return usagef("%s=%s: %w", name, v, err)
		}
		took(flags[0])
		return nil
	}

	if f.Changed("default-index") && strings.TrimSpace(o.defaultIndex) == "" {
		return usagef("--default-index is empty: name an index, or leave it out")
	}
	text(&o.defaultIndex, "default-index", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
	if !f.Changed("index") {
		// uv asks the indexes of UV_INDEX before those of UV_EXTRA_INDEX_URL.
		if o.indexes = strings.Fields(get("UV_INDEX") + " " + get("UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")); len(o.indexes) > 0 {
			took("index")
		}
	}
	text(&o.excludeNewer, "exclude-newer", "UV_EXCLUDE_NEWER")
	texts(&o.constraints, "constraints", "UV_CONSTRAINT")
	texts(&o.overrides, "overrides", "UV_OVERRIDE")
	if !f.Changed("exclude") {
		texts(&o.excludeFiles, "excludes", "UV_EXCLUDE")
	}
	text(&o.customCommand, "custom-compile-command", "UV_CUSTOM_COMPILE_COMMAND", "CUSTOM_COMPILE_COMMAND")
	if err := pick(&o.prerelease, "UV_PRERELEASE", "prerelease", "pre"); err != nil {
		return err
	}
	if err := pick(&o.resolution, "UV_RESOLUTION", "resolution"); err != nil {
		return err
	}
	if err := pick(&o.forkStrategy, "UV_FORK_STRATEGY", "fork-strategy"); err != nil {
		return err
	}
	// UV_PYTHON often is the path of an interpreter: then it is for builds alone.
	if v := get("UV_PYTHON"); isInterpreter(v) {
		o.interpreter = v
	} else if v != "" && len(o.pythons) == 0 && len(o.pythonShort) == 0 {
		if _, err := parsePython(v); err == nil {
			o.pythons = []string{v}
			took("python-version")
		}
	}
	if o.truth("PYLOCK_BUILD") && !f.Changed("build") && !f.Changed("no-build") {
		o.build = true
		took("build")
	}
	texts(&o.buildConstraints, "build-constraints", "UV_BUILD_CONSTRAINT")
	if v := get("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"); v != "" {
		d, err := time.ParseDuration(v + "s")
		if err != nil || d <= 0 {
			return usagef("UV_HTTP_TIMEOUT=%s: want a number of seconds", v)
		}
		o.requestTimeout = d
	}
	if !f.Changed("find-links") {
		if o.findLinks = strings.FieldsFunc(get("UV_FIND_LINKS"), func(r rune) bool { return r == ',' }); len(o.findLinks) > 0 {
			took("find-links")
		}
	}
	if !f.Changed("no-index") && o.truth("UV_NO_INDEX", "PIP_NO_INDEX") {
		o.noIndex = true
		took("no-index")
	}
	if err := pick(&o.indexStrategy, "UV_INDEX_STRATEGY", "index-strategy"); err != nil {
		return err
	}
	if err := o.accessEnvironment(get); err != nil {
		return err
	}
	for _, name := range []string{"PYLOCK_TORCH_BACKEND", "UV_TORCH_BACKEND"} {
		if name == "UV_TORCH_BACKEND" && get(name) == "auto" {
			// That is for what uv installs on this machine.
			o.warnings = append(o.warnings, name+"=auto is ignored: "+project.ErrTorchAuto.Error())
			continue
		}
		if err := pick(&o.torchBackend, name, "torch-backend"); err != nil {
			return err
		}
	}
	return nil
}
