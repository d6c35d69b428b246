package network

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"unicode/utf16"
)

// An adapterRow is what Windows says of one network adapter
// (IP_ADAPTER_ADDRESSES).
type adapterRow struct {
	index             int
	name, description string // "Wi-Fi", "Intel(R) Wi-Fi 6 AX201 160MHz"
	kind              uint32 // IF_TYPE
	tunnelKind        uint32 // TUNNEL_TYPE
	status            uint32 // IF_OPER_STATUS
	// metric4 and metric6 are added to those of its routes.
	metric4, metric6 uint32
	addrs            []adapterAddr
	// guid is what other parts of Windows call it; ssid and profile are of the
	// wireless network that it is in, or "".
	guid, ssid, profile string
}

// An adapterAddr is one of an adapter's own addresses.
type adapterAddr struct {
	prefix netip.Prefix
	dad    int32 // NL_DAD_STATE
	suffix int32 // NL_SUFFIX_ORIGIN
}

// temporary says that the address changes by itself (RFC 8981).
func (a adapterAddr) temporary() bool {
	return a.prefix.Addr().Is6() && a.suffix == suffixRandom
}

// network is the address in its network. To a temporary one Windows gives none,
// but such an address is half network, half chance (RFC 4291 section 2.5.1).
func (a adapterAddr) network() netip.Prefix {
	if a.temporary() && a.prefix.IsSingleIP() {
		return netip.PrefixFrom(a.prefix.Addr(), 64)
	}
	return a.prefix
}

// A forwardRow is a route (MIB_IPFORWARD_ROW2); a gateway of zeros is none.
type forwardRow struct {
	index            int
	dst              netip.Prefix
	gateway          netip.Addr
	metric, protocol uint32
}

// IF_TYPE, TUNNEL_TYPE, IF_OPER_STATUS, NL_DAD_STATE, NL_SUFFIX_ORIGIN and
// NL_ROUTE_PROTOCOL of Windows' ipifcons.h, ifdef.h and nldef.h.
const (
	typeEthernet, typeTokenRing, typeLoopback       = 6, 9, 24
	typeVirtual, typeWiFi, typeTunnel, typeFireWire = 53, 71, 131, 144
	typeMobileGSM, typeMobileCDMA                   = 243, 244

	tunnel6to4, tunnelISATAP, tunnelTeredo = 11, 13, 14

	statusUp, statusNotPresent = 1, 6

	dadTentative, dadDuplicate, dadDeprecated = 1, 2, 3

	suffixRandom = 5

	protocolLocal = 2
)

// readAdapters adds to f what Windows says of its adapters and routes.
func readAdapters(f *facts, adapters []adapterRow, routes []forwardRow) {
	metric4, metric6 := make(map[int]uint32), make(map[int]uint32)
	own := make(map[netip.Prefix]bool)
	for _, a := range adapters {
		metric4[a.index], metric6[a.index] = a.metric4, a.metric6
		if a.status == statusNotPresent {
			continue
		}
		f.links = append(f.links, a.link())
		for _, n := range a.addrs {
			own[netip.PrefixFrom(n.prefix.Addr(), n.prefix.Addr().BitLen())] = true
			f.addrs = append(f.addrs, address{
				link:    a.index,
				prefix:  n.network(),
				pending: n.dad != dadDeprecated && n.dad <= dadDuplicate,
				fading:  n.dad == dadDeprecated || n.temporary(),
			})
		}
	}
	for _, r := range routes {
		if local(r.dst) || own[r.dst] {
			continue
		}
		out := route{
			dst:    r.dst.Masked(),
			link:   r.index,
			metric: r.metric + metric4[r.index],
			own:    r.protocol == protocolLocal,
		}
		if r.dst.Addr().Is6() {
			out.metric = r.metric + metric6[r.index]
		}
		if !r.gateway.IsUnspecified() {
			out.gateway = r.gateway.WithZone("")
		}
		f.routes = append(f.routes, out)
	}
}

