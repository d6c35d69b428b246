//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// A stage lets the parts of package lab, which are made for tests, be used
// without one.
type stage struct {
	testing.TB // nil: only the methods below are there
	undo       []func()
}

// errStage is what stopped a part from being set up.
type errStage struct{ error }

// onStage runs f, and then undoes what f has set up.
func (w *workshop) onStage(f func(*stage) error) (err error) {
	s := &stage{}
	strike := w.undoing.later(func() {
		for _, undo := range slices.Backward(s.undo) {
			undo()
		}
	})
	defer func() {
		stopped := recover()
		strike()
		switch stopped := stopped.(type) {
		case nil:
		case errStage:
			err = stopped.error
		default:
			panic(stopped)
		}
	}()
	return f(s)
}

func (s *stage) Helper()          {}
func (s *stage) Cleanup(f func()) { s.undo = append(s.undo, f) }
func (s *stage) Name() string     { return "bench" }
func (s *stage) Failed() bool     { return false }

func (s *stage) Fatal(args ...any) { panic(errStage{errors.New(fmt.Sprint(args...))}) }

func (s *stage) Fatalf(format string, args ...any) { panic(errStage{fmt.Errorf(format, args...)}) }

// Skipf is what is said where a part is not there.
func (s *stage) Skipf(format string, args ...any) { s.Fatalf(format, args...) }
