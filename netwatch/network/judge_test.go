package network

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

func TestJudge(t *testing.T) {
	cases := []struct {
		name   string // the reason for the case
		facts  *facts
		level  Level
		reason string
		source string
	}{
		{
			"a default route over a link that is up with an address is a way out",
			atHome(), Way, "eth0 is up, default route via 192.0.2.1", "192.0.2.9",
		},
		{
			"nothing known is no network, not a crash",
			&facts{}, Down, "no network: there is no interface but loopback", "",
		},
		{
			"loopback alone is no network, however many routes it has",
			&facts{
				links:  []link{lo()},
				addrs:  []address{addr(1, "127.0.0.1/8"), addr(1, "203.0.113.9/32")},
				routes: []route{via(1, "0.0.0.0/0", "", 0)},
			},
			Down, "no network: there is no interface but loopback", "",
		},
		{
			"a route stays in the table when the cable is pulled",
			with(atHome(), func(f *facts) { f.links[1] = unplugged(f.links[1]) }),
			Down, "no network: no interface is up (eth0 is not connected, wlan0 is switched off)", "",
		},
		{
			"more interfaces than a line holds are not all named",
			&facts{links: slices.Repeat([]link{switchedOff(eth0())}, 6)},
			Down, "no network: no interface is up (eth0 is switched off, eth0 is switched off, " +
				"eth0 is switched off, eth0 is switched off, …)", "",
		},
		{
			"an address without a route reaches the link only",
			with(atHome(), func(f *facts) { f.routes = f.routes[1:] }),
			LinkOnly, "eth0 is up, but there is no default route", "",
		},
		{
			"DHCP has not answered yet",
			with(atHome(), func(f *facts) { f.addrs, f.routes = nil, nil }),
			LinkOnly, "eth0 is up, but has no address", "",
		},
		{
			"an address that the machine gave itself is none to send from (RFC 3927)",
			with(atHome(), func(f *facts) { f.addrs[0] = addr(2, "169.254.7.7/16") }),
			LinkOnly, "eth0 is up, but has no address", "",
		},
		{
			"an IPv6 address still being checked cannot be used (RFC 4862)",
			&facts{
				links:  []link{eth0()},
				addrs:  []address{{link: 2, prefix: netip.MustParsePrefix("2001:db8::9/64"), pending: true}},
				routes: []route{via(2, "::/0", "fe80::1", 1024)},
			},
			LinkOnly, "eth0 is up, but has no address", "",
		},
		{
			"IPv6 alone is a way out",
			&facts{
				links:  []link{eth0()},
				addrs:  []address{addr(2, "fe80::9/64"), addr(2, "2001:db8::9/64")},
				routes: []route{onto(2, "fe80::/64"), via(2, "::/0", "fe80::1", 1024)},
			},
			Way, "eth0 is up, default route via fe80::1", "2001:db8::9",
		},
		{
			"an IPv4 route without an IPv4 address is none, the IPv6 one is",
			&facts{
				links:  []link{eth0()},
				addrs:  []address{addr(2, "2001:db8::9/64")},
				routes: []route{via(2, "0.0.0.0/0", "192.0.2.1", 0), via(2, "::/0", "fe80::1", 1024)},
			},
			Way, "eth0 is up, default route via fe80::1", "2001:db8::9",
		},
		{
			"of two default routes the cheaper is named",
			with(atHome(), func(f *facts) {
				f.links[2] = wlan0()
				f.addrs = append(f.addrs, addr(3, "198.51.100.9/24"))
				f.routes = append([]route{via(3, "0.0.0.0/0", "198.51.100.1", 600)}, f.routes...)
			}),
			Way, "eth0 is up, default route via 192.0.2.1", "192.0.2.9",
		},
		{
			"with the cable out the other takes over",
			with(atHome(), func(f *facts) {
				f.links[1], f.links[2] = unplugged(eth0()), wlan0()
				f.addrs = append(f.addrs, addr(3, "198.51.100.9/24"))
				f.routes = append(f.routes, via(3, "0.0.0.0/0", "198.51.100.1", 600))
			}),
			Way, "wlan0 is up, default route via 198.51.100.1", "198.51.100.9",
		},
		{
			"a modem line or tunnel needs no gateway",
			&facts{
				links:  []link{wg0()},
				addrs:  []address{addr(5, "10.9.0.2/32")},
				routes: []route{via(5, "0.0.0.0/0", "", 0)},
			},
			Way, "wg0 is up, default route", "10.9.0.2",
		},
		{
			"a company's network behind a tunnel is beyond the link, the world is not",
			&facts{
				links:  []link{wg0()},
				addrs:  []address{addr(5, "10.9.0.2/32")},
				routes: []route{via(5, "10.0.0.0/8", "", 0)},
			},
			Way, "wg0 is up, no default route, but one to 10.0.0.0/8", "10.9.0.2",
		},
		{
			"the network of a tunnel's own address is no way beyond it",
			&facts{
				links:  []link{wg0()},
				addrs:  []address{addr(5, "10.9.0.2/24")},
				routes: []route{onto(5, "10.9.0.0/24")},
			},
			LinkOnly, "wg0 is up, but there is no default route", "",
		},
		{
			"a cloud's metadata address behind a gateway is no way out (RFC 3927)",
			with(atHome(), func(f *facts) { f.routes[0] = via(2, "169.254.169.254/32", "192.0.2.3", 0) }),
			LinkOnly, "eth0 is up, but there is no default route", "",
		},
		{
			"an interface without an address borrows one (RFC 1812 2.2.7)",
			&facts{
				links:  []link{eth0(), wg0()},
				addrs:  []address{addr(2, "192.0.2.9/24")},
				routes: []route{via(5, "0.0.0.0/0", "", 0)},
			},
			Way, "wg0 is up, default route", "192.0.2.9",
		},
		{
			"the address in the gateway's network is the one used",
			with(atHome(), func(f *facts) {
				f.addrs = []address{addr(2, "10.1.1.1/24"), addr(2, "192.0.2.9/24")}
			}),
			Way, "eth0 is up, default route via 192.0.2.1", "192.0.2.9",
		},
		{
			"an address that will not last is used last (RFC 8981)",
			&facts{
				links: []link{eth0()},
				addrs: []address{
					{link: 2, prefix: netip.MustParsePrefix("2001:db8::aaaa/64"), fading: true},
					addr(2, "2001:db8::9/64"),
				},
				routes: []route{via(2, "::/0", "fe80::1", 1024)},
			},
			Way, "eth0 is up, default route via fe80::1", "2001:db8::9",
		},
		{
			"a table that no rule looks up is no way out",
			with(atHome(), func(f *facts) { f.routes[0] = inTable(100, f.routes[0]) }),
			LinkOnly, "eth0 is up, but there is no default route", "",
		},
		{
			"where the rules cannot be read every table counts",
			with(atHome(), func(f *facts) { f.routes[0], f.rules = inTable(100, f.routes[0]), nil }),
			Way, "eth0 is up, default route via 192.0.2.1", "192.0.2.9",
		},
		{
			"a whole tunnel suppresses the main table's default route",
			with(atHome(), func(f *facts) {
				f.links = append(f.links, wg0())
				f.addrs = append(f.addrs, addr(5, "10.9.0.2/32"))
				f.routes = append(f.routes, inTable(51820, via(5, "0.0.0.0/0", "", 0)))
				f.rules = append(f.rules,
					rule{priority: 32765, table: 51820, longer: -1},
					rule{priority: 32764, table: 254, longer: 0})
			}),
			Way, "wg0 is up, default route", "10.9.0.2",
		},
		{
			"a kill switch forbids what its tunnel does not take",
			with(atHome(), func(f *facts) {
				f.rules = append(f.rules, rule{priority: 100, blocked: true})
			}),
			LinkOnly, "eth0 is up, but there is no default route", "",
		},
		{
			"a blackhole before the default route hides it",
			with(atHome(), func(f *facts) {
				f.routes = append(f.routes, blocked(via(0, "0.0.0.0/0", "", 1)))
			}),
			LinkOnly, "eth0 is up, but there is no default route", "",
		},
		{
			"a blackhole behind the default route does not",
			with(atHome(), func(f *facts) {
				f.routes = append(f.routes, blocked(via(0, "0.0.0.0/0", "", 4278198272)))
			}),
			Way, "eth0 is up, default route via 192.0.2.1", "192.0.2.9",
		},
		{
			"a container's bridge is not named where there is something better",
			with(atHome(), func(f *facts) {
				f.links = []link{docker0(), eth0()}
				f.addrs = []address{addr(4, "172.17.0.1/16"), addr(2, "192.0.2.9/24")}
				f.routes = []route{onto(4, "172.17.0.0/16"), onto(2, "192.0.2.0/24")}
			}),
			LinkOnly, "eth0 is up, but there is no default route", "",
		},
		{
			"what could not be read may have been the way out",
			with(atHome(), func(f *facts) { f.routes, f.gap = nil, errors.New("odd route") }),
			Unknown, "the network's state is not known (odd route), so every attempt is worth a try", "",
		},
		{
			"what could not be read does not matter where there is a way out",
			with(atHome(), func(f *facts) { f.gap = errors.New("odd route") }),
			Way, "eth0 is up, default route via 192.0.2.1", "192.0.2.9",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := judge(c.facts)
			if s.Level != c.level || s.Reason != c.reason {
				t.Errorf("%v, %q; want %v, %q", s.Level, s.Reason, c.level, c.reason)
			}
			if c.source != "" && s.Source != netip.MustParseAddr(c.source) {
				t.Errorf("source address %v, want %s", s.Source, c.source)
			}
		})
	}
}

