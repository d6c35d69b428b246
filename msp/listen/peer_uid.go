//go:build !windows

package listen

import "net/netip"

// tcpUser is whose program has connected.
func tcpUser(peer, us netip.AddrPort) (user, error) {
	uid, err := tcpOwner(peer, us)
	return userOf(uid), err
}
