package netwatch

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"mailcrane/queue"
)

// A slumber is the source that knows of the sleep of the machine, of a clock
// that is set, and of a stop of this process. After each of them nothing that
// was known of the network counts: a lease, a login at a portal, a connection
// may be over. What tells of them calls look, cont, or lie and rise; the clocks
// say what happened.
type slumber struct {
	clocks func() reading
	poke   func()
	log    *slog.Logger
	// naps holds one: a sleep that nobody has heard of yet. nil: nobody wants to
	// know before it.
	naps chan queue.Nap
	// unwatched: no event tells of a wake, so that each run of the queue looks at
	// the clocks.
	unwatched bool
	// asked, if not nil, has the one who tells of sleeps see whether one is over,
	// since the clocks have leapt.
	asked func()
	tells []io.Closer

	mu   sync.Mutex
	last reading
	// wakes counts what happened, and why says what the last of it was.
	wakes uint64
	why   string
	// over ends the sleep under way, which began when there had been before wakes;
	// nil: there is none.
	over   chan struct{}
	before uint64
}

func newSlumber(read func() reading, poke func(), o Options) *slumber {
	s := &slumber{clocks: read, poke: poke, log: o.Log, last: read()}
	if o.Naps {
		s.naps = make(chan queue.Nap, 1)
	}
	return s
}

// openSlumber is the source of this system. What cannot be had of it is logged.
func openSlumber(poke func(), o Options) *slumber {
	s := newSlumber(clocks(o.Now), poke, o)
	tells, err := watchSleep(s)
	if s.tells = tells; err != nil {
		s.log.Info("a sleep of the machine is noticed by what follows it", "why", err)
	}
	return s
}

// Read tells how often the machine woke, and what the last of it was.
func (s *slumber) Read(f *facts) error {
	s.look()
	for _, t := range s.tells {
		if t, ok := t.(source); ok {
			if err := t.Read(f); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.wakes, f.woke = s.wakes, s.why
	return nil
}

// Close ends a sleep under way, since nobody would tell of its end.
func (s *slumber) Close() error {
	var all error
	for _, t := range s.tells {
		all = errors.Join(all, t.Close())
	}
	s.rise()
	return all
}

// look sees whether the clocks have leapt since they were last looked at, and
// counts that.
func (s *slumber) look() {
	s.mu.Lock()
	now := s.clocks()
	l := now.since(s.last)
	s.last = now
	if l.happened() {
		s.count(l.String())
	}
	s.mu.Unlock()
	if l.happened() {
		s.poke()
		if s.asked != nil {
			s.asked()
		}
	}
}

// leapt says that look would find something.
func (s *slumber) leapt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clocks().since(s.last).happened()
}

// cont is called when this process was stopped, and goes on. How long that took
// no clock says.
func (s *slumber) cont() {
	s.mu.Lock()
	before := s.wakes
	s.mu.Unlock()
	s.look()
	s.mu.Lock()
	if s.wakes == before {
		s.count("this process was stopped, and goes on")
	}
	s.mu.Unlock()
	s.poke()
}

// count is called with mu held.
func (s *slumber) count(why string) {
	s.wakes++
	s.why = why
}

// lie is called when the machine is about to sleep, and waits within for ready
// to be called.
func (s *slumber) lie(within time.Duration, ready func()) {
	s.look()
	s.mu.Lock()
	if s.over == nil {
		s.over, s.before = make(chan struct{}), s.wakes
	}
	nap := queue.Nap{Ready: ready, Over: s.over, Within: within}
	s.mu.Unlock()
	s.log.Info("the machine is about to sleep: nothing is begun until it wakes")
	if s.naps == nil {
		ready()
		return
	}
	for {
		select {
		case s.naps <- nap:
			return
		case <-s.naps: // one that nobody has heard of is over by now
		}
	}
}

// rise is called when the sleep is over, or when nobody can tell any more.
func (s *slumber) rise() {
	s.look()
	s.mu.Lock()
	over := s.over
	if over != nil && s.wakes == s.before {
		s.count("the machine is awake again, after less than a second of sleep")
	}
	s.over = nil
	s.mu.Unlock()
	if over != nil {
		close(over)
		s.poke()
	}
}
