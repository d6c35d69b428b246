//go:build !unix || darwin

package smarthost

import (
	"context"
	"net"
)

// Dialer is net.Dialer's: names are looked up by the system, which knows of its
// own changes.
func Dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext
}

// Resolver looks names up as Dialer does.
func Resolver() *net.Resolver { return net.DefaultResolver }
