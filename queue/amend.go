package queue

import (
	"slices"
	"time"

	"mailcrane/internal/address"
)

// The lines by which a result file changes the envelope. The message's file is
// never written to again, so that its sum holds; what a person changes stands
// here and is laid over the envelope whenever that is read.
const (
	eventRedirected = "redirected" // recipient To is Address from here on
	eventAdded      = "added"      // one more recipient, behind the others
	eventSender     = "sender"     // the reverse-path is Address
	eventAccount    = "account"    // Route must carry it; "" lets the router choose
	eventTimed      = "timed"      // not before the time in Text; "" for at once
	eventRetried    = "retried"    // at once, whatever the time; a line of its own
	eventASCII      = "ascii"      // nothing needs SMTPUTF8 any more
	// eventEdited ends the lines of one edit; its Code is their number. Without
	// it they say nothing: a power cut may leave the first half of an append.
	eventEdited = "edited"
)

// A "dropped" line is an edit too; Dropped is the state that it leaves.
func (r Record) edits() bool {
	switch r.Event {
	case eventRedirected, eventAdded, eventSender, eventAccount, eventTimed, eventASCII, stateNames[Dropped]:
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
		case r.Event == eventEdited && r.Code > open:
			return nil, false
		case r.Event == eventEdited:
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
		case eventRedirected:
			if r.To >= 0 && r.To < len(e.To) {
				// NOTIFY is the sender's wish and stays; ORCPT is the address that
				// the sender first gave, which this is now (RFC 3461 section 4.2).
				e.To[r.To] = Recipient{Address: r.Address, Notify: e.To[r.To].Notify}
			}
		case eventAdded:
			if r.To == len(e.To) && r.To < MaxRecipients {
				e.To = append(e.To, Recipient{Address: r.Address})
			}
		case eventSender:
			e.From = r.Address
		case eventAccount:
			e.Account = string(r.Route)
		case eventTimed:
			e.NotBefore, _ = time.Parse(time.RFC3339, r.Text) // "" is no time
		case eventRetried:
			e.NotBefore = time.Time{}
		case eventASCII:
			e.UTF8 = false
		}
		if r.Event == eventRedirected || r.Event == eventAdded || r.Event == eventSender {
			e.UTF8 = e.UTF8 || address.NeedsUTF8(r.Address)
		}
	}
	return standing(len(e.To), history)
}

// Change says in words what a person changed by the record; "" if it tells of
// something else.
func (r Record) Change() string {
	switch r.Event {
	case eventRedirected:
		return "a person changed a recipient to " + r.Address + " (" + r.Text + ")"
	case eventAdded:
		return "a person added " + r.Address
	case stateNames[Dropped]:
		return "a person dropped " + r.Address
	case eventSender:
		return "a person changed the sender to <" + r.Address + "> (" + r.Text + ")"
	case eventAccount:
		if r.Route == "" {
			return "a person let the sender decide on the account"
		}
		return "a person chose account " + string(r.Route)
	case eventTimed:
		if r.Text == "" {
			return "a person let it go at once"
		}
		return "a person let it go at " + r.Text + ", not before"
	case eventASCII:
		return "no address needs SMTPUTF8 any more"
	case eventEdited:
		return "so the envelope was changed"
	}
	return ""
}

// follow makes the name say what the envelope and its history do. They differ
// where a process died between the append and the rename of an edit.
func (m *Message) follow(n *Name) {
	changed := false
	for _, r := range m.history {
		n.Edited = n.Edited || r.Event == eventEdited
		changed = changed || r.Event == eventEdited || r.Event == eventRetried
	}
	if changed {
		n.Key = keyOf(m.Envelope)
		n.NotBefore = atSecond(seconds(m.Envelope.NotBefore))
	}
}
