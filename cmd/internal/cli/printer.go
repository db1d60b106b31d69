package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/pylock-dev/pylock/project"
)

// printer writes messages to stderr. Every byte of their text is escaped, so
// that no control or bidirectional character of an index, a project or an
// argument reaches a terminal; colours are added behind that.
type printer struct {
	w     io.Writer
	level int // -1 quiet, 0 normal, 1 and up verbose
	color bool
	live  *progress // to be cleared before a line is written; nil for none
	about string    // what all messages are about, "" for nothing in particular
	said  int       // errors, warnings and lines of [printer.infof], whether shown or not
}

func (g *global) printer() *printer {
	p := &printer{w: g.app.Stderr, level: g.verbose}
	if g.quiet > 0 {
		p.level = -1
	}
	_, noColor := g.app.Getenv("NO_COLOR")
	p.color = g.color.value == "always" || g.color.value == "auto" && g.app.Terminal && !noColor
	return p
}

// colorStdout reports whether the product may have colours.
func (g *global) colorStdout() bool {
	_, noColor := g.app.Getenv("NO_COLOR")
	return g.color.value == "always" || g.color.value == "auto" && g.app.StdoutTerminal && !noColor
}

// print writes the product.
func (g *global) print(data []byte) error {
	if _, err := g.app.Stdout.Write(data); err != nil {
		return &outputError{err}
	}
	return nil
}

const (
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	reset  = "\x1b[0m"
)

func (p *printer) errorf(format string, args ...any) {
	p.said++
	p.block("error", red, format, args...)
}

func (p *printer) warnf(format string, args ...any) {
	p.said++
	if p.level >= 0 {
		p.block("warning", yellow, format, args...)
	}
}

// infof writes a line unless quiet; detailf writes one when verbose.
func (p *printer) infof(format string, args ...any) {
	p.said++
	if p.level >= 0 {
		p.write("", p.text(format, args...))
	}
}

// text is a message, behind what it is about unless it begins with that.
func (p *printer) text(format string, args ...any) string {
	s := fmt.Sprintf(format, args...)
	if p.about != "" && !strings.HasPrefix(s, p.about) {
		s = p.about + ": " + s
	}
	return clean(s)
}

func (p *printer) detailf(format string, args ...any) {
	if p.level > 0 {
		p.write("", p.text(format, args...))
	}
}

func (p *printer) block(label, color, format string, args ...any) {
	label += ":"
	if p.color {
		label = color + label + reset
	}
	p.write(label+" ", p.text(format, args...))
}

func (p *printer) write(label, text string) {
	p.live.clear()
	io.WriteString(p.w, label+strings.TrimRight(text, "\n")+"\n")
}

// clean escapes text for a terminal and hides the credentials of URLs in it;
// line feeds and tabs stay.
func clean(s string) string {
	var b strings.Builder
	for i, line := range strings.Split(project.Redact(s), "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, cell := range strings.Split(line, "\t") {
			if j > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(project.Escape(cell))
		}
	}
	return b.String()
}
