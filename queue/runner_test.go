package queue

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func refuse(code int, text string) Outcome {
	return OutcomeOf("mx.test", Reply{Code: code, Text: text})
}

func lost() *RouteFault {
	return &RouteFault{Step: StepSession, Server: "mx.test:465", Err: errors.New("connection reset")}
}

func TestResultsAreKeptForEachRecipient(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		switch to.Address {
		case "later@x.org":
			return refuse(450, "try later"), nil
		case "never@x.org":
			return refuse(550, "no such user"), nil
		}
		return refuse(250, "ok"), nil
	}
	id := put(t, s, envelope("good@x.org", "later@x.org", "never@x.org"), "Subject: hello\n\nbody\n")
	sum := w.flush()
	if sum.Delivered != 2 || sum.Deferred != 1 || sum.Failed != 1 || sum.Waiting != 1 {
		t.Errorf("summary %+v", sum)
	}
	// The message goes to nobody twice.
	w.set(func() { w.answer = nil })
	w.flush()
	if w.copies("good@x.org") != 1 || w.copies("later@x.org") != 1 || w.copies("never@x.org") != 0 {
		t.Errorf("delivered %v", w.got)
	}
	report := strings.Join(w.got["me@example.org"], "")
	for _, part := range []string{
		"<never@x.org>\n    (reason: 550 no such user", "Action: failed", "Final-Recipient: rfc822; never@x.org",
		"Diagnostic-Code: smtp; 550 no such user", "report-type=delivery-status", "\n\nSubject: hello\n\nbody\n", "Auto-Submitted: auto-generated",
	} {
		if !strings.Contains(report, part) {
			t.Errorf("the report lacks %q:\n%s", part, report)
		}
	}
	if strings.Contains(report, "good@x.org") || strings.Contains(report, "later@x.org") {
		t.Error("the report names recipients that did not fail")
	}
	if h, _ := s.History(Name{ID: id}); len(h) != 0 {
		t.Errorf("results of a finished message remain: %v", h)
	}
}

// Coverage: B43.
func TestARouteFaultTouchesNoMessage(t *testing.T) {
	s := testSpool(t)
	put(t, s, envelope("a@x.org"), "x")
	before := only(t, s)
	w := newWorld(t, s)
	w.down = &RouteFault{Step: StepAuth, Server: "mx.test:465", Err: errors.New("535 wrong password"), Hint: "mailcrane login", NeedsPerson: true}
	sum := w.flush()
	if only(t, s) != before {
		t.Errorf("the message changed to %v", only(t, s))
	}
	if f := sum.Faults["main"]; f == nil || f.Hint != "mailcrane login" || sum.Waiting != 1 {
		t.Errorf("summary %+v", sum)
	}
	state, err := s.RouteState("main")
	if err != nil || state.Fault == nil || !strings.Contains(state.Fault.Sentence, "wrong password") {
		t.Errorf("route state %+v, %v", state, err)
	}
	w.set(func() { w.down = nil })
	w.flush()
	if state, _ := s.RouteState("main"); state.Fault != nil || state.At.IsZero() {
		t.Errorf("route state after success %+v", state)
	}
}

func TestOneDeadRouteDoesNotHoldUpAnother(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.open["main"] = lost()
	put(t, s, envelope("a@x.org"), "x")
	other := envelope("b@x.org")
	other.From = "other@example.org"
	put(t, s, other, "x")
	w.flush()
	if w.copies("a@x.org") != 0 || w.copies("b@x.org") != 1 {
		t.Errorf("delivered %v", w.got)
	}
}

