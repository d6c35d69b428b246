//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// resizes has a value when the terminal has another size.
func resizes() (resized <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}
