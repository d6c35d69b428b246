package network

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mailcrane/netwatch/portal"
)

// A Level is how far a packet gets from here.
type Level uint8

// The levels. The zero Level is Unknown.
const (
	Unknown  Level = iota // cannot be read: worth a try
	Down                  // no interface is up but loopback
	LinkOnly              // an interface is up, but no route leads beyond its link
	Way                   // a route leads beyond the link
)

func (l Level) String() string {
	switch l {
	case Unknown:
		return "unknown"
	case Down:
		return "down"
	case LinkOnly:
		return "link only"
	case Way:
		return "up"
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// MarshalText makes the level a word in JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (l *Level) UnmarshalText(text []byte) error {
	for known := Unknown; known <= Way; known++ {
		if known.String() == string(text) {
			*l = known
			return nil
		}
	}
	return fmt.Errorf("%q is no level of the network", text)
}

// A State is what is known of the network at one time.
type State struct {
	Level Level `json:"level"`
	// Reason is the state in words: "eth0 is up, default route via
	// 192.0.2.1", "no network: no interface is up", …
	Reason string `json:"reason"`
	// Since is when the state became so, as who follows it says: as read it is zero.
	// A changed address or gateway makes a new state, also where there is a way out
	// before and after.
	Since time.Time `json:"since"`
	// Interface, Gateway and Source belong to the route that packets to
	// anywhere take. Gateway is the zero Addr on a link without one.
	Interface string     `json:"interface,omitempty"`
	Gateway   netip.Addr `json:"gateway,omitzero"`
	Source    netip.Addr `json:"source,omitzero"`
	// Metered says that its octets cost, as far as that is known.
	Metered bool `json:"metered,omitempty"`
	// SSID is the wireless network of Interface, and Connection what a network
	// manager calls it.
	SSID       string `json:"ssid,omitempty"`
	Connection string `json:"connection,omitempty"`
	// Addresses are those that this machine has in networks, but for those that
	// change by themselves beside another one of their network.
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// VPN is what a network manager, or else the system, calls the VPNs that are
	// up.
	VPN []string `json:"vpn,omitempty"`
	// Portal says that a captive portal stands in the way, and Page is the address
	// of its login page, where that is known.
	Portal bool   `json:"portal,omitempty"`
	Page   string `json:"page,omitempty"`

	// Ways is equal for two states exactly if packets take the same ways out.
	Ways [sha256.Size]byte `json:"-"`
	// Checks are the questions that the network, or the system, has for portals.
	Checks []portal.Question `json:"-"`
	// Nets is every destination that a route leads to, this machine included.
	Nets []Destination `json:"-"`
}

// A Destination is where a route leads to.
type Destination struct {
	netip.Prefix
	// Metered: octets there cost.
	Metered bool
}

// Same says that nothing changed that mail, or a rule of the policy, could
// notice. The words may differ.
func (s State) Same(t State) bool {
	return s.SameWays(t) && s.Interface == t.Interface && s.SSID == t.SSID && s.Connection == t.Connection && s.Page == t.Page &&
		slices.Equal(s.VPN, t.VPN) && slices.Equal(s.Addresses, t.Addresses)
}

// SameWays says that what was found out about servers in state t holds in s.
func (s State) SameWays(t State) bool {
	return s.Level == t.Level && s.Ways == t.Ways && s.Portal == t.Portal
}

// WayTo is the closest destination with a in it; ok is false if no route leads
// to a.
func (s State) WayTo(a netip.Addr) (way Destination, ok bool) {
	for _, n := range s.Nets {
		if n.Contains(a) && (!ok || n.Bits() > way.Bits()) {
			way, ok = n, true
		}
	}
	return way, ok
}

// NotKnown is the state of a network that cannot be read: an attempt too many
// costs a moment.
func NotKnown(why error) State {
	return State{
		Level:  Unknown,
		Reason: fmt.Sprintf("the network's state is not known (%v), so every attempt is worth a try", why),
	}
}
