package relay

import (
	"errors"
	"net"
	"syscall"

	"mailcrane/queue"
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
	errUnheard  = &lost{"the connection was lost: what was sent did not get through any more"}
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

// stir cuts a wire whose address is not of this machine any more, and suspects
// others. addresses lists this machine's.
func (w *wire) stir(addresses func() ([]net.Addr, error)) {
	if _, real := w.Conn.(syscall.Conn); real && homeless(w.LocalAddr(), addresses) {
		w.cut(errHomeless)
		return
	}
	w.suspect()
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
