package project

import (
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Document is a value of a TOML document, with its place: how other packages
// read formats of their own. The zero Document is the absent value, of which
// every question has the answer no.
type Document struct {
	text  *text
	value *tomlValue
}

// ParseDocument reads TOML of at most limit bytes and returns its root, a
// table. Every error is an [*InputError] with a place in the file name.
func ParseDocument(name string, data []byte, limit int) (Document, error) {
	t, err := newTextOf(name, data, limit)
	if err != nil {
		return Document{}, err
	}
	v, err := parseTOML(t)
	if err != nil {
		return Document{}, err
	}
	return Document{t, v}, nil
}

// Exists reports whether there is a value.
func (d Document) Exists() bool { return d.value != nil }

// Get returns the value of a key of a table; the absent value where there is
// none, or where d is no table.
func (d Document) Get(key string) Document { return Document{d.text, d.value.get(key)} }

// IsTable reports whether d is a table.
func (d Document) IsTable() bool { return d.value != nil && d.value.kind == tomlTable }

// Items returns the items of an array; ok is false for anything else.
func (d Document) Items() (items []Document, ok bool) {
	if d.value == nil || d.value.kind != tomlArray {
		return nil, false
	}
	for _, v := range d.value.items {
		items = append(items, Document{d.text, v})
	}
	return items, true
}

// Each yields keys and values of a table, as written.
func (d Document) Each(yield func(string, Document) bool) {
	if !d.IsTable() {
		return
	}
	for _, k := range d.value.keys {
		if !yield(k.name, Document{d.text, k.value}) {
			return
		}
	}
}

// Text returns the content of a string.
func (d Document) Text() (s string, ok bool) {
	if d.value == nil || d.value.kind != tomlString {
		return "", false
	}
	return d.value.text, true
}

// Bool returns a boolean.
func (d Document) Bool() (set, ok bool) {
	if d.value == nil || d.value.kind != tomlBool {
		return false, false
	}
	return d.value.isSet, true
}

// Int returns an integer.
func (d Document) Int() (n int64, ok bool) {
	if d.value == nil || d.value.scalar != unstable.Integer {
		return 0, false
	}
	n, err := strconv.ParseInt(d.value.literal, 0, 64)
	return n, err == nil
}

// Time returns a date with a time, in UTC; one without an offset is taken to
// be in UTC already.
func (d Document) Time() (t time.Time, ok bool) {
	if d.value == nil || d.value.scalar != unstable.DateTime && d.value.scalar != unstable.LocalDateTime {
		return time.Time{}, false
	}
	s := strings.ToUpper(strings.Replace(d.value.literal, " ", "T", 1))
	if d.value.scalar == unstable.LocalDateTime {
		s += "Z"
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err == nil
}

// Kind says what d is, for a message: "a string".
func (d Document) Kind() string {
	if d.value == nil {
		return "absent"
	}
	return tomlKindNames[d.value.kind]
}

// Place is where the value stands; that of a table is where it opens.
func (d Document) Place() Place {
	if d.value == nil {
		return Place{}
	}
	return d.text.place(d.value.off)
}

// Errorf returns an [*InputError] at the value.
func (d Document) Errorf(format string, args ...any) error {
	return d.text.errorAt(d.value.off, d.value.n, format, args...)
}
