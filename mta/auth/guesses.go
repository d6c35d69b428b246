package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

const (
	// mostClients are remembered who have guessed wrong; forget is for how long.
	mostClients = 4096
	forget      = 15 * time.Minute
	// The pause after a wrong log-in grows from the first to the longest; who
	// would have to wait beyond mostWait is refused unseen.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	mostWait     = 2 * time.Minute
	// mostAtOnce are the log-ins of one client that are checked side by side.
	mostAtOnce = 8
)

// An outcome is how a step of a log-in has ended.
type outcome uint8

const (
	fine outcome = iota
	wrong
)

// Guesses slow wrong log-ins down by client, however many connections it has: a
// /64 counts as one of IPv6. Right ones take nothing back, since who has an
// account would guess those of others between them. What is remembered is
// bounded. They are a server's, so that a reload forgets nobody.
type Guesses struct {
	now func() time.Time

	mu      sync.Mutex
	clients map[netip.Prefix]*guesser
}

type guesser struct {
	wrong int
	busy  int
	// free is when the answer to the last wrong one has been given.
	free time.Time
}

// NewGuesses remembers nobody yet.
func NewGuesses(now func() time.Time) *Guesses {
	return &Guesses{now: now, clients: map[netip.Prefix]*guesser{}}
}

// of is what counts as one client; ok is false for who is on this machine.
func of(addr netip.Addr) (client netip.Prefix, ok bool) {
	addr = addr.Unmap()
	if !addr.IsValid() {
		return netip.Prefix{}, false
	}
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	client, err := addr.Prefix(bits)
	return client, err == nil
}

// begin lets a step of a log-in begin, or not. end is to be called with how it
// ended; what it returns waits as long as a wrong one has to, or until ctx ends.
func (g *Guesses) begin(addr netip.Addr) (end func(outcome) (wait func(context.Context) error), ok bool) {
	client, known := of(addr)
	if !known {
		return func(outcome) func(context.Context) error { return func(context.Context) error { return nil } }, true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	c := g.clients[client]
	if c == nil {
		g.makeRoom(now)
		c = &guesser{}
		g.clients[client] = c
	}
	if c.busy >= mostAtOnce || c.free.Sub(now) > mostWait {
		return nil, false
	}
	c.busy++
	return func(o outcome) func(context.Context) error { return g.end(client, c, o, now) }, true
}

// end is how a step ended that began at a time. The pause counts from there: what
// the check itself has taken, which depends on the user, is in it.
func (g *Guesses) end(client netip.Prefix, c *guesser, o outcome, began time.Time) func(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.busy--
	if o == wrong {
		if began.Sub(c.free) > forget {
			c.wrong = 0
		}
		c.wrong++
		c.free = later(c.free, began).Add(pause(c.wrong))
	}
	if c.wrong == 0 && c.busy == 0 && g.clients[client] == c {
		delete(g.clients, client)
	}
	until := c.free.Sub(g.now())
	return func(ctx context.Context) error { return sleep(ctx, until) }
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pause is that after so many wrong ones in a row: it doubles.
func pause(wrong int) time.Duration {
	const doublings = 5
	return min(firstPause<<min(wrong-1, doublings), longestPause)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeRoom forgets those who have been quiet, and where there are none, whoever
// was quiet longest.
func (g *Guesses) makeRoom(now time.Time) {
	if len(g.clients) < mostClients {
		return
	}
	var oldest netip.Prefix
	var since time.Time
	for client, c := range g.clients {
		switch {
		case c.busy > 0:
		case now.Sub(c.free) > forget:
			delete(g.clients, client)
		case since.IsZero() || c.free.Before(since):
			oldest, since = client, c.free
		}
	}
	if len(g.clients) >= mostClients {
		delete(g.clients, oldest)
	}
}
