package queue

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/sysexits"
)

// serve runs Serve until the returned function is called, which gives its
// error.
func (w *world) serve(arrivals chan struct{}) (stop func() error) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.runner.Serve(ctx, arrivals, nil) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// The network went while a session was being ended, and what came next waited
// for an answer to QUIT.
func TestAFarewellWithoutAnAnswerHoldsUpNoNewMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.silent = true
		put(t, s, envelope("first@x.org"), "x")
		arrivals := make(chan struct{}, 1)
		stop := w.serve(arrivals)
		synctest.Wait()
		put(t, s, envelope("next@x.org"), "x")
		arrivals <- struct{}{}
		synctest.Wait()
		if w.copies("first@x.org") != 1 || w.copies("next@x.org") != 1 {
			t.Errorf("%d and %d copies, want one each", w.copies("first@x.org"), w.copies("next@x.org"))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAMessageThatHangsLetsLaterMailPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		bad := put(t, s, envelope("hang@x.org"), "x")
		later := true
		w.answer = func(d *Delivery, to Recipient) (Outcome, *RouteFault) {
			switch {
			case d.ID == bad:
				time.Sleep(10 * time.Minute) // the server's silence, in virtual time
				return NoAnswer("mx.test", "no answer for 10 minutes"), lost()
			case to.Address == "greylisted@x.org" && later:
				later = false
				return refuse(450, "later"), nil
			}
			return refuse(250, "ok"), nil
		}
		arrivals := make(chan struct{}, 1)
		stop := w.serve(arrivals)
		time.Sleep(time.Minute)
		for _, to := range []string{"good@x.org", "good@x.org", "greylisted@x.org"} {
			put(t, s, envelope(to), "x")
			arrivals <- struct{}{}
			synctest.Wait()
		}
		if w.copies("good@x.org") != 2 {
			t.Errorf("%d of 2 later messages arrived while one hangs", w.copies("good@x.org"))
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if w.copies("greylisted@x.org") != 1 {
			t.Error("a retry that fell due waits for the message that hangs")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A narrow way out allows one session at a time.
type narrow struct {
	*world
	mu          sync.Mutex
	open, asked int
}

func (n *narrow) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if n.open == 1 {
		return nil, &RouteFault{Step: StepGreeting, Err: errors.New("421 one session is enough")}
	}
	n.open++
	if _, fault := n.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	return n, nil
}

func (n *narrow) Close(context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open--
}

func TestAServerThatAllowsOneSessionIsNotDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Transport = &narrow{world: w}
		slow := put(t, s, envelope("slow@x.org"), "x")
		time.Sleep(time.Second) // ids sort by time
		for range 3 {
			put(t, s, envelope("good@x.org"), "x")
		}
		w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
			if d.ID == slow {
				time.Sleep(time.Minute)
			}
			return refuse(250, "ok"), nil
		}
		sum := w.flush()
		if len(sum.Faults) > 0 || sum.Delivered != 4 {
			t.Errorf("summary %+v", sum)
		}
		if state, _ := s.RouteState("main"); state.Fault != nil {
			t.Errorf("the route counts as down: %s", state.Fault.Sentence)
		}
	})
}

