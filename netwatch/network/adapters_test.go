package network

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"unicode/utf16"
)

// A windowsBox is a laptop with Windows 11 as `Get-NetAdapter`, `Get-NetIPAddress`
// and `Get-NetRoute` show it: written after Microsoft's reference of the
// structures and published listings, with addresses of RFC 5737 and RFC 3849.
// That Windows fills the structures so was seen under Wine only.
type windowsBox struct {
	adapters []adapterRow
	routes   []forwardRow
	hints    map[int]hint
	all      hint
}

func aLaptop() *windowsBox {
	return &windowsBox{
		adapters: []adapterRow{
			{
				index: 12, name: "Ethernet", description: "Intel(R) Ethernet Connection (14) I219-LM",
				kind: typeEthernet, status: 2, metric4: 5, metric6: 5,
				addrs: []adapterAddr{ip("169.254.11.7/16", dadTentative)},
			},
			{
				index: 17, name: "Wi-Fi", description: "Intel(R) Wi-Fi 6 AX201 160MHz",
				guid: "{7B6C1F0E-1111-4222-8333-444455556666}", ssid: "Home",
				kind: typeWiFi, status: statusUp, metric4: 35, metric6: 35,
				addrs: []adapterAddr{
					ip("192.0.2.23/24", 4), ip("fe80::23/64", 4), ip("2001:db8:1::23/64", 4),
					{prefix: netip.MustParsePrefix("2001:db8:1::aaaa/128"), dad: 4, suffix: suffixRandom},
				},
			},
			{
				index: 30, name: "vEthernet (Default Switch)", description: "Hyper-V Virtual Ethernet Adapter",
				kind: typeEthernet, status: statusUp, metric4: 5000, metric6: 5000,
				addrs: []adapterAddr{ip("198.51.100.1/28", 4)},
			},
			{
				index: 1, name: "Loopback Pseudo-Interface 1", description: "Software Loopback Interface 1",
				kind: typeLoopback, status: statusUp, metric4: 75, addrs: []adapterAddr{ip("127.0.0.1/8", 4)},
			},
		},
		routes: []forwardRow{
			forward(17, "0.0.0.0/0", "192.0.2.1", 0, 3), forward(17, "192.0.2.0/24", "0.0.0.0", 256, protocolLocal),
			forward(17, "192.0.2.23/32", "0.0.0.0", 256, protocolLocal), forward(17, "192.0.2.255/32", "0.0.0.0", 256, protocolLocal),
			forward(17, "224.0.0.0/4", "0.0.0.0", 256, protocolLocal), forward(17, "255.255.255.255/32", "0.0.0.0", 256, protocolLocal),
			forward(17, "::/0", "fe80::1", 256, 3), forward(17, "2001:db8:1::/64", "::", 256, protocolLocal),
			forward(17, "fe80::/64", "::", 256, protocolLocal), forward(17, "ff00::/8", "::", 256, protocolLocal),
			forward(30, "198.51.100.0/28", "0.0.0.0", 256, protocolLocal), forward(12, "224.0.0.0/4", "0.0.0.0", 256, protocolLocal),
			forward(1, "127.0.0.0/8", "0.0.0.0", 256, protocolLocal),
		},
		hints: map[int]hint{17: {level: 3, cost: costFree}},
		all:   hint{level: 3, cost: costFree},
	}
}

func ip(prefix string, dad int32) adapterAddr {
	return adapterAddr{prefix: netip.MustParsePrefix(prefix), dad: dad}
}

func forward(index int, dst, gateway string, metric, protocol uint32) forwardRow {
	return forwardRow{
		index: index, dst: netip.MustParsePrefix(dst), gateway: netip.MustParseAddr(gateway),
		metric: metric, protocol: protocol,
	}
}

func (w *windowsBox) adapter(name string) *adapterRow {
	return &w.adapters[slices.IndexFunc(w.adapters, func(a adapterRow) bool { return a.name == name })]
}

func (w *windowsBox) judge() State {
	var f facts
	readAdapters(&f, w.adapters, w.routes)
	readHints(&f, func(index int) (hint, bool) { h, ok := w.hints[index]; return h, ok }, w.all)
	return judge(&f)
}

