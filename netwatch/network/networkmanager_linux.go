package network

import (
	"context"
	"slices"

	"github.com/godbus/dbus/v5"

	"mailcrane/netwatch/bus"
	"mailcrane/netwatch/portal"
)

// Names and numbers of NetworkManager's D-Bus interface
// (networkmanager.dev/docs/api/latest/spec.html and nm-dbus-types.html).
const (
	nmName    = "org.freedesktop.NetworkManager"
	nmPath    = dbus.ObjectPath("/org/freedesktop/NetworkManager")
	nmActive  = nmName + ".Connection.Active"
	nmDevice  = nmName + ".Device"
	nmAP      = nmName + ".AccessPoint"
	nmWiFi    = nmDevice + ".Wireless"
	nmPortal  = 2  // NM_CONNECTIVITY_PORTAL
	nmMaking  = 1  // NM_ACTIVE_CONNECTION_STATE_ACTIVATING
	nmUp      = 2  // NM_ACTIVE_CONNECTION_STATE_ACTIVATED
	nmAsks    = 60 // NM_DEVICE_STATE_NEED_AUTH
	nmIsWiFi  = 2  // NM_DEVICE_TYPE_WIFI
	nmCosts   = 1  // NM_METERED_YES
	nmFree    = 2  // NM_METERED_NO
	nmMayCost = 3  // NM_METERED_GUESS_YES
)

// nmMost bounds how many connections are looked at, and devices of each.
const nmMost = 64

// networkManager is what NetworkManager knows and the kernel cannot: a captive
// portal, what costs, what is a VPN, what things are called.
func networkManager() bus.Service[picture] {
	// A strength, a bit rate, a scan and a counter of octets are properties of other
	// interfaces, so that none of them wakes us. What belongs to a connection is
	// there before it is activated.
	changed := func(path dbus.MatchOption, iface string) []dbus.MatchOption {
		return []dbus.MatchOption{
			path, dbus.WithMatchInterface("org.freedesktop.DBus.Properties"),
			dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchArg(0, iface),
		}
	}
	return bus.Service[picture]{
		Name: nmName,
		Signals: [][]dbus.MatchOption{
			changed(dbus.WithMatchObjectPath(nmPath), nmName),
			changed(dbus.WithMatchPathNamespace(nmPath+"/ActiveConnection"), nmActive),
			changed(dbus.WithMatchPathNamespace(nmPath+"/Devices"), nmDevice),
		},
		Look: lookAtNetworkManager,
	}
}

// nmPicture is what NetworkManager says.
type nmPicture struct {
	portal  bool
	primary int    // index of the connection in use, or -1
	probe   string // what it asks to find a portal, or ""
	active  []nmConnection
}

// nmConnection is one that is fully activated, or on the way there.
type nmConnection struct {
	name    string
	making  bool // it is not there yet, and says no more than that
	vpn     bool // and its devices are those that it stands on
	tunnel  bool // a VPN, and its device is the tunnel
	devices []nmLink
}

type nmLink struct {
	name, ssid string
	metered    uint32
	asks       bool // it waits for a password
}

func lookAtNetworkManager(ctx context.Context, conn *dbus.Conn) (picture, error) {
	manager, err := bus.PropertiesOf(ctx, conn, nmName, nmPath, nmName)
	if err != nil {
		return nil, err
	}
	p := nmPicture{portal: bus.Property[uint32](manager, "Connectivity") == nmPortal, primary: -1}
	if bus.Property[bool](manager, "ConnectivityCheckEnabled") {
		p.probe = bus.Property[string](manager, "ConnectivityCheckUri")
	}
	paths := bus.Property[[]dbus.ObjectPath](manager, "ActiveConnections")
	for _, path := range paths[:min(len(paths), nmMost)] {
		// One that has gone meanwhile has no properties, and has sent a signal.
		c, err := lookAtConnection(ctx, conn, path)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil || c.name == "" {
			continue
		}
		if path == bus.Property[dbus.ObjectPath](manager, "PrimaryConnection") {
			p.primary = len(p.active)
		}
		p.active = append(p.active, c)
	}
	return p, nil
}

