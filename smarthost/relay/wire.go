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

// A wire is the network connection below TLS. It counts octets, ends a wait in
// which nothing moves, and is cut when a context ends.
//
// Deadlines are set by the real clock (or a synctest bubble's), which is the
// only one that a net.Conn knows.
type wire struct {
	net.Conn
	sent, received atomic.Int64
	// given: somebody else has the connection now, and its deadlines.
	given atomic.Bool
	// writes are under way.
	writes atomic.Int32
	// wrote and read are when octets last went and came, in Unix nanoseconds, and
	// answered how long the first ones took that came after some had gone: a
	// round trip and what the server did with it.
	wrote, read, answered atomic.Int64
	// shortest is the shortest round trip that the system had seen when the wire
	// was closed, which it does not tell any more then.
	shortest atomic.Int64

	// quick has what comes acknowledged at once. A server that writes its replies
	// one by one waits for that (RFC 896), and what waits is lost when it ends the
	// session with commands of ours unread. On a slow link the packets cost more.
	quick bool

	// writing is held from a write to its being counted.
	writing sync.Mutex

	mu sync.Mutex
	// block is how long a write may go without any progress; below zero there
	// is no limit.
	block time.Duration
	wait  wait
	// suspicion is nil unless the way out may have changed.
	suspicion *suspicion
	// cause says why the wire was cut, or is nil.
	cause error
	// kept is what unsent found when it stopped the wire.
	kept    int64
	stopped bool
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
	w.cutNow(why)
}

// cutNow is cut for who holds mu.
func (w *wire) cutNow(why error) {
	if w.cause != nil {
		return
	}
	w.cause = why
	past := time.Unix(1, 0)
	if w.SetDeadline(past) != nil {
		_ = w.Close() // that ends every wait too
	}
}

// isCut says that the wire was cut.
func (w *wire) isCut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause != nil
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

// hurry replaces the rolling limit of writes.
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

// A motion is what has moved on a wire so far: octets of ours that have reached
// the other end, all that were written where nobody knows, and octets received;
// and when either last did, at the latest.
type motion struct {
	acked, received int64
	out, in         time.Time
}

// Close closes the connection.
func (w *wire) Close() error {
	w.shortest.CompareAndSwap(0, int64(w.roundTrip()))
	return w.Conn.Close()
}

// roundTrip is the shortest round trip that was seen, by the system or else by
// us; 0 where none was.
func (w *wire) roundTrip() time.Duration {
	if kept := w.shortest.Load(); kept > 0 {
		return time.Duration(kept)
	}
	if s, known := w.status(); known && s.shortest > 0 {
		return s.shortest
	}
	return time.Duration(w.answered.Load())
}

// motion is what has moved by now.
func (w *wire) motion() motion {
	m := motion{acked: w.sent.Load(), received: w.received.Load(), out: time.Unix(0, w.wrote.Load()), in: time.Unix(0, w.read.Load())}
	if s, known := w.status(); known && s.acked >= 0 {
		m.acked, m.out = s.acked, time.Now().Add(-s.silent)
	}
	return m
}

// errStopped is the cause of a wire that is asked what it has not sent.
var errStopped = errors.New("the connection was given up")

// unsent is how many of the octets written last have certainly not left this
// machine; 0 where that is not known. It cuts the wire, and nothing that it
// counts leaves later either. Once said it stays, also when the wire is closed.
func (w *wire) unsent() int64 {
	w.cut(errStopped)
	// A cut ends the write under way; sent then counts all of it.
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.stopped, w.kept = true, stop(w.Conn)
	}
	return w.kept
}

// Read fails only when nothing has moved in either direction within the limit
// of patience.
func (w *wire) Read(p []byte) (int, error) {
	for {
		if w.given.Load() {
			return w.Conn.Read(p)
		}
		n, err := w.Conn.Read(p)
		if n > 0 {
			w.received.Add(int64(n))
			w.heard()
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !w.waitsOn() {
			return n, err
		}
	}
}

// heard notes when octets came.
func (w *wire) heard() {
	now := time.Now().UnixNano()
	w.read.Store(now)
	if asked := w.wrote.Load(); asked > 0 {
		w.answered.CompareAndSwap(0, max(now-asked, 1))
	}
	if w.quick {
		control(w.Conn, acknowledge)
	}
}

// Write fails only when nothing at all got through within the limit: a slow
// link may take minutes for a buffer that a fast one takes at once.
func (w *wire) Write(p []byte) (int, error) {
	if w.given.Load() {
		return w.Conn.Write(p)
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	w.writes.Add(1)
	defer w.writes.Add(-1)
	for done := 0; ; {
		before := w.motion().acked
		if err := w.armWrite(); err != nil {
			return done, err
		}
		n, err := w.Conn.Write(p[done:])
		w.sent.Add(int64(n))
		w.wrote.Store(time.Now().UnixNano())
		done += n
		if errors.Is(err, os.ErrDeadlineExceeded) && done < len(p) && (n > 0 || w.motion().acked > before) {
			continue
		}
		return done, err
	}
}
