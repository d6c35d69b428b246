package policy

import (
	"net/netip"
	"slices"
	"strings"

	"mailcrane/internal/config"
)

// A condition of a rule, as it stands now.
type condition struct {
	met bool
	// stands says how the matter stands, and ends what would end a condition that
	// is met.
	stands, ends string
}

type conditions []condition

func (c conditions) stands() string {
	return c.join(func(one condition) string { return one.stands }, ", ")
}

// ends is what would end the match: any of its conditions does.
func (c conditions) ends() string {
	if len(c) == 0 {
		return "another configuration"
	}
	return c.join(func(one condition) string { return one.ends }, ", or ")
}

func (c conditions) join(what func(condition) string, between string) string {
	parts := make([]string, 0, len(c))
	for _, one := range c {
		parts = append(parts, what(one))
	}
	return strings.Join(parts, between)
}

// consider holds the conditions of r against m: ok says that all are met. Of those
// that are not, only the first is found.
func consider(r *config.Rule, account string, m *Moment) (found conditions, ok bool) {
	if !r.For(account) {
		return conditions{{stands: notFor(r, account)}}, false
	}
	for _, c := range [...]struct {
		asked bool
		find  func(*config.Rule, string, *Moment) condition
	}{
		{len(r.Interface) > 0, byInterface},
		{len(r.SSID) > 0, bySSID},
		{len(r.Connection) > 0, byConnection},
		{r.VPN != "", byVPN},
		{r.Metered != config.Either, byMetered},
		{r.Portal != config.Either, byPortal},
		{len(r.Addresses) > 0, byAddress},
		{len(r.Hours) > 0, byHours},
	} {
		if !c.asked {
			continue
		}
		f := c.find(r, account, m)
		if !f.met {
			return conditions{f}, false
		}
		found = append(found, f)
	}
	return found, true
}

func notFor(r *config.Rule, account string) string {
	if r.By == account {
		return "it has other mail go by account " + account
	}
	return "it is for account " + strings.Join(r.Accounts, ", ")
}

func byInterface(r *config.Rule, _ string, m *Moment) condition {
	return byName("the way out is ", "there is no way out", m.Interface, r.Interface, "another way out")
}

func bySSID(r *config.Rule, _ string, m *Moment) condition {
	return byName("the wireless network is ", "the way out is by no wireless network that is known", m.SSID, r.SSID, "another network")
}

func byConnection(r *config.Rule, _ string, m *Moment) condition {
	return byName("the connection is ", "the way out has no connection that is known by name", m.Connection, r.Connection, "another connection")
}

// byName is about a name that the way out has, and that is one of a list.
func byName(is, none, name string, patterns []string, ends string) condition {
	switch {
	case name == "":
		return condition{stands: none}
	case !config.MatchAny(patterns, name):
		return condition{stands: is + name + ", not " + strings.Join(patterns, " or ")}
	}
	return condition{true, is + name, ends}
}

// byVPN takes a VPN for down while things settle: its device and address are
// there before its routes are, and a connection that is made in between goes by
// the open network.
func byVPN(r *config.Rule, _ string, m *Moment) condition {
	name, not := strings.CutPrefix(r.VPN, "!")
	up := slices.ContainsFunc(m.VPN, func(vpn string) bool { return config.Match(name, vpn) })
	some, stands := len(m.VPN) > 0, "no VPN is up"
	switch {
	case some && m.Settling:
		some, up = false, false
		stands = "the VPN " + strings.Join(m.VPN, ", ") + " is coming up"
	case some:
		stands = "the VPN " + strings.Join(m.VPN, ", ") + " is up"
	}
	switch {
	case r.VPN == config.VPNUp:
		return condition{some, stands, "the VPN to end"}
	case r.VPN == config.VPNDown:
		return condition{!some, stands, "a VPN to come up"}
	}
	if !up && some {
		stands += ", not " + name
	}
	if not {
		return condition{!up, stands, "the VPN " + name + " to come up"}
	}
	return condition{up, stands, "the VPN " + name + " to end"}
}

func byMetered(r *config.Rule, account string, m *Moment) condition {
	if m.Metered(account) {
		return condition{r.Metered == config.Yes, "the way out is metered", "a way out that is not metered"}
	}
	return condition{r.Metered == config.No, "the way out is not metered", "a way out that is metered"}
}

func byPortal(r *config.Rule, _ string, m *Moment) condition {
	if m.Portal {
		return condition{r.Portal == config.Yes, "a captive portal is in the way", "the captive portal to open"}
	}
	return condition{r.Portal == config.No, "no captive portal is known to be in the way", "a captive portal"}
}

func byHours(r *config.Rule, _ string, m *Moment) condition {
	stands := "it is " + m.Now.Format("Mon 15:04")
	if !r.Hours.Holds(m.Now) {
		return condition{stands: stands + ", not " + r.Hours.String()}
	}
	return condition{true, stands + ", within " + r.Hours.String(), "the end of these hours"}
}

// mostNamed is how many addresses are named.
const mostNamed = 4

func byAddress(r *config.Rule, _ string, m *Moment) condition {
	for _, text := range r.Addresses {
		prefix := prefixOf(text)
		for _, a := range m.Addresses {
			if prefix.Contains(a) {
				return condition{true, "this machine has the address " + a.String(), "another address"}
			}
		}
	}
	if len(m.Addresses) == 0 {
		return condition{stands: "this machine has no address in a network"}
	}
	var has []string
	for _, a := range m.Addresses[:min(len(m.Addresses), mostNamed)] {
		has = append(has, a.String())
	}
	return condition{stands: "this machine has the address " + strings.Join(has, ", ") + ", none in " + strings.Join(r.Addresses, " or ")}
}

// prefixOf is a range that the configuration has checked; an address alone is
// the range of itself.
func prefixOf(text string) netip.Prefix {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(a, a.BitLen())
}
