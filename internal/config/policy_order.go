package config

import (
	"slices"
	"strings"

	"mailcrane/internal/sysexits"
)

// A passage is a rule with by, as it is for the mail of one account.
type passage struct {
	from string
	rule *Rule
}

// findCircle is an error where rules that may hold at one time pass the mail of
// an account on in a circle.
func (c *Config) findCircle() error {
	done := make(map[string]bool)
	for _, a := range c.Accounts {
		circle := c.circle(nil, a.Name, done)
		if circle == nil {
			continue
		}
		last := circle[len(circle)-1].rule
		var names []string
		for _, p := range circle {
			names = append(names, p.rule.Name+" from "+p.from+" to "+p.rule.By)
		}
		return sysexits.Errorf(sysexits.Config, "have one of them name an account that sends by its own server, or give them conditions that are never met at one time",
			"%s: [policy.%s] passes mail on in a circle: %s", c.Where(last), last.Name, strings.Join(names, ", "))
	}
	return nil
}

// circle follows the rules from account on, where path has led. done are the
// accounts from which nothing more is to be found.
func (c *Config) circle(path []passage, account string, done map[string]bool) []passage {
	for i, p := range path {
		if p.from == account {
			return together(path[i:])
		}
	}
	if done[account] {
		return nil
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		if r.By == "" || !r.For(account) {
			continue
		}
		if found := c.circle(append(path, passage{account, r}), r.By, done); found != nil {
			return found
		}
	}
	done[account] = true
	return nil
}

// together is path, or nil where two of its rules never hold at one time.
func together(path []passage) []passage {
	for i, p := range path {
		for _, q := range path[:i] {
			if p.rule.excludes(q.rule) {
				return nil
			}
		}
	}
	return slices.Clone(path)
}

// excludes says that r and q certainly never hold at one time.
func (r *Rule) excludes(q *Rule) bool {
	opposed := func(a, b Condition) bool { return a != Either && b != Either && a != b }
	return opposed(r.Metered, q.Metered) || opposed(r.Portal, q.Portal) || opposedVPN(r.VPN, q.VPN) || opposedVPN(q.VPN, r.VPN) ||
		apart(r.Interface, q.Interface) || apart(r.SSID, q.SSID) || apart(r.Connection, q.Connection) ||
		len(r.Hours) > 0 && len(q.Hours) > 0 && !r.Hours.meet(q.Hours) && !q.Hours.meet(r.Hours)
}

// opposedVPN says that one condition is never met where the other is.
func opposedVPN(a, b string) bool {
	not, negated := strings.CutPrefix(b, "!")
	switch {
	case a == "" || b == "":
		return false
	case a == VPNDown:
		return b != VPNDown && !negated
	}
	return negated && strings.EqualFold(a, not)
}

// apart says that no name matches a pattern of both lists.
func apart(a, b []string) bool {
	for _, p := range a {
		for _, q := range b {
			if Match(p, q) || Match(q, p) || strings.Contains(p, "*") && strings.Contains(q, "*") {
				return false
			}
		}
	}
	return len(a) > 0 && len(b) > 0
}

// meet says that a span of h begins within one of g.
func (h Hours) meet(g Hours) bool {
	for _, s := range h {
		for day := range dayNames {
			if s.on(day) && g.holds(day, s.From) {
				return true
			}
		}
	}
	return false
}

// Hidden is the rule before r because of which r never decides anything, or
// nil: whenever r matches, that one does.
func (c *Config) Hidden(r *Rule) *Rule {
	for i := range c.Rules {
		q := &c.Rules[i]
		if q == r {
			return nil
		}
		if q.covers(r) {
			return q
		}
	}
	return nil
}

func (r *Rule) covers(q *Rule) bool {
	if len(q.Accounts) == 0 && (len(r.Accounts) > 0 || r.By != "" && r.By != q.By) {
		return false
	}
	for _, account := range q.Accounts {
		if q.For(account) && !r.For(account) {
			return false
		}
	}
	wider := func(a, b []string) bool { return len(a) == 0 || slices.Equal(a, b) }
	return wider(r.Interface, q.Interface) && wider(r.SSID, q.SSID) && wider(r.Connection, q.Connection) && wider(r.Addresses, q.Addresses) &&
		(r.VPN == "" || r.VPN == q.VPN) && (r.Metered == Either || r.Metered == q.Metered) && (r.Portal == Either || r.Portal == q.Portal) &&
		(len(r.Hours) == 0 || slices.Equal(r.Hours, q.Hours))
}
