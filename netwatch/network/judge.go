package network

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"net/netip"
	"slices"
)

// judge makes the state of the facts. It errs towards a way out: an attempt
// too many costs a moment, one too few keeps the mail here.
func judge(f *facts) State {
	m := newMap(f)
	exits, near := m.ways()
	s := State{
		Level: m.level(), VPN: m.vpnsUp(append(exits, near...)), Addresses: m.lasting(exits), Nets: m.nets(exits, near),
	}
	if len(exits) > 0 {
		best := exits[0]
		l := m.links[best.link]
		s.Level = Way
		s.Interface, s.SSID, s.Connection = l.name, l.ssid, l.connection
		s.Gateway = best.gateway
		s.Source = best.source
		s.Metered = l.metered
		s.Reason = describeExit(l, best)
		if f.captive != "" {
			s.Portal = true
			s.Reason += ", a captive portal in the way, says " + f.captive
		}
		s.Checks = f.checks
	} else {
		s.Reason = describeNone(f.links, m)
	}
	if s.Level != Way && f.gap != nil {
		return NotKnown(f.gap)
	}
	s.Ways = m.fingerprint(exits, near)
	return s
}

// vpnsUp is the VPNs of a network manager, and the tunnels that packets can be
// sent by, under the names that it has for them.
func (m *netmap) vpnsUp(routes []route) []string {
	up := slices.Clone(m.vpns)
	for _, r := range routes {
		if l := m.links[r.link]; l.tunnel {
			up = append(up, cmp.Or(l.connection, l.name))
		}
	}
	slices.Sort(up)
	return slices.Compact(up)
}

// lasting are the addresses of State.Addresses. Those of inner links that lead
// nowhere are not among them: a container that starts is no other place.
func (m *netmap) lasting(exits []route) []netip.Addr {
	var out []netip.Addr
	leads := func(index int) bool {
		return !m.links[index].inner || slices.ContainsFunc(exits, func(r route) bool { return r.link == index })
	}
	networks := make(map[netip.Prefix]bool)
	for _, fading := range [...]bool{false, true} {
		for _, a := range m.addrs {
			_, ok := m.links[a.link]
			if network := a.prefix.Masked(); ok && leads(a.link) && a.global() && a.fading == fading && !(fading && networks[network]) {
				out, networks[network] = append(out, a.prefix.Addr()), true
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// A netmap is the facts, indexed, with only what can carry mail.
type netmap struct {
	*facts
	links map[int]link
}

func newMap(f *facts) *netmap {
	m := &netmap{facts: f, links: make(map[int]link)}
	for _, l := range f.links {
		if l.usable() {
			m.links[l.index] = l
		}
	}
	return m
}

func (m *netmap) level() Level {
	if len(m.links) == 0 {
		return Down
	}
	return LinkOnly
}

// ways returns the routes that lead beyond their link, the one for packets to
// anywhere first, and those that lead onto a link only. Of several routes to
// one destination only the one that is used is among them.
func (m *netmap) ways() (exits, near []route) {
	for _, v6 := range []bool{false, true} {
		seen := make(map[netip.Prefix]bool)
		for _, r := range m.consulted(v6) {
			if seen[r.dst] {
				continue
			}
			if r.blocked {
				seen[r.dst] = true
				continue
			}
			l, ok := m.links[r.link]
			if !ok || !m.fillSource(&r) {
				continue
			}
			seen[r.dst] = true
			if beyond(r, l) {
				exits = append(exits, r)
			} else {
				near = append(near, r)
			}
		}
	}
	// Defaults first, IPv4 before IPv6 among them: the order made so far
	// stands otherwise.
	slices.SortStableFunc(exits, func(a, b route) int {
		return cmp.Compare(min(a.dst.Bits(), 1), min(b.dst.Bits(), 1))
	})
	return exits, near
}

// beyond says that r leads further than the link itself.
func beyond(r route, l link) bool {
	to := r.dst.Addr()
	switch {
	case to.IsLinkLocalUnicast(), to.IsMulticast():
		return false
	case r.dst.Bits() == 0, r.gateway.IsValid():
		return true
	}
	return !l.shared && !r.own
}

// consulted returns the routes of one family in the order in which the rules
// have them looked up for a packet without a mark and without a source.
func (m *netmap) consulted(v6 bool) []route {
	tables := make(map[uint32][]route)
	for _, r := range m.routes {
		if r.dst.Addr().Is6() == v6 {
			tables[r.table] = append(tables[r.table], r)
		}
	}
	for _, t := range tables {
		slices.SortStableFunc(t, func(a, b route) int { return cmp.Compare(a.metric, b.metric) })
	}
	var out []route
	for _, rule := range m.rulesOf(v6, tables) {
		if rule.blocked {
			break
		}
		for _, r := range tables[rule.table] {
			if r.dst.Bits() > rule.longer {
				out = append(out, r)
			}
		}
	}
	return out
}

// rulesOf returns the rules of one family in order. Where none is known, each
// table has one, by falling number: local, main, default, then the others.
func (m *netmap) rulesOf(v6 bool, tables map[uint32][]route) []rule {
	var rules []rule
	for _, r := range m.rules {
		if r.v6 == v6 {
			rules = append(rules, r)
		}
	}
	if rules == nil {
		for t := range tables {
			rules = append(rules, rule{priority: -t, table: t, longer: -1})
		}
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return cmp.Compare(a.priority, b.priority) })
	return rules
}

// fillSource finds the address that packets by r come from: the route's own,
// one of its interface, or, for an interface without any, of another (RFC 1812
// section 2.2.7). Without one there is no way by r.
func (m *netmap) fillSource(r *route) bool {
	if r.source.IsValid() {
		return true
	}
	best := 0
	for _, a := range m.addrs {
		if score := m.sourceScore(r, a); score > best {
			best, r.source = score, a.prefix.Addr()
		}
	}
	return best > 0
}

func (m *netmap) sourceScore(r *route, a address) int {
	ip := a.prefix.Addr()
	if _, ok := m.links[a.link]; !ok || !a.global() || ip.Is6() != r.dst.Addr().Is6() {
		return 0
	}
	score := 1
	if !a.fading {
		score++
	}
	if r.gateway.IsValid() && a.prefix.Contains(r.gateway) {
		score += 2
	}
	if a.link == r.link {
		score += 4
	}
	return score
}

// nets is every destination that can be reached, this machine included.
func (m *netmap) nets(exits, near []route) []Destination {
	out := make([]Destination, 0, len(exits)+len(near)+len(m.addrs))
	for _, routes := range [...][]route{exits, near} {
		for _, r := range routes {
			out = append(out, Destination{r.dst, m.links[r.link].metered})
		}
	}
	for _, a := range m.addrs {
		out = append(out, Destination{Prefix: netip.PrefixFrom(a.prefix.Addr(), a.prefix.Addr().BitLen())})
	}
	return out
}

// fingerprint is equal for two readings exactly if mail takes the same ways:
// same links, not gone in between, as costly, same gateways and addresses. Networks of
// inner links count only where there is nothing else, so that a container
// that starts is no change of network.
func (m *netmap) fingerprint(exits, near []route) [sha256.Size]byte {
	h := sha256.New()
	for _, r := range exits {
		m.describe(h, r)
	}
	for _, r := range near {
		if len(exits) == 0 || !m.links[r.link].inner {
			m.describe(h, r)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (m *netmap) describe(h io.Writer, r route) {
	fmt.Fprintln(h, r.dst, r.gateway, r.source, r.link, m.links[r.link].risen, m.links[r.link].metered)
}
