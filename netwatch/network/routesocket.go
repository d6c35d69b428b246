package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// A routing is what differs between the systems with a routing socket
// (route(4)): its numbers, and the names of its interfaces. The rest of 4.4BSD
// they have in common: the IFF flags, and the first route flags.
type routing struct {
	// tells are the types of message that may come of a change that matters.
	tells []byte
	// about are those among them that are of one route, whose flags stand at
	// flagsAt and are of none that is passing.
	about   []byte
	flagsAt int
	// passing are the flags of routes that the system makes by itself for a
	// neighbour, a connection, an address of its own or a redirect: they lead
	// nowhere that the network's own route does not.
	passing int
	// scoped is the flag of routes that only sockets bound to their interface
	// take; 0 where there are none.
	scoped int
	static int // the flag of routes that somebody has set
	// stateAt is where in a message of an interface the byte or word of its
	// link state stands (if_data), and down which states are without a carrier;
	// 0: nowhere.
	stateAt int
	down    []byte
	// priorityAt is where the byte of a route's priority stands; 0: nowhere.
	priorityAt int
	// tunnels are the names, without number, of interfaces that packets go
	// inside others by; inners those that lead into this machine; idle those
	// of parts of the system that carry nothing of ours.
	tunnels, inners, idle []string
}

// The numbers that all systems of 4.4BSD share (net/if.h, net/route.h).
const (
	iffUp, iffBroadcast, iffLoopback, iffRunning = 0x1, 0x2, 0x8, 0x40

	rtfUp, rtfGateway, rtfHost, rtfReject = 0x1, 0x2, 0x4, 0x8
	rtfDynamic, rtfBlackhole              = 0x10, 0x1000
)

// errShort is of a message that ends before it says what it is.
var errShort = errors.New("a message of the routing socket ends too early")

// matters says that what a message tells of may change how mail leaves. Of the
// many that come while nothing does - each neighbour that is asked for, each
// connection - none pokes.
func (r *routing) matters(message []byte) bool {
	if len(message) < 4 {
		return true
	}
	kind := message[3]
	if !slices.Contains(r.tells, kind) {
		return false
	}
	if !slices.Contains(r.about, kind) || len(message) < r.flagsAt+4 {
		return true
	}
	flags := int(binary.NativeEndian.Uint32(message[r.flagsAt:]))
	return flags&(r.passing|r.scoped) == 0
}

// each calls f for every message of a dump, which follow one another, each
// with its length first.
func each(dump []byte, f func(message []byte)) error {
	for len(dump) > 0 {
		if len(dump) < 4 {
			return errShort
		}
		n := int(binary.NativeEndian.Uint16(dump))
		if n < 4 || n > len(dump) {
			return errShort
		}
		f(dump[:n])
		dump = dump[n:]
	}
	return nil
}

// An ifRow is what a dump says of an interface.
type ifRow struct {
	index, flags int
	name         string
	// inactive: the system says that nothing is at the other end.
	inactive bool
}

// inactive reads the link state of an interface's message: not known is as
// good as up, since most virtual interfaces have none.
func (r *routing) inactive(message []byte) bool {
	return r.stateAt != 0 && len(message) > r.stateAt && slices.Contains(r.down, message[r.stateAt])
}

// An addrRow is what a dump says of an address; mask is the zero Addr where it
// says none.
type addrRow struct {
	index           int
	ip, mask        netip.Addr
	pending, fading bool
}

// A routeRow is what a dump says of a route; mask is the zero Addr where it
// says none, and so is gateway where it is no address. source is the address of
// the interface that the system has noted for the route.
type routeRow struct {
	index, flags, priority     int
	dst, mask, gateway, source netip.Addr
}

// priority reads how a route stands to others with its destination.
func (r *routing) priority(message []byte) int {
	if r.priorityAt == 0 || len(message) <= r.priorityAt {
		return 0
	}
	return int(message[r.priorityAt])
}

// A dump is all that the system has said of its network.
type dump struct {
	links  []ifRow
	addrs  []addrRow
	routes []routeRow
	gap    error
}

