package policy

import (
	"strings"
	"testing"

	"mailcrane/mta/names"
)

const denial = "550 5.7.1 <TO>... Relaying denied"

// Coverage: A34.
func TestARecipientIsRelayedForByTheFirstRuleThatPermitsIt(t *testing.T) {
	stranger := from("192.0.2.1", "host.away.example")
	nameless := from("192.0.2.1", "")
	forged := from("192.0.2.1", "")
	forged.Client = names.Client{Name: "[192.0.2.1]", State: names.Forged, Pointer: "gate.example.org"}
	puzzling := from("192.0.2.1", "")
	puzzling.Client = names.Client{Name: "[192.0.2.1]", State: names.Temp}
	user := stranger
	user.User, user.Mechanism = "joe", "PLAIN"
	for _, c := range []struct {
		reason, mta string
		client      Client
		to, want    string
	}{
		{"nobody relays unless something permits it", "", stranger, "a@far.example", denial},
		{"a client whose address has no name", "", nameless, "a@far.example", denial + ". IP name lookup failed [192.0.2.1]"},
		{"one whose name is forged", "", forged, "a@far.example", denial + ". IP name possibly forged [192.0.2.1]"},
		{"one whose name is not known just now", "", puzzling, "a@far.example", "450 4.4.0 <TO>... Relaying temporarily denied. Cannot resolve PTR record for 192.0.2.1"},
		{"(2) who has logged in", "", user, "a@far.example", "ok"},
		{"(2) by a mechanism that is not trusted", "[mta.policy]\ntrusted_mechanisms = [\"EXTERNAL\"]", user, "a@far.example", denial},
		{"(3) a domain of our own", "[mta]\nlocal = [\"example.org\"]", stranger, "a@EXAMPLE.org", "ok"},
		{"(3) not what is below it", "[mta]\nlocal = [\"example.org\"]", stranger, "a@sub.example.org", denial},
		{"(3) our own name", "", stranger, "a@mail.example.org", "ok"},
		{"(3) an address literal of ours", "", stranger, "a@[127.0.0.1]", "ok"},
		{"(3) another's", "", stranger, "a@[192.0.2.99]", denial},
		{"(3) the whole domain, with relay_entire_domain", "[mta.policy]\nrelay_entire_domain = true", stranger, "a@other.example.org", "ok"},
		{"(3) and no other", "[mta.policy]\nrelay_entire_domain = true", stranger, "a@notexample.org", denial},
		{"(4) class R", "[mta]\nrelay = [\"partner.example\"]", stranger, "a@partner.example", "ok"},
		{"(4) what is below it", "[mta]\nrelay = [\"partner.example\"]", stranger, "a@b.c.partner.example", "ok"},
		{"(4) not what only ends so", "[mta]\nrelay = [\"partner.example\"]", stranger, "a@notpartner.example", denial},
		{"(4) hosts only", "[mta]\nrelay = [\"partner.example\"]\npolicy.relay_hosts_only = true", stranger, "a@b.partner.example", denial},
		{"(4) a dot before it is what is below", "[mta]\nrelay = [\".partner.example\"]", stranger, "a@b.partner.example", "ok"},
		{"(4) and not the domain", "[mta]\nrelay = [\".partner.example\"]", stranger, "a@partner.example", denial},
		{"(4) a last dot changes nothing", "[mta]\nrelay = [\"partner.example\"]", stranger, "a@partner.example.", "ok"},
		{"(7) a recipient without a domain", "", stranger, "postmaster", "ok"},
		{"(8) a client of this machine", "", Client{}, "a@far.example", "ok"},
		{"(8) loopback", "", from("127.0.0.1", "localhost"), "a@far.example", "ok"},
		{"(8) IPv6 loopback", "", from("::1", "localhost"), "a@far.example", "ok"},
		{"(9) octets of class R", "[mta]\nrelay = [\"10.1.2\"]", from("10.1.2.5", ""), "a@far.example", "ok"},
		{"(9) octets are whole numbers", "[mta]\nrelay = [\"10.1.2\"]", from("10.1.20.5", "x.away.example"), "a@far.example", denial},
		{"(9) and not the end of one", "[mta]\nrelay = [\"10.1.2\"]", from("110.1.2.5", "x.away.example"), "a@far.example", denial},
		{"(9) an address whole", "[mta]\nrelay = [\"10.1.2.3\"]", from("10.1.2.3", ""), "a@far.example", "ok"},
		{"(9) and no other", "[mta]\nrelay = [\"10.1.2.3\"]", from("10.1.2.30", "x.away.example"), "a@far.example", denial},
		{"(9) an IPv4 client in IPv6 clothes", "[mta]\nrelay = [\"10.1.2\"]", from("::ffff:10.1.2.5", ""), "a@far.example", "ok"},
		{"(9) groups of IPv6", "[mta]\nrelay = [\"IPv6:2001:db8:1\"]", from("2001:db8:1::5", ""), "a@far.example", "ok"},
		{"(9) groups are whole", "[mta]\nrelay = [\"IPv6:2001:db8:1\"]", from("2001:db8:10::5", "x.away.example"), "a@far.example", denial},
		{"(9) a network of ours", "[mta]\nrelay = [\"10.16.0.0/12\"]", from("10.31.2.5", ""), "a@far.example", "ok"},
		{"(9) and nothing beside it", "[mta]\nrelay = [\"10.16.0.0/12\"]", from("10.32.2.5", "x.away.example"), "a@far.example", denial},
		{"(9) a network of IPv6", "[mta]\nrelay = [\"2001:db8::/32\"]", from("2001:db8:ffff::1", ""), "a@far.example", "ok"},
		{"(9) an address in class R is no domain literal to relay to", "[mta]\nrelay = [\"192.0.2.99\"]", stranger, "a@[192.0.2.99]", denial},
		{"(11) a name in class R that leads back", "[mta]\nrelay = [\"away.example\"]", stranger, "a@far.example", "ok"},
		{"(11) the same name, forged", "[mta]\nrelay = [\"example.org\"]", forged, "a@far.example", denial + ". IP name possibly forged [192.0.2.1]"},
		{"promiscuous_relay", "[mta.policy]\npromiscuous_relay = true", stranger, "a@far.example", "ok"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := world{mta: c.mta}
			v, _ := w.policy(t).Connect(t.Context(), c.client)
			defer v.Close()
			v.Mail(t.Context(), "someone@away.example", 0)
			if got, want := v.Rcpt(t.Context(), c.to).heard(), strings.ReplaceAll(c.want, "TO", c.to); got != want {
				t.Errorf("RCPT TO:<%s> is %q, want %q", c.to, got, want)
			}
		})
	}
}

