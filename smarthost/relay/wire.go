package relay

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A wire is the network connection below TLS. It counts octets, gives every
// write a rolling deadline, and is cut when a context ends.
//
// Deadlines are set by the real clock (or a synctest bubble's), which is the
// only one that a net.Conn knows.
type wire struct {
	net.Conn
	sent, received atomic.Int64

	mu sync.Mutex
	// block is how long a write may go without any progress; below zero there
	// is no limit.
	block time.Duration
	// cause says why the wire was cut, or is nil.
	cause error
}

// obey cuts the wire when ctx ends. The function it returns stops that.
func (w *wire) obey(ctx context.Context) (release func()) {
	stop := context.AfterFunc(ctx, func() { w.cut(context.Cause(ctx)) })
	return func() { stop() }
}

// cut breaks every wait on the wire, now and later.
func (w *wire) cut(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause != nil {
		return
	}
	w.cause = why
	past := time.Unix(1, 0)
	if w.SetDeadline(past) != nil {
		w.Close() // that ends every wait too
	}
}

// why prefers the cause of a cut to the deadline error that came of it.
func (w *wire) why(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.cause != nil {
		return w.cause
	}
	return err
}

// arm sets a deadline unless the wire has been cut, whose deadline stays.
func (w *wire) arm(set func(time.Time) error, limit time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.cause != nil:
		return w.cause
	case limit < 0:
		return set(time.Time{})
	}
	return set(time.Now().Add(limit))
}

// patience is how long a read may take from now on, all in all.
func (w *wire) patience(limit time.Duration) error {
	return w.arm(w.SetReadDeadline, limit)
}

// hurry replaces the rolling deadline of writes.
func (w *wire) hurry(limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.block = limit
}

// loopback says whether the other end is this machine, by its address rather
// than by the name that was dialled.
func (w *wire) loopback() bool {
	peer, ok := w.RemoteAddr().(*net.TCPAddr)
	return ok && peer.IP.IsLoopback()
}

// moved is a number that grows whenever anything has moved, in either
// direction: as long as it does, nobody needs to give up.
func (w *wire) moved() int64 { return w.sent.Load() + w.received.Load() }

// unsent is how many of the octets written last have certainly not left this
// machine; 0 where that is not known.
func (w *wire) unsent() int64 { return 0 }

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.received.Add(int64(n))
	return n, err
}

// Write fails only when nothing at all went out within the limit: a slow link
// may take minutes for a buffer that a fast one takes at once.
func (w *wire) Write(p []byte) (int, error) {
	done := 0
	for {
		w.mu.Lock()
		limit := w.block
		w.mu.Unlock()
		if err := w.arm(w.SetWriteDeadline, limit); err != nil {
			return done, err
		}
		n, err := w.Conn.Write(p[done:])
		w.sent.Add(int64(n))
		done += n
		if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) && done < len(p) {
			continue
		}
		return done, err
	}
}
