package netwatch

import (
	"os"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// newLaptop is the lab's laptop with a way out by cable, and changed by nobody.
func newLaptop(t *testing.T) *lab.Network {
	t.Helper()
	l := lab.Netns(t)
	// Addresses that the kernel makes itself come a second late.
	ip(t, l, "link set eth0 addrgenmode none", "addr flush dev eth0",
		"addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	return l
}

// ip runs lines of ip(8) on the laptop.
func ip(t *testing.T, l *lab.Network, lines ...string) {
	t.Helper()
	cmd := l.Laptop.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip, given %q: %v: %s", lines, err, out)
	}
}

// onLaptop marks a process that is a test's other half.
const onLaptop = "MAILCRANE_TEST_ON_LAPTOP"

// A half is the calling test once more, as a process on the laptop.
type half struct {
	*lab.Child
	t *testing.T
}

// otherHalf starts it, with more in its environment. It has said its first line.
func otherHalf(t *testing.T, l *lab.Network, environment ...string) (h *half, said string) {
	t.Helper()
	cmd := l.Laptop.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(append(os.Environ(), onLaptop+"=1"), environment...)
	h = &half{lab.Start(t, cmd), t}
	for !strings.HasPrefix(said, "watching:") {
		var err error
		if said, err = h.Line(); err != nil {
			h.end()
			t.Fatalf("the process on the laptop has ended: %v", err)
		}
	}
	t.Log(said)
	return h, said
}

// end waits for its end.
func (h *half) end() {
	h.t.Helper()
	if said, err := h.End(); err != nil {
		h.t.Errorf("on the laptop: %v\n%s", err, said)
	}
}
