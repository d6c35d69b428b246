package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A Managed is a root inside a network's laptop from which something manages its
// interfaces, with a system bus of its own. What runs there sees neither this
// machine's interfaces nor its bus.
type Managed struct {
	*Machine
	network *Network
	dir     string // shared with it: the bus's socket, the logs
	daemons []*daemon
}

// managed boots the root, in which nothing runs yet but the bus, and takes the
// laptop's addresses and routes away, so that whoever manages it gives it its own.
func managed(t testing.TB, n *Network) *Managed {
	t.Helper()
	if _, err := os.Stat(filepath.Join(Root(), "network-manager/ready")); err != nil {
		Missing(t, "NetworkManager", "internal/lab/lab.sh install network-manager")
	}
	// Short, for the path of a socket has 108 octets at most (unix(7)).
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	pid, end := boot(t, "the laptop's root", n.Laptop.Command(script("network-manager.sh"), "boot", dir))
	m := &Managed{Machine: &Machine{t, pid}, network: n, dir: dir}
	t.Cleanup(func() {
		// The root ends when all in it have, and one whose parent stands still has not.
		for _, d := range m.daemons {
			d.wake()
		}
		end()
		for _, d := range m.daemons {
			d.wait()
		}
	})
	n.Laptop.ip("addr flush dev eth0")
	n.Laptop.ip("link set eth0 down")
	return m
}

// Bus is the address of the laptop's system bus, for DBUS_SYSTEM_BUS_ADDRESS.
func (m *Managed) Bus() string { return "unix:path=" + filepath.Join(m.dir, "bus") }

// run runs a command of the root to its end, and returns what it said.
func (m *Managed) run(name string, args ...string) string {
	m.t.Helper()
	out, err := m.Command(name, args...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// A daemon is one of the root's.
type daemon struct {
	m      *Managed
	name   string
	parent *os.Process // nsenter(1), which stops when the daemon is stopped
	ended  chan struct{}
}

// start runs a daemon of the root, whose words go to a log. It ends with the
// root, if it is not stopped before.
func (m *Managed) start(name string, args ...string) *daemon {
	m.t.Helper()
	log, err := os.OpenFile(m.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	d := &daemon{m: m, name: filepath.Base(name), ended: make(chan struct{})}
	cmd := m.Command("sh", append([]string{"-c", `echo $$ >"/run/$0.pid"; exec "$@"`, d.name, name}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	d.parent = cmd.Process
	go func() {
		defer close(d.ended)
		_ = cmd.Wait()
	}()
	m.daemons = append(m.daemons, d)
	return d
}

// signal sends one by its name: TERM, STOP.
func (d *daemon) signal(name string) {
	d.m.t.Helper()
	d.m.run("sh", "-c", `kill -"$1" "$(cat "/run/$0.pid")"`, d.name, name)
}

// stop returns when the daemon has ended.
func (d *daemon) stop() {
	d.m.t.Helper()
	d.signal("TERM")
	d.wait()
}

// wake has a daemon that was stopped go on.
func (d *daemon) wake() { _ = d.parent.Signal(unix.SIGCONT) }

func (d *daemon) wait() {
	d.wake()
	<-d.ended
}

func (m *Managed) log(name string) string { return filepath.Join(m.dir, filepath.Base(name)+".log") }

// Log is what a daemon of the root has said, for a test that failed.
func (m *Managed) Log(name string) string {
	text, err := os.ReadFile(m.log(name))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}
