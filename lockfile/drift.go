package lockfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver"
)

// Expectation is what a lock that is up to date has besides its pins.
type Expectation struct {
	Service string // of the findings
	Lock    string // path of the findings: a slash path relative to the root
	// Fix is the command that mends the lock; Custom says that it is one of the
	// settings, which may take no flags.
	Fix    string
	Custom bool
	// Command and Target are those of the header that compile would write; ""
	// where none is to be compared. A lock of another tool has its own.
	Command, Target string
	// PythonPlace, PlatformPlace and OptionsPlace are where the settings name the
	// target, and the options; the zero Place for nowhere.
	PythonPlace, PlatformPlace, OptionsPlace project.Place
	// Python is the minor version that a lock of another tool is to name, if
	// it names one.
	Python string
	// NoHeader locks have no header to compare.
	NoHeader bool
	// What goes into the lock, as for [FromResolution].
	Options       []string
	DefaultIndex  string
	Hashes        Hashes
	NoEmit        []pypi.Name
	NoStripExtras bool
	// Dir is the folder of the lock, as for [FromResolution].
	Dir string
	// Offline says that only the cache was asked.
	Offline bool
}

// CheckOptions are those of a check of the expected lock.
func (e *Expectation) CheckOptions() resolver.CheckOptions {
	return resolver.CheckOptions{Hashes: e.Hashes != NoHashes, Offline: e.Offline, NoEmit: e.NoEmit}
}

// LockedPins returns the pins for [resolver.Check], in the order of the lock.
// A marker that cannot be read is a [*project.InputError].
func (l *Lock) LockedPins() ([]resolver.LockedPin, error) {
	pins := make([]resolver.LockedPin, len(l.Pins))
	annotated := slices.ContainsFunc(l.Pins, func(p Pin) bool { return len(p.Via) > 0 })
	for i, p := range l.Pins {
		pins[i] = resolver.LockedPin{Name: p.Name, Version: p.Version, Hashes: p.Hashes, Annotated: annotated, Place: p.Place}
		if p.Marker != "" {
			m, _, err := pep508.ParseMarker(p.Marker)
			if err != nil {
				return nil, &project.InputError{Place: p.Place, Msg: err.Error()}
			}
			pins[i].Marker = m
		}
		for _, via := range p.Via {
			if n, err := pypi.ParseName(via); err == nil {
				pins[i].Via = append(pins[i].Via, n)
			}
		}
	}
	return pins, nil
}

// Drift says in which ways a lock does not fit its inputs: what a check of its
// [Lock.LockedPins] found, and what its header, options and extras differ in.
// There is one finding for each cause, sorted by [SortFindings]; none of the
// severity Stale means that a recompile would write the same pins, hashes,
// options and target.
func Drift(l *Lock, v *resolver.Verdict, e Expectation) []Finding {
	d := &drift{lock: l, verdict: v, want: e, tool: l.Tool()}
	moved := d.header()
	d.options()
	d.entries()
	d.extras()
	d.defects(moved)
	SortFindings(d.findings)
	return d.findings
}

// Failure turns an error of [ParseLax], [Lock.LockedPins] or [resolver.Check]
// into the one finding that it is, if it is about the lock, or about a project
// that does not support its target. Any other error means that the lock could
// not be checked: ok is false.
func Failure(err error, e Expectation) (f Finding, ok bool) {
	d := &drift{want: e}
	var conflict *MergeConflictError
	var input *project.InputError
	var none *resolver.NoSolutionError
	switch {
	case errors.As(err, &conflict):
		d.add(MergeConflict, "", conflict.Place, "", "a merge conflict is not resolved: here is the mark %s", conflict.Mark)
	case errors.As(err, &input) && input.Place.File == e.Lock:
		d.add(LockInvalid, "", input.Place, "", "%s", input.Msg)
	case errors.As(err, &none):
		d.add(TargetChanged, "", d.top(e.PythonPlace), "", "%s", strings.TrimSuffix(none.Report, "\n"))
	default:
		return Finding{}, false
	}
	return d.findings[0], true
}

// drift collects findings.
type drift struct {
	lock     *Lock
	verdict  *resolver.Verdict
	want     Expectation
	tool     string
	findings []Finding
}

func (d *drift) add(r Rule, name pypi.Name, at project.Place, where, format string, args ...any) {
	d.findings = append(d.findings, Finding{Rule: r, Severity: r.Severity, Service: d.want.Service, Lock: d.want.Lock,
		Package: name, Place: at, Message: fmt.Sprintf(format, args...), Where: where, Fix: d.fix(r, name)})
}

// fix is the command that mends what a rule found, "" where a compile would not
// or should not: it would replace a hash of unknown origin without a question.
func (d *drift) fix(r Rule, name pypi.Name) string {
	switch r.ID {
	case Yanked.ID:
		if d.want.Custom || d.want.Fix == "" {
			return ""
		}
		return d.want.Fix + " --upgrade-package=" + string(name)
	case HashUnknown.ID, Quarantined.ID, Archived.ID, Unverified.ID:
		return ""
	}
	return d.want.Fix
}

