package mx

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"mailcrane/mta/access"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

// An opening is one search for a host that lets us.
type opening struct {
	transport *Transport
	route     queue.Route
	budget    budget
	// tried counts connections.
	tried int
	// lastResort: the hosts are those of FallbackSmartHost, for which neither the
	// bound of connections nor Timeout.aconnect holds, as for FallbackMXhost: both
	// are used up by the very hosts that it stands in for.
	lastResort bool
}

// mostTried bounds the connections of one opening.
const mostTried = 16

func (t *Transport) newOpening(ctx context.Context, r queue.Route) *opening {
	return &opening{transport: t, route: r, budget: newBudget(ctx, t.Config.Timeout, t.Now, t.Dial)}
}

// reach is a session with a host of the list, or why there is none.
func (o *opening) reach(ctx context.Context, list string) (*session, ending) {
	t := o.transport
	hosts, end := t.hosts(ctx, list)
	if len(hosts) == 0 {
		return nil, end
	}
	for i := range hosts {
		hosts[i].fallback = hosts[i].fallback || o.lastResort
	}
	destination := firstHost(list)
	failures, refusals := 0, 0
	var last *queue.RouteFault
	for _, x := range t.lately(hosts) {
		s, fault := o.host(ctx, destination, x)
		if s != nil {
			if last != nil {
				t.failed(o.route, last)
			}
			return s, ending{}
		}
		if fault == nil {
			continue // it was not tried
		}
		if last != nil {
			t.failed(o.route, last)
		}
		failures++
		if forGood(fault) != nil {
			refusals++
		}
		if last = fault; ctx.Err() != nil {
			break
		}
	}
	if last == nil {
		last = &queue.RouteFault{Step: queue.StepConnect, Server: destination, Err: errNoTime}
	}
	if why := forGood(last); why != nil && refusals == failures {
		return nil, ending{reply: queue.Reply{Code: why.Code, Enhanced: "5.7.0", Text: why.Text}}
	}
	if failures > 1 && ctx.Err() == nil {
		last.Err = fmt.Errorf("%w (it was the last of %d hosts, and none took the mail)", last.Err, failures)
	}
	return nil, ending{fault: last}
}

// forGood is the refusal of a host whose TLS is not what PERM+ in the access map
// asks for: the administrator has said that its mail is not to wait. nil is none.
func forGood(f *queue.RouteFault) *access.Refusal {
	if refusal, ok := errors.AsType[*access.Refusal](f.Err); ok && refusal.Status[0] == 5 {
		return refusal
	}
	return nil
}

// hosts is the hosts of a list, or the one address that all mail goes to.
func (t *Transport) hosts(ctx context.Context, list string) ([]Exchanger, ending) {
	if only := t.exchange.ConnectOnlyTo; only != "" {
		at, err := onlyTo(only, t.exchange.Port)
		if err != nil {
			return nil, ending{fault: &queue.RouteFault{Step: queue.StepConfig, Err: err, NeedsPerson: true}}
		}
		return []Exchanger{{Host: names.Literal(at.Addr()), Port: at.Port(), Addresses: []netip.Addr{at.Addr()}}}, ending{}
	}
	return t.find(ctx, list)
}

// firstHost is the destination that a list is for, in words.
func firstHost(list string) string {
	if groups := parseList(list); len(groups) > 0 {
		return groups[0][0].host
	}
	return list
}

// onlyTo reads ADDRESS and [ADDRESS]:PORT.
func onlyTo(text string, port int) (netip.AddrPort, error) {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at, nil
	}
	groups := parseList("[" + trimBrackets(text) + "]")
	if len(groups) == 1 {
		if addr, ok := groups[0][0].literal(); ok {
			return netip.AddrPortFrom(addr, uint16(port)), nil //nolint:gosec // New bounds it
		}
	}
	return netip.AddrPort{}, fmt.Errorf("mta.exchange.connect_only_to: %q is no address: write 192.0.2.1, or 192.0.2.1:2525", text)
}

func trimBrackets(text string) string {
	if n := len(text); n > 1 && text[0] == '[' && text[n-1] == ']' {
		return text[1 : n-1]
	}
	return text
}

func (t *Transport) failed(r queue.Route, fault *queue.RouteFault) {
	if t.Failed != nil {
		t.Failed(r, fault)
	}
}
