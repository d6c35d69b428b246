package queue

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// A server that was down for a weekend filled the log with one sentence.
func TestTheLogHearsOfARouteThatIsDownOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		var log notebook
		w.runner.Log = slog.New(slog.NewTextHandler(&log, nil))
		w.set(func() { w.down = refusedHere })
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		stop := w.serve(make(chan struct{}))
		time.Sleep(24 * time.Hour)
		if got := log.lines(); len(got) != 1 || !strings.Contains(got[0], "route is down") || w.opened() < 90 {
			t.Errorf("after a day and %d tries, %d lines in the log, the last of them %q", w.opened(), len(got), got[len(got)-1])
		}
		w.set(func() { w.down = lost() })
		time.Sleep(time.Hour)
		if got := log.lines(); len(got) != 2 || !strings.Contains(got[1], "connection reset") {
			t.Errorf("for another reason %d lines, the last of them %q", len(got), got[len(got)-1])
		}
		if state, err := w.runner.Spool.RouteState("main"); err != nil || time.Since(state.At) > time.Hour {
			t.Errorf("the last try is written down as of %v, %v", state.At, err)
		}
		w.set(func() { w.down = nil })
		time.Sleep(time.Hour)
		if got := strings.Join(log.lines(), "\n"); strings.Count(got, "route is up again") != 1 || w.copies("a@x.org") != 1 {
			t.Errorf("when it is over:\n%s", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A rest of more than an hour counted as none, and the route was looked at without a
// pause.
func TestAHostThatIsBelievedToBeDownForLongIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		w.remembers()
		w.runner.Tuning.HostStatus = 4 * time.Hour
		closed := 0
		w.runner.Watch = func(e Event) {
			if e.Kind == Closed {
				if closed++; closed > 100 {
					panic("it goes round in a circle")
				}
			}
		}
		w.down = refusedHere
		put(t, w.runner.Spool, envelope("a@x.org"), "x")
		stop := w.serve(nil)
		time.Sleep(3*time.Hour + 59*time.Minute)
		if w.opened() != 1 {
			t.Errorf("%d connections in four hours", w.opened())
		}
		time.Sleep(time.Hour)
		if w.opened() != 2 {
			t.Errorf("%d connections after them", w.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// sleepy opens a session just when the machine is about to sleep.
type sleepy struct {
	*world
	lie func()
}

func (s *sleepy) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if s.lie != nil {
		s.lie()
		s.lie = nil
		<-ctx.Done()
	}
	return s.world.Open(ctx, r)
}

func TestNothingIsBegunByASessionThatOpensAsTheMachineFallsAsleep(t *testing.T) {
	var s *sleepy
	onBed(t, func(w *world) Transport { s = &sleepy{world: w}; return s }, func(b *bed) {
		b.over = make(chan struct{})
		s.lie = func() { b.naps <- Nap{Ready: func() { b.ready <- time.Now() }, Over: b.over} }
		b.submit("a@x.org")
		b.wantCopies("a@x.org", 0, "on the way to bed")
		b.wantReady(true, "with the session ended")
		b.wake()
		b.wantCopies("a@x.org", 1, "awake again")
	})
}

// A run of four hours' mail that a nap of a minute broke off had to wait for the next
// one.
func TestAQueueRunOfAnExpensiveAccountGoesOnAfterTheSleep(t *testing.T) {
	var s *slowpoke
	onBed(t, func(w *world) Transport { s = &slowpoke{world: w, takes: time.Hour}; return s }, func(b *bed) {
		b.stop()
		b.dials(config.DialByRun)
		b.runner.Tuning.Interval = 4 * time.Hour
		put(b.t, b.runner.Spool, envelope("a@x.org"), "x")
		time.Sleep(time.Second)
		b.start()
		b.lie()
		time.Sleep(time.Minute)
		b.wantReady(true, "after what is on the wire was broken off")
		b.set(func() { s.takes = time.Second })
		b.wake()
		time.Sleep(time.Minute)
		b.wantCopies("a@x.org", 1, "a minute after the sleep")
		b.submit("b@x.org")
		time.Sleep(time.Minute)
		b.wantCopies("b@x.org", 0, "without a queue run")
	})
}
