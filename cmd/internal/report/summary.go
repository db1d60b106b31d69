package report

import (
	"fmt"
	"os"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
)

// maxSummary bounds the job summary of a step, in bytes; GitHub refuses a
// larger one whole.
const maxSummary = 1 << 20

// appendSummary appends the job summary to a file that may have the summaries
// of commands before.
func appendSummary(path string, r *Report) error {
	if path == "" {
		return nil
	}
	return appendFile(path, func(size int64) []byte { return markdown(r, int(max(maxSummary-size, 0))) })
}

// appendOutputs appends the outputs of a step, one a line.
func appendOutputs(path string, r *Report) error {
	if path == "" {
		return nil
	}
	if r.Files {
		return appendFile(path, func(int64) []byte { return fmt.Appendf(nil, "findings=%d\n", r.counts().errors+r.counts().warnings) })
	}
	services := r.staleServices()
	for i := range services {
		services[i] = value(services[i])
	}
	list, err := marshal(services)
	if err != nil {
		return err
	}
	return appendFile(path, func(int64) []byte {
		return fmt.Appendf(nil, "drift=%t\nchanged-services=%s\n", len(services) > 0, list)
	})
}

func appendFile(path string, text func(size int64) []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return &lockfile.WriteError{Path: path, Err: err}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return &lockfile.WriteError{Path: path, Err: err}
	}
	size := st.Size()
	if !st.Mode().IsRegular() {
		size = 0
	}
	if _, err := f.Write(text(size)); err != nil {
		return &lockfile.WriteError{Path: path, Err: err}
	}
	if err := f.Close(); err != nil {
		return &lockfile.WriteError{Path: path, Err: err}
	}
	return nil
}

// markdown is the summary in at most limit bytes: a table of what is not up to
// date, then the findings.
func markdown(r *Report, limit int) []byte {
	const leftOut = "\nMore is left out here: the log has all.\n"
	var b strings.Builder
	full := false
	add := func(format string, args ...any) {
		s := fmt.Sprintf(format, args...)
		if full || b.Len()+len(s)+len(leftOut) > limit {
			full = true
			return
		}
		b.WriteString(s)
	}
	add("## pylock %s: %s\n", mark(r.Command), mark(r.summary()))
	told := false
	for _, l := range r.Locks {
		if l.State == UpToDate && len(l.Findings) == 0 {
			continue
		}
		if !told {
			noun := "lock"
			if r.Files {
				noun = "file"
			}
			add("\n| %s | state | findings |\n|---|---|---:|\n", noun)
			told = true
		}
		add("| %s | %s | %d |\n", mark(l.Path), strings.TrimPrefix(r.state(&l), "is "), len(l.Findings))
	}
	for i := range r.Locks {
		l := &r.Locks[i]
		if full || l.State != Failed && len(l.Findings) == 0 {
			continue
		}
		add("\n### %s\n\n", mark(l.Path))
		if l.State == Failed {
			for _, line := range l.errorLines() {
				add("    %s\n", line)
			}
			add("\n")
		}
		for j := range l.Findings {
			add("- %s\n", mark(findingLine(&l.Findings[j])))
			for _, more := range remarks(&l.Findings[j], r.Files) {
				add("  - %s\n", mark(more))
			}
		}
		if r.Files {
			continue
		}
		for _, fix := range l.fixes() {
			// Behind a list, an indented line would be part of its last item.
			add("\n```sh\n%s\n```\n", fenced(fix))
		}
	}
	if full && limit >= len(leftOut) {
		b.WriteString(leftOut)
	}
	return []byte(b.String())
}

// fenced is a line within a fence of Markdown, which it must not close.
func fenced(s string) string { return strings.ReplaceAll(clean(s), "```", "` ` `") }

// mark escapes the marks of Markdown and HTML, and what makes a link of an
// address.
func mark(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
			continue
		case r == '&':
			b.WriteString("&amp;")
			continue
		case strings.ContainsRune("\\`*_{}[]>()#+.!|~@:", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
