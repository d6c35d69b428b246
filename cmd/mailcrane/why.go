package main

import (
	"fmt"

	"mailcrane/internal/when"
	"mailcrane/netwatch/policy"
)

// showWhy is status --why: for each account how it stands, why, since when, what
// it waits for, and what came of each rule of the policy.
func (a *app) showWhy(r *statusReport) {
	now := a.now()
	a.labelled("network", "%s, since %s", r.Network.Reason, when.Show(r.Network.Since, now))
	for _, account := range r.Accounts {
		s := account.Standing
		fmt.Fprintln(a.stdout)
		a.labelled("account", "%s: %s", account.Name, s.Prospect)
		a.labelled("why", "%s", s.Reason)
		if !s.Since.IsZero() && r.Agent != nil {
			a.labelled("since", "%s (%s)", when.Show(s.Since, now), ago(now, s.Since))
		}
		if s.Policy != "" && s.Policy != s.Reason {
			a.labelled("policy", "%s", s.Policy)
		}
		a.labelled("waits for", "%s", s.Reacts)
		if !s.Until.IsZero() {
			a.labelled("clock", "the rules say something else from %s on", when.Show(s.Until, now))
		}
		a.showLooks(account.Name, s.Looked)
	}
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