// foreign reports whether another tool wrote the lock, with options of its own.
func (d *drift) foreign() bool { return d.tool == ToolUV || d.tool == ToolPipTools }

// top is the lock as a whole, or where settings say what it should be.
func (d *drift) top(settings project.Place) project.Place {
	if settings.File != "" {
		return settings
	}
	return project.Place{File: d.want.Lock}
}

// within is a line of the header, which settings may rule.
func (d *drift) within(settings project.Place, line int) project.Place {
	at := d.top(settings)
	if settings.File == "" && line > 0 {
		at.Line, at.Column = line, 1
	}
	return at
}

// header compares command and target. It returns the finding of another
// target, as its index, or -1.
func (d *drift) header() (moved int) {
	moved = -1
	if d.want.NoHeader {
		return moved
	}
	if d.foreign() {
		if got := d.lock.Python(); got != "" && d.want.Python != "" && got != d.want.Python {
			moved = len(d.findings)
			d.add(TargetChanged, "", d.top(d.want.PythonPlace), "", "asks for Python %s, the lock is for Python %s", d.want.Python, got)
		}
		return moved
	}
	got, n := d.lock.target()
	same, vague := sameTarget(got, d.want.Target)
	switch {
	case d.want.Target == "" || same && (!vague || d.serves()):
	case got == "":
		moved = len(d.findings)
		d.add(TargetChanged, "", d.top(d.want.PythonPlace), "", "asks for %s, the lock does not say what it is for", d.want.Target)
	default:
		moved = len(d.findings)
		place := d.want.PythonPlace
		if slices.Equal(targetPythons(got), targetPythons(d.want.Target)) {
			place = d.want.PlatformPlace
		}
		d.add(TargetChanged, "", d.within(place, n), "", "asks for %s, the lock is for %s", d.want.Target, got)
	}
	got, n = d.lock.command()
	at := d.within(d.want.OptionsPlace, n)
	if d.want.Command == "" || got == d.want.Command {
		return moved
	}
	if got == "" {
		d.add(OptionsChanged, "", at, "", "the lock does not say how it was made: it should by %s", d.want.Command)
		return moved
	}
	more, ok1 := shellWords(d.want.Command)
	less, ok2 := shellWords(got)
	if !ok1 || !ok2 {
		d.add(OptionsChanged, "", at, "", "the lock was made by %s, not by %s", got, d.want.Command)
		return moved
	}
	more, less = missingWords(more, less), missingWords(less, more)
	d.command(IndexChanged, at, slices.DeleteFunc(slices.Clone(more), isNot(indexOption)), slices.DeleteFunc(slices.Clone(less), isNot(indexOption)))
	// What the target is says the line of its own, however it was asked for.
	other := func(s string) bool { return indexOption(s) || d.lock.Target() != "" && targetOption(s) }
	differ := len(more)+len(less) > 0
	more, less = slices.DeleteFunc(more, other), slices.DeleteFunc(less, other)
	if from, to, ok := renamed(less, more); ok && to == d.want.Service {
		d.add(OptionsChanged, "", at, "", "the lock was made for %s, and is that of %s: the service was renamed", from, to)
		more, less = slices.DeleteFunc(more, is(to)), slices.DeleteFunc(less, is(from))
	}
	d.command(OptionsChanged, at, more, less)
	if !differ {
		// The same words in another order: compile would write them anew.
		d.add(OptionsChanged, "", at, "", "the lock was made by %s, not by %s", got, d.want.Command)
	}
	return moved
}

// serves reports whether each pin can be used, and its hashes, if there are any,
// are those of files that can.
func (d *drift) serves() bool {
	return !slices.ContainsFunc(d.verdict.Defects, func(f resolver.Defect) bool { return d.unserved(&f) })
}

func (d *drift) unserved(f *resolver.Defect) bool {
	return f.Kind == resolver.VersionNotUsable || f.Kind == resolver.HashAbsent && len(d.lock.Pins[f.Pin].Hashes) > 0
}

// renamed finds the one source that a command has in place of another; words
// with two hyphens are flags.
func renamed(less, more []string) (from, to string, ok bool) {
	source := func(words []string) string {
		words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.HasPrefix(w, "--") })
		if len(words) != 1 {
			return ""
		}
		return words[0]
	}
	from, to = source(less), source(more)
	return from, to, from != "" && to != ""
}

func is(word string) func(string) bool { return func(s string) bool { return s == word } }

func (d *drift) command(r Rule, at project.Place, more, less []string) {
	switch {
	case len(more) > 0 && len(less) > 0:
		d.add(r, "", at, "", "asks for %s, the lock was made with %s", strings.Join(more, " "), strings.Join(less, " "))
	case len(more) > 0:
		d.add(r, "", at, "", "asks for %s, the lock was made without", strings.Join(more, " "))
	case len(less) > 0:
		d.add(r, "", at, "", "the lock was made with %s, which nothing asks for now", strings.Join(less, " "))
	}
}

