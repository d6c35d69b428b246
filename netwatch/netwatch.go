// Package netwatch knows whether mail may leave this machine now, and says why
// not. The operating system tells it that something changed; it then reads the
// whole state again, compares, and passes a change on once. It never polls: a
// machine whose network stays as it is does not wake up for it.
//
// What it knows comes from four packages: network, the way out as the system has
// it; slumber, after which nothing known counts; portal, whether somebody answers
// in a server's place; and policy, what a person has said of all that.
//
//	netwatch, options        the Watcher, and what it is given
//	follow                   when it looks
//	target                   where mail is to go, and whether that can be reached
//	stance                   what the rules say of it
//	attempt, proof           sessions, and what they show
//	suspect, sight, doubt    a portal: who looks like one, is one, may have opened
//	bare                     servers without TLS, which a portal could pass for
//	standing                 all of that about one route, in words
package netwatch

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/netwatch/network"
	"mailcrane/netwatch/policy"
	"mailcrane/netwatch/portal"
	"mailcrane/netwatch/slumber"
	"mailcrane/queue"
)

// A Watcher follows the network's state. It satisfies queue.Reach, and is safe
// for use by many goroutines.
type Watcher struct {
	log      *slog.Logger
	now      func() time.Time
	debounce time.Duration
	server   func(queue.Route) Server
	bound    func(queue.Route, bool) int64
	probe    portal.Question
	dial     portal.Dialer
	roots    *x509.CertPool
	rules    []config.Rule
	routes   []queue.Route
	network  reader  // nil where it cannot be watched
	sleeps   sleeper // or nil
	wakes    uint64  // of them, as last read
	started  time.Time
	poked    chan struct{} // holds one: something happened since the last look
	changes  chan struct{} // holds one: a change nobody has received yet
	done     chan struct{}

	mu     sync.Mutex
	state  network.State
	epoch  uint64                // counts the changes
	proofs map[queue.Route]proof // of what the state is now
	sight  *sight                // a portal that attempts have found, or nil
	vain   time.Time             // when one was last looked for, and not found
	// shifted is when routes or VPNs last changed; zero where they have not.
	shifted time.Time
	// stances are of what the rules said last.
	stances map[queue.Route]stance
}

// New starts a Watcher, which ends with ctx. The state is known when New
// returns. Where the system cannot be asked, the state is Unknown and says
// why, and every route is worth a try.
func New(ctx context.Context, o Options) *Watcher {
	return start(ctx, o, openSystem)
}

// A reader reads what is known of the network, anew each time.
type reader interface {
	Read() (network.State, error)
	Close() error
}

// A sleeper knows of the sleep of the machine, after which nothing that was known
// of the network counts.
type sleeper interface {
	// Wakes is how many sleeps are over, and what the last of them was.
	Wakes() (n uint64, last string)
	// Missed says that one is over of which nobody pokes.
	Missed() bool
	// Naps delivers each before it.
	Naps() <-chan queue.Nap
	Close() error
}

// An opener opens what tells of the network and, if that is not nil, of sleeps.
// Both call poke, which never blocks, whenever something may have changed, from
// before the first Read on.
type opener func(o Options, poke func()) (reader, sleeper, error)

func openSystem(o Options, poke func()) (reader, sleeper, error) {
	sources, err := network.Open(poke)
	if err != nil {
		return nil, nil, err
	}
	return sources, slumber.Open(slumber.Options{Log: o.Log, Now: o.Now, Poke: poke, Naps: o.Naps}), nil
}

func start(ctx context.Context, o Options, open opener) *Watcher {
	o = o.filled()
	w := &Watcher{
		log:      o.Log,
		now:      o.Now,
		debounce: o.Debounce,
		server:   o.Server,
		bound:    o.Bound,
		probe:    portal.Question{Kind: portal.AsksProbe, URL: o.Probe, Expect: o.Expect},
		dial:     o.Dial,
		roots:    o.Roots,
		poked:    make(chan struct{}, 1),
		changes:  make(chan struct{}, 1),
		done:     make(chan struct{}),
		proofs:   make(map[queue.Route]proof),
		rules:    o.Rules,
		routes:   o.Routes,
		stances:  make(map[queue.Route]stance),
		started:  o.Now(),
	}
	var err error
	if w.network, w.sleeps, err = open(o, w.poke); err != nil {
		w.state = network.NotKnown(err)
		w.state.Since = w.started
		w.log.Warn("the network is not watched", "why", err)
		w.reconsider()
		go w.run(ctx) // the clock, and what the rules say by it, goes on
		return w
	}
	w.woke()
	w.state, err = w.read()
	w.state.Since = w.started
	if err != nil {
		w.poke()
	}
	w.log.Info("network", "state", w.state.Reason)
	w.reconsider()
	go w.run(ctx)
	return w
}

// Done is closed when the Watcher has ended and holds nothing any more.
func (w *Watcher) Done() <-chan struct{} { return w.done }

// Changes delivers one value for each change of the state, or of what the rules
// of the policy say; changes that nobody has received yet are joined. It is
// never closed.
func (w *Watcher) Changes() <-chan struct{} { return w.changes }

// Naps delivers each sleep of the machine before it, where Options asked for
// that and the system tells; it is nil else. It is never closed.
func (w *Watcher) Naps() <-chan queue.Nap {
	if w.sleeps == nil {
		return nil
	}
	return w.sleeps.Naps()
}

// State is the network's state as last read.
func (w *Watcher) State() network.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known()
}

// Verdict says whether an attempt at r makes sense now, and why, and how large
// a message may be.
func (w *Watcher) Verdict(r queue.Route) queue.Verdict {
	if w.sleeps != nil && w.sleeps.Missed() {
		w.poke()
	}
	state := w.State()
	d := policy.Decide(w.rules, string(r), w.moment(state))
	v, metered := w.leadsTo(d).verdict(state)
	w.overrule(&v, r, d, metered)
	if v.Since.IsZero() {
		v.Since = w.started
	}
	return v
}