// local says that a destination is for the link alone, which every interface has.
func local(dst netip.Prefix) bool {
	ip := dst.Addr()
	return ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip.IsLoopback() ||
		dst.IsSingleIP() && ip == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (a adapterRow) link() link {
	l := link{
		index:    a.index,
		name:     printable(a.name),
		loopback: a.kind == typeLoopback,
		up:       true, // one that is switched off is not in the list
		carrier:  a.status == statusUp,
		metered:  a.kind == typeMobileGSM || a.kind == typeMobileCDMA,
		inner:    a.inner(),
		tunnel:   a.tunnel(),

		ssid:       a.ssid,
		connection: a.profile,
	}
	switch a.kind {
	case typeEthernet, typeTokenRing, typeWiFi, typeFireWire:
		l.shared = !l.tunnel
	}
	return l
}

// inner knows the adapters that lead to virtual machines of this one. One that
// leads out by a bridge has the default route, and is not less for being here.
func (a adapterRow) inner() bool {
	for _, start := range [...]string{
		"Hyper-V Virtual Ethernet Adapter", "VirtualBox Host-Only", "VMware Virtual Ethernet Adapter",
	} {
		if strings.HasPrefix(a.description, start) {
			return true
		}
	}
	return false
}

// tunnel knows a VPN: Windows' own by IKEv2, Wintun and WireGuard (a virtual
// type), and OpenVPN's older driver, which looks like Ethernet. The tunnels by
// which IPv6 crosses IPv4 are none, and of PPP it is not said whether L2TP or a
// DSL line is behind it.
func (a adapterRow) tunnel() bool {
	switch a.kind {
	case typeVirtual:
		return true
	case typeTunnel:
		return a.tunnelKind != tunnel6to4 && a.tunnelKind != tunnelISATAP && a.tunnelKind != tunnelTeredo
	}
	return strings.HasPrefix(a.description, "TAP-Win")
}

// A hint is what Windows says of a network's reach and cost
// (NL_NETWORK_CONNECTIVITY_HINT).
type hint struct {
	level, cost     uint32
	beyond, roaming bool // the limit of octets; the operator's own network
}

// What a hint's level and cost mean (nldef.h): 0 of each is "not known".
const (
	levelConstrained = 4 // a captive portal is in the way

	costFree, costFixed, costVariable = 1, 2, 3
)

// costs says whether octets by this network cost, and whether Windows knows.
func (h hint) costs() (metered, known bool) {
	if h.cost == 0 && !h.beyond && !h.roaming {
		return false, false
	}
	return h.cost == costFixed || h.cost == costVariable || h.beyond || h.roaming, true
}

// readHints adds what Windows says of its networks: of each by the interface,
// and of all together.
func readHints(f *facts, of func(index int) (hint, bool), all hint) {
	for i := range f.links {
		l := &f.links[i]
		if !l.usable() {
			continue
		}
		if h, ok := of(l.index); ok {
			if metered, known := h.costs(); known {
				l.metered = metered
			}
		}
	}
	if all.level == levelConstrained && f.captive == "" {
		f.captive = "Windows"
	}
}

// wirelessName is the name of the network in a WLAN_CONNECTION_ATTRIBUTES, and
// of the profile by which it is joined; "" where it is in none.
func wirelessName(attributes []byte) (ssid, profile string) {
	const (
		connected              = 1 // wlan_interface_state_connected
		profileAt, profileEnds = 8, 8 + 2*256
		lengthAt, nameAt       = profileEnds, profileEnds + 4
		longest                = 32
	)
	if len(attributes) < nameAt+longest || binary.LittleEndian.Uint32(attributes) != connected {
		return "", ""
	}
	n := min(binary.LittleEndian.Uint32(attributes[lengthAt:]), longest)
	var text []uint16
	for at := profileAt; at < profileEnds; at += 2 {
		c := binary.LittleEndian.Uint16(attributes[at:])
		if c == 0 {
			break
		}
		text = append(text, c)
	}
	return printable(string(attributes[nameAt : nameAt+n])), printable(string(utf16.Decode(text)))
}
