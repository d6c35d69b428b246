//go:build darwin || freebsd

package listen

import (
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// solLocal is SOL_LOCAL of sys/un.h, 0 on both systems.
const solLocal = 0

// peerCredentials is who the peer was when it connected (unix(4), LOCAL_PEERCRED).
// Its process is not told.
func peerCredentials(c net.Conn) (uid uint32, pid int32, err error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, 0, errors.New("not a Unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var cred *unix.Xucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptXucred(int(fd), solLocal, unix.LOCAL_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return 0, 0, err
	}
	return cred.Uid, 0, nil
}

func tcpOwner(netip.AddrPort, netip.AddrPort) (uint32, error) { return 0, errUntold }