// missingWords returns the words of a that are not in b.
func missingWords(a, b []string) []string {
	var out []string
	for _, w := range a {
		if !slices.Contains(b, w) {
			out = append(out, w)
		}
	}
	return out
}

func mapped(words []string, f func(string) string) []string {
	var out []string
	for _, w := range words {
		out = append(out, f(w))
	}
	return out
}

func isNot(f func(string) bool) func(string) bool { return func(s string) bool { return !f(s) } }

func hasOption(s string, names ...string) bool {
	name, _, _ := strings.Cut(s, "=")
	name, _, _ = strings.Cut(name, " ")
	return slices.Contains(names, name)
}

func indexOption(s string) bool {
	return hasOption(s, "--default-index", "--index", "--index-url", "--extra-index-url", "--find-links", "--no-index")
}

func targetOption(s string) bool {
	return hasOption(s, "--python-version", "--python-platform", "--universal")
}

// options compares the option lines with those that compile would write.
func (d *drift) options() {
	want := slices.Clone(d.want.Options)
	sure := true // that all indexes are known
	for i := range d.verdict.Packages {
		p := &d.verdict.Packages[i]
		if p.Local != nil || !p.Needed && !p.MayBeNeeded {
			continue
		}
		if !p.Found {
			sure = false
			continue
		}
		if slices.Contains(d.want.NoEmit, p.Name) {
			continue
		}
		for _, line := range originLines(p.Index, p.Links, d.want.DefaultIndex) {
			if !slices.Contains(want, line) {
				want = append(want, line)
			}
		}
	}
	for _, f := range d.verdict.Defects {
		sure = sure && f.Kind != resolver.Missing
	}
	rule := func(line string) Rule {
		if indexOption(line) {
			return IndexChanged
		}
		return OptionsChanged
	}
	have := d.lock.Options
	if d.foreign() { // they write an address as it was given
		bare := func(s string) string { return strings.TrimSuffix(s, "/") }
		want, have = mapped(want, bare), mapped(have, bare)
	}
	for _, line := range missingWords(want, have) {
		d.add(rule(line), "", d.top(project.Place{}), "", "the line %s is missing", line)
	}
	if d.foreign() {
		return // their options may be for pip alone
	}
	place := func(i int) project.Place {
		if i < len(d.lock.OptionPlaces) {
			return d.lock.OptionPlaces[i]
		}
		return d.top(project.Place{})
	}
	for i, line := range d.lock.Options {
		switch {
		case slices.Contains(d.lock.Options[:i], line):
			d.add(rule(line), "", place(i), "", "the line %s is there twice", line)
		case !slices.Contains(want, line) && (sure || !strings.HasPrefix(line, "--extra-index-url ")):
			if dir, ok := strings.CutPrefix(line, "--find-links "); ok && !strings.Contains(dir, "://") {
				d.add(rule(line), "", place(i), "", "the line %s is of a folder that nothing names here: what comes from it can be checked where PIP_FIND_LINKS, pip.conf or uv.toml name it", line)
				continue
			}
			d.add(rule(line), "", place(i), "", "the line %s is not what the settings ask for", line)
		}
	}
}

// extras compares those that are written, and whether there are hashes.
func (d *drift) extras() {
	hashed := pypi.Name("")
	for i := range d.lock.Pins {
		pin := &d.lock.Pins[i]
		if len(pin.Hashes) > 0 && hashed == "" {
			hashed = pin.Name
		}
		p := &d.verdict.Packages[i]
		if d.tool == ToolPipTools || !p.Needed && !p.MayBeNeeded || !p.Found {
			continue // pip-compile has changed its mind about extras
		}
		var want []pypi.Extra
		if d.want.NoStripExtras {
			want = p.Extras
			if p.MayBeNeeded { // perhaps with those that it has
				want = slices.Compact(slices.Sorted(slices.Values(slices.Concat(want, pin.Extras))))
			}
		}
		if !slices.Equal(pin.Extras, want) {
			d.add(OptionsChanged, pin.Name, pin.Place, "", "has %s, it should be %s", extrasText(pin.Name, pin.Extras), extrasText(pin.Name, want))
		}
	}
	if hashed != "" && d.want.Hashes == NoHashes {
		d.add(OptionsChanged, "", d.top(d.want.OptionsPlace), "", "asks for no hashes, the lock has those of %s", hashed)
	}
}

func extrasText(n pypi.Name, xs []pypi.Extra) string {
	if len(xs) == 0 {
		return string(n)
	}
	var s []string
	for _, x := range xs {
		s = append(s, string(x))
	}
	return string(n) + "[" + strings.Join(s, ",") + "]"
}
