package listen

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// peerCredentials is who the peer was when it connected (unix(7), SO_PEERCRED).
func peerCredentials(c net.Conn) (uid uint32, pid int32, err error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, 0, errors.New("not a Unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return 0, 0, err
	}
	return cred.Uid, cred.Pid, nil
}

// tcpOwner looks the peer's end of a loopback connection up in the kernel's
// tables (proc_pid_net(5)). A peer whose program has closed it already has no
// owner any more and shows as root there: that is an error. A table may miss
// a line that moves while it is read, so it is read twice at need.
func tcpOwner(peer, us netip.AddrPort) (uid uint32, err error) {
	for range 2 {
		var found bool
		if uid, found, err = lookUpOwner(peer, us); found || err != nil {
			return uid, err
		}
	}
	return 0, fmt.Errorf("the connection from %v is not in the kernel's tables", peer)
}

func lookUpOwner(peer, us netip.AddrPort) (uid uint32, found bool, err error) {
	// Not /proc/net, which a service with ProcSubset=pid (systemd.exec(5)) lacks.
	tables := []struct {
		name     string
		peer, us netip.AddrPort
	}{
		{"/proc/self/net/tcp", unmapped(peer), unmapped(us)},
		{"/proc/self/net/tcp6", mapped(peer), mapped(us)},
	}
	for _, t := range tables {
		f, err := os.Open(t.name)
		if errors.Is(err, os.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return 0, false, err
		}
		uid, found, err := findOwner(f, kernelForm(t.peer), kernelForm(t.us))
		_ = f.Close() // it was read only
		if err != nil || found {
			return uid, found, err
		}
	}
	return 0, false, nil
}

// findOwner reads one table. The columns are: slot, local, remote, state,
// queues, timer, retransmits, uid, timeout, inode.
func findOwner(table io.Reader, peer, us string) (uid uint32, found bool, err error) {
	lines := bufio.NewScanner(bufio.NewReaderSize(table, 64<<10))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[1] != peer || f[2] != us {
			continue
		}
		if f[9] == "0" {
			return 0, false, errors.New("the program that connected has gone")
		}
		n, err := strconv.ParseUint(f[7], 10, 32)
		return uint32(n), err == nil, err
	}
	return 0, false, lines.Err()
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func mapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
}

// kernelForm writes a as the tables do: words of the address as they lie in
// memory, in hexadecimal, and the port.
func kernelForm(a netip.AddrPort) string {
	var s strings.Builder
	for b := a.Addr().AsSlice(); len(b) >= 4; b = b[4:] {
		fmt.Fprintf(&s, "%08X", binary.NativeEndian.Uint32(b))
	}
	fmt.Fprintf(&s, ":%04X", a.Port())
	return s.String()
}
