package lockfile

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
)

// MergeConflictError is a lock with the marks of a merge that is not finished.
type MergeConflictError = project.MergeConflictError

const (
	oursMark   = project.OursMark
	baseMark   = project.BaseMark
	middleMark = project.MiddleMark
	theirsMark = project.TheirsMark
)

// ParseConflicted reads a lock for the preferences that it holds: where it has
// the marks of a merge conflict, both sides. Pins then come by name and, of one
// name, the newest first, so that it is no matter which side was merged into
// which; a pin that both sides have is there once, with the hashes of both.
// Header and options are those of the first side.
//
// Errors are those of [ParseLax], but for the marks; marks that do not match
// are a [*project.InputError].
func ParseConflicted(name string, data []byte) (*Lock, error) {
	// Without marks the order of the pins says which of two is preferred.
	l, err := ParseLax(name, data)
	if !errors.As(err, new(*MergeConflictError)) {
		return l, err
	}
	p := &parser{name: name}
	if err := p.split(data); err != nil {
		return nil, err
	}
	ours, theirs := &parser{name: name, lock: &Lock{}}, &parser{name: name, lock: &Lock{}}
	within := "" // the last mark
	follows := map[string][]string{"": {oursMark}, oursMark: {baseMark, middleMark}, baseMark: {middleMark}, middleMark: {theirsMark}}
	for i, line := range p.lines {
		m := project.ConflictMark(line)
		if m != "" {
			if !slices.Contains(follows[within], m) {
				return nil, p.fail(i+1, 1, "%s is the mark of a merge, and nothing before it fits: take one side of the file", m)
			}
			within = m
			if m == theirsMark {
				within = ""
			}
			continue
		}
		for _, side := range []*parser{ours, theirs} {
			if within == "" || within == oursMark && side == ours || within == middleMark && side == theirs {
				side.lines, side.numbers = append(side.lines, line), append(side.numbers, i+1)
			}
		}
	}
	if within != "" {
		return nil, p.fail(len(p.lines), 1, "the merge conflict does not end: take one side of the file")
	}
	for _, side := range []*parser{ours, theirs} {
		if err := side.run(); err != nil {
			return nil, err
		}
	}
	ours.lock.join(theirs.lock)
	return ours.lock, nil
}

// join adds the pins of the other side of a conflict.
func (l *Lock) join(theirs *Lock) {
	for _, pin := range theirs.Pins {
		i := slices.IndexFunc(l.Pins, func(p Pin) bool {
			return p.Name == pin.Name && p.Version.Equal(pin.Version) && p.Marker == pin.Marker
		})
		if i < 0 {
			l.Pins = append(l.Pins, pin)
			continue
		}
		l.Pins[i].Hashes = slices.Compact(slices.Sorted(slices.Values(slices.Concat(l.Pins[i].Hashes, pin.Hashes))))
	}
	slices.SortStableFunc(l.Pins, func(a, b Pin) int {
		if a.Name == b.Name {
			return b.Version.Compare(a.Version)
		}
		return comparePins(a, b)
	})
}

// sides returns the two texts that the marks of a conflict tell apart.
func sides(name string, data []byte) (ours, theirs []byte, err error) {
	within := ""
	for line := range bytes.Lines(data) {
		if m := project.ConflictMark(strings.TrimRight(string(line), "\r\n")); m != "" {
			within = m
			if m == theirsMark {
				within = ""
			}
			continue
		}
		if within == "" || within == oursMark {
			ours = append(ours, line...)
		}
		if within == "" || within == middleMark {
			theirs = append(theirs, line...)
		}
	}
	if within != "" {
		return nil, nil, &project.InputError{Place: project.Place{File: name}, Msg: "the merge conflict does not end: take one side of the file"}
	}
	return ours, theirs, nil
}
