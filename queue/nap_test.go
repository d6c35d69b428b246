package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A bed is a machine that sleeps now and then, with a Serve on it.
type bed struct {
	*world
	t              *testing.T
	naps           chan Nap
	arrived, pokes chan struct{}
	over           chan struct{}
	// ready has a value for each Ready.
	ready chan time.Time
	// stop ends Serve, and waits for its end.
	stop func()
}

// onBed serves with a transport until the test ends.
func onBed(t *testing.T, transport func(w *world) Transport, f func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bed{
			t: t, world: newWorld(t, testSpool(t)), naps: make(chan Nap, 1),
			arrived: make(chan struct{}, 1), pokes: make(chan struct{}, 1), ready: make(chan time.Time, 100),
		}
		b.runner.Naps = b.naps
		if transport != nil {
			b.runner.Transport = transport(b.world)
		}
		b.start()
		defer func() { b.stop() }()
		f(b)
	})
}

func (b *bed) start() {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.runner.Serve(ctx, b.arrived, b.pokes); err != nil {
			b.t.Error(err)
		}
	}()
	synctest.Wait()
	b.stop = func() { cancel(); <-done }
}

func (b *bed) submit(to string) {
	b.t.Helper()
	put(b.t, b.runner.Spool, envelope(to), "x")
	b.arrived <- struct{}{}
	synctest.Wait()
}

// lie announces a sleep.
func (b *bed) lie() {
	b.over = make(chan struct{})
	b.naps <- Nap{Ready: func() { b.ready <- time.Now() }, Over: b.over}
	synctest.Wait()
}

func (b *bed) wake() { close(b.over); synctest.Wait() }

// isReady says whether the machine may sleep by now.
func (b *bed) isReady() bool { return len(b.ready) > 0 }

func (b *bed) wantReady(want bool, when string) {
	b.t.Helper()
	if b.isReady() != want {
		b.t.Errorf("%s: ready to sleep is %v, want %v", when, !want, want)
	}
}

func (b *bed) wantCopies(to string, want int, when string) {
	b.t.Helper()
	if n := b.copies(to); n != want {
		b.t.Errorf("%s: %d copies for %s, want %d", when, n, to, want)
	}
}

// A slowpoke is a transport whose servers answer each message after a while,
// and take its last octet only then, unless whole.
type slowpoke struct {
	*world
	takes time.Duration
	// whole: the last octet is sent before that.
	whole bool
	// deaf: it does not hear of the end of its context.
	deaf bool
}

func (s *slowpoke) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if _, fault := s.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	return s, nil
}

func (s *slowpoke) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	if s.whole {
		if err := d.Commit(ctx); err != nil {
			return &RouteFault{Step: StepSession, Err: err}
		}
	}
	var takes time.Duration
	s.set(func() { takes = s.takes })
	end := ctx.Done()
	if s.deaf {
		end = nil
	}
	select {
	case <-time.After(takes):
		return s.world.Deliver(ctx, d)
	case <-end:
		return &RouteFault{Step: StepSession, Err: errors.New("broken off")}
	}
}

func TestAMachineWithNothingOnTheWireMaySleepAtOnce(t *testing.T) {
	onBed(t, nil, func(b *bed) {
		b.submit("a@x.org")
		b.lie()
		b.wantReady(true, "nothing on the wire")
	})
}

// Coverage: sleep.
func TestASleepWaitsForTheAnswerToWhatIsOnTheWire(t *testing.T) {
	s := &slowpoke{takes: 2 * time.Second, whole: true}
	onBed(t, func(w *world) Transport { s.world = w; return s }, func(b *bed) {
		b.submit("a@x.org")
		b.submit("b@x.org")
		b.lie()
		b.wantReady(false, "a message on the wire")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantReady(true, "it was answered")
		b.wantCopies("a@x.org", 1, "before the sleep")
		time.Sleep(time.Hour)
		b.wantCopies("b@x.org", 0, "not begun by then")
		b.wake()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantCopies("a@x.org", 1, "after the sleep")
		b.wantCopies("b@x.org", 1, "after the sleep")
		if b.opened() != 2 {
			t.Errorf("%d sessions, want one before the sleep and one after it", b.opened())
		}
	})
}

