package lockfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// Kind is how a pin differs between two locks.
type Kind uint8

// A pin whose version moved is of the kind Upgraded or Downgraded, whatever
// else changed; the others are for pins that keep their version.
const (
	Added Kind = iota
	Removed
	Upgraded
	Downgraded
	MarkerChanged
	ExtrasChanged
	HashesChanged
)

var kindNames = []string{"added", "removed", "upgraded", "downgraded", "marker", "extras", "hashes"}

func (k Kind) String() string { return kindNames[k] }

// Diff is what differs between two locks.
type Diff struct {
	// Name is the title: the path of the lock, or "old.lock -> new.lock".
	// Before and After name the two states, such as "HEAD" and "working
	// tree". Whoever compares sets them.
	Name          string
	Before, After string
	// Created and Deleted are set when one of the two does not exist.
	Created, Deleted bool
	Settings         []SettingChange
	Groups           []Group
}

// SettingChange is a difference outside of the pins.
type SettingChange struct {
	// What is "target", "command", "environment" or "requires-python" (of a
	// pylock.toml), "option", "entry" (a URL or a path in the place of a pin),
	// "note" (a line of the header) or "trailer".
	What string
	// Before is "" for what is new, After for what is gone.
	Before, After string
}

// Group are the changes that one direct requirement brought.
type Group struct {
	// Direct is a package that the project itself asks for, or "" for the
	// changes of which no annotation tells where they come from.
	Direct pypi.Name
	// Origins say where it is asked for, as annotations do: "api
	// (services/api/pyproject.toml)". The name of a package of the repository
	// is an origin too.
	Origins []string
	// Unchanged is the pin of Direct when it is none of the changes, else nil.
	Unchanged *Pin
	// Changes are those of Direct, then the others by name.
	Changes []Change
}

// Change is a pin that differs.
type Change struct {
	Name pypi.Name
	Kind Kind
	// Before is nil for an added pin, After for a removed one.
	Before, After *Pin
	// Also are further direct requirements that lead to the package, sorted.
	Also []pypi.Name
	// HashesAdded and HashesRemoved differ while the version is the same:
	// somebody added or withdrew files. Sorted.
	HashesAdded, HashesRemoved []string
}

// Compare returns what differs from before to after; either may be nil for a
// lock that does not exist. Comments of pins, the order of lines and the
// spelling of versions do not count.
func Compare(before, after *Lock) *Diff {
	d := &Diff{Created: before == nil && after != nil, Deleted: after == nil && before != nil}
	if before == nil {
		before = &Lock{}
	}
	if after == nil {
		after = &Lock{}
	}
	if !d.Created && !d.Deleted {
		d.Settings = settingChanges(before, after)
	}
	d.Groups = group(before, after, pinChanges(before, after))
	return d
}

// Same reports whether nothing differs.
func (d *Diff) Same() bool {
	return !d.Created && !d.Deleted && len(d.Settings) == 0 && len(d.Groups) == 0
}

// Changes returns all changes, by name.
func (d *Diff) Changes() []Change {
	var all []Change
	for _, g := range d.Groups {
		all = append(all, g.Changes...)
	}
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Count returns how many changes are of a kind.
func (d *Diff) Count(k Kind) int {
	n := 0
	for _, g := range d.Groups {
		for _, c := range g.Changes {
			if c.Kind == k {
				n++
			}
		}
	}
	return n
}

// Summary counts the changes in words: "1 added, 2 upgraded".
func (d *Diff) Summary() string {
	words := []string{"added", "removed", "upgraded", "downgraded", "with another marker", "with other extras", "with other hashes"}
	var parts []string
	for k, w := range words {
		if n := d.Count(Kind(k)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, w))
		}
	}
	switch {
	case d.Created:
		parts = append([]string{"new lock"}, parts...)
	case d.Deleted:
		parts = append([]string{"lock removed"}, parts...)
	case len(d.Settings) > 0:
		parts = append(parts, "other settings")
	}
	if len(parts) == 0 {
		return "no difference"
	}
	return strings.Join(parts, ", ")
}

func pinChanges(before, after *Lock) []Change {
	x, y := byName(before), byName(after)
	var changes []Change
	for _, name := range slices.Compact(slices.Sorted(func(yield func(pypi.Name) bool) {
		for _, l := range []*Lock{before, after} {
			for i := range l.Pins {
				if !yield(l.Pins[i].Name) {
					return
				}
			}
		}
	})) {
		for _, p := range pair(x[name], y[name]) {
			if c, differs := change(p[0], p[1]); differs {
				changes = append(changes, c)
			}
		}
	}
	return changes
}

func byName(l *Lock) map[pypi.Name][]*Pin {
	m := map[pypi.Name][]*Pin{}
	pins := sortedPins(l)
	for i := range pins {
		m[pins[i].Name] = append(m[pins[i].Name], &pins[i])
	}
	return m
}

