package build

import (
	"fmt"
	"strings"
	"time"
)

// Error is a build that failed: the backend's fault as a rule, or that of a machine which lacks what the backend needs.
type Error struct {
	Subject string   // the archive or folder
	Step    string   // what was done, such as "prepare_metadata_for_build_wheel"
	Err     error    // a *TimeoutError, or what the process ended with
	Output  []string // the last lines that it printed, as they were: whoever shows them escapes them
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the build of %s failed in %s: %v", e.Subject, e.Step, e.Err)
	for _, line := range e.Output {
		b.WriteString("\n  | " + line)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// TimeoutError says that a build took too long.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("it took more than %s", e.After)
}

// SetupError says that this machine cannot build: there is no Python for it, or it lacks a part.
type SetupError struct{ Msg string }

func (e *SetupError) Error() string { return e.Msg }