// Coverage: windows-network.
func TestAWindowsLaptop(t *testing.T) {
	plug := func(w *windowsBox) {
		a := w.adapter("Ethernet")
		a.status, a.addrs = statusUp, []adapterAddr{ip("203.0.113.8/24", 4)}
		w.routes = append(w.routes, forward(12, "0.0.0.0/0", "203.0.113.1", 0, 3), forward(12, "203.0.113.0/24", "0.0.0.0", 256, protocolLocal))
	}
	vpn := func(kind uint32, description string) func(w *windowsBox) {
		return func(w *windowsBox) {
			w.adapters = append(w.adapters, adapterRow{
				index: 51, name: "Work", description: description, kind: kind, status: statusUp, metric4: 5,
				addrs: []adapterAddr{ip("198.51.100.99/32", 4)},
			})
			w.routes = append(w.routes, forward(51, "0.0.0.0/0", "0.0.0.0", 0, 3))
		}
	}
	cases := []struct {
		name   string // the reason for the case
		happen func(*windowsBox)
		change bool // against the laptop at home
		level  Level
		reason string
		source string
		vpn    []string
	}{
		{"at home", func(*windowsBox) {}, false, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"a cable is the better way: the interfaces' metrics say so", plug, true, Way, "Ethernet is up, default route via 203.0.113.1", "203.0.113.8", nil},
		{"a route's own metric counts too", func(w *windowsBox) {
			plug(w)
			w.routes[len(w.routes)-2].metric = 100
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"DHCP gives another address", func(w *windowsBox) {
			w.adapter("Wi-Fi").addrs[0] = ip("192.0.2.77/24", 4)
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.77", nil},
		{"an address that is still checked is not used (RFC 5227)", func(w *windowsBox) {
			w.adapters = w.adapters[:2] // no other address to borrow
			w.adapter("Wi-Fi").addrs = []adapterAddr{ip("192.0.2.23/24", dadTentative)}
		}, true, LinkOnly, "Wi-Fi is up, but has no address", "", nil},
		{"one that fades is (RFC 4862)", func(w *windowsBox) {
			w.adapter("Wi-Fi").addrs[0].dad = dadDeprecated
		}, false, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"IPv6 alone: the address that changes by itself is not named (RFC 8981)", func(w *windowsBox) {
			w.routes = slices.DeleteFunc(w.routes, func(r forwardRow) bool { return r.dst.Addr().Is4() })
		}, true, Way, "Wi-Fi is up, default route via fe80::1", "2001:db8:1::23", nil},
		{"out of reach of the network", func(w *windowsBox) {
			w.adapter("Wi-Fi").status = 2
			w.adapters = w.adapters[:2]
		}, true, Down, "no network: no interface is up (Ethernet is not connected, Wi-Fi is not connected)", "", nil},
		{"a virtual machine's switch alone is no way out", func(w *windowsBox) {
			w.adapter("Wi-Fi").status = 2
		}, true, LinkOnly, "vEthernet (Default Switch) is up, but there is no default route", "", nil},
		{"a virtual machine's switch went: no change", func(w *windowsBox) {
			w.adapter("vEthernet (Default Switch)").status = 2
		}, false, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"an adapter whose device is gone is not named", func(w *windowsBox) {
			w.adapters = w.adapters[:2]
			w.adapter("Ethernet").status = statusNotPresent
			w.adapter("Wi-Fi").status = 2
		}, true, Down, "no network: no interface is up (Wi-Fi is not connected)", "", nil},
		{"WireGuard", vpn(typeVirtual, "WireGuard Tunnel"), true, Way, "Work is up, default route", "198.51.100.99", []string{"Work"}},
		{"PPP may be a DSL line", vpn(23, "Work"), true, Way, "Work is up, default route", "198.51.100.99", nil},
		{"a VPN of Windows by IKEv2", vpn(typeTunnel, "Work"), true, Way, "Work is up, default route", "198.51.100.99", []string{"Work"}},
		{"OpenVPN looks like Ethernet", vpn(typeEthernet, "TAP-Windows Adapter V9"), true, Way, "Work is up, default route", "198.51.100.99", []string{"Work"}},
		{"a VPN that leads to its own network only is no way out", func(w *windowsBox) {
			vpn(typeVirtual, "WireGuard Tunnel")(w)
			w.routes = []forwardRow{forward(51, "198.51.100.96/29", "0.0.0.0", 256, protocolLocal)}
		}, true, LinkOnly, "Wi-Fi is up, but there is no default route", "", []string{"Work"}},
		{"a VPN that is up and leads nowhere is none", func(w *windowsBox) {
			vpn(typeVirtual, "WireGuard Tunnel")(w)
			w.adapter("Work").addrs = nil
			w.routes[len(w.routes)-1] = forward(51, "224.0.0.0/4", "0.0.0.0", 256, protocolLocal)
		}, false, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"an address that changes by itself did (RFC 8981)", func(w *windowsBox) {
			a := w.adapter("Wi-Fi")
			a.addrs = append(a.addrs, adapterAddr{prefix: netip.MustParsePrefix("2001:db8:1::bbbb/128"), dad: 4, suffix: suffixRandom})
			w.routes = append(w.routes, forward(17, "2001:db8:1::bbbb/128", "::", 256, protocolLocal))
		}, false, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"IPv6 through IPv4 is no VPN", func(w *windowsBox) {
			vpn(typeTunnel, "Microsoft Teredo Tunneling Adapter")(w)
			w.adapter("Work").tunnelKind = tunnelTeredo
		}, true, Way, "Work is up, default route", "198.51.100.99", nil},
		{"somebody says that it costs", func(w *windowsBox) {
			w.hints[17] = hint{level: 3, cost: costFixed}
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1, metered", "192.0.2.23", nil},
		{"abroad", func(w *windowsBox) {
			w.hints[17] = hint{level: 3, cost: costFree, roaming: true}
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1, metered", "192.0.2.23", nil},
		{"more octets than paid for", func(w *windowsBox) {
			w.hints[17] = hint{level: 3, beyond: true}
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1, metered", "192.0.2.23", nil},
		{"a mobile network costs unless Windows knows better", func(w *windowsBox) {
			w.adapter("Wi-Fi").kind = typeMobileGSM
			delete(w.hints, 17)
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1, metered", "192.0.2.23", nil},
		{"nor is it free where Windows does not know", func(w *windowsBox) {
			w.adapter("Wi-Fi").kind = typeMobileGSM
			w.hints[17] = hint{}
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1, metered", "192.0.2.23", nil},
		{"and Windows knows that this one does not", func(w *windowsBox) {
			w.adapter("Wi-Fi").kind = typeMobileGSM
		}, false, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"a portal is in the way", func(w *windowsBox) {
			w.all.level = levelConstrained
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1, a captive portal in the way, says Windows", "192.0.2.23", nil},
		{"another wireless network of the same addresses", func(w *windowsBox) {
			w.adapter("Wi-Fi").ssid = "Elsewhere"
		}, true, Way, "Wi-Fi is up, default route via 192.0.2.1", "192.0.2.23", nil},
		{"a name with a line break is said on one line", func(w *windowsBox) {
			w.adapter("Wi-Fi").name = "Wi\nFi"
		}, true, Way, `"Wi\nFi" is up, default route via 192.0.2.1`, "192.0.2.23", nil},
	}
	home := aLaptop().judge()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			box := aLaptop()
			c.happen(box)
			s := box.judge()
			if s.Level != c.level || s.Reason != c.reason || !slices.Equal(s.VPN, c.vpn) {
				t.Errorf("%v, %q, VPN %q; want %v, %q, VPN %q", s.Level, s.Reason, s.VPN, c.level, c.reason, c.vpn)
			}
			if c.source != "" && s.Source.String() != c.source {
				t.Errorf("from %v, want %s", s.Source, c.source)
			}
			if changed := !s.Same(home); changed != c.change {
				t.Errorf("change %v, want %v", changed, c.change)
			}
		})
	}
}

// attributes is a WLAN_CONNECTION_ATTRIBUTES.
func attributes(state uint32, profile, ssid string) []byte {
	b := make([]byte, 604)
	binary.LittleEndian.PutUint32(b, state)
	for i, c := range utf16.Encode([]rune(profile)) {
		binary.LittleEndian.PutUint16(b[8+2*i:], c)
	}
	binary.LittleEndian.PutUint32(b[520:], uint32(len(ssid)))
	copy(b[524:], ssid)
	return b
}

// Coverage: windows-network.
func TestTheNameOfAWirelessNetwork(t *testing.T) {
	endless := attributes(1, "", "Home")
	binary.LittleEndian.PutUint32(endless[520:], 1<<31)
	cases := []struct {
		name          string // the reason for the case
		data          []byte
		ssid, profile string
	}{
		{"joined", attributes(1, "Home 5 GHz", "Home"), "Home", "Home 5 GHz"},
		{"beyond ASCII", attributes(1, "Café", "Café"), "Café", "Café"},
		{"looking for one", attributes(5, "Home", "Home"), "", ""},
		{"control characters", attributes(1, "a\x1bb", "a\x1bb"), `"a\x1bb"`, `"a\x1bb"`},
		{"octets that are no text", attributes(1, "", "\xff\xfe"), `"\xff\xfe"`, ""},
		{"a length beyond the field", endless, `"Home` + zeros(28) + `"`, ""},
		{"cut short", attributes(1, "Home", "Home")[:530], "", ""},
		{"nothing", nil, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if ssid, profile := wirelessName(c.data); ssid != c.ssid || profile != c.profile {
				t.Errorf("%q, %q; want %q, %q", ssid, profile, c.ssid, c.profile)
			}
		})
	}
}

func zeros(n int) string {
	var s string
	for range n {
		s += `\x00`
	}
	return s
}
