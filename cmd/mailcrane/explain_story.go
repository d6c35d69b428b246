package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A chapter is what happened to a message once, or again and again in the same
// way: attempts with one result are one chapter.
type chapter struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Times is how often it happened.
	Times int `json:"times"`
	// Event is the word of the result file.
	Event string `json:"event"`
	// To is whom it happened for; empty where it is about the whole message.
	To    []string `json:"to,omitempty"`
	Host  string   `json:"host,omitempty"`
	Reply string   `json:"reply,omitempty"`

	edit string // what a person changed by it, in words
}

// chapters groups a message's history, by when each began.
func chapters(history []queue.Record) []chapter {
	type kind struct{ event, host, reply string }
	var all []chapter
	at := make(map[kind]int)
	for _, r := range history {
		k := kind{r.Event, r.Host, r.Reply().String()}
		i, known := at[k]
		edit := editWords(r)
		if !known || r.Address == "" || edit != "" {
			// What a person did is told each time.
			i = len(all)
			at[k] = i
			all = append(all, chapter{First: r.At, Event: r.Event, Host: r.Host, Reply: k.reply, edit: edit})
		}
		c := &all[i]
		if c.Times == 0 || !c.Last.Equal(r.At) {
			c.Times++ // another recipient of the same attempt is no other time
		}
		c.Last = r.At
		if r.Address != "" && !slices.Contains(c.To, r.Address) {
			c.To = append(c.To, r.Address)
		}
	}
	return all
}

// few is a list of addresses, the first of them by name.
func few(addresses []string) string {
	const most = 3
	if len(addresses) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(addresses[:most], ", "), len(addresses)-most)
	}
	return strings.Join(addresses, ", ")
}

// sentence is the chapter in plain words.
func (c chapter) sentence() string {
	if untold(c.Event) {
		return ""
	}
	to, host := few(c.To), c.Host
	if host == "" {
		host = "mailcrane"
	}
	said := ""
	if c.Reply != "" {
		said = ": " + c.Reply
	}
	switch c.Event {
	case queue.Delivered.String():
		if ids, ok := route.WentOnAs(c.Host, c.Reply); ok {
			return fmt.Sprintf("sorted: for %s it goes on as %s, of which mailcrane explain tells", to, ids)
		}
		return fmt.Sprintf("delivered to %s: %s took it%s", to, host, said)
	case queue.Failed.String():
		return fmt.Sprintf("refused for good for %s by %s%s", to, host, said)
	case queue.Deferred.String():
		each := ""
		if c.Times > 1 {
			each = "each time "
		}
		return fmt.Sprintf("tried %s for %s; %s%s said%s", often(c.Times), to, each, host, said)
	case queue.Uncertain.String():
		return fmt.Sprintf("sent to %s %s, and no answer came, so it may have arrived%s", to, often(c.Times), said)
	case queue.EventRemoved:
		return "removed by a person" + forWhom(to) + said
	case queue.EventRetried:
		return "made due at once by a person"
	case queue.EventHeld, queue.EventReleased, queue.EventQuarantined, queue.EventUnquarantined, queue.EventMoved:
		return c.Event + said
	case queue.EventBounced, queue.EventWarned, queue.EventConfirmed:
		return "its sender was told" + said
	case queue.EventUnreported:
		return "its sender was not told" + said
	}
	if c.edit != "" {
		return c.edit
	}
	return strings.TrimSpace(c.Event + " " + to + said)
}

// editWords is what a person changed by the record; "" if it tells of something
// else.
func editWords(r queue.Record) string {
	switch r.Event {
	case queue.EventRedirected:
		return "a person changed a recipient to " + r.Address + " (" + r.Text + ")"
	case queue.EventAdded:
		return "a person added " + r.Address
	case queue.Dropped.String():
		return "a person dropped " + r.Address
	case queue.EventSender:
		return "a person changed the sender to " + path(r.Address) + " (" + r.Text + ")"
	case queue.EventAccount:
		if r.Route == "" {
			return "a person let the sender decide on the account"
		}
		return "a person chose account " + string(r.Route)
	case queue.EventTimed:
		if r.Text == "" {
			return "a person let it leave at once"
		}
		return "a person let it leave at " + r.Text + ", not before"
	}
	return ""
}

// untold says that an event tells a person nothing: it ends the lines of an
// edit, or is for the reckoning of a message's age or encoding.
func untold(event string) bool {
	return event == queue.EventEdited || event == queue.EventRun || event == queue.EventASCII
}

func often(n int) string {
	if n == 1 {
		return "once"
	}
	return count(n, "time")
}

func forWhom(to string) string {
	if to == "" {
		return ""
	}
	return ", undelivered to " + to
}

// moment is when a chapter happened, for a person: today's without its date.
func (c chapter) moment(now time.Time) string {
	first, last := stamp(c.First, now), stamp(c.Last, now)
	if first == last {
		return first
	}
	return first + " to " + last
}

func stamp(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return at.Format("2 Jan 15:04")
}
