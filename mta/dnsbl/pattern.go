package dnsbl

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A pattern is an answer to match, part by part: as sendmail's rules have it,
// $- for any one part, $+ for one or more, $* for any number; and * for $+.
type pattern []string

// parsePattern reads 127.0.0.2, with its last dot or without, or 127.0.0.$-.
func parsePattern(text string) (pattern, error) {
	p := pattern(strings.Split(strings.TrimSuffix(text, "."), "."))
	least, open := 0, false
	for i, part := range p {
		switch part {
		case "*":
			p[i], open, least = "$+", true, least+1
		case "$+":
			open, least = true, least+1
		case "$*":
			open = true
		case "$-":
			least++
		default:
			n, err := strconv.ParseUint(part, 10, 8)
			if err != nil || strconv.FormatUint(n, 10) != part {
				return nil, fmt.Errorf("%q is no answer: write 127.0.0.2, or 127.0.0.$- for any last part", text)
			}
			least++
		}
	}
	const parts = 4
	if least > parts || least < parts && !open {
		return nil, fmt.Errorf("%q is no answer: it has %d parts, and an address has %d", text, len(p), parts)
	}
	return p, nil
}

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
