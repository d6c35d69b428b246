// Package slumber knows of the sleep of the machine, of a clock that is set, and of
// a stop of this process. After each of them nothing that was known of the network
// counts: a lease, a login at a portal, a connection may be over. Where somebody
// has something on the wire it holds the machine awake for a moment before a sleep.
package slumber

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"mailcrane/queue"
)

// Options are what a Watch needs from outside.
type Options struct {
	Log *slog.Logger
	// Now is the wall clock.
	Now func() time.Time
	// Poke is called, from any goroutine, when something happened; it must not
	// block.
	Poke func()
	// Naps: somebody receives from Watch.Naps, for which the machine is held awake
	// for some seconds before each sleep.
	Naps bool
}

// A Watch counts the wakes of the machine, the leaps of its clock, and the stops of
// this process. What tells of them calls look, cont, or lie and rise; the clocks say
// what happened.
type Watch struct {
	clocks func() reading
	poke   func()
	log    *slog.Logger
	// naps holds one: a sleep that nobody has heard of yet. nil: nobody wants to
	// know before it.
	naps chan queue.Nap
	// unwatched: no event tells of a wake, so that each run of the queue looks at
	// the clocks.
	unwatched bool
	// hear, if not nil, waits a moment for the first word of the one who tells of
	// sleeps, and again has it asked whether one is over, since the clocks have leapt.
	hear, again func()
	tells       []io.Closer

	mu   sync.Mutex
	last reading
	// wakes counts what happened, and why says what the last of it was.
	wakes uint64
	why   string
	// over ends the sleep under way, which began when there had been before wakes;
	// nil: there is none.
	over   chan struct{}
	before uint64
}

func newWatch(read func() reading, o Options) *Watch {
	w := &Watch{clocks: read, poke: o.Poke, log: o.Log, last: read()}
	if o.Naps {
		w.naps = make(chan queue.Nap, 1)
	}
	return w
}

// Open watches this system until Close. What cannot be had of it is logged.
func Open(o Options) *Watch {
	w := newWatch(clocks(o.Now), o)
	tells, err := watchSleep(w)
	if w.tells = tells; err != nil {
		w.log.Info("a sleep of the machine is noticed by what follows it", "why", err)
	}
	return w
}

// Wakes is how many sleeps, stops and leaps of the clock are over, and what the
// last of them was, in words; it looks at the clocks itself.
func (w *Watch) Wakes() (n uint64, last string) {
	w.look()
	if w.hear != nil {
		w.hear()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wakes, w.why
}

// Naps delivers each sleep before it, where Options asked for that and the system
// tells; it is nil else. It is never closed.
func (w *Watch) Naps() <-chan queue.Nap { return w.naps }

// Missed says that something happened of which no event has told, or will.
func (w *Watch) Missed() bool { return w.unwatched && w.leapt() }

// Close ends a sleep under way, since nobody would tell of its end.
func (w *Watch) Close() error {
	var all error
	for _, t := range w.tells {
		all = errors.Join(all, t.Close())
	}
	w.rise()
	return all
}

// look sees whether the clocks have leapt since they were last looked at, and
// counts that.
func (w *Watch) look() {
	w.mu.Lock()
	now := w.clocks()
	l := now.since(w.last)
	w.last = now
	if l.happened() {
		w.count(l.String())
	}
	w.mu.Unlock()
	if l.happened() {
		w.poke()
		if w.again != nil {
			w.again()
		}
	}
}

// leapt says that look would find something.
func (w *Watch) leapt() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clocks().since(w.last).happened()
}

// cont is called when this process was stopped, and goes on. How long that took
// no clock says.
func (w *Watch) cont() {
	w.mu.Lock()
	before := w.wakes
	w.mu.Unlock()
	w.look()
	w.mu.Lock()
	if w.wakes == before {
		w.count("this process was stopped, and goes on")
	}
	w.mu.Unlock()
	w.poke()
}

// count is called with mu held.
func (w *Watch) count(why string) {
	w.wakes++
	w.why = why
}

// lie is called when the machine is about to sleep, and waits within for ready
// to be called.
func (w *Watch) lie(within time.Duration, ready func()) {
	w.look()
	w.mu.Lock()
	if w.over == nil {
		w.over, w.before = make(chan struct{}), w.wakes
	}
	nap := queue.Nap{Ready: ready, Over: w.over, Within: within}
	w.mu.Unlock()
	w.log.Info("the machine is about to sleep: nothing is begun until it wakes")
	if w.naps == nil {
		ready()
		return
	}
	for {
		select {
		case w.naps <- nap:
			return
		case <-w.naps: // one that nobody has heard of is over by now
		}
	}
}

// rise is called when the sleep is over, or when nobody can tell any more.
func (w *Watch) rise() {
	w.look()
	w.mu.Lock()
	over := w.over
	if over != nil && w.wakes == w.before {
		w.count("the machine is awake again, after less than a second of sleep")
	}
	w.over = nil
	w.mu.Unlock()
	if over != nil {
		close(over)
		w.poke()
	}
}
