package slumber

import (
	"log/slog"
	"sync"
	"testing"
	"time"
)

// A nightstand has the clocks that a test sets, and who watches them.
type nightstand struct {
	*Watch
	pokes int

	mu    sync.Mutex
	clock reading
}

func newNightstand(naps bool) *nightstand {
	n := &nightstand{clock: at(time.Hour, time.Hour, time.Hour)}
	n.Watch = newWatch(n.read, Options{Log: slog.New(slog.DiscardHandler), Poke: func() { n.pokes++ }, Naps: naps})
	return n
}

func (n *nightstand) read() reading {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clock
}

// pass lets the machine sleep for so long, or its clock be set.
func (n *nightstand) pass(slept, set time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock.wall = n.clock.wall.Add(slept + set)
	n.clock.elapsed += slept
}

func TestEachWakeIsCountedOnceAndToldAtOnce(t *testing.T) {
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
			n := newNightstand(true)
			if wakes, last := n.Wakes(); wakes != 0 || last != "" {
				t.Errorf("before anything happened: %d wakes, %q", wakes, last)
			}
			c.happen(n)
			if n.pokes == 0 {
				t.Error("nobody is told")
			}
			for range 2 {
				if wakes, last := n.Wakes(); wakes != 1 || last != c.says {
					t.Errorf("%d wakes, the last %q, want 1, %q", wakes, last, c.says)
				}
			}
		})
	}
}

func TestAWakeThatNoEventTellsOfIsMissed(t *testing.T) {
	for _, c := range []struct {
		reason          string
		unwatched, want bool
		slept           time.Duration
	}{
		{"no event tells, and the machine has slept", true, true, 8 * time.Hour},
		{"no event tells, and it has not", true, false, 0},
		{"an event will tell", false, false, 8 * time.Hour},
	} {
		n := newNightstand(false)
		n.unwatched = c.unwatched
		n.pass(c.slept, 0)
		if got := n.Missed(); got != c.want {
			t.Errorf("%s: %v", c.reason, got)
		}
		if wakes, _ := n.Wakes(); (wakes == 1) != (c.slept > 0) || n.Missed() {
			t.Errorf("%s: %d wakes by a look, and still missed: %v", c.reason, wakes, n.Missed())
		}
	}
}

func TestASleepIsToldBeforeAndAfter(t *testing.T) {
	n := newNightstand(true)
	ready := 0
	n.lie(7*time.Second, func() { ready++ })
	nap := <-n.Naps()
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
}

func TestOnlyTheLastOfTheSleepsThatNobodyHeardOfIsTold(t *testing.T) {
	n := newNightstand(true)
	for range 3 {
		n.lie(0, func() {})
		n.rise()
	}
	n.lie(0, func() {})
	nap := <-n.Naps()
	select {
	case <-nap.Over:
		t.Error("an old one was told")
	case <-n.Naps():
		t.Error("two were told")
	default:
	}
	n.rise()
	<-nap.Over
}

func TestASleepUnderWayIsOverWhenNobodyTellsAnyMore(t *testing.T) {
	n := newNightstand(true)
	n.lie(0, func() {})
	nap := <-n.Naps()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	<-nap.Over
}

func TestWhereNobodyWantsToKnowTheMachineSleepsAtOnce(t *testing.T) {
	n := newNightstand(false)
	ready := false
	n.lie(0, func() { ready = true })
	if !ready {
		t.Error("the machine is held awake for nothing")
	}
	n.rise()
}
