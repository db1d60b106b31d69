// Package netrc reads the file of that name, in which machines have a user and a password: the format of ftp(1) with the
// quotes and comments that Python's netrc module has.
//
//	file    = { entry }
//	entry   = "machine" word { field } | "default" { field } | "macdef" word line … up to an empty one
//	field   = ( "login" | "user" | "account" | "password" ) word
//	word    = characters up to white space | '"' characters '"', with \ before a character that stands for itself
//	comment = "#" at the begin of a word where an entry or field could begin, to the end of the line
package netrc

import (
	"fmt"
	"strings"
)

// MaxSize bounds a file, in bytes.
const MaxSize = 1 << 20

// Entry is what a file says of one machine.
type Entry struct{ Login, Password string }

// File is a file that was read; the zero File says nothing.
type File struct {
	machines  map[string]Entry
	byDefault *Entry
}

// Find returns the first entry of a host name. Names are compared without regard to case.
func (f *File) Find(host string) (Entry, bool) {
	if f == nil {
		return Entry{}, false
	}
	e, ok := f.machines[strings.ToLower(host)]
	return e, ok
}

// Default returns the entry for all other hosts.
func (f *File) Default() (Entry, bool) {
	if f == nil || f.byDefault == nil {
		return Entry{}, false
	}
	return *f.byDefault, true
}

// SyntaxError says what is wrong with a file. It holds nothing of its text, which may be a password.
type SyntaxError struct {
	Line int // from 1 on
	Msg  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// Parse reads the text of a file.
func Parse(text string) (*File, error) {
	if len(text) > MaxSize {
		return nil, &SyntaxError{1, fmt.Sprintf("the file is over the limit of %d bytes", MaxSize)}
	}
	s := &scanner{rest: strings.TrimPrefix(text, "\ufeff"), line: 1}
	f := &File{machines: map[string]Entry{}}
	var entry Entry
	store := func() {}
	for {
		line := s.line
		key, ok, err := s.word(true)
		if err != nil {
			return nil, err
		}
		if !ok {
			store()
			return f, nil
		}
		value := func(what string) (string, error) {
			v, ok, err := s.word(false)
			if err == nil && !ok {
				err = &SyntaxError{s.line, what + " without a value"}
			}
			return v, err
		}
		switch key {
		case "machine":
			store()
			host, err := value(key)
			if err != nil {
				return nil, err
			}
			entry = Entry{}
			host = strings.ToLower(host)
			store = func() {
				if _, have := f.machines[host]; !have {
					f.machines[host] = entry
				}
			}
		case "default":
			store()
			entry = Entry{}
			store = func() {
				if f.byDefault == nil {
					own := entry
					f.byDefault = &own
				}
			}
		case "login", "user":
			if entry.Login, err = value(key); err != nil {
				return nil, err
			}
		case "password":
			if entry.Password, err = value(key); err != nil {
				return nil, err
			}
		case "account":
			if _, err = value(key); err != nil {
				return nil, err
			}
		case "macdef":
			if _, err = value(key); err != nil {
				return nil, err
			}
			s.macro()
		default:
			return nil, &SyntaxError{max(line, s.at), "a word that is none of machine, default, login, password, account and macdef; quote a password with spaces"}
		}
	}
}

type scanner struct {
	rest     string
	line, at int // now, and where the last word began
}

func (s *scanner) next() {
	if s.rest[0] == '\n' {
		s.line++
	}
	s.rest = s.rest[1:]
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// word returns the next word, and whether there is one. Comments are skipped where a key is due; a value may begin with
// a number sign.
func (s *scanner) word(key bool) (string, bool, error) {
	for s.rest != "" {
		switch c := s.rest[0]; {
		case space(c):
			s.next()
			continue
		case key && c == '#':
			for s.rest != "" && s.rest[0] != '\n' {
				s.next()
			}
			continue
		}
		break
	}
	s.at = s.line
	if s.rest == "" {
		return "", false, nil
	}
	var b strings.Builder
	quoted := s.rest[0] == '"'
	if quoted {
		s.next()
	}
	for s.rest != "" {
		c := s.rest[0]
		switch {
		case quoted && c == '"':
			s.next()
			return b.String(), true, nil
		case !quoted && space(c):
			return b.String(), true, nil
		case c == '\\' && len(s.rest) > 1:
			s.next()
			c = s.rest[0]
		}
		b.WriteByte(c)
		s.next()
	}
	if quoted {
		return "", false, &SyntaxError{s.at, "a quote that does not end"}
	}
	return b.String(), true, nil
}

// macro skips the lines of a macro.
func (s *scanner) macro() {
	for first := true; s.rest != ""; first = false {
		line, rest, _ := strings.Cut(s.rest, "\n")
		s.rest = rest
		s.line++
		if !first && strings.TrimSpace(line) == "" {
			return
		}
	}
}
