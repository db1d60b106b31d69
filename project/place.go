package project

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Place is a position in an input file.
type Place struct {
	File   string // slash path relative to the root; "-" for the standard input
	Line   int    // from 1; 0 when the file as a whole is meant
	Column int    // in characters, from 1; 0 when the line as a whole is meant
}

// String returns file:line:column, without the parts that are zero.
func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// InputError says what is wrong with an input, and where.
type InputError struct {
	Place Place
	Msg   string
	// Excerpt is the line in question and below it a caret, credentials
	// hidden; "" when no line is in question.
	Excerpt string
	Err     error // the cause from below, or nil
}

// Error returns "file:line:column: message", and the excerpt on lines of its
// own.
func (e *InputError) Error() string {
	s := Escape(shorten(Redact(e.Msg)))
	if p := e.Place.String(); p != "" {
		s = Escape(p) + ": " + s
	}
	if e.Excerpt != "" {
		s += "\n" + e.Excerpt
	}
	return s
}

// maxMessage bounds a message, in bytes; the middle of a longer one is left
// out.
const maxMessage = 2000

func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	head, tail := maxMessage/2, len(s)-maxMessage/2
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + "…" + s[tail:]
}

func (e *InputError) Unwrap() error { return e.Err }

// Escape makes text safe to print: control characters, bidirectional
// controls and other invisible characters become \u escapes, invalid UTF-8
// becomes \x escapes. Line breaks and tabs are control characters too.
func Escape(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !printable(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			writeEscaped(&b, r)
		}
		i += n
	}
	return b.String()
}

func writeEscaped(b *strings.Builder, r rune) {
	switch {
	case printable(r):
		b.WriteRune(r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// printable is false for controls, formats such as U+202E, and line or
// paragraph separators.
func printable(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Z, r) }

// Redact hides the user information of the URLs in s.
func Redact(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	return string(hideUserinfo([]byte(s), "****"))
}

// hideUserinfo replaces what stands between "://" and the last '@' before the
// path. With mask "" each of its characters becomes '*', so that columns stay.
func hideUserinfo(b []byte, mask string) []byte {
	var out []byte
	for {
		i := bytes.Index(b, []byte("://"))
		if i < 0 {
			return append(out, b...)
		}
		out = append(out, b[:i+3]...)
		b = b[i+3:]
		end := bytes.IndexAny(b, "/?# \t\r\n")
		if end < 0 {
			end = len(b)
		}
		at := bytes.LastIndexByte(b[:end], '@')
		if at < 0 {
			continue
		}
		if mask != "" {
			out = append(out, mask...)
		} else {
			out = append(out, strings.Repeat("*", utf8.RuneCount(b[:at]))...)
		}
		b = b[at:]
	}
}