// Coverage: B18.
func TestNoAnswerIsUncertainAndSaidSo(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return Outcome{}, lost() }
	id := put(t, s, envelope("a@x.org"), "x")
	put(t, s, envelope("b@x.org"), "x")
	sum, err := w.runner.Flush(t.Context(), func(e Entry) bool { return e.Name.ID == id })
	if err != nil || sum.Uncertain != 1 || sum.Waiting != 1 {
		t.Errorf("summary %+v, %v", sum, err)
	}
	names, _ := s.Sorted()
	if n := names[0]; !n.Unsure || n.OnWire || n.Attempts != 1 || n.Next.IsZero() {
		t.Errorf("name is %s", n)
	}
	entry, _ := s.Entry(names[0])
	if entry.State(time.Now()) != "uncertain" || !strings.Contains(entry.Why(), "connection reset") {
		t.Errorf("entry is %q because %q", entry.State(time.Now()), entry.Why())
	}
}

func TestADeathOnTheWireIsWrittenDownBeforeTheNextTry(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org", "b@x.org"), "x")
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.rename(func(n *Name) { n.OnWire = true }); err != nil {
		t.Fatal(err)
	}
	m.Release() // as if the process had died
	w := newWorld(t, s)
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
		history, err := s.History(Name{ID: id})
		if err != nil || len(history) != 2 || history[0].Event != "uncertain" || !strings.Contains(history[0].Text, "may have arrived") {
			t.Errorf("history at the next try: %v, %v", history, err)
		}
		return refuse(450, "later"), nil
	}
	w.flush()
}

func TestAMessageThatBreaksSessionsDoesNotStopTheOthers(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	bad := put(t, s, envelope("poison@x.org"), "x")
	for range 5 {
		put(t, s, envelope("good@x.org"), "x")
	}
	w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
		if d.ID == bad {
			return Outcome{}, lost()
		}
		return refuse(250, "ok"), nil
	}
	w.flush()
	if w.copies("good@x.org") != 5 {
		t.Errorf("%d of 5 others arrived", w.copies("good@x.org"))
	}
	if n := only(t, s); n.ID != bad || n.Next.Before(time.Now()) {
		t.Errorf("left in the queue: %s", n)
	}
}

func TestAMessageThatHangsLetsTheOthersPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		bad := put(t, s, envelope("hang@x.org"), "x")
		for range 3 {
			put(t, s, envelope("good@x.org"), "x")
		}
		var othersAt time.Duration
		begin := time.Now()
		w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
			if d.ID == bad {
				time.Sleep(10 * time.Minute) // the server's silence, in virtual time
				return NoAnswer("mx.test", "no answer for 10 minutes"), lost()
			}
			othersAt = time.Since(begin)
			return refuse(250, "ok"), nil
		}
		w.flush()
		if w.copies("good@x.org") != 3 || othersAt > time.Minute {
			t.Errorf("%d others arrived, the last after %v", w.copies("good@x.org"), othersAt)
		}
		if n := only(t, s); n.ID != bad || !n.Unsure {
			t.Errorf("left in the queue: %s", n)
		}
	})
}

// Coverage: X8.
func TestBouncesNeverLoop(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(550, "no"), nil }
	put(t, s, envelope("a@x.org"), "Subject: x\n\nbody\n")
	for range 4 {
		w.flush()
	}
	n := only(t, s)
	if !n.Held {
		t.Fatalf("left in the queue: %s", n)
	}
	entry, _ := s.Entry(n)
	if entry.Envelope.From != "" {
		t.Errorf("what is held is from %q, want the bounce", entry.Envelope.From)
	}
}

func TestNotifyNeverIsObeyed(t *testing.T) {
	for _, c := range []struct {
		notify  string
		reports int
	}{{"", 1}, {"NEVER", 0}, {"SUCCESS", 0}, {"DELAY", 0}, {"SUCCESS,FAILURE", 1}} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			if to.Address == "a@x.org" {
				return refuse(550, "no"), nil
			}
			return refuse(250, "ok"), nil
		}
		e := envelope("a@x.org")
		e.To[0].Notify = c.notify
		put(t, s, e, "x")
		w.flush()
		w.flush()
		if n := w.copies("me@example.org"); n != c.reports {
			t.Errorf("NOTIFY=%s: %d reports, want %d", c.notify, n, c.reports)
		}
	}
}

