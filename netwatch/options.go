package netwatch

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
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

// filled is o with what is used where it says nothing.
func (o Options) filled() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Debounce <= 0 {
		o.Debounce = debounce
	}
	return o
}
