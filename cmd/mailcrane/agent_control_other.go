//go:build !windows

package main

import (
	"context"
	"net"

	"mailcrane/msp/listen"
)

// listenControl opens the agent's socket; the error is Unavailable where another
// agent has it.
func listenControl(ctx context.Context, socket string) (net.Listener, error) {
	return listen.Listen(ctx, "unix:"+socket, listen.Access{})
}

// dialControl connects to the agent's socket.
func dialControl(ctx context.Context, socket string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: controlTime}
	return dialer.DialContext(ctx, "unix", socket)
}
