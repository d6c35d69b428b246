package mx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"mailcrane/mta/names"
	"mailcrane/queue"
)

// An Exchanger is a host that may take the mail of a destination.
type Exchanger struct {
	Host string
	Port uint16
	// Addresses are those to be tried, in this order.
	Addresses []netip.Addr

	preference uint16
	// fallback: it is the one for all, for which Timeout.aconnect does not hold.
	fallback bool
	wrong    error // why it has no address
}

// mostHosts bounds the hosts of one destination, and mostAddresses the addresses
// of one host (RFC 5321 section 5.1 wants two at least).
const (
	mostHosts     = 12
	mostAddresses = 8
)

// find is the hosts of a list. Where there are none, the ending says why.
func (t *Transport) find(ctx context.Context, text string) (hosts []Exchanger, end ending) {
	expanded := false
	for _, group := range parseList(text) {
		mixed(t, group)
		for _, e := range group {
			some, why := t.exchangers(ctx, e)
			if len(some) == 0 && (end.fault == nil && end.reply.Code == 0 || why.fault != nil) {
				end = why // what may pass says more than what will not
			}
			expanded = expanded || !e.fixed && (len(some) > 0 || why.fault != nil)
			if hosts = append(hosts, some...); len(hosts) >= mostHosts {
				hosts = hosts[:mostHosts]
			}
		}
	}
	if expanded {
		hosts = append(hosts, t.fallback(ctx)...)
	}
	if len(hosts) == 0 && end.fault == nil && end.reply.Code == 0 {
		end = noSuchHost(text)
	}
	return hosts, end
}

// fallback is the hosts of FallbackMXhost, which are the last of all exchangers;
// none where it is ourselves.
func (t *Transport) fallback(ctx context.Context) (hosts []Exchanger) {
	for _, group := range parseList(t.exchange.FallbackMX) {
		mixed(t, group)
		for _, e := range group {
			some, _ := t.exchangers(ctx, e)
			hosts = append(hosts, some...)
		}
	}
	hosts = hosts[:min(len(hosts), mostHosts)]
	for i := range hosts {
		hosts[i].fallback = true
	}
	return hosts
}

// mixed puts what is equal in an order of chance.
func mixed[E any](t *Transport, all []E) {
	for i := len(all) - 1; i > 0; i-- {
		j := min(int(t.Dice()*float64(i+1)), i)
		all[i], all[j] = all[j], all[i]
	}
}

// exchangers is the hosts of one entry of a list: in brackets, itself; else its
// exchangers, or itself where it has none (RFC 5321 section 5.1).
func (t *Transport) exchangers(ctx context.Context, e entry) ([]Exchanger, ending) {
	port := cmp.Or(e.port, uint16(t.exchange.Port)) //nolint:gosec // New bounds it
	if addr, ok := e.literal(); ok {
		x := Exchanger{Host: names.Literal(addr), Port: port, Addresses: []netip.Addr{addr}}
		if t.own(x) {
			return nil, loops(x.Host)
		}
		return []Exchanger{x}, ending{}
	}
	itself := Exchanger{Host: e.host, Port: port}
	if e.fixed {
		return t.usable(ctx, e.host, []Exchanger{itself})
	}
	all, err := t.Names.Exchangers(ctx, e.host)
	if err != nil && !errors.Is(err, names.ErrNone) {
		return nil, lookupFault(e.host, err)
	}
	var hosts []Exchanger
	for _, one := range all {
		if one.Host != "" {
			hosts = append(hosts, Exchanger{Host: one.Host, Port: port, preference: one.Preference})
		}
	}
	switch {
	case len(hosts) == 0 && len(all) > 0: // a null MX; said twice it is one too
		return nil, nullMX(e.host)
	case len(hosts) == 0:
		return t.usable(ctx, e.host, []Exchanger{itself})
	}
	mixed(t, hosts)
	slices.SortStableFunc(hosts, func(a, b Exchanger) int { return cmp.Compare(a.preference, b.preference) })
	var found []Exchanger
	var end ending
	for len(hosts) > 0 {
		some := hosts[:min(len(hosts), mostHosts)]
		hosts = hosts[len(some):]
		// That the first of them do not exist says nothing of the others.
		if found, end = t.usable(ctx, e.host, some); end.reply.Enhanced != unknownHost {
			break
		}
	}
	if end.reply.Enhanced == loopsBack && t.exchange.TryNullMXList {
		return t.usable(ctx, e.host, []Exchanger{itself})
	}
	return found, end
}

// loopsBack is the status of loops.
const loopsBack = "5.3.5"

// usable looks up the addresses of hosts in order, all at once, and leaves out
// those without, ourselves, and who is no better than we are: to these we would
// only be one more hop in a circle.
func (t *Transport) usable(ctx context.Context, domain string, hosts []Exchanger) ([]Exchanger, ending) {
	var asked sync.WaitGroup
	for i := range hosts {
		asked.Go(func() { t.address(ctx, &hosts[i]) })
	}
	asked.Wait()
	for i, x := range hosts {
		if t.own(x) {
			hosts = slices.DeleteFunc(hosts[:i:i], func(b Exchanger) bool { return b.preference >= x.preference })
			if len(hosts) == 0 {
				return nil, loops(domain)
			}
			break
		}
	}
	var unknown string
	var wrong error
	found := make([]Exchanger, 0, len(hosts))
	for _, x := range hosts {
		switch {
		case len(x.Addresses) > 0:
			found = append(found, x)
		case errors.Is(x.wrong, names.ErrNone):
			unknown = cmp.Or(unknown, x.Host)
		default:
			wrong = x.wrong
		}
	}
	switch {
	case len(found) > 0:
		return found, ending{}
	case wrong != nil:
		return nil, lookupFault(domain, wrong)
	}
	return nil, noSuchHost(unknown)
}

// address looks the host up. What of its addresses is known is enough.
func (t *Transport) address(ctx context.Context, x *Exchanger) {
	all, err := t.Names.Addresses(ctx, x.Host)
	x.Addresses = all[:min(len(all), mostAddresses)]
	if x.wrong = err; len(all) == 0 && err == nil {
		x.wrong = names.ErrNone
	}
}

// own says that the host is this server, by its name or where it leads.
func (t *Transport) own(x Exchanger) bool {
	return t.Ours(strings.TrimSuffix(x.Host, ".")) && int(x.Port) == t.exchange.Port ||
		slices.ContainsFunc(x.Addresses, func(a netip.Addr) bool { return t.Here(netip.AddrPortFrom(a, x.Port)) })
}

// lookupFault is that of a name service that does not know just now.
func lookupFault(domain string, err error) ending {
	return ending{fault: &queue.RouteFault{
		Step: queue.StepLookup, Server: domain, Err: fmt.Errorf("the name service cannot say where its mail goes: %w", err),
	}}
}
