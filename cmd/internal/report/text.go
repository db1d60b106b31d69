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
			case len(l.Findings) > 0:
				add("%s is up to date, with %s:", name, plural(len(l.Findings), "warning"))
			case !o.Quiet:
				add("%s is up to date", name)
			}
		case Stale:
			add("%s is stale:", name)
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
			add("  %s", findingLine(&l.Findings[j]))
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
