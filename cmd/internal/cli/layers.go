package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/project"
)

// What decides on an option comes in layers, the strongest first: flags, the
// environment, the settings, the header of the existing lock. The first two are
// marked as changed in the flag set of the options; the others are set where
// nothing stronger did.

// newOptions are the defaults, bound to a flag set of their own.
func newOptions(g *global, pip bool) *compileOptions {
	o := &compileOptions{global: g, pip: pip}
	o.flags = pflag.NewFlagSet("compile", pflag.ContinueOnError)
	o.define(o.flags, nil)
	return o
}

// fork returns a copy whose flags can be set without changing o.
func (o *compileOptions) fork() *compileOptions {
	n := newOptions(o.global, o.pip)
	f := n.flags
	*n = *o
	n.flags = f
	for _, list := range []*[]string{
		&n.sources, &n.extras.values, &n.groups, &n.constraints, &n.overrides, &n.excludes.values, &n.excludeFiles, &n.pythons, &n.platforms,
		&n.pythonShort, &n.upgradePackages, &n.prereleasePackages, &n.excludeNewerPackages, &n.noBinary.values, &n.onlyBinary.values,
		&n.indexes, &n.findLinks, &n.insecure, &n.noEmit.values, &n.buildConstraints, &n.warnings,
	} {
		*list = slices.Clone(*list)
	}
	if o.flags != nil {
		// VisitAll, since Visit knows nothing of variables; f lacks the global flags.
		o.flags.VisitAll(func(fl *pflag.Flag) {
			if own := f.Lookup(fl.Name); own != nil {
				own.Changed = fl.Changed
			}
		})
	}
	return n
}

// settingFlags says which flag a setting stands for, and which others rule it
// out where somebody gave them.
var settingFlags = map[string][]string{
	"python-version":         {"python-version", "python"},
	"platforms":              {"python-platform", "universal", "no-universal"},
	"universal":              {"universal", "no-universal", "python-platform"},
	"extra":                  {"extra", "all-extras", "no-all-extras"},
	"all-extras":             {"all-extras", "no-all-extras", "extra"},
	"group":                  {"group"},
	"constraints":            {"constraints"},
	"overrides":              {"overrides"},
	"excludes":               {"excludes", "exclude"},
	"no-deps":                {"no-deps", "deps"},
	"no-sources":             {"no-sources"},
	"index-strategy":         {"index-strategy"},
	"torch-backend":          {"torch-backend"},
	"keyring-provider":       {"keyring-provider"},
	"build":                  {"build", "no-build"},
	"no-build":               {"no-build", "build"},
	"build-constraints":      {"build-constraints"},
	"build-timeout":          {"build-timeout"},
	"no-binary":              {"no-binary"},
	"only-binary":            {"only-binary"},
	"hashes":                 {"hashes", "generate-hashes", "no-hashes", "no-generate-hashes"},
	"generate-hashes":        {"generate-hashes", "hashes", "no-hashes", "no-generate-hashes"},
	"annotation-style":       {"annotation-style"},
	"no-annotate":            {"no-annotate", "annotate"},
	"no-header":              {"no-header", "header"},
	"custom-compile-command": {"custom-compile-command"},
	"no-strip-extras":        {"no-strip-extras", "strip-extras"},
	"no-emit-package":        {"no-emit-package"},
	"emit-index-url":         {"emit-index-url", "no-emit-index-url"},
	"emit-find-links":        {"emit-find-links", "no-emit-find-links"},
	"emit-build-options":     {"emit-build-options", "no-emit-build-options"},
	"emit-index-annotation":  {"emit-index-annotation", "no-emit-index-annotation"},
	"emit-local":             {"emit-local", "no-emit-local"},
}

// outputFlags are the same for what project.Load reads of every table but
// those of outputs.
var outputFlags = map[string][]string{
	"resolution":    {"resolution"},
	"prerelease":    {"prerelease", "pre"},
	"fork-strategy": {"fork-strategy"},
	"exclude-newer": {"exclude-newer"},
}

// flagsOf returns the flags that a setting has to do with: the one that it
// sets, and those that rule it out.
func flagsOf(v project.Value) []string {
	if names, ok := settingFlags[v.Key.Name]; ok {
		return names
	}
	if strings.HasSuffix(v.Table, ".output") {
		return outputFlags[v.Key.Name]
	}
	return nil
}

// given reports whether a flag or a variable sets one of the flags.
func (o *compileOptions) given(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		fl := o.flags.Lookup(n)
		return fl != nil && fl.Changed
	})
}

// apply sets what the settings say and nothing stronger does.
func (o *compileOptions) apply(vs project.Values) error {
	for i := range project.Keys {
		v, ok := vs[project.Keys[i].Name]
		if !ok {
			continue
		}
		names := flagsOf(v)
		if names == nil || o.given(names...) {
			continue
		}
		for j, text := range v.Texts {
			if v.Key.Kind == project.KindBool && text == "false" {
				continue // the default of every switch
			}
			if err := o.flags.Lookup(names[0]).Value.Set(text); err != nil {
				place := v.Place
				if j < len(v.Places) {
					place = v.Places[j]
				}
				return &project.InputError{Place: place, Msg: v.Table + "." + v.Key.Name + ": " + err.Error(), Err: err}
			}
		}
	}
	o.values = vs
	return nil
}

// settled reports whether the settings decide on a flag, so that the header
// of a lock has no say.
func settled(vs project.Values, name string) bool {
	for _, v := range vs {
		if slices.Contains(flagsOf(v), name) {
			return true
		}
	}
	return false
}
