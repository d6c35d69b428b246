package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/desktop"
	"mailcrane/netwatch"
	"mailcrane/queue"
	"mailcrane/smarthost"
	"mailcrane/smarthost/oauth"
)

const (
	// knownNotices is where the spool keeps what the desktop was told.
	knownNotices = "notices"
	// waitedFor is after how long in the queue a message counts as one that has
	// waited.
	waitedFor = time.Minute
	// mostDelivered bounds the messages of which it is remembered that a
	// recipient has them.
	mostDelivered = 1000
)

// A notifier tells the desktop of what the agent meets.
type notifier struct {
	herald *desktop.Herald
	now    func() time.Time
	// logins is how the log-ins stand that end some day.
	logins func() map[string]oauth.Standing
	// upSince says that any process was let in on the route since then.
	upSince func(queue.Route, time.Time) bool

	mu        sync.Mutex
	faults    map[queue.Route]metFault
	delivered map[queue.ID]bool
	looked    time.Time // at the log-ins
}

// A metFault is a fault and when it was met.
type metFault struct {
	*queue.RouteFault
	at time.Time
}

// notifier is nil where nobody wants to be told, or the agent serves more than
// one user and has no desktop; and where the network is not the machine's own,
// but a demonstration's.
func (a *app) notifier(ctx context.Context, c *config.Config, out *smarthost.Transport, log *slog.Logger, own bool) *notifier {
	if !own || c.Notice == config.NoticeNone || c.System.Used() {
		return nil
	}
	spool := a.spool(c)
	n := &notifier{now: a.now, faults: make(map[queue.Route]metFault), delivered: make(map[queue.ID]bool)}
	n.herald = desktop.NewHerald(desktop.Options{
		Desktop: desktop.New(a.getenv), All: c.Notice == config.NoticeAll, Private: c.Privacy, Log: log.Debug,
		Waiting: func(account string) bool { return waitsFor(spool, out, queue.Route(account)) },
		Load:    func() (string, error) { return spool.Known(knownNotices) },
		Keep:    func(text string) error { return spool.KeepKnown(knownNotices, text) },
		Do:      a.deeds(ctx, log),
	})
	n.logins = func() map[string]oauth.Standing {
		all := make(map[string]oauth.Standing)
		for _, account := range c.Accounts {
			if account.OAuth.Used() {
				all[account.Name] = oauth.Look(spool, account)
			}
		}
		return all
	}
	n.upSince = func(route queue.Route, then time.Time) bool {
		state, err := spool.RouteState(route)
		return err == nil && state.Fault == nil && state.At.After(then)
	}
	go n.herald.Run(ctx)
	return n
}

// loginPause is the shortest time between two looks at when log-ins end: it is
// told days ahead.
const loginPause = time.Hour

// lookAtLogins tells of those that end soon. The caller holds mu.
func (n *notifier) lookAtLogins() {
	now := n.now()
	if now.Sub(n.looked).Abs() < loginPause {
		return
	}
	n.looked = now
	for account, s := range n.logins() {
		if s.EndsSoon(now) {
			n.herald.TokenEnds(account, s.Ends)
		}
	}
}

// waitsFor says whether a message waits for the route.
func waitsFor(spool *queue.Spool, out *smarthost.Transport, route queue.Route) (waits bool) {
	err := spool.Names(func(name queue.Name) bool {
		if name.Waits() {
			return true
		}
		if e, ok := spool.Entry(name); ok {
			r, err := out.Route(e.Envelope)
			waits = err == nil && r == route
		}
		return !waits
	})
	return err == nil && waits
}

// watch is told of every event of the queue runs.
func (n *notifier) watch(e queue.Event) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch e.Kind {
	case queue.Closed, queue.Retry:
		if e.Fault != nil {
			n.faults[e.Route] = metFault{e.Fault, n.now()}
		}
	case queue.Opened:
		n.well(e.Route)
	case queue.Bounced:
		n.herald.Refused()
	case queue.Warned:
		n.herald.Late()
	case queue.Settled:
		if e.Outcome.State() == queue.Delivered && len(n.delivered) < mostDelivered && n.now().Sub(e.ID.Received()) > waitedFor {
			n.delivered[e.ID] = true
		}
	case queue.Ended:
		if n.delivered[e.ID] && e.Left == 0 {
			n.herald.Gone()
		}
		delete(n.delivered, e.ID)
	default:
	}
}

// well is told that a server has let us in. The caller holds mu.
func (n *notifier) well(route queue.Route) {
	delete(n.faults, route)
	n.herald.Stands(string(route), desktop.Well, "")
}

// looker is look, or nil where nobody is told.
func (n *notifier) looker() func(map[queue.Route]netwatch.Standing) {
	if n == nil {
		return nil
	}
	return n.look
}

// look is told how the accounts stand, when that may have changed or mail has
// come.
func (n *notifier) look(routes map[queue.Route]netwatch.Standing) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookAtLogins()
	for route, s := range routes {
		fault, met := n.faults[route]
		if met && n.upSince(route, fault.at) {
			n.well(route)
			fault.RouteFault = nil
		}
		n.herald.Stands(string(route), troubleOf(fault.RouteFault, s), s.Page)
	}
}

// troubleOf is what a person has to do about an account. That it is well only
// its server can say.
func troubleOf(fault *queue.RouteFault, s netwatch.Standing) desktop.Trouble {
	switch {
	case fault.WantsLogin():
		return desktop.Login
	case s.Prospect == netwatch.Captive:
		return desktop.Portal
	case fault != nil && fault.NeedsPerson:
		return desktop.Broken
	}
	return desktop.Unknown
}
