package main

import (
	"context"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/netwatch"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// A waiting is all that can be said of one message in the queue.
type waiting struct {
	queue.Entry
	route     queue.Route
	why, mend string
	// kept: a rule of the policy, or its size, keeps it from the way out. rule is
	// the name of the rule, or "", and until what would end that.
	kept        bool
	rule, until string
	// uncalled: its account's server is called for a queue run only, or on demand.
	uncalled bool
}

// A clerk knows why messages wait. Each route is looked up once, and so is the
// account of each sender: a list of many costs no more for that.
type clerk struct {
	spool    *queue.Spool
	out      *smarthost.Transport
	router   queue.Router
	routes   map[queue.Route]queue.RouteState
	accounts map[claim]account
	config   *config.Config
	// net is the way out now, or nil where nothing asks for it; early says that a
	// message is not to leave yet, whatever way there is.
	net   *netwatch.Watcher
	by    carriage
	early func(queue.Name) bool
	now   func() time.Time
	// agent asks the agent, once.
	agent func() (agentStatus, error)
}

// A claim is what decides on the account of a message.
type claim struct{ account, from string }

// An account is the route that carries a message, or why there is none.
type account struct {
	route queue.Route
	err   error
}

// mostClaims bounds what a clerk remembers.
const mostClaims = 1000

func (a *app) clerk(ctx context.Context, c *config.Config) *clerk {
	k := &clerk{
		by: own(c), spool: a.spool(c), out: smarthost.New(c, smarthost.Options{Getenv: a.getenv}), config: c,
		now:    a.now,
		agent:  sync.OnceValues(func() (agentStatus, error) { return askAgent(ctx, c, askStatus) }),
		early:  func(n queue.Name) bool { return a.early(c, n) },
		routes: make(map[queue.Route]queue.RouteState), accounts: make(map[claim]account),
	}
	k.router = a.router(c, k.out)
	if mayKeep(c) {
		w, stop := watch(ctx, a.networkOptions(c))
		stop() // what it has seen is enough
		k.net, k.by = w, carriedBy(c, w)
	}
	return k
}

// route is the message's account, or a server's door.
func (k *clerk) route(e *queue.Envelope) (queue.Route, error) {
	if len(k.config.MTA.Listeners) > 0 { // sender and account do not decide there
		return k.router.Route(e)
	}
	by := claim{e.Account, e.From}
	known, ok := k.accounts[by]
	if !ok {
		known.route, known.err = k.router.Route(e)
		if len(k.accounts) >= mostClaims {
			clear(k.accounts)
		}
		k.accounts[by] = known
	}
	return known.route, known.err
}

// state is what was last seen of a route; the zero value where that cannot be
// read.
func (k *clerk) state(route queue.Route) queue.RouteState {
	state, known := k.routes[route]
	if !known {
		var err error
		if state, err = k.spool.RouteState(route); err == nil {
			k.routes[route] = state
		}
	}
	return state
}

// describe finds why the message waits: its size, its own last answer, its
// account's fault, or that no account carries it.
func (k *clerk) describe(e queue.Entry) waiting {
	w := waiting{Entry: e, why: e.Why()}
	if e.Trouble != "" {
		w.mend = "look at its owner and mode; what is damaged is set aside by: mailcrane flush"
		return w
	}
	var err error
	w.route, err = k.route(e.Envelope)
	switch {
	case e.Name.Held, e.Name.Quarantined: // whatever else there is, it waits for a person
		if w.why == "" {
			w.why = e.Name.Stopped()
		}
		w.mend = "let it go with: mailcrane queue release " + string(e.Name.ID)
		return w
	case err != nil:
		w.why, w.mend = err.Error(), sysexits.Hint(err)
		return w
	}
	if v, keeps := k.keeps(w); keeps {
		k.keeping(&w, v, k.now())
		return w
	}
	if k.uncalled(w) {
		w.uncalled = true
		w.why, w.mend = k.notCalled(w.route)
		return w
	}
	if w.why == "" {
		w.why, w.mend = k.waitsBy(w.route)
	}
	return w
}

// waitsBy is why mail of a route waits: that there is no way out, or else the
// route's last fault, which another network may have been the cause of.
func (k *clerk) waitsBy(route queue.Route) (why, mend string) {
	if agent, err := k.agent(); err == nil {
		if s := agent.Routes[route]; nowhere(s) {
			return s.Reason, ""
		}
	}
	if fault := k.state(route).Fault; fault != nil {
		return fault.Sentence, fault.Hint
	}
	return "", ""
}

// nowhere says that there is no way out for a route.
func nowhere(s netwatch.Standing) bool {
	return s.Prospect == netwatch.NoRoute || s.Prospect == netwatch.LinkAlone
}

// keeps says that nothing but a rule or its size keeps the message here, or that
// this will when its time has come.
func (k *clerk) keeps(w waiting) (v queue.Verdict, yes bool) {
	if k.net == nil || w.Busy || k.early(w.Name) {
		return v, false
	}
	v = k.net.Verdict(w.route)
	return v, v.Keeps(w.Name)
}

// eachWaiting calls f with each message, in the order asked for, until f
// returns false.
func (a *app) eachWaiting(ctx context.Context, c *config.Config, order queue.ListOrder, f func(waiting) bool) error {
	k := a.clerk(ctx, c)
	list, err := k.spool.List(order)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	list.Each(func(e queue.Entry) bool { return !a.owns(e) || f(k.describe(e)) })
	return nil
}

// state is State with when it will be tried again, and the slow queue it is in.
func (w waiting) state(now time.Time) string {
	state := w.State(now)
	switch {
	case w.Name.Waits(), w.kept, w.uncalled:
	case w.Name.NotBefore.After(now), w.Name.Attempts == 0 && w.Name.Slow() == "" && w.Name.Next.After(now):
		state += ", leaves " + ago(now, w.Name.DueAt())
	case w.Name.Next.After(now):
		state += ", next " + ago(now, w.Name.Next)
	}
	if slow := w.Name.Slow(); slow != "" {
		state += ", in " + slow
	}
	return state
}

func path(address string) string {
	if address == "" {
		return "<>"
	}
	return address
}

// pendingList is the recipients still to be tried, the first few of them.
func (w waiting) pendingList() string {
	var pending []string
	for i, to := range w.Envelope.To {
		if !w.Results[i].Done() {
			pending = append(pending, to.Address)
		}
	}
	return few(pending)
}
