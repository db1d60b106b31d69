package pep508

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// A Requirement is a dependency specifier: a project and which of its releases will do, or a direct reference to one.
type Requirement struct {
	Name       pypi.Name
	NameText   string            // the name as written
	Extras     []pypi.Extra      // sorted, unique; nil for none
	Specifiers pep440.Specifiers // nil allows every version
	URL        string            // as written, unchecked: a URL or a path; "" unless it is a direct reference
	Marker     Marker
}

// ParseRequirement reads a requirement. The error is a *ParseError. A path or URL without a name, which a requirements
// file may hold, is refused: "NAME @ URL" is the form.
func ParseRequirement(text string) (Requirement, []Warning, error) {
	s := scanner{text: text}
	err := s.checkUTF8()
	var r Requirement
	if err == nil {
		r, err = s.requirement()
	}
	if err != nil {
		return Requirement{}, nil, err
	}
	return r, s.warnings, nil
}

func (s *scanner) requirement() (Requirement, error) {
	var r Requirement
	s.space()
	start := s.pos
	if s.atEnd() {
		return r, s.fail(start, 0, "expected a project name, found nothing")
	}
	name, err := s.name("a project name")
	if err != nil {
		if isReference(s.text[start:]) {
			return r, s.unnamed(start)
		}
		return r, err
	}
	r.NameText, r.Name = name, pypi.NormalizeName(name)
	s.space()
	if r.Extras, err = s.extras(); err != nil {
		return r, err
	}
	s.space()

	switch s.peek() {
	case '@':
		s.pos++
		if r.URL, err = s.url(); err != nil {
			return r, err
		}
	case '(':
		open := s.pos
		s.pos++
		end := strings.IndexByte(s.text[s.pos:], ')')
		if end < 0 {
			return r, s.fail(open, 1, "the parenthesis is not closed: expected \")\" after the version specifiers")
		}
		if r.Specifiers, err = s.specifiers(s.pos + end); err != nil {
			return r, err
		}
		s.pos++
	case '<', '>', '=', '!', '~':
		end := strings.IndexByte(s.text[s.pos:], ';')
		if end < 0 {
			end = len(s.text) - s.pos
		}
		if r.Specifiers, err = s.specifiers(s.pos + end); err != nil {
			return r, err
		}
	case ';':
	default:
		if !s.atEnd() {
			if isReference(s.text[start:]) {
				return r, s.unnamed(start)
			}
			return r, s.expected(s.pos, `a version specifier, "@", "[" or ";"`)
		}
	}
	if r.URL == "" && r.Specifiers == nil && isArchive(name) {
		return r, s.unnamed(start)
	}

	s.space()
	if s.accept(';') {
		if r.Marker, err = s.marker(); err != nil {
			return r, err
		}
		return r, s.markerEnd()
	}
	if !s.atEnd() {
		return r, s.expected(s.pos, `";" or the end`)
	}
	return r, nil
}

// name reads a project or extra name.
func (s *scanner) name(what string) (string, error) {
	start := s.pos
	if !isAlphanumeric(s.peek()) {
		return "", s.expected(start, what+" (it begins with a letter or digit)")
	}
	for s.pos < len(s.text) && isNameByte(s.text[s.pos]) {
		s.pos++
	}
	if c := s.text[s.pos-1]; !isAlphanumeric(c) {
		return "", s.fail(s.pos-1, 1, fmt.Sprintf("%s must end with a letter or digit, not %q", what, c))
	}
	if n := s.pos - start; n > MaxNameLength {
		return "", s.fail(start, n, fmt.Sprintf("%s of %d bytes is too long, the limit is %d", what, n, MaxNameLength))
	}
	return s.text[start:s.pos], nil
}

func (s *scanner) extras() ([]pypi.Extra, error) {
	open := s.pos
	if !s.accept('[') {
		return nil, nil
	}
	s.space()
	if s.accept(']') {
		return nil, nil
	}
	var list []pypi.Extra
	for {
		s.space()
		if s.atEnd() {
			return nil, s.fail(open, 1, `the bracket is not closed: expected "]" after the extras`)
		}
		text, err := s.name("an extra name")
		if err != nil {
			return nil, err
		}
		if len(list) == MaxExtras {
			return nil, s.fail(open, s.pos-open, fmt.Sprintf("more than %d extras are not supported", MaxExtras))
		}
		list = append(list, pypi.NormalizeExtra(text))
		s.space()
		switch {
		case s.accept(','):
		case s.accept(']'):
			slices.Sort(list)
			return slices.Compact(list), nil
		case s.atEnd():
			return nil, s.fail(open, 1, `the bracket is not closed: expected "]" after the extras`)
		default:
			return nil, s.expected(s.pos, `"," or "]" after the extra`)
		}
	}
}

