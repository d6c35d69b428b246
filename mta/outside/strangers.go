package outside

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/names"
)

// victim is a name that no configuration has: mail to it is relayed mail, under
// whatever domain it stands.
const victim = "mailcrane-relay-trial"

// suffixes are domains in which anybody can have a name.
var suffixes = [...]string{"example", "com", "org", "net", "de", "co.uk", "info"}

// everywhere are addresses from all over.
var everywhere = []netip.Addr{
	v4(3, 9, 41, 7), v4(23, 66, 8, 7), v4(45, 83, 9, 7), v4(62, 101, 9, 7), v4(81, 2, 69, 7), v4(103, 4, 8, 7),
	v4(134, 99, 7, 7), v4(151, 80, 5, 7), v4(185, 220, 9, 7), v4(192, 0, 2, 7), v4(198, 51, 100, 7), v4(203, 0, 113, 7), v4(220, 181, 3, 7),
	v6(0x20, 0x01, 0x0d, 0xb8), v6(0x24, 0x00, 0xcb, 0x00), v6(0x26, 0x06, 0x47, 0x00), v6(0x2a, 0x03, 0x28, 0x80), v6(0x2c, 0x0f, 0xf2, 0x48),
}

func v4(a, b, c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{a, b, c, d}) }

func v6(a, b, c, d byte) netip.Addr { return netip.AddrFrom16([16]byte{a, b, c, d, 15: 7}) }

// A stranger is the address of one; anywhere says that it was not chosen for what
// is configured.
type stranger struct {
	netip.Addr
	anywhere bool
}

// strangers are clients from all over, those beside each network that may relay:
// where 10.1.2 stands for 10.1.20 too, one of them gets through; and those in the
// networks outside that a listener believes.
func strangers(c *config.Config, l *config.Listener, entries []string) (all []stranger) {
	for _, addr := range everywhere {
		all = append(all, stranger{addr, true})
	}
	for _, text := range append(entries, c.MTA.Relay...) {
		for _, addr := range beside(text) {
			all = append(all, stranger{addr, false})
		}
	}
	for _, text := range slices.Concat(l.Proxy, c.MTA.XClient) {
		for _, addr := range ends(text) {
			if !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() {
				all = append(all, stranger{addr, false})
			}
		}
	}
	return all
}

// ends are the first and the last address of a network: where both are within a
// private one, all of it is.
func ends(text string) []netip.Addr {
	network, ok := prefix(text)
	if !ok {
		return nil
	}
	last := network.Masked().Addr().AsSlice()
	for i := network.Bits(); i < len(last)*8; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return []netip.Addr{network.Masked().Addr(), end}
}

// beside are the addresses that begin with the same digits as an entry of one to
// three octets, and are not in it.
func beside(entry string) (all []netip.Addr) {
	text := strings.TrimSuffix(entry, ".")
	for _, digit := range []string{"0", "5"} {
		wrong := text + digit
		for n := strings.Count(text, "."); n < 3; n++ {
			wrong += ".5"
		}
		if addr, err := netip.ParseAddr(wrong); err == nil && addr.Is4() && !strings.HasSuffix(text, "/") {
			all = append(all, addr)
		}
	}
	return all
}

// known is what may be known of a client's name: that its owner has made one in
// any domain that sells them, that there is none, or not just now, or that it is
// forged.
func known(addr stranger) []names.Client {
	literal := names.Literal(addr.Addr)
	all := []names.Client{
		{Name: literal, State: names.None},
		{Name: literal, State: names.Temp},
		{Name: literal, State: names.Forged, Pointer: "localhost"},
	}
	for _, suffix := range suffixes {
		name := "host." + victim + "." + suffix
		all = append(all, names.Client{Name: name, State: names.OK, Pointer: name})
	}
	return all
}

