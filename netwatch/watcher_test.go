package netwatch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

// A script is a network whose state the test sets.
type script struct {
	mu     sync.Mutex
	poke   func()
	state  network.State
	err    error
	reads  []time.Time
	closed bool
}

func (s *script) Read() (network.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, time.Now())
	return s.state, s.err
}

func (s *script) Close() error { s.closed = true; return nil }

// happen makes state what is read, and says that something happened.
func (s *script) happen(state network.State, err error) {
	s.mu.Lock()
	s.state, s.err = state, err
	s.mu.Unlock()
	s.poke()
	synctest.Wait()
}

func (s *script) looks() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// scripted runs f in a bubble with a Watcher that has been told of nothing yet.
func scripted(t *testing.T, o Options, f func(t *testing.T, s *script, w *Watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &script{state: offline()}
		ctx, cancel := context.WithCancel(t.Context())
		w := start(ctx, o, func(_ Options, poke func()) (reader, sleeper, error) {
			s.poke = poke
			return s, nil, nil
		})
		f(t, s, w)
		cancel()
		<-w.Done()
		if !s.closed {
			t.Error("the source was not closed")
		}
	})
}

func pass(d time.Duration) { <-time.After(d); synctest.Wait() }

func changed(w *Watcher) bool {
	select {
	case <-w.Changes():
		return true
	default:
		return false
	}
}

func TestTheFirstChangeIsPassedOnAtOnce(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		if changed(w) {
			t.Error("a change before anything happened")
		}
		pass(time.Hour)
		began := time.Now()
		s.happen(atHome(), nil)
		if !changed(w) || w.State().Level != network.Way {
			t.Errorf("not at once: %+v", w.State())
		}
		if at := w.State().Since; !at.Equal(began) {
			t.Errorf("since %v, want %v", at, began)
		}
	})
}

func TestWhatFollowsTheFirstChangeIsPassedOnWithinMilliseconds(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		s.happen(noAddress(), nil)
		pass(time.Millisecond)
		s.happen(noRoute(), nil)
		pass(firstPause)
		s.happen(atHome(), nil)
		pass(2 * firstPause)
		if w.State().Level != network.Way {
			t.Errorf("the route is not seen: %+v", w.State())
		}
	})
}

func TestAnEventThatChangesNothingIsNotPassedOn(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		changed(w)
		since := w.State().Since
		pass(time.Hour)
		s.happen(atHome(), nil)
		if changed(w) || !w.State().Since.Equal(since) {
			t.Errorf("passed on: %+v, was since %v", w.State(), since)
		}
	})
}

func TestAStormIsLookedAtABoundedNumberOfTimes(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		const flaps, apart = 1000, 2 * time.Millisecond
		changes := 0
		for i := range flaps {
			if i%2 == 0 {
				s.happen(atHome(), nil)
			} else {
				s.happen(noRoute(), nil)
			}
			if changed(w) {
				changes++
			}
			pass(apart)
		}
		pass(debounce)
		if changed(w) {
			changes++
		}
		most := 6 + int(flaps*apart/debounce)
		if n := len(s.looks()); n > most || changes > most {
			t.Errorf("%d looks and %d changes, at most %d wanted", n, changes, most)
		}
		if changes < 2 {
			t.Errorf("%d changes: the storm was not seen", changes)
		}
		if w.State().Level != network.LinkOnly {
			t.Errorf("the end of the storm is not seen: %+v", w.State())
		}
		pass(time.Minute)
		s.happen(atHome(), nil)
		if w.State().Level != network.Way {
			t.Error("after a calm minute a change is not seen at once")
		}
	})
}

func TestNoChangeStaysUnseenLongerThanTheDebounceTime(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, _ *Watcher) {
		for range 1000 {
			s.happen(noRoute(), nil)
			pass(3 * time.Millisecond)
		}
		looks := s.looks()
		for i := 2; i < len(looks); i++ {
			if gap := looks[i].Sub(looks[i-1]); gap > debounce {
				t.Fatalf("in a storm nobody looked for %v", gap)
			}
		}
	})
}

func TestInCalmNobodyLooks(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, _ *Watcher) {
		s.happen(atHome(), nil)
		pass(debounce)
		before := len(s.looks())
		pass(24 * time.Hour)
		if after := len(s.looks()); after != before {
			t.Errorf("%d looks in a day without an event", after-before)
		}
	})
}

func TestChangesNobodyReceivedAreJoined(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		for range 5 {
			s.happen(atHome(), nil)
			pass(time.Second)
			s.happen(noRoute(), nil)
			pass(time.Second)
		}
		if !changed(w) || changed(w) {
			t.Error("want exactly one value")
		}
	})
}

func TestAStateThatCannotBeReadIsWorthATryAndReadAgain(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, w *Watcher) {
		s.happen(noRoute(), nil)
		pass(time.Minute)
		s.happen(network.State{}, errors.New("too many open files"))
		if v := w.Verdict("work"); !v.Try {
			t.Errorf("not worth a try: %+v", v)
		}
		s.mu.Lock()
		s.state, s.err = atHome(), nil
		s.mu.Unlock()
		pass(time.Minute)
		if w.State().Level != network.Way {
			t.Errorf("not read again: %+v", w.State())
		}
	})
}

func TestAStateThatCanNeverBeReadIsGivenUp(t *testing.T) {
	scripted(t, Options{}, func(t *testing.T, s *script, _ *Watcher) {
		s.happen(network.State{}, errors.New("events have ended"))
		pass(time.Hour)
		before := len(s.looks())
		pass(24 * time.Hour)
		if after := len(s.looks()); after != before || after > 2*readTries {
			t.Errorf("%d looks, then %d more in a day", before, after-before)
		}
	})
}

func TestASystemThatCannotBeWatchedIsWorthATry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := start(ctx, Options{}, func(Options, func()) (reader, sleeper, error) {
		return nil, nil, errors.New("netlink is forbidden")
	})
	v := w.Verdict("work")
	cancel()
	<-w.Done()
	if !v.Try || v.Since.IsZero() ||
		v.Why != "the network's state is not known (netlink is forbidden), so every attempt is worth a try" {
		t.Errorf("%+v", v)
	}
}

func TestVerdictAsksForTheServerOfTheRoute(t *testing.T) {
	o := Options{Server: func(r queue.Route) Server {
		return Server{Host: map[queue.Route]string{"here": "127.0.0.1", "there": "smtp.example.org"}[r]}
	}}
	scripted(t, o, func(t *testing.T, _ *script, w *Watcher) {
		if v := w.Verdict("here"); !v.Try || v.Why != "127.0.0.1 is on this machine" || v.Since.IsZero() {
			t.Errorf("on this machine, and no network: %+v", v)
		}
		if v := w.Verdict("there"); v.Try || v.Why != "no network: there is no interface but loopback" {
			t.Errorf("elsewhere, and no network: %+v", v)
		}
	})
}

var _ queue.Reach = (*Watcher)(nil)
