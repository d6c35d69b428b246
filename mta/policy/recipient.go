package policy

import (
	"context"
	"errors"
	"strings"

	"mailcrane/internal/visible"
	"mailcrane/mta/access"
	"mailcrane/mta/names"
)

// checkRcpt is sendmail's check_rcpt: the access map, and whether this client
// may send to this recipient. final says that it is one who may relay whatever
// the other tests say, by a log-in or a certificate.
func (v *Visit) checkRcpt(ctx context.Context, to string) (verdict Verdict, final bool) {
	p := v.policy
	if to == "" {
		return refuse(553, [3]int{5, 0, 0}, "User address required"), false
	}
	t, busy := p.target(ctx, to)
	if verdict = p.recipientRefused(t); verdict.Refusal != nil || verdict.Discard {
		return verdict, false
	}
	if p.rules.PromiscuousRelay {
		verdict.Where = "promiscuous_relay"
		return verdict, false
	}
	where, err := p.certified(&v.Client)
	if err != nil {
		return unknown(), false
	}
	if where == "" && p.trusted(&v.Client) {
		where = "authenticated by " + v.Client.Mechanism
	}
	if where != "" {
		verdict.Where = where
		return verdict, true
	}
	if t.domain == "" && !t.routed {
		return v.unqualified().with(verdict), false
	}
	if where, busy = t.permitted(ctx, p, busy); where == "" {
		relay := p.clientMayRelay(&v.Client, v.message.from, busy)
		if relay.Refusal != nil {
			return relay, false
		}
		where = relay.Where
	}
	verdict.Where = where
	return verdict, false
}

// unqualified judges a recipient without a domain, which is a user here.
func (v *Visit) unqualified() Verdict {
	return Verdict{Where: "it has no domain"}
}

// A target is a recipient as it is after the routes through this machine and
// those it relays for.
type target struct {
	local, domain string
	// routed: there is still a route in the local part, through a domain that is
	// none of ours.
	routed bool
}

// routeMarks divide a local part that says where mail goes on to: sendmail's
// class O.
const routeMarks = "%!@"

// mostRoutes bounds the routes in one address: a local part of 64 octets that is
// valid has fewer.
const mostRoutes = 64

// target strips routes for as long as they lead through a domain that is relayed
// to, so that what is judged in the end is where the mail would really go. The
// Verdict is that of a look-up that failed for now.
func (p *Policy) target(ctx context.Context, to string) (target, Verdict) {
	var busy Verdict
	t := target{}
	t.local, t.domain = path(to)
	for range mostRoutes {
		if strings.ContainsAny(t.domain, routeMarks) { // no domain, but a route whose end looks like one
			t.local, t.domain = t.local+"@"+t.domain, ""
		}
		if !strings.ContainsAny(t.local, routeMarks) {
			return t, busy
		}
		if t.domain != "" && !p.classes.local(t.domain) {
			if p.rules.LooseRelayCheck {
				return t, busy
			}
			where, wrong := t.permitted(ctx, p, Verdict{})
			if where == "" {
				t.routed, busy = true, wrong
				return t, busy
			}
		}
		if t.local, t.domain = nextHop(t.local); t.domain == "" {
			break // it leads nowhere
		}
	}
	t.routed = true
	return t, busy
}

// nextHop is the address that a local part with a route in it stands for: the
// last @ or %, else the first !.
func nextHop(local string) (user, domain string) {
	if i := strings.LastIndexAny(local, "@%"); i >= 0 {
		return unquoted(local[:i]), canonical(local[i+1:])
	}
	domain, user, _ = strings.Cut(local, "!")
	return unquoted(user), canonical(domain)
}

// recipientRefused is FEATURE(blocklist_recipients).
func (p *Policy) recipientRefused(t target) Verdict {
	if !p.rules.BlocklistRecipients {
		return Verdict{}
	}
	local := t.domain == "" || p.classes.local(t.domain)
	if local && strings.HasPrefix(t.domain, "[") { // the same mailbox as by our name
		t.domain = p.classes.host
	}
	entry, err := p.parts.Access.ToRefuse(t.String(), local)
	if err != nil {
		return unknown()
	}
	return said(entry, refuse(550, [3]int{5, 2, 1}, "Mailbox disabled for this recipient"))
}

func (t target) String() string {
	if t.domain == "" {
		return t.local
	}
	return t.local + "@" + t.domain
}

// permitted says by which rule anybody may send to a domain; "" is by none. The
// Verdict is that of a look-up that failed for now, or busy.
func (t target) permitted(ctx context.Context, p *Policy, busy Verdict) (where string, wrong Verdict) {
	if t.routed || t.domain == "" {
		return "", busy
	}
	if where = p.classes.relaysTo(t.domain, &p.rules); where != "" {
		return where, busy
	}
	entry, err := p.parts.Access.ToRelay(t.String())
	switch {
	case err != nil:
		return "", unknown()
	case entry.Verb == access.Relay && (!p.rules.RelayHostsOnly || keyed(entry, t)):
		return entry.Where, busy
	}
	if !p.rules.RelayBasedOnMX || !p.asks {
		return "", busy
	}
	all, err := p.parts.Names.Exchangers(ctx, t.domain)
	if err != nil && !errors.Is(err, names.ErrNone) {
		return "", refuse(450, [3]int{4, 4, 0}, "Can not check MX records for recipient host "+visible.Line(t.domain, mostShown))
	}
	for _, mx := range all {
		if p.classes.local(canonical(mx.Host)) {
			return "relay_based_on_mx", busy
		}
	}
	return "", busy
}

// keyed says that an entry is about a recipient's own domain, or the whole
// address, and not about a domain above.
func keyed(e access.Entry, t target) bool {
	return strings.EqualFold(e.Key, t.domain) || strings.EqualFold(e.Key, t.String())
}

// MayRelay says whether a client may send to a recipient, whatever the tests say
// that refuse clients and senders; Where of the Verdict is what permits it.
func (p *Policy) MayRelay(ctx context.Context, c Client, sender, recipient string) Verdict {
	v := &Visit{Client: c, policy: p, message: transaction{from: sender}}
	verdict, _ := v.checkRcpt(ctx, recipient)
	return verdict.in("check_rcpt", recipient)
}
