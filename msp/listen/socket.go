package listen

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
)

// Listen opens a listener for Serve: "127.0.0.1:2525", "[::1]:2525" or
// "unix:/absolute/path". An address that other machines can reach, a path
// that is not a socket, and one that another program serves are errors of
// sysexits with a hint.
//
// A socket has mode 0600, or 0666 if access lets other users in; Serve checks
// who a peer is, whatever the mode. A system other than Unix has no such socket:
// it is an error there.
func Listen(ctx context.Context, address string, access Access) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return socket.Unix(ctx, path, access.shared())
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

// TakeOver is the listener of that address that the service manager has opened,
// which inherited says, or else that of Listen.
func TakeOver(ctx context.Context, in *socket.Inheritance, address string, access Access) (l net.Listener, inherited bool, err error) {
	if l := in.Take(address); l != nil {
		return l, true, nil
	}
	l, err = Listen(ctx, address, access)
	return l, false, err
}