// specifiers reads the clauses up to end. None at all is allowed, as is a comma after the last.
func (s *scanner) specifiers(end int) (pep440.Specifiers, error) {
	start := s.pos
	list := s.text[start:end]
	s.pos = end
	if i := strings.IndexAny(list, "\r\n\v\f"); i >= 0 {
		return nil, s.expected(start+i, `",", ";" or the end`)
	}
	if n := strings.Count(list, ","); n > MaxClauses {
		return nil, s.fail(start, len(list), fmt.Sprintf("%d version specifiers are too many, the limit is %d", n, MaxClauses))
	}
	list = strings.TrimRight(list, " \t")
	shorter, comma := strings.CutSuffix(list, ",")
	if comma && strings.Trim(shorter, " \t") == "" {
		return nil, s.expected(start+len(shorter), "a version specifier such as >=1.0")
	}
	all, err := pep440.ParseSpecifiers(shorter)
	var cause *pep440.ParseError
	if errors.As(err, &cause) {
		return nil, s.fail(start+cause.Offset, len(shorter)-cause.Offset,
			"invalid version specifier "+quote(strings.TrimLeft(list, " \t"))+": "+cause.Msg)
	}
	if err != nil {
		return nil, s.fail(start, len(list), err.Error())
	}
	for _, one := range all {
		if one.Op == pep440.Arbitrary && one.Version.IsZero() {
			return nil, s.fail(start, len(list), "expected a version after ===, found "+quote(one.Text))
		}
	}
	return all, nil
}

// url reads a direct reference. It ends before white space that a ';' follows, before a ';' that white space follows,
// and at the end. White space inside it is kept, since paths may have some, but not in a URL, and not beside a ';',
// where it is rather a marker that lacks the white space before it.
func (s *scanner) url() (string, error) {
	s.space()
	start, end := s.pos, len(s.text)
scan:
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case isSpace(c):
			next := i
			for next < len(s.text) && isSpace(s.text[next]) {
				next++
			}
			if next == len(s.text) || s.text[next] == ';' {
				end = i
				break scan
			}
			if s.text[next] == '#' {
				return "", s.expected(next, `";" or the end after the URL (a comment does not belong to a requirement)`)
			}
			i = next - 1
		case c == ';' && i > start && i+1 < len(s.text) && isSpace(s.text[i+1]):
			end = i
			break scan
		}
	}
	s.pos = end
	if end == start {
		return "", s.expected(start, "a URL or path after @")
	}
	for i, r := range s.text[start:end] {
		if !unicode.IsPrint(r) {
			return "", s.expected(start+i, "a URL without control characters")
		}
	}
	if i := strings.IndexByte(s.text[start:end], ' '); i >= 0 {
		if semicolon := strings.IndexByte(s.text[start:end], ';'); semicolon >= 0 {
			return "", s.fail(start+semicolon, 1, `expected white space before ";", which begins a marker only after it`)
		}
		if strings.Contains(s.text[start:end], "://") {
			return "", s.expected(start+i, `a URL without white space, or ";" after it`)
		}
	}
	return s.text[start:end], nil
}

func (s *scanner) unnamed(at int) *ParseError {
	length := strings.IndexAny(s.text[at:], " \t")
	if length < 0 {
		length = len(s.text) - at
	}
	// The text may hold credentials, so it is not repeated.
	return s.fail(at, length, `this is a file or URL without a name; write "NAME @ " before it`)
}

// isReference tells whether text begins with what looks like a path or URL rather than a name.
func isReference(text string) bool {
	if end := strings.IndexAny(text, " \t"); end >= 0 {
		text = text[:end]
	}
	if text == "" {
		return false
	}
	if c := text[0]; c == '.' || c == '/' || c == '\\' {
		return true
	}
	return strings.ContainsAny(text, `/\:`) || isArchive(text)
}

// isArchive tells whether a name is rather that of a distribution file.
func isArchive(name string) bool {
	switch path.Ext(name) {
	case ".whl", ".zip", ".tgz", ".tar":
		return true
	case ".gz":
		return path.Ext(strings.TrimSuffix(name, ".gz")) == ".tar"
	}
	return false
}

// String is the normal form: the name as written, extras and specifiers sorted, the marker as Marker.String has it.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(r.NameText)
	for i, extra := range r.Extras {
		b.WriteByte("[,"[min(i, 1)])
		b.WriteString(string(extra))
	}
	if len(r.Extras) > 0 {
		b.WriteByte(']')
	}
	b.WriteString(r.Specifiers.String())
	if r.URL != "" {
		b.WriteString(" @ " + r.URL)
	}
	if !r.Marker.IsTrivial() {
		if r.URL != "" {
			b.WriteByte(' ')
		}
		b.WriteString("; " + r.Marker.String())
	}
	return b.String()
}
