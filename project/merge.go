package project

import (
	"bytes"
	"fmt"
	"strings"
)

// The lines that git writes where two sides of a merge differ.
const (
	OursMark   = "<<<<<<<"
	BaseMark   = "|||||||"
	MiddleMark = "======="
	TheirsMark = ">>>>>>>"
)

// ConflictMark returns the mark of a merge conflict that a line is, or "".
func ConflictMark(line string) string {
	const n = len(OursMark)
	if len(line) < n || len(line) > n && line[n] != ' ' {
		return ""
	}
	if m := line[:n]; m == OursMark || m == BaseMark || m == MiddleMark || m == TheirsMark {
		return m
	}
	return ""
}

// MergeConflictError is a file with the marks of a merge that is not finished.
type MergeConflictError struct {
	Place Place  // of the first mark
	Mark  string // one of the marks
	Lock  bool   // the file is a lock, which a recompile mends
}

func (e *MergeConflictError) Error() string { return e.Unwrap().Error() }

// Unwrap returns it as an [*InputError].
func (e *MergeConflictError) Unwrap() error {
	cure := "take one side of the file, or write what both need"
	if e.Lock {
		cure = "compile the lock, or take one side of the file"
	}
	return &InputError{Place: e.Place, Msg: fmt.Sprintf("%s is the mark of a merge conflict that is not resolved: %s", e.Mark, cure)}
}

// mergeConflict returns the first mark of a merge conflict, nil for none. The
// middle one alone may underline a title.
func (t *text) mergeConflict() error {
	n := 0
	for l := range bytes.Lines(t.data) {
		n++
		if m := ConflictMark(strings.TrimRight(string(l), "\r\n")); m != "" && m != MiddleMark {
			return &MergeConflictError{Place: Place{File: t.name, Line: n, Column: 1}, Mark: m}
		}
	}
	return nil
}
