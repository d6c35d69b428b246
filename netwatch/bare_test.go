package netwatch

import (
	"context"
	"testing"
	"time"

	"mailcrane/queue"
)

// A bareServer is one without TLS that gives all recipients one answer.
type bareServer struct {
	opened int
	answer queue.Reply
}

func (l *bareServer) Open(context.Context, queue.Route) (queue.Session, *queue.RouteFault) {
	l.opened++
	return l, nil
}

func (l *bareServer) Deliver(_ context.Context, d *queue.Delivery) *queue.RouteFault {
	for i := range d.To {
		if l.answer.Code == 0 {
			d.Report(i, queue.Refuse("smtp.bare.example", "5.6.0", l.answer.Text))
			continue
		}
		d.Report(i, queue.OutcomeOf("smtp.bare.example", l.answer))
	}
	return nil
}

func (l *bareServer) Close(context.Context) {}

func (l *bareServer) deliver(t *testing.T, w *Watcher, answer queue.Reply) (got queue.Outcome) {
	t.Helper()
	l.answer = answer
	s, fault := w.Prove(l).Open(t.Context(), "bare")
	if fault != nil {
		t.Fatalf("%+v", fault)
	}
	s.Deliver(t.Context(), &queue.Delivery{To: make([]queue.Recipient, 1), Report: func(_ int, o queue.Outcome) { got = o }})
	return got
}

func TestNothingIsSaidToAServerWithoutTLSInAPortal(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
		l := &bareServer{}
		_, fault := w.Prove(l).Open(t.Context(), "bare")
		if fault == nil || !fault.Captive || l.opened > 0 {
			t.Errorf("%+v, opened %d times", fault, l.opened)
		}
		if got := w.Standing("bare"); got.Prospect != Captive || got.Page != loginPage {
			t.Errorf("%+v", got)
		}
		if !w.Verdict("bare").Try {
			t.Error("no try would tell that the portal is open")
		}
		h.say("")
		if _, fault := w.Prove(l).Open(t.Context(), "bare"); fault != nil || l.opened != 1 {
			t.Errorf("the portal is open: %+v", fault)
		}
		if !changed(w) {
			t.Error("nobody is told that it is open")
		}
	})
}

// Coverage: portal.
func TestARefusalByAServerWithoutTLSIsForNowUntilItHasTakenMail(t *testing.T) {
	no, yes := queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}, queue.Reply{Code: 250}
	inHotel(t, func(t *testing.T, s *script, w *Watcher, h *hotel) {
		h.say("")
		l := &bareServer{}
		if got := l.deliver(t, w, no); got.State() != queue.Deferred || got.Reply().Text != "refused (550 5.1.1 no such user), but without TLS nothing shows that this is smtp.bare.example, which has taken no mail by this network yet" {
			t.Errorf("%v %q", got.State(), got.Reply().Text)
		}
		if got := l.deliver(t, w, queue.Reply{Text: "it cannot be put into a form that it takes"}); got.State() != queue.Failed {
			t.Errorf("what is found here: %v", got.State())
		}
		if got := l.deliver(t, w, yes); got.State() != queue.Delivered {
			t.Errorf("%v", got.State())
		}
		if got := l.deliver(t, w, no); got.State() != queue.Failed {
			t.Errorf("after it has taken mail: %v", got.State())
		}
		s.happen(roamed(), nil)
		if got := l.deliver(t, w, no); got.State() != queue.Deferred {
			t.Errorf("by another network: %v", got.State())
		}
	})
}

func TestAServerWithoutTLSIsNotGuardedAtEachSession(t *testing.T) {
	inHotel(t, func(t *testing.T, _ *script, w *Watcher, h *hotel) {
		h.say("")
		l := &bareServer{}
		for range 10 {
			l.deliver(t, w, queue.Reply{Code: 250})
			pass(time.Minute)
		}
		if h.looks() != 1 {
			t.Errorf("%d looks", h.looks())
		}
		pass(bareAge)
		l.deliver(t, w, queue.Reply{Code: 250})
		if h.looks() != 2 {
			t.Errorf("%d looks", h.looks())
		}
	})
}
