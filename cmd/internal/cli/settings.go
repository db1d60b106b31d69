package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver"
)

// settings fills the request with what flags, the environment and the
// project's tables say of the resolution, in this order of weight.
func (o *compileOptions) settings(r *run) error {
	q, p := &r.request, r.project
	s := &p.Settings
	o.declared = s
	var err error
	if q.ForkStrategy, err = choose(&o.forkStrategy, s.ForkStrategy, resolver.ParseForkStrategy); err != nil {
		return err
	}
	if q.Resolution, err = choose(&o.resolution, s.Resolution, resolver.ParseMode); err != nil {
		return err
	}
	if q.Prerelease, err = choose(&o.prerelease, s.Prerelease, resolver.ParsePrereleaseMode); err != nil {
		return err
	}
	if p.Pre && q.Prerelease == resolver.IfNecessaryOrExplicit {
		q.Prerelease = resolver.Allow
	}
	for _, v := range s.PrereleasePackage {
		mode, err := resolver.ParsePrereleaseMode(v.Text)
		if err != nil {
			return &project.InputError{Place: v.Place, Msg: err.Error()}
		}
		put(&q.PrereleasePackage, v.Name, mode)
	}
	for _, v := range o.prereleasePackages {
		name, value, err := splitPackage("prerelease-package", "MODE", v)
		if err != nil {
			return err
		}
		mode, err := resolver.ParsePrereleaseMode(value)
		if err != nil {
			return usagef("--prerelease-package %s: %w", v, err)
		}
		put(&q.PrereleasePackage, name, mode)
	}
	if q.ExcludeNewer, q.ExcludeNewerPackage, err = o.cutoffs(s); err != nil {
		return err
	}
	for _, v := range o.excludes.values {
		name, err := pypi.ParseName(v)
		if err != nil {
			return usagef("--exclude %s: %w: name a package, or a file with --excludes", v, err)
		}
		q.Exclusions = append(q.Exclusions, project.Exclusion{Names: []pypi.Name{name}})
	}
	if o.universal {
		q.Environments, q.RequiredEnvironments = s.Environments, s.RequiredEnvironments
	} else if s.OwnEnvironments {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s: environments are for --universal: name the targets of this lock with platforms and python-version, or leave them out", s.EnvironmentsPlace))
	}
	return nil
}

// cutoffs are the moments from which on files are hidden: of all packages, zero
// for none, and of single ones.
func (o *compileOptions) cutoffs(s *project.ResolverSettings) (all time.Time, each map[pypi.Name]time.Time, err error) {
	now := o.app.Now()
	cut, err := parseCutoff(o.excludeNewer)
	if err != nil {
		return all, each, usagef("--exclude-newer: %w", err)
	}
	if o.excludeNewer == "" && s.ExcludeNewer.Text != "" {
		if cut, err = parseCutoff(s.ExcludeNewer.Text); err != nil {
			return all, each, &project.InputError{Place: s.ExcludeNewer.Place, Msg: "exclude-newer: " + err.Error()}
		}
	}
	all = cut.time(now)
	for _, v := range s.ExcludeNewerPackage {
		cut, err := parseCutoff(v.Text)
		if err != nil {
			return all, each, &project.InputError{Place: v.Place, Msg: "exclude-newer-package: " + err.Error()}
		}
		put(&each, v.Name, cut.time(now))
	}
	for _, v := range o.excludeNewerPackages {
		name, value, err := splitPackage("exclude-newer-package", "TIME", v)
		if err != nil {
			return all, each, err
		}
		cut, err := parseCutoff(value)
		if err != nil {
			return all, each, usagef("--exclude-newer-package: %w", err)
		}
		put(&each, name, cut.time(now))
	}
	return all, each, nil
}

// choose returns the value of a flag if it was given, else the project's.
func choose[T any](flag *choice, s project.Setting, parse func(string) (T, error)) (T, error) {
	if flag.given() || s.Text == "" {
		v, err := parse(flag.value)
		if err != nil {
			err = &inputError{err}
		}
		return v, err
	}
	v, err := parse(s.Text)
	if err != nil {
		err = &project.InputError{Place: s.Place, Msg: err.Error()}
	}
	return v, err
}

func put[T any](m *map[pypi.Name]T, name pypi.Name, v T) {
	if *m == nil {
		*m = map[pypi.Name]T{}
	}
	(*m)[name] = v
}

// splitPackage splits NAME=VALUE.
func splitPackage(flag, what, s string) (pypi.Name, string, error) {
	n, value, ok := strings.Cut(s, "=")
	value = strings.TrimSpace(value)
	if !ok || value == "" {
		return "", "", usagef("--%s %s: write NAME=%s", flag, s, what)
	}
	name, err := pypi.ParseName(strings.TrimSpace(n))
	if err != nil {
		return "", "", usagef("--%s %s: %w", flag, s, err)
	}
	return name, value, nil
}

// packageValues are NAME=VALUE flags in normal form, the last for each name.
func packageValues(values []string) []string {
	last := map[pypi.Name]string{}
	for _, s := range values {
		if n, v, ok := strings.Cut(s, "="); ok {
			last[pypi.NormalizeName(strings.TrimSpace(n))] = strings.TrimSpace(v)
		}
	}
	var out []string
	for n, v := range last {
		out = append(out, string(n)+"="+v)
	}
	slices.Sort(out)
	return out
}

// excludeValue is --exclude: a package, or, as in uv, a file of them.
type excludeValue struct{ o *compileOptions }

func (e excludeValue) String() string { return "" }
func (e excludeValue) Type() string   { return "package" }

func (e excludeValue) Set(s string) error {
	if end := filepath.Ext(s); end == ".txt" || end == ".in" || strings.ContainsAny(s, `/\`) {
		e.o.excludeFiles = append(e.o.excludeFiles, s)
		return nil
	}
	return e.o.excludes.Set(s)
}

// maxHeldBack bounds the packages that are told to be held back, unless
// verbose.
const maxHeldBack = 10

// heldBack tells which pins the cutoff kept from a newer version.
func heldBack(p *printer, held []resolver.HeldBack) {
	if len(held) == 0 {
		return
	}
	var names []string
	for _, h := range held {
		if len(names) == maxHeldBack && p.level <= 0 {
			names = append(names, fmt.Sprintf("%d more (-v names them)", len(held)-maxHeldBack))
			break
		}
		names = append(names, fmt.Sprintf("%s %s (%s of %s)", h.Name, h.Chosen, h.Newer, h.Uploaded.Format(time.DateOnly)))
	}
	p.infof("Held back by exclude-newer: %s", strings.Join(names, ", "))
}
