package mta

import (
	"context"
	"net"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
)

// open is the listener of an address: one that the service manager has opened,
// or one of our own.
func open(ctx context.Context, inherited *socket.Inheritance, is *config.Listener) (net.Listener, error) {
	if l := inherited.Take(is.Address); l != nil {
		return l, nil
	}
	if path, ok := strings.CutPrefix(is.Address, "unix:"); ok {
		return socket.Unix(ctx, path, true)
	}
	l, err := new(net.ListenConfig).Listen(ctx, family(is.Address), is.Address)
	if err != nil {
		hint := "choose another port, or stop the program that uses it"
		if socket.Forbidden(err) {
			hint = "ports below 1024 are root's: start it as root, with [mta] run_as, or have systemd open the port"
		}
		return nil, sysexits.Errorf(sysexits.Unavailable, hint, "listening on %s: %w", is.Address, err)
	}
	return l, nil
}

// family is that of the address alone: 0.0.0.0:25 and [::]:25 stand beside each
// other, as in sendmail, and :25 is both at once.
func family(address string) string {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil:
		return "tcp"
	case ip.To4() != nil:
		return "tcp4"
	}
	return "tcp6"
}
