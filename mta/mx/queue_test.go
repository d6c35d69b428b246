package mx

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

// byDomain sends mail to the exchangers of its recipient's domain.
type byDomain struct{}

func (byDomain) Route(e *queue.Envelope) (queue.Route, error) {
	return queue.Route(esmtp(address.Domain(e.To[0].Address))), nil
}
func (byDomain) ReturnTo(e *queue.Envelope) string { return e.From }

type freely struct{}

func (freely) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: true} }
func (freely) Changes() <-chan struct{}          { return nil }

// left is who still waits in the queue, or has got a bounce, by recipient.
func left(t *testing.T, s *queue.Spool) map[string]queue.State {
	t.Helper()
	listing, err := s.List(queue.ListOrder{})
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]queue.State)
	listing.Each(func(e queue.Entry) bool {
		for i, to := range e.Envelope.To {
			var state queue.State
			if i < len(e.Results) {
				state = e.Results[i].State
			}
			all[to.Address] = state
		}
		return true
	})
	return all
}

// Regression: a host that greeted us counted as well, so that the mail went to it
// each time, whatever it did to each message, and never to the host behind it.
func TestAHostThatHangsUpOnMailKeepsItFromNobodyElse(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT", "DATA", "."} {
		for why, says := range map[string]string{"421": "421 4.3.2 not now", "a connection that breaks": "CLOSE", "no SMTP": "what?"} {
			t.Run(why+" to "+verb, func(t *testing.T) {
				w := standard()
				w.servers["192.0.2.1:25"].says = map[string]string{verb: says}
				r, spool := w.runner(t, w.transport(t, nil))
				put(t, spool, "a@example.org")
				for range 2 {
					if _, err := r.Run(context.Background(), queue.Run{Person: true}); err != nil {
						t.Fatal(err)
					}
				}
				if _, _, mails := w.servers["192.0.2.2:25"].count(); mails != 1 || len(left(t, spool)) != 0 {
					t.Errorf("calls to %s, left are %v", w.calls(), left(t, spool))
				}
			})
		}
	}
}

func TestAHostThatTookMailBeforeItHungUpIsTheBestOneStill(t *testing.T) {
	w := standard()
	tr := w.transport(t, nil)
	s, fault := tr.Open(t.Context(), queue.Route(esmtp("example.org")))
	if fault != nil {
		t.Fatal(fault)
	}
	if _, fault = deliver(t, s); fault != nil {
		t.Fatal(fault)
	}
	best := w.servers["192.0.2.1:25"]
	best.mu.Lock()
	best.says = map[string]string{"MAIL": "421 4.3.2 enough for this time"}
	best.mu.Unlock()
	if _, fault = deliver(t, s); fault == nil {
		t.Error("a 421 is a fault")
	}
	s.Close(context.Background())
	send(t, tr, esmtp("example.org"))
	if w.calls() != "192.0.2.1:25 192.0.2.1:25" {
		t.Errorf("calls to %s", w.calls())
	}
}

// runner has a queue run carry mail in the world.
func (w *world) runner(t *testing.T, tr *Transport) (*queue.Runner, *queue.Spool) {
	t.Helper()
	spool := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
	if err := spool.Prepare(); err != nil {
		t.Fatal(err)
	}
	return &queue.Runner{
		Spool: spool, Router: byDomain{}, Transport: tr, Reach: freely{}, Tuning: config.DefaultQueue(), Now: time.Now,
		ByRecipient: true, Log: slog.New(slog.DiscardHandler), Hostname: "us.example",
	}, spool
}

func put(t *testing.T, spool *queue.Spool, to string) {
	t.Helper()
	e := &queue.Envelope{From: "me@plain.test", To: []queue.Recipient{{Address: to}}}
	if _, err := spool.Put(t.Context(), e, strings.NewReader("Subject: x\n\nbody\n")); err != nil {
		t.Fatal(err)
	}
}

// Coverage: B111.
func TestAQueueRunDeliversWhatItCanAndBouncesWhatNobodyTakes(t *testing.T) {
	w := standard()
	w.mx["other.test"] = []names.MX{{Host: "mx1.example.org", Preference: 1}}
	w.mx["dead.test"] = []names.MX{{Host: "gone.test", Preference: 1}}
	w.hosts["gone.test"] = []string{"192.0.2.66"}
	w.wrong["unsure.test MX"] = true
	r, spool := w.runner(t, w.transport(t, cached(4, time.Minute)))
	for _, to := range []string{"a@example.org", "b@example.org", "c@dead.test", "d@none.test", "e@unsure.test"} {
		put(t, spool, to)
	}
	run := func() {
		t.Helper()
		if _, err := r.Run(context.Background(), queue.Run{Person: true}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if connections, _, mails := w.servers["192.0.2.1:25"].count(); connections != 1 || mails != 2 {
		t.Errorf("two messages to one host: %d connections, %d mails", connections, mails)
	}
	put(t, spool, "f@other.test")
	run()
	if connections, _, mails := w.servers["192.0.2.1:25"].count(); connections != 1 || mails != 3 {
		t.Errorf("one more, for another domain: %d connections, %d mails", connections, mails)
	}
	// The bounce about d@none.test went to me@plain.test by the first run.
	if _, _, mails := w.servers["192.0.2.3:25"].count(); mails != 1 {
		t.Errorf("%d bounces were sent", mails)
	}
	all := left(t, spool)
	if len(all) != 2 {
		t.Errorf("left are %v", all)
	}
	for _, to := range []string{"c@dead.test", "e@unsure.test"} {
		if state, ok := all[to]; !ok || state != 0 {
			t.Errorf("%s is %v, %v: a fault of the route is none of the message", to, state, ok)
		}
	}
}
