// Package mx carries mail to the exchangers of its destinations (RFC 5321 section
// 5): it finds the hosts of a hop, and opens a session with the first that lets
// us. What is a fault of all of them is the route's; what the name service says of
// a destination for good is a refusal of each message (RFC 7505, and no such host).
//
//	mx, opening             a hop is opened
//	list, exchangers        which hosts take its mail, in which order
//	policy, peer            how they are spoken to, and whether that is enough
//	connect, budget, status one host, one address
//	session, cache          what is open, and stays open for a while
//	refusal                 what ends without a host
package mx

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/names"
	"mailcrane/mta/route"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// Options are the parts of the world that a Transport uses.
type Options struct {
	Config *config.Config
	// Names is who is asked for exchangers and addresses.
	Names names.Resolver
	// Access is the map with Try_TLS, TLS_Srv and TLS_Rcpt; nil has no entries.
	Access *access.Map
	// Policy says how hosts are spoken to; nil is ByAccess.
	Policy Policy
	// Ours says that a host is this server, by its names (class w); nil knows the
	// server's own name alone.
	Ours func(host string) bool
	// Here says that this server itself takes mail at an address; nil goes by the
	// listeners and the addresses of this machine.
	Here func(netip.AddrPort) bool
	// Hello is our name in EHLO.
	Hello string
	// Roots are the authorities of servers, for TLS_Srv; nil are the system's.
	Roots *x509.CertPool
	// Hosts remembers for all processes how each host was; nil is nothing.
	Hosts queue.Hosts
	// Dial opens connections; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Dice is a number from 0 up to 1 for hosts of the same preference; nil is
	// chance.
	Dice func() float64
	// Log hears of what could not be kept; nil is nobody.
	Log *slog.Logger
	// Trace is told every line of every session, without messages and without
	// secrets. It may be nil; it is called from several goroutines.
	Trace func(r queue.Route, line string)
	// Failed is told of each host that could not be used, where another was tried
	// after it. It may be nil.
	Failed func(r queue.Route, fault *queue.RouteFault)
}

// A Transport may be used by several goroutines.
type Transport struct {
	Options
	exchange config.Exchange
	memories *memories
	cache    *cache
}

var _ queue.Transport = (*Transport)(nil)

// New is a Transport.
func New(o Options) *Transport {
	if o.Policy == nil {
		o.Policy = ByAccess{o.Access}
	}
	if o.Hello == "" {
		o.Hello = relay.NeutralHello
		if name, err := os.Hostname(); err == nil {
			o.Hello = name
		}
	}
	if o.Ours == nil {
		own := o.Hello
		o.Ours = func(host string) bool { return sameHost(host, own) || sameHost(host, "localhost") }
	}
	if o.Here == nil {
		o.Here = listening(o.Config.MTA.Listeners, net.InterfaceAddrs)
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dice == nil {
		o.Dice = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	x := o.Config.MTA.Exchange
	if x.Port < 1 || x.Port > 1<<16-1 {
		x.Port = 25
	}
	t := &Transport{Options: o, exchange: x, memories: newMemories(o)}
	t.cache = newCache(keptSessions(o.Config), x.CacheTime)
	return t
}

// Open implements queue.Transport: it tries the hosts of a hop, one after the
// other, until one greets us. What every host is at fault for is the route's.
func (t *Transport) Open(ctx context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	hop, door := route.Of(r)
	if !door || !hop.Wire() {
		return nil, &queue.RouteFault{Step: queue.StepConfig, Err: fmt.Errorf("%s is reached by no network", r), NeedsPerson: true}
	}
	o := t.newOpening(ctx, r)
	s, end := o.reach(ctx, hop.Host)
	if s == nil && end.passes() && t.exchange.FallbackSmartHost != "" && ctx.Err() == nil {
		if n, err := config.ParseNextHop(t.exchange.FallbackSmartHost); err == nil && n.Host != hop.Host {
			o.lastResort = true
			s, _ = o.reach(ctx, n.Host)
		}
	}
	switch {
	case s != nil:
		s.leave = queue.OnStir(ctx, func() { go t.Stir() })
		return s, nil
	case end.fault != nil:
		return nil, end.fault
	}
	return refusing{end.reply}, nil
}

// Stir is for when the way out may have changed: sessions that nobody uses are
// closed, since a connection stays on the way by which it was made. A session in
// use that is told of it (queue.OnStir) has that done.
func (t *Transport) Stir() { t.cache.empty(context.Background()) }

// Close ends the sessions that nobody uses, and keeps none from now on.
func (t *Transport) Close(ctx context.Context) {
	t.cache.end()
	t.cache.empty(ctx)
}
