package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mailcrane/netwatch/portal"
)

// facts is the network as the sources report it, in no system's own words.
type facts struct {
	links  []link
	addrs  []address
	routes []route
	// rules say which tables a packet of ours is looked up in, per family by
	// rising priority. Without rules the tables are taken as they come.
	rules []rule
	// vpns are the VPNs that a network manager knows as such, by its names.
	vpns []string
	// captive is who says that a captive portal is in the way, or "".
	captive string
	// checks are what can be asked whether one is.
	checks []portal.Question
	// gap is why a record could not be understood, or nil. What is missing may
	// be the way out.
	gap error
}

// link is the link of a name, or nil.
func (f *facts) link(name string) *link {
	if i := slices.IndexFunc(f.links, func(l link) bool { return l.name == name }); i >= 0 {
		return &f.links[i]
	}
	return nil
}

type link struct {
	index    int
	name     string
	loopback bool
	up       bool // switched on
	carrier  bool // and able to send: plugged in, associated, authenticated
	// shared: a link with broadcast, where a destination needs a gateway to be
	// beyond it; not a tunnel or a modem line.
	shared bool
	// inner: a bridge, a container's cable: rarely a way out by itself.
	inner bool
	// kind is the system's word for a link that is no device's own, or "".
	kind string
	// tunnel: packets by it go inside others: a VPN.
	tunnel bool
	// wireless: it may be in a wireless network.
	wireless bool
	// ssid is that network, or "".
	ssid string
	// connection is a network manager's name for what makes it a link, or "".
	connection string
	// setup is why it is not ready, in the words of who makes it so, or "".
	setup string
	// metered: a source says that its octets cost.
	metered bool
	// risen counts how often the carrier came up: a link that went and came
	// back between two looks is noticed by it.
	risen uint32
}

func (l link) usable() bool { return !l.loopback && l.up && l.carrier }

type address struct {
	link   int
	prefix netip.Prefix // the address itself, and its network's length
	// pending: not to be used until it is known to be unique (RFC 4862).
	pending bool
	// fading: deprecated (RFC 4862 section 5.5.4), or one of the addresses
	// that change by themselves (RFC 8981).
	fading bool
}

// global says that the address is good beyond its link.
func (a address) global() bool {
	ip := a.prefix.Addr()
	return !a.pending && ip.IsGlobalUnicast()
}

type route struct {
	table   uint32
	dst     netip.Prefix
	gateway netip.Addr // the zero Addr: none
	source  netip.Addr // the zero Addr: the system chooses
	link    int
	metric  uint32
	// blocked: packets are refused or dropped here.
	blocked bool
	// own: the system made it for the network of an interface's address.
	own bool
}

type rule struct {
	v6       bool
	priority uint32
	// blocked: packets are refused or dropped here.
	blocked bool
	table   uint32
	// longer: only routes with a longer prefix count; -1 is any
	// (suppress_prefixlength).
	longer int
}

// printable makes a name safe for a terminal and a log: Linux takes control
// characters in the name of an interface, and a wireless network or a
// connection may be called anything.
func printable(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}
