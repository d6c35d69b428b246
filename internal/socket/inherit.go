// Package socket opens Unix sockets that nobody else can put another in place of,
// and takes over the listeners that a service manager has opened.
package socket

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// An Inheritance is the listeners that a service manager has opened for this
// process (sd_listen_fds(3)). The manager keeps them open, so that a client
// that comes while no process is there is served by the next.
type Inheritance struct {
	left []net.Listener
}

// Inherit takes over what the environment names, and takes it out of the
// environment, so that no child takes it for its own. A descriptor that is no
// listener of a stream is left alone.
func Inherit() *Inheritance {
	all, _ := activation.Listeners()
	return &Inheritance{slices.DeleteFunc(all, func(l net.Listener) bool { return l == nil })}
}

// Take is the inherited listener of that address, nil where there is none. An
// inherited socket's directory, mode and lock are the service manager's; who its
// peers are is checked by who serves it.
func (in *Inheritance) Take(address string) net.Listener {
	at := slices.IndexFunc(in.left, func(l net.Listener) bool { return isExactly(l.Addr(), address) })
	if at < 0 {
		at = slices.IndexFunc(in.left, func(l net.Listener) bool { return isAt(l.Addr(), address) })
	}
	if at < 0 {
		return nil
	}
	l := in.left[at]
	in.left = slices.Delete(in.left, at, at+1)
	return l
}

// isExactly keeps 0.0.0.0:25 and [::]:25, which isAt does not tell apart, from
// being given to each other.
func isExactly(a net.Addr, address string) bool {
	at, tcp := a.(*net.TCPAddr)
	asked, err := netip.ParseAddrPort(address)
	return tcp && err == nil && at.AddrPort().Port() == asked.Port() && at.AddrPort().Addr() == asked.Addr()
}

// Close closes what nobody has asked for and returns its addresses.
func (in *Inheritance) Close() []string {
	var unclaimed []string
	for _, l := range in.left {
		unclaimed = append(unclaimed, l.Addr().String())
		_ = l.Close() // nothing was said on it
	}
	in.left = nil
	return unclaimed
}

func isAt(a net.Addr, address string) bool {
	path, unix := strings.CutPrefix(address, "unix:")
	switch at := a.(type) {
	case *net.TCPAddr:
		return !unix && isPort(at, address)
	case *net.UnixAddr:
		return unix && isPath(at.Name, path)
	}
	return false
}

// isPort compares what a person wrote with what the kernel says: a wildcard of
// both families is [::] there, and 0.0.0.0 or nothing in a file.
func isPort(at *net.TCPAddr, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != strconv.Itoa(at.Port) {
		return false
	}
	ip := net.ParseIP(host)
	return ip.Equal(at.IP) || (host == "" || ip.IsUnspecified()) && at.IP.IsUnspecified()
}

func isPath(theirs, ours string) bool {
	if theirs == ours {
		return true
	}
	// One of them may be named by way of a link, such as /var/run.
	a, err := os.Stat(theirs)
	b, ourErr := os.Stat(ours)
	return err == nil && ourErr == nil && os.SameFile(a, b)
}
