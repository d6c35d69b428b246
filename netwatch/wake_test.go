package netwatch

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

// A nightstand tells of the sleeps that a test has the machine make.
type nightstand struct {
	mu     sync.Mutex
	poke   func()
	wakes  uint64
	missed bool
	naps   chan queue.Nap
	closed bool
	log    strings.Builder
}

// wake ends a sleep.
func (n *nightstand) wake() {
	n.mu.Lock()
	n.wakes++
	n.mu.Unlock()
	n.poke()
	synctest.Wait()
}

func (n *nightstand) Wakes() (uint64, string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.missed {
		n.missed = false
		n.wakes++
	}
	if n.wakes == 0 {
		return 0, ""
	}
	return n.wakes, "the machine woke after 8 h"
}

func (n *nightstand) Missed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.missed
}

func (n *nightstand) Naps() <-chan queue.Nap { return n.naps }

func (n *nightstand) Close() error { n.closed = true; return nil }

// Write takes the log.
func (n *nightstand) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.Write(p)
}

// told is how often the log tells of a wake.
func (n *nightstand) told() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Count(n.log.String(), "all is tried anew: the machine woke after 8 h")
}

// sleeping runs f in a bubble with a Watcher on a laptop at home that may sleep.
func sleeping(t *testing.T, f func(t *testing.T, n *nightstand, s *script, w *Watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n, s := &nightstand{naps: make(chan queue.Nap, 1)}, &script{state: atHome()}
		ctx, cancel := context.WithCancel(t.Context())
		w := start(ctx, Options{Log: slog.New(slog.NewTextHandler(n, nil))}, func(_ Options, poke func()) (reader, sleeper, error) {
			n.poke, s.poke = poke, poke
			return s, n, nil
		})
		pass(time.Hour)
		f(t, n, s, w)
		cancel()
		<-w.Done()
		if !n.closed {
			t.Error("what tells of sleeps was not closed")
		}
	})
}

// Coverage: sleep.
func TestAWakeIsAChangeOfNetwork(t *testing.T) {
	sleeping(t, func(t *testing.T, n *nightstand, _ *script, w *Watcher) {
		before := w.attempt("work")
		before.note(&queue.RouteFault{Err: errors.New("no answer")})
		n.wake()
		if !changed(w) {
			t.Error("no change is passed on")
		}
		if got := w.attempt("work").epoch; got != before.epoch+1 {
			t.Errorf("%d changes, want 1", got-before.epoch)
		}
		if s := w.Standing("work"); s.Prospect != Untried {
			t.Errorf("what was found out before still stands: %+v", s)
		}
		pass(time.Hour)
		if changed(w) || n.told() != 1 {
			t.Errorf("it is passed on twice, or told %d times", n.told())
		}
	})
}

func TestWhereNoEventTellsOfAWakeTheNextLookDoes(t *testing.T) {
	for why, look := range map[string]func(w *Watcher){
		"an event of the network": func(w *Watcher) { w.poke() },
		"a run of the queue":      func(w *Watcher) { w.Verdict("work") },
	} {
		t.Run(why, func(t *testing.T) {
			sleeping(t, func(t *testing.T, n *nightstand, _ *script, w *Watcher) {
				n.missed = true
				look(w)
				synctest.Wait()
				if !changed(w) {
					t.Error("the wake is not seen")
				}
			})
		})
	}
}

func TestAStateThatCannotBeReadIsNoWake(t *testing.T) {
	sleeping(t, func(t *testing.T, n *nightstand, s *script, _ *Watcher) {
		n.wake()
		pass(time.Second)
		s.happen(network.State{}, errors.New("too many open files"))
		pass(time.Second)
		s.happen(atHome(), nil)
		pass(time.Second)
		if n.told() != 1 {
			t.Errorf("the log tells of %d wakes, want 1", n.told())
		}
	})
}

func TestAWakeIsSeenWhileTheStateCannotBeRead(t *testing.T) {
	sleeping(t, func(t *testing.T, n *nightstand, s *script, w *Watcher) {
		s.happen(network.State{}, errors.New("too many open files"))
		pass(time.Hour)
		changed(w)
		n.wake()
		if !changed(w) || n.told() != 1 {
			t.Errorf("not passed on; told %d times", n.told())
		}
	})
}