// into adds what d says to f.
func (r *routing) into(f *facts, d *dump) {
	if d.gap != nil {
		f.gap = d.gap
	}
	var own []netip.Prefix
	used := make(map[int]bool)
	for _, row := range d.addrs {
		a, err := row.address()
		if err != nil {
			f.gap = err
			continue
		}
		own = append(own, a.prefix.Masked())
		used[a.link] = used[a.link] || a.global()
		f.addrs = append(f.addrs, a)
	}
	for _, row := range d.links {
		if used[row.index] || !r.noise(kindOf(row.name)) {
			f.links = append(f.links, r.link(row))
		}
	}
	for _, row := range d.routes {
		if row.flags&rtfUp == 0 || row.flags&(r.passing|r.scoped) != 0 {
			continue
		}
		if ip := row.dst; ip.IsMulticast() || ip.IsLinkLocalUnicast() {
			continue // no way for mail, and every tunnel has one
		}
		route, err := r.route(row, own)
		if err != nil {
			f.gap = err
			continue
		}
		f.routes = append(f.routes, route)
	}
}

func (r *routing) link(row ifRow) link {
	kind := kindOf(row.name)
	return link{
		index:    row.index,
		name:     printable(row.name),
		loopback: row.flags&iffLoopback != 0,
		up:       row.flags&iffUp != 0,
		carrier:  row.flags&iffRunning != 0 && !row.inactive,
		shared:   row.flags&iffBroadcast != 0,
		inner:    slices.Contains(r.inners, kind),
		tunnel:   slices.Contains(r.tunnels, kind),
	}
}

// noise says that interfaces of a kind are there on every machine, whether there
// is a network or not. Without an address they are none.
func (r *routing) noise(kind string) bool {
	return slices.Contains(r.tunnels, kind) || slices.Contains(r.inners, kind) || slices.Contains(r.idle, kind)
}

// kindOf is the name of an interface without its number.
func kindOf(name string) string { return strings.TrimRight(name, "0123456789") }

func (row addrRow) address() (address, error) {
	ip := row.ip.WithZone("")
	n := ip.BitLen()
	if row.mask.IsValid() && row.mask.BitLen() == n {
		var err error
		if n, err = ones(row.mask); err != nil {
			return address{}, err
		}
	}
	return address{
		link:    row.index,
		prefix:  netip.PrefixFrom(ip, n),
		pending: row.pending,
		fading:  row.fading,
	}, nil
}

func (r *routing) route(row routeRow, own []netip.Prefix) (route, error) {
	dst := row.dst.WithZone("")
	n := dst.BitLen()
	switch {
	case row.flags&rtfHost != 0:
	case row.mask.IsValid() && row.mask.BitLen() == n:
		var err error
		if n, err = ones(row.mask); err != nil {
			return route{}, err
		}
	case dst.IsUnspecified():
		n = 0
	}
	out := route{
		dst:     netip.PrefixFrom(dst, n).Masked(),
		link:    row.index,
		metric:  uint32(row.priority),
		blocked: row.flags&(rtfReject|rtfBlackhole) != 0,
	}
	if row.flags&rtfGateway != 0 && row.gateway.IsValid() {
		out.gateway = row.gateway.WithZone("")
	}
	if row.source.Is4() && !row.source.IsUnspecified() {
		out.source = row.source // IPv6 chooses anew for each packet (RFC 6724)
	}
	out.own = row.flags&(rtfGateway|r.static) == 0
	for _, p := range own {
		out.own = out.own || p == out.dst
	}
	return out, nil
}

// ones is the length of the prefix that mask stands for.
func ones(mask netip.Addr) (int, error) {
	n, ended := 0, false
	for _, b := range mask.AsSlice() {
		lead := bits.LeadingZeros8(^b)
		if b<<lead != 0 || ended && lead > 0 {
			return 0, fmt.Errorf("a network mask with gaps cannot be understood: %s", mask)
		}
		n += lead
		ended = lead < 8
	}
	return n, nil
}
