package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/resolver"
)

// The exit codes of every command.
const (
	exitYes         = 0
	exitNo          = 1 // the answer is no: no solution, unknown package
	exitInput       = 2 // usage or invalid input
	exitNetwork     = 3 // index or network not available
	exitMachine     = 4 // this machine: its disk is full or not writable, or a build failed on it
	exitInterrupted = 130
)

// inputError is a mistake in the arguments, or an input that cannot be read.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &inputError{fmt.Errorf(format, args...)} }

// errNo is the answer no where the product says why: nothing more is printed.
var errNo = errors.New("the answer is no")

// unverifiedError says what an offline check could not tell.
type unverifiedError struct{ what string }

func (e *unverifiedError) Error() string {
	return e.what + ": check it without --offline"
}

// outputError says that stdout does not take the product.
type outputError struct{ err error }

func (e *outputError) Error() string { return "standard output: " + rootCause(e.err).Error() }
func (e *outputError) Unwrap() error { return e.err }

// errTimeout is the cause of a context that --timeout ended.
type errTimeout struct{ after fmt.Stringer }

func (e *errTimeout) Error() string {
	return fmt.Sprintf("gave up after %s: raise --timeout, or see with -v what takes so long", e.after)
}

// exit prints an error and returns its code. It is the one place that does.
func (g *global) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitYes
	}
	if told := (*reported)(nil); errors.As(err, &told) {
		return told.code
	}
	p := g.printer()
	code := exitCode(err)
	switch {
	case errors.Is(err, errNo):
		return exitNo
	case errors.Is(err, syscall.EPIPE) && code == exitMachine:
		return exitMachine // whoever reads has left: nobody to tell
	case errors.As(err, new(*jobsError)):
		// Each job told its own.
	case errors.As(err, new(*interruptedError)):
		p.errorf("%s", err)
	case code == exitInterrupted:
		p.errorf("interrupted: nothing is written")
	default:
		p.errorf("%s", err)
	}
	return code
}

// exitCode is the code of an error; what has no class of its own is a matter
// of the input.
func exitCode(err error) int {
	if err == nil {
		return exitYes
	}
	var (
		timeout     *errTimeout
		noSolution  *resolver.NoSolutionError
		input       *inputError
		place       *project.InputError
		unavailable *index.UnavailableError
		unusable    *index.UnusableError
		write       *lockfile.WriteError
		output      *outputError
		local       *index.LocalError
		machine     *machineError
		notLocked   *notLockedError
		unverified  *unverifiedError
		noLock      *noLockError
	)
	if several := (*jobsError)(nil); errors.As(err, &several) {
		var codes []int
		for _, e := range several.errs {
			codes = append(codes, exitCode(e))
		}
		return gravest(codes)
	}
	switch {
	case errors.As(err, &timeout):
		return exitNetwork
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &write), errors.As(err, &output), errors.As(err, &local), errors.As(err, &machine), ofBuild(err):
		return exitMachine
	case errors.As(err, &noSolution), errors.As(err, &notLocked), errors.As(err, &noLock), errors.Is(err, index.ErrNotFound), errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &input), errors.As(err, &place):
		return exitInput
	case errors.As(err, &unavailable), errors.As(err, &unusable), errors.As(err, &unverified), errors.As(err, new(*resolver.TooManyUnreadableError)), errors.Is(err, context.DeadlineExceeded):
		return exitNetwork
	}
	return exitInput
}

// gravest is the code that several results have together: of an interrupt, else
// 2, 4, 3 and 1 in this order.
func gravest(codes []int) int {
	order := []int{exitYes, exitNo, exitNetwork, exitMachine, exitInput, exitInterrupted}
	worst := exitYes
	for _, c := range codes {
		if slices.Index(order, c) > slices.Index(order, worst) {
			worst = c
		}
	}
	return worst
}

// rootCause unwraps the error of a system call: its path is already told.
func rootCause(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
