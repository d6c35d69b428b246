//go:build !linux && !darwin && !freebsd && !windows

package listen

import (
	"errors"
	"net"
	"net/netip"
)

func peerCredentials(net.Conn) (uid uint32, pid int32, err error) {
	return 0, 0, errors.ErrUnsupported
}

func tcpOwner(netip.AddrPort, netip.AddrPort) (uint32, error) { return 0, errUntold }
