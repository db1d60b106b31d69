package cli

import (
	"cmp"
	"fmt"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// target settles Python and platform.
func (o *compileOptions) target(p *project.Project) (t resolver.Target, platform string, err error) {
	version := cmp.Or(o.python, o.pythonShort)
	settings, err := project.ReadSettings(p.Dir, p.Root)
	if err != nil {
		return t, "", err
	}
	if version != "" {
		if t.Python, err = parsePython(version); err != nil {
			return t, "", usagef("--python-version: %w", err)
		}
	} else {
		hint, err := project.PythonVersionHint(p.Dir, p.Root)
		if err != nil {
			return t, "", err
		}
		if hint.Version == "" {
			hint = project.Hint{Version: project.LowerPython(p.RequiresPython), Place: p.RequiresPythonPlace}
		}
		if hint.Version == "" {
			return t, "", usagef("for which Python? use --python-version 3.12, or set requires-python in pyproject.toml")
		}
		if t.Python, err = parsePython(hint.Version); err != nil {
			return t, "", &project.InputError{Place: hint.Place, Msg: err.Error()}
		}
	}
	platform = o.platform
	if platform == "" {
		switch len(settings.Platforms) {
		case 0:
			platform = defaultPlatform
		case 1:
			platform = settings.Platforms[0]
		default:
			return t, "", &project.InputError{Place: settings.PlatformsPlace, Msg: "a lock is for one platform so far: choose one with --python-platform"}
		}
	}
	if t.Platform, err = tags.ParsePlatform(platform); err != nil {
		return t, "", usagef("--python-platform: %w", err)
	}
	return t, platform, nil
}

// parsePython reads a final version of Python with two or three numbers.
func parsePython(s string) (pep440.Version, error) {
	v, err := pep440.Parse(s)
	if err != nil || v.IsPrerelease() || v.IsPostrelease() || v.Local() != "" || v.Epoch() != 0 || len(v.Release()) < 2 || len(v.Release()) > 3 {
		return v, fmt.Errorf("%q is not a version of Python: write it like 3.12 or 3.12.4", s)
	}
	return v, nil
}
