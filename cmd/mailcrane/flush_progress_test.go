package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"mailcrane/queue"
)

// A fakeSession has cost what it is told.
type fakeSession struct{ cost queue.Cost }

func (f *fakeSession) Cost() queue.Cost { return f.cost }

func TestProgressIsWhatHasArrivedAndNotWhatWasHandedOver(t *testing.T) {
	now := time.Unix(0, 0)
	p := progress{now: func() time.Time { return now }, total: 4000, handed: make(map[queue.ID]int64)}
	s, second := &fakeSession{queue.Cost{Arrived: 700, Received: 900}}, &fakeSession{queue.Cost{Arrived: 500}}
	sees := func(e queue.Event) func() { return func() { e.Route = "home"; p.see(e) } }
	passes := func(d time.Duration) func() { return func() { now = now.Add(d) } }
	for i, step := range []struct {
		does   func()
		octets int64
		words  string
	}{
		{func() {}, 0, ""},
		{sees(queue.Event{Kind: queue.Opening}), 0, "connecting (home), 0 s"},
		{passes(4 * time.Second), 0, "connecting (home), 4 s"},
		{sees(queue.Event{Kind: queue.Opened, Live: s}), 0, "sending (home)"},
		{sees(queue.Event{Kind: queue.Progress, ID: "a", Octets: 1000}), 0, "sending (home)"},
		{sees(queue.Event{Kind: queue.Progress, ID: "b", Octets: 3000}), 0, "sending (home)"},
		{func() { s.cost.Arrived += 1500 }, 1500, "sending (home)"},
		{passes(standstill), 1500, "nothing has moved for 5 s (home)"},
		{func() { s.cost.Received += 30 }, 1500, "sending (home)"},
		{func() { s.cost.Arrived += 2700 }, 3999, "waiting for the answer (home)"},
		// The link is lost: only what the server took needs not go again.
		{sees(queue.Event{Kind: queue.SessionEnded, Live: s, Session: &queue.SessionEnd{Mail: 1000, Why: "lost", Cost: s.cost}}), 1000, "connecting (home), 9 s"},
		{sees(queue.Event{Kind: queue.Opening}), 1000, "connecting (home), 0 s"},
		{sees(queue.Event{Kind: queue.Opened, Live: second}), 1000, "waiting for the answer (home)"},
		{sees(queue.Event{Kind: queue.Progress, ID: "b", Octets: 3000}), 1000, "sending (home)"},
		{func() { second.cost.Arrived += 2000 }, 3000, "sending (home)"},
		{sees(queue.Event{Kind: queue.SessionEnded, Live: second, Session: &queue.SessionEnd{Mail: 3000, Cost: queue.Cost{Arrived: 4000}}}), 3999, "connecting (home), 0 s"},
	} {
		step.does()
		if octets, words := p.look(); octets != step.octets || words != step.words {
			t.Errorf("step %d: %d, %q; want %d, %q", i, octets, words, step.octets, step.words)
		}
	}
}

// What TLS and the commands add makes that more arrives than was handed over of
// a large message, in whose middle nobody answers.
func TestNoAnswerIsAwaitedInTheMiddleOfAMessage(t *testing.T) {
	p := progress{now: time.Now, total: 9000, handed: make(map[queue.ID]int64)}
	s := &fakeSession{}
	p.see(queue.Event{Kind: queue.Opened, Route: "home", Live: s})
	for _, step := range []struct {
		handed, arrived int64
		words           string
	}{
		{3000, 3100, "sending (home)"},
		{9000, 9300, "waiting for the answer (home)"},
	} {
		p.see(queue.Event{Kind: queue.Progress, ID: "a", Size: 9000, Octets: step.handed})
		s.cost.Arrived = step.arrived
		if _, words := p.look(); words != step.words {
			t.Errorf("%d of 9000 handed over: %s", step.handed, words)
		}
	}
}

func TestASessionThatIsOpenedAgainSaysWhy(t *testing.T) {
	fault := &queue.RouteFault{Step: queue.StepSession, Server: "mx:465", Err: errors.New("the server closed the connection")}
	var out, notes bytes.Buffer
	v := &flushView{out: &out, notes: &notes, broke: make(map[queue.Route]*queue.RouteFault)}
	for _, e := range []queue.Event{
		{Kind: queue.Opening, Route: "home"},
		{Kind: queue.Closed, Route: "home", Fault: fault},
		{Kind: queue.Opening, Route: "other"},
		{Kind: queue.Opening, Route: "home"},
		{Kind: queue.Opening, Route: "home"}, // a second one beside it
		{Kind: queue.Closed, Route: "home", Fault: fault},
	} {
		v.event(e)
	}
	// The last end is told with the run's.
	if want := "mailcrane: account home: mx:465, the session: the server closed the connection; connecting again\n"; notes.String() != want || out.Len() > 0 {
		t.Errorf("%q, %q", notes.String(), out.String())
	}
}
