package network

import (
	"fmt"
	"strings"
)

// reasonLinks is how many interfaces a reason names at most.
const reasonLinks = 4

func describeExit(l link, r route) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is up, ", l.name)
	if r.dst.Bits() == 0 {
		b.WriteString("default route")
	} else {
		fmt.Fprintf(&b, "no default route, but one to %s", r.dst)
	}
	if r.gateway.IsValid() {
		fmt.Fprintf(&b, " via %s", r.gateway)
	}
	if l.metered {
		b.WriteString(", metered")
	}
	return b.String()
}

// describeNone says why there is no way out, by the link that is nearest to
// being one.
func describeNone(links []link, m *netmap) string {
	var nearest link
	best := 0
	for _, l := range links {
		if !l.usable() {
			continue
		}
		score := 1
		if !l.inner {
			score += 2
		}
		if m.hasAddress(l.index) {
			score += 4
		}
		if score > best {
			best, nearest = score, l
		}
	}
	switch {
	case best == 0:
		return describeDown(links)
	case best < 4:
		return nearest.name + " is up, but has no address" + nearest.because()
	}
	return nearest.name + " is up, but there is no default route" + nearest.because()
}

// because is why a link is not ready, where somebody knows.
func (l link) because() string {
	if l.setup == "" {
		return ""
	}
	return ": " + l.setup
}

func (m *netmap) hasAddress(index int) bool {
	for _, a := range m.addrs {
		if a.link == index && a.global() {
			return true
		}
	}
	return false
}

func describeDown(links []link) string {
	var parts []string
	for _, l := range links {
		switch {
		case l.loopback:
		case len(parts) == reasonLinks:
			parts = append(parts, "…")
		case len(parts) > reasonLinks:
		case !l.up:
			parts = append(parts, l.name+" is switched off")
		default:
			parts = append(parts, l.name+" is not connected"+l.because())
		}
	}
	if len(parts) == 0 {
		return "no network: there is no interface but loopback"
	}
	return "no network: no interface is up (" + strings.Join(parts, ", ") + ")"
}
