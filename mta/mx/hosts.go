package mx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

// A host is one that may be connected to.
type host struct {
	// name is in lower case; an address, for one in brackets.
	name string
	// addr is that address.
	addr netip.Addr
	// preference is in order; the hosts of one may be tried in any.
	preference int
}

// A refusal says that mail to a host can never be delivered.
type refusal struct{ reply queue.Reply }

func (r *refusal) Error() string { return r.reply.String() }

func refuse(enhanced, format string, args ...any) *refusal {
	return &refusal{queue.Reply{Code: 550, Enhanced: enhanced, Text: fmt.Sprintf(format, args...)}}
}

// mostHosts bounds the exchangers of a list.
const mostHosts = 100

// hosts are those of a list as a mailertable has it, in the order in which they are
// tried. An error is temporary, but for a *refusal.
func (t *Transport) hosts(ctx context.Context, list string) ([]host, error) {
	var all []host
	step := 0
	var wrong error
	for _, group := range (config.NextHop{Host: list}).Hosts() {
		most := step
		for _, name := range group {
			found, err := t.exchangers(ctx, name)
			if err != nil {
				wrong = err
				continue
			}
			for _, h := range found {
				h.preference += step
				most = max(most, h.preference)
				all = append(all, h)
			}
		}
		step = most + 1
	}
	if len(all) == 0 {
		return nil, wrong
	}
	t.order(all)
	all, looped := t.beforeUs(all)
	if looped && len(all) == 0 {
		return nil, &refusal{queue.Reply{Code: 553, Enhanced: "5.3.5", Text: fmt.Sprintf("config error: mail for %s loops back to me (MX problem?)", list)}}
	}
	return all[:min(len(all), mostHosts)], nil
}

// exchangers are those of one host of a list (RFC 5321 section 5.1).
func (t *Transport) exchangers(ctx context.Context, name string) ([]host, error) {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner = strings.ToLower(strings.TrimSuffix(inner, "]"))
		addr, err := netip.ParseAddr(strings.TrimPrefix(inner, "ipv6:"))
		if err == nil {
			return []host{{name: addr.String(), addr: addr}}, nil
		}
		return []host{{name: inner}}, nil
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	all, err := t.Names.Exchangers(ctx, name)
	switch {
	case errors.Is(err, names.ErrNone):
		return t.implicit(ctx, name)
	case err != nil:
		return nil, fmt.Errorf("the exchangers of %s are not known: %w", name, err)
	case len(all) == 1 && all[0].Host == "":
		return nil, refuse("5.1.10", "%s takes no mail: it has a null MX (RFC 7505)", name)
	}
	hosts := make([]host, 0, len(all))
	for _, mx := range all {
		if mx.Host != "" {
			hosts = append(hosts, host{name: strings.ToLower(mx.Host), preference: int(mx.Preference)})
		}
	}
	return hosts, nil
}

// implicit is the host itself, where it has an address and no exchanger.
func (t *Transport) implicit(ctx context.Context, name string) ([]host, error) {
	_, err := t.Names.Addresses(ctx, name)
	switch {
	case errors.Is(err, names.ErrNone):
		return nil, refuse("5.1.2", "Host unknown (Name server: %s: host not found)", name)
	case err != nil:
		return nil, fmt.Errorf("the addresses of %s are not known: %w", name, err)
	}
	return []host{{name: name}}, nil
}

// order is by preference, those of the same in any order, so that they share the
// work (RFC 5321 section 5.1).
func (t *Transport) order(all []host) {
	dice := t.Dice
	if dice == nil {
		dice = rand.Float64
	}
	for i := len(all) - 1; i > 0; i-- {
		j := int(dice() * float64(i+1))
		all[i], all[j] = all[j], all[i]
	}
	slices.SortStableFunc(all, func(a, b host) int { return a.preference - b.preference })
}

// beforeUs leaves out this server, and all that are no better than it (RFC 5321
// section 5.1): they would send the mail here. looped says that it was among them.
func (t *Transport) beforeUs(all []host) (left []host, looped bool) {
	own := -1
	for _, h := range all {
		if t.ours(h) {
			own = h.preference
			break
		}
	}
	if own < 0 {
		return all, false
	}
	return slices.DeleteFunc(all, func(h host) bool { return h.preference >= own }), true
}

func (t *Transport) ours(h host) bool {
	if t.Ours == nil || t.port() != 25 {
		return false
	}
	if h.addr.IsValid() {
		return t.Ours(names.Literal(h.addr))
	}
	return t.Ours(h.name)
}

// addresses are those of a host.
func (t *Transport) addresses(ctx context.Context, h host) ([]netip.Addr, error) {
	if h.addr.IsValid() {
		return []netip.Addr{h.addr}, nil
	}
	all, err := t.Names.Addresses(ctx, h.name)
	if len(all) > 0 {
		return all, nil
	}
	if errors.Is(err, names.ErrNone) {
		return nil, fmt.Errorf("%s, which is an exchanger, has no address", h.name)
	}
	return nil, err
}

// A refuser is the session of mail that cannot be delivered.
type refuser struct{ why *refusal }

// Close has nothing to close.
func (refuser) Close(context.Context) {}

// Deliver refuses each recipient.
func (r refuser) Deliver(_ context.Context, d *queue.Delivery) *queue.RouteFault {
	for i := range d.To {
		d.Report(i, queue.Refuse("", r.why.reply.Enhanced, r.why.reply.Text))
	}
	return nil
}
