package portal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"
)

// certificateTime is how long a certificate is waited for. A portal may swallow the
// question, and mail is not to wait long for that.
const certificateTime = 1500 * time.Millisecond

// Shown says that whoever answers to https at host has shown a certificate for that
// name by one of roots, or of the system's authorities where that is nil. No portal
// has one, so that a page to which host leads is its own.
func Shown(ctx context.Context, host string, roots *x509.CertPool, dial Dialer) bool {
	ctx, cancel := context.WithTimeout(ctx, certificateTime)
	defer cancel()
	conn, err := dial(ctx, "tcp", net.JoinHostPort(host, "443"))
	if err != nil {
		return false
	}
	defer conn.Close()
	return tls.Client(conn, &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx) == nil
}
