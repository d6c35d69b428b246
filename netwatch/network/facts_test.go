package network

import "net/netip"

// Links as they are met on laptops.
func lo() link { return link{index: 1, name: "lo", loopback: true, up: true, carrier: true} }

func eth0() link {
	return link{index: 2, name: "eth0", up: true, carrier: true, shared: true, risen: 1}
}

func wlan0() link {
	return link{index: 3, name: "wlan0", up: true, carrier: true, shared: true, risen: 1}
}

func docker0() link {
	return link{index: 4, name: "docker0", up: true, carrier: true, shared: true, inner: true}
}
func wg0() link { return link{index: 5, name: "wg0", up: true, carrier: true} }

func unplugged(l link) link   { l.carrier = false; return l }
func switchedOff(l link) link { l.up, l.carrier = false, false; return l }

func addr(link int, cidr string) address {
	return address{link: link, prefix: netip.MustParsePrefix(cidr)}
}

// via is a route in the main table; gateway "" is none.
func via(link int, dst, gateway string, metric uint32) route {
	r := route{table: 254, link: link, dst: netip.MustParsePrefix(dst), metric: metric}
	if gateway != "" {
		r.gateway = netip.MustParseAddr(gateway)
	}
	return r
}

// onto is the route that comes with an address.
func onto(link int, dst string) route {
	r := via(link, dst, "", 0)
	r.own = true
	return r
}

func inTable(table uint32, r route) route { r.table = table; return r }
func blocked(r route) route               { r.blocked = true; return r }

// atHome is a laptop on a cable, with the rules every machine has.
func atHome() *facts {
	return &facts{
		links: []link{lo(), eth0(), switchedOff(wlan0())},
		addrs: []address{addr(2, "192.0.2.9/24")},
		routes: []route{
			via(2, "0.0.0.0/0", "192.0.2.1", 100),
			onto(2, "192.0.2.0/24"),
		},
		rules: []rule{
			{priority: 0, table: 255, longer: -1},
			{priority: 32766, table: 254, longer: -1},
			{priority: 32767, table: 253, longer: -1},
			{v6: true, priority: 0, table: 255, longer: -1},
			{v6: true, priority: 32766, table: 254, longer: -1},
		},
	}
}

func with(f *facts, change func(*facts)) *facts { change(f); return f }
