package network

import (
	"encoding"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/jsimonetti/rtnetlink/v2"
	"golang.org/x/sys/unix"
)

func record(t testing.TB, m encoding.BinaryMarshaler) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ptr[T any](v T) *T { return &v }

func TestOnlyRulesForOurPacketsCount(t *testing.T) {
	toMain := func(change func(*rtnetlink.RuleMessage)) *rtnetlink.RuleMessage {
		m := &rtnetlink.RuleMessage{
			Family: unix.AF_INET, Action: unix.FR_ACT_TO_TBL, Table: unix.RT_TABLE_MAIN,
			Attributes: &rtnetlink.RuleAttributes{Priority: ptr(uint32(100))},
		}
		change(m)
		return m
	}
	counts := []rule{{priority: 100, table: 254, longer: -1}}
	cases := []struct {
		name string // the reason for the case
		rule *rtnetlink.RuleMessage
		want []rule
	}{
		{"for all packets", toMain(func(*rtnetlink.RuleMessage) {}), counts},
		{"for marked packets: ours have no mark", toMain(func(m *rtnetlink.RuleMessage) {
			m.Attributes.FwMark = ptr(uint32(7))
		}), nil},
		{"for packets not marked so: ours are not", toMain(func(m *rtnetlink.RuleMessage) {
			m.Flags, m.Attributes.FwMark = unix.FIB_RULE_INVERT, ptr(uint32(7))
		}), counts},
		{"for one source: ours have none before the route is chosen", toMain(func(m *rtnetlink.RuleMessage) {
			m.SrcLength, m.Attributes.Src = 32, &net.IP{192, 0, 2, 9}
		}), nil},
		{"for packets received", toMain(func(m *rtnetlink.RuleMessage) { m.Attributes.IIFName = ptr("eth0") }), nil},
		{"for packets of this machine", toMain(func(m *rtnetlink.RuleMessage) { m.Attributes.IIFName = ptr("lo") }), counts},
		{"for sockets bound to an interface", toMain(func(m *rtnetlink.RuleMessage) { m.Attributes.OIFName = ptr("eth0") }), nil},
		{"for one port: perhaps ours", toMain(func(m *rtnetlink.RuleMessage) {
			m.Attributes.DPortRange = &rtnetlink.RulePortRange{Start: 587, End: 587}
		}), counts},
		{"for all but default routes", toMain(func(m *rtnetlink.RuleMessage) {
			m.Attributes.SuppressPrefixLen = ptr(uint32(0))
		}), []rule{{priority: 100, table: 254, longer: 0}}},
		{"into a table with a large number", toMain(func(m *rtnetlink.RuleMessage) {
			m.Table, m.Attributes.Table = 0, ptr(uint32(51820))
		}), []rule{{priority: 100, table: 51820, longer: -1}}},
		{"forbids everything", toMain(func(m *rtnetlink.RuleMessage) {
			m.Action, m.Table = unix.FR_ACT_PROHIBIT, 0
		}), []rule{{priority: 100, blocked: true, longer: -1}}},
		{"forbids something, perhaps not ours", toMain(func(m *rtnetlink.RuleMessage) {
			m.Action, m.Table, m.Attributes.UIDRange = unix.FR_ACT_PROHIBIT, 0, &rtnetlink.RuleUIDRange{Start: 9, End: 9}
		}), nil},
		{"jumps", toMain(func(m *rtnetlink.RuleMessage) { m.Action = unix.FR_ACT_GOTO }), nil},
		{"of a multicast family (RTNL_FAMILY_IPMR)", toMain(func(m *rtnetlink.RuleMessage) { m.Family = 128 }), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var f facts
			if err := readRule(record(t, c.rule), &f); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(f.rules, c.want) {
				t.Errorf("%+v, want %+v", f.rules, c.want)
			}
		})
	}
}

func TestALinkCarriesWhenItsFlagsSaySo(t *testing.T) {
	cases := []struct {
		name  string // the reason for the case
		flags uint32
		want  bool
	}{
		{"plugged in", unix.IFF_UP | unix.IFF_LOWER_UP, true},
		{"not plugged in", unix.IFF_UP, false},
		{"not yet authenticated (802.1X)", unix.IFF_UP | unix.IFF_LOWER_UP | unix.IFF_DORMANT, false},
		{"switched off", unix.IFF_LOWER_UP, false},
		{"loopback", unix.IFF_UP | unix.IFF_LOWER_UP | unix.IFF_LOOPBACK, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var f facts
			m := &rtnetlink.LinkMessage{Index: 2, Flags: c.flags, Attributes: &rtnetlink.LinkAttributes{Name: "eth0"}}
			if err := readLink(record(t, m), &f); err != nil {
				t.Fatal(err)
			}
			if len(f.links) != 1 || f.links[0].usable() != c.want {
				t.Errorf("%+v, want usable %v", f.links, c.want)
			}
		})
	}
}

