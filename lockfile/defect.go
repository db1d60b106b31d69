package lockfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/resolver"
)

// defects turns what a check found into findings. Where the target has changed,
// pins that do not serve the new one are told with it.
func (d *drift) defects(moved int) {
	v := d.verdict
	unserved := map[int]bool{}
	var bare []*resolver.Defect // pins without hashes
	for i := range v.Defects {
		f := &v.Defects[i]
		switch {
		case moved >= 0 && d.unserved(f):
			unserved[f.Pin] = true
		case f.Kind == resolver.HashAbsent && len(d.lock.Pins[f.Pin].Hashes) == 0:
			bare = append(bare, f)
		default:
			d.defect(f)
		}
	}
	if len(bare) > 0 {
		pin := &d.lock.Pins[bare[0].Pin]
		more := ""
		if n := len(bare) - 1; n > 0 {
			more = fmt.Sprintf(", nor %s", plural(n, "has another pin", "have %d others"))
		}
		d.add(HashMissing, pin.Name, pin.Place, "", "%s==%s has no hash%s", pin.Name, pin.Version, more)
	}
	if n := len(unserved); n > 0 {
		d.findings[moved].Message += fmt.Sprintf(": %s not serve it", plural(n, "one pin does", "%d pins do"))
	}
	if n := len(v.Unverified); n > 0 {
		d.add(Unverified, "", d.top(project.Place{}), "", "%s not verified, since offline no index is asked, and the cache does not have %s", plural(n, "one pin was", "%d pins were"), plural(n, "it", "them"))
	}
}

// plural says one, or how many.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	if strings.Contains(many, "%d") {
		return fmt.Sprintf(many, n)
	}
	return many
}

func (d *drift) defect(f *resolver.Defect) {
	where := ""
	if f.Where != "" {
		where = " for " + f.Where
	}
	say := func(r Rule, at project.Place, format string, args ...any) {
		d.add(r, f.Name, at, f.Where, format, args...)
	}
	subject, at := string(f.Name), d.top(project.Place{})
	if f.Pin >= 0 {
		p := &d.verdict.Packages[f.Pin]
		if !p.Version.IsZero() {
			subject += "==" + p.Version.String()
		}
		if p.Local == nil {
			at = d.lock.Pins[f.Pin].Place
		} else {
			at = p.Local.Place
		}
	}
	because := ""
	if f.Reason != "" {
		because = ": " + f.Reason
	}
	switch f.Kind {
	case resolver.Missing:
		place, asks := d.asks(f)
		say(PinMissing, place, "%s, the lock has no %s%s%s", asks, f.Name, where, others(f.Also))
	case resolver.Unmet:
		place, asks := d.asks(f)
		if d.verdict.Packages[f.Pin].Local != nil {
			say(PinUnmet, place, "%s, %s is %s (%s)", asks, f.Name, d.verdict.Packages[f.Pin].Version, line(at))
			return
		}
		say(PinUnmet, place, "%s, the lock has %s (%s)%s%s", asks, subject, line(at), where, others(f.Also))
	case resolver.OutsideConstraint:
		say(ConstraintUnmet, f.Constraint.Place, "the constraint is %s, the lock has %s (%s)%s", f.Constraint.Requirement.String(), subject, line(at), where)
	case resolver.Superfluous:
		switch {
		case f.Reason != "":
			say(PinSuperfluous, at, "%s is in the lock, and %s", subject, f.Reason)
		case f.Also > 0:
			say(PinSuperfluous, at, "nothing asks for %s%s, and %s%s", subject, where, plural(f.Also, "one package that only it needs", "%d packages that only it needs"), d.was(f.Pin))
		default:
			say(PinSuperfluous, at, "nothing asks for %s%s%s", subject, where, d.was(f.Pin))
		}
	case resolver.Duplicate:
		other := &d.lock.Pins[f.Other]
		if other.Version.Equal(d.lock.Pins[f.Pin].Version) {
			say(PinDuplicate, at, "%s is pinned twice, first at %s", subject, line(other.Place))
			return
		}
		say(PinDuplicate, at, "both %s and %s==%s (%s) hold%s", subject, other.Name, other.Version, line(other.Place), where)
	case resolver.PinnedLocal:
		if from := d.takenFrom(f.Name); from != "" {
			say(SourceChanged, at, "%s is pinned, and is taken from %s", subject, from)
			return
		}
		say(LocalPinned, at, "%s is pinned, and is a package of the repository", subject)
	case resolver.VersionGone:
		say(VersionUnavailable, at, "the index does not have %s", subject)
	case resolver.VersionNotUsable:
		if strings.Contains(f.Reason, f.Where) {
			where = ""
		}
		say(VersionUnusable, at, "%s%s", f.Reason, where)
	case resolver.HashForeign:
		doubt := ""
		if d.want.Fix != "" {
			doubt = ": find out where it comes from, since " + d.want.Fix + " replaces it"
		}
		say(HashUnknown, at, "%s%s", foreign(f.Hashes, subject), doubt)
	case resolver.HashAbsent:
		say(HashMissing, at, "no hash of %s is of a file that can be installed%s", subject, where)
	case resolver.ExtraUnknown:
		place, asks := d.asks(f)
		d.add(ExtraUnknown, f.Name, place, "", "%s, and %s", asks, f.Reason)
		d.findings[len(d.findings)-1].Fix = "" // compile changes nothing
	case resolver.VersionYanked:
		say(Yanked, at, "%s was yanked%s", subject, because)
	case resolver.ProjectQuarantined:
		say(Quarantined, at, "%s is quarantined%s", f.Name, because)
	case resolver.ProjectDiscontinued:
		say(Archived, at, "%s is %s%s", f.Name, d.verdict.Packages[f.Pin].Status, because)
	}
}

