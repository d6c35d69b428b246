package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
)

const accounts = `[account.work]
from = ["me@work.example"]
smarthost = "smtps://smtp.work.example"
user = "me"
[account.home]
from = ["me@home.example"]
smarthost = "smtps://smtp.home.example"
user = "me"
`

func rules(t *testing.T, text string) []config.Rule {
	t.Helper()
	c, err := config.Parse("m.toml", []byte(accounts+text), func(string) string { return "/home/me" })
	if err != nil {
		t.Fatal(err)
	}
	return c.Rules
}

// cafe is a moment in which every condition has something to look at.
func cafe() *Moment {
	return &Moment{
		Interface: "wlan0", SSID: "Cafe Central", Connection: "Cafe", VPN: []string{"office-vpn"}, Portal: true,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")},
		Metered:   func(account string) bool { return account == "home" },
		Now:       time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC), // a Sunday
	}
}

// Coverage: policy.
func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	for _, c := range []struct {
		reason, rules string
		rule, why     string // of account home
	}{
		{"without a rule mail is sent", "", "", ""},
		{"a rule without a condition", "[policy.a]\ndo = \"hold\"", "a", ""},
		{"the first of two", "[policy.a]\ndo = \"send\"\n[policy.b]\ndo = \"hold\"", "a", ""},
		{"an interface", "[policy.a]\ninterface = [\"eth*\", \"wl*\"]\ndo = \"hold\"", "a", "the way out is wlan0"},
		{"another interface", "[policy.a]\ninterface = [\"eth*\"]\ndo = \"hold\"", "", "the way out is wlan0, not eth*"},
		{"a wireless network, case does not count", "[policy.a]\nssid = [\"cafe*\"]\ndo = \"hold\"", "a", "the wireless network is Cafe Central"},
		{"another wireless network", "[policy.a]\nssid = [\"Home\", \"Work\"]\ndo = \"hold\"", "", "the wireless network is Cafe Central, not Home or Work"},
		{"a connection", "[policy.a]\nconnection = [\"Cafe\"]\ndo = \"hold\"", "a", "the connection is Cafe"},
		{"another connection", "[policy.a]\nconnection = [\"Caf\"]\ndo = \"hold\"", "", "the connection is Cafe, not Caf"},
		{"a VPN is up", "[policy.a]\nvpn = \"up\"\ndo = \"hold\"", "a", "the VPN office-vpn is up"},
		{"none is", "[policy.a]\nvpn = \"down\"\ndo = \"hold\"", "", "the VPN office-vpn is up"},
		{"this one is", "[policy.a]\nvpn = \"office*\"\ndo = \"hold\"", "a", "the VPN office-vpn is up"},
		{"this one is not", "[policy.a]\nvpn = \"!home\"\ndo = \"hold\"", "a", "the VPN office-vpn is up, not home"},
		{"it is after all", "[policy.a]\nvpn = \"!office*\"\ndo = \"hold\"", "", "the VPN office-vpn is up"},
		{"metered, by the account's own way", "[policy.a]\nmetered = true\ndo = \"hold\"", "a", "the way out is metered"},
		{"not metered", "[policy.a]\nmetered = false\ndo = \"hold\"", "", "the way out is metered"},
		{"a portal", "[policy.a]\nportal = true\ndo = \"hold\"", "a", "a captive portal is in the way"},
		{"no portal", "[policy.a]\nportal = false\ndo = \"hold\"", "", "a captive portal is in the way"},
		{"hours", "[policy.a]\nhours = [\"8-9\", \"22-6\"]\ndo = \"hold\"", "a", "it is Sun 23:30, within 8-9, 22-6"},
		{"other hours", "[policy.a]\nhours = [\"Mon\"]\ndo = \"hold\"", "", "it is Sun 23:30, not Mon"},
		{"an address", "[policy.a]\naddress = [\"10.0.0.0/8\", \"2001:db8::/32\"]\ndo = \"hold\"", "a", "this machine has the address 2001:db8::9"},
		{"an address alone", "[policy.a]\naddress = [\"192.0.2.9\"]\ndo = \"hold\"", "a", "this machine has the address 192.0.2.9"},
		{"no such address", "[policy.a]\naddress = [\"10.0.0.0/8\"]\ndo = \"hold\"", "", "this machine has the address 192.0.2.9, 2001:db8::9, none in 10.0.0.0/8"},
		{"for another account", "[policy.a]\naccount = [\"work\"]\ndo = \"hold\"", "", "it is for account work"},
		{"for this one", "[policy.a]\naccount = [\"work\", \"home\"]\ndo = \"hold\"", "a", ""},
		{"all conditions are met", "[policy.a]\nssid = [\"Cafe*\"]\nhours = [\"Sun\"]\ndo = \"hold\"", "a", "the wireless network is Cafe Central, it is Sun 23:30, within Sun"},
		{"one of them is not", "[policy.a]\nssid = [\"Cafe*\"]\nhours = [\"Mon\"]\nportal = true\ndo = \"hold\"", "", "it is Sun 23:30, not Mon"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			d := Decide(rules(t, c.rules), "home", cafe())
			if d.Rule != c.rule {
				t.Errorf("rule %q decides, want %q", d.Rule, c.rule)
			}
			if n := len(d.Looked); c.rules != "" && (d.Looked[n-1].Why != c.why || d.Looked[n-1].Matches != (c.rule != "")) {
				t.Errorf("looked %+v, want %q", d.Looked[n-1], c.why)
			}
			if d.Hold != (c.rule == "a" && !strings.Contains(c.rules, "send")) {
				t.Errorf("hold is %v", d.Hold)
			}
		})
	}
}

