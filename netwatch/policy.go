package netwatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// A Decision is what the rules of the policy say about mail of one account.
type Decision struct {
	// Rule is the name of the rule that decides, "" where none matches, and Why
	// how its conditions stand. Ends is what would end that, in words that follow
	// "waits for".
	Rule, Why, Ends string
	// Hold: the mail is not to leave. Below is the most octets of a message that
	// is, 0 for no bound, and BelowRule the rule that says so.
	Hold      bool
	Below     int64
	BelowRule string
	// Account carries the mail: its own, or the one that Passed, the rules with
	// by, have led to. Smarthost is the server; the zero one is the account's.
	Account   string
	Passed    []Pass
	Smarthost config.Smarthost
	// Looked is the rules that were looked at, in order.
	Looked []Look
}

// A Pass is a rule that has another account carry mail, and why.
type Pass struct{ Rule, Account, Why string }

// A Look is what came of looking at one rule for the mail of an account.
type Look struct {
	Rule    string `json:"rule"`
	Account string `json:"account"`
	Matches bool   `json:"matches"`
	// Why is how its conditions stand: all of them where it matches, else the
	// first that is not met.
	Why string `json:"why"`
}

// A moment is what the conditions of a rule are held against.
type moment struct {
	State
	// metered says whether the way to an account's server is.
	metered func(account string) bool
	now     time.Time // with the local time zone
	// settling: the routes, or the VPNs, have just changed.
	settling bool
}

// decide goes through the rules in order, and where one has another account
// carry the mail, through them again for that one: what its owner has said about
// its server holds whoever's mail it is.
func decide(rules []config.Rule, account string, m *moment) Decision {
	d := Decision{Account: account}
	carriers := []string{account}
	for {
		r, found := d.first(rules, m)
		if r == nil {
			return d
		}
		d.Rule, d.Why, d.Ends = r.Name, found.stands(), found.ends()
		if r.Below > 0 && (d.Below == 0 || int64(r.Below) < d.Below) {
			d.Below, d.BelowRule = int64(r.Below), r.Name
		}
		d.Hold, d.Smarthost = r.Do == config.Hold, r.Smarthost
		if r.By == "" {
			return d
		}
		if slices.Contains(carriers, r.By) {
			d.Hold = true
			d.Why = fmt.Sprintf("it passes mail on to account %s, from where it came", r.By)
			d.Ends = "another configuration"
			return d
		}
		d.Passed, d.Account = append(d.Passed, Pass{r.Name, r.By, d.Why}), r.By
		carriers = append(carriers, r.By)
		d.Rule, d.Why, d.Ends = "", "", ""
	}
}

// first is the first rule that matches for the account that carries the mail,
// or nil.
func (d *Decision) first(rules []config.Rule, m *moment) (*config.Rule, conditions) {
	for i := range rules {
		r := &rules[i]
		found, ok := consider(r, d.Account, m)
		d.Looked = append(d.Looked, Look{r.Name, d.Account, ok, found.stands()})
		if ok {
			return r, found
		}
	}
	return nil, nil
}

// same says that nothing changed but words.
func (d Decision) same(e Decision) bool {
	return d.sameWay(e) && d.Rule == e.Rule && d.Hold == e.Hold && d.Below == e.Below
}

// sameWay says that the mail takes the same way.
func (d Decision) sameWay(e Decision) bool {
	return d.Account == e.Account && d.Smarthost == e.Smarthost
}

// sentence says what the rules do to mail; "" where they change nothing.
func (d Decision) sentence() string {
	var parts []string
	for _, p := range d.Passed {
		why := ""
		if p.Why != "" {
			why = " (" + p.Why + ")"
		}
		parts = append(parts, fmt.Sprintf("the rule %s has account %s carry it%s", p.Rule, p.Account, why))
	}
	switch {
	case d.Hold:
		parts = append(parts, fmt.Sprintf("the rule %s keeps mail of account %s back%s", d.Rule, d.Account, because(d.Why)))
	case d.Below > 0:
		parts = append(parts, fmt.Sprintf("the rule %s sends only messages up to %s%s", d.BelowRule, config.Octets(d.Below), because(d.Why)))
	case d.Smarthost.Host != "":
		parts = append(parts, fmt.Sprintf("the rule %s sends it to %s%s", d.Rule, d.Smarthost.Addr(), because(d.Why)))
	}
	return strings.Join(parts, ", and ")
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// until is when the clock alone changes what the rules say of an account, zero
// for not within a week.
func until(rules []config.Rule, account string, m *moment) time.Time {
	before := decide(rules, account, m)
	for _, t := range edges(rules, m.now) {
		then := *m
		then.now = t
		if !decide(rules, account, &then).same(before) {
			return t
		}
	}
	return time.Time{}
}

// edges are the times of the week to come at which hours of the rules may begin
// or end: by the clock, and where the clock is changed for the summer.
func edges(rules []config.Rule, now time.Time) []time.Time {
	const days = 8 // that of today, and one past midnight after a week
	var minutes []int
	for _, r := range rules {
		for _, s := range r.Hours {
			minutes = append(minutes, int(s.From), int(s.To))
		}
	}
	if minutes == nil {
		return nil
	}
	minutes = append(minutes, 0) // of whole days
	var out []time.Time
	y, month, d := now.Date()
	for day := range days {
		for _, minute := range minutes {
			out = append(out, time.Date(y, month, d+day, 0, minute, 0, 0, now.Location()))
		}
	}
	if _, end := now.ZoneBounds(); !end.IsZero() && end.Before(now.AddDate(0, 0, days)) {
		// What the clock shows twice in that night is an edge both times.
		_, before := now.Zone()
		_, after := end.Zone()
		for _, t := range out {
			out = append(out, t.Add(time.Duration(after-before)*time.Second))
		}
		out = append(out, end)
	}
	out = slices.DeleteFunc(out, func(t time.Time) bool { return !t.After(now) })
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// via names what carries the mail where that is not its own account and server.
func (d Decision) via(r queue.Route) string {
	switch {
	case d.Smarthost.Host != "":
		return d.Account + "@" + d.Smarthost.Addr()
	case d.Account != string(r):
		return d.Account
	}
	return ""
}
