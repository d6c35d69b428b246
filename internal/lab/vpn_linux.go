package lab

import (
	"encoding/binary"
	"net/netip"

	"github.com/godbus/dbus/v5"
)

// Names and numbers of the interface between NetworkManager and its VPN plugins
// (networkmanager.dev/docs/api/latest/gdbus-org.freedesktop.NetworkManager.VPN.Plugin.html).
const (
	vpnName    = "org.freedesktop.NetworkManager.lab"
	vpnPath    = dbus.ObjectPath("/org/freedesktop/NetworkManager/VPN/Plugin")
	vpnPlugin  = "org.freedesktop.NetworkManager.VPN.Plugin"
	vpnDevice  = "tun1"
	vpnStarted = 4 // NM_VPN_SERVICE_STATE_STARTED
	vpnStopped = 6 // NM_VPN_SERVICE_STATE_STOPPED
)

const vpnDescription = `[VPN Connection]
name=lab
service=` + vpnName + `
program=/bin/false
`

const vpnPolicy = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="` + vpnName + `"/><allow send_destination="` + vpnName + `"/></policy></busconfig>
`

// A VPN is a plugin of NetworkManager's whose tunnel leads nowhere.
type vpn struct{ conn *dbus.Conn }

// VPN brings up a connection that NetworkManager knows to be a VPN, which it takes
// from a plugin as it does OpenVPN's or L2TP's. nmcli connection down ends it.
func (m *NetworkManager) VPN(name string) {
	m.t.Helper()
	m.Write("/etc/dbus-1/system.d/lab.conf", vpnPolicy, 0o644)
	m.run("dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.ReloadConfig")
	end, err := m.network.Laptop.tun(vpnDevice)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { end.Close() })
	conn, err := dbus.Connect(m.Bus())
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = conn.Close() })
	if err = conn.Export(vpn{conn}, vpnPath, vpnPlugin); err == nil {
		_, err = conn.RequestName(vpnName, dbus.NameFlagDoNotQueue)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.Nmcli("connection", "add", "type", "vpn", "con-name", name, "vpn-type", "lab", "autoconnect", "no", "ipv4.never-default", "yes")
	m.Nmcli("connection", "up", name)
}

// NeedSecrets says that none are needed.
func (vpn) NeedSecrets(map[string]map[string]dbus.Variant) (string, *dbus.Error) { return "", nil }

// ConnectInteractive is Connect.
func (v vpn) ConnectInteractive(c map[string]map[string]dbus.Variant, _ map[string]dbus.Variant) *dbus.Error {
	return v.Connect(c)
}

// Connect is up at once.
func (v vpn) Connect(map[string]map[string]dbus.Variant) *dbus.Error {
	v.emit("Config", map[string]dbus.Variant{
		"tundev": dbus.MakeVariant(vpnDevice), "gateway": dbus.MakeVariant(octets(GatewayIP)), "has-ip4": dbus.MakeVariant(true),
	})
	v.emit("Ip4Config", map[string]dbus.Variant{
		"address": dbus.MakeVariant(octets("10.10.0.2")), "prefix": dbus.MakeVariant(uint32(24)),
	})
	v.emit("StateChanged", uint32(vpnStarted))
	return nil
}

// Disconnect ends it.
func (v vpn) Disconnect() *dbus.Error { v.emit("StateChanged", uint32(vpnStopped)); return nil }

func (v vpn) emit(signal string, value any) { _ = v.conn.Emit(vpnPath, vpnPlugin+"."+signal, value) }

// octets is an address as NetworkManager has it: in the order of the network, as a
// number of this machine.
func octets(address string) uint32 {
	four := netip.MustParseAddr(address).As4()
	return binary.NativeEndian.Uint32(four[:])
}
