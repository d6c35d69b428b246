package netwatch

import (
	"fmt"
	"net/netip"
	"strings"

	"mailcrane/queue"
)

// verdict says whether a server can be tried in state s, and whether the way
// there is metered. A zero Since means "as long as this program runs".
func (s State) verdict(server Server) (v queue.Verdict, metered bool) {
	name := strings.ToLower(strings.TrimSuffix(server.Host, "."))
	addr, err := netip.ParseAddr(name)
	literal := err == nil
	addr = addr.Unmap()
	way, covered := s.wayTo(addr)
	switch {
	case onThisMachine(name), literal && addr.IsLoopback():
		return queue.Verdict{Try: true, Why: server.Host + " is on this machine"}, false
	case s.Level == Unknown:
		return queue.Verdict{Try: true, Why: s.Reason, Since: s.Since}, false
	case literal && addr.IsLinkLocalUnicast(), !literal && onTheLink(name):
		return queue.Verdict{Try: s.Level >= LinkOnly, Why: s.Reason, Since: s.Since}, false
	case literal && covered:
		return queue.Verdict{Try: true, Why: s.Reason, Since: s.Since}, way.metered
	case literal && s.Level == Way:
		why := fmt.Sprintf("%s, but no route leads to %s", s.Reason, addr)
		return queue.Verdict{Why: why, Since: s.Since}, false
	}
	return queue.Verdict{Try: s.Level == Way, Why: s.Reason, Since: s.Since}, s.Metered
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