func TestHeldMessagesWaitForRelease(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	id := put(t, s, envelope("a@x.org"), "x")
	if err := s.Hold(t.Context(), id, "I want to read it again"); err != nil {
		t.Fatal(err)
	}
	w.flush()
	if w.copies("a@x.org") != 0 {
		t.Error("a held message went")
	}
	if err := s.ReleaseHeld(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.flush()
	if w.copies("a@x.org") != 1 {
		t.Error("a released message did not go")
	}
	if err := s.Hold(t.Context(), id, ""); err == nil || !strings.Contains(err.Error(), string(id)) {
		t.Errorf("holding what is gone: %v", err)
	}
}

func TestRemoveTakesAMessageOutForGood(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	if err := s.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if names, _ := s.Sorted(); len(names) != 0 {
		t.Errorf("queue holds %v", names)
	}
}

func TestAClaimedMessageIsLeftToItsProcess(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), id); err == nil {
		t.Error("removed under the hands of another")
	}
	w := newWorld(t, s)
	done := make(chan Summary)
	go func() {
		sum, _ := w.runner.Flush(t.Context(), nil)
		done <- sum
	}()
	m.Release()
	if sum := <-done; sum.Waiting != 0 || w.copies("a@x.org") != 1 {
		t.Errorf("summary %+v", sum)
	}
}

func TestServeRunsForArrivalsChangesPokesAndRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.try = false
		arrivals, pokes := make(chan struct{}, 1), make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- w.runner.Serve(ctx, arrivals, pokes) }()
		put(t, s, envelope("a@x.org"), "x")
		arrivals <- struct{}{}
		synctest.Wait()
		time.Sleep(14 * 24 * time.Hour)
		synctest.Wait()
		if w.opened() != 0 {
			t.Errorf("%d connections while there was no route", w.opened())
		}

		w.set(func() { w.try, w.down = true, lost() })
		w.changes <- struct{}{}
		synctest.Wait()
		if w.opened() != 1 {
			t.Errorf("%d connections when the route came up, want one at once", w.opened())
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if w.opened() != 2 {
			t.Errorf("%d connections 3 s later, want a quick second try", w.opened())
		}
		w.set(func() { w.down = nil })
		pokes <- struct{}{}
		synctest.Wait()
		if w.copies("a@x.org") != 1 {
			t.Error("a poke did not send the message")
		}

		w.set(func() {
			w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "greylisted"), nil }
		})
		put(t, s, envelope("b@x.org"), "x")
		arrivals <- struct{}{}
		synctest.Wait()
		opens := w.opened()
		w.set(func() { w.answer = nil })
		time.Sleep(firstPause + time.Second)
		synctest.Wait()
		if w.copies("b@x.org") != 1 {
			t.Error("the retry did not fall due by itself")
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if w.opened() != opens+1 {
			t.Errorf("%d connections with an empty queue", w.opened()-opens-1)
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestServeDoesNotCircleWhenItCannotWriteDownTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &faultyDisk{Disk: swiftDisk{OS{}}}
		s := NewSpool(t.TempDir(), disk, time.Now)
		w := newWorld(t, s)
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
		put(t, s, envelope("a@x.org"), "x")
		disk.fail = func(op, path string) error {
			if op == "append" {
				return errors.New("no space left on device")
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- w.runner.Serve(ctx, nil, nil) }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if w.opened() > 12 {
			t.Errorf("%d attempts in 10 minutes", w.opened())
		}
		cancel()
		<-stopped
	})
}

func TestFlushReadsThroughAStoppedReader(t *testing.T) {
	s := testSpool(t)
	put(t, s, envelope("a@x.org"), "x")
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	one, two := m.Open(), m.Open()
	if _, err := io.ReadAll(one); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(two); err != nil || string(text) != "x" {
		t.Errorf("a second reader sees %q, %v", text, err)
	}
}
