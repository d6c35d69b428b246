package network

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// A laptop is the lab's network, whose laptop can be changed by ip(8) and
// watched from this process.
type laptop struct {
	*lab.Network
	t     *testing.T
	netns *os.File
}

// newLaptop is a laptop whose link is up and that has no address.
func newLaptop(t *testing.T) *laptop {
	t.Helper()
	l := &laptop{Network: lab.Netns(t), t: t}
	var err error
	l.netns, err = os.Open(filepath.Join("/run/netns", l.Laptop.Name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.netns.Close() })
	// Addresses that the kernel makes itself come a second late.
	l.ip("link set eth0 addrgenmode none", "addr flush dev eth0")
	return l
}

// ip runs one line of ip(8) a piece on the laptop.
func (l *laptop) ip(lines ...string) { l.t.Helper(); l.batch(lines, "-n", l.Laptop.Name) }

// ip6 is ip for lines that do not show that IPv6 is meant.
func (l *laptop) ip6(lines ...string) { l.t.Helper(); l.batch(lines, "-6", "-n", l.Laptop.Name) }

// far is ip at the other end of the cable.
func (l *laptop) far(lines ...string) { l.t.Helper(); l.batch(lines, "-n", l.Gateway.Name) }

func (l *laptop) batch(lines []string, args ...string) {
	l.t.Helper()
	cmd := exec.Command("ip", append(args, "-batch", "-")...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%v, given %q: %v: %s", cmd, lines, err, out)
	}
}

func (l *laptop) kernel(poke func()) *kernel {
	l.t.Helper()
	k, err := openKernel(poke, int(l.netns.Fd()))
	if err != nil {
		l.t.Fatal(err)
	}
	return k
}

// A watch reads the laptop's network again after each poke.
type watch struct {
	*Sources
	t     *testing.T
	pokes chan struct{}
}

// watch opens the kernel of the laptop, and whatever other sources are given.
func (l *laptop) watch(others ...func(poke func()) source) *watch {
	l.t.Helper()
	w := &watch{&Sources{}, l.t, make(chan struct{}, 1)}
	poke := func() {
		select {
		case w.pokes <- struct{}{}:
		default:
		}
	}
	w.all = append(w.all, l.kernel(poke))
	for _, open := range others {
		w.all = append(w.all, open(poke))
	}
	l.t.Cleanup(func() {
		if err := w.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return w
}

// State is the state as it is now.
func (w *watch) State() State {
	w.t.Helper()
	s, err := w.Read()
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// notices waits until the state is as wanted, and looks only when it is poked. Its
// deadline is no measure, only an end.
func (w *watch) notices(want string, is func(State) bool) {
	w.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for !is(w.State()) {
		select {
		case <-w.pokes:
		case <-deadline.C:
			w.t.Fatalf("not noticed within 10 s: %s; state is %+v", want, w.State())
		}
	}
}