// lookAtConnection reads one connection, which has no name where it neither is there
// nor comes.
func lookAtConnection(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath) (c nmConnection, err error) {
	active, err := bus.PropertiesOf(ctx, conn, nmName, path, nmActive)
	state := bus.Property[uint32](active, "State")
	if err != nil || state != nmUp && state != nmMaking {
		return c, err
	}
	c = connectionOf(active)
	c.making = state == nmMaking
	devices := bus.Property[[]dbus.ObjectPath](active, "Devices")
	for _, path := range devices[:min(len(devices), nmMost)] {
		device, err := bus.PropertiesOf(ctx, conn, nmName, path, nmDevice)
		if err != nil {
			return c, err
		}
		l := linkOf(device)
		if bus.Property[uint32](device, "DeviceType") == nmIsWiFi {
			if l.ssid, err = ssidOf(ctx, conn, path); err != nil {
				return c, err
			}
		}
		c.devices = append(c.devices, l)
	}
	return c, nil
}

func connectionOf(active bus.Properties) nmConnection {
	return nmConnection{
		name:   printable(bounded(bus.Property[string](active, "Id"))),
		vpn:    bus.Property[bool](active, "Vpn"),
		tunnel: bus.Property[string](active, "Type") == "wireguard",
	}
}

func linkOf(device bus.Properties) nmLink {
	// A modem's packets go by another interface than the one that it is ruled by.
	name := bus.Property[string](device, "IpInterface")
	if name == "" {
		name = bus.Property[string](device, "Interface")
	}
	return nmLink{name: printable(bounded(name)), metered: bus.Property[uint32](device, "Metered"), asks: bus.Property[uint32](device, "State") == nmAsks}
}

// ssidOf is the wireless network of a device, or "" where it is in none.
func ssidOf(ctx context.Context, conn *dbus.Conn, device dbus.ObjectPath) (string, error) {
	wifi, err := bus.PropertiesOf(ctx, conn, nmName, device, nmWiFi)
	if err != nil {
		return "", err
	}
	path := bus.Property[dbus.ObjectPath](wifi, "ActiveAccessPoint")
	if path == "" || path == "/" {
		return "", nil
	}
	point, err := bus.PropertiesOf(ctx, conn, nmName, path, nmAP)
	return printable(bounded(string(bus.Property[[]byte](point, "Ssid")))), err
}

// mostName is how many octets of a name count, of which there are 32 in an SSID
// (IEEE 802.11).
const mostName = 128

func bounded(name string) string { return name[:min(len(name), mostName)] }

// fill adds the picture. A connection counts as long as a link that carries it is
// usable: NetworkManager gives one whose cable was pulled some seconds to come back.
func (p nmPicture) fill(f *facts) {
	if p.probe != "" {
		f.checks = append(f.checks, portal.Question{Kind: portal.AsksSystem, URL: p.probe})
	}
	for i, c := range p.active {
		if c.making {
			c.fillSetup(f)
			continue
		}
		if !c.carried(f.links) {
			continue
		}
		if c.vpn || c.tunnel {
			f.vpns = append(f.vpns, c.name)
		}
		if p.portal && i == p.primary {
			f.captive = "NetworkManager"
		}
		for _, d := range c.devices {
			if l := f.link(d.name); l != nil {
				d.fill(l, c)
			}
		}
	}
}

// fillSetup says of the connection's links that they are not ready yet.
func (c nmConnection) fillSetup(f *facts) {
	for _, d := range c.devices {
		l := f.link(d.name)
		switch {
		case l == nil || c.vpn:
		case d.asks:
			l.setup = "NetworkManager waits for the password of " + c.name
		default:
			l.setup = "NetworkManager is still connecting it to " + c.name
		}
	}
}

func (c nmConnection) carried(links []link) bool {
	return len(c.devices) == 0 || slices.ContainsFunc(c.devices, func(d nmLink) bool {
		return slices.ContainsFunc(links, func(l link) bool { return l.name == d.name && l.usable() })
	})
}

// fill adds what is said of the link. A person's word that its octets cost, or do
// not, is above every guess; of two guesses the one that it costs is taken.
func (d nmLink) fill(l *link, c nmConnection) {
	switch d.metered {
	case nmCosts, nmMayCost:
		l.metered = true
	case nmFree:
		l.metered = false
	}
	if c.vpn {
		return // it is named for what it stands on
	}
	l.connection = c.name
	l.tunnel = l.tunnel || c.tunnel
	if d.ssid != "" {
		l.ssid = d.ssid
	}
}
