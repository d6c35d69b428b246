package queue

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A metered world's sessions count what they cost.
type metered struct {
	*world
	cost Cost
}

func (m *metered) Cost() Cost { return m.cost }

// watchSessions collects the ends of sessions, and what the log says of them.
func watchSessions(w *world) (ends *[]SessionEnd, log *bytes.Buffer) {
	ends, log = new([]SessionEnd), new(bytes.Buffer)
	w.runner.Log = slog.New(slog.NewTextHandler(log, nil))
	w.runner.Watch = func(e Event) {
		if e.Kind == SessionEnded {
			w.set(func() { *ends = append(*ends, *e.Session) })
		}
	}
	return ends, log
}

// Coverage: stats.
func TestASessionTellsWhatItDidAndCost(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	cost := Cost{Sent: 700, Received: 300, HandshakeSent: 400, HandshakeReceived: 200, RoundTrips: 6, TLS: "TLS 1.3", Resumed: true, KeyExchange: "X25519"}
	w.session = &metered{w, cost}
	over, log := watchSessions(w)
	put(t, s, envelope("a@x.org", "b@x.org", "none@x.org"), "1234\n")
	put(t, s, envelope("none@x.org"), "refused")
	put(t, s, envelope("c@x.org"), "12")
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		if to.Address == "none@x.org" {
			return OutcomeOf("mx.test", Reply{Code: 550, Text: "no such user"}), nil
		}
		return OutcomeOf("mx.test", Reply{Code: 250, Text: "ok"}), nil
	}
	w.flush()
	if len(*over) == 0 {
		t.Fatal("no session ended")
	}
	sum := (*over)[0]
	for _, end := range (*over)[1:] {
		sum.Messages, sum.Recipients, sum.Mail = sum.Messages+end.Messages, sum.Recipients+end.Recipients, sum.Mail+end.Mail
	}
	// Two bounces go too.
	if sum.Messages != 4 || sum.Recipients != 5 || sum.Mail < 8 || sum.Cost != cost || sum.Why != "" || sum.Route != "main" || sum.Server != "main" {
		t.Errorf("%+v", sum)
	}
	for _, want := range []string{
		`msg="session ended" route=main server=main seconds=`, " sent=700 received=300 round_trips=6 tls=\"TLS 1.3, resumed, X25519\"\n",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not in the log:\n%s", want, log)
		}
	}
}

func TestASessionThatBreaksTellsWhy(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	over, log := watchSessions(w)
	put(t, s, envelope("a@x.org"), "x")
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return Outcome{}, ends() }
	w.flush()
	if len(*over) != w.opened() || (*over)[0].Why != ends().Sentence() || (*over)[0].Messages != 0 {
		t.Errorf("%d sessions: %+v", w.opened(), *over)
	}
	if !strings.Contains(log.String(), `why="mx.test:465, the session: the server ends the session: 421 busy"`) {
		t.Error(log)
	}
}

func TestAConnectionThatWasForNothingTellsWhatItCost(t *testing.T) {
	for _, c := range []struct {
		reason string
		cost   Cost
		want   int
	}{
		{"a refused log-in", Cost{Sent: 1, RoundTrips: 5}, 1},
		{"there was no connection", Cost{}, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			over, _ := watchSessions(w)
			put(t, s, envelope("a@x.org"), "x")
			w.down = &RouteFault{Step: StepAuth, Err: errors.New("no"), Cost: c.cost}
			w.flush()
			if len(*over) != c.want || c.want > 0 && ((*over)[0].Cost != c.cost || (*over)[0].Why != "logging in: no") {
				t.Errorf("%+v", *over)
			}
		})
	}
}

func TestARecipientIsUncertainOnceAndPerhapsServedTwice(t *testing.T) {
	for _, c := range []struct {
		reason string
		lost   int
		want   Summary
	}{
		{"delivered after all", 1, Summary{Delivered: 2, Uncertain: 2, Twice: 2}},
		{"lost again", 2, Summary{Uncertain: 2, Waiting: 1}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			put(t, s, envelope("a@x.org", "b@x.org"), "x")
			lost := c.lost
			w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
				if lost > 0 {
					lost--
					return Outcome{}, &RouteFault{Step: StepSession, Err: errors.New("gone"), Lost: true}
				}
				return OutcomeOf("mx.test", Reply{Code: 250, Text: "ok"}), nil
			}
			sum := w.flush()
			if got := (Summary{Delivered: sum.Delivered, Uncertain: sum.Uncertain, Twice: sum.Twice, Waiting: sum.Waiting}); !cmp.Equal(got, c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
