// Package rules has the rules of pylock doctor: one file a rule, one table.
//
// A rule reports what it is sure of. Whatever the tree does not know (a
// variable without a value, an image of others, an option that nobody knows)
// makes it silent: an alarm that is none costs more than one that is missing.
package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// Rule is a kind of finding, and all that there is to say of it: docs/rules.md
// is made of these texts.
type Rule struct {
	// The id, the severity, the fault as a phrase, and what to do.
	lockfile.Rule
	// Reason says in a paragraph why the fault is one.
	Reason string
	// Cost says in a sentence what it costs.
	Cost string
	// Before and After are an example of the fault and of what is right, in the
	// language Lang.
	Before, After, Lang string
	// Mends says what --fix does; "" where a person has to.
	Mends string

	find func(*examiner)
}

// All are the rules in the order of their documentation.
var All = []*Rule{
	&lockNotCopied, &lockNotInstalled, &lockIgnored, &lockAfterSource, &unpinnedInstall, &prefixWithoutIgnoreInstalled, &pathInLock,
	&pythonMismatch, &libcMismatch,
	&cacheMountUnused, &noCacheMount, &singleStage, &noBaseImage, &sharedInstalledTwice, &redundantDependency,
	&devServiceWithoutProfile,
	&ghaCacheMode, &ghaCacheScope, &pathsWithoutLock, &noDriftCheck,
}

// Find is the rule of that id, or nil.
func Find(id string) *Rule {
	for _, r := range All {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Finding is one, with the edits that would mend it.
type Finding struct {
	lockfile.Finding
	Edits []fix.Edit
}

// examiner runs one rule after the other over a tree.
type examiner struct {
	tree  *tree.Tree
	rule  *Rule
	found []Finding

	// What several rules ask for, found out once.
	sitesOf        map[*tree.Image][]site
	locksOfInstall map[*tree.Install][]*tree.Lock
}

// Examine returns the findings of a tree that no comment switches off, in the
// order of their places.
func Examine(t *tree.Tree, ignore []string) []Finding {
	e := &examiner{tree: t, sitesOf: map[*tree.Image][]site{}, locksOfInstall: map[*tree.Install][]*tree.Lock{}}
	for _, r := range All {
		if !slices.Contains(ignore, r.ID) {
			e.rule = r
			r.find(e)
		}
	}
	out := slices.DeleteFunc(e.found, func(f Finding) bool { return e.switchedOff(&f) })
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Rule.ID, b.Rule.ID), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// add reports a finding of the rule at hand; how is what to do there, "" for
// what the rule says.
func (e *examiner) add(place project.Place, how, message string, edits ...fix.Edit) {
	f := Finding{Finding: lockfile.Finding{
		Rule: e.rule.Rule, Severity: e.rule.Severity, Place: place, Message: message,
		Fix: cmp.Or(how, e.rule.Help), Why: firstSentence(e.rule.Reason), Cost: e.rule.Cost,
	}, Edits: edits}
	// An image that is built in two ways has its faults once.
	if slices.ContainsFunc(e.found, func(g Finding) bool {
		return g.Rule.ID == f.Rule.ID && g.Place.File == place.File && g.Place.Line == place.Line && g.Message == message
	}) {
		return
	}
	e.found = append(e.found, f)
}

func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i > 0 {
		s = s[:i]
	}
	return strings.TrimSuffix(strings.ReplaceAll(s, "\n", " "), ".")
}

var ignoreComment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`#.*?\bpylock:\s*ignore\[([^\]]*)\]`) })

// switchedOff reports whether a comment on the line of a finding, above it, or
// above the instruction that the line belongs to, names its rule.
func (e *examiner) switchedOff(f *Finding) bool {
	text := e.tree.Text(f.Place.File)
	if text == nil || f.Place.Line < 1 || f.Place.Line > len(text.Lines) {
		return false
	}
	names := func(n int) bool {
		for _, m := range ignoreComment().FindAllStringSubmatch(text.Lines[n-1], -1) {
			for _, id := range strings.Split(m[1], ",") {
				if strings.TrimSpace(id) == f.Rule.ID {
					return true
				}
			}
		}
		return false
	}
	n := f.Place.Line
	if names(n) {
		return true
	}
	for n--; n >= 1; n-- {
		line := strings.TrimSpace(text.Lines[n-1])
		switch {
		case strings.HasPrefix(line, "#"):
			if names(n) {
				return true
			}
		case strings.HasSuffix(line, `\`):
			// The line goes on from there.
		default:
			return false
		}
	}
	return false
}

// quoteList writes names for a sentence, of which it shows n.
func quoteList(names []string, n int) string {
	if len(names) > n {
		return strings.Join(names[:n], ", ") + fmt.Sprintf(" and %d more", len(names)-n)
	}
	if len(names) > 1 {
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	}
	return strings.Join(names, "")
}