// Coverage: sleep.
func TestWhatTakesTooLongIsBrokenOffBeforeTheSleep(t *testing.T) {
	for _, c := range []struct {
		reason  string
		whole   bool
		within  time.Duration
		unsure  bool
		waiting time.Duration
	}{
		{"in the middle of the message", false, 0, false, 3 * time.Second},
		{"all was sent, and no answer came", true, 0, true, 3 * time.Second},
		{"a system that waits two seconds", false, 2 * time.Second, false, 1200 * time.Millisecond},
		{"one that waits for minutes", false, 5 * time.Minute, false, stopGrace},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := &slowpoke{takes: time.Hour, whole: c.whole}
			onBed(t, func(w *world) Transport { s.world = w; return s }, func(b *bed) {
				b.submit("a@x.org")
				began := time.Now()
				b.over = make(chan struct{})
				b.naps <- Nap{Ready: func() { b.ready <- time.Now() }, Over: b.over, Within: c.within}
				time.Sleep(time.Minute)
				synctest.Wait()
				if !b.isReady() {
					t.Fatal("the machine may not sleep after a minute")
				}
				if took := (<-b.ready).Sub(began); took != c.waiting {
					t.Errorf("the machine may sleep after %v, want %v", took, c.waiting)
				}
				names := b.names()
				if len(names) != 1 || names[0].OnWire || names[0].Unsure != c.unsure {
					t.Errorf("before the sleep the queue has %+v, want unsure %v", names, c.unsure)
				}
				s.set(func() { s.takes = 0 })
				time.Sleep(8 * time.Hour)
				b.wantCopies("a@x.org", 0, "asleep")
				b.wake()
				b.wantCopies("a@x.org", 1, "right after the sleep")
			})
		})
	}
}

// names is what the queue has.
func (b *bed) names() []Name {
	b.t.Helper()
	names, err := b.runner.Spool.Sorted()
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

func TestASleepingMachineBeginsNothing(t *testing.T) {
	for why, happen := range map[string]func(b *bed){
		"new mail":                 func(b *bed) { b.submit("b@x.org") },
		"a person said flush":      func(b *bed) { b.pokes <- struct{}{} },
		"the network changed":      func(b *bed) { b.changes <- struct{}{} },
		"a message has fallen due": func(*bed) {},
	} {
		t.Run(why, func(t *testing.T) {
			onBed(t, nil, func(b *bed) {
				b.set(func() {
					b.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
						return OutcomeOf("mx.test", Reply{Code: 451, Text: "later"}), nil
					}
				})
				b.submit("a@x.org")
				before := b.opened()
				b.lie()
				b.set(func() { b.answer = nil })
				happen(b)
				time.Sleep(8 * time.Hour)
				if b.opened() != before {
					t.Error("a session was opened though the machine sleeps")
				}
				b.wake()
				b.wantCopies("a@x.org", 1, "right after the sleep")
			})
		})
	}
}

func TestARouteThatWasDownIsTriedRightAfterTheSleep(t *testing.T) {
	onBed(t, nil, func(b *bed) {
		b.set(func() {
			b.down = &RouteFault{Step: StepSecret, Err: errors.New("the keyring is locked"), NeedsPerson: true}
		})
		b.submit("a@x.org")
		b.lie()
		b.set(func() { b.down = nil })
		time.Sleep(time.Second)
		b.wake()
		b.wantCopies("a@x.org", 1, "right after a short sleep")
	})
}

