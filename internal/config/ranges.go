package config

import (
	"fmt"
	"strconv"
	"strings"
)

// parseRange checks a range of addresses, as 10.0.0.0/8 or 2001:db8::/32, or an
// address alone. It does so itself: net/netip makes things when a program
// starts, which the shim would pay for.
func parseRange(text string) (string, error) {
	address, length, hasLength := strings.Cut(text, "/")
	most := 0
	switch {
	case isIPv4(address):
		most = 32
	case isIPv6(address):
		most = 128
	}
	if n, err := strconv.Atoi(length); hasLength && (err != nil || n < 0 || n > most || strconv.Itoa(n) != length) {
		most = 0
	}
	if most == 0 {
		return "", fmt.Errorf("%s is no range of addresses: write 192.0.2.0/24 or 2001:db8::/32", quotedText(text))
	}
	return text, nil
}

// isIPv4 knows four numbers with dots between them.
func isIPv4(text string) bool {
	parts := strings.Split(text, ".")
	for _, part := range parts {
		if n, err := strconv.Atoi(part); err != nil || n < 0 || n > 255 || strconv.Itoa(n) != part {
			return false
		}
	}
	return len(parts) == 4
}

// isIPv6 knows the forms of RFC 4291 section 2.2; none with a zone, which is
// of one machine.
func isIPv6(text string) bool {
	const groups = 8
	front, back, short := strings.Cut(text, "::")
	n, ok := countGroups(front, !short)
	m, backOK := countGroups(back, true)
	switch {
	case !ok || !backOK || strings.Contains(back, "::"):
		return false
	case short:
		return n+m < groups
	}
	return n == groups
}

// countGroups counts the groups of 16 bits in one side of an IPv6 address; last
// says that an IPv4 address may end it.
func countGroups(text string, last bool) (n int, ok bool) {
	if text == "" {
		return 0, true
	}
	parts := strings.Split(text, ":")
	for i, part := range parts {
		if last && i == len(parts)-1 && isIPv4(part) {
			return n + 2, true
		}
		if len(part) == 0 || len(part) > 4 || strings.Trim(strings.ToLower(part), "0123456789abcdef") != "" {
			return 0, false
		}
		n++
	}
	return n, true
}
