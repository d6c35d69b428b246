package main

import (
	"errors"
	"testing"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
)

func TestAnAccountsLineSaysWhatItWaitsFor(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reached := &queue.RouteState{At: now.Add(-time.Minute)}
	fault := (&queue.RouteFault{Step: queue.StepConnect, Server: "mx.test:465", Err: errors.New("refused")}).Text()
	down := &queue.RouteState{At: now.Add(-time.Minute), Fault: &fault}
	network := netwatch.State{Reason: "eth0 is up", Since: now.Add(-time.Hour)}
	for _, test := range []struct {
		why  string
		s    netwatch.Standing
		last *queue.RouteState
		want string
	}{
		{"never tried", netwatch.Standing{}, nil, "not tried yet"},
		{"reached", netwatch.Standing{Prospect: netwatch.Reachable}, reached, "last reached 1 min ago"},
		{
			"reached, but by the network before",
			netwatch.Standing{},
			&queue.RouteState{At: now.Add(-2 * time.Hour)},
			"not tried by this network yet, last reached 2 h ago",
		},
		{
			"the network's own line says why",
			netwatch.Standing{Prospect: netwatch.LinkAlone, Reason: network.Reason, Reacts: "a route"},
			reached,
			"link only; waits for a route",
		},
		{
			"a reason of its own",
			netwatch.Standing{Prospect: netwatch.Withheld, Reason: "the rule x keeps it", Reacts: "a change of the network"},
			reached,
			"held by a rule: the rule x keeps it; waits for a change of the network",
		},
		{
			"a portal whose page is known",
			netwatch.Standing{Prospect: netwatch.Captive, Page: "http://10.0.0.1/"},
			down,
			"captive portal: log in at http://10.0.0.1/; mail goes by itself as soon as it opens",
		},
		{"a portal whose page is not", netwatch.Standing{Prospect: netwatch.Captive}, down, "captive portal: open any web page in a browser and log in there; mail goes by itself as soon as it opens"},
		{
			"the next try is planned",
			netwatch.Standing{Prospect: netwatch.Unreachable, Next: now.Add(30 * time.Second)},
			down,
			"down 1 min ago: mx.test:465, connecting: refused; tries again in 30 s, or when the network changes",
		},
		{
			"it is near",
			netwatch.Standing{Prospect: netwatch.Unreachable, Next: now.Add(300 * time.Millisecond)},
			down,
			"down 1 min ago: mx.test:465, connecting: refused; tries again at once, or when the network changes",
		},
	} {
		r := &statusReport{Agent: &agentItem{}, Network: network}
		if got := r.prospect(accountStatus{Standing: test.s, Last: test.last, Waiting: 1}, now); got != test.want {
			t.Errorf("%s: %q", test.why, got)
		}
	}
	r := &statusReport{Agent: &agentItem{}, Network: network}
	quiet := accountStatus{Standing: netwatch.Standing{Prospect: netwatch.Unreachable, Next: now.Add(time.Minute)}, Last: down}
	if got := r.prospect(quiet, now); got != "down 1 min ago: mx.test:465, connecting: refused" {
		t.Errorf("with nothing to send no try is planned: %q", got)
	}
}

func TestATryThatIsPlannedShowsUntilItIsMade(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := newRetries()
	next := func() time.Time {
		routes := map[queue.Route]netwatch.Standing{"work": {Fault: "refused"}}
		r.fill(routes, now)
		return routes["work"].Next
	}
	r.watch(queue.Event{Kind: queue.Retry, Route: "work", Next: now.Add(time.Minute)})
	r.watch(queue.Event{Kind: queue.Retry, Route: "gone", Next: now.Add(time.Minute)})
	if !next().Equal(now.Add(time.Minute)) {
		t.Errorf("next try %v", next())
	}
	r.watch(queue.Event{Kind: queue.Opening, Route: "work"})
	if !next().IsZero() {
		t.Errorf("it is being made, and shows as %v", next())
	}
	r.watch(queue.Event{Kind: queue.Retry, Route: "work", Next: now.Add(-time.Minute)})
	if !next().IsZero() {
		t.Errorf("it is over, and shows as %v", next())
	}
}
