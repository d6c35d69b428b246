package netwatch

import (
	"net/netip"
	"slices"

	"mailcrane/netwatch/network"
)

// to is a place that a route leads to.
func to(cidr string) network.Destination {
	return network.Destination{Prefix: netip.MustParsePrefix(cidr)}
}

// atHome is a laptop on a cable.
func atHome() network.State {
	return network.State{
		Level: network.Way, Reason: "eth0 is up, default route via 192.0.2.1",
		Interface: "eth0", Gateway: netip.MustParseAddr("192.0.2.1"), Source: netip.MustParseAddr("192.0.2.9"),
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9")},
		Nets:      []network.Destination{to("0.0.0.0/0"), to("192.0.2.0/24"), to("192.0.2.9/32")},
		Ways:      [32]byte{1},
	}
}

// noRoute is the same without a way out, and noAddress without an address too.
func noRoute() network.State {
	return network.State{
		Level: network.LinkOnly, Reason: "eth0 is up, but there is no default route",
		Nets: []network.Destination{to("192.0.2.0/24"), to("192.0.2.9/32")}, Ways: [32]byte{2},
	}
}

func noAddress() network.State {
	return network.State{Level: network.LinkOnly, Reason: "eth0 is up, but has no address"}
}

// offline is the same without its link.
func offline() network.State {
	return network.State{
		Level: network.Down, Reason: "no network: there is no interface but loopback",
		Nets: []network.Destination{to("192.0.2.9/32")},
	}
}

// roamed is one that has got another address.
func roamed() network.State {
	s := atHome()
	s.Source, s.Ways = netip.MustParseAddr("192.0.2.77"), [32]byte{3}
	return s
}

// withVPN has a tunnel beside the way out.
func withVPN() network.State {
	s := atHome()
	s.VPN, s.Ways = []string{"wg0"}, [32]byte{4}
	s.Nets = append(s.Nets, to("10.9.0.0/24"))
	return s
}

// onTheRoad is a laptop with a modem, and a network of its own by cable.
func onTheRoad() network.State {
	anywhere := to("0.0.0.0/0")
	anywhere.Metered = true
	return network.State{
		Level: network.Way, Reason: "wwan0 is up, default route via 10.64.0.10, metered", Interface: "wwan0", Metered: true,
		Nets: []network.Destination{anywhere, to("192.0.2.0/24")}, Ways: [32]byte{5},
	}
}

func with(s network.State, change func(*network.State)) network.State {
	s.Nets = slices.Clone(s.Nets)
	change(&s)
	return s
}
