package main

import (
	"testing"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
)

// A liveSession is one that an event tells of.
type liveSession struct{ queue.Coster }

func TestAStandingShowsWhatTheAgentDoesByTheRoute(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := newDoings(func() time.Time { return now })
	live, other := &liveSession{}, &liveSession{}
	event := func(kind queue.EventKind, next time.Duration, session queue.Coster) queue.Event {
		return queue.Event{Kind: kind, Route: "work", Next: now.Add(next), Live: session}
	}
	for _, step := range []struct {
		reason   string
		event    queue.Event
		next     bool
		opening  bool
		sessions int
	}{
		{"a try is planned", event(queue.Retry, time.Minute, nil), true, false, 0},
		{"that of another account", queue.Event{Kind: queue.Retry, Route: "gone", Next: now.Add(time.Hour)}, true, false, 0},
		{"it is made", event(queue.Opening, 0, nil), false, true, 0},
		{"in vain", event(queue.Closed, 0, nil), false, false, 0},
		{"again", event(queue.Opening, 0, nil), false, true, 0},
		{"which the plan alone tells of", event(queue.Retry, -time.Minute, nil), false, false, 0},
		{"and again", event(queue.Opening, 0, nil), false, true, 0},
		{"it is open", event(queue.Opened, 0, live), false, false, 1},
		{"a second beside it", event(queue.Opened, 0, other), false, false, 2},
		{"which ends", event(queue.SessionEnded, 0, other), false, false, 1},
		{"one that was never open has its cost told", event(queue.SessionEnded, 0, nil), false, false, 1},
		{"all is over", event(queue.SessionEnded, 0, live), false, false, 0},
	} {
		d.watch(step.event)
		routes := map[queue.Route]netwatch.Standing{"work": {Fault: "refused"}}
		d.fill(routes)
		s := routes["work"]
		if !s.Next.IsZero() != step.next || !s.Opening.IsZero() != step.opening || s.Sessions != step.sessions {
			t.Errorf("%s: next %v, opening %v, %d sessions", step.reason, s.Next, s.Opening, s.Sessions)
		}
	}
}
