package main

import (
	"errors"
	"testing"
	"time"

	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

func TestAnAccountsLineSaysWhatItWaitsFor(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reached := &queue.RouteState{At: now.Add(-time.Minute)}
	fault := (&queue.RouteFault{Step: queue.StepConnect, Server: "mx.test:465", Err: errors.New("refused")}).Text()
	down := &queue.RouteState{At: now.Add(-time.Minute), Fault: &fault}
	state := network.State{Reason: "eth0 is up", Since: now.Add(-time.Hour)}
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
			netwatch.Standing{Prospect: netwatch.LinkAlone, Reason: state.Reason, Reacts: "a route"},
			reached,
			"link only; waits for a route",
		},
		{
			"a reason of its own",
			netwatch.Standing{Prospect: netwatch.Withheld, Reason: "the rule x keeps it", Reacts: "a change of the network"},
			reached,
			"the rule x keeps it; waits for a change of the network",
		},
		{
			"a portal",
			netwatch.Standing{Prospect: netwatch.Captive, Page: "http://10.0.0.1/", Hint: "log in at http://10.0.0.1/"},
			down,
			"captive portal: log in at http://10.0.0.1/",
		},
		{
			"the next try is planned",
			netwatch.Standing{Prospect: netwatch.Unreachable, Next: now.Add(30 * time.Second)},
			down,
			"failed 1 min ago: mx.test:465, connecting: refused; tries again in 30 s, or when the network changes",
		},
		{
			"it is near",
			netwatch.Standing{Prospect: netwatch.Unreachable, Next: now.Add(300 * time.Millisecond)},
			down,
			"failed 1 min ago: mx.test:465, connecting: refused; tries again at once, or when the network changes",
		},
		{
			"a connection that takes its time",
			netwatch.Standing{Opening: now.Add(-5 * time.Second)},
			nil,
			"connecting, for 5 s so far",
		},
		{
			"and another after one that failed",
			netwatch.Standing{Prospect: netwatch.Unreachable, Opening: now.Add(-5 * time.Second)},
			down,
			"connecting, for 5 s so far; failed 1 min ago: mx.test:465, connecting: refused",
		},
		{
			"after one that failed by another network",
			netwatch.Standing{Opening: now.Add(-5 * time.Second)},
			&queue.RouteState{At: now.Add(-2 * time.Hour), Fault: &fault},
			"connecting, for 5 s so far",
		},
		{"a session", netwatch.Standing{Sessions: 1}, down, "a session is open, sending now"},
	} {
		r := &statusReport{Agent: &agentItem{}, Network: state}
		if got := r.prospect(accountStatus{Standing: test.s, Last: test.last, Waiting: 1}, now); got != test.want {
			t.Errorf("%s: %q", test.why, got)
		}
	}
	r := &statusReport{Agent: &agentItem{}, Network: state}
	quiet := accountStatus{Standing: netwatch.Standing{Prospect: netwatch.Unreachable, Next: now.Add(time.Minute)}, Last: down}
	if got := r.prospect(quiet, now); got != "failed 1 min ago: mx.test:465, connecting: refused" {
		t.Errorf("with nothing to send no try is planned: %q", got)
	}
}

func TestAFaultsHintIsShownWhereItCanHelp(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fault := (&queue.RouteFault{Step: queue.StepConnect, Err: errors.New("refused"), Hint: "mend it"}).Text()
	at := func(ago time.Duration) *queue.RouteState { return &queue.RouteState{At: now.Add(-ago), Fault: &fault} }
	r := &statusReport{Agent: &agentItem{}, Network: network.State{Since: now.Add(-time.Hour)}}
	for _, c := range []struct {
		reason   string
		prospect netwatch.Prospect
		last     *queue.RouteState
		want     string
	}{
		{"never tried", netwatch.Untried, nil, ""},
		{"reached", netwatch.Reachable, &queue.RouteState{At: now}, ""},
		{"failed", netwatch.Unreachable, at(time.Minute), "mend it"},
		{"by the network before", netwatch.Untried, at(2 * time.Hour), ""},
		{"no way out", netwatch.NoRoute, at(time.Minute), ""},
		{"a link and no more", netwatch.LinkAlone, at(time.Minute), ""},
		{"a portal, whose line says what to do", netwatch.Captive, at(time.Minute), ""},
	} {
		if got := r.hint(accountStatus{Standing: netwatch.Standing{Prospect: c.prospect}, Last: c.last}); got != c.want {
			t.Errorf("%s: %q", c.reason, got)
		}
	}
}
