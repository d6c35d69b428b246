package mx

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"

	"mailcrane/mta/names"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// host is a session with a host, by whichever of its addresses. With neither a
// session nor a fault there was no time to try it.
func (o *opening) host(ctx context.Context, destination string, x Exchanger) (*session, *queue.RouteFault) {
	t := o.transport
	if s := t.cached(ctx, o.route, destination, x); s != nil {
		return s, nil
	}
	var last *queue.RouteFault
	for _, addr := range x.Addresses {
		if _, left := o.budget.next(x.fallback); !left || o.tried >= mostTried && !x.fallback {
			break
		}
		o.tried++
		p := Peer{Destination: destination, Host: x.Host, Addr: addr}
		s, fault := o.address(ctx, p, x)
		if fault == nil {
			t.noteHost(x.Host, nil)
			return s, nil
		}
		if last = fault; ctx.Err() != nil {
			return nil, fault
		}
	}
	if last != nil {
		t.noteHost(x.Host, last)
	}
	return nil, last
}

// address is a session with one address of a host.
func (o *opening) address(ctx context.Context, p Peer, x Exchanger) (*session, *queue.RouteFault) {
	t := o.transport
	terms, err := t.Policy.Terms(ctx, p)
	if err != nil {
		return nil, unfit(p, err)
	}
	s, fault := o.dial(ctx, p, x, terms)
	if fault == nil || fault.Step != queue.StepTLS || terms.Mode != relay.Opportunistic || !t.exchange.TLSFallbackToClear || ctx.Err() != nil || isUnmet(fault) {
		return s, fault
	}
	t.failed(o.route, fault)
	// What is on the way can always make a handshake fail: this is for who says
	// that mail is to arrive all the same.
	return o.dial(ctx, p, x, Terms{Name: terms.Name, Mode: relay.Insecure})
}

// unfit is the fault of a host that the policy does not let us speak to: by its
// TLS, or because nobody can tell, as of an access map that cannot be read.
func unfit(p Peer, err error) *queue.RouteFault {
	f := &queue.RouteFault{Step: queue.StepTLS, Server: shownHost(p), Err: err}
	if !isUnmet(f) {
		f.Step = queue.StepConfig
	}
	return f
}

func isUnmet(f *queue.RouteFault) bool {
	_, ok := errors.AsType[*Unmet](f.Err)
	return ok
}

// dial is a session by those terms, in which no mail has been spoken of.
func (o *opening) dial(ctx context.Context, p Peer, x Exchanger, terms Terms) (*session, *queue.RouteFault) {
	t := o.transport
	within, left := o.budget.next(x.fallback)
	if !left {
		return nil, &queue.RouteFault{Step: queue.StepConnect, Server: shownHost(p), Err: errNoTime}
	}
	at := netip.AddrPortFrom(p.Addr, x.Port)
	memory := t.memories.of(x.Host, x.Port)
	defer memory.Save()
	timeouts := t.Config.Timeout
	timeouts.Connect = cmp.Or(within, -1)
	target := relay.Target{
		Server: serverName(p), Name: shownHost(p), Address: net.JoinHostPort(at.Addr().String(), strconv.Itoa(int(at.Port()))),
		Mode: terms.Mode, TLS: terms.TLS, Hello: t.Hello, Timeouts: timeouts, Memory: memory.Memory, Dial: o.budget.dial, Now: t.Now, Stranger: true,
	}
	if target.TLS.Sessions == nil && terms.Mode != relay.Insecure {
		target.TLS.Sessions = memory.Sessions(terms.Name)
	}
	if t.Trace != nil {
		target.Trace = func(line string) { t.Trace(o.route, line) }
	}
	open, fault := relay.Open(ctx, target)
	if fault != nil {
		return nil, plainly(fault, p)
	}
	s := &session{Session: open, transport: t, peer: p, port: x.Port, terms: terms, memory: memory}
	s.link = t.connection(p, open, terms.Mode == relay.Insecure)
	if err := t.Policy.Host(p, s.link); err != nil {
		s.Learn()
		open.Close(ctx)
		return nil, unfit(p, err)
	}
	return s, nil
}

// plainly is a fault of a host that no person here has named: its hints are about
// the settings of an account, and nobody needs to act.
func plainly(f *queue.RouteFault, p Peer) *queue.RouteFault {
	f.Server, f.Hint, f.NeedsPerson, f.Unproven = shownHost(p), "", false, false
	return f
}

// serverName is whom the certificate is to be for.
func serverName(p Peer) string {
	if plainName(p) == "" {
		return p.Addr.String()
	}
	return p.Host
}

// shownHost is sendmail's relay=: the name and the address.
func shownHost(p Peer) string {
	literal := names.Literal(p.Addr)
	if plainName(p) == "" {
		return literal
	}
	return p.Host + " " + literal
}
