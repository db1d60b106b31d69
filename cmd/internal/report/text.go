package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
)

// writeText writes a block for each lock with something to tell, a line for
// the others, and the summary last, where a log is read first; if it is to be
// quiet, nothing where there is nothing to tell.
func writeText(w io.Writer, r *Report, o Options) error {
	lines := textLines(r, o)
	if lines == nil {
		return nil
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// textLines are the lines of the text, safe for a terminal.
func textLines(r *Report, o Options) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	failed := map[string]string{} // the first lock of each error
	for i := range r.Locks {
		l := &r.Locks[i]
		name := clean(l.Path)
		switch l.State {
		case UpToDate:
			switch {
			case r.Files:
				add("%s %s:", name, r.state(l))
			case len(l.Findings) > 0:
				add("%s is up to date, with %s:", name, plural(len(l.Findings), "warning"))
			case !o.Quiet:
				add("%s is up to date", name)
			}
		case Stale:
			add("%s %s:", name, r.state(l))
		case Failed:
			if first := failed[l.Error]; first != "" {
				add("%s failed as %s did", name, first)
				break
			}
			failed[l.Error] = name
			message := l.errorLines()
			add("%s failed: %s", name, message[0])
			for _, line := range message[1:] {
				add("  %s", line)
			}
		}
		for j := range l.Findings {
			f := &l.Findings[j]
			add("  %s", findingLine(f))
			for _, more := range remarks(f, r.Files) {
				add("    %s", clean(more))
			}
		}
		if r.Files {
			continue // each has its own
		}
		for _, fix := range l.fixes() {
			add("  fix: %s", clean(fix))
		}
	}
	if o.Quiet && lines == nil {
		return nil
	}
	return append(lines, r.summary())
}

// remarks are what else there is to say of a finding, a line each; its fix only
// where that is not told of the lock as a whole.
func remarks(f *lockfile.Finding, fix bool) []string {
	var out []string
	for _, p := range [][2]string{{"why", f.Why}, {"costs", f.Cost}} {
		if p[1] != "" {
			out = append(out, p[0]+": "+p[1])
		}
	}
	if fix && f.Fix != "" {
		out = append(out, "fix: "+f.Fix)
	}
	return out
}

// findingLine is a finding on one line.
func findingLine(f *lockfile.Finding) string {
	place := f.Place
	if place.File == "" {
		place.File = f.Lock
	}
	label := ""
	if f.Severity == lockfile.Warning {
		label = "warning: "
	}
	return fmt.Sprintf("%s: %s%s [%s]", clean(place.String()), label, clean(sentence(f)), clean(f.Rule.ID))
}
