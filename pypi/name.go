// Package pypi holds the names of projects and extras.
//
// A name is made of ASCII letters, digits, '-', '_' and '.', and begins and ends with a letter or digit (PEP 508).
// Names that differ only in case or in the spelling of a run of '-', '_' and '.' are one name; its normal form is lower
// case with a single '-' for each run (PEP 503 for projects, PEP 685 for extras). A Name and an Extra are always normal,
// so that equality of strings is equality of names.
//
// https://packaging.python.org/en/latest/specifications/name-normalization/
package pypi

import (
	"fmt"
	"strings"
)

// MaxNameLength is the longest name accepted, in bytes.
const MaxNameLength = 256

// A Name is the normalized name of a project. ParseName and NormalizeName make it.
type Name string

// An Extra is the normalized name of an extra. ParseExtra and NormalizeExtra make it.
type Extra string

// A NameError says why a text is no name.
type NameError struct {
	Kind   string // "project name" or "extra name"
	Text   string // the text as given
	Offset int    // in bytes, where Text stops being a name
	Msg    string // what is wrong there
}

// Error names the text, escaped and shortened, and what to write instead.
func (e *NameError) Error() string {
	return fmt.Sprintf("invalid %s %s: %s; use letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
		e.Kind, quote(e.Text), e.Msg)
}

// ParseName checks that s is a project name and normalizes it. The error is a *NameError.
func ParseName(s string) (Name, error) {
	if err := check("project name", s); err != nil {
		return "", err
	}
	return NormalizeName(s), nil
}

// NormalizeName gives the normal form of a text known to be a project name.
func NormalizeName(s string) Name { return Name(normalize(s)) }

// ParseExtra checks that s is the name of an extra and normalizes it. The error is a *NameError.
func ParseExtra(s string) (Extra, error) {
	if err := check("extra name", s); err != nil {
		return "", err
	}
	return NormalizeExtra(s), nil
}

// NormalizeExtra gives the normal form of a text known to be the name of an extra.
func NormalizeExtra(s string) Extra { return Extra(normalize(s)) }

func check(kind, s string) error {
	if s == "" {
		return &NameError{Kind: kind, Text: s, Msg: "it is empty"}
	}
	if len(s) > MaxNameLength {
		return &NameError{Kind: kind, Text: s, Offset: MaxNameLength,
			Msg: fmt.Sprintf("it has %d bytes, the limit is %d", len(s), MaxNameLength)}
	}
	for i, r := range s {
		if r >= 0x80 || !isAlphanumeric(byte(r)) && !isSeparator(byte(r)) {
			return &NameError{Kind: kind, Text: s, Offset: i, Msg: fmt.Sprintf("%q is not allowed", r)}
		}
	}
	if isSeparator(s[0]) {
		return &NameError{Kind: kind, Text: s, Msg: fmt.Sprintf("it begins with %q", s[0])}
	}
	if last := len(s) - 1; isSeparator(s[last]) {
		return &NameError{Kind: kind, Text: s, Offset: last, Msg: fmt.Sprintf("it ends with %q", s[last])}
	}
	return nil
}

func normalize(s string) string {
	if isNormal(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if !isSeparator(s[i]) {
			b = append(b, s[i])
		} else if i == 0 || !isSeparator(s[i-1]) {
			b = append(b, '-')
		}
	}
	return strings.ToLower(string(b))
}

func isNormal(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '-':
			if i > 0 && s[i-1] == '-' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func isSeparator(c byte) bool { return c == '-' || c == '_' || c == '.' }

// quote escapes s for a message and cuts it where it is too long to read.
func quote(s string) string {
	const longest = 80 // bytes
	if len(s) > longest {
		return fmt.Sprintf("%q…", s[:longest])
	}
	return fmt.Sprintf("%q", s)
}
