package lockfile

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/project"
)

// Colours of a terminal. They only repeat what the words beside them say.
const (
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	plainC = "\x1b[0m"
)

// paper collects text for a terminal: what is written to it is escaped.
type paper struct {
	b     strings.Builder
	color bool
}

// text writes escaped text in a colour, "" for none.
func (p *paper) text(color, s string) {
	p.raw(color, project.Escape(s))
}

func (p *paper) raw(color, s string) {
	if p.color && color != "" && s != "" {
		s = color + s + plainC
	}
	p.b.WriteString(s)
}

func (p *paper) line(s string) {
	p.text("", s)
	p.b.WriteByte('\n')
}

func (p *paper) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, p.b.String())
	return err
}

// cell is one field of a table.
type cell struct{ color, text string }

// columnGap separates columns.
const columnGap = "  "

// table writes rows with their columns aligned. The last field of a row is
// not padded.
func (p *paper) table(indent string, rows [][]cell) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(project.Escape(c.text)))
		}
	}
	for _, row := range rows {
		last := len(row) - 1
		for last >= 0 && row[last].text == "" {
			last--
		}
		p.b.WriteString(indent)
		for i, c := range row[:last+1] {
			if i > 0 {
				p.b.WriteString(columnGap)
			}
			text := project.Escape(c.text)
			p.raw(c.color, text)
			if i < last {
				p.b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)))
			}
		}
		p.b.WriteByte('\n')
	}
}
