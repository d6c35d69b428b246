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
	case netwatch.Withheld:
		return s.Reason + "; waits for " + s.Reacts
	case netwatch.NoRoute, netwatch.LinkAlone:
		words := s.Prospect.String()
		if s.Reason != "" && s.Reason != r.Network.Reason {
			words += ": " + s.Reason
		}
		return words + "; waits for " + s.Reacts
	case netwatch.Captive:
		return s.Prospect.String() + ": " + s.Hint
	case netwatch.Untried, netwatch.Unreachable, netwatch.Reachable:
	}
	if s.Sessions > 0 {
		return "a session is open, sending now"
	}
	words, before := standing(last, now), r.before(last)
	if before {
		words = "not tried by this network yet, " + words
	}
	switch {
	case !s.Opening.IsZero() && (last == nil || before):
		words = connecting(s, now)
	case !s.Opening.IsZero():
		words = connecting(s, now) + "; " + words
	case account.Waiting > 0 && s.Next.After(now):
		words += "; tries again " + soon(s.Next, now) + ", or when the network changes"
	}
	return words
}

// before says that the last attempt was made by another network.
func (r *statusReport) before(last *queue.RouteState) bool {
	return r.Agent != nil && last != nil && last.At.Before(r.Network.Since)
}

// hint is what to do about the fault that the account's line shows.
func (r *statusReport) hint(account accountStatus) string {
	s := account.Standing
	if account.Last == nil || account.Last.Fault == nil || nowhere(s) || s.Prospect == netwatch.Captive || r.before(account.Last) {
		return ""
	}
	return account.Last.Fault.Hint
}

func connecting(s netwatch.Standing, now time.Time) string {
	return "connecting, for " + span(now.Sub(s.Opening)) + " so far"
}

// soon is when something is that the plan of tries has set.
func soon(at, now time.Time) string {
	if at.Sub(now) < time.Second {
		return "at once"
	}
	return ago(now, at)
}

// standing is how the last attempt at a route ended.
func standing(last *queue.RouteState, now time.Time) string {
	switch {
	case last == nil:
		return "not tried yet"
	case last.Fault == nil:
		return "last reached " + ago(now, last.At)
	}
	return fmt.Sprintf("failed %s: %s", ago(now, last.At), last.Fault.Sentence)
}
