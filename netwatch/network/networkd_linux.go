package network

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/godbus/dbus/v5"

	"mailcrane/netwatch/bus"
	"mailcrane/netwatch/portal"
)

// Names of systemd-networkd's D-Bus interface (org.freedesktop.network1(5)).
const (
	networkdName = "org.freedesktop.network1"
	networkdPath = dbus.ObjectPath("/org/freedesktop/network1")
)

// networkd is what systemd-networkd knows and the kernel cannot: whether it is still
// at work on a link, the wireless network, and what the network itself says of a
// captive portal. Links, addresses and routes, and so whether it is online, are known
// from the kernel, and sooner.
func networkd() bus.Service[picture] {
	return bus.Service[picture]{
		Name: networkdName,
		Signals: [][]dbus.MatchOption{{
			dbus.WithMatchPathNamespace(networkdPath + "/link"),
			dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"),
			dbus.WithMatchArg(0, networkdName+".Link"),
		}},
		Look: lookAtNetworkd,
	}
}

// networkdPicture is what systemd-networkd says of links (Describe, since systemd
// 249; CaptivePortal since 254).
type networkdPicture struct {
	Interfaces []struct {
		Name                string
		SSID                string
		AdministrativeState string
		CaptivePortal       string // RFC 8910
	}
}

// mostDescription bounds how much it may say, which is some 3,000 octets for a link.
const mostDescription = 4 << 20

func lookAtNetworkd(ctx context.Context, conn *dbus.Conn) (picture, error) {
	var text string
	err := conn.Object(networkdName, networkdPath).
		CallWithContext(ctx, networkdName+".Manager.Describe", dbus.FlagNoAutoStart).Store(&text)
	if err != nil {
		return nil, err
	}
	return readNetworkd(text)
}

func readNetworkd(text string) (picture, error) {
	if len(text) > mostDescription {
		return nil, fmt.Errorf("systemd-networkd describes the links in %d octets", len(text))
	}
	var p networkdPicture
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, fmt.Errorf("what systemd-networkd says cannot be understood: %w", err)
	}
	return p, nil
}

// fill adds the picture.
func (p networkdPicture) fill(f *facts) {
	for _, i := range p.Interfaces {
		l := f.link(printable(bounded(i.Name)))
		if l == nil {
			continue
		}
		if i.SSID != "" && l.ssid == "" {
			l.ssid = printable(bounded(i.SSID))
		}
		switch i.AdministrativeState {
		case "pending", "initialized", "configuring":
			l.setup = "systemd-networkd is still configuring it"
		case "failed":
			l.setup = "systemd-networkd has failed to configure it"
		}
		if l.usable() && asksByHTTP(i.CaptivePortal) {
			f.checks = append(f.checks, portal.Question{Kind: portal.AsksAPI, URL: i.CaptivePortal})
		}
	}
}

// mostURL bounds the address of a portal's API: an option of DHCP is 255 octets.
const mostURL = 1000

// asksByHTTP says that text is an address that can be asked. A network without a
// portal names urn:ietf:params:capport:unrestricted (RFC 8910 section 2).
func asksByHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= mostURL && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
