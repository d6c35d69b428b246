package main

import (
	"sync"
	"time"

	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/netwatch/policy"
	"mailcrane/queue"
)

// A demoLink is the demo's network: down, until it is told to come up.
type demoLink struct {
	changes chan struct{}

	mu    sync.Mutex
	state network.State
}

func newDemoLink() *demoLink {
	return &demoLink{
		changes: make(chan struct{}, 1),
		state:   network.State{Level: network.Down, Reason: "the demo's link is down", Since: time.Now()},
	}
}

func (l *demoLink) comeUp() {
	l.mu.Lock()
	l.state = network.State{Level: network.Way, Reason: "the demo's link is up", Since: time.Now()}
	l.mu.Unlock()
	l.changes <- struct{}{}
}

func (l *demoLink) State() network.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *demoLink) Verdict(queue.Route) queue.Verdict {
	s := l.State()
	return queue.Verdict{Try: s.Level == network.Way, Why: s.Reason, Since: s.Since}
}

func (l *demoLink) Changes() <-chan struct{} { return l.changes }

func (l *demoLink) Standing(queue.Route) netwatch.Standing { return netwatch.Standing{} }

func (l *demoLink) Decision(r queue.Route) policy.Decision {
	return policy.Decision{Account: string(r)}
}

func (l *demoLink) Prove(t queue.Transport) queue.Transport { return t }
