package lab

import (
	"io"
	"net/http"
	"os/exec"
	"sync"
	"testing"
)

// A NetworkManager is a real one that manages a network's laptop, with a
// connectivity check that is answered in the gateway.
type NetworkManager struct {
	*Managed
	daemon *daemon
	mu     sync.Mutex
	answer http.HandlerFunc
}

// PortalPage is where the gateway sends everybody while it is a captive portal.
const PortalPage = "http://" + GatewayIP + "/login"

// LAN is the name of the connection that the laptop's cable has.
const LAN = "lan"

// NewNetworkManager has NetworkManager manage n's laptop: its connection LAN is up,
// with LaptopIP and the default route, and nothing is in the way.
func NewNetworkManager(t testing.TB, n *Network) *NetworkManager {
	t.Helper()
	m := &NetworkManager{Managed: managed(t, n), answer: open}
	m.answerChecks(n)
	m.Write("/etc/NetworkManager/conf.d/lab.conf", `[main]
plugins=keyfile
dns=none
auth-polkit=false
no-auto-default=*
[keyfile]
unmanaged-devices=none
[connectivity]
uri=http://`+GatewayIP+`/check
response=OK
interval=300
`, 0o644)
	m.Write("/etc/NetworkManager/system-connections/lan.nmconnection", `[connection]
id=`+LAN+`
type=ethernet
interface-name=eth0
[ipv4]
method=manual
address1=`+LaptopIP+`/24,`+GatewayIP+`
[ipv6]
method=disabled
`, 0o600)
	m.Write("/etc/NetworkManager/VPN/lab.name", vpnDescription, 0o644)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.Log("NetworkManager"))
		}
	})
	m.Start()
	return m
}

// answerChecks is the server that NetworkManager asks whether it is on the
// Internet.
func (m *NetworkManager) answerChecks(n *Network) {
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		answer := m.answer
		m.mu.Unlock()
		answer(w, r)
	})}
	listener := n.Gateway.Listen(GatewayIP + ":80")
	go func() { _ = server.Serve(listener) }()
	m.t.Cleanup(func() { _ = server.Close() })
}

func open(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") }

func captive(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/login" {
		_, _ = io.WriteString(w, "<title>Please log in</title>")
		return
	}
	http.Redirect(w, r, PortalPage, http.StatusFound)
}

// Capture makes the gateway a captive portal, and Release ends that. Each has
// NetworkManager look, as it does by itself when a connection comes up and every
// five minutes; it returns when NetworkManager knows.
func (m *NetworkManager) Capture() { m.t.Helper(); m.check(captive, "portal") }

// Release ends Capture.
func (m *NetworkManager) Release() { m.t.Helper(); m.check(open, "full") }

func (m *NetworkManager) check(answer http.HandlerFunc, want string) {
	m.t.Helper()
	m.mu.Lock()
	m.answer = answer
	m.mu.Unlock()
	if got := m.Nmcli("networking", "connectivity", "check"); got != want {
		m.t.Fatalf("NetworkManager finds connectivity %q, want %q", got, want)
	}
}

// Nmcli runs nmcli(1), which returns when what it says has been done.
func (m *NetworkManager) Nmcli(args ...string) string {
	m.t.Helper()
	return m.run("nmcli", args...)
}

// Meter says whether the octets of LAN cost: yes, no, or unknown.
func (m *NetworkManager) Meter(metered string) {
	m.t.Helper()
	m.Nmcli("connection", "modify", LAN, "connection.metered", metered)
	m.Nmcli("device", "reapply", "eth0")
}

// Start starts NetworkManager, and returns when LAN is up.
func (m *NetworkManager) Start() {
	m.t.Helper()
	m.daemon = m.start("NetworkManager", "--no-daemon")
	m.Await(func() *exec.Cmd { return m.Command("nm-online", "--quiet", "--timeout=10") })
}

// Stop ends NetworkManager, which leaves the interfaces as they are.
func (m *NetworkManager) Stop() { m.t.Helper(); m.daemon.stop() }

// Hang stops NetworkManager without ending it: it answers nobody until Wake.
func (m *NetworkManager) Hang() { m.t.Helper(); m.daemon.signal("STOP") }

// Wake ends Hang.
func (m *NetworkManager) Wake() { m.t.Helper(); m.daemon.wake() }

// Tunnel brings up a connection of a name whose device is a tunnel, tun0, with a
// network behind it, which is ended by nmcli connection down.
func (m *NetworkManager) Tunnel(name string) {
	m.t.Helper()
	m.Nmcli("connection", "add", "type", "tun", "con-name", name, "ifname", "tun0", "mode", "tun", "autoconnect", "no",
		"ipv4.method", "manual", "ipv4.addresses", "10.9.0.2/24", "ipv6.method", "disabled")
	m.Nmcli("--wait", "0", "connection", "up", name)
	m.Await(func() *exec.Cmd { return m.Command("test", "-e", "/sys/class/net/tun0") })
	// A tunnel carries while somebody has hold of its far end, which NetworkManager
	// waits for some seconds.
	end, err := m.network.Laptop.tun("tun0")
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { end.Close() })
	m.Await(func() *exec.Cmd {
		return m.Command("sh", "-c", `nmcli -g GENERAL.STATE connection show "$0" | grep -qx activated`, name)
	})
}

// Rename brings up another connection in LAN's place, which is called "lan 2".
func (m *NetworkManager) Rename() {
	m.t.Helper()
	m.Nmcli("connection", "clone", LAN, LAN+" 2")
	m.Nmcli("connection", "modify", LAN+" 2", "connection.autoconnect", "no")
	m.Nmcli("connection", "up", LAN+" 2")
}
