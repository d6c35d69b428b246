package queue

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAMessageTooLargeIsReturnedAsItsHeader(t *testing.T) {
	for _, c := range []struct {
		why   string
		reply Reply
		whole bool
	}{
		{"ours, before it is sent", Reply{0, "5.3.4", "the message is too large"}, false},
		{"the system's limit", Reply{552, "5.3.4", "message size exceeds fixed limit"}, false},
		{"the mailbox's limit", Reply{552, "5.2.3", "message too long"}, false},
		{"a server without enhanced codes", Reply{552, "", "message size exceeds maximum permitted"}, false},
		{"the mailbox is full", Reply{552, "5.2.2", "over quota"}, true},
		{"no such user", Reply{550, "5.1.1", "no such user"}, true},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			switch {
			case to.Address != "a@x.org":
				return OutcomeOf("mx.test", Reply{Code: 250}), nil
			case c.reply.Code == 0:
				return Refuse("mx.test", c.reply.Enhanced, c.reply.Text), nil
			}
			return OutcomeOf("mx.test", c.reply), nil
		}
		put(t, s, envelope("a@x.org"), "Subject: large\n\nthe body\n")
		w.flush()
		w.flush()
		if w.copies("me@example.org") != 1 {
			t.Errorf("%s: no report", c.why)
			continue
		}
		report := w.got["me@example.org"][0]
		if got := strings.Contains(report, "the body"); got != c.whole || !strings.Contains(report, "Subject: large") {
			t.Errorf("%s: the whole message is in the report: %v\n%s", c.why, got, report)
		}
	}
}

func TestAMessageNobodyCanBeToldOfIsHeldAtItsEnd(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	later := refuse(450, "later")
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		if to.Address == "never@x.org" {
			return refuse(550, "no"), nil
		}
		return later, nil
	}
	e := envelope("never@x.org", "later@x.org")
	e.From = ""
	put(t, s, e, "x")
	w.flush()
	if n := only(t, s); n.Held {
		t.Error("a recipient who is refused holds up another one")
	}
	later = refuse(250, "ok")
	w.flush()
	n := only(t, s)
	entry, _ := s.Entry(n)
	if w.copies("later@x.org") != 1 || !n.Held || !strings.Contains(entry.Why(), "no sender to tell") {
		t.Errorf("delivered %v; left: %s, because %q", w.got, n, entry.Why())
	}
	if err := s.ReleaseHeld(t.Context(), n.ID); err != nil {
		t.Fatal(err)
	}
	w.flush()
	if names, _ := s.Sorted(); len(names) > 0 || w.copies("later@x.org") != 1 {
		t.Errorf("after its release: %v, delivered %v", names, w.got)
	}
}

func TestAMessageToManyIsSettledInNoTime(t *testing.T) {
	const many = 20_000
	s := testSpool(t)
	w := newWorld(t, s)
	e := &Envelope{From: "me@example.org"}
	for i := range many {
		e.To = append(e.To, Recipient{Address: fmt.Sprintf("u%d@x.org", i)})
	}
	put(t, s, e, "x")
	began := time.Now()
	w.flush()
	if took := time.Since(began); len(w.got) != many || took > 10*time.Second {
		t.Errorf("%d of %d recipients settled in %v", len(w.got), many, took)
	}
}
