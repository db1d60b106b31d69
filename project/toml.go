package project

import (
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

const (
	// maxTOMLDepth bounds nested tables and arrays, in levels.
	maxTOMLDepth = 64 // levels of nesting
	// maxTOMLValues bounds the values of a document.
	maxTOMLValues = 1 << 20 // values of a document
)

type tomlKind uint8

const (
	tomlOther tomlKind = iota // numbers and dates
	tomlString
	tomlBool
	tomlArray
	tomlTable
)

var tomlKindNames = [...]string{"a number or date", "a string", "a boolean", "an array", "a table"}

// tomlValue is a value with its position.
type tomlValue struct {
	kind tomlKind
	off  int // byte offset of the value; of a table, of the key that opens it
	n    int // bytes
	// text is the content of a string. inner is the offset of its first byte,
	// or -1 where escapes make offsets in text differ from those in the file.
	text  string
	inner int
	isSet bool // of a boolean
	// literal is a number or date as written, scalar which of them it is.
	literal string
	scalar  unstable.Kind
	items   []*tomlValue
	keys    []tomlKey
}

// tomlKey is an entry of a table.
type tomlKey struct {
	name  string
	off   int
	value *tomlValue
}

func (v *tomlValue) get(name string) *tomlValue {
	if v == nil {
		return nil
	}
	for i := range v.keys {
		if v.keys[i].name == name {
			return v.keys[i].value
		}
	}
	return nil
}

// parseTOML reads a document. Where it cannot be read and has the marks of a
// merge conflict, they are what is wrong: a [*MergeConflictError].
func parseTOML(t *text) (*tomlValue, error) {
	v, err := parsePlainTOML(t)
	if err != nil {
		if conflict := t.mergeConflict(); conflict != nil {
			return nil, conflict
		}
	}
	return v, err
}

// parsePlainTOML checks a document by the library; a second pass keeps the
// positions that its decoder drops.
func parsePlainTOML(t *text) (*tomlValue, error) {
	root := &tomlValue{kind: tomlTable}
	b := tomlBuilder{text: t, index: map[*tomlValue]map[string]*tomlValue{}}
	b.parser.Reset(t.data)
	current := root
	for b.parser.NextExpression() {
		e := b.parser.Expression()
		var err error
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			current, err = b.header(root, e)
		case unstable.KeyValue:
			err = b.keyValue(current, e, 0)
		}
		if err != nil {
			return nil, err
		}
	}
	var all map[string]any
	if err := toml.Unmarshal(t.data, &all); err != nil {
		var de *toml.DecodeError
		if !errors.As(err, &de) {
			return nil, t.errorIn("%s", err)
		}
		msg := strings.TrimPrefix(de.Error(), "toml: ")
		return nil, t.errorAt(t.offset(de.Position()), 1, "invalid TOML: %s", msg)
	}
	if err := b.parser.Error(); err != nil {
		return nil, t.errorIn("invalid TOML: %s", err)
	}
	return root, nil
}

type tomlBuilder struct {
	parser unstable.Parser
	text   *text
	index  map[*tomlValue]map[string]*tomlValue
	values int
}

// put adds an entry; the caller knows that there is none.
func (b *tomlBuilder) put(table *tomlValue, name string, off int, v *tomlValue) {
	m := b.index[table]
	if m == nil {
		m = map[string]*tomlValue{}
		b.index[table] = m
	}
	m[name] = v
	table.keys = append(table.keys, tomlKey{name, off, v})
}

// descend follows a key from table, making tables on its way, and returns the
// table of its last part.
func (b *tomlBuilder) descend(table *tomlValue, it unstable.Iterator) (parent *tomlValue, last string, off, n int, err error) {
	for depth := 0; it.Next(); depth++ {
		if depth > 0 {
			next := b.index[table][last]
			if next == nil {
				next = &tomlValue{kind: tomlTable, off: off, n: n}
				b.put(table, last, off, next)
			}
			if next.kind == tomlArray && len(next.items) > 0 {
				next = next.items[len(next.items)-1]
			}
			if next.kind != tomlTable {
				return nil, "", 0, 0, b.text.errorAt(off, n, "invalid TOML: %q is %s already: remove one of the two", last, tomlKindNames[next.kind])
			}
			table = next
		}
		if depth >= maxTOMLDepth {
			return nil, "", 0, 0, b.text.errorAt(off, n, "more than %d levels deep: flatten it", maxTOMLDepth)
		}
		k := it.Node()
		last, off, n = string(k.Data), int(k.Raw.Offset), int(k.Raw.Length)
	}
	return table, last, off, n, nil
}

