package mx

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"mailcrane/internal/config"
)

// Regression: mail for a domain at 0.0.0.0 went to our own listener on the loopback
// over and over, until it had too many hops.
func TestWhereWeListenIsKnownAsOurselves(t *testing.T) {
	own := func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.ParseIP("192.0.2.7")}, &net.IPNet{IP: net.ParseIP("2001:db8::7")}}, nil
	}
	for _, c := range []struct {
		why, listens, at string
		ours             bool
	}{
		{"the address itself", "192.0.2.7:25", "192.0.2.7:25", true},
		{"on another port", "192.0.2.7:25", "192.0.2.7:2525", false},
		{"another address of ours, at which nobody listens", "192.0.2.7:25", "127.0.0.1:25", false},
		{"all addresses", "0.0.0.0:25", "192.0.2.7:25", true},
		{"by no address", ":25", "[2001:db8::7]:25", true},
		{"all, and somebody else", "0.0.0.0:25", "192.0.2.8:25", false},
		{"all, and the loopback", "[::]:25", "127.3.2.1:25", true},
		{"all, and no address", "0.0.0.0:25", "0.0.0.0:25", true},
		{"the loopback, and no address", "127.0.0.1:25", "0.0.0.0:25", true},
		{"of IPv6", "[::1]:25", "[::]:25", true},
		{"no address where nobody listens on the loopback", "192.0.2.7:25", "0.0.0.0:25", false},
		{"a socket", "unix:/run/mail.sock", "192.0.2.7:25", false},
	} {
		here := listening([]config.Listener{{Address: c.listens}}, own)
		if got := here(netip.MustParseAddrPort(c.at)); got != c.ours {
			t.Errorf("%s: with a listener at %s, %s is ours: %v", c.why, c.listens, c.at, got)
		}
	}
	unknown := func() ([]net.Addr, error) { return nil, errors.New("they cannot be listed") }
	if listening([]config.Listener{{Address: "0.0.0.0:25"}}, unknown)(netip.MustParseAddrPort("192.0.2.7:25")) {
		t.Error("an address of which nothing is known is ours")
	}
}
