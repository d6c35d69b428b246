package main

import (
	"fmt"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
)

// prospect is how an account stands, in one line: by what is known of the
// network, and by its last attempt, which may be another process's.
func (r *statusReport) prospect(account accountStatus, now time.Time) string {
	s, last := account.Standing, account.Last
	switch s.Prospect {
	case netwatch.NoRoute, netwatch.LinkAlone, netwatch.Withheld:
		words := s.Prospect.String()
		if s.Reason != "" && s.Reason != r.Network.Reason {
			words += ": " + s.Reason
		}
		return words + "; waits for " + s.Reacts
	case netwatch.Captive:
		words := "captive portal: open any web page in a browser and log in there"
		if s.Page != "" {
			words = "captive portal: log in at " + s.Page
		}
		return words + "; mail goes by itself as soon as it opens"
	case netwatch.Untried, netwatch.Unreachable, netwatch.Reachable:
	}
	words := standing(last, now)
	if r.Agent != nil && last != nil && last.At.Before(r.Network.Since) {
		words = "not tried by this network yet, " + words
	}
	if account.Waiting > 0 && s.Next.After(now) {
		soon := "at once"
		if s.Next.Sub(now) >= time.Second {
			soon = ago(now, s.Next)
		}
		words += "; tries again " + soon + ", or when the network changes"
	}
	return words
}

// standing is how the last attempt at a route ended.
func standing(last *queue.RouteState, now time.Time) string {
	switch {
	case last == nil:
		return "not tried yet"
	case last.Fault == nil:
		return "last reached " + ago(now, last.At)
	}
	return fmt.Sprintf("down %s: %s", ago(now, last.At), last.Fault.Sentence)
}
