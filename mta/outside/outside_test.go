package outside

import (
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/mta/policy"
)

func try(t *testing.T, text string, proxies ...string) *Report {
	t.Helper()
	c, err := config.Parse("m.toml", []byte(text+"\n"), func(string) string { return filepath.Join(t.TempDir(), "home") })
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.MTA.Listeners {
		c.MTA.Listeners[i].Proxy = proxies
	}
	const host = "mail.example.org"
	p, err := policy.New(policy.Parts{Config: c, Hostname: host, Names: Names{host}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Try(t.Context(), c, p, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Coverage: A34.
func TestNobodyFromOutsideRelaysUnlessASettingOpensIt(t *testing.T) {
	const listener = "[[mta.listen]]\naddress = \":25\"\n"
	for _, c := range []struct {
		reason, text string
		where        string // of an opening; "" is none
		everybody    bool
	}{
		{"nothing set", listener, "", false},
		{"domains and networks of our own", listener + "[mta]\nlocal = [\"example.org\"]\nrelay = [\"10.1.2\", \"192.168\", \"partner.example\"]", "", false},
		{"a domain above everybody's", listener + "[mta]\nrelay = [\"com\"]", "mta.relay m.toml:4", true},
		{"the whole network", listener + "[mta]\nrelay = [\"0.0.0.0/0\"]", "mta.relay m.toml:4", true},
		{"the whole network of IPv6", listener + "[mta]\nrelay = [\"::/0\"]", "mta.relay m.toml:4", true},
		{"a part of the network", listener + "[mta]\nrelay = [\"203\"]", "mta.relay m.toml:4", false},
		{"everybody", listener + "[mta.policy]\npromiscuous_relay = true", "promiscuous_relay", true},
		{"who says that it is one of us", listener + "[mta.policy]\nrelay_local_from = true", "relay_local_from", true},
		{"whose domain names us", listener + "[mta.policy]\nrelay_based_on_mx = true", "relay_based_on_mx", false},
		{"routes that are not looked at", listener + "[mta]\nrelay = [\"partner.example\"]\npolicy.loose_relay_check = true", "mta.relay m.toml:4", false},
		{"our own domain is not everybody's", listener + "[mta.policy]\nrelay_entire_domain = true", "", false},
		{"a listener with log-in lets nobody in", "[[mta.listen]]\naddress = \":587\"\nauth = \"required\"\n[mta.policy]\npromiscuous_relay = true", "", false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			r := try(t, c.text)
			if c.where == "" {
				if len(r.Openings) > 0 {
					t.Errorf("it is open: %+v", r.Openings)
				}
				return
			}
			for _, o := range r.Openings {
				if strings.HasPrefix(o.Where, c.where) && o.Everybody == c.everybody {
					return
				}
			}
			t.Errorf("the openings are %+v, want %s, everybody: %v", r.Openings, c.where, c.everybody)
		})
	}
}

func TestAListenerThatBelievesEverybodysPROXYLineIsOpen(t *testing.T) {
	const listener = "[[mta.listen]]\naddress = \":25\""
	if r := try(t, listener, "0.0.0.0/0"); !r.Open() || r.Openings[0].Where != "proxy of the listener :25" {
		t.Errorf("the openings are %+v", r.Openings)
	}
	if r := try(t, listener, "10.0.0.1", "192.168.0.0/16"); len(r.Openings) > 0 {
		t.Errorf("the openings are %+v", r.Openings)
	}
}

// Whom XCLIENT or PROXY is believed from may be this machine, and with XCLIENT
// somebody who has logged in.
func TestWhoIsBelievedWhomItSpeaksForRelays(t *testing.T) {
	const open, logIn = "[[mta.listen]]\naddress = \":25\"\n", "[[mta.listen]]\naddress = \":587\"\nauth = \"required\"\n"
	for _, c := range []struct {
		reason, text, proxy string
		where               string // of the opening; "" is none
		everybody           bool
	}{
		{"this machine, and networks of our own", open + "[mta]\nxclient = [\"127.0.0.1\", \"::1\", \"10.0.0.0/8\", \"192.168.7.0/24\", \"fd00::/8\", \"fe80::/10\", \"unix\"]", "172.16.0.0/12", "", false},
		{"everybody", open + "[mta]\nxclient = [\"0.0.0.0/0\"]", "127.0.0.1", "mta.xclient m.toml:4", true},
		{"everybody of IPv6", open + "[mta]\nxclient = [\"::/0\"]", "127.0.0.1", "mta.xclient m.toml:4", true},
		{"a network outside", open + "[mta]\nxclient = [\"203.0.114.0/24\"]", "127.0.0.1", "mta.xclient m.toml:4", false},
		{"one outside", open + "[mta]\nxclient = [\"203.0.114.9\"]", "127.0.0.1", "mta.xclient m.toml:4", false},
		{"more than what is private", open + "[mta]\nxclient = [\"10.0.0.0/7\"]", "127.0.0.1", "mta.xclient m.toml:4", false},
		{"everybody, past the log-in", logIn + "[mta]\nxclient = [\"0.0.0.0/0\"]", "127.0.0.1", "mta.xclient m.toml:5", true},
		{"a proxy outside", open, "203.0.114.0/24", "proxy of the listener :25", false},
		{"any proxy", open, "::/0", "proxy of the listener :25", true},
		{"any proxy, which cannot log in for its clients", logIn, "::/0", "", false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			r := try(t, c.text, c.proxy)
			if c.where == "" {
				if len(r.Openings) > 0 {
					t.Errorf("it is open: %+v", r.Openings)
				}
				return
			}
			if len(r.Openings) != 1 || r.Openings[0].Where != c.where || r.Openings[0].Everybody != c.everybody || !r.Openings[0].Claimed {
				t.Errorf("the openings are %+v, want %s, everybody: %v", r.Openings, c.where, c.everybody)
			}
		})
	}
}

func TestTheKeysOfTheAccessMapThatPermitRelayingAreTried(t *testing.T) {
	got := RelayKeys(strings.NewReader(`# who may relay
Connect:10.1.2	RELAY
from:boss@example.org   relay
To:partner.example	RELAY
IPv6:2001:db8:1	RELAY
plain.example	RELAY
Connect:192.0.2	REJECT
To:friend.example	OK
CertIssuer:/CN=x	RELAY
`))
	if want := "10.1.2 boss@example.org partner.example IPv6:2001:db8:1 plain.example"; strings.Join(got, " ") != want {
		t.Errorf("the keys are %q, want %s", got, want)
	}
}
