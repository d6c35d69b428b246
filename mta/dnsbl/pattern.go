package dnsbl

import (
	"net/netip"
	"strings"
)

// A pattern is the parts of an answer to match, as config.ParseListMatch has
// them.
type pattern []string

func (p pattern) matches(addr netip.Addr) bool {
	return p.match(strings.Split(addr.String(), "."))
}

func (p pattern) match(parts []string) bool {
	if len(p) == 0 {
		return len(parts) == 0
	}
	switch rest := p[1:]; p[0] {
	case "$*", "$+":
		least := 0
		if p[0] == "$+" {
			least = 1
		}
		for n := least; n <= len(parts); n++ {
			if rest.match(parts[n:]) {
				return true
			}
		}
		return false
	default:
		return len(parts) > 0 && (p[0] == "$-" || p[0] == parts[0]) && rest.match(parts[1:])
	}
}
