package mx

import (
	"net/netip"
	"strconv"
	"strings"

	"mailcrane/internal/config"
)

// An entry is one host of a list as a mailertable has it.
type entry struct {
	host string
	// port is 0 where none is named.
	port uint16
	// fixed: it stands in brackets, and has no exchangers.
	fixed bool
}

// parseList reads HOST, [HOST], [HOST]:PORT, and lists of these with commas (the
// same preference) and colons (the next): the groups are in order of preference.
func parseList(text string) (groups [][]entry) {
	for _, group := range (config.NextHop{Host: text}).Hosts() {
		var all []entry
		for _, word := range group {
			host, port, fixed := config.HostPort(strings.TrimSpace(word))
			if host = strings.TrimSuffix(host, "."); host != "" {
				n, _ := strconv.ParseUint(port, 10, 16) // none is 0
				all = append(all, entry{host: host, port: uint16(n), fixed: fixed})
			}
		}
		if len(all) > 0 {
			groups = append(groups, all)
		}
	}
	return groups
}

// literal is the address of [192.0.2.1] and [IPv6:2001:db8::1].
func (e entry) literal() (netip.Addr, bool) {
	text := e.host
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		text = text[5:]
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap(), err == nil && e.fixed
}

// sameHost says that two names are of one host, whatever their case.
func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