func TestConditionsOnWhatIsNotThereAreNotMet(t *testing.T) {
	nowhere := &Moment{Metered: func(string) bool { return false }, Now: time.Now()}
	for _, c := range []struct {
		reason, rule string
		met          bool
		why          string
	}{
		{"no way out has no interface", `interface = ["*"]`, false, "there is no way out"},
		{"no wireless network", `ssid = ["*"]`, false, "the way out is by no wireless network that is known"},
		{"no connection", `connection = ["*"]`, false, "the way out has no connection that is known by name"},
		{"no VPN", `vpn = "*"`, false, "no VPN is up"},
		{"no VPN is one that is not up", `vpn = "!office"`, true, "no VPN is up"},
		{"no address", `address = ["0.0.0.0/0"]`, false, "this machine has no address in a network"},
		{"no portal", `portal = false`, true, "no captive portal is known to be in the way"},
	} {
		d := Decide(rules(t, "[policy.a]\ndo = \"hold\"\n"+c.rule), "home", nowhere)
		if d.Hold != c.met || d.Looked[0].Why != c.why {
			t.Errorf("%s: %v, %q", c.reason, d.Hold, d.Looked[0].Why)
		}
	}
}

func TestTheRulesOfTheCarrierHoldToo(t *testing.T) {
	for _, c := range []struct {
		reason, rules string
		account       string
		smarthost     string
		hold          bool
		below         int64
		sentence      string
	}{
		{
			"another account", "[policy.a]\nssid = [\"Cafe*\"]\nby = \"work\"", "work", "", false, 0,
			"the rule a has account work carry it (the wireless network is Cafe Central)",
		},
		{
			"which its own rule holds", "[policy.a]\naccount = [\"home\"]\nby = \"work\"\n[policy.b]\nvpn = \"!private\"\naccount = [\"work\"]\ndo = \"hold\"",
			"work", "", true, 0,
			"the rule a has account work carry it, and the rule b keeps mail of account work back: the VPN office-vpn is up, not private",
		},
		{
			"another server", "[policy.a]\naccount = [\"home\"]\nsmarthost = \"smtps://relay.example\"", "home", "smtps://relay.example:465", false, 0,
			"the rule a sends it to relay.example:465",
		},
		{
			"another server of another account", "[policy.a]\naccount = [\"home\"]\nby = \"work\"\n[policy.b]\naccount = [\"work\"]\nsmarthost = \"smtp://relay.example\"",
			"work", "smtp://relay.example:587", false, 0,
			"the rule a has account work carry it, and the rule b sends it to relay.example:587",
		},
		{
			"the lower bound", "[policy.a]\naccount = [\"home\"]\nby = \"work\"\nbelow = \"10k\"\n[policy.b]\nbelow = \"20k\"", "work", "", false, 10_000,
			"the rule a has account work carry it, and the rule a sends only messages up to 10k",
		},
		{
			"a circle that no look at the file could find", "[policy.a]\naccount = [\"home\"]\naddress = [\"192.0.2.9\"]\nby = \"work\"\n" +
				"[policy.b]\naccount = [\"work\"]\nportal = true\ninterface = [\"wlan0\"]\nby = \"home\"\n[policy.c]\ndo = \"send\"",
			"work", "", true, 0, "",
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var all []config.Rule
			if c.sentence == "" {
				all = rules(t, strings.Replace(c.rules, "by = \"home\"", "do = \"send\"", 1))
				all[1].By = "home" // as if the file had been taken
			} else {
				all = rules(t, c.rules)
			}
			d := Decide(all, "home", cafe())
			if d.Account != c.account || d.Smarthost.String() != c.smarthost || d.Hold != c.hold || d.Below != c.below {
				t.Errorf("account %s, server %s, hold %v, below %d", d.Account, d.Smarthost, d.Hold, d.Below)
			}
			if c.sentence != "" && d.Sentence() != c.sentence {
				t.Errorf("says %q, want %q", d.Sentence(), c.sentence)
			}
		})
	}
}
