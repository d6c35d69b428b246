package mx

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// errNoTime is why a host was not connected to.
var errNoTime = errors.New("no host was tried: the time for all connects (timeout.aconnect) was up")

// A budget is the time for the connects of one opening: Timeout.connect for each,
// or Timeout.iconnect where the message was never tried, and Timeout.aconnect for
// all.
type budget struct {
	each, all time.Duration // 0 is no limit
	now       func() time.Time
	dialing   func(ctx context.Context, network, address string) (net.Conn, error)
	spent     *spent
}

type spent struct {
	mu   sync.Mutex
	time time.Duration
}

func newBudget(ctx context.Context, timeouts config.Timeout, now func() time.Time, dial func(context.Context, string, string) (net.Conn, error)) budget {
	b := budget{each: timeouts.Connect, all: timeouts.AConnect, now: now, dialing: dial, spent: &spent{}}
	if timeouts.IConnect > 0 && queue.IsFirstTry(ctx) {
		b.each = timeouts.IConnect
	}
	return b
}

// next is how long the next connect may take, 0 for no limit; false for no more.
// What is a fallback for all hosts has its own time.
func (b budget) next(fallback bool) (time.Duration, bool) {
	if b.all <= 0 || fallback {
		return b.each, true
	}
	b.spent.mu.Lock()
	defer b.spent.mu.Unlock()
	left := b.all - b.spent.time
	if b.each > 0 {
		return min(b.each, left), left > 0
	}
	return left, left > 0
}

// dial counts what a connect takes.
func (b budget) dial(ctx context.Context, network, address string) (net.Conn, error) {
	began := b.now()
	conn, err := b.dialing(ctx, network, address)
	b.spent.mu.Lock()
	defer b.spent.mu.Unlock()
	b.spent.time += b.now().Sub(began)
	return conn, err
}
