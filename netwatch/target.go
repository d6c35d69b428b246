package netwatch

import (
	"fmt"
	"net/netip"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

// A Server is what a Watcher has to know of where a route leads to.
type Server struct {
	// Host is a name or an address without port and brackets, or the path of a
	// socket; "" where it is not known.
	Host string
	// Bare: no certificate shows that it is the right one, so that nothing may be
	// said to it where a captive portal may answer.
	Bare bool
	// Metering is what a person has said of the way there.
	Metering config.Metering
}

// verdict says whether the server can be tried in state s, and whether the way
// there is metered. A zero Since means "as long as this program runs".
func (server Server) verdict(s network.State) (v queue.Verdict, metered bool) {
	name := strings.ToLower(strings.TrimSuffix(server.Host, "."))
	addr, err := netip.ParseAddr(name)
	literal := err == nil
	addr = addr.Unmap()
	way, covered := s.WayTo(addr)
	switch {
	case onThisMachine(name), literal && addr.IsLoopback():
		return queue.Verdict{Try: true, Why: server.Host + " is on this machine"}, false
	case s.Level == network.Unknown:
		return queue.Verdict{Try: true, Why: s.Reason, Since: s.Since}, false
	case literal && addr.IsLinkLocalUnicast(), !literal && onTheLink(name):
		return queue.Verdict{Try: s.Level >= network.LinkOnly, Why: s.Reason, Since: s.Since}, false
	case literal && covered:
		return queue.Verdict{Try: true, Why: s.Reason, Since: s.Since}, way.Metered
	case literal && s.Level == network.Way:
		why := fmt.Sprintf("%s, but no route leads to %s", s.Reason, addr)
		return queue.Verdict{Why: why, Since: s.Since}, false
	}
	return queue.Verdict{Try: s.Level == network.Way, Why: s.Reason, Since: s.Since}, s.Metered
}

// onThisMachine knows the names of loopback (RFC 6761 section 6.3, and the two
// that stand in /etc/hosts of Debian and Red Hat), and the path of a socket.
func onThisMachine(name string) bool {
	switch name {
	case "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback":
		return true
	}
	return strings.HasPrefix(name, "/") || strings.HasSuffix(name, ".localhost")
}

// onTheLink knows the names that are found without a way out: those of
// multicast DNS (RFC 6762 section 3) and those without a dot.
func onTheLink(name string) bool {
	return name != "" && (strings.HasSuffix(name, ".local") || !strings.Contains(name, "."))
}

// beyondUs says that a portal may stand before a server of that name: it is not
// on this machine.
func beyondUs(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	addr, err := netip.ParseAddr(name)
	return name != "" && !onThisMachine(name) && (err != nil || !addr.Unmap().IsLoopback())
}
