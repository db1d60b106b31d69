package pep508

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a requirement and of a marker. What exceeds one is refused with its name.
const (
	MaxNameLength    = 256  // bytes of a project or extra name
	MaxExtras        = 256  // extras of one requirement
	MaxClauses       = 1000 // clauses of one requirement's specifiers
	MaxMarkerDepth   = 64   // parentheses open at once
	MaxMarkerTerms   = 1024 // comparisons of one marker
	maxQuotedInError = 40   // bytes of the input that a message repeats
)

// A ParseError says what was expected at a place of the text, and what was found there.
type ParseError struct {
	Text   string // the whole text that was read
	Offset int    // in bytes, where the trouble is
	Length int    // in bytes; 0 at the end of Text
	Msg    string
}

// Error is the message with the offset; nothing of Text is in it unescaped.
func (e *ParseError) Error() string { return fmt.Sprintf("%s (at offset %d)", e.Msg, e.Offset) }

// A Warning tells of a part of the text that is read but has no meaning, or an old name.
type Warning struct {
	Offset int // in bytes
	Length int // in bytes
	Msg    string
}

// String is the message.
func (w Warning) String() string { return w.Msg }

type scanner struct {
	text     string
	pos      int
	warnings []Warning
	terms    int
	depth    int
}

// checkUTF8 refuses a text of another encoding.
func (s *scanner) checkUTF8() error {
	if utf8.ValidString(s.text) {
		return nil
	}
	at := 0
	for {
		r, n := utf8.DecodeRuneInString(s.text[at:])
		if r == utf8.RuneError && n == 1 {
			return s.fail(at, 1, fmt.Sprintf("the byte 0x%02x is not UTF-8; save the text as UTF-8", s.text[at]))
		}
		at += n
	}
}

func (s *scanner) atEnd() bool { return s.pos == len(s.text) }

// peek is the byte at the position, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

// accept passes over c if it is next.
func (s *scanner) accept(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// word passes over w if it is next and no longer word begins there.
func (s *scanner) word(w string) bool {
	if !strings.HasPrefix(s.text[s.pos:], w) {
		return false
	}
	if end := s.pos + len(w); end == len(s.text) || !isWord(s.text[end]) {
		s.pos = end
		return true
	}
	return false
}

// found describes what stands at an offset.
func (s *scanner) found(at int) (text string, length int) {
	if at >= len(s.text) {
		return "the end", 0
	}
	end := at
	for end < len(s.text) && isWord(s.text[end]) {
		end++
	}
	if end == at {
		_, n := utf8.DecodeRuneInString(s.text[at:])
		end += n
	}
	return quote(s.text[at:end]), end - at
}

func (s *scanner) expected(at int, what string) *ParseError {
	text, length := s.found(at)
	return s.fail(at, length, fmt.Sprintf("expected %s, found %s", what, text))
}

func (s *scanner) fail(at, length int, msg string) *ParseError {
	return &ParseError{Text: s.text, Offset: at, Length: min(length, len(s.text)-at), Msg: msg}
}

func (s *scanner) warn(from int, msg string) {
	s.warnings = append(s.warnings, Warning{Offset: from, Length: s.pos - from, Msg: msg})
}

func quote(s string) string {
	if len(s) > maxQuotedInError {
		return fmt.Sprintf("%q…", s[:maxQuotedInError])
	}
	return fmt.Sprintf("%q", s)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func isAlphanumeric(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// isWord tells whether c continues a word; bytes of non-ASCII characters do, as they do in Python's \b.
func isWord(c byte) bool { return isAlphanumeric(c) || c == '_' || c >= utf8.RuneSelf }

func isNameByte(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' || c == '.' }
