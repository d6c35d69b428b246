//go:build !unix

package socket

import (
	"context"
	"net"

	"mailcrane/internal/sysexits"
)

// Unix refuses: Windows has Unix sockets, since 2018, but what it tells of
// a peer is the process at most, and their files have no mode.
func Unix(_ context.Context, path string, _ bool) (net.Listener, error) {
	return nil, sysexits.Errorf(sysexits.Config, `write a port of this machine, such as msp = ["127.0.0.1:2525"]`,
		"a server cannot listen on unix:%s: this system does not say who is at the other end of such a socket", path)
}
