package main

import (
	"fmt"
	"time"

	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// leastTold is the shortest time for which it is worth telling how long the
// queue takes.
const leastTold = 10 * time.Second

// A takesItem is about how long what is due takes, in --json.
type takesItem struct {
	Seconds int64 `json:"seconds"`
	// Rate is octets a second, and At when it was measured.
	Rate int64     `json:"rate"`
	At   time.Time `json:"at"`
}

// takesOf is about how long octets take on the link as it was last; nil where
// nothing is known of it, or it is hardly worth telling.
func takesOf(l relay.Link, octets int64) *takesItem {
	if l.Rate <= 0 || octets <= 0 {
		return nil
	}
	// TCP, TLS, greeting and EHLO cost a round trip each, the mail half a one.
	seconds := 4.5*l.RoundTrip.Seconds() + float64(octets)/float64(l.Rate)
	if seconds < leastTold.Seconds() {
		return nil
	}
	return &takesItem{Seconds: int64(seconds), Rate: l.Rate, At: l.At}
}

// words is the time for a person.
func (t *takesItem) words(now time.Time) string {
	const most = 365 * 24 * 60 * 60
	return fmt.Sprintf("what is due takes about %s on the link as it was %s, with %s a second",
		span(time.Duration(min(t.Seconds, most))*time.Second), ago(now, t.At), octets(t.Rate))
}

// leaving is the octets that leave as soon as there is a way out, by route.
type leaving map[queue.Route]int64

func (l leaving) count(w waiting, now time.Time) {
	if !w.kept && !w.uncalled && w.Trouble == "" && w.Name.Due(now) {
		l[w.route] += w.Name.Size
	}
}
