package main

import (
	"fmt"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/when"
	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/netwatch/policy"
)

// networkWords is the network in one line.
func networkWords(s network.State) string {
	words := s.Reason
	if s.SSID != "" {
		words += ", wireless network " + s.SSID
	}
	if len(s.VPN) > 0 {
		words += ", VPN " + strings.Join(s.VPN, ", ")
	}
	return words
}

// showWhy is status --why: what the rules of the policy can be about, and for each
// account how it stands, why, since when, what it waits for, and what came of each
// rule.
func (a *app) showWhy(c *config.Config, r *statusReport) {
	now, since := a.now(), ""
	a.showAgent(c, r)
	if r.Agent != nil {
		since = ", since " + moment(r.Network.Since, now)
	}
	a.labelled("network", "%s%s", networkWords(r.Network), since)
	if r.Network.Connection != "" {
		a.labelled("", "the connection is called %s", r.Network.Connection)
	}
	for _, account := range r.Accounts {
		fmt.Fprintln(a.stdout)
		a.showStanding(account, r.Agent != nil, now)
	}
}

// moment is when something was, for a person, and how long ago.
func moment(at, now time.Time) string { return stamp(at, now) + " (" + ago(now, at) + ")" }

// showStanding is the lines of one account. Since when it stands so only the agent
// knows.
func (a *app) showStanding(account accountStatus, watched bool, now time.Time) {
	s := account.Standing
	a.labelled("account", "%s: %s", account.Name, s.Prospect)
	a.labelled("why", "%s", s.Reason)
	if s.Page != "" {
		a.labelled("page", "log in at %s", s.Page)
	}
	if s.Hint != "" && s.Prospect != netwatch.Captive {
		a.labelled("do", "%s", s.Hint)
	}
	if !s.Since.IsZero() && watched {
		a.labelled("since", "%s", moment(s.Since, now))
	}
	if s.Policy != "" && s.Policy != s.Reason {
		a.labelled("policy", "%s", s.Policy)
	}
	switch {
	case s.Sessions > 0:
		a.labelled("now", "a session is open")
	case !s.Opening.IsZero():
		a.labelled("now", "%s", connecting(s, now))
	default:
		a.labelled("waits for", "%s", s.Reacts)
	}
	if account.Called != "" {
		a.labelled("", "%s", account.Called)
	}
	if account.Waiting > 0 && s.Next.After(now) {
		a.labelled("next try", "%s", soon(s.Next, now))
	}
	if !s.Until.IsZero() {
		a.labelled("clock", "the rules say something else from %s on", when.Show(s.Until, now))
	}
	a.showLooks(account.Name, s.Looked)
}

// showLooks is a line for each rule that was looked at for an account.
func (a *app) showLooks(account string, looked []policy.Look) {
	for _, l := range looked {
		verb := "does not match"
		if l.Matches {
			verb = "matches"
		}
		if l.Account != account {
			verb += " for account " + l.Account
		}
		if l.Why != "" {
			verb += ": " + l.Why
		}
		a.labelled("rule", "%s %s", l.Rule, verb)
	}
}
