package policy

import (
	"context"
	"net/netip"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/names"
)

func denied() Verdict { return refuse(550, [3]int{5, 7, 1}, "Access denied") }

// checkRelay is sendmail's check_relay: the access map, block lists, limits that
// are not obeyed at once, and the client's name. It is asked once for a
// connection.
func (v *Visit) checkRelay(ctx context.Context) Verdict {
	if v.relay != nil {
		return *v.relay
	}
	verdict, passed := v.policy.relayRules(ctx, &v.Client)
	v.passed = passed
	if !verdict.ends() && !passed {
		verdict = v.limits(!v.policy.rules.Rate.NoDelay, !v.policy.rules.Connections.NoDelay)
	}
	if verdict.Rule == "" {
		verdict.Rule = "check_relay"
	}
	if ctx.Err() == nil {
		v.relay = &verdict
	}
	if verdict.Refusal == nil {
		v.kept = v.kept.with(verdict)
	}
	return verdict
}

// relayRules are check_relay but for the limits, which are counted elsewhere.
// passed says that the access map has taken the client, so that nobody else is
// asked about it.
func (p *Policy) relayRules(ctx context.Context, c *Client) (verdict Verdict, passed bool) {
	if !c.Addr.IsValid() {
		return Verdict{}, false // no network is between
	}
	entry, err := p.parts.Access.Connect(p.nameOf(c), c.Addr)
	if err != nil {
		return unknown(), false
	}
	switch entry.Verb {
	case access.Nothing, access.Skip:
	case access.OK, access.Relay:
		return Verdict{}, true
	default:
		return said(entry, denied()), false
	}
	if verdict = p.blocked(ctx, c.Addr); verdict.ends() {
		return verdict, false
	}
	return p.reverse(c), false
}

// nameOf is the name of a client that the access map is asked for.
func (p *Policy) nameOf(c *Client) string {
	if p.rules.UseClientPtr && c.Pointer != "" {
		return c.Pointer
	}
	return c.Name
}

// blocked asks the block lists.
func (p *Policy) blocked(ctx context.Context, addr netip.Addr) Verdict {
	if p.parts.Blocks == nil || p.parts.Config.ServerMode() == config.DeferredRun {
		return Verdict{}
	}
	found, err := p.parts.Blocks.Check(ctx, addr)
	if err != nil {
		return unknown()
	}
	return Verdict{Refusal: found.Refusal, Discard: found.Discard, Quarantine: found.Quarantine, Where: found.List}
}

// reverse is FEATURE(require_rdns).
func (p *Policy) reverse(c *Client) Verdict {
	if !p.rules.RequireRDNS || !p.asks || p.classes.relaysAddress(c.Addr) != "" {
		return Verdict{}
	}
	switch address := c.Addr.String(); c.State {
	case names.None:
		return refuse(550, [3]int{5, 7, 1}, "Fix reverse DNS for "+address)
	case names.Temp:
		return refuse(451, [3]int{4, 1, 8}, "Client IP address "+address+" does not resolve")
	case names.Forged:
		return refuse(451, [3]int{4, 1, 8}, "Possibly forged hostname for "+address)
	}
	return Verdict{}
}
