package msp

import (
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/queue"
)

// A Selector is one of -qI, -qR, -qS, -qQ, with or without "!".
type Selector struct {
	// Of is what is looked at: 'I' the message's ID, 'R' a recipient, 'S' the
	// sender, 'Q' the reason of a quarantine.
	Of byte
	// Not is "!": those that do not contain Text.
	Not  bool
	Text string
}

// Selectors choose messages: those with the same letter are alternatives, and
// each letter that is there must be met.
type Selectors []Selector

// Match says whether a message is chosen. Of the recipients one that contains
// the text is enough; with "!" none may. Case counts for ID and reason only.
func (s Selectors) Match(id, sender string, recipients []string, reason string) bool {
	for _, of := range []byte("IRSQ") {
		met, asked := false, false
		for _, sel := range s {
			if sel.Of == of {
				asked = true
				met = met || sel.Match(id, sender, recipients, reason)
			}
		}
		if asked && !met {
			return false
		}
	}
	return true
}

// IDs are the messages that are named one by one, nil where anything else is
// selected.
func (s Selectors) IDs() []queue.ID {
	var ids []queue.ID
	for _, sel := range s {
		if sel.Of != 'I' || sel.Not {
			return nil
		}
		ids = append(ids, queue.ID(sel.Text))
	}
	return ids
}

// Match says whether this selector alone is met.
func (s Selector) Match(id, sender string, recipients []string, reason string) bool {
	found := false
	switch s.Of {
	case 'I':
		found = strings.Contains(id, s.Text)
	case 'Q':
		found = strings.Contains(reason, s.Text)
	case 'S':
		found = containsFold(sender, s.Text)
	case 'R':
		for _, r := range recipients {
			found = found || containsFold(r, s.Text)
		}
	}
	return found != s.Not
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// setQuarantine is -Q: only an attached value is its reason.
func (inv *Invocation) setQuarantine(v string) error {
	inv.Queue.SetQuarantine, inv.Queue.Reason = true, v
	return nil
}

// setQueueRun is -q with whatever is attached to it.
func (inv *Invocation) setQueueRun(v string) error {
	q := &inv.Queue
	q.Given = true
	switch {
	case v == "":
	case v == "f":
		q.Foreground = true
	case v == "Q":
		q.Quarantined = true
	case v == "L":
		q.Lost = true
	case v[0] == 'G':
		if v == "G" || q.Group != "" {
			return badQueueRun(v)
		}
		q.Group = v[1:]
	case v[0] == 'p':
		q.Persistent, q.Interval = true, time.Second
		if v == "p" {
			return nil
		}
		return inv.setInterval(v[1:])
	case v[0] >= '0' && v[0] <= '9':
		return inv.setInterval(v)
	default:
		return inv.addSelector(v)
	}
	return nil
}

func (inv *Invocation) setInterval(v string) error {
	if strings.Trim(v, "0") == "" { // sendmail: no queue runs
		inv.Queue.Given, inv.Queue.Persistent, inv.Queue.Interval = false, false, 0
		return nil
	}
	d, err := config.ParseTime(v, time.Minute)
	if err != nil {
		if i := strings.IndexFunc(v, func(r rune) bool { return !strings.ContainsRune("0123456789smhdwSMHDW", r) }); i >= 0 {
			return usage("Invalid time unit '%s'", address.Shown(v[i:i+1]))
		}
		return badQueueRun(v)
	}
	inv.Queue.Interval = d
	return nil
}

func (inv *Invocation) addSelector(v string) error {
	s := Selector{}
	text, not := strings.CutPrefix(v, "!")
	if len(text) < 2 || strings.IndexByte("IRSQ", text[0]) < 0 {
		return badQueueRun(v)
	}
	s.Of, s.Not, s.Text = text[0], not, text[1:]
	// As in sendmail: only what is quarantined has a reason to look at.
	inv.Queue.Quarantined = inv.Queue.Quarantined || s.Of == 'Q'
	inv.Queue.Selectors = append(inv.Queue.Selectors, s)
	return nil
}

func badQueueRun(v string) error {
	return usage("Invalid -q value: -q%s", address.Shown(v))
}
