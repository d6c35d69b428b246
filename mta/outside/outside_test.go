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
