package slowlink

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// A Conn is one end of a connection.
type Conn struct {
	flow          *flow
	in, out       *stream
	local, remote net.Addr
	closed        bool
	read, write   deadline
	// quiet is how long nothing may be heard of the other end, 0 for ever; lost
	// is ETIMEDOUT when it was.
	quiet time.Duration
	lost  error
}

// SetKeepAliveConfig has this end fail with ETIMEDOUT when nothing was heard of
// the other for so long as the probes take altogether. On a connection that
// lives they are always answered, and cost nothing.
func (c *Conn) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	c.quiet = 0
	if k.Enable {
		c.quiet = k.Idle + time.Duration(k.Count)*k.Interval
	}
	return nil
}

// miss is called when the connection has become silent for ever.
func (c *Conn) miss() {
	if c.quiet <= 0 {
		return
	}
	c.flow.link.later(c.quiet, func() {
		c.lost = syscall.ETIMEDOUT
		c.flow.changed.Broadcast()
	})
}

// A deadline wakes up who waits for it.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// Read returns what has arrived. After a reset it does so too, and then fails
// with ECONNRESET.
func (c *Conn) Read(p []byte) (int, error) {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.failed("read", net.ErrClosed)
		case c.read.over():
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		case len(c.in.unread) > 0 || len(p) == 0:
			return c.in.give(p), nil
		case c.in.eof:
			return 0, io.EOF
		case c.flow.broken != nil:
			return 0, c.failed("read", c.flow.broken)
		case c.lost != nil:
			return 0, c.failed("read", c.lost)
		}
		c.flow.changed.Wait()
	}
}

// Write returns when the last octet has a place in the buffer.
func (c *Conn) Write(p []byte) (int, error) {
	l := c.flow.link
	l.mu.Lock()
	defer l.mu.Unlock()
	done := 0
	for {
		switch {
		case c.closed || c.out.finish:
			return done, c.failed("write", net.ErrClosed)
		case c.write.over():
			return done, c.failed("write", os.ErrDeadlineExceeded)
		case c.flow.broken != nil:
			return done, c.failed("write", c.flow.broken)
		case c.lost != nil:
			return done, c.failed("write", c.lost)
		}
		n := min(len(p)-done, l.shape.Buffer-len(c.out.unsent))
		c.out.unsent = append(c.out.unsent, p[done:done+n]...)
		done += n
		c.out.send()
		if done == len(p) {
			return done, nil
		}
		if len(c.out.unsent) == l.shape.Buffer {
			c.flow.changed.Wait()
		}
	}
}

// Close sends what is unsent and the end of the stream. As in TCP, whoever
// closes with octets unread resets the connection instead.
func (c *Conn) Close() error { return c.end(false) }

// abort closes with a reset.
func (c *Conn) abort() { _ = c.end(true) } // fails when it is closed already

func (c *Conn) end(reset bool) error {
	l := c.flow.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.closed, c.in.deaf = true, true
	c.read.stop()
	c.write.stop()
	c.out.finish, c.out.abort = true, reset || len(c.in.unread) > 0
	c.in.unread = nil
	c.out.send()
	c.flow.changed.Broadcast()
	return nil
}

// CloseWrite ends the stream to the other end; its own can still be read.
func (c *Conn) CloseWrite() error {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	c.out.finish = true
	c.out.send()
	return nil
}

func (c *Conn) failed(op string, err error) error { return opError(op, c.local, c.remote, err) }

// LocalAddr is an address of documentation (RFC 5737) for a client.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is what was dialled, if that was an IP address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline is for Read and Write.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.set(t, &c.read, &c.write)
}

// SetReadDeadline is for Read.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.set(t, &c.read) }

// SetWriteDeadline is for Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.set(t, &c.write) }

func (c *Conn) set(t time.Time, deadlines ...*deadline) error {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		d.stop()
		d.at, d.timer = t, nil
		if left := time.Until(t); !t.IsZero() && left > 0 {
			d.timer = time.AfterFunc(left, c.wake)
		}
	}
	c.flow.changed.Broadcast()
	return nil
}

func (c *Conn) wake() {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	c.flow.changed.Broadcast()
}
