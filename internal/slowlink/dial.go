package slowlink

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// backlog is how many connections wait for Accept.
const backlog = 128

// firstRetry is after how long an unanswered SYN is sent again, then after
// twice as long each time (RFC 6298).
const firstRetry = time.Second

// A call is a Dial under way.
type call struct {
	address string
	local   net.Addr
	// answer gets one value: a connection, or why there is none.
	answer chan answer
	over   bool
}

type answer struct {
	conn *Conn
	err  error
}

// Dial connects to a listener of the same address. It takes a round trip, and
// fails with ECONNREFUSED where nobody listens, with ENETUNREACH when the link
// refuses.
func (l *Link) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c := &call{address: address, answer: make(chan answer, 1)}
	l.mu.Lock()
	c.local = addr("198.51.100.2:0", 49152+l.dialled%16384)
	l.knock(c, firstRetry)
	l.mu.Unlock()
	var a answer
	select {
	case a = <-c.answer:
	case <-ctx.Done():
		l.mu.Lock()
		c.settle(answer{err: ctx.Err()})
		l.mu.Unlock()
		a = <-c.answer
	}
	if a.err != nil {
		return nil, opError("dial", nil, addr(address, 0), a.err)
	}
	return a.conn, nil
}

func (c *call) settle(a answer) {
	if !c.over {
		c.over = true
		c.answer <- a
	}
}

// knock sends the SYN, and again after a while.
func (l *Link) knock(c *call, again time.Duration) {
	if c.over {
		return
	}
	if l.passage == refused {
		c.settle(answer{err: syscall.ENETUNREACH})
		return
	}
	if l.passage == open {
		l.later(l.shape.Delay, func() { l.heard(c) })
	}
	l.later(again, func() { l.knock(c, 2*again) })
}

// heard is the server's end of knock. Its reply takes its time, and the client's
// reply to that.
func (l *Link) heard(c *call) {
	if l.passage != open || c.over {
		return
	}
	at := l.listeners[c.address]
	l.later(l.shape.Delay, func() {
		switch {
		case l.passage != open || c.over:
			return
		case at == nil || at.closed:
			c.settle(answer{err: syscall.ECONNREFUSED})
			return
		}
		f := l.newFlow()
		remote := addr(c.address, 0)
		client := &Conn{flow: f, out: &f.up, in: &f.down, local: c.local, remote: remote}
		server := &Conn{flow: f, out: &f.down, in: &f.up, local: remote, remote: c.local}
		f.client, f.server = client, server
		l.later(l.shape.Delay, func() { at.greet(server) })
		c.settle(answer{conn: client})
	})
}

// A listener takes in the connections to one address.
type listener struct {
	link    *Link
	address string
	changed *sync.Cond
	waiting []*Conn
	closed  bool
}

// Listen takes connections to that address, whatever it is, until it is closed.
// Accept returns half a round trip after Dial.
func (l *Link) Listen(address string) net.Listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := &listener{link: l, address: address, changed: sync.NewCond(&l.mu)}
	l.listeners[address] = at
	return at
}

// greet puts a connection before Accept.
func (at *listener) greet(c *Conn) {
	switch {
	case c.flow.dead:
	case at.closed || len(at.waiting) == backlog:
		c.out.abort = true
		c.out.send()
	default:
		at.waiting = append(at.waiting, c)
		at.changed.Signal()
	}
}

func (at *listener) Accept() (net.Conn, error) {
	at.link.mu.Lock()
	defer at.link.mu.Unlock()
	for len(at.waiting) == 0 {
		if at.closed {
			return nil, opError("accept", nil, at.Addr(), net.ErrClosed)
		}
		at.changed.Wait()
	}
	c := at.waiting[0]
	at.waiting = at.waiting[1:]
	return c, nil
}

func (at *listener) Close() error {
	at.link.mu.Lock()
	defer at.link.mu.Unlock()
	if at.closed {
		return opError("close", nil, at.Addr(), net.ErrClosed)
	}
	at.closed = true
	if at.link.listeners[at.address] == at {
		delete(at.link.listeners, at.address)
	}
	at.changed.Broadcast()
	return nil
}

func (at *listener) Addr() net.Addr { return addr(at.address, 0) }

// addr is a TCP address for host:port; a name becomes an address of
// documentation. port replaces the one in address if that is 0.
func addr(address string, port int) *net.TCPAddr {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip = netip.AddrFrom4([4]byte{192, 0, 2, 25})
	}
	if n, err := strconv.Atoi(text); err == nil && n != 0 {
		port = n
	}
	return &net.TCPAddr{IP: ip.AsSlice(), Port: port}
}
