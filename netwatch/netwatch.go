// Package netwatch knows whether mail may leave this machine now, and says why
// not. The operating system tells it that something changed; it then reads the
// whole state again, compares, and passes a change on once. It never polls: a
// machine whose network stays as it is does not wake up for it.
package netwatch

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/netwatch/policy"
	"mailcrane/netwatch/portal"
	"mailcrane/netwatch/slumber"
	"mailcrane/queue"
)

const (
	// debounce is the longest pause between two looks at the network where
	// Options name none: a third of the 150 ms from a route that comes up to
	// the first message accepted, and at most twenty looks a second.
	debounce = 50 * time.Millisecond
	// firstPause is the pause after the first look: enough for the address and
	// the route that follow a link within the same command, and too short to
	// be felt.
	firstPause = 5 * time.Millisecond
	// readShare bounds the time spent reading: after a look that took t, the
	// next comes no sooner than readShare·t, however many routes there are.
	readShare = 10
	// readTries is how often in a row a look that failed is repeated, over some
	// twenty seconds; after that the next event decides.
	readTries = 12
)

// Options are what a Watcher needs from outside. All may be left zero.
type Options struct {
	// Log gets a line for each change; nil is silence.
	Log *slog.Logger
	// Now is the clock of every "since"; nil is time.Now.
	Now func() time.Time
	// Debounce is the longest pause between two looks while events pour in,
	// and so the longest that a change can stay unseen; 0 is 50 ms.
	Debounce time.Duration
	// Server is where a route leads to. A server on this machine is always worth
	// a try, and one on the local link needs no default route. It is called from
	// Verdict.
	Server func(queue.Route) Server
	// Bound is the most octets of a message that may leave by a route by itself,
	// 0 for no bound, when its way out is metered or not, where no rule decides;
	// nil is no bound. It is called from Verdict.
	Bound func(r queue.Route, metered bool) int64
	// Naps: somebody receives from Watcher.Naps, for which the machine is held
	// awake for some seconds before each sleep.
	Naps bool
	// Probe is a page by which a captive portal is found, "http://…"; "" is none.
	// Expect is what its unspoilt answer begins with; "" is status 204, or
	// NetworkManager's header. It is asked for only where something looks like a
	// portal.
	Probe, Expect string
	// Dial opens the connections by which a portal is looked for; nil is
	// net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots are the authorities of web servers; nil is the system's.
	Roots *x509.CertPool
	// Rules are the policy, in order, and Routes the accounts that they are asked
	// for: a change of what they say of one of these is a change.
	Rules  []config.Rule
	Routes []queue.Route
}

// A Server is what a Watcher has to know of where a route leads to.
type Server struct {
	// Host is a name or an address without port and brackets, or the path of a
	// socket; "" where it is not known.
	Host string
	// Bare: no certificate shows that it is the right one, so that nothing may be
	// said to it where a captive portal may answer.
	Bare bool
	// Metering is what a person has said of the way there.
	Metering config.Metering
}

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
	sources  []source
	sleeps   sleeper // or nil
	wakes    uint64  // of them, as last read
	started  time.Time
	poked    chan struct{} // holds one: something happened since the last look
	changes  chan struct{} // holds one: a change nobody has received yet
	done     chan struct{}

	mu     sync.Mutex
	state  State
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
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return start(ctx, o, func(poke func()) ([]source, sleeper, error) {
		sources, err := system(poke)
		if err != nil {
			return nil, nil, err
		}
		return sources, slumber.Open(slumber.Options{Log: o.Log, Now: o.Now, Poke: poke, Naps: o.Naps}), nil
	})
}

func start(ctx context.Context, o Options, open opener) *Watcher {
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
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.dial == nil {
		w.dial = new(net.Dialer).DialContext
	}
	if w.debounce <= 0 {
		w.debounce = debounce
	}
	w.started = w.now()
	sources, sleeps, err := open(w.poke)
	if err != nil {
		w.state = unknown(err)
		w.state.Since = w.started
		w.log.Warn("the network is not watched", "why", err)
		w.reconsider()
		go w.run(ctx) // the clock, and what the rules say by it, goes on
		return w
	}
	w.sources, w.sleeps = sources, sleeps
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
func (w *Watcher) State() State {
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
	v, metered := state.verdict(w.leadsTo(d))
	w.overrule(&v, r, d, metered)
	if v.Since.IsZero() {
		v.Since = w.started
	}
	return v
}

// poke says that something happened. It never blocks; sources call it.
func (w *Watcher) poke() {
	select {
	case w.poked <- struct{}{}:
	default:
	}
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	defer w.close()
	timer := time.NewTimer(time.Hour)
	for {
		w.arm(timer)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-w.poked:
			if w.sources == nil {
				w.strike()
			} else {
				w.follow(ctx)
			}
		case <-timer.C:
			w.strike()
		}
	}
}

func (w *Watcher) close() {
	for _, s := range w.sources {
		if err := s.Close(); err != nil {
			w.log.Debug("closing a source of network events", "why", err)
		}
	}
	if w.sleeps == nil {
		return
	}
	if err := w.sleeps.Close(); err != nil {
		w.log.Debug("closing what tells of sleeps", "why", err)
	}
}

// follow looks at once, then again after each pause in which something
// happened. The pauses double up to the debounce time, so that in calm a
// change is seen within milliseconds, and a storm of events costs a bounded
// number of looks. It returns after the first quiet pause.
func (w *Watcher) follow(ctx context.Context) {
	failed := 0
	for pause := min(firstPause, w.debounce); ; pause *= 2 {
		began := w.now()
		next, err := w.read()
		w.accept(next)
		if err == nil {
			failed = 0
			pause = min(pause, w.debounce)
		} else if failed++; failed < readTries {
			w.poke()
		}
		took := min(w.now().Sub(began), w.debounce)
		if !w.rest(ctx, max(pause, readShare*took)) {
			return
		}
	}
}

// rest waits for a pause, and says whether something happened in it.
func (w *Watcher) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	}
	select {
	case <-w.poked:
		return true
	default:
		return false
	}
}

// read asks every source for the whole state. With an error it returns the
// Unknown state that says so.
func (w *Watcher) read() (State, error) {
	var f facts
	for _, s := range w.sources {
		if err := s.Read(&f); err != nil {
			return unknown(err), err
		}
	}
	return judge(&f), nil
}

// accept makes next the state, and passes a change on.
func (w *Watcher) accept(next State) {
	why := w.woke()
	changed := w.replace(next, why != "")
	switch {
	case why != "":
		w.log.Info("all is tried anew: "+why, "network", next.Reason)
	case changed:
		w.log.Info("network changed", "state", next.Reason)
	}
	if w.reconsider() || changed {
		w.tell()
	}
}

// woke is what has ended a sleep since it was last called, or "".
func (w *Watcher) woke() (why string) {
	if w.sleeps == nil {
		return ""
	}
	n, why := w.sleeps.Wakes()
	if n == w.wakes {
		return ""
	}
	w.wakes = n
	return why
}

// replace makes next the state, and says whether that is a change, as any is after
// a sleep.
func (w *Watcher) replace(next State, slept bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.state
	same := next.sameWays(before) && !slept
	if !same || !slices.Equal(next.VPN, before.VPN) {
		w.shifted = w.now()
	}
	if same {
		next.Since = before.Since
		w.state = next
		return !next.same(before)
	}
	next.Since = w.now()
	w.state = next
	w.epoch++
	clear(w.proofs)
	w.sight, w.vain = nil, time.Time{}
	return true
}
