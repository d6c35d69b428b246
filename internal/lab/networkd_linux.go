package lab

import "testing"

// A Networkd is a real systemd-networkd that manages a network's laptop.
type Networkd struct {
	*Managed
	daemon *daemon
}

// NewNetworkd has systemd-networkd manage n's laptop. network is the section
// [Network] of the cable's systemd.network(5).
func NewNetworkd(t testing.TB, n *Network, network string) *Networkd {
	t.Helper()
	m := &Networkd{Managed: managed(t, n)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.Log("systemd-networkd"))
		}
	})
	// What tmpfiles.d(5) makes where systemd is booted.
	m.run("install", "-d", "-o", "systemd-network", "-g", "systemd-network",
		"/run/systemd/netif", "/run/systemd/netif/links", "/run/systemd/netif/leases", "/run/systemd/netif/lldp")
	m.write(network)
	m.Start()
	return m
}

func (m *Networkd) write(network string) {
	m.t.Helper()
	m.Write("/etc/systemd/network/lan.network", "[Match]\nName=eth0\n[Network]\n"+network+"\nLinkLocalAddressing=no\n", 0o644)
}

// Configure has the cable configured anew.
func (m *Networkd) Configure(network string) {
	m.t.Helper()
	m.write(network)
	m.run("networkctl", "reload")
	m.run("networkctl", "reconfigure", "eth0")
}

// Start starts systemd-networkd.
func (m *Networkd) Start() { m.t.Helper(); m.daemon = m.start("/lib/systemd/systemd-networkd") }

// Stop ends it.
func (m *Networkd) Stop() { m.t.Helper(); m.daemon.stop() }