// foreign says that hashes are of no file of a pin.
func foreign(hashes []string, pin string) string {
	more := ""
	if n := len(hashes) - 1; n > 0 {
		more = plural(n, " and another", " and %d others")
	}
	return fmt.Sprintf("the hash %s%s of %s is of none of its files", hashes[0], more, pin)
}

// line is a place without its column.
func line(p project.Place) string {
	p.Column = 0
	return p.String()
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return plural(n, "; one other package asks for it too", "; %d other packages ask for it too")
}

// asks says who asks for what is missing or unmet: the requirement of the
// project from which it comes, with its place, and the pins on the way.
func (d *drift) asks(f *resolver.Defect) (project.Place, string) {
	v := d.verdict
	chain := v.Chain(f.Edge)
	e := &v.Edges[f.Edge]
	// The last that the project, a path dependency or an override says.
	i := len(chain) - 1
	for i > 0 && v.Edges[chain[i]].From == nil {
		i--
	}
	first := &v.Edges[chain[i]]
	who := ""
	switch {
	case first.Override:
		who = "the override "
	case first.Parent >= 0 && v.Packages[first.Parent].Local != nil:
		who = string(v.Packages[first.Parent].Name) + " "
	case first.From != nil && first.From.Place.File == "" && first.From.Origin != "":
		who = first.From.Origin + " " // nowhere in a file, as what a build requires
	}
	if i == len(chain)-1 {
		return first.Place(), who + "asks for " + e.Requirement
	}
	var by []string
	for _, k := range chain[i+1:] {
		p := &v.Packages[v.Edges[k].Parent]
		by = append(by, fmt.Sprintf("%s==%s", p.Name, p.Version))
	}
	const most = 4
	if len(by) > most {
		by = slices.Concat(by[:most-1], []string{"…"}, by[len(by)-1:])
	}
	return first.Place(), fmt.Sprintf("%sasks for %s, and %s for %s", who, first.Requirement, strings.Join(by, " → "), e.Requirement)
}

// was says who asked for a pin when the lock was made, as far as its comments
// name somebody.
func (d *drift) was(pin int) string {
	for _, via := range d.lock.Pins[pin].Via {
		if rank := labelRank(via); rank < packageRank && rank > constraintRank {
			return "; it came with " + via
		}
	}
	return ""
}
