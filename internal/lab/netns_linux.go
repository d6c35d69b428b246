package lab

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The addresses of the network lab. The smarthost is not on the laptop's own
// link, so the way to it is the default route.
const (
	LaptopIP    = "198.51.100.2"
	RoamedIP    = "198.51.100.77"
	GatewayIP   = "198.51.100.1"
	SmarthostIP = "203.0.113.25"

	laptopIP6    = "2001:db8:1::2"
	gatewayIP6   = "2001:db8:1::1"
	SmarthostIP6 = "2001:db8:2::25"
)

// A Network is a laptop and its gateway, as two network namespaces joined by
// a cable; nothing else is reachable from either. For a Command in the laptop,
// the name smarthost.test is SmarthostIP and SmarthostIP6 (both in the lab's
// good certificate), and every other name stays without an answer.
type Network struct {
	Laptop, Gateway *Namespace
	t               testing.TB
}

// A Namespace is one of the two, or a machine's.
type Namespace struct {
	// Name is the namespace's name for ip netns; a machine's has none there.
	Name string
	file string // by which it is entered
	t    testing.TB
}

// Netns makes a network, with its cable in and the route up, that is gone when
// the test ends.
func Netns(t testing.TB) *Network {
	t.Helper()
	return newNetwork(t, func(n *Network) {
		n.ip("link add eth0 netns " + n.Laptop.Name + " type veth peer name up0 netns " + n.Gateway.Name)
	})
}

// newNetwork has cable make eth0 in the laptop and up0 in the gateway.
func newNetwork(t testing.TB, cable func(*Network)) *Network {
	t.Helper()
	needRoot(t, "network namespaces")
	if _, err := exec.LookPath("ip"); err != nil {
		Missing(t, "ip", "internal/lab/lab.sh install clients")
	}
	tag := strings.ToLower(rand.Text()[:8])
	n := &Network{
		t:       t,
		Laptop:  newNamespace(t, "mailcrane-"+tag+"-laptop"),
		Gateway: newNamespace(t, "mailcrane-"+tag+"-gateway"),
	}
	n.Laptop.names(t, fmt.Sprintf("127.0.0.1 localhost\n%s smarthost.test\n%s smarthost.test\n", SmarthostIP, SmarthostIP6))
	cable(n)
	for _, command := range []string{
		"link set lo up",
		"addr add " + GatewayIP + "/24 dev up0",
		"addr add " + gatewayIP6 + "/64 dev up0 nodad",
		"addr add " + SmarthostIP + "/32 dev lo",
		"addr add " + SmarthostIP6 + "/128 dev lo nodad",
		"link set up0 up",
	} {
		n.Gateway.ip(command)
	}
	n.Laptop.ip("link set lo up")
	n.Laptop.ip("link set eth0 up")
	n.Laptop.ip("addr add " + laptopIP6 + "/64 dev eth0 nodad")
	n.Laptop.ip("addr add " + LaptopIP + "/24 dev eth0")
	n.RouteUp()
	return n
}

// RouteUp gives the laptop its default routes, RouteDown takes them away.
func (n *Network) RouteUp() {
	n.t.Helper()
	n.Laptop.ip("route replace default via " + GatewayIP)
	n.Laptop.ip("-6 route replace default via " + gatewayIP6)
}

// RouteDown takes the laptop's default routes away.
func (n *Network) RouteDown() {
	n.t.Helper()
	n.Laptop.ip("route del default")
	n.Laptop.ip("-6 route del default")
}

// SmarthostAtHome gives the laptop the smarthost's address: a server there is
// reached over its loopback.
func (n *Network) SmarthostAtHome() {
	n.t.Helper()
	n.Laptop.ip("addr add " + SmarthostIP + "/32 dev lo")
}

// PlugOut pulls the cable at the far end: the laptop keeps its addresses and
// routes and loses the carrier. The kernel joins changes that come within
// about a second of each other.
func (n *Network) PlugOut() { n.t.Helper(); n.Gateway.ip("link set up0 down") }

// PlugIn puts the cable back.
func (n *Network) PlugIn() {
	n.t.Helper()
	n.Gateway.ip("link set up0 up")
	// IPv6 addresses went with the link.
	n.Gateway.ip("addr replace " + gatewayIP6 + "/64 dev up0 nodad")
}

// Roam gives the laptop another address, as on another network.
func (n *Network) Roam() {
	n.t.Helper()
	n.Laptop.ip("addr del " + LaptopIP + "/24 dev eth0")
	n.Laptop.ip("addr add " + RoamedIP + "/24 dev eth0")
	n.RouteUp()
}

// Silence makes the gateway swallow what it should answer: the laptop's route
// looks well and nothing ever comes back. Answer ends that.
func (n *Network) Silence() {
	n.t.Helper()
	for _, ip := range []string{LaptopIP, RoamedIP, laptopIP6} {
		n.Gateway.ip("route add blackhole " + ip)
	}
}

// Narrow has what leaves the laptop go at so many bits a second, as tc says them.
func (n *Network) Narrow(rate string) {
	n.t.Helper()
	shape := n.Laptop.Command("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "2kb", "latency", "10s")
	if out, err := shape.CombinedOutput(); err != nil {
		n.t.Fatalf("tc: %v: %s", err, out)
	}
}

// Answer ends Silence.
func (n *Network) Answer() {
	n.t.Helper()
	for _, ip := range []string{LaptopIP, RoamedIP, laptopIP6} {
		n.Gateway.ip("route del blackhole " + ip)
	}
}

// Command is a command to be run in the namespace.
func (s *Namespace) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", s.Name, name}, args...)...)
}

// Do runs f on a thread that is in the namespace. Sockets that f opens stay
// there; goroutines that f starts are not in it.
func (s *Namespace) Do(f func() error) error {
	result := make(chan error, 1)
	go func() {
		// The thread is never given back: it ends with this goroutine, so that
		// no other goroutine can find itself in the wrong network.
		runtime.LockOSThread()
		result <- s.enter(f)
	}()
	return <-result
}

func (s *Namespace) enter(f func() error) error {
	fd, err := os.Open(s.file)
	if err != nil {
		return err
	}
	defer fd.Close()
	if err := unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("cannot enter %s: %w", s.Name, err)
	}
	return f()
}

// Listen listens in the namespace for this process, until the test ends.
func (s *Namespace) Listen(address string) net.Listener {
	s.t.Helper()
	var l net.Listener
	err := s.Do(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		s.t.Fatalf("cannot listen on %s in %s: %v", address, s.Name, err)
	}
	s.t.Cleanup(func() { l.Close() })
	return l
}

func newNamespace(t testing.TB, name string) *Namespace {
	t.Helper()
	s := &Namespace{name, filepath.Join("/run/netns", name), t}
	run(t, "netns add "+name)
	t.Cleanup(func() { run(t, "netns del "+name) })
	return s
}

// names says what hosts the commands run in the namespace know. ip netns exec
// puts these files over those in /etc.
func (s *Namespace) names(t testing.TB, hosts string) {
	t.Helper()
	dir := filepath.Join("/etc/netns", s.Name)
	// What is above it stays: another test may be about to use it.
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"hosts": hosts, "resolv.conf": "nameserver " + GatewayIP + "\noptions timeout:1 attempts:1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (n *Network) ip(command string) { n.t.Helper(); run(n.t, command) }

func (s *Namespace) ip(command string) { s.t.Helper(); run(s.t, "-n "+s.Name+" "+command) }

func run(t testing.TB, command string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", command, err, out)
	}
}
