package dist

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A header holds the fields of core metadata that a resolver reads, as
// written: folded lines joined as they stand, without the last line break.
type header struct {
	metadataVersion, name, version, requiresPython single
	requiresDist, providesExtra, dynamic           []string
	projectURL                                     []string
}

// A single is a field that may appear once.
type single struct {
	value    string // the first
	count    int
	conflict bool // another value follows
}

func (s *single) add(value string) {
	if s.count == 0 {
		s.value = value
	} else if value != s.value {
		s.conflict = true
	}
	s.count++
}

var utf8BOM = []byte("\xef\xbb\xbf")

// readHeader reads the header of core metadata as Python's email parser does:
//
//	header       = { field | "From " text EOL | ":" text EOL } [ EOL body ]
//	field        = name ":" text EOL { continuation }
//	name         = visible ASCII but ":"
//	continuation = ( " " | TAB ) text EOL
//	EOL          = CR LF | LF | CR
//
// The second and third alternative are skipped, and so are continuations of
// nothing. Any other line ends the header. A byte order mark is skipped too.
//
// https://packaging.python.org/en/latest/specifications/core-metadata/
func readHeader(b []byte) (*header, error) {
	h := new(header)
	err := eachField(b, func(name, value, _ []byte) error { return h.add(name, value) })
	if err != nil {
		return nil, err
	}
	return h, nil
}

// TrimMetadata returns the fields of a METADATA or PKG-INFO file that
// [ParseMetadata] reads, as they stand there: it makes the same of both.
func TrimMetadata(b []byte) []byte {
	var out []byte
	eachField(b, func(name, _, field []byte) error {
		h := header{}
		if one, list := h.field(name); one != nil || list != nil {
			out = append(out, field...)
		}
		return nil
	})
	return out
}

// eachField calls do for each field until it returns an error; field is all of
// it, with the line break.
func eachField(b []byte, do func(name, value, field []byte) error) error {
	b = bytes.TrimPrefix(b, utf8BOM)
	for len(b) > 0 {
		line, rest := cutLine(b)
		if line[0] == ' ' || line[0] == '\t' || bytes.HasPrefix(line, []byte("From ")) {
			b = rest
			continue
		}
		colon := fieldName(line)
		if colon < 0 {
			break
		}
		start := b
		b = rest
		for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
			_, b = cutLine(b)
		}
		field := start[:len(start)-len(b)]
		if colon == 0 {
			continue
		}
		if err := do(field[:colon], field[colon+1:], field); err != nil {
			return err
		}
	}
	return nil
}

// field returns where a field goes: to one of both, or nowhere.
func (h *header) field(name []byte) (one *single, list *[]string) {
	switch {
	case bytes.EqualFold(name, []byte("Requires-Dist")):
		list = &h.requiresDist
	case bytes.EqualFold(name, []byte("Provides-Extra")):
		list = &h.providesExtra
	case bytes.EqualFold(name, []byte("Dynamic")):
		list = &h.dynamic
	case bytes.EqualFold(name, []byte("Metadata-Version")):
		one = &h.metadataVersion
	case bytes.EqualFold(name, []byte("Name")):
		one = &h.name
	case bytes.EqualFold(name, []byte("Version")):
		one = &h.version
	case bytes.EqualFold(name, []byte("Requires-Python")):
		one = &h.requiresPython
	case bytes.EqualFold(name, []byte("Project-URL")):
		list = &h.projectURL
	}
	return one, list
}

// add files a field where it is one that is read.
func (h *header) add(name, value []byte) error {
	one, list := h.field(name)
	switch {
	case one == nil && list == nil:
		return nil
	case list == &h.projectURL && !utf8.Valid(value):
		return nil // it decides nothing, so it makes nothing unusable
	}
	if !utf8.Valid(value) {
		return &FieldError{Field: string(name), Value: string(value), Err: fmt.Errorf("is not UTF-8 text")}
	}
	text := strings.TrimRight(strings.TrimLeft(string(value), " \t"), "\r\n")
	if one != nil {
		one.add(text)
	} else {
		*list = append(*list, text)
	}
	return nil
}

// cutLine splits b after its first line break.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexAny(b, "\r\n")
	switch {
	case i < 0:
		return b, nil
	case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
		i++
	}
	return b[:i+1], b[i+1:]
}

// fieldName returns the place of the colon after a field's name, or -1.
func fieldName(line []byte) int {
	for i, c := range line {
		switch {
		case c == ':':
			return i
		case c <= ' ' || c >= 0x7f:
			return -1
		}
	}
	return -1
}

// unfold makes one line of a folded value.
func unfold(s string) string {
	s = strings.TrimSpace(s)
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
