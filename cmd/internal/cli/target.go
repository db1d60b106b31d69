package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// The platforms of a lock where nothing names any: Linux containers, since
// laptops build for arm64 and CI for amd64. uv's own command has one.
func (o *compileOptions) defaultPlatforms(p *project.Project) ([]string, error) {
	libc := "manylinux_2_28"
	if p.Dir != "" {
		base, err := project.ReadDockerfile(p.Dir, p.Root)
		if err != nil {
			return nil, err
		}
		if base.Alpine {
			libc = "unknown-linux-musl"
		}
	}
	if o.pip {
		return []string{"x86_64-" + libc}, nil
	}
	return []string{"x86_64-" + libc, "aarch64-" + libc}, nil
}

func (o *compileOptions) pythonVersions() []string {
	all := slices.Clone(o.pythons)
	for _, v := range o.pythonShort {
		if !isInterpreter(v) && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// target settles the Pythons and platforms of the request.
func (o *compileOptions) target(r *run) error {
	p, q := r.project, &r.request
	pythons, err := o.targetPythons(p)
	if err != nil {
		return err
	}
	if o.universal {
		if len(o.platforms) > 0 {
			return usagef("--universal is for every platform: leave out --python-platform")
		}
		if len(pythons) > 1 {
			return usagef("--universal starts from one Python: give one --python-version")
		}
		q.Universal, q.LowestPython = true, pythons[0]
		r.target = fmt.Sprintf("CPython %s and newer on every platform", pythons[0])
		if len(q.Environments) > 0 {
			var markers []string
			for _, m := range q.Environments {
				markers = append(markers, m.Set().String())
			}
			r.target = fmt.Sprintf("CPython %s and newer where %s", pythons[0], strings.Join(markers, ", or where "))
		}
		return nil
	}
	// As in the header, the order of the flags is no matter.
	slices.SortFunc(pythons, pep440.Version.Compare)
	platforms := slices.Sorted(slices.Values(o.platforms))
	if len(platforms) == 0 {
		q.BestEffort = true
		if platforms, err = o.defaultPlatforms(p); err != nil {
			return err
		}
	}
	for _, python := range pythons {
		for _, name := range platforms {
			platform, err := tags.ParsePlatform(name)
			if err != nil {
				if v, ok := o.values["platforms"]; ok && !o.written.given(flagsOf(v)...) {
					return &project.InputError{Place: v.Places[slices.Index(v.Texts, name)], Msg: err.Error()}
				}
				return usagef("--python-platform: %w", err)
			}
			t := resolver.Target{Python: python, Platform: platform}
			if !slices.ContainsFunc(q.Targets, func(have resolver.Target) bool { return have == t }) {
				q.Targets = append(q.Targets, t)
			}
		}
	}
	r.target = resolver.TargetNames(q.Targets)
	return nil
}

// targetPythons are those of the flags, else the one that the project hints at.
func (o *compileOptions) targetPythons(p *project.Project) ([]pep440.Version, error) {
	var out []pep440.Version
	for _, s := range o.pythonVersions() {
		v, err := parsePython(s)
		if err != nil {
			return nil, usagef("--python-version: %w", err)
		}
		out = append(out, v)
	}
	if len(out) > 0 {
		return out, nil
	}
	hint := project.Hint{Version: project.LowerPython(p.RequiresPython), Place: p.RequiresPythonPlace}
	// A universal lock covers what requires-python does, not what the image has.
	if !o.universal || hint.Version == "" {
		h, err := project.PythonVersionHint(p.Dir, p.Root)
		if err != nil {
			return nil, err
		}
		if h.Version != "" {
			hint = h
		}
	}
	if strings.TrimSpace(hint.Version) == "" {
		return nil, usagef("for which Python? use --python-version 3.12, or set requires-python in pyproject.toml")
	}
	v, err := parsePython(hint.Version)
	if err != nil {
		return nil, &project.InputError{Place: hint.Place, Msg: err.Error()}
	}
	return []pep440.Version{v}, nil
}

// parsePython reads a final version of Python with two or three numbers.
func parsePython(s string) (pep440.Version, error) {
	v, err := pep440.Parse(s)
	if err != nil || v.IsPrerelease() || v.IsPostrelease() || v.Local() != "" || v.Epoch() != 0 || len(v.Release()) < 2 || len(v.Release()) > 3 {
		return v, fmt.Errorf("%q is not a version of Python: write it like 3.12 or 3.12.4", s)
	}
	return v, nil
}

// newestPython is the minor version of Python 3 that is in development.
const newestPython = 16

// warnFuture warns once of each Python that the jobs name and nobody knows yet:
// as a rule a slip of the hand.
func warnFuture(p *printer, jobs []*job) {
	told := map[string]bool{}
	for _, j := range jobs {
		for _, s := range j.options.pythonVersions() {
			v, err := parsePython(s)
			if err != nil || told[s] {
				continue // told of the job
			}
			if r := v.Release(); r[0] > 3 || r[0] == 3 && r[1] > newestPython {
				told[s] = true
				p.warnf("Python %s is newer than any that is known (3.%d): is that what you want?", v, newestPython)
			}
		}
	}
}