// senders are what a stranger may say in MAIL: nothing, its own address, and those
// of the people here, which it has from their mail.
func senders(c *config.Config, hostname string, entries []string) []string {
	all := []string{"", "someone@" + victim + ".example", "postmaster@" + hostname}
	for _, domain := range c.MTA.Local {
		all = append(all, "someone@"+domain)
	}
	for _, entry := range entries {
		switch user, domain, ok := strings.Cut(entry, "@"); {
		case ok && user != "" && domain != "":
			all = append(all, entry)
		case !ok && entry != "" && !strings.Contains(entry, ":"):
			all = append(all, "someone@"+entry)
		}
	}
	return bounded(all)
}

// recipients are strangers' mailboxes: straight, by each kind of route through
// the domains that mail is taken for, and by address.
func recipients(c *config.Config, hostname string, entries []string) (all []string) {
	for _, suffix := range suffixes {
		all = append(all, "someone@"+victim+"."+suffix)
	}
	const far = victim + ".example"
	all = append(all, "someone@"+far+".", "Someone@"+strings.ToUpper(far),
		"someone@[198.51.100.99]", "someone@[IPv6:2001:db8::99]", "someone%"+far, far+"!someone")
	through := append([]string{hostname, "localhost"}, c.MTA.Local...)
	for _, entry := range append(entries, c.MTA.Relay...) {
		if !strings.ContainsAny(entry, "@:/") && strings.Trim(entry, "0123456789.") != "" {
			through = append(through, strings.TrimPrefix(entry, "."))
		}
	}
	for _, domain := range bounded(through) {
		all = append(all,
			"someone%"+far+"@"+domain, far+"!someone@"+domain, `"someone@`+far+`"@`+domain,
			`"someone%`+far+`"@`+domain, "@"+domain+":someone@"+far, "someone%"+far+"%"+domain+"@"+domain,
			domain+"!someone%"+far+"@"+domain, "someone%"+far+".@"+domain+".")
	}
	return all
}

// mostProbes bounds what is taken of a long configuration: the rules are the same
// for each entry of a kind.
const mostProbes = 50

func bounded(all []string) []string { return all[:min(len(all), mostProbes)] }

// claims is the setting by which a listener believes what a stranger says of its
// own address, by the PROXY protocol or XCLIENT; "" is none. Such a stranger comes
// from this machine, if it says so.
func (t *trial) claims(l *config.Listener, addr netip.Addr) string {
	switch {
	case listed(t.config.MTA.XClient, addr):
		return strings.TrimSpace(xclientKey + " " + origin(t.config, xclientKey))
	case listed(l.Proxy, addr):
		return "proxy of the listener " + l.Address
	}
	return ""
}

const xclientKey = "mta.xclient"

// listed says that an address is one of those that are believed.
func listed(networks []string, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(text string) bool {
		network, ok := prefix(text)
		return ok && network.Contains(addr)
	})
}

// prefix is an address or a network, as the configuration has it.
func prefix(text string) (netip.Prefix, bool) {
	network, err := netip.ParsePrefix(text)
	if one, wrong := netip.ParseAddr(text); err != nil && wrong == nil {
		one = one.Unmap()
		network, err = one.Prefix(one.BitLen())
	}
	return network, err == nil
}

// Names is the name service as strangers would have it: their domains name the
// server as an exchanger.
type Names struct{ Hostname string }

// Addresses are none.
func (Names) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, names.ErrNone }

// IPv4 are none.
func (Names) IPv4(context.Context, string) ([]netip.Addr, error) { return nil, names.ErrNone }

// Pointers are none.
func (Names) Pointers(context.Context, netip.Addr) ([]string, error) { return nil, names.ErrNone }

// Exchangers of a stranger's domain are the server itself; those of all others
// are elsewhere.
func (n Names) Exchangers(_ context.Context, domain string) ([]names.MX, error) {
	if domain == victim+".net" {
		return []names.MX{{Host: n.Hostname, Preference: 10}}, nil
	}
	return []names.MX{{Host: "mx." + domain, Preference: 10}}, nil
}
