package network

import (
	"net/netip"
	"testing"
)

func wwan0() link { return link{index: 6, name: "wwan0", up: true, carrier: true} }

func metered(l link) link { l.metered = true; return l }

// onTheRoad is a laptop with a modem, and a network of its own by cable.
func onTheRoad() *facts {
	return &facts{
		links: []link{lo(), eth0(), metered(wwan0())},
		addrs: []address{addr(6, "10.64.0.9/30"), addr(2, "192.0.2.9/24")},
		routes: []route{
			via(6, "0.0.0.0/0", "10.64.0.10", 700),
			onto(2, "192.0.2.0/24"),
		},
	}
}

func TestAMeteredWayOutIsKnownByDestination(t *testing.T) {
	road := judge(onTheRoad())
	if want := "wwan0 is up, default route via 10.64.0.10, metered"; !road.Metered || road.Reason != want {
		t.Errorf("metered %v, %q, want %q", road.Metered, road.Reason, want)
	}
	both := judge(with(onTheRoad(), func(f *facts) {
		f.routes = append(f.routes, via(2, "0.0.0.0/0", "192.0.2.1", 100))
	}))
	if both.Metered {
		t.Errorf("the cable is cheaper, and used: %+v", both)
	}
	for _, c := range []struct {
		reason       string
		state        State
		to           string
		led, metered bool
	}{
		{"an address by the modem", road, "203.0.113.25", true, true},
		{"a neighbour on the cable", road, "192.0.2.25", true, false},
		{"an address by the cable", both, "203.0.113.25", true, false},
		{"where no route leads", both, "2001:db8::25", false, false},
	} {
		way, led := c.state.WayTo(netip.MustParseAddr(c.to))
		if led != c.led || way.Metered != c.metered {
			t.Errorf("%s: led %v, metered %v", c.reason, led, way.Metered)
		}
	}
}
