package listen

import (
	"context"
	"net"
	"os"
	"slices"
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

// Listen is the inherited listener of that address, which inherited says, or
// else that of the function Listen. An inherited socket's directory, mode and
// lock are the service manager's; who its peers are is checked all the same.
func (in *Inheritance) Listen(ctx context.Context, address string, access Access) (l net.Listener, inherited bool, err error) {
	for i, l := range in.left {
		if isAt(l.Addr(), address) {
			in.left = slices.Delete(in.left, i, i+1)
			return l, true, nil
		}
	}
	l, err = Listen(ctx, address, access)
	return l, false, err
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
	if !unix || a.Network() != "unix" {
		return !unix && a.Network() == "tcp" && a.String() == address
	}
	if a.String() == path {
		return true
	}
	// One of them may be named by way of a link, such as /var/run.
	theirs, err := os.Stat(a.String())
	ours, ourErr := os.Stat(path)
	return err == nil && ourErr == nil && os.SameFile(theirs, ours)
}
