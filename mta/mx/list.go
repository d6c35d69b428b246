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
// Digits behind a bracket and a colon are a port, since no host's name is a
// number.
func parseList(text string) (groups [][]entry) {
	for _, group := range (config.NextHop{Host: text}).Hosts() {
		var all []entry
		for i, word := range group {
			word = strings.TrimSpace(word)
			if port, ok := portOf(word); ok && i == 0 && len(groups) > 0 {
				if last := groups[len(groups)-1]; last[len(last)-1].takesPort() {
					last[len(last)-1].port = port
					all, groups = last, groups[:len(groups)-1]
					continue
				}
			}
			if inner, ok := strings.CutPrefix(word, "["); ok {
				all = append(all, entry{host: strings.TrimSuffix(inner, "]"), fixed: true})
			} else if word != "" {
				all = append(all, entry{host: strings.TrimSuffix(word, ".")})
			}
		}
		if len(all) > 0 {
			groups = append(groups, all)
		}
	}
	return groups
}

func (e entry) takesPort() bool { return e.fixed && e.port == 0 }

func portOf(word string) (uint16, bool) {
	n, err := strconv.ParseUint(word, 10, 16)
	return uint16(n), err == nil && n > 0 && word[0] != '+'
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
