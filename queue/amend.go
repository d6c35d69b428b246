package queue

import (
	"slices"
	"time"

	"mailcrane/internal/address"
)

// The lines of an edit change the envelope. The message's file is never written
// to again, so that its sum holds; what a person changes stands in the result
// file and is laid over the envelope whenever that is read.

// edits says that the record is a line of an edit. A "dropped" one is that too;
// Dropped is the state that it leaves.
func (r Record) edits() bool {
	switch r.Event {
	case EventRedirected, EventAdded, EventSender, EventAccount, EventTimed, EventASCII, stateNames[Dropped]:
		return true
	}
	return false
}

// wholeEdits leaves out the edits that were not written to their end. ok is
// false where an end has fewer lines before it than it says.
func wholeEdits(records []Record) (kept []Record, ok bool) {
	kept = records[:0]
	open := 0 // lines at the end of kept that no end has made good
	for _, r := range records {
		switch {
		case r.edits():
			open++
		case r.Event == EventEdited && r.Code > open:
			return nil, false
		case r.Event == EventEdited:
			kept = slices.Delete(kept, len(kept)-open, len(kept)-r.Code)
			open = 0
		default:
			kept = kept[:len(kept)-open]
			open = 0
		}
		kept = append(kept, r)
	}
	return kept[:len(kept)-open], true
}

// amend lays over e what history says that people changed, and returns where
// each recipient then stands. A recipient keeps its place for good.
func (e *Envelope) amend(history []Record) []Result {
	for _, r := range history {
		switch r.Event {
		case EventRedirected:
			if r.To >= 0 && r.To < len(e.To) {
				// NOTIFY is the sender's wish and stays; ORCPT is the address that
				// the sender first gave, which this is now (RFC 3461 section 4.2).
				e.To[r.To] = Recipient{Address: r.Address, Notify: e.To[r.To].Notify}
			}
		case EventAdded:
			if r.To == len(e.To) && r.To < MaxRecipients {
				e.To = append(e.To, Recipient{Address: r.Address})
			}
		case EventSender:
			e.From = r.Address
		case EventAccount:
			e.Account = string(r.Route)
		case EventTimed:
			e.NotBefore, _ = time.Parse(time.RFC3339, r.Text) // "" is no time
		case EventRetried:
			e.NotBefore = time.Time{}
		case EventASCII:
			e.UTF8 = false
		}
		if r.Event == EventRedirected || r.Event == EventAdded || r.Event == EventSender {
			e.UTF8 = e.UTF8 || address.NeedsUTF8(r.Address)
		}
	}
	return standing(len(e.To), history)
}

// follow makes the name say what the envelope and its history do. They differ
// where a process died between the append and the rename of an edit.
func (m *Message) follow(n *Name) {
	changed := false
	for _, r := range m.history {
		n.Edited = n.Edited || r.Event == EventEdited
		changed = changed || r.Event == EventEdited || r.Event == EventRetried
	}
	if changed {
		n.Key = keyOf(m.Envelope)
		n.NotBefore = atSecond(seconds(m.Envelope.NotBefore))
	}
}
