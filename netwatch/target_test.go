package netwatch

import (
	"errors"
	"testing"

	"mailcrane/netwatch/network"
)

func TestVerdictKnowsWhatAServerNeeds(t *testing.T) {
	home, near, down := atHome(), noRoute(), offline()
	lost := network.NotKnown(errors.New("no netlink"))
	cases := []struct {
		name   string // the reason for the case
		state  network.State
		server string
		try    bool
	}{
		{"a way out leads to any name", home, "smtp.example.org", true},
		{"a server not known is anywhere", home, "", true},
		{"no way out, no try", near, "smtp.example.org", false},
		{"a server not known is not tried on a link", near, "", false},
		{"nothing up, no try", down, "smtp.example.org", false},
		{"what is not known is worth a try", lost, "smtp.example.org", true},
		{"also for an address", lost, "203.0.113.25", true},
		{"loopback by name needs no network (RFC 6761)", down, "localhost", true},
		{"with a final dot, in capitals", down, "LocalHost.", true},
		{"as Red Hat calls it", down, "localhost.localdomain", true},
		{"as Debian calls it", down, "ip6-localhost", true},
		{"a name under localhost (RFC 6761)", down, "mail.localhost", true},
		{"a name that only ends alike is elsewhere", down, "notlocalhost", false},
		{"loopback, IPv4, all of it", down, "127.3.2.1", true},
		{"loopback, IPv6", down, "::1", true},
		{"loopback, IPv4 in IPv6", down, "::ffff:127.0.0.1", true},
		{"a socket is on this machine", down, "/run/relay.sock", true},
		{"an address of this machine, cable out", down, "192.0.2.9", true},
		{"a neighbour by address needs no default route", near, "192.0.2.25", true},
		{"the same, written as IPv6 (RFC 4291 2.5.5.2)", near, "::ffff:192.0.2.25", true},
		{"a stranger by address does", near, "203.0.113.25", false},
		{"a neighbour by address, nothing up", down, "192.0.2.25", false},
		{"an IPv6 address with IPv4 only", home, "2001:db8::25", false},
		{"any IPv4 address over the default route", home, "203.0.113.25", true},
		{"multicast DNS works on the link (RFC 6762)", near, "printer.local", true},
		{"a bare name may be found on the link", near, "mailhub", true},
		{"a bare name, nothing up", down, "mailhub", false},
		{"a link-local address", near, "fe80::1%eth0", true},
		{"a link-local address, nothing up", down, "fe80::1%eth0", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, _ := (Server{Host: c.server}).verdict(c.state)
			if v.Try != c.try || v.Why == "" {
				t.Errorf("%q: %+v, want try %v and a reason", c.server, v, c.try)
			}
		})
	}
}
