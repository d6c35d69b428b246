package mx

import (
	"context"
	"slices"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// A cache has the sessions that no route uses now, the one that was used last at
// the end: sendmail's connection cache. Each is closed when its time is up, or when
// others need the place.
type cache struct {
	most int
	time time.Duration

	mu    sync.Mutex
	idle  []*idle
	ended bool
}

type idle struct {
	session *session
	timer   *time.Timer
}

func newCache(most int, time time.Duration) *cache { return &cache{most: most, time: time} }

// keptSessions is ConnectionCacheSize; none where each message is to have a
// session of its own, or no host two.
func keptSessions(c *config.Config) int {
	if c.Queue.SeparateSessions || c.Queue.SingleThread || c.MTA.Exchange.CacheTime <= 0 {
		return 0
	}
	return c.MTA.Exchange.CacheSize
}

// keep takes a session in, and says whether it has.
func (c *cache) keep(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most <= 0 || c.ended {
		return false
	}
	i := &idle{session: s}
	i.timer = time.AfterFunc(c.time, func() {
		if c.remove(i) {
			s.quit(context.Background())
		}
	})
	c.idle = append(c.idle, i)
	for len(c.idle) > c.most {
		old := c.idle[0]
		c.idle = slices.Delete(c.idle, 0, 1)
		old.timer.Stop()
		go old.session.quit(context.Background())
	}
	return true
}

func (c *cache) remove(i *idle) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.idle, i)
	if at < 0 {
		return false
	}
	c.idle = slices.Delete(c.idle, at, at+1)
	return true
}

// take is the session with a host that was used last, out of the cache, or nil.
func (c *cache) take(host string, port uint16) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, i := range slices.Backward(c.idle) {
		if s := i.session; s.port == port && sameHost(s.peer.Host, host) {
			c.idle = slices.Delete(c.idle, at, at+1)
			i.timer.Stop()
			return s
		}
	}
	return nil
}

// end has the cache take none in from now on.
func (c *cache) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// empty closes all, each with QUIT, and waits for that.
func (c *cache) empty(ctx context.Context) {
	c.mu.Lock()
	all := c.idle
	c.idle = nil
	c.mu.Unlock()
	var closing sync.WaitGroup
	for _, i := range all {
		i.timer.Stop()
		closing.Go(func() { i.session.quit(ctx) })
	}
	closing.Wait()
}

// quit closes a session that nobody uses.
func (s *session) quit(ctx context.Context) { s.Session.Close(ctx) }

// cached is a session with the host that was left open, if it answers RSET.
func (t *Transport) cached(ctx context.Context, r queue.Route, destination string, x Exchanger) *session {
	for ctx.Err() == nil {
		old := t.cache.take(x.Host, x.Port)
		if old == nil {
			return nil
		}
		s := old.again(destination)
		terms, err := t.Policy.Terms(ctx, s.peer)
		if err != nil || terms.Name != s.terms.Name || t.Policy.Host(s.peer, s.link) != nil || s.Probe(ctx) != nil {
			go old.quit(context.WithoutCancel(ctx)) // it is no failure: another is opened
			continue
		}
		if t.Trace != nil {
			t.Trace(r, "*** Using cached ESMTP connection to "+shownHost(s.peer))
		}
		return s
	}
	return nil
}