// pair matches the pins of one name in two locks: those that are alike in
// most respects first, what is left by version. A pin without a match has nil
// beside it.
func pair(x, y []*Pin) [][2]*Pin {
	var pairs [][2]*Pin
	x, y = slices.Clone(x), slices.Clone(y)
	for _, alike := range []func(a, b *Pin) bool{
		func(a, b *Pin) bool { return a.Version.Equal(b.Version) && a.Marker == b.Marker },
		func(a, b *Pin) bool { return a.Marker == b.Marker },
		func(a, b *Pin) bool { return a.Version.Equal(b.Version) },
		func(a, b *Pin) bool { return true },
	} {
		x = slices.DeleteFunc(x, func(a *Pin) bool {
			j := slices.IndexFunc(y, func(b *Pin) bool { return alike(a, b) })
			if j < 0 {
				return false
			}
			pairs = append(pairs, [2]*Pin{a, y[j]})
			y = slices.Delete(y, j, j+1)
			return true
		})
	}
	for _, a := range x {
		pairs = append(pairs, [2]*Pin{a, nil})
	}
	for _, b := range y {
		pairs = append(pairs, [2]*Pin{nil, b})
	}
	first := func(p [2]*Pin) *Pin {
		if p[0] != nil {
			return p[0]
		}
		return p[1]
	}
	slices.SortStableFunc(pairs, func(a, b [2]*Pin) int { return comparePins(*first(a), *first(b)) })
	return pairs
}

func change(a, b *Pin) (c Change, differs bool) {
	switch {
	case a == nil:
		return Change{Name: b.Name, Kind: Added, After: b}, true
	case b == nil:
		return Change{Name: a.Name, Kind: Removed, Before: a}, true
	}
	c = Change{Name: b.Name, Before: a, After: b}
	switch v := a.Version.Compare(b.Version); {
	case v < 0:
		c.Kind = Upgraded
		return c, true
	case v > 0:
		c.Kind = Downgraded
		return c, true
	}
	c.HashesAdded, c.HashesRemoved = without(b.Hashes, a.Hashes), without(a.Hashes, b.Hashes)
	switch {
	case a.Marker != b.Marker:
		c.Kind = MarkerChanged
	case !slices.Equal(a.Extras, b.Extras):
		c.Kind = ExtrasChanged
	case len(c.HashesAdded)+len(c.HashesRemoved) > 0:
		c.Kind = HashesChanged
	default:
		return c, false
	}
	return c, true
}

// without returns what a has and b has not, sorted.
func without(a, b []string) []string {
	if slices.Equal(a, b) {
		return nil
	}
	in := make(map[string]bool, len(b))
	for _, x := range b {
		in[x] = true
	}
	var s []string
	for _, x := range a {
		if !in[x] {
			s = append(s, x)
		}
	}
	slices.Sort(s)
	return slices.Compact(s)
}

// settingChanges compares what is not a pin, in the order of a lock.
func settingChanges(before, after *Lock) []SettingChange {
	var out []SettingChange
	one := func(what, a, b string) {
		if a != b {
			out = append(out, SettingChange{what, a, b})
		}
	}
	many := func(what string, a, b []string) {
		for _, s := range without(a, b) {
			out = append(out, SettingChange{What: what, Before: s})
		}
		for _, s := range without(b, a) {
			out = append(out, SettingChange{What: what, After: s})
		}
	}
	one("target", before.Target(), after.Target())
	one("command", before.Command(), after.Command())
	// A requirements.lock states no scope, which is no difference from a
	// pylock.toml that does.
	if len(before.Environments) > 0 && len(after.Environments) > 0 {
		many("environment", before.Environments, after.Environments)
	}
	if before.Scope.RequiresPython != "" && after.Scope.RequiresPython != "" {
		one("requires-python", before.Scope.RequiresPython, after.Scope.RequiresPython)
	}
	many("note", before.notes(), after.notes())
	many("option", before.Options, after.Options)
	many("entry", direct(before), direct(after))
	many("trailer", before.remarks(), after.remarks())
	return out
}

// notes are the lines of the header that are neither its first line, nor the
// command, nor the target.
func (l *Lock) notes() []string {
	command := l.Command()
	var s []string
	for _, line := range l.Header {
		text := strings.TrimSpace(line)
		if text == "" || text == command || strings.HasSuffix(text, "the following command:") || strings.HasPrefix(line, headerTarget) {
			continue
		}
		s = append(s, text)
	}
	return s
}

// remarks are the lines of the trailer but its titles.
func (l *Lock) remarks() []string {
	var s []string
	for _, line := range l.Trailer {
		if text := strings.TrimSpace(line); text != "" && text != excludedTitle && text != localsTitle {
			s = append(s, text)
		}
	}
	return s
}
