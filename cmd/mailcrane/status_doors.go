package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailcrane/mta/route"
	"mailcrane/mta/site"
	"mailcrane/queue"
)

// A doorStatus is where some of a server's mail goes: one of its doors.
type doorStatus struct {
	// Door is what the queue calls it: local:, esmtp:HOST, ….
	Door string `json:"door"`
	// To is the same in words.
	To      string `json:"to"`
	Waiting int    `json:"waiting"`
	// Next is when the first that waits is tried again, left out where one is due.
	Next *time.Time `json:"next,omitempty"`
	// Why is what was said last about one of them, and Mend what to do about it.
	Why  string `json:"why,omitempty"`
	Mend string `json:"mend,omitempty"`
}

// A tally counts what waits for each door of a server.
type tally map[queue.Route]*tallied

type tallied struct {
	doorStatus
	said time.Time // when Why was
	due  bool
}

// count counts a message that waits for a door.
func (t tally) count(w waiting, now time.Time) {
	if !site.IsDoor(w.route) {
		return
	}
	d := t[w.route]
	if d == nil {
		d = &tallied{doorStatus: doorStatus{Door: string(w.route), To: doorWords(w.route)}}
		t[w.route] = d
	}
	d.Waiting++
	if at := w.lastSaid(); w.why != "" && (d.Why == "" || at.After(d.said)) {
		d.Why, d.Mend, d.said = w.why, w.mend, at
	}
	switch next := w.Name.DueAt(); {
	case w.Name.Waits():
	case w.Busy, !next.After(now):
		d.due = true
	case d.Next == nil || next.Before(*d.Next):
		d.Next = &next
	}
}

// lastSaid is when a recipient that waits was last answered about.
func (w waiting) lastSaid() (at time.Time) {
	for _, r := range w.Results {
		if !r.Done() && r.Last.At.After(at) {
			at = r.Last.At
		}
	}
	return at
}

// all are the doors, those for which most wait first.
func (t tally) all() (all []doorStatus) {
	for _, d := range t {
		if d.due {
			d.Next = nil
		}
		all = append(all, d.doorStatus)
	}
	slices.SortFunc(all, func(a, b doorStatus) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), strings.Compare(a.Door, b.Door))
	})
	return all
}

// doorWords is a door for a person.
func doorWords(r queue.Route) string {
	h, _ := route.Of(r)
	host := strings.NewReplacer("[", "", "]", "").Replace(h.Host)
	switch {
	case h.Mailer == route.Sort:
		return "to be sorted by their recipients"
	case h.Mailer == route.Local:
		return "for mailboxes, files and programs of this machine"
	case h.Mailer == route.Procmail:
		return "for procmail, by the rules " + h.Host
	case h.Mailer == route.DSMTP:
		return "for " + host + ", when somebody asks for it"
	case h.Wire() && host == h.Host && !strings.ContainsAny(host, ",:"):
		return "for the exchangers of " + host
	case h.Wire():
		return "for " + host
	}
	return "to be refused"
}

// showDoors is where a server's mail waits to go, those with most of it.
func (a *app) showDoors(doors []doorStatus, now time.Time) {
	const most = 10
	label := "goes"
	for _, d := range doors[:min(len(doors), most)] {
		text := fmt.Sprintf("%d %s", d.Waiting, d.To)
		if d.Why != "" {
			text += ": " + d.Why
		}
		if d.Next != nil {
			text += "; next " + ago(now, *d.Next)
		}
		a.labelled(label, "%s", text)
		if label = ""; d.Mend != "" {
			a.labelled("", "  %s", d.Mend)
		}
	}
	if more := len(doors) - most; more > 0 {
		a.labelled("", "and %s more; see all with: mailcrane status --json", count(more, "destination"))
	}
}
