package mta

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"mailcrane/internal/config"
)

// proxyTime is how long a proxy may take to say whom it speaks for.
const proxyTime = 5 * time.Second

// proxied is the connection as its client made it: where the peer is a proxy
// that is trusted, the line of the PROXY protocol that comes first, and must
// come, says who that is. What others say of themselves is not believed: it is
// SMTP, and wrong. With an error c is what came.
func proxied(c net.Conn, is *config.Listener) (net.Conn, error) {
	if !trusted(c.RemoteAddr(), is.Proxy) {
		return c, nil
	}
	p := proxyproto.NewConn(c, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(proxyTime))
	if p.ProxyHeader() == nil {
		_, err := p.Read(nil)
		return c, fmt.Errorf("it is listed in proxy, and sent no line of the PROXY protocol: %w", err)
	}
	return p, nil
}

// trusted says that the peer is one of a listener's proxies: by its address or
// network, or "unix" for all that connect to a Unix socket.
func trusted(peer net.Addr, proxies []string) bool {
	if len(proxies) == 0 {
		return false
	}
	var addr netip.Addr
	if tcp, ok := peer.(*net.TCPAddr); ok {
		addr = tcp.AddrPort().Addr().Unmap()
	}
	for _, p := range proxies {
		if !addr.IsValid() {
			if p == config.UnixProxy {
				return true
			}
			continue
		}
		if network, err := netip.ParsePrefix(p); err == nil && network.Contains(addr) {
			return true
		}
		if one, err := netip.ParseAddr(p); err == nil && one.Unmap() == addr.WithZone("") {
			return true
		}
	}
	return false
}
