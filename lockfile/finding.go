package lockfile

import (
	"cmp"
	"slices"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

// Severity says what a finding means for the lock.
type Severity uint8

const (
	// Stale findings make a lock out of date.
	Stale Severity = iota
	// Warning findings do not, unless asked to.
	Warning
)

var severityNames = []string{"error", "warning"}

func (s Severity) String() string { return severityNames[s] }

// Rule is the kind of a finding. Its id is stable: it goes into machine
// formats, settings and links.
type Rule struct {
	ID       string
	Severity Severity
	// Title is a phrase for lists of rules, Help a sentence on what to do.
	Title, Help string
}

// The rules of the drift check.
var (
	LockMissing        = Rule{"lock-missing", Stale, "a service has no lock", "Compile the service and commit its lock."}
	LockOrphaned       = Rule{"lock-orphaned", Stale, "a lock belongs to a service or an output that is gone", "Remove the lock, or list the service or the output again."}
	LockInvalid        = Rule{"lock-invalid", Stale, "a lock cannot be read", "Compile the service anew."}
	MergeConflict      = Rule{"merge-conflict", Stale, "a lock has the marks of a merge conflict", "Compile the service: the pins of both sides are preferred."}
	TargetChanged      = Rule{"target-changed", Stale, "the lock is for another Python or platform", "Compile the service for the target that its settings name."}
	OptionsChanged     = Rule{"options-changed", Stale, "the lock was made with other options", "Compile the service with the options that its settings name."}
	IndexChanged       = Rule{"index-changed", Stale, "the lock names other indexes", "Compile the service with the indexes that its settings name."}
	PinMissing         = Rule{"pin-missing", Stale, "a requirement has no pin", "Compile the service."}
	PinUnmet           = Rule{"pin-unmet", Stale, "a pin is outside of a requirement", "Compile the service."}
	ConstraintUnmet    = Rule{"constraint-unmet", Stale, "a pin is outside of a constraint", "Compile the service."}
	PinSuperfluous     = Rule{"pin-superfluous", Stale, "nothing asks for a pin", "Compile the service."}
	PinDuplicate       = Rule{"pin-duplicate", Stale, "two pins of a package hold at once", "Compile the service."}
	LocalPinned        = Rule{"local-pinned", Stale, "a package of the repository is pinned", "Compile the service: packages of the repository are installed from their folder."}
	SourceChanged      = Rule{"source-changed", Stale, "a package is taken from another address or commit than the lock has", "Compile the service."}
	VersionUnavailable = Rule{"version-unavailable", Stale, "the index does not have a pinned version", "Compile the service: the package gets another version."}
	VersionUnusable    = Rule{"version-unusable", Stale, "the target cannot use a pinned version, or the settings do not allow it", "Compile the service: the package gets another version."}
	HashMissing        = Rule{"hash-missing", Stale, "a pin has no hash of a file that the target can use", "Compile the service."}
	HashUnknown        = Rule{"hash-unknown", Stale, "a hash is of no file of the pinned version", "Find out where it comes from before you compile the service, which replaces it."}
	Yanked             = Rule{"yanked", Warning, "a pinned version was yanked", "Compile the service with --upgrade-package."}
	Quarantined        = Rule{"quarantined", Warning, "a pinned package is quarantined", "Find out why; replace the package."}
	Archived           = Rule{"archived", Warning, "a pinned package is archived or deprecated", "Plan its replacement."}
	ExtraUnknown       = Rule{"extra-unknown", Warning, "a pinned version does not have an extra that is asked for", "Correct the name of the extra, or leave it out."}
	Unverified         = Rule{"unverified", Warning, "something could not be verified offline", "Run the check with a network."}
)

// Rules are all rules, in the order of their documentation.
var Rules = []Rule{
	LockMissing, LockOrphaned, LockInvalid, MergeConflict, TargetChanged, OptionsChanged, IndexChanged,
	PinMissing, PinUnmet, ConstraintUnmet, PinSuperfluous, PinDuplicate, LocalPinned, SourceChanged,
	VersionUnavailable, VersionUnusable, HashMissing, HashUnknown, Yanked, Quarantined, Archived, ExtraUnknown, Unverified,
}

// Finding is one reason why a lock does not fit its inputs, or a remark about
// it.
type Finding struct {
	Rule     Rule
	Severity Severity // of the rule, unless settings raised it
	// Service is the name of the service, Lock the path of its lock: a slash
	// path relative to the root.
	Service, Lock string
	Package       pypi.Name // "" where none is in question
	// Place is where the cause is written: in an input where there is one,
	// else in the lock.
	Place project.Place
	// Message is one sentence, lower case, without a place and without escapes:
	// whoever prints it escapes it.
	Message string
	// Where names the environments in question; "" for all of the target.
	Where string
	// Fix is the command that mends it, or what to do; or "".
	Fix string
	// Why says what comes of it, and Cost how much that is; "" where Message
	// says enough.
	Why, Cost string
}

// SortFindings orders findings by lock, severity, place, rule, package and
// message.
func SortFindings(fs []Finding) {
	slices.SortFunc(fs, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Lock, b.Lock), cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Column, b.Place.Column),
			cmp.Compare(a.Rule.ID, b.Rule.ID), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Message, b.Message),
		)
	})
}
