package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

const twoAccounts = `[account.work]
from = ["me@work.example"]
smarthost = "smtps://smtp.work.example"
user = "me"
[account.home]
from = ["me@home.example"]
smarthost = "smtps://smtp.home.example"
user = "me"
`

func TestRulesStandInTheOrderOfTheFile(t *testing.T) {
	c, err := Parse("m.toml", []byte(`
[policy.zebra]
ssid = ["Cafe*"]
hours = ["22-6", "saturday", "mon-fri 8:30-17:15"]
metered = false
account = ["home"]
by = "work"
[policy.ant]
vpn = "!office*"
address = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]
below = "200k"
`+twoAccounts+`
[policy."a.b"]
do = "hold"
`), home)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range c.Rules {
		names = append(names, r.Name)
	}
	if want := []string{"zebra", "ant", "a.b"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	z, a := c.Rules[0], c.Rules[1]
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"hours in their short form", z.Hours.String(), "22-6, Sat, Mon-Fri 8:30-17:15"},
		{"a condition that is not so", z.Metered, No},
		{"one that is not there", z.Portal, Either},
		{"another account", z.By, "work"},
		{"a bound", int64(a.Below), int64(200_000)},
		{"a bound says enough", a.Do, Unsaid},
		{"the last one holds", c.Rules[2].Do, Hold},
		{"a rule for some", z.For("work"), false},
		{"a rule for all", a.For("work"), true},
	} {
		if check.got != check.want {
			t.Errorf("%s: %v, want %v", check.what, check.got, check.want)
		}
	}
}

func TestABadRuleNamesFileLineAndMend(t *testing.T) {
	for _, c := range []struct{ reason, rule, want, hint string }{
		{"nothing to do", "metered = true\n", "m.toml:9: [policy.a] does not say what to do", `do = "hold"`},
		{"a word for do", "do = \"wait\"\n", `m.toml:10: policy.a.do: "wait" is no thing to do: use send or hold`, ""},
		{"a misspelt key", "do = \"hold\"\nintreface = [\"x\"]\n", `m.toml:11: unknown key "policy.a.intreface"`, `did you mean "policy.a.interface"?`},
		{"an unknown account", "account = [\"office\"]\ndo = \"hold\"\n", `m.toml:9: [policy.a] names account "office", and there is none of that name`, "the accounts are: home, work"},
		{"by an unknown account", "by = \"office\"\n", `m.toml:9: [policy.a] names account "office"`, "home, work"},
		{"by itself", "account = [\"work\"]\nby = \"work\"\n", `m.toml:9: [policy.a] has account "work" carry its own mail`, "another account"},
		{"hold and by", "do = \"hold\"\nby = \"work\"\n", "holds mail, and says by what way it goes", ""},
		{"hold and below", "do = \"hold\"\nbelow = \"1k\"\n", "holds all mail, so that below changes nothing", `do = "send"`},
		{"by and smarthost", "account=[\"home\"]\nby = \"work\"\nsmarthost = \"smtps://x.example\"\n", "has both by and smarthost", ""},
		{"all passwords to one server", "smarthost = \"smtps://x.example\"\n", "would show the passwords of all accounts to one server", "account"},
		{"a password in clear", "account = [\"home\"]\nsmarthost = \"smtp+insecure://x.example\"\n", "the password of account home over a connection without TLS", "smtps"},
		{"an empty list", "ssid = []\ndo = \"hold\"\n", "has nothing in ssid, so that it would never match", "take it out"},
		{"no list", "account = \"work\"\ndo = \"hold\"\n", "m.toml:10: policy.a.account: this wants a list in square brackets", ""},
		{"no condition", "metered = \"yes\"\n", "m.toml:10: policy.a.metered: this wants true or false", ""},
		{"hours that are none", "hours = [\"late\"]\n", `m.toml:10: policy.a.hours: "late" is no time of the week`, ""},
		{"no range", "address = [\"10.0.0.0/33\"]\n", `m.toml:10: policy.a.address: "10.0.0.0/33" is no range of addresses`, ""},
		{"no VPN", "vpn = \"!\"\n", `m.toml:10: policy.a.vpn: "!" is no VPN`, ""},
		{"no name", "interface = [\"\"]\n", `m.toml:10: policy.a.interface: "" is no name`, ""},
		{"no size", "below = \"much\"\n", `m.toml:10: policy.a.below: "much" is not a size`, ""},
		{"no server", "account = [\"home\"]\nsmarthost = \"x.example\"\n", `policy.a.smarthost: "x.example" is no smarthost`, ""},
		{"a name that is none", "[policy.\"x y\"]\n", `"x y" cannot be the name of a rule`, ""},
		{"a list of tables", "[[policy]]\n", "m.toml:10: [[policy]] is a list of tables", ""},
		{
			"a circle", "account = [\"work\"]\nby = \"home\"\n[policy.b]\nssid = [\"Cafe\"]\nby = \"work\"\n",
			"m.toml:9: [policy.a] passes mail on in a circle: b from home to work, a from work to home", "conditions",
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, err := Parse("m.toml", []byte(twoAccounts+"[policy.a]\n"+c.rule), home)
			if err == nil {
				t.Fatal("was accepted")
			}
			if sysexits.Code(err) != sysexits.Config || !strings.Contains(err.Error(), c.want) || !strings.Contains(sysexits.Hint(err), c.hint) {
				t.Errorf("says %q and hints %q, want %q and %q", err, sysexits.Hint(err), c.want, c.hint)
			}
		})
	}
}

