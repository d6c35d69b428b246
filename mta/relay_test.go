package mta

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailcrane/mta/outside"
)

// What a stranger may say, none of which is ours.
var strangersRecipients = []string{
	"x@far.example", "x@FAR.example", "x@far.example.", "x@example.org.far.example", "x@xexample.org", "x@.example.org", "x@example.org..",
	"x%far.example@example.org", "far.example!x@example.org", `"x@far.example"@example.org`, `"x\@far.example"@example.org`,
	`"x%far.example"@example.org`, `"far.example!x"@example.org`, "@example.org:x@far.example", "x%far.example", "far.example!x",
	`"x@far.example"`, "x@[203.0.113.9]", "x%[203.0.113.9]@example.org", "x@[IPv6:::ffff:203.0.113.9]", "x%far.example%example.org@example.org",
	"x@far.example@example.org", `"x"@far.example@example.org`, "x%far。example@example.org", "x@far。example", "x@exämple.org",
	"x%far.example@partner.example", "partner.example!far.example!x@example.org", "x@notpartner.example", "x@localhost.far.example",
	"x@far.example\x00@example.org", `"x@far.example@"@example.org`, `"@far.example:x"@example.org`, "x;far.example@example.org",
	"<x@far.example>@example.org", "x:far.example@example.org", "x@10.1.2.3", "x@2130706433", "x@[2130706433]", "x@[127.1]", "x@[]", "x@", "@",
	"Postmaster@far.example", "x@example.org far.example",
}

// Clients that are in no network that may relay, and look as if they were.
var strangersAddresses = []string{
	"TCP4 203.0.113.7 198.51.100.1", "TCP4 10.1.20.5 198.51.100.1", "TCP6 ::ffff:10.1.20.5 ::1", "TCP6 2001:db8::1 ::1",
	"TCP6 ::10.1.2.3 ::1", "TCP6 64:ff9b::10.1.2.3 ::1", "TCP6 ::ffff:0:10.1.2.3 ::1", "TCP4 0.0.0.0 198.51.100.1",
}

// TestWhatConfigCheckCallsClosedRefusesStrangersAndNothingElseDoes asks a server
// on its socket for what the trial without one has said of its configuration.
func TestWhatConfigCheckCallsClosedRefusesStrangersAndNothingElseDoes(t *testing.T) {
	for _, test := range []struct {
		mta, policy string
		open        bool
	}{
		{"", "", false},
		{"", `delay_checks = "yes"`, false},
		{"", `delay_checks = "hater"`, false},
		{"", "relay_hosts_only = true\nblocklist_recipients = true", false},
		{"", "relay_entire_domain = true\nuse_client_ptr = true", false},
		{"", "promiscuous_relay = true", true},
		{"", "relay_local_from = true", true},
		{`"0.0.0.0/0", "::/0", `, "", true},
		{`"example", `, "", true},
	} {
		t.Run(test.mta+test.policy, func(t *testing.T) {
			r := run(t, "relay = ["+test.mta+"\"10.1.2\", \"partner.example\"]\nlocal = [\"example.org\"]\n[mta.policy]\naccept_unresolvable_domains = true\n"+test.policy+"\n",
				"proxy = [\"127.0.0.1\"]\n")
			rules := r.rules.Load()
			report, err := outside.Try(t.Context(), rules.config, rules.policy, rules.hostname, nil)
			if err != nil || report.Open() != test.open {
				t.Fatalf("the trial says it is open: %v, want %v: %+v, %v", report.Open(), test.open, report.Openings, err)
			}
			if taken := r.relayed(); len(taken) > 0 != test.open {
				t.Errorf("open: %v, and over the socket it takes %q", test.open, taken)
			}
		})
	}
}

// relayed is what the server takes of strangers.
func (r *running) relayed() (taken []string) {
	r.t.Helper()
	for _, from := range []string{"", "me@example.org"} {
		for _, address := range strangersAddresses {
			c := r.dial()
			fmt.Fprintf(c, "PROXY %s 4321 25\r\n", address)
			c.reply()
			c.say("EHLO localhost", "250")
			c.say("MAIL FROM:<"+from+"> SMTPUTF8", "250")
			for _, to := range strangersRecipients {
				if strings.HasPrefix(c.say("RCPT TO:<"+to+">", ""), "2") && !slices.Contains(taken, to) {
					taken = append(taken, to)
				}
			}
			c.Close()
		}
	}
	return taken
}
