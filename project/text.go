package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strings"
	"unicode/utf8"
)

const (
	// maxFileSize bounds every input file, in bytes.
	maxFileSize = 1 << 20 // bytes of an input file
	// excerptWidth bounds the line shown with an error, in characters.
	excerptWidth = 100
)

// text is the content of an input file, with its line starts.
type text struct {
	name  string // for places
	data  []byte // valid UTF-8, without a byte order mark
	lines []int  // offsets of line starts; lines[0] is 0
	// A column found before, from which to count on: long lines hold many.
	knownOff, knownColumn int
}

// newText checks data and finds its lines.
func newText(name string, data []byte) (*text, error) { return newTextOf(name, data, maxFileSize) }

// newTextOf is newText for files of another size.
func newTextOf(name string, data []byte, limit int) (*text, error) {
	fail := func(format string, args ...any) error {
		return &InputError{Place: Place{File: name}, Msg: fmt.Sprintf(format, args...)}
	}
	if len(data) > limit {
		return nil, fail("larger than %d bytes: split the file", limit)
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return nil, fail("is UTF-16: save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	t := &text{name: name, data: data, lines: []int{0}}
	for i, c := range data {
		if c == '\n' || c == '\r' && (i+1 == len(data) || data[i+1] != '\n') {
			t.lines = append(t.lines, i+1)
		}
	}
	if !utf8.Valid(data) {
		i := 0
		for {
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n <= 1 {
				break
			}
			i += n
		}
		return nil, t.errorAt(i, 1, "byte 0x%02x is not UTF-8: save the file as UTF-8", data[i])
	}
	return t, nil
}

// readText reads a file. A missing one is an error that matches
// [fs.ErrNotExist].
func readText(path, name string) (*text, error) {
	// Looked at first, since to open a pipe is to wait for who writes it.
	st, err := os.Stat(path)
	if err != nil {
		return nil, &InputError{Place: Place{File: name}, Msg: reason(err), Err: err}
	}
	if !st.Mode().IsRegular() {
		return nil, &InputError{Place: Place{File: name}, Msg: "is not a regular file: save its text as one, or read it as - from the standard input"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &InputError{Place: Place{File: name}, Msg: reason(err), Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, &InputError{Place: Place{File: name}, Msg: reason(err), Err: err}
	}
	return newText(name, data)
}

// reason is the error without the operation and path of [fs.PathError], which
// would name this machine's folders.
func reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "no such file"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// line returns the index of the line that holds off, and its bounds without
// the line break.
func (t *text) line(off int) (i, start, end int) {
	off = min(max(off, 0), len(t.data))
	i = sort.SearchInts(t.lines, off+1) - 1
	start, end = t.lines[i], len(t.data)
	if i+1 < len(t.lines) {
		end = t.lines[i+1]
	}
	for end > start && (t.data[end-1] == '\n' || t.data[end-1] == '\r') {
		end--
	}
	return i, start, end
}

// place returns the position of a byte offset.
func (t *text) place(off int) Place {
	if off < 0 {
		return Place{File: t.name}
	}
	i, start, end := t.line(off)
	off = min(max(off, start), end)
	from, column := start, 1
	if start < t.knownOff && t.knownOff <= off {
		from, column = t.knownOff, t.knownColumn
	}
	t.knownOff, t.knownColumn = off, column+utf8.RuneCount(t.data[from:off])
	return Place{File: t.name, Line: i + 1, Column: t.knownColumn}
}

// offset is the byte offset of a line and a byte column, both from 1.
func (t *text) offset(line, column int) int {
	if line < 1 || line > len(t.lines) {
		return len(t.data)
	}
	return min(t.lines[line-1]+max(column-1, 0), len(t.data))
}

// errorAt is an InputError about n bytes at off.
func (t *text) errorAt(off, n int, format string, args ...any) *InputError {
	if off < 0 {
		return t.errorIn(format, args...)
	}
	return &InputError{Place: t.place(off), Msg: fmt.Sprintf(format, args...), Excerpt: t.excerpt(off, n)}
}

// errorIn is an InputError about the file as a whole.
func (t *text) errorIn(format string, args ...any) *InputError {
	return &InputError{Place: Place{File: t.name}, Msg: fmt.Sprintf(format, args...)}
}

// commands reports whether a rune of a line that is shown from one on is the
// last that the runner of GitHub needs to take it for a command: "::" at the
// beginning, or "##[" anywhere.
func commands(runes []rune, i, from int) bool {
	switch runes[i] {
	case ':':
		return i > from && runes[i-1] == ':' && strings.TrimSpace(string(runes[from:i-1])) == ""
	case '[':
		return i > from+1 && runes[i-1] == '#' && runes[i-2] == '#'
	}
	return false
}

// excerpt shows the line of off and carets under n of its bytes.
func (t *text) excerpt(off, n int) string {
	_, start, end := t.line(off)
	off = min(max(off, start), end)
	stop := min(max(off+n, off), end)
	before := utf8.RuneCount(t.data[start:off])
	marked := max(utf8.RuneCount(t.data[off:stop]), 1)
	runes := []rune(string(hideUserinfo(t.data[start:end], "")))

	// A window around the mark, where the line is long.
	from, to := 0, len(runes)
	if to > excerptWidth {
		from = min(max(before-excerptWidth/3, 0), to-excerptWidth)
		to = from + excerptWidth
	}
	var line, caret strings.Builder
	line.WriteString("    ")
	caret.WriteString("    ")
	if from > 0 {
		line.WriteString("…")
		caret.WriteString(" ")
	}
	for i := from; i < to || i < before+marked && i < to+1; i++ {
		w := 1
		if i < to {
			b := line.Len()
			switch r := runes[i]; {
			case r == '\t' || r == ' ':
				line.WriteByte(' ')
			case commands(runes, i, from):
				fmt.Fprintf(&line, "\\u%04x", r)
			default:
				writeEscaped(&line, r)
			}
			w = utf8.RuneCountInString(line.String()[b:])
		}
		c := " "
		if i >= before && i < before+marked {
			c = "^"
		}
		caret.WriteString(strings.Repeat(c, w))
	}
	if to < len(runes) {
		line.WriteString("…")
	}
	return strings.TrimRight(line.String(), " ") + "\n" + strings.TrimRight(caret.String(), " ")
}
