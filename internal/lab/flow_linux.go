package lab

import (
	"encoding/binary"
	"net/netip"
)

// A flow is one TCP connection by its two ends.
type flow struct{ client, server netip.AddrPort }

// flowOf is the flow that an IP packet belongs to, and whether it is its first.
// down says that the packet is from the server. A packet without ports has the
// zero flow.
func flowOf(p []byte, down bool) (f flow, first bool) {
	const tcp, syn, ack = 6, 2, 16
	var source, target netip.Addr
	var segment []byte
	switch {
	case len(p) >= 20 && p[0]>>4 == 4 && p[9] == tcp && len(p) >= int(p[0]&15)*4:
		source, target = netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20]))
		segment = p[p[0]&15*4:]
	case len(p) >= 40 && p[0]>>4 == 6 && p[6] == tcp:
		source, target = netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40]))
		segment = p[40:]
	}
	if len(segment) < 20 {
		return flow{}, false
	}
	f = flow{
		netip.AddrPortFrom(source, binary.BigEndian.Uint16(segment)),
		netip.AddrPortFrom(target, binary.BigEndian.Uint16(segment[2:])),
	}
	if down {
		f.client, f.server = f.server, f.client
	}
	return f, segment[13]&(syn|ack) == syn
}
