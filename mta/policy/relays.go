package policy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"mailcrane/internal/address"
)

// relays are entries of class R.
type relays struct {
	domains set
	below   set // those that begin with a dot: what is below them only
	nets    []relayNet
}

type relayNet struct {
	netip.Prefix
	where string
}

// A relayEntry is one entry: a net, or a domain.
type relayEntry struct {
	net    netip.Prefix
	domain string
	below  bool
	where  string
}

// parseRelay reads an entry: a domain, octets of an IPv4 address from the left,
// IPv6: and groups of one, a full address or, where ours says that the entry is
// of our own file, a network in CIDR form, which sendmail does not know.
func parseRelay(text string, ours bool) (relayEntry, error) {
	bad := func(why string) (relayEntry, error) {
		return relayEntry{}, fmt.Errorf("%s is nothing that can be relayed for: %s", address.Shown(text), why)
	}
	entry := strings.TrimSpace(text)
	if before, _, ok := strings.Cut(entry, "/"); ok {
		net, err := netip.ParsePrefix(strings.TrimPrefix(strings.ToLower(entry), "ipv6:"))
		switch {
		case err != nil:
			return bad("write a network as 192.0.2.0/24 or 2001:db8::/32")
		case !ours:
			return bad("sendmail knows no networks with a slash here; write " + before + " without its last zeros, or put the network into mta.relay")
		case net.Addr().Is4In6():
			return bad("write the IPv4 network as 192.0.2.0/24")
		}
		return relayEntry{net: net.Masked()}, nil
	}
	if net, ok := octets(entry); ok {
		return relayEntry{net: net}, nil
	}
	if len(entry) > 5 && strings.EqualFold(entry[:5], "ipv6:") || strings.Count(entry, ":") > 1 && entry[0] != '[' {
		if net, ok := groups(strings.ToLower(entry)); ok {
			return relayEntry{net: net}, nil
		}
		return bad("write IPv6: and the groups of an address from the left, as IPv6:2001:db8")
	}
	domain := canonical(entry)
	rest, below := strings.CutPrefix(domain, ".")
	switch {
	case rest == "" || strings.ContainsAny(rest, " \t@*%!,;:<>") && rest[0] != '[':
		return bad("write a domain, as example.org, or an address")
	case strings.Trim(rest, "0123456789.") == "":
		return bad("no number of an IPv4 address is above 255, and it has four at most")
	}
	return relayEntry{domain: rest, below: below}, nil
}

// octets reads the first of the four numbers of an IPv4 address.
func octets(text string) (netip.Prefix, bool) {
	parts := strings.Split(strings.TrimSuffix(text, "."), ".")
	if len(parts) > 4 {
		return netip.Prefix{}, false
	}
	var four [4]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || strconv.FormatUint(n, 10) != part {
			return netip.Prefix{}, false
		}
		four[i] = byte(n)
	}
	return netip.PrefixFrom(netip.AddrFrom4(four), 8*len(parts)), true
}

// groups reads the first of the eight groups of an IPv6 address, or an address
// whole.
func groups(text string) (netip.Prefix, bool) {
	text = strings.TrimPrefix(text, "ipv6:")
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is6() && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	parts := strings.Split(strings.TrimSuffix(text, ":"), ":")
	if len(parts) > 7 {
		return netip.Prefix{}, false
	}
	var sixteen [16]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 16, 16)
		if err != nil || len(part) > 4 {
			return netip.Prefix{}, false
		}
		sixteen[2*i], sixteen[2*i+1] = byte(n>>8), byte(n)
	}
	return netip.PrefixFrom(netip.AddrFrom16(sixteen), 16*len(parts)), true
}

func (r *relays) add(e relayEntry) {
	if r.domains == nil {
		r.domains, r.below = make(set), make(set)
	}
	switch {
	case e.net.IsValid():
		r.nets = append(r.nets, relayNet{e.net, e.where})
	case e.below:
		r.below[e.domain] = e.where
	default:
		r.domains[e.domain] = e.where
	}
}

// domain is where the entry stands that a domain, or one above it, has; hosts
// takes the domain itself only.
func (r *relays) domain(name string, hosts bool) string {
	if where := r.domains[name]; where != "" || hosts || strings.HasPrefix(name, "[") {
		return where
	}
	for {
		_, above, ok := strings.Cut(name, ".")
		if !ok {
			return ""
		}
		if where := r.domains[above]; where != "" {
			return where
		}
		if where := r.below[above]; where != "" {
			return where
		}
		name = above
	}
}

func (r *relays) address(addr netip.Addr) string {
	for _, net := range r.nets {
		if net.Contains(addr) {
			return net.where
		}
	}
	return ""
}
