package dnsbl

import (
	"net/netip"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/mta/names"
)

// TestARealListIsObeyed asks unbound and nsd.
//
// Coverage: A18, A20, A21.
func TestARealListIsObeyed(t *testing.T) {
	r := names.New(names.Options{Servers: []netip.AddrPort{lab.DNS(t).Server}, Retrans: 700 * time.Millisecond, Retry: 3})
	temporary := config.ListFailure{Refuses: true}
	first := config.DNSBL{List: "dnsbl.test"}
	second := config.DNSBL{List: "second.test"}
	for _, c := range []struct {
		why, client string
		lists       []config.DNSBL
		want        string
	}{
		{"listed", "192.0.2.20", []config.DNSBL{first}, "Rejected: 192.0.2.20 listed at dnsbl.test"},
		{"listed, IPv6", "2001:db8::20", []config.DNSBL{first}, "Rejected: 2001:db8::20 listed at dnsbl.test"},
		{"the entry that each list has", "127.0.0.2", []config.DNSBL{first}, "Rejected: 127.0.0.2 listed at dnsbl.test"},
		{"not listed", "192.0.2.10", []config.DNSBL{first, second}, ""},
		{"not listed, IPv6", "2001:db8::10", []config.DNSBL{first, second}, ""},
		{"listed twice: the first", "192.0.2.20", []config.DNSBL{second, first}, "Rejected: 192.0.2.20 listed at second.test"},
		{"listed by the second", "192.0.2.23", []config.DNSBL{first, second}, "Rejected: 192.0.2.23 listed at second.test"},
		{"an answer that counts", "192.0.2.21", []config.DNSBL{{List: "dnsbl.test", Match: []string{"127.0.0.10"}}}, "Rejected: 192.0.2.21 listed at dnsbl.test"},
		{"an answer that does not", "192.0.2.22", []config.DNSBL{{List: "dnsbl.test", Match: []string{"127.0.0.$-."}}}, ""},
		{"SERVFAIL", "192.0.2.20", []config.DNSBL{{List: "ailing.test"}}, ""},
		{"SERVFAIL, t", "192.0.2.20", []config.DNSBL{{List: "ailing.test", Temporary: temporary}}, "Temporary lookup failure of 192.0.2.20 at ailing.test"},
		{"no answer", "192.0.2.20", []config.DNSBL{{List: "mute.test"}}, ""},
		{"no answer, t", "192.0.2.20", []config.DNSBL{{List: "mute.test", Temporary: temporary}}, "Temporary lookup failure of 192.0.2.20 at mute.test"},
		{"no answer, and listed elsewhere", "192.0.2.20", []config.DNSBL{{List: "mute.test"}, first}, "Rejected: 192.0.2.20 listed at dnsbl.test"},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel() // those that nobody answers take their time
			got, err := checker(t, r, Options{}, c.lists...).Check(t.Context(), netip.MustParseAddr(c.client))
			text := ""
			if got.Refusal != nil {
				text = got.Refusal.Message
			}
			if err != nil || text != c.want {
				t.Errorf("%q, %v; want %q", text, err, c.want)
			}
		})
	}
}
