// Package report writes the result of a command over several locks, as a person
// reads it in a log or as a forge takes it.
//
// All text in a report comes from outside. Each format escapes it by its own
// rules, so that no character of a project, a lock or an index ends the field
// that it stands in, and hides the credentials of URLs. What a terminal may
// show has its control, bidirectional and invisible characters escaped; JSON
// keeps them as \u escapes. The same report gives the same bytes, whatever the
// order of its locks and findings.
package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// State is the verdict over a lock.
type State uint8

const (
	UpToDate State = iota
	Stale
	Failed // no verdict: Lock.Error says why
)

var stateNames = []string{"up-to-date", "stale", "failed"}

func (s State) String() string { return stateNames[s] }

// Lock is the result for one lock.
type Lock struct {
	Service string // name of the service
	Path    string // of the lock: a slash path relative to the root
	State   State
	// Findings make a lock stale if one of them has the severity
	// [lockfile.Stale]. Their own Service and Lock are not looked at.
	Findings []lockfile.Finding
	// Error is the message of a failed lock, of one or several lines, and Exit
	// the exit code of its class.
	Error string
	Exit  int
}

// Report is the result of a command over several locks.
type Report struct {
	Command string // such as "check"
	Locks   []Lock
	// Files says that Locks are files of another kind, which are not up to date
	// or stale: they have findings, or are not listed.
	Files bool
	// Rules are those that findings may be of, nil for those of the drift check.
	Rules []lockfile.Rule
}

// rules are the rules that a format may list.
func (r *Report) rules() []lockfile.Rule {
	if r.Rules != nil {
		return r.Rules
	}
	return lockfile.Rules
}

// state says how a lock is, behind its name.
func (r *Report) state(l *Lock) string {
	switch {
	case l.State == Failed:
		return "failed"
	case r.Files:
		return "has " + plural(len(l.Findings), "finding")
	}
	return "is " + strings.ReplaceAll(l.State.String(), "-", " ")
}

// Options say what a report is written for.
type Options struct {
	Version string // of pylock, for formats that name their tool
	Quiet   bool   // text leaves out what is up to date
	// Prefix is the path of the root relative to the top of the repository,
	// which the paths that github, sarif, junit and gitlab link start from; "" where the two
	// are one folder.
	Prefix string
	// SummaryFile is what GITHUB_STEP_SUMMARY names: github appends a job summary
	// in Markdown. OutputFile is what GITHUB_OUTPUT names: every format appends
	// the outputs drift and changed-services. "" for neither.
	SummaryFile, OutputFile string
}

// Format is one of the formats.
type Format struct {
	name  string
	write func(io.Writer, *Report, Options) error
}

func (f Format) String() string { return f.name }

// Formats are all formats.
var Formats = []Format{
	{"text", writeText},
	{"json", writeJSON},
	{"github", writeGitHub},
	{"sarif", writeSARIF},
	{"junit", writeJUnit},
	{"gitlab", writeGitLab},
}

// Names are the names of all formats.
func Names() []string {
	var names []string
	for _, f := range Formats {
		names = append(names, f.name)
	}
	return names
}

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	for _, f := range Formats {
		if f.name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("use one of %s", strings.Join(Names(), ", "))
}

// Write writes the report to w. An error is of w, or a [lockfile.WriteError] of
// a file that the options name.
func Write(w io.Writer, format Format, r *Report, o Options) error {
	r = sorted(r)
	if err := format.write(w, r, o); err != nil {
		return err
	}
	return appendOutputs(o.OutputFile, r)
}

// sorted returns a copy in canonical order, of whose locks each has a path to
// name it by.
func sorted(r *Report) *Report {
	c := &Report{Command: r.Command, Locks: slices.Clone(r.Locks), Files: r.Files, Rules: r.Rules}
	for i := range c.Locks {
		l := &c.Locks[i]
		if l.Path == "" {
			l.Path = l.Service
		}
		l.Findings = slices.Clone(l.Findings)
		for j := range l.Findings {
			l.Findings[j].Service, l.Findings[j].Lock = l.Service, l.Path
		}
		lockfile.SortFindings(l.Findings)
	}
	slices.SortStableFunc(c.Locks, func(a, b Lock) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Service, b.Service))
	})
	return c
}

// counts are the locks by state, and their findings by severity.
type counts struct{ locks, upToDate, stale, failed, errors, warnings int }

