package relay

import (
	"errors"
	"net"
	"syscall"
	"time"

	"mailcrane/queue"
)

const (
	// leastStill is how long nothing must move on a short link until a session
	// that was stirred is given up.
	leastStill = 250 * time.Millisecond
	// guessedTrip is the round trip where nobody knows it.
	guessedTrip = time.Second
	// probeWait is how long the system may put a probe off (see probe).
	probeWait = time.Second
)

var _ queue.Stirrer = (*Session)(nil)

// Stir is queue.Stirrer's: the way out may have changed. Where something is
// awaited and nothing moves, the session ends with a fault that says Lost. A
// session that gets on, however slowly, does not, nor does one that is idle.
func (s *Session) Stir() { s.dialogue.wire.stir(s.target.Addresses) }

// A lost is why a connection was given up that nobody had closed.
type lost struct{ what string }

func (e *lost) Error() string { return e.what }

var (
	errChanged  = &lost{"the network may have changed while the connection was being made, so it was given up"}
	errHomeless = &lost{"the connection was given up: this machine no longer has the address that it came from, so the network has changed"}
	errStill    = &lost{"the connection was given up: nothing moved on it any more, and the network may have changed"}
)

// isLost says that a connection broke by itself, and not by the server's will:
// the link went, or what comes now comes over another one.
func isLost(err error) bool {
	if _, given := errors.AsType[*lost](err); given {
		return true
	}
	for _, of := range [...]syscall.Errno{
		syscall.ETIMEDOUT, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETRESET, syscall.ECONNRESET, syscall.ECONNABORTED,
	} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// stir cuts a wire on which something is awaited, and that has stood still for
// longer than it needs to hear of an octet that it sends; and one whose address
// is not of this machine any more. addresses lists this machine's.
func (w *wire) stir(addresses func() ([]net.Addr, error)) {
	if _, real := w.Conn.(syscall.Conn); real && homeless(w.LocalAddr(), addresses) {
		w.cut(errHomeless)
		return
	}
	if !w.awaits() {
		return
	}
	s, _ := w.status()
	still, trip := w.still(s), w.trip(s)
	if s.clocks && !s.open {
		// The server may be at work for long on what it has got. Only its system
		// can tell that it is there.
		if end, knocks := knock(w.Conn); knocks {
			w.listen(trip+max(probeWait-still, 0), end)
			return
		}
	}
	if still >= trip {
		w.cut(errStill)
		return
	}
	before := w.moved()
	time.AfterFunc(trip-still, func() {
		if w.moved() == before && w.awaits() {
			w.cut(errStill)
		}
	})
}

// listen cuts the wire if nothing is heard for that long of the other end.
func (w *wire) listen(wait time.Duration, end func()) {
	began := time.Now()
	time.AfterFunc(wait, func() {
		end()
		s, known := w.status()
		if known && s.silent >= time.Since(began) && w.awaits() {
			w.cut(errStill)
		}
	})
}

// still is how long nothing has moved though something might have.
func (w *wire) still(s status) time.Duration {
	switch {
	case s.clocks && (s.late || !s.open):
		return s.silent
	case s.clocks:
		return min(s.silent, s.sent)
	}
	last := max(w.read.Load(), w.wrote.Load())
	return time.Since(time.Unix(0, last))
}

// trip is how long an octet and its answer may take.
func (w *wire) trip(s status) time.Duration {
	trip := s.roundTrip()
	if trip == 0 {
		trip = time.Duration(w.answered.Load()) * 3 / 2
	}
	if trip == 0 {
		trip = guessedTrip
	}
	return max(trip, leastStill)
}

// homeless says that the local address of a connection is no longer one of this
// machine's. Where the machine's cannot be listed, nothing is known.
func homeless(local net.Addr, addresses func() ([]net.Addr, error)) bool {
	tcp, ok := local.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() || tcp.IP.IsUnspecified() {
		return false
	}
	all, err := addresses()
	if err != nil || len(all) == 0 {
		return false
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(tcp.IP) {
			return false
		}
	}
	return true
}
