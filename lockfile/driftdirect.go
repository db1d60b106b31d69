package lockfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver"
)

// entries compares the packages that are taken from one place with what the
// lock has of them. Other tools write paths, which pip may install.
func (d *drift) entries() {
	used := make([]bool, len(d.lock.Direct))
	folders := map[string]bool{}
	for i := range d.verdict.Packages {
		p := &d.verdict.Packages[i]
		switch {
		case p.Local == nil || !p.Needed:
		case p.Local.Direct == nil:
			folders[string(p.Name)] = true
		case !slices.Contains(d.want.NoEmit, p.Name):
			d.direct(p, used)
		}
	}
	for i := range d.lock.Direct {
		e := &d.lock.Direct[i]
		switch {
		case used[i]:
		case e.URL != "" && !folders[string(e.Name)] && !d.unknown():
			d.add(PinSuperfluous, e.Name, e.Place, "", "nothing asks for %s", e.shown())
		case !d.foreign() && (e.URL == "" || folders[string(e.Name)]):
			d.add(LocalPinned, e.Name, e.Place, "", "%s is no pin of an index", project.Redact(e.Text))
		}
	}
}

// unknown reports whether something may be asked for by what is not known.
func (d *drift) unknown() bool { return len(d.verdict.Unverified) > 0 || len(d.want.NoEmit) > 0 }

// direct compares one package with the entries of its name, and marks them.
func (d *drift) direct(p *resolver.Checked, used []bool) {
	want, err := reference(p.Local, p.Marker, d.want.Dir, d.want.Hashes)
	if err != nil {
		return // compile says so
	}
	best := -1
	for i := range d.lock.Direct {
		e := &d.lock.Direct[i]
		if e.Name != p.Name || e.URL == "" || used[i] {
			continue
		}
		if best < 0 || sameURL(e.URL, want.URL) && !sameURL(d.lock.Direct[best].URL, want.URL) ||
			e.Marker == want.Marker && d.lock.Direct[best].Marker != want.Marker && sameURL(e.URL, want.URL) == sameURL(d.lock.Direct[best].URL, want.URL) {
			best = i
		}
	}
	pinned := slices.ContainsFunc(d.lock.Pins, func(q Pin) bool { return q.Name == p.Name })
	asks := fmt.Sprintf("%s is taken from %s", p.Name, want.shownURL())
	at := d.top(project.Place{})
	if p.Cause >= 0 {
		if place := d.verdict.Edges[p.Cause].Place(); place.File != "" {
			at = place
		}
	}
	switch {
	case best < 0 && pinned:
		return // told of the pin
	case best < 0:
		d.add(PinMissing, p.Name, at, "", "%s, the lock has no %s", asks, p.Name)
		return
	}
	used[best] = true
	got := &d.lock.Direct[best]
	switch {
	case !sameURL(got.URL, want.URL):
		d.add(SourceChanged, p.Name, at, "", "%s, the lock has it from %s (%s)", asks, got.shownURL(), line(got.Place))
		return
	case got.Marker != want.Marker && !d.foreign():
		d.add(SourceChanged, p.Name, got.Place, "", "%s applies %s, it should %s", got.shown(), condition(got.Marker), condition(want.Marker))
	}
	switch {
	case len(want.Hashes) == 0:
	case len(got.Hashes) == 0:
		d.add(HashMissing, p.Name, got.Place, "", "%s has no hash", got.shown())
	case !slices.Contains(got.Hashes, want.Hashes[0]):
		d.add(HashUnknown, p.Name, got.Place, "", "the hash %s is not that of %s, which is %s: find out what changed", got.Hashes[0], want.shownURL(), want.Hashes[0])
	case len(got.Hashes) > 1 && !d.foreign():
		d.add(HashUnknown, p.Name, got.Place, "", "%s has %d hashes, and is one file", got.shown(), len(got.Hashes))
	}
}

func condition(marker string) string {
	if marker == "" {
		return "everywhere"
	}
	return "where " + marker
}

// sameURL compares two addresses as a lock has them.
func sameURL(a, b string) bool {
	plain := func(s string) string {
		s, folder, _ := strings.Cut(s, "#")
		if rest, ok := strings.CutPrefix(s, "git+"); ok {
			address, rev, _ := GitParts(rest)
			return strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(address, "/"), ".git")) + "@" + rev + "#" + folder
		}
		return s + "#" + folder
	}
	return plain(a) == plain(b)
}

func (d *Direct) shownURL() string { return project.Redact(d.URL) }

// shown is the entry as a sentence has it.
func (d *Direct) shown() string { return string(d.Name) + " @ " + d.shownURL() }

// takenFrom is where a package is taken from, "" for an index and a folder.
func (d *drift) takenFrom(name pypi.Name) string {
	for i := range d.verdict.Packages {
		if p := &d.verdict.Packages[i]; p.Name == name && p.Local != nil && p.Local.Direct != nil {
			return p.Local.Direct.String()
		}
	}
	return ""
}
