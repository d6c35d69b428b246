package queue

import (
	"testing"
	"testing/synctest"
	"time"
)

// held is the verdict of a rule that keeps mail back.
func held() Verdict {
	return Verdict{Rule: "only-over-the-vpn", Why: "the rule only-over-the-vpn keeps it back"}
}

func (w *world) rule(v Verdict) {
	w.set(func() { w.ruled = map[Route]Verdict{"main": v} })
	w.changes <- struct{}{}
	synctest.Wait()
}

// Coverage: policy.
func TestARuleHoldsOneRouteAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.ruled = map[Route]Verdict{"main": held()}
		put(t, s, envelope("held@x.org"), small)
		put(t, s, &Envelope{From: "other@x.org", To: []Recipient{{Address: "free@x.org"}}}, small)
		stop := w.serve(nil)
		time.Sleep(30 * 24 * time.Hour)
		if w.copies("held@x.org") != 0 || w.copies("free@x.org") != 1 || w.opened() != 1 {
			t.Errorf("held %d, free %d, over %d sessions", w.copies("held@x.org"), w.copies("free@x.org"), w.opened())
		}
		if n := only(t, s); n.Attempts != 0 || w.copies("me@example.org") != 0 {
			t.Errorf("it aged: %s, %d reports", n, w.copies("me@example.org"))
		}
		w.rule(Verdict{Try: true})
		if w.copies("held@x.org") != 1 {
			t.Error("it did not go by itself when the rule let it")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAQueueRunObeysRules(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.ruled = map[Route]Verdict{"main": held()}
	put(t, s, envelope("held@x.org"), small)
	put(t, s, &Envelope{From: "other@x.org", To: []Recipient{{Address: "free@x.org"}}}, small)
	if sum := w.flush(); sum.Delivered != 1 || sum.Kept != 1 || sum.Waiting != 0 || len(sum.Faults) != 0 || w.opened() != 1 {
		t.Errorf("%+v, %d sessions", sum, w.opened())
	}
	w.ruled = map[Route]Verdict{"main": {Why: "no route"}}
	if sum := w.flush(); sum.Delivered != 1 || sum.Kept != 0 {
		t.Errorf("where no rule but the network says no, a person may try: %+v", sum)
	}
}

// What is on the wire ends, since it stays on the way by which its session was
// opened.
func TestASessionTakesNoMoreWhenARuleHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
			w.set(func() { w.ruled = map[Route]Verdict{"main": held()} })
			return refuse(250, "ok"), nil
		}
		for range 3 {
			put(t, s, envelope("joe@x.org"), small)
		}
		stop := w.serve(nil)
		time.Sleep(24 * time.Hour)
		if w.copies("joe@x.org") != 1 || w.opened() != 1 {
			t.Errorf("%d delivered over %d sessions, want the one that was begun", w.copies("joe@x.org"), w.opened())
		}
		w.set(func() { w.answer = nil })
		w.rule(Verdict{Try: true})
		if w.copies("joe@x.org") != 3 || w.opened() != 2 {
			t.Errorf("then %d delivered over %d sessions", w.copies("joe@x.org"), w.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestASessionThatIsLostIsNotOpenedAnewWhereARuleHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		put(t, s.runner.Spool, envelope("joe@x.org"), small)
		stop := s.serve(nil)
		synctest.Wait()
		s.rule(held())
		time.Sleep(24 * time.Hour)
		if s.stirs == 0 || s.opened() != 1 || s.copies("joe@x.org") != 0 {
			t.Errorf("stirred %d times, %d sessions, %d delivered", s.stirs, s.opened(), s.copies("joe@x.org"))
		}
		s.rule(Verdict{Try: true})
		if s.copies("joe@x.org") != 1 {
			t.Error("it did not go when the rule let it")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnOpeningThatIsLostIsNotRepeatedWhereARuleHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		s.slow = func(nth int) bool { return nth == 1 }
		s.hangs = func(int) bool { return false }
		put(t, s.runner.Spool, envelope("joe@x.org"), small)
		stop := s.serve(nil)
		synctest.Wait()
		s.rule(held())
		time.Sleep(time.Hour)
		if s.opened() != 1 {
			t.Errorf("%d sessions were opened", s.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Coverage: by.
func TestASessionEndsWhereTheMailTakesAnotherWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
			w.set(func() { w.ruled = map[Route]Verdict{"main": {Try: true, Via: "work"}} })
			return refuse(250, "ok"), nil
		}
		for range 3 {
			put(t, s, envelope("joe@x.org"), small)
		}
		stop := w.serve(nil)
		time.Sleep(time.Minute)
		if w.copies("joe@x.org") != 3 || w.opened() != 2 {
			t.Errorf("%d delivered over %d sessions, want the first by one and the others by another", w.copies("joe@x.org"), w.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatAServerKeepsIsRememberedOfThatServer(t *testing.T) {
	s := testSpool(t)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s)
	r := w.runner
	for via, longest := range map[string]time.Duration{"": time.Hour, "work": 2 * time.Hour, "home@relay.example:465": 0} {
		w.ruled = map[Route]Verdict{"main": {Try: true, Via: via}}
		r.newCarrier(r.newGuide(), "main", nil).learnHold(longest)
	}
	for via, want := range map[string]time.Duration{"": time.Hour, "work": 2 * time.Hour, "home@relay.example:465": 0} {
		w.ruled = map[Route]Verdict{"main": {Try: true, Via: via}}
		if got := r.holds("main"); got != want {
			t.Errorf("by %q for %v, want %v", via, got, want)
		}
	}
}

// The rule came between the look at the message and the connection.
func TestNoConnectionIsMadeWhereARuleHolds(t *testing.T) {
	for _, c := range []struct {
		reason  string
		verdict Verdict
		want    int
	}{
		{"a rule holds, whoever asks", held(), 0},
		{"the network says no, and a person asks", Verdict{Why: "no route"}, 1},
	} {
		w := newWorld(t, testSpool(t))
		w.ruled = map[Route]Verdict{"main": c.verdict}
		w.runner.newCarrier(w.runner.newGuide(), "main", nil).openSession(t.Context())
		if w.opened() != c.want {
			t.Errorf("%s: %d sessions, want %d", c.reason, w.opened(), c.want)
		}
	}
}
