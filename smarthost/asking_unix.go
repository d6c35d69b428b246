//go:build unix && !darwin

package smarthost

import (
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// askAgain is the first pause after which a question without an answer is sent
	// once more. The pauses double; RFC 1035 section 4.2.1 wants the interval to be
	// that of a local server's answers, which take milliseconds.
	askAgain = 250 * time.Millisecond
	// mostAgain is how often: for some four seconds, with resolv.conf's own five.
	mostAgain = 4
)

// An asking connection sends its question again while no answer has come. On a
// young network the first packets get lost, and Go's resolver waits for five
// seconds, or for what resolv.conf says, before it sends another.
type asking struct {
	packets

	mu    sync.Mutex
	timer *time.Timer
	over  bool
}

// packets is what Go's resolver tells UDP by.
type packets interface {
	net.Conn
	net.PacketConn
}

// asksAgain is conn, made asking where it carries packets.
func asksAgain(conn net.Conn) net.Conn {
	if p, ok := conn.(packets); ok {
		return &asking{packets: p}
	}
	return conn
}

func (a *asking) Write(question []byte) (int, error) {
	n, err := a.packets.Write(question)
	if err == nil {
		a.later(slices.Clone(question), askAgain, mostAgain)
	}
	return n, err
}

// later sends the question after the pause, and so on.
func (a *asking) later(question []byte, pause time.Duration, times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || times == 0 {
		return
	}
	a.timer = time.AfterFunc(pause, func() {
		// It is sent anew because packets get lost; so may this one.
		_, _ = a.packets.Write(question)
		a.later(question, 2*pause, times-1)
	})
}

// Close is called when the answer has come, or is not waited for any more.
func (a *asking) Close() error {
	a.mu.Lock()
	a.over = true
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
	return a.packets.Close()
}