func (b *tomlBuilder) header(root *tomlValue, e *unstable.Node) (*tomlValue, error) {
	table, name, off, n, err := b.descend(root, e.Key())
	if err != nil {
		return nil, err
	}
	v := b.index[table][name]
	if e.Kind == unstable.ArrayTable {
		if v == nil {
			v = &tomlValue{kind: tomlArray, off: off, n: n}
			b.put(table, name, off, v)
		}
		if v.kind != tomlArray {
			return nil, b.text.errorAt(off, n, "invalid TOML: %q is %s already: remove one of the two", name, tomlKindNames[v.kind])
		}
		item := &tomlValue{kind: tomlTable, off: off, n: n}
		v.items = append(v.items, item)
		return item, nil
	}
	if v == nil {
		v = &tomlValue{kind: tomlTable, off: off, n: n}
		b.put(table, name, off, v)
	}
	if v.kind != tomlTable {
		return nil, b.text.errorAt(off, n, "invalid TOML: %q is %s already: remove one of the two", name, tomlKindNames[v.kind])
	}
	return v, nil
}

func (b *tomlBuilder) keyValue(table *tomlValue, e *unstable.Node, depth int) error {
	table, name, off, n, err := b.descend(table, e.Key())
	if err != nil {
		return err
	}
	if old := b.index[table][name]; old != nil {
		return b.text.errorAt(off, n, "invalid TOML: key %q is given twice, first at line %d: remove one of the two", name, b.text.place(old.off).Line)
	}
	v, err := b.value(e.Value(), off, n, depth)
	if err != nil {
		return err
	}
	b.put(table, name, off, v)
	return nil
}

func (b *tomlBuilder) value(e *unstable.Node, off, n, depth int) (*tomlValue, error) {
	if depth >= maxTOMLDepth {
		return nil, b.text.errorAt(off, n, "more than %d levels deep: flatten it", maxTOMLDepth)
	}
	if b.values++; b.values > maxTOMLValues {
		return nil, b.text.errorAt(off, n, "more than %d values: split the file", maxTOMLValues)
	}
	v := &tomlValue{off: off, n: n, inner: -1}
	if e.Raw.Length > 0 {
		v.off, v.n = int(e.Raw.Offset), int(e.Raw.Length)
	}
	switch e.Kind {
	case unstable.String:
		v.kind, v.text = tomlString, string(e.Data)
		raw := string(b.parser.Raw(e.Raw))
		for _, q := range []string{`"""`, `'''`, `"`, `'`} {
			if len(raw) >= 2*len(q) && strings.HasPrefix(raw, q) {
				if raw[len(q):len(raw)-len(q)] == v.text {
					v.inner = v.off + len(q)
				}
				break
			}
		}
	case unstable.Bool:
		v.kind, v.isSet = tomlBool, string(e.Data) == "true"
	case unstable.Integer, unstable.DateTime, unstable.LocalDateTime:
		v.scalar, v.literal = e.Kind, string(e.Data)
	case unstable.Array:
		v.kind = tomlArray
		for it := e.Children(); it.Next(); {
			item, err := b.value(it.Node(), v.off, v.n, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
	case unstable.InlineTable:
		v.kind = tomlTable
		for it := e.Children(); it.Next(); {
			if err := b.keyValue(v, it.Node(), depth+1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// stringAt returns the position of byte i of a string's content, or that of
// the string where escapes make it unknown.
func (v *tomlValue) stringAt(i, n int) (off, length int) {
	if v.inner < 0 {
		return v.off, v.n
	}
	return v.inner + i, n
}