func TestATunnelIsKnownByItsKind(t *testing.T) {
	for _, c := range []struct {
		kind   string
		shared bool
		want   bool
		reason string
	}{
		{"wireguard", false, true, "WireGuard"},
		{"tun", false, true, "OpenVPN, OpenConnect, Tailscale"},
		{"tun", true, false, "the cable of a virtual machine (a tap)"},
		{"xfrm", false, true, "IPsec"},
		{"vti", false, true, "IPsec"},
		{"ppp", false, false, "a DSL line as well as L2TP: the kernel does not tell"},
		{"sit", false, false, "IPv6 inside IPv4, in the clear"},
		{"bridge", true, false, "containers"},
		{"", true, false, "a cable"},
	} {
		m := &rtnetlink.LinkMessage{Index: 2, Attributes: &rtnetlink.LinkAttributes{Name: "x0", Info: &rtnetlink.LinkInfo{Kind: c.kind}}}
		if c.shared {
			m.Flags = unix.IFF_BROADCAST
		}
		var f facts
		if err := readLink(record(t, m), &f); err != nil {
			t.Fatal(err)
		}
		if len(f.links) != 1 || f.links[0].tunnel != c.want || f.links[0].kind != c.kind {
			t.Errorf("%s (%s): %+v, want a tunnel %v", c.kind, c.reason, f.links, c.want)
		}
	}
}

func TestARouteOverSeveralLinksCountsOnceForEachThatWorks(t *testing.T) {
	hop := func(link uint32, flags uint8) rtnetlink.NextHop {
		return rtnetlink.NextHop{
			Hop:     rtnetlink.RTNextHop{IfIndex: link, Flags: flags},
			Gateway: net.IP{192, 0, 2, byte(link)},
		}
	}
	m := &rtnetlink.RouteMessage{
		Family: unix.AF_INET, Type: unix.RTN_UNICAST, Table: unix.RT_TABLE_MAIN,
		Attributes: rtnetlink.RouteAttributes{Multipath: []rtnetlink.NextHop{
			hop(2, unix.RTNH_F_LINKDOWN), hop(3, 0), hop(4, unix.RTNH_F_DEAD), hop(5, 0),
		}},
	}
	var f facts
	if err := readRoute(record(t, m), &f); err != nil {
		t.Fatal(err)
	}
	want := []route{via(3, "0.0.0.0/0", "192.0.2.3", 0), via(5, "0.0.0.0/0", "192.0.2.5", 0)}
	if !reflect.DeepEqual(f.routes, want) {
		t.Errorf("%+v, want %+v", f.routes, want)
	}
}

func TestTheNameOfAnInterfaceIsSafeToShow(t *testing.T) {
	for in, want := range map[string]string{
		"wlp3s0":     "wlp3s0",
		"\x1b[2Jeth": `"\x1b[2Jeth"`,
		"wlan\u202e": `"wlan\u202e"`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q shown as %s, want %s", in, got, want)
		}
	}
}

// FuzzRecords: whatever the kernel says, it is read or refused, and judged.
func FuzzRecords(f *testing.F) {
	f.Add(uint8(0), record(f, &rtnetlink.LinkMessage{
		Index: 2, Flags: unix.IFF_UP | unix.IFF_LOWER_UP, Attributes: &rtnetlink.LinkAttributes{Name: "eth0"},
	}))
	f.Add(uint8(1), record(f, &rtnetlink.AddressMessage{
		Family: unix.AF_INET, PrefixLength: 24, Index: 2,
		Attributes: &rtnetlink.AddressAttributes{Address: net.IP{192, 0, 2, 9}, Local: net.IP{192, 0, 2, 9}},
	}))
	f.Add(uint8(2), record(f, &rtnetlink.RouteMessage{
		Family: unix.AF_INET, Type: unix.RTN_UNICAST, DstLength: 33,
		Attributes: rtnetlink.RouteAttributes{Gateway: net.IP{192, 0, 2, 1}, OutIface: 2},
	}))
	f.Add(uint8(3), record(f, &rtnetlink.RuleMessage{
		Family: unix.AF_INET, Action: unix.FR_ACT_TO_TBL, Attributes: &rtnetlink.RuleAttributes{Table: ptr(uint32(254))},
	}))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		found := with(atHome(), func(*facts) {})
		read := tables()[int(which)%len(tables())].read
		if err := read(data, found); err != nil {
			return
		}
		s := judge(found)
		if s.Reason == "" || strings.ContainsFunc(s.Reason, func(r rune) bool { return r < ' ' }) {
			t.Errorf("reason %q", s.Reason)
		}
	})
}