func TestASleepThatIsOverBeforeTheMachineIsReadyForIt(t *testing.T) {
	s := &slowpoke{takes: time.Hour}
	onBed(t, func(w *world) Transport { s.world = w; return s }, func(b *bed) {
		b.submit("a@x.org")
		b.lie()
		time.Sleep(time.Second)
		s.set(func() { s.takes = 0 })
		b.wake()
		b.wantReady(true, "the sleep is over")
		b.submit("other@x.org")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantCopies("a@x.org", 1, "when its old session was broken off")
		b.wantCopies("other@x.org", 1, "when its old session was broken off")
	})
}

func TestTwoSleepsInARow(t *testing.T) {
	onBed(t, nil, func(b *bed) {
		b.lie()
		b.submit("a@x.org")
		first := b.over
		b.lie() // announced before anybody heard of the end of the first
		close(first)
		time.Sleep(time.Hour)
		b.wantCopies("a@x.org", 0, "in the second sleep")
		b.wantReady(true, "asleep")
		b.wake()
		b.wantCopies("a@x.org", 1, "after the second sleep")
		b.lie()
		b.submit("b@x.org")
		b.wake()
		b.wantCopies("b@x.org", 1, "after the third sleep")
	})
}

func TestAnAgentThatStopsLetsTheMachineSleep(t *testing.T) {
	s := &slowpoke{takes: 2 * time.Second}
	onBed(t, func(w *world) Transport { s.world = w; return s }, func(b *bed) {
		b.submit("a@x.org")
		b.lie()
		b.stop()
		b.wantReady(true, "the agent has ended")
		b.wantCopies("a@x.org", 1, "which lets the message on the wire end")
		b.start()
		b.wantCopies("a@x.org", 1, "a new agent")
	})
}

func TestAMachineIsNotReadyWhileSomethingIsStillBeingBrokenOff(t *testing.T) {
	s := &slowpoke{takes: time.Minute, deaf: true}
	onBed(t, func(w *world) Transport { s.world = w; return s }, func(b *bed) {
		b.submit("a@x.org")
		b.lie()
		time.Sleep(50 * time.Second)
		b.wantReady(false, "a disk, or a transport, that takes its time")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		b.wantReady(true, "when all is written down")
	})
}

// Coverage: sleep.
func TestAQueueRunGoesOnAfterTheSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowpoke{world: newWorld(t, testSpool(t)), takes: time.Hour}
		r := s.runner
		naps := make(chan Nap, 1)
		r.Transport, r.Naps = s, naps
		put(t, r.Spool, envelope("a@x.org"), "x")
		put(t, r.Spool, envelope("b@x.org"), "x")
		ready, over := make(chan time.Time, 10), make(chan struct{})
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			naps <- Nap{Ready: func() { ready <- time.Now() }, Over: over}
			time.Sleep(8 * time.Hour)
			s.set(func() { s.takes = 0 })
			if n := s.copies("a@x.org") + s.copies("b@x.org"); n != 0 {
				t.Errorf("%d messages sent while the machine slept", n)
			}
			close(over)
		}()
		sum, err := r.Flush(t.Context(), nil)
		if err != nil || sum.Delivered != 2 || sum.Uncertain != 0 || sum.Waiting != 0 {
			t.Errorf("the run says %+v, %v", sum, err)
		}
		if took := (<-ready).Sub(began); took != 4*time.Second {
			t.Errorf("the machine could sleep after %v, want 3 s from when it was announced", took-time.Second)
		}
		if s.opened() != 2 {
			t.Errorf("%d sessions, want one before the sleep and one after it", s.opened())
		}
	})
}

func TestAQueueRunThatIsStoppedInASleepEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowpoke{world: newWorld(t, testSpool(t)), takes: time.Hour}
		r := s.runner
		naps := make(chan Nap, 1)
		r.Transport, r.Naps = s, naps
		put(t, r.Spool, envelope("a@x.org"), "x")
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, stop)
		naps <- Nap{Ready: func() {}, Over: make(chan struct{})}
		if sum, err := r.Flush(ctx, nil); !errors.Is(err, context.Canceled) || sum.Waiting != 1 {
			t.Errorf("the run says %+v, %v", sum, err)
		}
	})
}
