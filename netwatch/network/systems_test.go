package network

import (
	"net/netip"
	"slices"
	"testing"
)

// A step is what happened on a machine since the step before, and what is said
// then.
type step struct {
	name   string // the reason for the case
	happen func(*dump)
	change bool // something that mail could notice
	level  Level
	reason string
	source string
	vpn    []string
}

// follow judges d after each step.
func follow(t *testing.T, r routing, d *dump, steps []step) {
	t.Helper()
	var before State
	for _, s := range steps {
		if s.happen != nil {
			s.happen(d)
		}
		var f facts
		r.into(&f, d)
		now := judge(&f)
		if now.Level != s.level || now.Reason != s.reason || !slices.Equal(now.VPN, s.vpn) {
			t.Errorf("%s: %v, %q, VPN %q; want %v, %q, VPN %q", s.name, now.Level, now.Reason, now.VPN, s.level, s.reason, s.vpn)
		}
		if s.source != "" && now.Source.String() != s.source {
			t.Errorf("%s: from %v, want %s", s.name, now.Source, s.source)
		}
		if changed := !now.Same(before); changed != s.change {
			t.Errorf("%s: change %v, want %v", s.name, changed, s.change)
		}
		before = now
	}
}

func (d *dump) link(name string) *ifRow {
	return &d.links[slices.IndexFunc(d.links, func(l ifRow) bool { return l.name == name })]
}

// leave is what becomes of an interface whose network is gone: its addresses
// and routes go.
func (d *dump) leave(name string) {
	i := d.link(name).index
	d.addrs = slices.DeleteFunc(d.addrs, func(a addrRow) bool { return a.index == i })
	d.routes = slices.DeleteFunc(d.routes, func(r routeRow) bool { return r.index == i })
}

// cut takes away the default routes of an interface.
func (d *dump) cut(name string) {
	i := d.link(name).index
	d.routes = slices.DeleteFunc(d.routes, func(r routeRow) bool { return r.index == i && r.dst.IsUnspecified() })
}

// add is a route with a gateway, or by an interface where via is "".
func (d *dump) add(name, dst, via string, flags int) {
	p := netip.MustParsePrefix(dst)
	row := routeRow{index: d.link(name).index, flags: flags, dst: p.Addr(), mask: maskOf(p.Addr(), p.Bits())}
	if via != "" {
		row.gateway = netip.MustParseAddr(via)
	}
	d.routes = append(d.routes, row)
}

// Coverage: routing-socket.
func TestAMacBook(t *testing.T) {
	const (
		given, scoped = 0x40010803, 0x41010803 // UGScg, UGScIg
		cloned        = 0x5020007              // UGHWIi
	)
	whole := recorded(t, "macos-wifi.txt", macLetters())
	follow(t, macOS(), recorded(t, "macos-wifi.txt", macLetters()), []step{
		{
			name: "at home", change: true,
			level: Way, reason: "en0 is up, default route via 192.0.2.1", source: "192.0.2.23",
		},
		{
			name: "a connection to a server is a route of its own, and no change", happen: func(d *dump) { d.add("en0", "203.0.113.99/32", "192.0.2.1", cloned) },
			level: Way, reason: "en0 is up, default route via 192.0.2.1",
		},
		{
			name: "the router is another", change: true, happen: func(d *dump) { d.cut("en0"); d.add("en0", "0.0.0.0/0", "192.0.2.2", given) },
			level: Way, reason: "en0 is up, default route via 192.0.2.2",
		},
		{
			name: "DHCP gives another address", change: true, happen: func(d *dump) {
				d.addrs[slices.IndexFunc(d.addrs, func(a addrRow) bool { return a.ip.String() == "192.0.2.23" })].ip = netip.MustParseAddr("192.0.2.77")
			},
			level: Way, reason: "en0 is up, default route via 192.0.2.2", source: "192.0.2.77",
		},
		{
			name: "a default route for sockets of that interface only is no way out", change: true, happen: func(d *dump) { d.cut("en0"); d.add("en0", "0.0.0.0/0", "192.0.2.2", scoped) },
			level: LinkOnly, reason: "en0 is up, but there is no default route",
		},
		{
			name: "out of reach of the network: macOS takes address and routes", change: true, happen: func(d *dump) { d.leave("en0"); d.link("en0").inactive = true },
			level: Down, reason: "no network: no interface is up (en1 is not connected, en0 is not connected)",
		},
		{
			name: "wireless switched off", happen: func(d *dump) { d.link("en0").flags &^= iffUp },
			level: Down, reason: "no network: no interface is up (en1 is not connected, en0 is switched off)",
		},
		{
			name: "home again", change: true, happen: func(d *dump) { *d = *whole },
			level: Way, reason: "en0 is up, default route via 192.0.2.1", source: "192.0.2.23",
		},
	})
}

