//go:build unix && !darwin

package smarthost

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"mailcrane/internal/resolvconf"
)

// Dialer is net.Dialer's, but for the name servers: those are always the ones
// that stand in resolv.conf now. Go's resolver looks at the file every five
// seconds at the most, and in the first seconds of a network, when it is written
// anew, that is the time in which mail could have left.
func Dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{Resolver: Resolver()}).DialContext
}

// Resolver looks names up as Dialer does.
func Resolver() *net.Resolver {
	servers := nameservers{path: resolvconf.Path, dial: new(net.Dialer).DialContext}
	return &net.Resolver{Dial: servers.connect}
}

// nameservers are those of a resolv.conf(5).
type nameservers struct {
	path string
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// connect connects to the name server at address, or to the first one of the
// file where that is not among them any more. Questions by UDP are asked again
// while there is no answer.
func (n nameservers) connect(ctx context.Context, network, address string) (net.Conn, error) {
	asked, err := netip.ParseAddrPort(address)
	if now := resolvconf.Read(n.path).Servers; err == nil && len(now) > 0 && !slices.Contains(now, asked.Addr()) {
		address = netip.AddrPortFrom(now[0], asked.Port()).String()
	}
	conn, err := n.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return asksAgain(conn), nil
}
