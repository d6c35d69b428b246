package listen

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"mailcrane/internal/sysexits"
)

// Listen opens a listener for Serve: "127.0.0.1:2525", "[::1]:2525" or
// "unix:/absolute/path". An address that other machines can reach, a path
// that is not a socket, and one that another program serves are errors of
// sysexits with a hint.
//
// A socket is made with mode 0600, or 0666 if access lets other users in, in
// a directory that only its owner can write to (made with mode 0700 if there
// is none). A file PATH.lock beside it keeps two servers apart. Serve checks
// who a peer is, whatever the mode. A system other than Unix has no such socket:
// it is an error there.
func Listen(ctx context.Context, address string, access Access) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return listenUnix(ctx, path, access)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, "write 127.0.0.1:2525, [::1]:2525 or unix:/path", "%q is no address to listen on", address)
	}
	if err := localOnly(net.TCPAddrFromAddrPort(at)); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", at.String())
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Unavailable, "choose another port, or stop the program that uses it", "listening on %s: %w", address, err)
	}
	return l, nil
}
