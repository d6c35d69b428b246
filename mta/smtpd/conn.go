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

	net     net.Conn
	remote  netip.AddrPort
	tls     *tls.ConnectionState
	helo    string
	esmtp   bool
	verbose bool
	extras  Extras
	xclient *XClient
}

// Remote is the client's address: its own, or what PROXY or XCLIENT have said;
// the zero AddrPort where it came by a Unix socket.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Peer is who has really connected, whomever XCLIENT has made of it.
func (c *Conn) Peer() net.Addr { return c.net.RemoteAddr() }

// Local is the address that the client connected to.
func (c *Conn) Local() net.Addr { return c.net.LocalAddr() }

// TLS is the state of TLS, nil without.
func (c *Conn) TLS() *tls.ConnectionState { return c.tls }

// Helo is the name of the last EHLO or HELO that was accepted.
func (c *Conn) Helo() string { return c.helo }

// Extended says that it was EHLO.
func (c *Conn) Extended() bool { return c.esmtp }

// Verbose says that the client has said VERB.
func (c *Conn) Verbose() bool { return c.verbose }

// Extras are what the MAIL or RCPT under way has beyond go-smtp's options.
func (c *Conn) Extras() Extras { return c.extras }

// XClient is what the last XCLIENT said, nil without.
func (c *Conn) XClient() *XClient { return c.xclient }

// remoteOf is the address of a peer, the zero AddrPort where it has none.
func remoteOf(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := t.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// shownClient is the client as replies name it.
func (c *Conn) shownClient() string {
	if !c.remote.IsValid() {
		return "localhost"
	}
	return "[" + c.remote.Addr().String() + "]"
}
