//go:build linux

package main

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// What a bench sets up outside of this process, namespaces and daemons, is
// undone at a Ctrl-C too.
type undoing struct {
	mu   sync.Mutex
	left []*undone
}

// An undone is run once, by whoever comes first.
type undone struct {
	once sync.Once
	do   func()
}

// later has do be called when the function that it returns is called, or when
// the program is interrupted.
func (u *undoing) later(do func()) (now func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	entry := &undone{do: do}
	u.left = append(u.left, entry)
	return func() { entry.once.Do(entry.do) }
}

// all undoes what is left, the last first.
func (u *undoing) all() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, entry := range slices.Backward(u.left) {
		entry.once.Do(entry.do)
	}
}

// interruptible ends the program tidily at a signal.
func (u *undoing) interruptible() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, unix.SIGTERM)
	go func() {
		fmt.Fprintf(os.Stderr, "bench: %v\n", <-signals)
		u.all()
		os.Exit(130)
	}()
}
