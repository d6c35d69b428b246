package route

import (
	"context"
	"slices"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/mta/policy"
)

// Hub is where a local name goes that is no alias: MAIL_HUB, or LOCAL_RELAY for
// one without a domain. It is false where its mailbox is on this machine. The Step
// is the one of Next, a Mailbox.
func (t *Table) Hub(mailbox Step) (Step, bool) {
	to := t.mailHub
	if mailbox.Bare && t.localRelay != nil {
		to = t.localRelay
	}
	if to == nil || t.stays(mailbox) {
		return Step{}, false
	}
	s := t.toHub(to, address.Quote(named(mailbox)))
	s.Why = "the hub takes the mail for local names"
	return s, true
}

// Catches says that there is somewhere for names that are nobody's: LUSER_RELAY.
func (t *Table) Catches() bool { return t.unknown != nil }

// stays says that a name is in class L.
func (t *Table) stays(s Step) bool {
	return slices.ContainsFunc(t.options.LocalUsers, func(name string) bool {
		return strings.EqualFold(name, s.User) || strings.EqualFold(name, named(s))
	})
}

// named is user+detail, without a domain.
func named(s Step) string {
	if s.Detail == "" {
		return s.User
	}
	return s.User + "+" + s.Detail
}

// toHub is the step to a hub: a local name goes there under the hub's domain.
func (t *Table) toHub(to *target, recipient string) Step {
	local, domain := policy.Path(recipient)
	if domain == "" || t.classes.Local(domain) != "" {
		host := t.classes.Host()
		if to.Mailer != "account" {
			host = firstHost(to.NextHop)
		}
		recipient = address.Quote(local) + "@" + host
	}
	s := to.away(recipient)
	s.Why = "the hub takes all mail"
	return s
}

// Unknown is where mail goes for a local name that is neither an alias nor a
// user's: LUSER_RELAY, or a refusal. The Step is the one of Next, a Mailbox.
func (t *Table) Unknown(_ context.Context, mailbox Step) Step {
	nobody := refused(550, "5.1.1", "User unknown")
	to := t.unknown
	if to == nil {
		if s, ok := t.Hub(mailbox); ok {
			return s
		}
		return nobody
	}
	const why = "luser_relay takes the mail for names that are nobody's"
	switch to.Mailer {
	case "error":
		return Step{Kind: Refused, Reply: to.reply, Where: to.where, Why: why}
	case Local:
		if user, _ := detailed(to.User); strings.EqualFold(user, mailbox.User) {
			nobody.Where = to.where
			return nobody // it is itself a name that is nobody's
		}
		return Step{Kind: Again, Address: to.User, Where: to.where, Why: why}
	}
	s := t.toHub(to, address.Quote(named(mailbox)))
	if t.options.PreserveLUserHost || to.Mailer == Procmail {
		s = to.away(mailbox.Address)
	}
	s.Why = why
	return s
}
