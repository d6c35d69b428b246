package smtpd

import (
	"crypto/tls"
	"net"
	"net/netip"

	"mailcrane/internal/config"
)

// A Conn is what a Session may ask about its connection.
type Conn struct {
	// Port is the listener that the client came by.
	Port *config.Listener

	net    net.Conn
	remote netip.AddrPort
	tls    *tls.ConnectionState
	helo   string
	extras Extras
}

// Remote is the client's address: its own, or what PROXY or XCLIENT have said;
// the zero AddrPort where it came by a Unix socket.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Local is the address that the client connected to.
func (c *Conn) Local() net.Addr { return c.net.LocalAddr() }

// TLS is the state of TLS, nil without.
func (c *Conn) TLS() *tls.ConnectionState { return c.tls }

// Helo is the name of the last EHLO or HELO.
func (c *Conn) Helo() string { return c.helo }

// Extras are what the MAIL under way has beyond go-smtp's options.
func (c *Conn) Extras() Extras { return c.extras }
