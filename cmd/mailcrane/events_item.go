package main

import (
	"fmt"
	"io"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
	"mailcrane/queue/tidings"
)

// The events, in the order in which a message meets them. The words stand in
// docs/json.md, for good.
const (
	eventQueued        = "queued"
	eventSending       = "sending"
	eventProgress      = "progress"
	eventSent          = "sent"
	eventDeferred      = "deferred"
	eventFailed        = "failed"
	eventUncertain     = "uncertain"
	eventHeld          = "held"
	eventQuarantined   = "quarantined"
	eventReleased      = "released"
	eventRemoved       = "removed"
	eventWarned        = "warned"
	eventBounced       = "bounced"
	eventChanged       = "changed"
	eventLeft          = "left"
	eventRouteUp       = "route-up"
	eventRouteDown     = "route-down"
	eventRouteChanged  = "route-changed"
	eventLoginNeeded   = "login-needed"
	eventSessionOpened = "session-opened"
	eventSessionClosed = "session-closed"
	eventAgentUp       = "agent-up"
	eventAgentDown     = "agent-down"
	eventMissed        = "missed"
)

// An eventItem is something that happened, in --json.
type eventItem struct {
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
	Session  *costItem `json:"session,omitempty"`
}

// final says that there is no other event of this kind for the recipient.
func (e eventItem) final() bool { return e.Event == eventSent || e.Event == eventFailed }

// recordEvents are the events for what is written down about a message.
var recordEvents = [...][2]string{
	{"delivered", eventSent},
	{"deferred", eventDeferred},
	{"failed", eventFailed},
	{"uncertain", eventUncertain},
	{queue.EventHeld, eventHeld},
	{queue.EventQuarantined, eventQuarantined},
	{queue.EventReleased, eventReleased},
	{queue.EventUnquarantined, eventReleased},
	{queue.EventRemoved, eventRemoved},
	{queue.EventWarned, eventWarned},
	{queue.EventBounced, eventBounced},
}

func recordEvent(event string) string {
	for _, pair := range recordEvents {
		if pair[0] == event {
			return pair[1]
		}
	}
	return eventChanged
}

// eventOf is a tiding of the spool as an event.
func eventOf(t tidings.Tiding) eventItem {
	e := eventItem{At: t.At, ID: t.ID, From: t.From, Size: t.Name.Size}
	switch t.Kind {
	case tidings.Queued:
		e.Event, e.Next = eventQueued, t.Name.DueAt()
	case tidings.Sending:
		e.Event = eventSending
	case tidings.Changed:
		e.Event, e.Next = eventChanged, t.Name.DueAt()
	case tidings.Left:
		e.Event = eventLeft
	case tidings.Missed:
		e.Event = eventMissed
	case tidings.Route:
		e.Event, e.Account = eventRouteUp, string(t.Route)
		if fault := t.State.Fault; fault != nil {
			e.Event, e.Why, e.Mend = eventRouteDown, fault.Sentence, fault.Hint
		}
	case tidings.Told:
		e.Event = recordEvent(t.Record.Event)
		e.Address, e.Account, e.Host = t.Record.Address, string(t.Record.Route), t.Record.Host
		if t.Record.To >= 0 {
			e.Reply = t.Record.Reply().String()
		} else {
			e.Why = t.Record.Text
		}
		if !t.Gone && !e.final() {
			e.Next = t.Name.DueAt()
		}
	}
	return e
}

// routeEvent is how a route stands, after it stood as before says; nil is that
// it is told for the first time.
func routeEvent(route queue.Route, before *netwatch.Standing, s netwatch.Standing, at time.Time) eventItem {
	e := eventItem{
		Event: eventRouteChanged, At: at, Account: string(route), Prospect: s.Prospect.String(),
		Why: s.Reason, Mend: s.Hint, Next: s.Next,
	}
	if before == nil || mayGo(*before) != mayGo(s) {
		e.Event = eventRouteDown
		if mayGo(s) {
			e.Event = eventRouteUp
		}
	}
	return e
}

// mayGo says that nothing is known that keeps mail of the route here.
func mayGo(s netwatch.Standing) bool {
	return s.Fault == "" && (s.Prospect == netwatch.Untried || s.Prospect == netwatch.Reachable)
}

// sayEvent prints an event as a line for a person.
func sayEvent(w io.Writer, e eventItem) {
	what := e.Event
	switch e.Event {
	case eventAgentUp, eventAgentDown, eventMissed:
		sayLine(w, e.At.Local().Format(time.TimeOnly)+" ", fmt.Sprintf("%-13s %s", what, e.Why))
		return
	}
	about := e.Account
	if e.ID != "" {
		about = string(e.ID)
	}
	sayLine(w, e.At.Local().Format(time.TimeOnly)+" ", fmt.Sprintf("%-13s %s%s", what, about, e.words()))
}

// words is what there is to say of an event besides what it is about.
func (e eventItem) words() string {
	text := ""
	add := func(before, what string) {
		if what != "" {
			text += before + what
		}
	}
	switch e.Event {
	case eventQueued:
		add(" from ", path(e.From))
		add(", ", octets(e.Size))
	case eventProgress:
		add(" ", fmt.Sprintf("%s of %s", octets(e.Octets), octets(e.Size)))
	}
	add(" ", e.Address)
	add(": ", e.Reply)
	add(": ", e.Why)
	if e.Session != nil {
		add(" ", fmt.Sprintf("with %s: %s, %s sent, %s received", e.Session.Server, count(e.Session.Messages, "message"), octets(e.Session.Sent), octets(e.Session.Received)))
	}
	add("; ", e.Mend)
	return text
}