func TestWhatIsAChange(t *testing.T) {
	cases := []struct {
		name   string // the reason for the case
		change func(*facts)
		want   bool
	}{
		{"nothing happened", func(*facts) {}, false},
		{"the way out went", func(f *facts) { f.routes = nil }, true},
		{"another gateway", func(f *facts) { f.routes[0].gateway = netip.MustParseAddr("192.0.2.254") }, true},
		{"another address", func(f *facts) { f.addrs[0] = addr(2, "192.0.2.77/24") }, true},
		{"the link in use costs now", func(f *facts) { f.links[1].metered = true }, true},
		{"one that is not in use costs", func(f *facts) { f.links[2].metered = true }, false},
		{"the cable was out and is in again", func(f *facts) { f.links[1].risen++ }, true},
		{"the link in use got another name", func(f *facts) { f.links[1].name = "lan7" }, true},
		{"a network behind a VPN came", func(f *facts) {
			f.routes = append(f.routes, via(2, "10.0.0.0/8", "192.0.2.5", 0))
		}, true},
		{"a second link with a network of its own came", func(f *facts) {
			f.links[2] = wlan0()
			f.addrs = append(f.addrs, addr(3, "198.51.100.9/24"))
			f.routes = append(f.routes, onto(3, "198.51.100.0/24"))
		}, true},
		{"IPv6 came too", func(f *facts) {
			f.addrs = append(f.addrs, addr(2, "2001:db8::9/64"))
			f.routes = append(f.routes, via(2, "::/0", "fe80::1", 1024))
		}, true},
		{"a container started", func(f *facts) {
			f.links = append(f.links, docker0())
			f.addrs = append(f.addrs, addr(4, "172.17.0.1/16"))
			f.routes = append(f.routes, onto(4, "172.17.0.0/16"))
		}, false},
		{"a dearer default route came beside the one in use", func(f *facts) {
			f.routes = append(f.routes, via(2, "0.0.0.0/0", "192.0.2.254", 600))
		}, false},
		{"the one route got dearer", func(f *facts) { f.routes[0].metric = 20100 }, false},
		{"an address that changes by itself did", func(f *facts) {
			a := addr(2, "192.0.2.200/24")
			a.fading = true
			f.addrs = append(f.addrs, a)
		}, false},
		{"an interface that is off came", func(f *facts) {
			f.links = append(f.links, switchedOff(wg0()))
		}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before, after := judge(atHome()), judge(with(atHome(), c.change))
			if got := !after.Same(before); got != c.want {
				t.Errorf("change: %v, want %v\nbefore %+v\nafter  %+v", got, c.want, before, after)
			}
		})
	}
}
