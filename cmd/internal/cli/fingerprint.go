package cli

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"time"
)

// maxDepth bounds how deep values may refer to others.
const maxDepth = 64

// fingerprint returns a hash of all that the values hold, what they point to
// and unexported fields too: whatever a struct gets tomorrow is in it. Two
// values with the same fingerprint are alike; two that are alike may have
// different ones. The error is about functions and channels, of which nothing
// can be said.
func fingerprint(values ...any) ([sha256.Size]byte, error) {
	f := printing{h: sha256.New()}
	for _, v := range values {
		f.value(reflect.ValueOf(v), 0)
	}
	return [sha256.Size]byte(f.h.Sum(nil)), f.err
}

type printing struct {
	h   hash.Hash
	buf []byte
	err error
}

func (f *printing) number(n uint64) {
	f.buf = binary.AppendUvarint(f.buf[:0], n)
	f.h.Write(f.buf)
}

func (f *printing) text(s string) {
	f.buf = append(binary.AppendUvarint(f.buf[:0], uint64(len(s))), s...)
	f.h.Write(f.buf)
}

var timeType = reflect.TypeFor[time.Time]()

func (f *printing) value(v reflect.Value, depth int) {
	if depth > maxDepth {
		f.err = fmt.Errorf("values %d levels deep", depth)
	}
	if f.err != nil {
		return
	}
	f.number(uint64(v.Kind()))
	switch v.Kind() {
	case reflect.Invalid:
	case reflect.Bool:
		f.number(map[bool]uint64{true: 1}[v.Bool()])
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f.number(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		f.number(v.Uint())
	case reflect.String:
		f.text(v.String())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			f.text(string(v.Bytes()))
			return
		}
		f.number(uint64(v.Len()))
		for i := range v.Len() {
			f.value(v.Index(i), depth+1)
		}
	case reflect.Map:
		f.mapping(v, depth)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			f.number(0)
			return
		}
		if v.Kind() == reflect.Interface {
			f.text(v.Elem().Type().String())
		}
		f.value(v.Elem(), depth+1)
	case reflect.Struct:
		if v.Type() == timeType {
			f.instant(v)
			return
		}
		f.text(v.Type().String())
		for i := range v.NumField() {
			f.value(v.Field(i), depth+1)
		}
	default:
		if v.Kind() == reflect.Func && v.IsNil() || v.Kind() == reflect.UnsafePointer && v.IsNil() {
			return
		}
		f.err = fmt.Errorf("a value of type %s", v.Type())
	}
}

// mapping adds the entries in the order of their own hashes.
func (f *printing) mapping(v reflect.Value, depth int) {
	f.number(uint64(v.Len()))
	var entries []string
	for it := v.MapRange(); it.Next(); {
		e := printing{h: sha256.New()}
		e.value(it.Key(), depth+1)
		e.value(it.Value(), depth+1)
		if e.err != nil {
			f.err = e.err
			return
		}
		entries = append(entries, string(e.h.Sum(nil)))
	}
	slices.Sort(entries)
	for _, e := range entries {
		f.text(e)
	}
}

// instant adds a time without its zone, whose tables are large. The fields of
// a time that cannot be read as one are its seconds and nanoseconds.
func (f *printing) instant(v reflect.Value) {
	if v.CanInterface() {
		t := v.Interface().(time.Time)
		f.number(uint64(t.Unix()))
		f.number(uint64(t.Nanosecond()))
		return
	}
	for i := range v.NumField() {
		if k := v.Field(i).Kind(); k == reflect.Uint64 || k == reflect.Int64 {
			f.value(v.Field(i), 0)
		}
	}
}
