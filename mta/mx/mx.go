// Package mx takes mail to the exchangers of its domain (RFC 5321 section 5): it
// finds them, in order, and opens a session with the first that is there.
package mx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/names"
	"mailcrane/mta/route"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// Options are what a Transport works with.
type Options struct {
	Config *config.Config
	// Hello is our name in EHLO.
	Hello string
	// Names asks the name service.
	Names names.Resolver
	// Ours says that a host, in lower case, or an address in brackets, is this
	// server.
	Ours func(host string) bool
	// Dial makes connections; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Dice is a number from 0 up to 1, another each time; nil is chance.
	Dice func() float64
	// Trace is told every line of every session, without messages. It may be nil.
	Trace func(r queue.Route, line string)
}

// A Transport reaches exchangers. It may be used by several goroutines.
type Transport struct{ Options }

var _ queue.Transport = (*Transport)(nil)

// New is a Transport.
func New(o Options) *Transport {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return &Transport{o}
}

// mostAddresses bounds the addresses that are tried for one session.
const mostAddresses = 30

// Open opens a session with the first exchanger of the route that is there. What
// cannot be delivered at all, such as mail to a domain that takes none, has a session
// that says so of each recipient.
func (t *Transport) Open(ctx context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	hop, ok := route.Of(r)
	if !ok || !hop.Wire() {
		return nil, &queue.RouteFault{Step: queue.StepConfig, Err: fmt.Errorf("%s is no way over a network", r), NeedsPerson: true}
	}
	hosts, err := t.hosts(ctx, hop.Host)
	if refused, is := errors.AsType[*refusal](err); is {
		return refuser{refused}, nil
	}
	if err != nil {
		return nil, &queue.RouteFault{Step: queue.StepLookup, Server: hop.Host, Err: err}
	}
	return t.first(ctx, r, hosts)
}

// first opens a session with the first of the hosts that is there.
func (t *Transport) first(ctx context.Context, r queue.Route, hosts []host) (queue.Session, *queue.RouteFault) {
	var last *queue.RouteFault
	tried := 0
	for _, h := range hosts {
		addrs, err := t.addresses(ctx, h)
		if err != nil {
			last = &queue.RouteFault{Step: queue.StepLookup, Server: h.name, Err: err}
			continue
		}
		for _, addr := range addrs {
			if tried++; tried > mostAddresses || ctx.Err() != nil {
				return nil, last
			}
			s, fault := t.open(ctx, r, h, addr)
			if fault == nil {
				return s, nil
			}
			last = fault
		}
	}
	return nil, last
}

// open is one connection.
func (t *Transport) open(ctx context.Context, r queue.Route, h host, addr netip.Addr) (queue.Session, *queue.RouteFault) {
	target := relay.Target{
		Server: h.name, Address: net.JoinHostPort(addr.String(), strconv.Itoa(t.port())),
		Mode: relay.Opportunistic, TLS: relay.TLS{Anybody: true}, Hello: t.Hello,
		Timeouts: t.Config.Timeout, Dial: t.Dial, Now: t.Now,
	}
	if t.Trace != nil {
		target.Trace = func(line string) { t.Trace(r, line) }
	}
	s, fault := relay.Open(ctx, target)
	if fault != nil {
		// Nobody here can mend what is wrong there, and its hints are about accounts.
		fault.NeedsPerson, fault.Hint = false, ""
		return nil, fault
	}
	return s, nil
}

func (t *Transport) port() int {
	if p := t.Config.MTA.Exchange.Port; p != 0 {
		return p
	}
	return 25
}
