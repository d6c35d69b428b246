package netwatch

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A namespace is a network of its own, held by one thread. It has no name and
// no mount, so nothing is left of it even if the test is killed.
type namespace struct {
	t    *testing.T
	jobs chan func()
	file *os.File
	path string
}

// newNamespace makes a namespace whose loopback is up, or skips the test.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("skipped: a network namespace needs root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("skipped: ip (iproute2) is not installed")
	}
	n := &namespace{t: t, jobs: make(chan func())}
	ready, gone := make(chan error), make(chan struct{})
	go n.serve(ready, gone)
	if err := <-ready; err != nil {
		t.Skipf("skipped: no network namespace can be made here: %v", err)
	}
	t.Cleanup(func() {
		close(n.jobs)
		<-gone
		if err := n.file.Close(); err != nil {
			t.Error(err)
		}
	})
	n.ip("link set lo up")
	return n
}

// serve never unlocks its thread, which therefore ends with it.
func (n *namespace) serve(ready chan<- error, gone chan<- struct{}) {
	defer close(gone)
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		ready <- err
		return
	}
	n.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
	var err error
	n.file, err = os.Open(n.path)
	ready <- err
	for job := range n.jobs {
		job()
	}
}

// do calls f on the namespace's thread.
func (n *namespace) do(f func()) {
	done := make(chan struct{})
	n.jobs <- func() { defer close(done); f() }
	<-done
}

// ip runs one line of ip(8) a piece.
func (n *namespace) ip(lines ...string) {
	n.t.Helper()
	n.run(exec.Command("ip", "-batch", "-"), strings.Join(lines, "\n"))
}

// ip6 is ip for lines that do not show that IPv6 is meant.
func (n *namespace) ip6(lines ...string) {
	n.t.Helper()
	n.run(exec.Command("ip", "-6", "-batch", "-"), strings.Join(lines, "\n"))
}

func (n *namespace) run(cmd *exec.Cmd, input string) {
	n.t.Helper()
	var out []byte
	var err error
	n.do(func() {
		cmd.Stdin = strings.NewReader(input)
		out, err = cmd.CombinedOutput()
	})
	if err != nil {
		n.t.Fatalf("%v, given %q: %v: %s", cmd, input, err, out)
	}
}

// watch starts a Watcher inside the namespace.
func (n *namespace) watch(o Options) *Watcher {
	n.t.Helper()
	o.Log = slog.New(slog.NewTextHandler(n.t.Output(), nil))
	return start(n.t.Context(), o, func(poke func()) ([]source, error) {
		k, err := openKernel(poke, int(n.file.Fd()))
		if err != nil {
			return nil, err
		}
		return []source{k}, nil
	})
}

// newCable makes two namespaces, joined: eth0 here, up0 with 192.0.2.1 and
// 2001:db8::1 there. eth0 is down and has no address.
func newCable(t *testing.T) (here, there *namespace) {
	t.Helper()
	here, there = newNamespace(t), newNamespace(t)
	here.ip("link add eth0 type veth peer name up0 netns " + there.path)
	there.ip(
		"link set up0 addrgenmode none",
		"addr add 192.0.2.1/24 dev up0",
		"addr add 192.0.2.254/24 dev up0",
		"addr add 2001:db8::1/64 dev up0 nodad",
		"link set up0 up",
	)
	here.ip("link set eth0 addrgenmode none")
	return here, there
}
