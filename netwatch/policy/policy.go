// Package policy says by the rules of the configuration ([policy.NAME]) whether
// mail of an account may leave at a moment, by which account and server, and why.
package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/config"
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

// A Moment is what the conditions of a rule are held against.
type Moment struct {
	// Interface, SSID and Connection are those of the way out; "" is none, or none
	// that is known.
	Interface, SSID, Connection string
	// VPN is the VPNs that are up. Settling: they, or the routes, have just changed.
	VPN      []string
	Settling bool
	// Addresses are those that this machine has in networks.
	Addresses []netip.Addr
	// Portal: a captive portal is in the way.
	Portal bool
	// Metered says whether the way to an account's server is.
	Metered func(account string) bool
	Now     time.Time // with the local time zone
}

// Decide goes through the rules in order, and where one has another account
// carry the mail, through them again for that one: what its owner has said about
// its server holds whoever's mail it is.
func Decide(rules []config.Rule, account string, m *Moment) Decision {
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
func (d *Decision) first(rules []config.Rule, m *Moment) (*config.Rule, conditions) {
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

// Same says that nothing changed but words.
func (d Decision) Same(e Decision) bool {
	return d.SameWay(e) && d.Rule == e.Rule && d.Hold == e.Hold && d.Below == e.Below
}

// SameWay says that the mail takes the same way.
func (d Decision) SameWay(e Decision) bool {
	return d.Account == e.Account && d.Smarthost == e.Smarthost
}

// Sentence says what the rules do to mail; "" where they change nothing.
func (d Decision) Sentence() string {
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

// Via names what carries the mail where that is not its own account and server.
func (d Decision) Via(account string) string {
	switch {
	case d.Smarthost.Host != "":
		return d.Account + "@" + d.Smarthost.Addr()
	case d.Account != account:
		return d.Account
	}
	return ""
}
