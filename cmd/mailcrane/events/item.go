// Package events is the stream of what happens to mail and accounts, which
// `mailcrane events` prints and the commands that wait or show follow.
//
//	item      an event, and the words of all of them
//	cost      what a session has cost
//	hub       what the agent tells those who listen to it
//	reach     when it has to look how the accounts stand
//	follow    one stream of what the spool and the agent tell
//	link      the way to the agent, which may come and go
package events

import (
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
	"mailcrane/queue/tidings"
)

// The events, in the order in which a message meets them. The words stand in
// docs/json.md, for good.
const (
	Queued        = "queued"
	Sending       = "sending"
	Progress      = "progress"
	Sent          = "sent"
	Deferred      = "deferred"
	Failed        = "failed"
	Uncertain     = "uncertain"
	Held          = "held"
	Quarantined   = "quarantined"
	Released      = "released"
	Removed       = "removed"
	Warned        = "warned"
	Bounced       = "bounced"
	Changed       = "changed"
	Left          = "left"
	RouteUp       = "route-up"
	RouteDown     = "route-down"
	RouteChanged  = "route-changed"
	LoginNeeded   = "login-needed"
	SessionOpened = "session-opened"
	SessionClosed = "session-closed"
	AgentUp       = "agent-up"
	AgentDown     = "agent-down"
	Missed        = "missed"
)

// An Item is something that happened, in --json.
type Item struct {
	Event    string    `json:"event"`
	At       time.Time `json:"at"`
	ID       queue.ID  `json:"id,omitempty"`
	From     string    `json:"from,omitempty"`
	Address  string    `json:"address,omitempty"`
	Size     int64     `json:"size,omitempty"`
	Octets   int64     `json:"octets,omitempty"`
	Next     time.Time `json:"next,omitzero"`
	Account  string    `json:"account,omitempty"`
	Host     string    `json:"host,omitempty"`
	Reply    string    `json:"reply,omitempty"`
	Prospect string    `json:"prospect,omitempty"`
	Why      string    `json:"why,omitempty"`
	Mend     string    `json:"mend,omitempty"`
	Session  *Cost     `json:"session,omitempty"`
}

// Final says that there is no other event of this kind for the recipient.
func (e Item) Final() bool { return e.Event == Sent || e.Event == Failed }

// recordEvents are the events for what is written down about a message.
var recordEvents = [...][2]string{
	{"delivered", Sent},
	{"deferred", Deferred},
	{"failed", Failed},
	{"uncertain", Uncertain},
	{queue.EventHeld, Held},
	{queue.EventQuarantined, Quarantined},
	{queue.EventReleased, Released},
	{queue.EventUnquarantined, Released},
	{queue.EventRemoved, Removed},
	{queue.EventWarned, Warned},
	{queue.EventBounced, Bounced},
}

// Recorded is the event for one of the spool, as queue.Result has it.
func Recorded(event string) string {
	for _, pair := range recordEvents {
		if pair[0] == event {
			return pair[1]
		}
	}
	return Changed
}

// eventOf is a tiding of the spool as an event.
func eventOf(t tidings.Tiding) Item {
	e := Item{At: t.At, ID: t.ID, From: t.From, Size: t.Name.Size}
	switch t.Kind {
	case tidings.Queued:
		e.Event, e.Next = Queued, t.Name.DueAt()
	case tidings.Sending:
		e.Event = Sending
	case tidings.Changed:
		e.Event, e.Next = Changed, t.Name.DueAt()
	case tidings.Left:
		e.Event = Left
	case tidings.Missed:
		e.Event, e.Why = Missed, "more happened at once than could be told"
	case tidings.Route:
		e.Event, e.Account = RouteUp, string(t.Route)
		if fault := t.State.Fault; fault != nil {
			e.Event, e.Why, e.Mend = RouteDown, fault.Sentence, fault.Hint
		}
	case tidings.Told:
		e.Event = Recorded(t.Record.Event)
		e.Address, e.Account, e.Host = t.Record.Address, string(t.Record.Route), t.Record.Host
		if t.Record.To >= 0 {
			e.Reply = t.Record.Reply().String()
		} else {
			e.Why = t.Record.Text
		}
		if !t.Gone && !e.Final() {
			e.Next = t.Name.DueAt()
		}
	}
	return e
}

// routeEvent is how a route stands, after it stood as before says; nil is that
// it is told for the first time.
func routeEvent(route queue.Route, before *netwatch.Standing, s netwatch.Standing, at time.Time) Item {
	e := Item{
		Event: RouteChanged, At: at, Account: string(route), Prospect: s.Prospect.String(),
		Why: s.Reason, Mend: s.Hint, Next: s.Next,
	}
	if before == nil || before.MayGo() != s.MayGo() {
		e.Event = RouteDown
		if s.MayGo() {
			e.Event = RouteUp
		}
	}
	return e
}
