package policy

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"mailcrane/internal/config"
	"mailcrane/mta/names"
)

// Classes are sendmail's w, m, R and VirtHost: who we are, the domain that we are
// in, what we relay for, and the domains of the virtusertable. They are safe for
// use by several goroutines.
type Classes struct {
	host    string // $j
	above   string // $m: the domain of host
	own     set    // class w, but for what is in the file
	relays  relays // class R, but for what is in the file
	virtual *Class

	ownFile, relayFile *classFile
}

type set map[string]string // a name, and where it stands

// NewClasses makes them. Of parts it needs Config, Hostname, Addresses, Safe, Now
// and Log.
func NewClasses(parts Parts) (*Classes, error) {
	m := &parts.Config.MTA
	c := &Classes{host: canonical(parts.Hostname), own: make(set)}
	c.above = domainAbove(c.host)
	for _, name := range []string{c.host, "localhost"} {
		c.own[name] = "the server's own name"
	}
	for _, addr := range append([]netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}, parts.Addresses...) {
		c.own[canonical(names.Literal(addr))] = "an address of this machine"
	}
	where := parts.Config.Origin(option("mta.local"), "")
	for _, name := range m.Local {
		c.own[canonical(name)] = strings.TrimSpace("mta.local " + where)
	}
	where = parts.Config.Origin(option("mta.relay"), "")
	for _, text := range m.Relay {
		e, err := parseRelay(text, true)
		if err != nil {
			return nil, wrongEntry(where, err)
		}
		e.where = strings.TrimSpace("mta.relay " + where)
		c.relays.add(e)
	}
	var err error
	if c.ownFile, err = openClass(parts, m.LocalFile); err != nil {
		return nil, err
	}
	if c.relayFile, err = openClass(parts, m.RelayFile); err != nil {
		return nil, err
	}
	r := &m.Routing
	c.virtual, err = NewClass(parts, ClassOf{Key: "mta.route.virt_host", Names: r.VirtHost, File: r.VirtHostFile, Below: r.VirtuserEntireDomain})
	return c, err
}

// Host is our own name, $j.
func (c *Classes) Host() string { return c.host }

// Local says by what a domain is one whose mail ends here, class w; "" is not.
func (c *Classes) Local(domain string) (where string) { return c.ownWhere(canonical(domain)) }

// Virtual says by what a domain is in class VirtHost, whose addresses are in the
// virtusertable; "" is not.
func (c *Classes) Virtual(domain string) (where string) { return c.virtual.Where(domain) }

// domainAbove is the domain that a host is in; the host itself, where that would
// be one in which anybody can have a name.
func domainAbove(host string) string {
	_, domain, ok := strings.Cut(host, ".")
	if suffix, _ := publicsuffix.PublicSuffix(host); !ok || domain == suffix || !strings.Contains(domain, ".") {
		return host
	}
	return domain
}

// canonical is a domain as it is compared: lower case, ASCII, without the last
// dot, an address literal in its shortest form.
func canonical(domain string) string {
	if len(domain) > 1 {
		domain = strings.TrimRight(domain, ".")
	}
	if inner, ok := strings.CutPrefix(domain, "["); ok {
		inner = strings.TrimSuffix(inner, "]")
		if len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:") {
			inner = inner[5:]
		}
		if addr, err := netip.ParseAddr(inner); err == nil {
			return strings.ToLower(names.Literal(addr))
		}
		return strings.ToLower(domain)
	}
	for i := range len(domain) {
		if domain[i] >= 0x80 {
			if ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(false)).ToASCII(domain); err == nil {
				domain = ascii
			}
			break
		}
	}
	return strings.ToLower(domain)
}

// local says that a domain, canonical, is in class w.
func (c *Classes) local(domain string) bool { return c.ownWhere(domain) != "" }

func (c *Classes) ownWhere(domain string) string {
	if where := c.own[domain]; where != "" {
		return where
	}
	return c.ownFile.now().names[domain]
}

// relaysTo says by which class mail to a domain may be relayed; "" is by none.
// The same classes say of which hosts.
func (c *Classes) relaysTo(domain string, rules *config.ServerPolicy) (where string) {
	if domain == "" {
		return ""
	}
	if where = c.ownWhere(domain); where != "" {
		return where
	}
	if rules.RelayEntireDomain && within(domain, c.above) {
		return "relay_entire_domain"
	}
	if where = c.virtual.find(domain, !rules.RelayHostsOnly); where != "" {
		return where
	}
	if where = c.relays.domain(domain, rules.RelayHostsOnly); where != "" {
		return where
	}
	return c.relayFile.now().relays.domain(domain, rules.RelayHostsOnly)
}

// relaysAddress says by which entry of class R a client's address may relay.
func (c *Classes) relaysAddress(addr netip.Addr) (where string) {
	if !addr.IsValid() {
		return ""
	}
	if where = c.relays.address(addr); where != "" {
		return where
	}
	return c.relayFile.now().relays.address(addr)
}

// within says that a name is a domain, or below it.
func within(name, domain string) bool {
	above, ok := strings.CutSuffix(name, domain)
	return ok && (above == "" || strings.HasSuffix(above, "."))
}

// option is the row of a key.
func option(key string) *config.Option {
	o, _ := config.Explained(key)
	return o
}
