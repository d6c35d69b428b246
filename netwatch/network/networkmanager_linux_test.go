package network

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"mailcrane/internal/lab"
	"mailcrane/netwatch/bus"
	"mailcrane/netwatch/portal"
)

// of makes properties of names and values in turn.
func of(pairs ...any) bus.Properties {
	p := make(bus.Properties)
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i].(string)] = dbus.MakeVariant(pairs[i+1])
	}
	return p
}

func paths(p ...dbus.ObjectPath) []dbus.ObjectPath { return p }

const (
	nmHome   = nmPath + "/ActiveConnection/1"
	nmOffice = nmPath + "/ActiveConnection/2"
	nmCable  = nmPath + "/Devices/2"
	nmRadio  = nmPath + "/Devices/3"
	nmWG     = nmPath + "/Devices/4"
	nmModem  = nmPath + "/Devices/5"
	nmPoint  = nmPath + "/AccessPoint/7"
)

// nmAtHome is a NetworkManager with one connection by cable.
func nmAtHome() lab.Objects {
	return lab.Objects{
		nmPath: {nmName: of("Connectivity", uint32(4), "ConnectivityCheckEnabled", true,
			"ConnectivityCheckUri", "http://check.example/", "PrimaryConnection", nmHome, "ActiveConnections", paths(nmHome))},
		nmHome:  {nmActive: of("Id", "Home", "Type", "802-3-ethernet", "State", uint32(nmUp), "Vpn", false, "Devices", paths(nmCable))},
		nmCable: {nmDevice: of("Interface", "eth0", "IpInterface", "eth0", "DeviceType", uint32(1), "Metered", uint32(4))},
	}
}

