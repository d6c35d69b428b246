package netwatch

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// watch starts a Watcher on the laptop.
func (l *laptop) watch() *Watcher {
	l.t.Helper()
	o := Options{Log: slog.New(slog.NewTextHandler(l.t.Output(), nil))}
	w := start(l.t.Context(), o, func(poke func()) ([]source, sleeper, error) {
		return []source{l.kernel(poke)}, nil, nil
	})
	l.t.Cleanup(func() { <-w.Done() })
	return w
}
