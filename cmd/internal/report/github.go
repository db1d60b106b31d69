package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
)

const (
	// maxAnnotations is how many annotations of a level GitHub shows of a step;
	// the rest it drops without a word.
	maxAnnotations = 10
	// maxSentences bounds the findings, or the lines of an error, in one
	// annotation.
	maxSentences = 20
)

// annotation is a workflow command that GitHub shows beside the line of a file.
type annotation struct {
	level       string // error or warning
	file, title string
	line, col   int
	sentences   []string
}

// writeGitHub writes the text for the log, then workflow commands, then the
// job summary.
func writeGitHub(w io.Writer, r *Report, o Options) error {
	var b strings.Builder
	for _, line := range textLines(r, o) {
		b.WriteString(inert(line))
		b.WriteByte('\n')
	}
	for _, s := range []lockfile.Severity{lockfile.Stale, lockfile.Warning} {
		for _, a := range annotations(r, s, o) {
			b.WriteString(a.String())
			b.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return appendSummary(o.SummaryFile, r)
}

// inert keeps a line of text from being a workflow command: one starts with
// "::" behind any spaces, or has "##[" anywhere.
func inert(line string) string {
	line = strings.ReplaceAll(line, "##[", `#\u0023[`)
	if rest := strings.TrimLeft(line, " "); strings.HasPrefix(rest, "::") {
		line = line[:len(line)-len(rest)] + `\u003a` + rest[1:]
	}
	return line
}

// annotations are those of one severity: one a finding if GitHub shows so many,
// else one a lock, of which the last stands for all that are left.
func annotations(r *Report, s lockfile.Severity, o Options) []annotation {
	var each, locks []annotation
	for i := range r.Locks {
		l := &r.Locks[i]
		state := r.state(l)
		if l.State == Failed {
			if s == lockfile.Stale {
				a := annotation{level: "error", file: o.inRepository(l.Path), title: l.Path + " failed", sentences: shorten(l.errorLines())}
				each, locks = append(each, a), append(locks, a)
			}
		}
		findings := l.of(s)
		if len(findings) == 0 {
			continue
		}
		all := annotation{level: s.String(), title: l.Path + " " + state, file: o.inRepository(l.Path)}
		for i := range findings {
			f := &findings[i]
			a := annotation{level: s.String(), title: f.Rule.Title, file: o.inRepository(file(f)), line: f.Place.Line, col: f.Place.Column, sentences: []string{sentence(f)}}
			a.sentences = append(a.sentences, remarks(f, true)...)
			each = append(each, a)
			if i == 0 {
				all.file, all.line, all.col = a.file, a.line, a.col
			}
			all.sentences = append(all.sentences, findingLine(f))
		}
		all.sentences = shorten(all.sentences)
		for _, fix := range l.fixes() {
			if s == lockfile.Stale && !r.Files {
				all.sentences = append(all.sentences, "fix: "+fix)
			}
		}
		locks = append(locks, all)
	}
	if len(each) <= maxAnnotations {
		return each
	}
	if n := len(locks); n > maxAnnotations {
		left := n - maxAnnotations + 1
		locks = append(locks[:maxAnnotations-1], annotation{level: s.String(), title: r.summary(), sentences: []string{fmt.Sprintf("%d more locks have findings, see the log", left)}})
	}
	return locks
}

// shorten keeps what an annotation has room for.
func shorten(sentences []string) []string {
	if n := len(sentences); n > maxSentences {
		return append(sentences[:maxSentences:maxSentences], fmt.Sprintf("and %d more, see the log", n-maxSentences))
	}
	return sentences
}

var (
	escapeData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	escapeProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// String is the workflow command.
func (a annotation) String() string {
	var properties []string
	add := func(name, v string) {
		if v != "" {
			properties = append(properties, name+"="+escapeProperty.Replace(clean(v)))
		}
	}
	number := func(name string, n int) {
		if n != 0 {
			add(name, strconv.Itoa(n))
		}
	}
	add("file", a.file)
	number("line", a.line)
	number("col", a.col)
	add("title", a.title)
	lines := make([]string, len(a.sentences))
	for i, s := range a.sentences {
		lines[i] = clean(s)
	}
	// The older commands are found anywhere in a line.
	name := a.level
	if len(properties) > 0 {
		name += " " + strings.Join(properties, ",")
	}
	return strings.ReplaceAll(fmt.Sprintf("::%s::%s", name, escapeData.Replace(strings.Join(lines, "\n"))), "##[", "#%23[")
}