func TestARouteIsRelayedOnlyWhereItsEndIs(t *testing.T) {
	for _, c := range []struct {
		reason, mta, to string
		open            bool
	}{
		{"through our own domain", "", "a%far.example@mail.example.org", false},
		{"through it to itself", "", "a%mail.example.org@mail.example.org", true},
		{"a path of UUCP", "", "far.example!a@mail.example.org", false},
		{"without a domain", "", "a%far.example", false},
		{"without a domain, UUCP", "", "far.example!a", false},
		{"quoted", "", `"a%far.example"@mail.example.org`, false},
		{"an address in quotes", "", `"a@far.example"@mail.example.org`, false},
		{"an escaped sign", "", `"a\@far.example"@mail.example.org`, false},
		{"two routes", "", "a%far.example%mail.example.org@mail.example.org", false},
		{"both kinds", "", "mail.example.org!a%far.example@mail.example.org", false},
		{"a source route", "", "@mail.example.org:a@far.example", false},
		{"a source route to ourselves", "", "@far.example:a@mail.example.org", true},
		{"through one that is relayed for", "[mta]\nrelay = [\"partner.example\"]", "a%far.example@partner.example", false},
		{"through one that is relayed for to another", "[mta]\nrelay = [\"partner.example\", \"third.example\"]", "a%third.example@partner.example", true},
		{"the same, not looked at", "[mta]\nrelay = [\"partner.example\"]\npolicy.loose_relay_check = true", "a%far.example@partner.example", true},
		{"our own domain is looked at all the same", "[mta.policy]\nloose_relay_check = true", "a%far.example@mail.example.org", false},
		{"dots at the end", "", "a%far.example.@mail.example.org.", false},
		{"signs without an end", "", strings.Repeat("%", 200) + "@mail.example.org", false},
		{"quotes in quotes", "", `"\"a\"@far.example"@mail.example.org`, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := world{mta: c.mta}
			v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
			defer v.Close()
			v.Mail(t.Context(), "", 0)
			if got := v.Rcpt(t.Context(), c.to); (got.Refusal == nil) != c.open {
				t.Errorf("RCPT TO:<%s> is %q by %s, want it open: %v", c.to, got.heard(), got.Where, c.open)
			}
		})
	}
}