func TestRulesThatExcludeEachOtherAreNoCircle(t *testing.T) {
	for _, c := range []struct {
		reason, first, second string
		circle                bool
	}{
		{"two wireless networks", `ssid = ["Cafe"]`, `ssid = ["Home"]`, false},
		{"one of them may be both", `ssid = ["C*"]`, `ssid = ["Cafe", "Home"]`, true},
		{"two patterns may meet", `ssid = ["C*"]`, `ssid = ["*e"]`, true},
		{"interfaces, where the other does not care", `interface = ["eth0"]`, ``, true},
		{"metered and not", `metered = true`, `metered = false`, false},
		{"portal and not", `portal = false`, `portal = true`, false},
		{"the VPN is up and is not", `vpn = "up"`, `vpn = "down"`, false},
		{"a VPN is up and none is", `vpn = "office"`, `vpn = "down"`, false},
		{"a VPN is up and is not", `vpn = "!office"`, `vpn = "Office"`, false},
		{"of two VPNs both may be up", `vpn = "office"`, `vpn = "home"`, true},
		{"by day and by night", `hours = ["6-22"]`, `hours = ["22-6"]`, false},
		{"hours that meet", `hours = ["6-22"]`, `hours = ["Sat 21-7"]`, true},
		{"hours one of which holds the other", `hours = ["6-22"]`, `hours = ["Sat 8-9"]`, true},
		{"other conditions", `hours = ["6-22"]`, `ssid = ["Cafe"]`, true},
	} {
		_, err := Parse("m.toml", []byte(twoAccounts+
			"[policy.a]\naccount = [\"home\"]\nby = \"work\"\n"+c.first+"\n[policy.b]\naccount = [\"work\"]\nby = \"home\"\n"+c.second+"\n"), home)
		if (err != nil) != c.circle {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}

func TestARuleThatNeverDecidesIsFound(t *testing.T) {
	for _, c := range []struct {
		reason, first, second string
		hidden                bool
	}{
		{"behind one without conditions", `do = "hold"`, "metered = true\ndo = \"send\"", true},
		{"behind one for another account", "account = [\"work\"]\ndo = \"hold\"", `do = "send"`, false},
		{"behind one for that account", "account = [\"home\", \"work\"]\ndo = \"hold\"", "account = [\"work\"]\ndo = \"send\"", true},
		{"behind the same condition", "ssid = [\"x\"]\ndo = \"hold\"", "ssid = [\"x\"]\nmetered = true\ndo = \"send\"", true},
		{"behind another condition", "ssid = [\"x\"]\ndo = \"hold\"", "ssid = [\"y\"]\ndo = \"send\"", false},
		{"the carrier of all others is left to others", `by = "work"`, "account = [\"work\"]\ndo = \"send\"", false},
		{"the carrier of all others is left to a rule for all", `by = "work"`, `do = "hold"`, false},
		{"the same hours", "hours = [\"8-9\"]\ndo = \"hold\"", "hours = [\"8-9\"]\nbelow = \"1k\"", true},
	} {
		conf, err := Parse("m.toml", []byte(twoAccounts+"[policy.a]\n"+c.first+"\n[policy.b]\n"+c.second+"\n"), home)
		if err != nil {
			t.Fatalf("%s: %v", c.reason, err)
		}
		if by := conf.Hidden(&conf.Rules[1]); (by != nil) != c.hidden || conf.Hidden(&conf.Rules[0]) != nil {
			t.Errorf("%s: hidden by %v", c.reason, by)
		}
	}
}

// FuzzParseRange holds it against the library that the shim does not link.
func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{
		"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::", "::/0", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1/96", "1::2::3", "fe80::1%eth0", "10.0.0.0/33", "1.2.3/8", "01.2.3.4",
		"1:2:3:4:5:6:7::", "1.2.3.4::", ":1", "1:", "::1/129", "::1/+1", "/8", "1:2:3:4:5:6:1.2.3.4",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := parseRange(text)
		_, want := netip.ParsePrefix(text)
		if !strings.Contains(text, "/") {
			var a netip.Addr
			if a, want = netip.ParseAddr(text); a.Zone() != "" {
				return // parseRange takes no zone
			}
		}
		if (err == nil) != (want == nil) {
			t.Errorf("%q: %v, and netip: %v", text, err, want)
		}
	})
}
