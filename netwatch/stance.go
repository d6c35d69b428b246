package netwatch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mailcrane/internal/config"
	"mailcrane/netwatch/network"
	"mailcrane/netwatch/policy"
	"mailcrane/queue"
)

// A stance is what the rules said of a route when they were last asked, and
// since when they have said so.
type stance struct {
	policy.Decision
	since time.Time
}

// Decision is what the rules of the policy say of mail of r now.
func (w *Watcher) Decision(r queue.Route) policy.Decision {
	return policy.Decide(w.rules, string(r), w.moment(w.State()))
}

type decisionKey struct{}

// Decided is what the rules had said when the opening of a session began that
// ctx is for, so that what was found out about its server before is not used for
// another one.
func Decided(ctx context.Context) (d policy.Decision, ok bool) {
	d, ok = ctx.Value(decisionKey{}).(policy.Decision)
	return d, ok
}

// moment is now, in state s.
func (w *Watcher) moment(s network.State) *policy.Moment {
	metered := func(account string) bool {
		server := w.leadsTo(policy.Decision{Account: account})
		_, metered := server.verdict(s)
		return metered && server.Metering == config.MeteredAuto || server.Metering == config.MeteredYes
	}
	now := w.now()
	return &policy.Moment{
		Interface: s.Interface, SSID: s.SSID, Connection: s.Connection, VPN: s.VPN, Settling: w.settles(now).After(now),
		Addresses: s.Addresses, Portal: s.Portal, Metered: metered, Now: now,
	}
}

// settling is how long routes and VPNs must stay as they are before a VPN counts
// as up: what brings one up adds device, address and routes one after another.
const settling = time.Second

// settles is when that is over; zero where nothing changed since the start.
func (w *Watcher) settles(now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shifted.IsZero() || w.shifted.After(now) {
		return time.Time{} // a clock that was set back ends it
	}
	return w.shifted.Add(settling)
}

// leadsTo is where mail goes by what the rules say.
func (w *Watcher) leadsTo(d policy.Decision) Server {
	var server Server
	if w.server != nil {
		server = w.server(queue.Route(d.Account))
	}
	if d.Smarthost.Host != "" {
		server.Host, server.Bare = d.Smarthost.Host, d.Smarthost.TLS == config.Insecure
	}
	return server
}

// overrule lays what the rules say of a route over what the network does.
func (w *Watcher) overrule(v *queue.Verdict, r queue.Route, d policy.Decision, metered bool) {
	v.Via = d.Via(string(r))
	switch {
	case d.Below > 0:
		v.MaxSize, v.Rule = d.Below, d.BelowRule
	case d.Rule == "" && w.bound != nil:
		// max_size is the short form of a rule, and any other goes before it.
		v.MaxSize = w.bound(queue.Route(d.Account), metered)
	}
	if !v.Try {
		v.Rule = "" // there is no way out, whatever the rules say
		return
	}
	if d.Hold {
		v.Try, v.Rule, v.Why, v.Since = false, d.Rule, d.Sentence(), w.stanceSince(r, d)
	}
}

// stanceSince is since when the rules have said of a route what they say now.
func (w *Watcher) stanceSince(r queue.Route, d policy.Decision) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.stances[r]; ok && s.Same(d) {
		return s.since
	}
	return w.now()
}

// reconsider asks the rules again, and says whether they say of any route what
// they did not before. What was found out about one server is not known of
// another by which the mail goes now.
func (w *Watcher) reconsider() (changed bool) {
	if len(w.rules) == 0 {
		return false
	}
	m := w.moment(w.State())
	for _, r := range w.routes {
		d := policy.Decide(w.rules, string(r), m)
		w.mu.Lock()
		before, known := w.stances[r]
		if !known || !before.Same(d) {
			w.stances[r] = stance{d, m.Now}
			changed = changed || known
		}
		if known && !before.SameWay(d) {
			w.epoch++
			delete(w.proofs, r)
		}
		w.mu.Unlock()
		if known && !before.Same(d) {
			w.log.Info("the policy says something else", "account", r, "rule", d.Rule, "does", cmp.Or(d.Sentence(), "send it"))
		}
	}
	return changed
}

// nextByClock is when the clock alone next changes what the rules say of a
// route; zero for not within a week.
func (w *Watcher) nextByClock() (next time.Time) {
	now := w.now()
	if settled := w.settles(now); settled.After(now) && len(w.State().VPN) > 0 && slices.ContainsFunc(w.rules, func(r config.Rule) bool { return r.VPN != "" }) {
		return settled
	}
	m := w.moment(w.State())
	for _, r := range w.routes {
		if t := policy.Until(w.rules, string(r), m); next.IsZero() || !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

// arm sets the timer for nextByClock, or stops it. The way there is counted by
// the wall clock each time anew: what sets the clock, or has the machine sleep,
// pokes.
func (w *Watcher) arm(timer *time.Timer) {
	timer.Stop()
	next, doubt := w.nextByClock(), w.doubtAt()
	if next.IsZero() || !doubt.IsZero() && doubt.Before(next) {
		next = doubt
	}
	if !next.IsZero() {
		timer.Reset(max(next.Sub(w.now()), 0))
	}
}

// strike is called when the timer has fired, or something was found out about
// the network that no source has told.
func (w *Watcher) strike() {
	w.doubt()
	if w.reconsider() {
		w.tell()
	}
}

// tell passes a change on.
func (w *Watcher) tell() {
	select {
	case w.changes <- struct{}{}:
	default:
	}
}
