package access

import (
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"
)

// maxName bounds what is looked up: a path and a domain of RFC 5321.
const maxName = 512

// folded is a name as keys have it; "" for what can be no key.
func folded(name string) string {
	if len(name) > maxName || strings.ContainsAny(name, " \t\r\n\x00") {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// hostKeys are the keys of a host or a domain, the longest first: a.b.c, (.b.c,)
// b.c, (.c,) c. An address in brackets loses its parts from the right.
func hostKeys(name string, dotted bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		name := folded(name)
		if inner, ok := strings.CutPrefix(name, "["); ok {
			bracketKeys(strings.TrimSuffix(inner, "]"), yield)
			return
		}
		for name != "" {
			if !yield(name) {
				return
			}
			_, rest, more := strings.Cut(name, ".")
			if !more || dotted && rest != "" && !yield("."+rest) {
				return
			}
			name = rest
		}
	}
}

func bracketKeys(inner string, yield func(string) bool) {
	addr, err := netip.ParseAddr(strings.TrimPrefix(inner, "ipv6:"))
	if err != nil {
		yield("[" + inner + "]")
		return
	}
	for key := range addressKeys(addr) {
		if !yield("[" + key + "]") {
			return
		}
	}
}

// addressKeys are the keys of an address: its octets, or the groups of IPv6
// without compression behind "ipv6:", and then one less each time.
func addressKeys(addr netip.Addr) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !addr.IsValid() {
			return
		}
		key, separator := addressKey(addr)
		for yield(key) {
			cut := strings.LastIndexByte(key, separator)
			if cut < 0 || key[:cut] == "ipv6" {
				return
			}
			key = key[:cut]
		}
	}
}

func addressKey(addr netip.Addr) (key string, separator byte) {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String(), '.'
	}
	b := strings.Builder{}
	b.WriteString("ipv6")
	octets := addr.As16()
	for i := 0; i < len(octets); i += 2 {
		b.WriteByte(':')
		b.WriteString(strconv.FormatUint(uint64(octets[i])<<8|uint64(octets[i+1]), 16))
	}
	return b.String(), ':'
}

// A mailbox is an address to be looked up, in lower case.
type mailbox struct{ user, detail, domain string }

// parseMailbox takes an address apart, with or without angle brackets. Without
// @, it is a user.
func parseMailbox(address string) mailbox {
	address = folded(strings.TrimSuffix(strings.TrimPrefix(address, "<"), ">"))
	user, domain := address, ""
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		user, domain = address[:at], address[at+1:]
	}
	user, detail, plus := strings.Cut(user, "+")
	if plus && user == "" { // "+x" is a name, not a detail of nobody
		return mailbox{user: "+" + detail, domain: domain}
	}
	if plus {
		detail = "+" + detail
	}
	return mailbox{user, detail, domain}
}

// fullKeys are user+detail@domain, user+*@domain, user@domain.
func (m mailbox) fullKeys(domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if m.user == "" {
			return
		}
		if m.detail != "" && (!yield(m.user+m.detail+"@"+domain) || !yield(m.user+"+*@"+domain)) {
			return
		}
		yield(m.user + "@" + domain)
	}
}

// userKeys are user+detail@, user+*@, user@.
func (m mailbox) userKeys() iter.Seq[string] { return m.fullKeys("") }

// EncodeDN is a distinguished name as keys have it: what is not printable, and
// < > ( ) " + and blanks, becomes +HH.
func EncodeDN(dn string) string {
	var b strings.Builder
	for _, c := range []byte(dn) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`<>()"+`, c) >= 0 {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
