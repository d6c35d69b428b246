//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"

	rib "golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// roomy is the receive buffer of the routing socket: some hundred messages. Some
// systems drop without a word what does not fit.
const roomy = 128 << 10

// routeSocket is the source that reads route(4).
type routeSocket struct {
	routing routing
	events  *os.File
	done    chan struct{}

	mu     sync.Mutex
	closed bool
	broken error // why no more events come
}

// openRouteSocket listens before the first Read, so that no change falls
// between the two.
func openRouteSocket(poke func()) (*routeSocket, error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("network events cannot be had: %w", os.NewSyscallError("socket", err))
	}
	// Without the room more pokes are lost, no more than that.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, roomy)
	// Only what does not block is left to the runtime's poller.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("network events cannot be had: %w", os.NewSyscallError("fcntl", err))
	}
	s := &routeSocket{routing: systemRouting(), events: os.NewFile(uintptr(fd), "route"), done: make(chan struct{})}
	go s.listen(poke)
	return s, nil
}

// listen sleeps in the runtime's poller until the kernel says something.
func (s *routeSocket) listen(poke func()) {
	defer close(s.done)
	var message [2048]byte // only the head is looked at; the rest may be cut off
	for {
		n, err := s.events.Read(message[:])
		switch {
		case err == nil && !s.routing.matters(message[:n]):
			continue
		case err == nil:
		case errors.Is(err, unix.ENOBUFS):
			// Messages were lost, which no more than pokes.
		default:
			if s.breakOff(err) {
				poke()
			}
			return
		}
		poke()
	}
}

// breakOff remembers why the events ended, and says whether it was unasked.
func (s *routeSocket) breakOff(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.broken = fmt.Errorf("network events have ended: %w", err)
	}
	return !s.closed
}

// Close ends the events.
func (s *routeSocket) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.events.Close()
	<-s.done
	return err
}

// Read dumps interfaces with their addresses, and routes, by sysctl(3). A dump
// that a change overtakes is put right by that change's event.
func (s *routeSocket) Read(f *facts) error {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken != nil {
		return broken
	}
	var d dump
	for _, kind := range [...]rib.RIBType{rib.RIBTypeInterface, rib.RIBTypeRoute} {
		table, err := rib.FetchRIB(unix.AF_UNSPEC, kind, 0)
		if err != nil {
			return fmt.Errorf("the kernel's network tables cannot be read: %w", err)
		}
		err = each(table, func(message []byte) {
			if err := s.routing.add(&d, kind, message); err != nil {
				d.gap = fmt.Errorf("a record of the kernel's network tables cannot be understood: %w", err)
			}
		})
		if err != nil {
			return fmt.Errorf("the kernel's network tables cannot be read: %w", err)
		}
	}
	if err := ask(&d); err != nil {
		return err
	}
	s.routing.into(f, &d)
	return nil
}

// add reads one message of a dump.
func (r *routing) add(d *dump, kind rib.RIBType, message []byte) error {
	parsed, err := rib.ParseRIB(kind, message)
	if err != nil {
		return err
	}
	for _, m := range parsed {
		switch m := m.(type) {
		case *rib.InterfaceMessage:
			d.links = append(d.links, ifRow{index: m.Index, flags: m.Flags, name: m.Name, inactive: r.inactive(message)})
		case *rib.InterfaceAddrMessage:
			if ip := addrOf(m.Addrs, unix.RTAX_IFA); ip.IsValid() {
				d.addrs = append(d.addrs, addrRow{index: m.Index, ip: ip, mask: addrOf(m.Addrs, unix.RTAX_NETMASK)})
			}
		case *rib.RouteMessage:
			if dst := addrOf(m.Addrs, unix.RTAX_DST); dst.IsValid() {
				d.routes = append(d.routes, routeRow{
					index:    m.Index,
					flags:    m.Flags,
					priority: r.priority(message),
					dst:      dst,
					mask:     addrOf(m.Addrs, unix.RTAX_NETMASK),
					gateway:  addrOf(m.Addrs, unix.RTAX_GATEWAY),
					source:   addrOf(m.Addrs, unix.RTAX_IFA),
				})
			}
		}
	}
	return nil
}

// addrOf is the address of a kind in a message; the zero Addr is none.
func addrOf(addrs []rib.Addr, kind int) netip.Addr {
	if kind >= len(addrs) {
		return netip.Addr{}
	}
	switch a := addrs[kind].(type) {
	case *rib.Inet4Addr:
		return netip.AddrFrom4(a.IP)
	case *rib.Inet6Addr:
		return netip.AddrFrom16(a.IP)
	}
	return netip.Addr{}
}