func (r *Report) counts() (c counts) {
	c.locks = len(r.Locks)
	for _, l := range r.Locks {
		switch l.State {
		case UpToDate:
			c.upToDate++
		case Stale:
			c.stale++
		case Failed:
			c.failed++
		}
		for _, f := range l.Findings {
			if f.Severity == lockfile.Stale {
				c.errors++
			} else {
				c.warnings++
			}
		}
	}
	return c
}

// summary is the result in one line.
func (r *Report) summary() string {
	c := r.counts()
	var s string
	switch {
	case r.Files:
		return r.foundIn(c)
	case c.locks == 0:
		return "no lock to " + clean(cmp.Or(r.Command, "check"))
	case c.stale == 0 && c.failed == 0 && c.locks == 1:
		s = "the lock is up to date"
	case c.stale == 0 && c.failed == 0:
		s = fmt.Sprintf("all %d locks are up to date", c.locks)
	case c.stale == 0:
		s = fmt.Sprintf("%d of %s failed", c.failed, plural(c.locks, "lock"))
	default:
		verb := "are"
		if c.stale == 1 {
			verb = "is"
		}
		s = fmt.Sprintf("%d of %s %s stale", c.stale, plural(c.locks, "lock"), verb)
		if c.failed > 0 {
			s += fmt.Sprintf(", %d failed", c.failed)
		}
	}
	if c.warnings > 0 {
		s += ", " + plural(c.warnings, "warning")
	}
	return s
}

// foundIn is the summary of a report on files.
func (r *Report) foundIn(c counts) string {
	if c.errors+c.warnings == 0 {
		return "no findings"
	}
	var parts []string
	if c.errors > 0 {
		parts = append(parts, plural(c.errors, "error"))
	}
	if c.warnings > 0 {
		parts = append(parts, plural(c.warnings, "warning"))
	}
	return strings.Join(parts, ", ") + " in " + plural(c.locks, "file")
}

// staleServices are the names of the services with a stale lock.
func (r *Report) staleServices() []string {
	names := []string{}
	for _, l := range r.Locks {
		if l.State == Stale && !slices.Contains(names, l.Service) {
			names = append(names, l.Service)
		}
	}
	return names
}

// fixes are the commands that mend a lock, each once.
func (l *Lock) fixes() []string {
	var fixes []string
	for _, f := range l.Findings {
		if f.Fix != "" && f.Severity == lockfile.Stale && !slices.Contains(fixes, f.Fix) {
			fixes = append(fixes, f.Fix)
		}
	}
	return fixes
}

// of are the findings of one severity.
func (l *Lock) of(s lockfile.Severity) []lockfile.Finding {
	var out []lockfile.Finding
	for _, f := range l.Findings {
		if f.Severity == s {
			out = append(out, f)
		}
	}
	return out
}

// errorLines are the lines of the error of a failed lock, one at least, each
// safe for a terminal.
func (l *Lock) errorLines() []string {
	var lines []string
	for line := range strings.SplitSeq(l.Error, "\n") {
		if line = clean(strings.TrimRight(line, " \t\r")); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		lines = []string{"no verdict"}
	}
	return lines
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// clean makes text safe for one line of a terminal.
func clean(s string) string { return project.Escape(project.Redact(s)) }

// sentence is the message with the environments that it holds in, unless it
// names them.
func sentence(f *lockfile.Finding) string {
	if f.Where == "" || strings.Contains(f.Message, f.Where) {
		return f.Message
	}
	return f.Message + " (" + f.Where + ")"
}

// file is where a finding is shown: its place, or the lock where the place is
// no file of the repository.
func file(f *lockfile.Finding) string {
	if f.Place.File == "" || f.Place.File == "-" {
		return f.Lock
	}
	return f.Place.File
}

// inRepository is the path of a file from the top of the repository.
func (o Options) inRepository(file string) string {
	if o.Prefix == "" || path.IsAbs(file) {
		return file
	}
	return path.Join(o.Prefix, file)
}

// fingerprints tell findings apart without their lines, their columns and the
// versions in their sentences, so that one that moves stays the same. Findings
// alike in the rest are numbered in their order.
type fingerprints map[string]int

func (p fingerprints) of(rule string, f *lockfile.Finding) string {
	h := sha256.New()
	for _, part := range []string{"pylock/1", rule, f.Lock, file(f), string(f.Package), f.Where} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	key := string(h.Sum(nil))
	p[key]++
	if n := p[key]; n > 1 {
		fmt.Fprintf(h, "%d", n)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