// Coverage: routing-socket.
func TestAMacBookWithAVPN(t *testing.T) {
	follow(t, macOS(), recorded(t, "macos-vpn.txt", macLetters()), []step{
		{
			name: "all goes by the VPN; the tunnels of macOS itself are none", change: true,
			level: Way, reason: "utun4 is up, default route", source: "198.51.100.6", vpn: []string{"utun4"},
		},
		{
			name: "only a company's network goes by it", change: true, happen: func(d *dump) {
				d.cut("utun4")
				d.cut("en0")
				d.add("utun4", "203.0.113.0/24", "", 0x901) // UCS
				d.add("en0", "0.0.0.0/0", "192.0.2.1", 0x40010803)
			},
			level: Way, reason: "en0 is up, default route via 192.0.2.1", source: "192.0.2.23", vpn: []string{"utun4"},
		},
		{
			name: "the VPN is gone", change: true, happen: func(d *dump) { d.leave("utun4") },
			level: Way, reason: "en0 is up, default route via 192.0.2.1", source: "192.0.2.23",
		},
	})
}

// Coverage: routing-socket.
func TestAFreeBSDMachine(t *testing.T) {
	follow(t, freeBSD(), recorded(t, "freebsd-em0.txt", freeLetters()), []step{
		{
			name: "at work", change: true,
			level: Way, reason: "em0 is up, default route via 192.0.2.1", source: "192.0.2.9", vpn: []string{"wg0"},
		},
		{
			name: "the cable is out; address and routes stay, the tunnel's too", change: true, happen: func(d *dump) { d.link("em0").inactive = true },
			level: Way, reason: "wg0 is up, no default route, but one to 203.0.113.0/24", source: "198.51.100.2", vpn: []string{"wg0"},
		},
		{
			name: "and the tunnel is down", change: true, happen: func(d *dump) { d.leave("wg0"); d.link("wg0").flags &^= iffUp },
			level: Down, reason: "no network: no interface is up (em0 is not connected)",
		},
		{
			name: "the cable is in", change: true, happen: func(d *dump) { d.link("em0").inactive = false },
			level: Way, reason: "em0 is up, default route via 192.0.2.1",
		},
		{
			name: "a redirect of one host is no change", happen: func(d *dump) { d.add("em0", "203.0.113.4/32", "192.0.2.3", 0x17) },
			level: Way, reason: "em0 is up, default route via 192.0.2.1",
		},
		{
			name: "the IPv4 default route is a blackhole, IPv6 leads on", change: true, happen: func(d *dump) {
				i := slices.IndexFunc(d.routes, func(r routeRow) bool { return r.dst == netip.IPv4Unspecified() })
				d.routes[i].flags |= rtfBlackhole
			},
			level: Way, reason: "em0 is up, default route via fe80::1", source: "2001:db8:2::9",
		},
		{
			name: "the IPv6 address turns out to be another's (RFC 4862)", change: true, happen: func(d *dump) {
				d.addrs[slices.IndexFunc(d.addrs, func(a addrRow) bool { return a.ip.String() == "2001:db8:2::9" })].pending = true
			},
			level: LinkOnly, reason: "em0 is up, but there is no default route",
		},
	})
}

// Coverage: routing-socket.
func TestAnOpenBSDLaptop(t *testing.T) {
	follow(t, openBSD(), recorded(t, "openbsd-em0-iwm0.txt", openLetters()), []step{
		{
			name: "of two default routes that of the better priority is taken", change: true,
			level: Way, reason: "em0 is up, default route via 192.0.2.1", source: "192.0.2.8",
		},
		{
			name: "the routes of em0 are no longer up", change: true, happen: func(d *dump) {
				for i := range d.routes {
					if r := &d.routes[i]; r.index == d.link("em0").index {
						r.flags &^= rtfUp
						r.priority |= 0x80 // RTP_DOWN
					}
				}
			},
			level: Way, reason: "iwm0 is up, default route via 198.51.100.1", source: "198.51.100.7",
		},
		{
			name: "nor is the interface, whose address a rule may name", change: true, happen: func(d *dump) { d.link("em0").inactive = true },
			level: Way, reason: "iwm0 is up, default route via 198.51.100.1",
		},
	})
}

func TestAMaskThatCannotBeUnderstoodIsSaid(t *testing.T) {
	r, d := freeBSD(), recorded(t, "freebsd-em0.txt", freeLetters())
	d.cut("em0")
	d.leave("wg0")
	d.add("em0", "0.0.0.0/0", "192.0.2.1", 0x803)
	d.routes[len(d.routes)-1].mask = netip.MustParseAddr("255.0.255.0")
	var f facts
	r.into(&f, d)
	if f.gap == nil || judge(&f).Level != Unknown {
		t.Errorf("gap %v, %+v", f.gap, judge(&f))
	}
}
