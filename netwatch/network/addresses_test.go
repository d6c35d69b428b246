package network

import (
	"strings"
	"testing"
)

func TestTheAddressesOfARuleAreThoseThatLast(t *testing.T) {
	temporary := addr(2, "2001:db8::1234/64")
	temporary.fading = true
	alone := addr(2, "2001:db8:1::1234/64")
	alone.fading = true
	pending := addr(2, "192.0.2.77/24")
	pending.pending = true
	for _, c := range []struct {
		reason string
		change func(f *facts)
		want   string
	}{
		{"those of a network", func(*facts) {}, "192.0.2.9"},
		{"none that changes by itself beside another", func(f *facts) { f.addrs = append(f.addrs, temporary, addr(2, "2001:db8::9/64")) }, "192.0.2.9 2001:db8::9"},
		{"but one that is alone in its network", func(f *facts) { f.addrs = append(f.addrs, alone) }, "192.0.2.9 2001:db8:1::1234"},
		{"none that may not be unique", func(f *facts) { f.addrs = append(f.addrs, pending) }, "192.0.2.9"},
		{"none of the link", func(f *facts) { f.addrs = append(f.addrs, addr(2, "fe80::9/64")) }, "192.0.2.9"},
		{
			"none of a container", func(f *facts) {
				f.links = append(f.links, link{index: 7, name: "docker0", up: true, carrier: true, shared: true, inner: true})
				f.addrs = append(f.addrs, addr(7, "172.17.0.1/16"))
			}, "192.0.2.9",
		},
		{"but those in a container", func(f *facts) { f.links[1].inner = true }, "192.0.2.9"},
	} {
		var got []string
		for _, a := range judge(with(atHome(), c.change)).Addresses {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}