func TestAServerThatAllowsOneSessionIsNotAskedInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		way := &narrow{world: w}
		w.runner.Transport = way
		slow := put(t, s, envelope("slow@x.org"), "x")
		time.Sleep(time.Second) // ids sort by time
		put(t, s, envelope("good@x.org"), "x")
		w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
			if d.ID == slow {
				time.Sleep(time.Hour)
			}
			return refuse(250, "ok"), nil
		}
		stop := w.serve(nil)
		time.Sleep(30 * time.Minute)
		way.mu.Lock()
		asked := way.asked
		way.mu.Unlock()
		if asked > 2 {
			t.Errorf("%d connections while the first one is still at work", asked)
		}
		time.Sleep(time.Hour)
		if w.copies("good@x.org") != 1 {
			t.Error("the other message did not go afterwards")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatAnotherProcessReachedIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.down = &RouteFault{Step: StepAuth, Err: errors.New("535 wrong password"), NeedsPerson: true}
		put(t, s, envelope("a@x.org"), "x")
		arrivals := make(chan struct{}, 1)
		stop := w.serve(arrivals)
		time.Sleep(time.Minute)
		w.set(func() { w.down = nil })
		person := *w.runner
		if _, err := person.Flush(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		put(t, s, envelope("b@x.org"), "x")
		arrivals <- struct{}{}
		synctest.Wait()
		if w.copies("a@x.org") != 1 || w.copies("b@x.org") != 1 {
			t.Errorf("arrived: %v; mail waits for a fault that a flush has shown to be mended", w.got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestServeEndsWhenArrivalsEnd(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	arrivals := make(chan struct{})
	close(arrivals)
	if err := w.runner.Serve(t.Context(), arrivals, nil); err == nil {
		t.Error("an agent that nothing wakes any more ends as if stopped")
	}
}

func TestAClockSetBackDoesNotPutMailOff(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		reason                string
		last, next, notBefore time.Duration // from now
		tried                 bool
	}{
		{"tried when the clock was ten years ahead", 10 * year, 10*year + firstPause, 0, true},
		{"and its sender wants it to leave tomorrow", 10 * year, 10*year + firstPause, 24 * time.Hour, false},
		{"tried just now", 0, firstPause, 0, false},
		{"the clock was corrected by seconds", 50 * time.Second, longestPause, 0, false},
		{"an interval of a week", -time.Hour, 7 * 24 * time.Hour, 0, false},
		{"a time of its sender's, a year away", -time.Hour, -time.Minute, year, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			put(t, s, envelope("a@x.org"), "x")
			m, err := s.claim(only(t, s), false)
			if err != nil {
				t.Fatal(err)
			}
			err = m.rename(func(n *Name) {
				now := time.Now()
				n.Attempts, n.Last, n.Next = 1, now.Add(c.last), now.Add(c.next)
				if c.notBefore != 0 {
					n.NotBefore = now.Add(c.notBefore)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			m.Release()
			stop := w.serve(nil)
			synctest.Wait()
			if tried := w.opened() > 0; tried != c.tried {
				t.Errorf("%s: tried at once: %v", c.reason, tried)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAMessageReceivedInTheFutureGoesNow(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	e := envelope("a@x.org")
	e.Received = time.Now().Add(7 * 24 * time.Hour)
	put(t, s, e, "x")
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.rename(func(n *Name) { n.Next = e.Received.Add(firstPause) }); err != nil {
		t.Fatal(err)
	}
	m.Release()
	if n := only(t, s); !w.runner.due(n, time.Now()) {
		t.Errorf("%s is not due", n)
	}
}

func TestAFlushSaysWhatAnotherProcessSent(t *testing.T) {
	disk := &faultyDisk{Disk: swiftDisk{OS{}}}
	s := NewSpool(t.TempDir(), disk, time.Now)
	w := newWorld(t, s)
	id := put(t, s, envelope("a@x.org"), "x")
	m, err := NewSpool(s.Dir(), swiftDisk{OS{}}, time.Now).claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	waits, opens := make(chan struct{}), 0
	disk.fail = func(op, path string) error {
		if op == "open" && strings.Contains(path, string(id)) {
			// To find its route, to claim it, and to wait for it.
			if opens++; opens == 3 {
				close(waits)
			}
		}
		return nil
	}
	awaited := 0
	w.runner.Watch = func(e Event) {
		if e.Kind == Awaiting {
			awaited += e.Of
		}
	}
	done := make(chan Summary)
	go func() {
		sum, _ := w.runner.Flush(t.Context(), nil)
		done <- sum
	}()
	<-waits
	if err := m.remove(); err != nil { // delivered, as far as others can see
		t.Fatal(err)
	}
	m.Release()
	if sum := <-done; sum.Others != 1 || sum.Delivered != 0 || sum.Waiting != 0 || awaited != 1 {
		t.Errorf("summary %+v, %d awaited", sum, awaited)
	}
}

func TestARetryOfAHeldMessageIsRefused(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	if err := s.Hold(t.Context(), id, "wait"); err != nil {
		t.Fatal(err)
	}
	err := s.Retry(t.Context(), id)
	if sysexits.Code(err) != sysexits.DataErr || !strings.Contains(sysexits.Hint(err), "queue release") {
		t.Errorf("retry of a held message: %v", err)
	}
	if history, _ := s.History(only(t, s)); len(history) != 1 {
		t.Errorf("what was refused is in its story: %v", history)
	}
}
