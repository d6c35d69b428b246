package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Packets sees every packet that enters or leaves a namespace, on its loopback
// interface too.
type Packets struct {
	s      *Namespace
	socket int
	names  map[int]string // of interfaces
}

// Packets begins to look; it ends with the test.
func (s *Namespace) Packets() *Packets {
	s.t.Helper()
	p := &Packets{s: s, names: make(map[int]string)}
	err := s.Do(func() (err error) {
		links, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, link := range links {
			p.names[link.Index] = link.Name
		}
		all := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
		p.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, all)
		return err
	})
	if err != nil {
		s.t.Fatalf("cannot look at the packets of %s: %v", s.Name, err)
	}
	s.t.Cleanup(func() { unix.Close(p.socket) }) //nolint:errcheck // nothing was written
	return p
}

// Seen is a line for each packet since it was last asked, such as "eth0 UDP
// 198.51.100.2:4711 > 198.51.100.1:53". What the kernel says on its own about
// IPv6 (neighbours, routers, multicast) is left out.
func (p *Packets) Seen() (lines []string) {
	p.s.t.Helper()
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := unix.Recvfrom(p.socket, buffer, 0)
		if errors.Is(err, unix.EAGAIN) {
			return lines
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if err != nil || !ok {
			p.s.t.Fatalf("cannot look at the packets of %s: %v", p.s.Name, err)
		}
		if words := packetWords(buffer[:n]); words != "" {
			lines = append(lines, p.names[link.Ifindex]+" "+words)
		}
	}
}

// packetWords is an IP packet in words, and "" for what is left out.
func packetWords(b []byte) string {
	const version4, header4, version6, header6 = 4, 20, 6, 40
	var protocol byte
	var from, to netip.Addr
	switch {
	case len(b) >= header4 && b[0]>>4 == version4:
		protocol, from, to = b[9], netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		b = b[min(int(b[0]&0x0f)*4, len(b)):]
	case len(b) >= header6 && b[0]>>4 == version6:
		protocol, from, to = b[6], netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		b = b[header6:]
		if protocol == unix.IPPROTO_ICMPV6 || protocol == unix.IPPROTO_HOPOPTS {
			return ""
		}
	default:
		return fmt.Sprintf("%d octets that are not IP, such as ARP", len(b))
	}
	name := map[byte]string{unix.IPPROTO_UDP: "UDP", unix.IPPROTO_TCP: "TCP"}[protocol]
	if name == "" || len(b) < 4 {
		return fmt.Sprintf("protocol %d %s > %s", protocol, from, to)
	}
	return fmt.Sprintf("%s %s > %s", name,
		netip.AddrPortFrom(from, binary.BigEndian.Uint16(b)), netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:])))
}
