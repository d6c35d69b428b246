package queue

import (
	"context"
	"time"
)

// A message that waits for a person does so in one of two ways, or in both. It
// is held: a person said so, or it can neither be delivered nor returned. Or it
// is quarantined, for what it is, by a rule or by sendmail -Q: that is listed
// apart, and a run for the quarantined may try it.

// Quarantine keeps a message from being tried, and from growing too old, until
// it is released. For one that is quarantined already the reason changes.
func (s *Spool) Quarantine(ctx context.Context, id ID, why string) error {
	return s.edit(ctx, id, Record{Event: EventQuarantined, Text: why}, func(n *Name) error {
		n.Quarantined = true
		return nil
	})
}

// Unquarantine ends the quarantine of a message. It is due at once, unless a
// person holds it.
func (s *Spool) Unquarantine(ctx context.Context, id ID) error {
	return s.edit(ctx, id, Record{Event: EventUnquarantined}, func(n *Name) error {
		if n.Quarantined && !n.Held {
			n.Next = time.Time{}
		}
		n.Quarantined = false
		return nil
	})
}

// Stopped is one word for why a message waits for a person.
func (n Name) Stopped() string {
	if n.Quarantined && !n.Held {
		return "quarantined"
	}
	return "held"
}

// passesOver says that the run leaves a message alone because it waits for a
// person.
func (r *Runner) passesOver(n Name) bool {
	if r.quarantined {
		return !n.Quarantined || n.Held || n.unknown != ""
	}
	return n.Waits()
}

// Lost says that nothing of the message is left to be tried: it could neither
// be delivered nor returned, and is kept for a person to see.
func (e Entry) Lost() bool {
	for _, r := range e.Results {
		if !r.Done() {
			return false
		}
	}
	return e.Name.Held
}
