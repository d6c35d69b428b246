package network

import (
	"net"
	"net/netip"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// skipStats (RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h) leaves the counters
// out of a dump of links: most of its octets, and of no use here.
const skipStats = 1 << 3

// tables are all that is read, in the order in which it is asked for.
func tables() []table {
	return []table{
		{kind: unix.RTM_GETLINK, request: linkRequest, read: readLink},
		{kind: unix.RTM_GETADDR, request: (&rtnetlink.AddressMessage{}).MarshalBinary, read: readAddress},
		{kind: unix.RTM_GETROUTE, request: (&rtnetlink.RouteMessage{}).MarshalBinary, read: readRoute},
		{kind: unix.RTM_GETRULE, request: (&rtnetlink.RuleMessage{}).MarshalBinary, read: readRule, spare: true},
	}
}

func linkRequest() ([]byte, error) {
	header, err := (&rtnetlink.LinkMessage{}).MarshalBinary()
	if err != nil {
		return nil, err
	}
	ae := netlink.NewAttributeEncoder()
	ae.Uint32(unix.IFLA_EXT_MASK, skipStats)
	filter, err := ae.Encode()
	return append(header, filter...), err
}

func readLink(data []byte, f *facts) error {
	var m rtnetlink.LinkMessage
	if err := m.UnmarshalBinary(data); err != nil {
		return err
	}
	if m.Attributes == nil {
		return nil
	}
	// The flags are the carrier as it is; the operational state (RFC 2863)
	// follows up to a second later.
	const able, asleep = unix.IFF_LOWER_UP, unix.IFF_DORMANT
	l := link{
		index:    int(m.Index),
		name:     printable(m.Attributes.Name),
		loopback: m.Flags&unix.IFF_LOOPBACK != 0,
		up:       m.Flags&unix.IFF_UP != 0,
		carrier:  m.Flags&(able|asleep) == able,
		shared:   m.Flags&unix.IFF_BROADCAST != 0,
	}
	if n := m.Attributes.CarrierUpCount; n != nil {
		l.risen = *n
	}
	if info := m.Attributes.Info; info != nil {
		l.kind = info.Kind
		switch info.Kind {
		case "bridge", "veth", "dummy", "ifb", "nlmon":
			l.inner = true
		case "wireguard", "amneziawg", "ovpn", "ovpn-dco", "vti", "vti6", "xfrm", "ipsec":
			l.tunnel = true
		case "tun":
			// OpenVPN, OpenConnect, Tailscale. One with broadcast is the cable of a
			// virtual machine (a tap).
			l.tunnel = !l.shared
		}
	}
	f.links = append(f.links, l)
	return nil
}

func readAddress(data []byte, f *facts) error {
	var m rtnetlink.AddressMessage
	if err := m.UnmarshalBinary(data); err != nil {
		return err
	}
	if m.Attributes == nil || m.Scope != unix.RT_SCOPE_UNIVERSE && m.Scope != unix.RT_SCOPE_SITE {
		return nil
	}
	// On a line with two ends Address is the far one (rtnetlink(7)).
	ip := m.Attributes.Local
	if ip == nil {
		ip = m.Attributes.Address
	}
	addr, ok := addrOf(ip)
	if !ok {
		return nil
	}
	flags := uint32(m.Flags) | m.Attributes.Flags
	f.addrs = append(f.addrs, address{
		link:    int(m.Index),
		prefix:  netip.PrefixFrom(addr, int(m.PrefixLength)),
		pending: flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 && flags&unix.IFA_F_OPTIMISTIC == 0,
		fading:  flags&(unix.IFA_F_TEMPORARY|unix.IFA_F_DEPRECATED) != 0,
	})
	return nil
}

func readRoute(data []byte, f *facts) error {
	// The dump has the routes of every protocol, MPLS and multicast included.
	if len(data) == 0 || data[0] != unix.AF_INET && data[0] != unix.AF_INET6 {
		return nil
	}
	var m rtnetlink.RouteMessage
	if err := m.UnmarshalBinary(data); err != nil {
		return err
	}
	r := route{
		table:  m.Attributes.Table,
		metric: m.Attributes.Priority,
		own:    m.Protocol == unix.RTPROT_KERNEL,
		link:   int(m.Attributes.OutIface),
	}
	if r.table == 0 {
		r.table = uint32(m.Table)
	}
	switch m.Type {
	case unix.RTN_UNICAST:
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		r.blocked = true
	default:
		return nil
	}
	dst, ok := addrOf(m.Attributes.Dst)
	if !ok {
		dst = netip.IPv4Unspecified()
		if m.Family == unix.AF_INET6 {
			dst = netip.IPv6Unspecified()
		}
	}
	r.dst = netip.PrefixFrom(dst, int(m.DstLength))
	r.source, _ = addrOf(m.Attributes.Src)
	for _, hop := range hops(&m) {
		if hop.Hop.Flags&(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) == 0 {
			r.link = int(hop.Hop.IfIndex)
			r.gateway, _ = addrOf(hop.Gateway)
			f.routes = append(f.routes, r)
		}
	}
	return nil
}

// hops returns the next hops of a route, of which there is one or a list.
func hops(m *rtnetlink.RouteMessage) []rtnetlink.NextHop {
	if len(m.Attributes.Multipath) > 0 {
		return m.Attributes.Multipath
	}
	return []rtnetlink.NextHop{{
		Hop:     rtnetlink.RTNextHop{Flags: uint8(m.Flags), IfIndex: m.Attributes.OutIface},
		Gateway: m.Attributes.Gateway,
	}}
}

func readRule(data []byte, f *facts) error {
	if len(data) == 0 || data[0] != unix.AF_INET && data[0] != unix.AF_INET6 {
		return nil
	}
	var m rtnetlink.RuleMessage
	if err := m.UnmarshalBinary(data); err != nil {
		return err
	}
	a := m.Attributes
	if a == nil {
		a = &rtnetlink.RuleAttributes{}
	}
	r := rule{v6: m.Family == unix.AF_INET6, table: uint32(m.Table), longer: -1}
	if a.Priority != nil {
		r.priority = *a.Priority
	}
	if a.Table != nil {
		r.table = *a.Table
	}
	if a.SuppressPrefixLen != nil {
		r.longer = int(int32(*a.SuppressPrefixLen))
	}
	switch m.Action {
	case unix.FR_ACT_TO_TBL:
		if foreign(&m, a) {
			return nil
		}
	case unix.FR_ACT_BLACKHOLE, unix.FR_ACT_UNREACHABLE, unix.FR_ACT_PROHIBIT:
		if narrow(&m, a) {
			return nil
		}
		r.blocked = true
	default:
		return nil
	}
	f.rules = append(f.rules, r)
	return nil
}

// foreign says that a rule is not for our packets: they have no mark, no
// source before the route is known, and were not received.
func foreign(m *rtnetlink.RuleMessage, a *rtnetlink.RuleAttributes) bool {
	if m.Flags&unix.FIB_RULE_INVERT != 0 {
		return false
	}
	return m.SrcLength > 0 || a.FwMark != nil && *a.FwMark != 0 ||
		a.IIFName != nil && *a.IIFName != "lo" || a.OIFName != nil ||
		a.L3MDev != nil && *a.L3MDev != 0 || a.TunID != nil
}

// narrow says that a rule is for some of our packets only, or may be.
func narrow(m *rtnetlink.RuleMessage, a *rtnetlink.RuleAttributes) bool {
	return m.SrcLength > 0 || m.DstLength > 0 || m.TOS != 0 || m.Flags&unix.FIB_RULE_INVERT != 0 ||
		a.FwMark != nil || a.FwMask != nil || a.IIFName != nil || a.OIFName != nil || a.L3MDev != nil ||
		a.TunID != nil || a.UIDRange != nil || a.IPProto != nil || a.SPortRange != nil || a.DPortRange != nil
}

func addrOf(ip net.IP) (netip.Addr, bool) {
	a, ok := netip.AddrFromSlice(ip)
	return a, ok
}
