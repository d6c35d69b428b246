package mx

import (
	"net"
	"net/netip"
	"strconv"

	"mailcrane/internal/config"
)

// listening says of an address whether one of the listeners takes mail there.
// addresses lists those of this machine, which may change.
func listening(listeners []config.Listener, addresses func() ([]net.Addr, error)) func(netip.AddrPort) bool {
	return func(at netip.AddrPort) bool {
		for i := range listeners {
			host, port, err := net.SplitHostPort(listeners[i].Address)
			if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || uint16(n) != at.Port() {
				continue
			}
			bound, err := netip.ParseAddr(host)
			switch {
			case err == nil && !bound.IsUnspecified():
				// To connect to 0.0.0.0 is to connect to this machine's loopback.
				if bound.Unmap().WithZone("") == at.Addr() || bound.IsLoopback() && at.Addr().IsUnspecified() {
					return true
				}
			case ofThisMachine(at.Addr(), addresses):
				return true
			}
		}
		return false
	}
}

func ofThisMachine(addr netip.Addr, addresses func() ([]net.Addr, error)) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	all, err := addresses()
	if err != nil {
		return false
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if own, ok := netip.AddrFromSlice(n.IP); ok && own.Unmap() == addr {
				return true
			}
		}
	}
	return false
}
