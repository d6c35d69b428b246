// Package site is where a server's mail goes: the Router and the Transport of its
// queue. A message whose recipients are still to be resolved is sorted first: for
// each door that they come to it becomes a message of its own. What is behind the
// doors others know: mailboxes, exchangers, smarthosts.
package site

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/mta/expand"
	"mailcrane/mta/local"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A Way is an account's way out, as *smarthost.Transport is one.
type Way interface {
	queue.Router
	queue.Transport
}

// An Expander finds who gets a message. Answers are in the order of the questions;
// an error says that it was called off.
type Expander interface {
	Expand(ctx context.Context, all []expand.Question) ([]expand.Answer, error)
}

// A Spool is where the messages go that come of sorting.
type Spool interface {
	Put(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error)
	Submissions(since time.Time, f func(owner, submission string, id queue.ID)) error
}

// A Rewriter gives the addresses of a message the form in which they are to be seen.
type Rewriter interface {
	// Nothing says that it leaves all as it is.
	Nothing() bool
	// Reverse is the reverse-path as it leaves.
	Reverse(ctx context.Context, sender string) (string, error)
	// Message is the message as it leaves, with the header that it is to have.
	Message(ctx context.Context, message io.Reader) (io.Reader, error)
}

// Options are what a Site works with.
type Options struct {
	Hostname string
	// Accounts carry the mail of the routes that are no doors; Exchangers that of
	// the doors of the wire; Agent what is for this machine.
	Accounts   Way
	Exchangers queue.Transport
	Agent      local.Agent
	Expander   Expander
	// Leaving rewrites what leaves this machine, and Staying what does not; nil
	// rewrites nothing.
	Leaving, Staying Rewriter
	Spool            Spool
	// Straight is the door of a message that needs no sorting, false for one that
	// does. It must not wait for anything. nil sorts all.
	Straight func(e *queue.Envelope) (queue.Route, bool)
	// Quick says that a mailbox takes a message without waiting for anybody.
	Quick bool
	// Now is the clock.
	Now func() time.Time
}

// A Site may be used by several goroutines.
type Site struct {
	Options
	// sorting and delivering have a place for each message that may be.
	sorting, delivering chan struct{}
	busy                busy
}

// mostSorted and mostDelivered are how many messages are sorted, and delivered on
// this machine, at once.
const (
	mostSorted    = 32
	mostDelivered = 100
)

var (
	_ queue.Router    = (*Site)(nil)
	_ queue.Transport = (*Site)(nil)
)

// New is a Site.
func New(o Options) *Site {
	if o.Leaving == nil {
		o.Leaving = asItIs{}
	}
	if o.Staying == nil {
		o.Staying = asItIs{}
	}
	return &Site{Options: o, sorting: make(chan struct{}, mostSorted), delivering: make(chan struct{}, mostDelivered)}
}

// asItIs is a Rewriter of nothing.
type asItIs struct{}

func (asItIs) Nothing() bool { return true }

func (asItIs) Reverse(_ context.Context, sender string) (string, error) { return sender, nil }

func (asItIs) Message(_ context.Context, message io.Reader) (io.Reader, error) { return message, nil }

// refusalDoor is where a recipient goes that one of several in the place of another
// has come to, and whom nobody has: it is refused there, on its own.
const refusalDoor = "error"

// Route is the door that sorting has chosen, or the account that somebody has; all
// else is to be sorted.
func (s *Site) Route(e *queue.Envelope) (queue.Route, error) {
	if e.Account != "" {
		if _, door := route.Of(queue.Route(e.Account)); door {
			return queue.Route(e.Account), nil
		}
		return s.Accounts.Route(e)
	}
	if s.Straight != nil && s.Leaving.Nothing() {
		if r, ok := s.Straight(e); ok {
			return r, nil
		}
	}
	return route.Hop{Mailer: route.Sort}.Route(), nil
}

// ReturnTo is the sender, who has a mailbox here or elsewhere.
func (s *Site) ReturnTo(e *queue.Envelope) string {
	if e.From != "" && address.Domain(e.From) == "" {
		return e.From + "@" + s.Hostname
	}
	return e.From
}

// Open opens a door.
func (s *Site) Open(ctx context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	h, door := route.Of(r)
	switch {
	case !door:
		return s.Accounts.Open(ctx, r)
	case h.Wire():
		return s.Exchangers.Open(ctx, r)
	case h.Mailer == route.Sort:
		return &sorter{site: s}, nil
	case h.Mailer == route.Local, h.Mailer == route.Procmail:
		return &mailroom{site: s, rules: h.Host}, nil
	case h.Mailer == refusalDoor:
		return refuser{}, nil
	}
	return nil, &queue.RouteFault{Step: queue.StepConfig, Err: fmt.Errorf("there is no mailer %q", h.Mailer), NeedsPerson: true}
}

// Dial is what it takes for a door to be called; of accounts the given one knows, and
// expensive of hosts that only a queue run calls. Both may be nil.
func Dial(accounts func(queue.Route) config.Dial, expensive func(host string) bool) func(queue.Route) config.Dial {
	return func(r queue.Route) config.Dial {
		h, door := route.Of(r)
		switch {
		case !door && accounts != nil:
			return accounts(r)
		case h.Mailer == route.DSMTP:
			return config.DialOnDemand
		case expensive != nil && h.Wire() && expensive(HostOf(r)):
			return config.DialByRun
		}
		return config.DialFreely
	}
}

// IsDoor says that a route is a door, and no account.
func IsDoor(r queue.Route) bool {
	_, door := route.Of(r)
	return door
}

// Here says that the door leads to nobody else, so that no network is needed.
func Here(r queue.Route) bool {
	h, door := route.Of(r)
	return door && !h.Wire()
}

// HostOf is the host of a door, the first of a list, for what is remembered of
// hosts; "" for none. Of each exchanger the way to them remembers more.
func HostOf(r queue.Route) string {
	h, door := route.Of(r)
	if !door {
		return ""
	}
	if !h.Wire() {
		return ""
	}
	host, _, _ := config.HostPort(config.NextHop{Host: h.Host}.Hosts()[0][0])
	return host
}

// enter waits for a place, and says false where ctx ends first.
func enter(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// calledOff is the fault of a delivery of which nothing was done.
func calledOff(ctx context.Context) *queue.RouteFault {
	return &queue.RouteFault{Step: queue.StepSession, Err: context.Cause(ctx), Untaken: true}
}

// outcome is the result that a reply says; code 0 with an enhanced code is one of
// our own.
func outcome(r queue.Reply) queue.Outcome {
	// A 421 is a server's word about the session (RFC 5321 section 3.8), and here that
	// of a mailbox's server before it took the message.
	if r.Code == 421 || r.Code == 0 && strings.HasPrefix(r.Enhanced, "4") {
		return queue.Defer("", r.Enhanced, r.Text)
	}
	return queue.OutcomeOf("", r)
}
