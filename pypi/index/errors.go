package index

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/pypi"
)

// ErrNotFound is in the chain of every *NotFoundError.
var ErrNotFound = errors.New("not found")

// ErrNeedsBuild is returned for a version whose metadata only a build of its source distribution would tell.
var ErrNeedsBuild = errors.New("its metadata is known only after a build of the source distribution")

// NotFoundError says that no index has the project.
type NotFoundError struct {
	Name    pypi.Name
	Indexes []string // asked, without credentials
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("package %s is not on %s; check the name, or add the index that has it", e.Name, strings.Join(e.Indexes, ", "))
}

func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// UnavailableError says that an index could not be asked: the network, the server, or missing credentials.
type UnavailableError struct {
	URL    string // redacted
	Status int    // of HTTP, 0 when there was no answer
	Tries  int
	Err    error
}

func (e *UnavailableError) Error() string {
	s := fmt.Sprintf("%s is not available: %v", e.URL, e.Err)
	if e.Tries > 1 {
		s += fmt.Sprintf(" (%d tries)", e.Tries)
	}
	return s
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// UnusableError says that an index or a file of it answered with something that must not be used.
type UnusableError struct {
	URL string // redacted
	Err error
}

func (e *UnusableError) Error() string { return fmt.Sprintf("%s is not usable: %v", e.URL, e.Err) }

func (e *UnusableError) Unwrap() error { return e.Err }

// HashError is a file that does not have the hash that the index states for it, even when fetched anew. It is found
// in the chain of an *UnusableError.
type HashError struct {
	Algorithm string
	Want, Got string // hexadecimal
}

func (e *HashError) Error() string {
	return fmt.Sprintf("SECURITY ERROR: %s is %s, the index states %s; do not use it before its origin is clear", e.Algorithm, e.Got, e.Want)
}

// LocalError is a temporary file of this machine that could not be written.
type LocalError struct{ Err error }

func (e *LocalError) Error() string {
	return fmt.Sprintf("temporary file: %v; free space or set TMPDIR", e.Err)
}

func (e *LocalError) Unwrap() error { return e.Err }

// LimitError is an answer past one of the limits below. It is found in the chain of an *UnusableError.
type LimitError struct {
	What  string
	Limit int64
	Unit  string
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s is over the limit of %d %s", e.What, e.Limit, e.Unit)
}

// statusError is an HTTP answer that is not a success.
type statusError struct {
	status     int
	retryAfter time.Duration // as stated, 0 when not
}

func (e *statusError) Error() string {
	switch {
	case e.status == 401 || e.status == 403:
		return fmt.Sprintf("HTTP %d: credentials are missing or refused; put them into the index URL, into PYLOCK_INDEX_<NAME>_USERNAME and _PASSWORD, into netrc, or name a user in the URL and use --keyring-provider subprocess", e.status)
	case e.retryAfter > 0:
		return fmt.Sprintf("HTTP %d, asks to wait %s; try again later", e.status, e.retryAfter)
	}
	return fmt.Sprintf("HTTP %d", e.status)
}
