// Package sysexits holds the exit codes of sendmail's world (sysexits.h) and
// the one error type that a person gets to read: what happened, why, and what
// to type next.
package sysexits

import (
	"errors"
	"fmt"
	"io"
)

// The codes of sysexits.h. Scripts match them; none may change.
const (
	OK          = 0
	Usage       = 64
	DataErr     = 65
	NoInput     = 66
	NoUser      = 67
	NoHost      = 68
	Unavailable = 69
	Software    = 70
	OSErr       = 71
	OSFile      = 72
	CantCreat   = 73
	IOErr       = 74
	TempFail    = 75
	Protocol    = 76
	NoPerm      = 77
	Config      = 78
)

// An Error is a refusal: Err says what happened and why, Hint what to type
// next (empty where there is nothing to do).
type Error struct {
	Code int
	Err  error
	Hint string
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error; format takes %w.
func Errorf(code int, hint, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Code is the exit code that err asks for: 0 for nil, EX_SOFTWARE where
// nothing says otherwise.
func Code(err error) int {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Software
}

// Hint is what to type next, or "".
func Hint(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Hint
	}
	return ""
}

// Report prints err as program name, sentence, and hint on a line of its own.
func Report(w io.Writer, program string, err error) {
	fmt.Fprintf(w, "%s: %v\n", program, err)
	if hint := Hint(err); hint != "" {
		fmt.Fprintf(w, "%s: %s\n", program, hint)
	}
}
