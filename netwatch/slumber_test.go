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

	"mailcrane/queue"
)

// A nightstand has the clocks that a test sets, beside the network of a script.
type nightstand struct {
	mu    sync.Mutex
	clock reading
	log   strings.Builder
	*slumber
}

func (n *nightstand) read() reading {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clock
}

// Write takes the log.
func (n *nightstand) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.Write(p)
}

func (n *nightstand) said() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.String()
}

// pass lets the machine sleep for so long, or its clock be set.
func (n *nightstand) pass(slept, set time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock.wall = n.clock.wall.Add(slept + set)
	n.clock.elapsed += slept
}

// sleeping runs f in a bubble with a Watcher on a laptop at home that may sleep.
func sleeping(t *testing.T, f func(t *testing.T, n *nightstand, w *Watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &nightstand{clock: at(time.Hour, time.Hour, time.Hour)}
		o := Options{Log: slog.New(slog.NewTextHandler(n, nil)), Naps: true}
		ctx, cancel := context.WithCancel(t.Context())
		w := start(ctx, o, func(poke func()) ([]source, error) {
			n.slumber = newSlumber(n.read, poke, o)
			return []source{&script{facts: atHome()}, n.slumber}, nil
		})
		f(t, n, w)
		cancel()
		<-w.Done()
	})
}

func TestAWakeIsAChangeOfNetwork(t *testing.T) {
	for _, c := range []struct {
		reason string
		happen func(n *nightstand)
		says   string
	}{
		{"a sleep that nobody told of", func(n *nightstand) { n.pass(8*time.Hour, 0); n.look() }, "the machine woke after 8 h"},
		{"the clock was set", func(n *nightstand) { n.pass(0, -time.Hour); n.look() }, "the clock was set back by 1 h"},
		{"the process was stopped", func(n *nightstand) { n.cont() }, "this process was stopped, and goes on"},
		{"it was stopped, and the clock was set", func(n *nightstand) { n.pass(0, 8*time.Hour); n.cont() }, "the clock was put forward by 8 h"},
		{"a sleep with notice", func(n *nightstand) { n.lie(0, func() {}); n.pass(8*time.Hour, 0); n.rise() }, "the machine woke after 8 h"},
		{"a sleep that came to nothing", func(n *nightstand) { n.lie(0, func() {}); n.rise() }, "the machine is awake again, after less than a second of sleep"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			sleeping(t, func(t *testing.T, n *nightstand, w *Watcher) {
				pass(time.Hour)
				before := w.attempt("work")
				before.note(&queue.RouteFault{Err: errors.New("no answer")})
				c.happen(n)
				synctest.Wait()
				if !changed(w) {
					t.Error("no change is passed on")
				}
				if got := w.attempt("work").epoch; got != before.epoch+1 {
					t.Errorf("%d changes, want 1", got-before.epoch)
				}
				if s := w.Standing("work"); s.Prospect != Untried {
					t.Errorf("what was found out before still stands: %+v", s)
				}
				if !strings.Contains(n.said(), c.says) {
					t.Errorf("the log does not say %q:\n%s", c.says, n.said())
				}
				pass(time.Hour)
				if changed(w) {
					t.Error("it is passed on twice")
				}
			})
		})
	}
}

func TestWhereNoEventTellsOfAWakeTheNextLookDoes(t *testing.T) {
	for why, look := range map[string]func(w *Watcher){
		"an event of the network": func(w *Watcher) { w.poke() },
		"a run of the queue":      func(w *Watcher) { w.Verdict("work") },
	} {
		t.Run(why, func(t *testing.T) {
			sleeping(t, func(t *testing.T, n *nightstand, w *Watcher) {
				n.unwatched = true
				n.pass(8*time.Hour, 0)
				look(w)
				synctest.Wait()
				if !changed(w) {
					t.Error("the wake is not seen")
				}
			})
		})
	}
}

func TestASleepIsToldBeforeAndAfter(t *testing.T) {
	sleeping(t, func(t *testing.T, n *nightstand, w *Watcher) {
		ready := 0
		n.lie(7*time.Second, func() { ready++ })
		nap := <-w.Naps()
		if nap.Within != 7*time.Second {
			t.Errorf("the machine can be held for %v", nap.Within)
		}
		if nap.Ready(); ready != 1 {
			t.Error("nobody heard that all is ready for the sleep")
		}
		select {
		case <-nap.Over:
			t.Error("over before the wake")
		default:
		}
		n.rise()
		<-nap.Over
	})
}

func TestOnlyTheLastOfTheSleepsThatNobodyHeardOfIsTold(t *testing.T) {
	sleeping(t, func(t *testing.T, n *nightstand, w *Watcher) {
		for range 3 {
			n.lie(0, func() {})
			n.rise()
		}
		n.lie(0, func() {})
		nap := <-w.Naps()
		select {
		case <-nap.Over:
			t.Error("an old one was told")
		case <-w.Naps():
			t.Error("two were told")
		default:
		}
		n.rise()
		<-nap.Over
	})
}

func TestASleepUnderWayIsOverWhenNobodyTellsAnyMore(t *testing.T) {
	sleeping(t, func(t *testing.T, n *nightstand, w *Watcher) {
		n.lie(0, func() {})
		nap := <-w.Naps()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		<-nap.Over
	})
}

func TestWhereNobodyWantsToKnowTheMachineSleepsAtOnce(t *testing.T) {
	n := &nightstand{clock: at(0, 0, 0)}
	s := newSlumber(n.read, func() {}, Options{Log: slog.New(slog.DiscardHandler)})
	ready := false
	s.lie(0, func() { ready = true })
	if !ready {
		t.Error("the machine is held awake for nothing")
	}
	s.rise()
}

func TestAStateThatCannotBeReadIsNoWake(t *testing.T) {
	sleeping(t, func(t *testing.T, n *nightstand, w *Watcher) {
		n.cont()
		pass(time.Second)
		s := w.sources[0].(*script)
		for _, err := range []error{errors.New("too many open files"), nil} {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			w.poke()
			pass(time.Second)
		}
		if got := strings.Count(n.said(), "goes on"); got != 1 {
			t.Errorf("the log tells of %d wakes, want 1:\n%s", got, n.said())
		}
	})
}
