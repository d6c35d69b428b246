package netwatch

import (
	"bufio"
	"io"
	"os"
	"os/exec"
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
	t    *testing.T
	cmd  *exec.Cmd
	stop io.Closer
	out  *bufio.Reader
}

// otherHalf starts it, with more in its environment. It has said its first line.
func otherHalf(t *testing.T, l *lab.Network, environment ...string) (h *half, said string) {
	t.Helper()
	cmd := l.Laptop.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(append(os.Environ(), onLaptop+"=1"), environment...)
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	h = &half{t, cmd, stop, bufio.NewReader(out)}
	for !strings.HasPrefix(said, "watching:") {
		if said, err = h.out.ReadString('\n'); err != nil {
			h.end()
			t.Fatalf("the process on the laptop has ended: %v", err)
		}
	}
	said = strings.TrimSpace(said)
	t.Log(said)
	return h, said
}

// end closes its standard input, and waits for it.
func (h *half) end() {
	h.t.Helper()
	h.stop.Close()
	said, _ := io.ReadAll(h.out)
	if err := h.cmd.Wait(); err != nil {
		h.t.Errorf("on the laptop: %v\n%s", err, said)
	}
}
