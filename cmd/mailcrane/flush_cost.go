package main

import (
	"fmt"
	"io"
	"time"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/queue"
)

// A sessionItem is a session that has ended, in --json.
type sessionItem struct {
	Kind    string `json:"kind"` // "session"
	Account string `json:"account"`
	events.Cost
}

// costSentence is a session in one line.
func costSentence(c *events.Cost, now time.Time) string {
	mail := "no mail"
	if c.Messages > 0 {
		mail = fmt.Sprintf("%s of %s", count(c.Messages, "message"), octets(c.Mail))
	}
	took := time.Duration(c.Seconds * float64(time.Second))
	text := fmt.Sprintf("last session %s: %s in %s and %s, %s sent and %s received, %s", ago(now, c.Began.Add(took)),
		mail, lasted(took), count(c.RoundTrips, "round trip"), octets(c.Sent), octets(c.Received), c.Security)
	if c.Why != "" {
		text += "; it broke: " + c.Why
	}
	return text
}

// sayCosts tells what the sessions of a run have cost, and all of them together.
func (a *app) sayCosts(sessions []queue.SessionEnd) {
	if a.json {
		for _, s := range sessions {
			writeJSON(a.stdout, sessionItem{Kind: "session", Account: string(s.Route), Cost: events.CostOf(s)})
		}
		return
	}
	out := a.stdout
	for _, s := range sessions {
		fmt.Fprintf(out, "\nsession with %s for account %s, %s\n", s.Server, s.Route, lasted(s.Took))
		sayCost(out, s)
	}
	if len(sessions) > 1 {
		all := together(sessions)
		fmt.Fprintf(out, "\n%s together, %s\n", count(len(sessions), "session"), lasted(all.Took))
		sayCost(out, all)
	}
	if len(sessions) == 0 {
		fmt.Fprintln(out, "\nno session was opened")
	}
}

// sayCost tells it in lines that begin with what they are about. What is of
// several sessions has no one handshake.
func sayCost(out io.Writer, s queue.SessionEnd) {
	line := func(what, format string, args ...any) {
		sayLine(out, fmt.Sprintf("  %-9s ", what), fmt.Sprintf(format, args...))
	}
	if s.Messages == 0 {
		line("mail", "none was taken")
	} else {
		line("mail", "%s, %s, to %s", count(s.Messages, "message"), octets(s.Mail), count(s.Recipients, "recipient"))
	}
	line("sent", "%s%s", octets(s.Sent), forTLS(s.HandshakeSent))
	line("received", "%s%s", octets(s.Received), forTLS(s.HandshakeReceived))
	best := ""
	if s.RoundTrip >= time.Millisecond {
		best = " of " + lasted(s.RoundTrip) + " at best"
	}
	line("waited", "%s%s", count(s.RoundTrips, "round trip"), best)
	if s.Route != "" {
		line("TLS", "%s", s.Security())
	}
	if s.Why != "" {
		line("broke", "%s", s.Why)
	}
}

// forTLS says how much of the octets the handshake took.
func forTLS(n int64) string {
	if n == 0 {
		return ""
	}
	return ", of them " + octets(n) + " for the TLS handshake"
}

// together is the sum of sessions, from the beginning of the first to the end of
// the last.
func together(sessions []queue.SessionEnd) queue.SessionEnd {
	var all queue.SessionEnd
	first, last := sessions[0].Began, sessions[0].Began
	for _, s := range sessions {
		all.Messages += s.Messages
		all.Recipients += s.Recipients
		all.Mail += s.Mail
		all.Sent += s.Sent
		all.Received += s.Received
		all.HandshakeSent += s.HandshakeSent
		all.HandshakeReceived += s.HandshakeReceived
		all.RoundTrips += s.RoundTrips
		if s.Began.Before(first) {
			first = s.Began
		}
		if end := s.Began.Add(s.Took); end.After(last) {
			last = end
		}
	}
	all.Took = last.Sub(first)
	return all
}

// lasted is a time to three digits.
func lasted(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", d.Seconds()*1e3)
	case d < time.Minute:
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
}
