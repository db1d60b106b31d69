package project

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// logicalLine is a line of a requirements file without its comment, with
// continuation lines joined.
type logicalLine struct {
	text     string
	segments []segment // ascending by both offsets; at least one
}

// segment says that the text from byte at on stands in the file from off on.
type segment struct{ at, off int }

// at maps n bytes of the text from byte i to the file. What spans lines is
// cut at the first.
func (l logicalLine) at(i, n int) (off, length int) {
	k := sort.Search(len(l.segments), func(k int) bool { return l.segments[k].at > i }) - 1
	if k < 0 {
		k = 0
	}
	if k+1 < len(l.segments) && i+n > l.segments[k+1].at {
		n = l.segments[k+1].at - i
	}
	return l.segments[k].off + i - l.segments[k].at, n
}

// logicalLines splits a requirements file as pip does: a backslash at the end
// joins a line with the next, then what follows '#' at the start or after
// white space is a comment, then empty lines are dropped. A comment line ends
// a continuation.
//
// https://pip.pypa.io/en/stable/reference/requirements-file-format/
func logicalLines(t *text) ([]logicalLine, error) {
	for i, r := range string(t.data) {
		// Python ends a line at these, where an editor may show none.
		if r >= 0x1c && r <= 0x1e || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return nil, t.errorAt(i, utf8.RuneLen(r), "pip ends a line at the character U+%04X: take it out", r)
		}
	}
	var out []logicalLine
	var b strings.Builder
	var segments []segment
	flush := func() error {
		line := logicalLine{b.String(), segments}
		b.Reset()
		segments = nil
		line.text = line.text[:commentStart(line.text)]
		trimmed := strings.TrimLeftFunc(line.text, unicode.IsSpace)
		cut := len(line.text) - len(trimmed)
		line.text = strings.TrimRightFunc(trimmed, unicode.IsSpace)
		if line.text == "" {
			return nil
		}
		for i := range line.segments {
			line.segments[i].at -= cut
		}
		for i, r := range line.text {
			if r != '\t' && unicode.IsControl(r) {
				off, _ := line.at(i, 1)
				return t.errorAt(off, utf8.RuneLen(r), "control character U+%04X: take it out", r)
			}
		}
		out = append(out, line)
		return nil
	}
	for i := range t.lines {
		_, start, end := t.line(t.lines[i])
		raw := string(t.data[start:end])
		comment := commentStart(raw)
		onlyComment := comment < len(raw) && strings.TrimFunc(raw[:comment], unicode.IsSpace) == ""
		if !strings.HasSuffix(raw, `\`) || onlyComment {
			if onlyComment {
				b.WriteByte(' ') // so that the comment is one after joining too
			}
			segments = append(segments, segment{b.Len(), start})
			b.WriteString(raw)
			if err := flush(); err != nil {
				return nil, err
			}
			continue
		}
		if comment < len(raw) {
			return nil, t.errorAt(end-1, 1, "a comment that ends in a backslash makes pip skip the next line too: take the backslash out")
		}
		lead := len(raw) - len(strings.TrimLeft(raw, `\`))
		segments = append(segments, segment{b.Len(), start + lead})
		b.WriteString(strings.Trim(raw, `\`))
	}
	if len(segments) > 0 {
		if err := flush(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// commentStart returns where the comment of a line begins, with the white
// space before it, or the line's length.
func commentStart(s string) int {
	for i := 0; ; i++ {
		j := strings.IndexByte(s[i:], '#')
		if j < 0 {
			return len(s)
		}
		i += j
		before := strings.TrimRightFunc(s[:i], unicode.IsSpace)
		if i == 0 || len(before) < i {
			return len(before)
		}
	}
}

// word is a shell word of a line: its value, quotes and backslashes taken
// off, and its bytes.
type word struct {
	value      string
	start, end int
}

// splitLine splits a line into words. Quotes bind from the first option on; in
// the requirement before it they belong to its marker.
func splitLine(line logicalLine, fail func(i, n int) failure) ([]word, error) {
	var words []word
	s := line.text
	options := false
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		w := word{start: i}
		options = options || s[i] == '-'
		if !options {
			for i < len(s) && s[i] != ' ' && s[i] != '\t' {
				i++
			}
			w.value, w.end = s[w.start:i], i
			words = append(words, w)
			continue
		}
		var b strings.Builder
		var quote byte
		opened := i
		for ; i < len(s) && (quote != 0 || s[i] != ' ' && s[i] != '\t'); i++ {
			switch c := s[i]; {
			case quote != 0 && c == quote:
				quote = 0
			case quote == 0 && (c == '"' || c == '\''):
				quote, opened = c, i
			case c == '\\' && quote != '\'' && i+1 < len(s) && (quote == 0 || s[i+1] == '"' || s[i+1] == '\\'):
				i++
				b.WriteByte(s[i])
			default:
				b.WriteByte(c)
			}
		}
		if quote != 0 {
			return nil, fail(opened, 1)("the quote is not closed: close it")
		}
		w.value, w.end = b.String(), i
		words = append(words, w)
	}
	return words, nil
}
