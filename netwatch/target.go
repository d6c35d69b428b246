package netwatch

import (
	"fmt"
	"net/netip"
	"strings"

	"mailcrane/queue"
)

// verdict says whether a server can be tried in state s. A zero Since means
// "as long as this program runs".
func (s State) verdict(server string) queue.Verdict {
	name := strings.ToLower(strings.TrimSuffix(server, "."))
	addr, err := netip.ParseAddr(name)
	literal := err == nil
	addr = addr.Unmap()
	switch {
	case onThisMachine(name), literal && addr.IsLoopback():
		return queue.Verdict{Try: true, Why: server + " is on this machine"}
	case s.Level == Unknown:
		return queue.Verdict{Try: true, Why: s.Reason, Since: s.Since}
	case literal && addr.IsLinkLocalUnicast(), !literal && onTheLink(name):
		return queue.Verdict{Try: s.Level >= LinkOnly, Why: s.Reason, Since: s.Since}
	case literal && s.covers(addr):
		return queue.Verdict{Try: true, Why: s.Reason, Since: s.Since}
	case literal && s.Level == Way:
		why := fmt.Sprintf("%s, but no route leads to %s", s.Reason, addr)
		return queue.Verdict{Why: why, Since: s.Since}
	}
	return queue.Verdict{Try: s.Level == Way, Why: s.Reason, Since: s.Since}
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
