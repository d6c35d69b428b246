package slowlink

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// Forward carries each connection that from takes over the link, and on to the
// server, a real one. It returns when from is closed and the last connection has
// ended, which is when ctx ends at the latest.
//
// The client's kernel connects to this machine, hence at once: the handshake's
// round trip is added before the first octet instead. And what it has not sent
// (TCP_INFO) is what waits for this machine, not for the link.
func (l *Link) Forward(ctx context.Context, from net.Listener, server string) error {
	name := from.Addr().String() + " to " + server
	far := l.Listen(name)
	ctx, end := context.WithCancel(ctx)
	var carried sync.WaitGroup
	defer carried.Wait()
	defer far.Close()
	defer end()
	carried.Go(func() {
		for {
			c, err := far.Accept()
			if err != nil {
				return
			}
			carried.Go(func() { splice(ctx, c, func() (net.Conn, error) { return dialReal(ctx, server) }) })
		}
	})
	for {
		c, err := from.Accept()
		if err != nil {
			return err
		}
		carried.Go(func() { splice(ctx, c, func() (net.Conn, error) { return l.Dial(ctx, "tcp", name) }) })
	}
}

func dialReal(ctx context.Context, server string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", server)
}

// splice copies octets between a and what dial returns, both ways, until both
// have ended. A reset on one side resets the other.
func splice(ctx context.Context, a net.Conn, dial func() (net.Conn, error)) {
	b, err := dial()
	if err != nil {
		abort(a)
		return
	}
	stop := context.AfterFunc(ctx, func() { abort(a); abort(b) })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { carry(a, b) })
	both.Go(func() { carry(b, a) })
	both.Wait()
	a.Close()
	b.Close()
}

// carry copies from one to the other, the end of the stream too.
func carry(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		abort(to)
		abort(from)
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		abort(to)
	}
}

// abort closes with a reset.
func abort(c net.Conn) {
	switch c := c.(type) {
	case *net.TCPConn:
		// A connection that has ended already needs no reset.
		_ = errors.Join(c.SetLinger(0), c.Close())
	case *Conn:
		c.abort()
	}
}
