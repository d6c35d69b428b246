package route

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/visible"
	"mailcrane/mta/policy"
	"mailcrane/queue"
)

// mostRoutes bounds the routes in one address.
const mostRoutes = 64

// mostShown bounds what a reply says of an address, in octets.
const mostShown = 150

// Next is where a recipient goes next, of mail from a sender, in sendmail's order:
// routes through ourselves are taken off, then come the domaintable, the
// virtusertable, local names, the mailertable, and what all other mail leaves by.
// An error is temporary: a map cannot be asked.
func (t *Table) Next(ctx context.Context, sender, recipient string) (Step, error) {
	if t.nullClient != nil {
		return t.toHub(t.nullClient, recipient), nil
	}
	p, err := t.place(ctx, recipient)
	if err != nil {
		return Step{}, err
	}
	switch {
	case p.local == "":
		return refused(553, "5.1.3", "User address required"), nil
	case p.here != "" && policy.Routed(p.local), p.domain != "" && address.Valid("x@"+p.domain) != nil:
		// What stood in quotes may hold anything. As the host of a hop it would be a
		// list of hosts, with ports, that a stranger has chosen.
		return refused(553, "5.1.3", "Invalid route address "+visible.Line(recipient, mostShown)), nil
	}
	if s, found, err := t.virtually(ctx, p); found || err != nil {
		return s, err
	}
	if p.here != "" {
		return t.mailbox(p), nil
	}
	if !strings.HasPrefix(p.domain, "[") {
		if s, found, err := t.mailer(ctx, p); found || err != nil {
			return s, err
		}
	}
	return t.elsewhere(sender, p), nil
}

// A place is a recipient without the routes that led through us.
type place struct {
	// local has no quotes; domain is "" for a name without one, and our own name for
	// our other words for ourselves.
	local, domain string
	// address is how it is written.
	address string
	// here is by what it is local, or ""; renamed is where the domaintable says its
	// new domain.
	here, renamed string
}

func (p *place) String() string {
	if p.domain == "" {
		return p.local
	}
	return p.local + "@" + p.domain
}

// place strips what is only a route to ourselves off an address.
func (t *Table) place(ctx context.Context, text string) (p place, err error) {
	p.address = text
	if p.local, p.domain = policy.Path(text); strings.HasPrefix(text, "@") {
		p.address = address.Quote(p.local) + "@" + p.domain
	}
	for range mostRoutes {
		if strings.ContainsAny(p.domain, "%!@") { // no domain, but a route whose end looks like one
			p.local, p.domain = p.local+"@"+p.domain, ""
		}
		if err = t.rename(ctx, &p); err != nil {
			return p, err
		}
		if p.here = t.ours(&p.domain); p.here == "" || !policy.Routed(p.local) {
			break
		}
		next, domain := policy.NextHop(p.local)
		if p.domain = domain; domain == "" {
			break
		}
		p.local = next
		p.address = address.Quote(p.local) + "@" + p.domain
	}
	return p, nil
}

// ours says by what a domain is local. Our other words for ourselves become our
// name, by which the virtusertable knows them.
func (t *Table) ours(domain *string) (where string) {
	if *domain == "" {
		return "it has no domain"
	}
	if where = t.classes.Local(*domain); where != "" && (*domain == "localhost" || strings.HasPrefix(*domain, "[")) {
		*domain = t.classes.Host()
	}
	return where
}

// rename asks the domaintable for the new name of a domain.
func (t *Table) rename(ctx context.Context, p *place) error {
	if p.domain == "" || strings.HasPrefix(p.domain, "[") {
		return nil
	}
	value, where, ok, err := t.domains.find(ctx, "domaintable", p.domain)
	if ok {
		p.domain, p.renamed = policy.Canonical(value), where
		p.address = address.Quote(p.local) + "@" + p.domain
	}
	return err
}

// find asks a map, which may be missing.
func (m table) find(ctx context.Context, name, key string) (value, where string, ok bool, err error) {
	if m.Map == nil {
		return "", "", false, m.wrong
	}
	value, where, ok, err = m.Find(ctx, strings.ToLower(key))
	if err != nil {
		err = fmt.Errorf("the %s cannot be asked: %w", name, err)
	}
	return value, where, ok, err
}

// Ask is what one of the maps has for a key, by the map's name. An error is that of
// the map, or that there is none of the name.
func (t *Table) Ask(ctx context.Context, name, key string) (value, where string, ok bool, err error) {
	m, known := map[string]table{
		"mailertable": t.mailers, "virtusertable": t.virtual, "domaintable": t.domains, "genericstable": t.generics,
	}[name]
	switch {
	case !known:
		return "", "", false, fmt.Errorf("there is no map %s", visible.Line(name, mostShown))
	case m.none():
		return "", "", false, fmt.Errorf("no %s is set: mta.map.%s", name, name)
	}
	return m.find(ctx, name, key)
}

