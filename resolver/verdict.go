package resolver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Verdict is what [Check] found out about the pins of a lock.
type Verdict struct {
	// Defects are sorted by kind, package, pin and edge; none that makes the
	// lock stale means that a resolution which prefers the pins gives the same
	// pins, markers and hashes.
	Defects []Defect
	// Packages are the pins, in the order given, and behind them the path
	// dependencies that the requirements reach, by name.
	Packages []Checked
	// Edges say who asks for what, sorted by parent, extra, name, requirement
	// and child: the project's own requirements first.
	Edges []Edge
	// Unverified are the pins of which something is not known, offline: indexes of
	// Packages, ascending.
	Unverified []int
}

// Checked is one pin, or one path dependency.
type Checked struct {
	Name    pypi.Name
	Version pep440.Version
	Local   *project.Local // nil for a pin
	// Needed reports whether anything asks for it; Where names the
	// environments, "" for all.
	Needed bool
	Where  string
	// Marker is Where as a lock has it, of what is taken from one place.
	Marker string
	// MayBeNeeded says that the pin may hang below one that is not known, such
	// as a package that the lock leaves out.
	MayBeNeeded bool
	Extras      []pypi.Extra // that somebody asks for, sorted
	// Cause is the edge by which the project comes to it on the shortest way,
	// -1 where it does not.
	Cause int
	// Found reports whether the index has the version. What follows is what
	// it says of it.
	Found                bool
	Index                string   // without credentials; "" where no index has it
	Links                []string // pages and folders of files that have some of it
	Status, StatusReason string   // of the project (PEP 792), where the index told it
	RequiresPython       string
	Requires             []string // as its metadata states them
	Yanked               bool
	YankedReason         string
	AllFiles             []*index.File // that the cutoff admits, by name
	Servings             []Serving
}

// Edge is a requirement that holds in some environment of the target.
type Edge struct {
	Parent int        // of Verdict.Packages; -1 for the project
	Extra  pypi.Extra // of the parent because of which it holds, or ""
	Child  int        // of Verdict.Packages; -1 where no pin is there
	Name   pypi.Name
	// Requirement is what is asked for, without its marker; Marker is that.
	Requirement, Marker string
	Extras              []pypi.Extra
	Specifiers          pep440.Specifiers
	// From is where the project or a path dependency says it, or the override
	// that took the place of what a pin says; nil for what a pin says itself.
	From     *project.Requirement
	Override bool
	Where    string // names the environments, "" for all
}

// Place is where the requirement is written, or the zero Place.
func (e *Edge) Place() project.Place {
	if e.From == nil {
		return project.Place{}
	}
	return e.From.Place
}

// Chain returns the edges that lead from the project to an edge, and it.
func (v *Verdict) Chain(edge int) []int {
	var out []int
	for edge >= 0 && len(out) <= len(v.Edges) {
		out = append(out, edge)
		parent := v.Edges[edge].Parent
		if parent < 0 {
			break
		}
		edge = v.Packages[parent].Cause
	}
	slices.Reverse(out)
	return out
}

// DefectKind is a way in which a pin can be wrong.
type DefectKind uint8

// Those from VersionYanked on do not make a lock stale.
const (
	Missing             DefectKind = iota + 1 // Edge has no pin in Where
	Unmet                                     // Pin is not what Edge asks for
	OutsideConstraint                         // Pin is not within Constraint
	Superfluous                               // nothing asks for Pin in Where
	Duplicate                                 // Pin and Other both hold in Where, or say the same apart
	PinnedLocal                               // Pin has the name of a path dependency
	VersionGone                               // the index does not have the version
	VersionNotUsable                          // Reason, in Where
	HashForeign                               // Hashes are of no file of the version
	HashAbsent                                // no listed file can be installed in Where
	VersionYanked                             // since; Reason is the index's
	ProjectQuarantined                        // Reason is the index's
	ProjectDiscontinued                       // archived or deprecated; Reason is the index's
	ExtraUnknown                              // Pin has not the extra that Edge asks for; Reason names both
)

// Defect is one thing that is wrong with a pin, or one that is missing.
type Defect struct {
	Kind  DefectKind
	Name  pypi.Name
	Pin   int    // of Verdict.Packages; -1 for none
	Other int    // the other pin of a duplicate; -1 for none
	Edge  int    // of Verdict.Edges; -1 for none
	Where string // names the environments in question; "" for all
	// Constraint is set for OutsideConstraint.
	Constraint *project.Requirement
	// Reason is a sentence without an end, lower case.
	Reason string
	Hashes []string
	// Also counts what has the same cause: other requirements that miss the
	// same pin, packages that only a superfluous one needs.
	Also int
}

// Stale reports whether the defect makes a lock stale.
func (d *Defect) Stale() bool { return d.Kind < VersionYanked }

// Stale reports whether a lock with these pins is out of date.
func (v *Verdict) Stale() bool {
	return slices.ContainsFunc(v.Defects, func(d Defect) bool { return d.Stale() })
}

func sortDefects(ds []Defect) {
	slices.SortStableFunc(ds, func(a, b Defect) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Pin, b.Pin),
			cmp.Compare(a.Edge, b.Edge), strings.Compare(a.Where, b.Where), strings.Compare(a.Reason, b.Reason))
	})
}
