package pep440

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxVersionLength is the longest version accepted, in bytes without surrounding white space.
const MaxVersionLength = 256 // bytes of a version

// A ParseError says where and why a text is no version or no specifier.
type ParseError struct {
	Kind   string // "version" or "specifier"
	Text   string // the text as given
	Offset int    // in bytes from the beginning of Text
	Msg    string // what is wrong there, and what to write
}

// Error names the text, escaped and shortened, the character counted from 1, and the fault.
func (e *ParseError) Error() string {
	const longest = 80 // bytes
	text, more := e.Text, ""
	if len(text) > longest {
		text, more = text[:longest], "…"
	}
	return fmt.Sprintf("invalid %s %q%s: character %d: %s", e.Kind, text, more,
		utf8.RuneCountInString(e.Text[:e.Offset])+1, e.Msg)
}

// Parse reads a version in any spelling that PEP 440 allows, with white space around it. The error is a *ParseError.
//
//	version  = ["v"] [N "!"] N *("." N) [pre] [post] [dev] ["+" local]     letters in any case
//	pre      = [sep] ("alpha" | "a" | "beta" | "b" | "preview" | "pre" | "c" | "rc") [sep] [N]
//	post     = "-" N | [sep] ("post" | "rev" | "r") [sep] [N]
//	dev      = [sep] "dev" [sep] [N]
//	local    = 1*(letter | digit) *(sep 1*(letter | digit))
//	sep      = "." | "-" | "_"
//
// https://packaging.python.org/en/latest/specifications/version-specifiers/#appendix-parsing-version-strings-with-regular-expressions
func Parse(s string) (Version, error) {
	begin, end := trim(s)
	if end-begin > MaxVersionLength {
		return Version{}, &ParseError{"version", s, begin + MaxVersionLength,
			fmt.Sprintf("it has %d bytes, the limit is %d", end-begin, MaxVersionLength)}
	}
	v, at, msg := parse(s[begin:end])
	if msg != "" {
		return Version{}, &ParseError{"version", s, begin + at, msg}
	}
	return v, nil
}

// trim gives the bounds of s without surrounding white space.
func trim(s string) (begin, end int) {
	begin, end = 0, len(s)
	if end > 0 && s[0] > ' ' && s[0] < utf8.RuneSelf && s[end-1] > ' ' && s[end-1] < utf8.RuneSelf {
		return begin, end
	}
	t := strings.TrimLeftFunc(s, isSpace)
	begin = len(s) - len(t)
	return begin, begin + len(strings.TrimRightFunc(t, isSpace))
}

// isSpace reports white space as the reference implementation's language sees it: with the four ASCII separators.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// parse reads a version without surrounding white space and without a limit; a message is returned with its offset.
func parse(s string) (v Version, at int, msg string) {
	var buffer releaseBuffer
	p := parts{release: buffer[:0], phase: phaseNone}
	i := 0
	if i < len(s) && s[i]|0x20 == 'v' {
		i++
	}
	end := digits(s, i)
	if end == i {
		return v, i, "a version begins with a number, " + found(s, i)
	}
	if end < len(s) && s[end] == '!' {
		p.epoch = parseNumber(s[i:end])
		i = end + 1
		if end = digits(s, i); end == i {
			return v, i, "a number follows the epoch, " + found(s, i)
		}
	}
	p.release = append(p.release, parseNumber(s[i:end]))
	for i = end; i < len(s) && s[i] == '.'; i = end {
		if end = digits(s, i+1); end == i+1 {
			break
		}
		p.release = append(p.release, parseNumber(s[i+1:end]))
	}
	if i < len(s) {
		i = parsePre(s, i, &p)
		i = parsePost(s, i, &p)
		i = parseDev(s, i, &p)
	}
	if i < len(s) && s[i] == '+' {
		if p.local, i, msg = parseLocal(s, i+1); msg != "" {
			return v, i, msg
		}
	}
	if i < len(s) {
		return v, i, found(s, i) + ", write a version such as 1.2.3, 1.2.3rc1 or 1.2.3.post1"
	}
	return p.version(), 0, ""
}

// found tells what stands at s[i:].
func found(s string, i int) string {
	if i >= len(s) {
		return "found its end"
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return fmt.Sprintf("found %q", r)
}

func digits(s string, i int) int {
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

func separator(s string, i int) int {
	if i < len(s) && (s[i] == '.' || s[i] == '-' || s[i] == '_') {
		return i + 1
	}
	return i
}

// word returns the offset after the lower-case ASCII word w, which may be in any case in s, or i if it is not there.
func word(s string, i int, w string) int {
	if len(s)-i < len(w) {
		return i
	}
	for j := range len(w) {
		if s[i+j]|0x20 != w[j] {
			return i
		}
	}
	return i + len(w)
}

// serial reads the optional number after a letter, and the separator before it.
func serial(s string, i int) (number, int) {
	i = separator(s, i)
	end := digits(s, i)
	return parseNumber(s[i:end]), end
}

func parsePre(s string, i int, p *parts) int {
	begin := separator(s, i)
	if begin == len(s) {
		return i
	}
	end, is := begin, phaseNone
	switch s[begin] | 0x20 {
	case 'a':
		is = phaseAlpha
		if end = word(s, begin, "alpha"); end == begin {
			end++
		}
	case 'b':
		is = phaseBeta
		if end = word(s, begin, "beta"); end == begin {
			end++
		}
	case 'c':
		is, end = phaseRC, begin+1
	case 'r':
		is, end = phaseRC, word(s, begin, "rc")
	case 'p':
		is = phaseRC
		if end = word(s, begin, "preview"); end == begin {
			end = word(s, begin, "pre")
		}
	}
	if end == begin {
		return i
	}
	p.phase = is
	p.pre, end = serial(s, end)
	return end
}

func parsePost(s string, i int, p *parts) int {
	if i < len(s) && s[i] == '-' {
		if end := digits(s, i+1); end > i+1 {
			p.hasPost, p.post = true, parseNumber(s[i+1:end])
			return end
		}
	}
	begin := separator(s, i)
	end := word(s, begin, "post")
	if end == begin {
		end = word(s, begin, "rev")
	}
	if end == begin {
		end = word(s, begin, "r")
	}
	if end == begin {
		return i
	}
	p.hasPost = true
	p.post, end = serial(s, end)
	return end
}

func parseDev(s string, i int, p *parts) int {
	begin := separator(s, i)
	end := word(s, begin, "dev")
	if end == begin {
		return i
	}
	p.hasDev = true
	p.dev, end = serial(s, end)
	return end
}

func parseLocal(s string, i int) (local []segment, end int, msg string) {
	for {
		begin, numeric := i, true
		for ; i < len(s); i++ {
			if c := s[i] | 0x20; 'a' <= c && c <= 'z' {
				numeric = false
			} else if s[i] < '0' || s[i] > '9' {
				break
			}
		}
		switch {
		case i == begin:
			return nil, i, "letters or digits make a local version, " + found(s, i)
		case numeric:
			local = append(local, segment{n: parseNumber(s[begin:i])})
		default:
			local = append(local, segment{text: strings.ToLower(s[begin:i])})
		}
		if i = separator(s, i); s[i-1] != '.' && s[i-1] != '-' && s[i-1] != '_' {
			return local, i, ""
		}
	}
}