// mailbox is the step to a local name.
func (t *Table) mailbox(p place) Step {
	s := Step{Kind: Mailbox, User: p.local, Where: p.here, Why: "its domain is ours"}
	s.Address = address.Quote(p.local) + "@" + cmp.Or(p.domain, t.classes.Host())
	if p.domain == "" {
		s.Where, s.Why = "", "it has no domain, so it is a name here"
	}
	if !t.options.PreserveDetail {
		s.User, s.Detail = detailed(p.local)
	}
	s.Bare = p.domain == ""
	return s
}

// detailed is the parts of user+detail.
func detailed(local string) (user, detail string) {
	if i := strings.IndexByte(local, '+'); i > 0 {
		return local[:i], local[i+1:]
	}
	return local, ""
}

// mailer asks the mailertable: the domain, what is above it with a dot before it,
// and the dot alone.
func (t *Table) mailer(ctx context.Context, p place) (s Step, found bool, err error) {
	key, left := p.domain, ""
	for {
		value, where, ok, err := t.mailers.find(ctx, "mailertable", key)
		if err != nil || ok {
			if err == nil {
				s, err = t.byMailer(p, filled(value, left), where)
			}
			return s, true, err
		}
		if key == "." {
			return Step{}, false, nil
		}
		_, above, ok := strings.Cut(strings.TrimPrefix(key, "."), ".")
		if key = "." + above; !ok {
			key = "."
		}
		left = strings.TrimSuffix(p.domain, key)
	}
}

// byMailer is the step that an entry of the mailertable says.
func (t *Table) byMailer(p place, value, where string) (Step, error) {
	to, _, err := t.parse(value)
	if err != nil {
		return Step{}, fmt.Errorf("%s: %w", where, err)
	}
	to.where = where
	s := t.leave(&to, p)
	s.Why = "the mailertable says so: " + visible.Line(value, mostShown)
	return s, nil
}

// leave is the step to a target for a recipient who is not local.
func (t *Table) leave(to *target, p place) Step {
	switch to.Mailer {
	case "error":
		return Step{Kind: Refused, Reply: to.reply, Where: to.where}
	case Local:
		local := to.User
		if user, domain := policy.NextHop(p.local); policy.Routed(p.local) && domain != "" {
			// The route in it goes first, as in sendmail's CanonLocal.
			return Step{Kind: Again, Address: address.Quote(user) + "@" + domain, Where: to.where}
		}
		if local == "" {
			local = p.local
		}
		s := t.mailbox(place{local: local, domain: p.domain, here: to.where})
		s.Bare = false
		return s
	}
	if t.loops(to) {
		s := refused(553, "5.3.5", "config error: mail for "+visible.Line(p.domain, mostShown)+" loops back to me")
		s.Where = to.where
		return s
	}
	return to.away(p.address)
}

// loops says that a target is ourselves. At a port of its own another server may
// listen on this machine; where it is ours after all, that shows when it is called.
func (t *Table) loops(to *target) bool {
	if to.Mailer == Procmail || to.Mailer == "account" || !t.exact {
		return false
	}
	return slices.ContainsFunc(to.Hosts()[0], func(host string) bool {
		name, port, _ := config.HostPort(host)
		return port == "" && (t.classes.Local(name) != "" || t.classes.Local(host) != "")
	})
}

// elsewhere is what all other mail leaves by.
func (t *Table) elsewhere(sender string, p place) Step {
	if t.smartHost != nil {
		s := t.leave(t.smartHost, p)
		s.Why = "the smart host takes what is not local"
		return s
	}
	if a := t.account(sender); a != nil {
		return Step{Kind: Away, Address: p.address, Account: a.Name, Why: "the account carries mail from " + visible.Line(cmp.Or(sender, "<>"), mostShown)}
	}
	return Step{Kind: Away, Address: p.address, Hop: Hop{ESMTP, p.domain}, Plain: true, Where: p.renamed, Why: "no map says otherwise"}
}

// account is the one that carries mail from a sender: one that claims it, or the
// one that is named for all else. An account that is only the default since there
// is no other takes no stranger's mail.
func (t *Table) account(sender string) *config.Account {
	a := t.parts.Config.ForSender(sender)
	if a == nil || a.Claims(sender) {
		return a
	}
	if o, _ := config.Explained("default_account"); t.parts.Config.Origin(o, "") == "" {
		return nil
	}
	return a
}

// refused is a step that is a reply.
func refused(code int, enhanced, text string) Step {
	return Step{Kind: Refused, Reply: queue.Reply{Code: code, Enhanced: enhanced, Text: text}, Why: text}
}