func TestWhatNetworkManagerSaysIsRead(t *testing.T) {
	home := nmConnection{name: "Home", devices: []nmLink{{name: "eth0", metered: 4}}}
	add := func(o lab.Objects, active ...dbus.ObjectPath) {
		o[nmPath][nmName]["ActiveConnections"] = dbus.MakeVariant(append(paths(nmHome), active...))
	}
	b := lab.NewBus(t)
	for _, c := range []struct {
		reason string
		change func(o lab.Objects)
		want   nmPicture
	}{
		{
			"a cable", func(lab.Objects) {},
			nmPicture{probe: "http://check.example/", active: []nmConnection{home}},
		},
		{"a portal, and no check that is switched on", func(o lab.Objects) {
			o[nmPath][nmName]["Connectivity"] = dbus.MakeVariant(uint32(nmPortal))
			o[nmPath][nmName]["ConnectivityCheckEnabled"] = dbus.MakeVariant(false)
		}, nmPicture{portal: true, active: []nmConnection{home}}},
		{
			"an old NetworkManager that says less", func(o lab.Objects) {
				o[nmPath][nmName] = of("ActiveConnections", paths(nmHome))
				o[nmCable][nmDevice] = of("Interface", "eth0")
			},
			nmPicture{primary: -1, active: []nmConnection{{name: "Home", devices: []nmLink{{name: "eth0"}}}}},
		},
		{"properties of another type", func(o lab.Objects) {
			o[nmPath][nmName] = of("Connectivity", "portal", "ActiveConnections", "all of them", "PrimaryConnection", uint32(7))
		}, nmPicture{primary: -1}},
		{
			"one that is still being made", func(o lab.Objects) {
				add(o, nmOffice)
				o[nmOffice] = map[string]map[string]dbus.Variant{nmActive: of("Id", "Office", "State", uint32(nmMaking), "Devices", paths(nmWG))}
				o[nmWG] = map[string]map[string]dbus.Variant{nmDevice: of("Interface", "wg0", "State", uint32(nmAsks))}
			},
			nmPicture{probe: "http://check.example/", active: []nmConnection{home, {name: "Office", making: true, devices: []nmLink{{name: "wg0", asks: true}}}}},
		},
		{
			"one that is being ended", func(o lab.Objects) {
				add(o, nmOffice)
				o[nmOffice] = map[string]map[string]dbus.Variant{nmActive: of("Id", "Office", "State", uint32(3), "Vpn", true)}
			},
			nmPicture{probe: "http://check.example/", active: []nmConnection{home}},
		},
		{
			"one that has gone meanwhile", func(o lab.Objects) { add(o, nmOffice) },
			nmPicture{probe: "http://check.example/", active: []nmConnection{home}},
		},
		{
			"a VPN on the cable", func(o lab.Objects) {
				add(o, nmOffice)
				o[nmOffice] = map[string]map[string]dbus.Variant{nmActive: of("Id", "Office", "Type", "vpn", "State", uint32(nmUp), "Vpn", true, "Devices", paths(nmCable))}
			},
			nmPicture{probe: "http://check.example/", active: []nmConnection{home, {name: "Office", vpn: true, devices: home.devices}}},
		},
		{
			"a tunnel with a device of its own", func(o lab.Objects) {
				add(o, nmOffice)
				o[nmOffice] = map[string]map[string]dbus.Variant{nmActive: of("Id", "Office", "Type", "wireguard", "State", uint32(nmUp), "Devices", paths(nmWG))}
				o[nmWG] = map[string]map[string]dbus.Variant{nmDevice: of("Interface", "wg0", "DeviceType", uint32(29))}
			},
			nmPicture{probe: "http://check.example/", active: []nmConnection{home, {name: "Office", tunnel: true, devices: []nmLink{{name: "wg0"}}}}},
		},
		{
			"a wireless network", func(o lab.Objects) {
				o[nmHome][nmActive]["Devices"] = dbus.MakeVariant(paths(nmRadio))
				o[nmRadio] = map[string]map[string]dbus.Variant{
					nmDevice: of("Interface", "wlan0", "DeviceType", uint32(nmIsWiFi), "Metered", uint32(nmMayCost)),
					nmWiFi:   of("ActiveAccessPoint", nmPoint),
				}
				o[nmPoint] = map[string]map[string]dbus.Variant{nmAP: of("Ssid", []byte("Café \x1b"))}
			},
			nmPicture{probe: "http://check.example/", active: []nmConnection{{name: "Home", devices: []nmLink{{name: "wlan0", ssid: `"Café \x1b"`, metered: nmMayCost}}}}},
		},
		{
			"a modem, whose packets go by another interface", func(o lab.Objects) {
				o[nmHome][nmActive]["Devices"] = dbus.MakeVariant(paths(nmModem))
				o[nmModem] = map[string]map[string]dbus.Variant{nmDevice: of("Interface", "cdc-wdm0", "IpInterface", "wwan0", "DeviceType", uint32(8), "Metered", uint32(nmCosts))}
			},
			nmPicture{probe: "http://check.example/", active: []nmConnection{{name: "Home", devices: []nmLink{{name: "wwan0", metered: nmCosts}}}}},
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			objects := nmAtHome()
			c.change(objects)
			f := b.Serve(nmName, objects)
			defer f.Leave(nmName)
			conn, err := dbus.Connect(b.Address, dbus.WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			got, err := lookAtNetworkManager(context.Background(), conn)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestNetworkManagerAddsToWhatTheKernelKnows(t *testing.T) {
	with := func(change func(*nmPicture)) nmPicture {
		p := nmPicture{probe: "http://check.example/", active: []nmConnection{{name: "Home", devices: []nmLink{{name: "eth0"}}}}}
		change(&p)
		return p
	}
	for _, c := range []struct {
		reason  string
		picture nmPicture
		eth0    link // before
		want    link
		vpns    []string
		portal  bool
	}{
		{"a name", with(func(*nmPicture) {}), eth0(), called(eth0(), "Home"), nil, false},
		{"a person says that it costs", with(func(p *nmPicture) { p.active[0].devices[0].metered = nmCosts }), eth0(), called(metered(eth0()), "Home"), nil, false},
		{"it is guessed that it costs", with(func(p *nmPicture) { p.active[0].devices[0].metered = nmMayCost }), eth0(), called(metered(eth0()), "Home"), nil, false},
		{"a person says that it does not cost, whatever the device is", with(func(p *nmPicture) { p.active[0].devices[0].metered = nmFree }), metered(eth0()), called(eth0(), "Home"), nil, false},
		{"it is guessed that it does not cost: it may", with(func(p *nmPicture) { p.active[0].devices[0].metered = 4 }), metered(eth0()), called(metered(eth0()), "Home"), nil, false},
		{"a portal", with(func(p *nmPicture) { p.portal = true }), eth0(), called(eth0(), "Home"), nil, true},
		{"a portal, by no connection in use", with(func(p *nmPicture) { p.portal, p.primary = true, -1 }), eth0(), called(eth0(), "Home"), nil, false},
		{"the kernel knows first that a cable was pulled", with(func(p *nmPicture) { p.portal = true }), unplugged(eth0()), unplugged(eth0()), nil, false},
		{
			"a VPN, which is no name of the cable that it stands on",
			with(func(p *nmPicture) {
				p.active = append(p.active, nmConnection{name: "Office", vpn: true, devices: p.active[0].devices})
			}),
			eth0(), called(eth0(), "Home"),
			[]string{"Office"},
			false,
		},
		{
			"a tunnel whose device the kernel does not show", // in another namespace
			with(func(p *nmPicture) {
				p.active = append(p.active, nmConnection{name: "Office", tunnel: true, devices: []nmLink{{name: "wg9"}}})
			}),
			eth0(), called(eth0(), "Home"),
			nil, false,
		},
		{"it is still being made", with(func(p *nmPicture) { p.active[0].making = true }), eth0(), waits(eth0(), "NetworkManager is still connecting it to Home"), nil, false},
		{"it waits for a person", with(func(p *nmPicture) { p.active[0].making, p.active[0].devices[0].asks = true, true }), unplugged(eth0()), waits(unplugged(eth0()), "NetworkManager waits for the password of Home"), nil, false},
		{
			"loopback is no connection",
			with(func(p *nmPicture) {
				p.active = append(p.active, nmConnection{name: "lo", devices: []nmLink{{name: "lo"}}})
			}),
			eth0(), called(eth0(), "Home"),
			nil, false,
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			f := &facts{links: []link{lo(), c.eth0}}
			c.picture.fill(f)
			if !reflect.DeepEqual(f.links, []link{lo(), c.want}) {
				t.Errorf("links are %+v, want %+v", f.links, c.want)
			}
			if !reflect.DeepEqual(f.vpns, c.vpns) || (f.captive != "") != c.portal {
				t.Errorf("VPNs %q, portal %q", f.vpns, f.captive)
			}
			if want := []portal.Question{{Kind: portal.AsksSystem, URL: "http://check.example/"}}; !reflect.DeepEqual(f.checks, want) {
				t.Errorf("checks %v", f.checks)
			}
		})
	}
}

func called(l link, connection string) link { l.connection = connection; return l }

func TestOnlyWhatMattersWakesUs(t *testing.T) {
	b := lab.NewBus(t)
	s := b.Serve(nmName, nmAtHome())
	l := listen(t, networkManager(), b.Address)
	l.sees("it is well", func(f *facts) bool { return f.link("eth0").connection == "Home" })
	before := s.Looks(nmPath)
	for range 100 {
		s.Emit("/org/freedesktop/NetworkManager/AccessPoint/7", nmAP, "Strength", byte(70))
		s.Emit("/org/freedesktop/NetworkManager/Devices/2", nmWiFi, "LastScan", int64(17))
		s.Emit("/org/freedesktop/NetworkManager/Devices/2", nmWiFi, "Bitrate", uint32(54000))
		s.Emit("/org/freedesktop/NetworkManager/Devices/2", nmDevice+".Statistics", "RxBytes", uint64(17))
		s.Emit("/org/freedesktop/NetworkManager/IP4Config/1", nmName+".IP4Config", "Addresses", "x")
		s.Emit("/org/example", "org.example", "Connectivity", "x")
	}
	s.Set(nmPath, nmName, "Connectivity", uint32(nmPortal))
	l.sees("a portal", func(f *facts) bool { return f.captive != "" })
	if n := s.Looks(nmPath) - before; n != 1 {
		t.Errorf("%d looks after one signal that matters", n)
	}
}

func TestTheNameOfAConnectionIsSafeToShow(t *testing.T) {
	for in, want := range map[string]string{
		"Café am Markt":                  "Café am Markt",
		`Bob's "net"`:                    `Bob's "net"`,
		"\x1b[2J":                        `"\x1b[2J"`,
		"\xff\xfe":                       `"\xff\xfe"`,
		strings.Repeat("x", mostName+50): strings.Repeat("x", mostName),
	} {
		if got := printable(bounded(in)); got != want {
			t.Errorf("%q shown as %s, want %s", in, got, want)
		}
	}
}
