package queue

import (
	"context"
	"sync"
)

// A stirring tells those who depend on the way out that it may have changed.
type stirring struct {
	mu    sync.Mutex
	count int
	next  int
	told  map[int]func()
}

// tell calls all. They must not wait for anything.
func (s *stirring) tell() {
	s.mu.Lock()
	s.count++
	told := make([]func(), 0, len(s.told))
	for _, do := range s.told {
		told = append(told, do)
	}
	s.mu.Unlock()
	for _, do := range told {
		do()
	}
}

// times is how often tell was called.
func (s *stirring) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// add has do called from now on; leave ends that.
func (s *stirring) add(do func()) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == nil {
		s.told = make(map[int]func())
	}
	s.next++
	mine := s.next
	s.told[mine] = do
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.told, mine)
	}
}

type stirringKey struct{}

// OnStir has do called, from any goroutine, whenever the way out may have
// changed while what ctx is for is under way: for a Transport whose Open waits
// for something on the old way. do must not wait; leave ends it.
func OnStir(ctx context.Context, do func()) (leave func()) {
	if s, ok := ctx.Value(stirringKey{}).(*stirring); ok {
		return s.add(do)
	}
	return func() {}
}

// WithStir is ctx for an Open that stir, too, tells that the way out may have
// changed. end lets go of it.
func WithStir(ctx context.Context) (within context.Context, stir, end func()) {
	s := &stirring{}
	return context.WithValue(ctx, stirringKey{}, s), s.tell, OnStir(ctx, s.tell)
}

// stir tells the carrier's sessions, and one that is being opened, that the way
// out may have changed: what broke on the old one says nothing of the new.
func (c *carrier) stir() {
	c.mu.Lock()
	c.broken = 0
	c.mu.Unlock()
	c.stirring.tell()
}

// openStirred is Transport.Open, again at once when the way out changed
// meanwhile and the attempt was lost to that. A link that comes and goes all the
// time is tried as any other that is down.
func (c *carrier) openStirred(ctx context.Context) (Session, *RouteFault) {
	within := context.WithValue(ctx, stirringKey{}, &c.stirring)
	for times := 1; ; times++ {
		before := c.stirring.times()
		session, fault := c.runner.Transport.Open(within, c.route)
		again := c.dialsAgain(ctx, fault)
		if fault == nil {
			return session, nil
		}
		c.tries.spend(c.runner.Now())
		lost := fault.Lost && c.stirring.times() != before && times <= mostAgain && c.mayHurry()
		if !lost && !again || ctx.Err() != nil || c.runner.Reach.Verdict(c.route).Withholds() {
			return nil, fault
		}
	}
}

// mostAgain bounds how often a session is opened anew at once: where each takes
// longer than a try may cost, a queue run would not end before the network is calm.
const mostAgain = 4

// mayHurry says that a session may be opened at once though the last one was in
// vain.
func (c *carrier) mayHurry() bool { return c.tries.next(c.runner.Now()).IsZero() }

// wayChanged stirs if the route may be tried. Where there is no way out now, the
// old one may come back, and sessions on it with it. Where a rule of the policy
// keeps mail back, there is no more to wait for on a connection that is lost; one
// that lives ends what was begun, since a connection stays on the way by which it
// was made.
func (c *carrier) wayChanged() {
	v := c.runner.Reach.Verdict(c.route)
	if v.Try || v.Withholds() {
		c.stir()
	}
	if !v.Try {
		c.runner.tell(Event{Kind: CutOff, Route: c.route, Why: v.Why, Rule: v.Rule})
	}
}

// stir tells all carriers.
func (s *server) stir() {
	for _, l := range s.lines {
		if l.carrier != nil {
			l.carrier.wayChanged()
		}
	}
}
