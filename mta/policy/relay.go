package policy

import (
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/names"
)

// certified is where a client's certificate permits relaying: by its issuer, or
// by its subject where the issuer says so; "" where it does not.
func (p *Policy) certified(c *Client) (where string, err error) {
	if c.Peer.Verify != "OK" && c.Peer.Verify != "TRUSTED" {
		return "", nil
	}
	issuer, err := p.parts.Access.CertIssuer(c.Peer.Issuer)
	if err != nil || issuer.Verb == access.Relay {
		return issuer.Where, err
	}
	if issuer.Verb != access.Subject {
		return "", nil
	}
	subject, err := p.parts.Access.CertSubject(c.Peer.Subject)
	if err != nil || subject.Verb == access.Relay {
		return subject.Where, err
	}
	return "", nil
}

// clientMayRelay says whether a client may send to anybody; Where of the Verdict
// is the rule that permits it. busy is what could not be looked up of the
// recipient for now: it is the answer where nothing permits it.
func (p *Policy) clientMayRelay(c *Client, from string, busy Verdict) Verdict {
	where, wrong := p.addressMayRelay(c)
	if where == "" && wrong.Refusal == nil {
		where, wrong = p.senderMayRelay(from)
	}
	if where != "" || wrong.Refusal != nil {
		wrong.Where = where
		return wrong
	}
	switch c.State {
	case names.OK:
		if where, wrong = p.nameMayRelay(c); where != "" || wrong.Refusal != nil {
			wrong.Where = where
			return wrong
		}
	case names.Temp:
		if p.asks {
			return refuse(450, [3]int{4, 4, 0}, "Relaying temporarily denied. Cannot resolve PTR record for "+c.Addr.String())
		}
	case names.Forged:
		return refuse(550, [3]int{5, 7, 1}, "Relaying denied. IP name possibly forged "+c.Name)
	case names.None:
		if p.asks {
			return refuse(550, [3]int{5, 7, 1}, "Relaying denied. IP name lookup failed "+c.Name)
		}
	}
	if busy.Refusal != nil {
		return busy
	}
	return refuse(550, [3]int{5, 7, 1}, "Relaying denied")
}

// addressMayRelay is by a client's address: this machine's, class R, Connect:.
func (p *Policy) addressMayRelay(c *Client) (where string, wrong Verdict) {
	if !c.Addr.IsValid() || c.Addr.IsLoopback() {
		return "a client of this machine", Verdict{}
	}
	if where = p.classes.relaysAddress(c.Addr); where != "" {
		return where, Verdict{}
	}
	entry, err := p.parts.Access.ConnectAddress(c.Addr)
	if err != nil {
		return "", unknown()
	}
	if entry.Verb == access.Relay {
		return entry.Where, Verdict{}
	}
	if p.classes.local(canonical(names.Literal(c.Addr))) {
		return "an address of this machine", Verdict{}
	}
	return "", Verdict{}
}

// senderMayRelay is FEATURE(relay_local_from) and FEATURE(relay_mail_from), which
// believe what a client says.
func (p *Policy) senderMayRelay(from string) (where string, wrong Verdict) {
	if p.rules.RelayMailFrom == config.MailFromNever && !p.rules.RelayLocalFrom || from == "" {
		return "", Verdict{}
	}
	local, domain := path(from)
	if p.rules.RelayLocalFrom && p.classes.local(domain) {
		return "relay_local_from", Verdict{}
	}
	if p.rules.RelayMailFrom == config.MailFromNever || domain == "" {
		return "", Verdict{}
	}
	entry, err := p.parts.Access.RelayFrom(local + "@" + domain)
	if err != nil {
		return "", unknown()
	}
	whole := strings.Contains(entry.Key, "@")
	switch {
	case entry.Verb != access.Relay,
		!whole && p.rules.RelayMailFrom != config.MailFromDomain,
		!whole && p.rules.RelayHostsOnly && !strings.EqualFold(entry.Key, domain):
		return "", Verdict{}
	}
	return entry.Where, Verdict{}
}

// nameMayRelay is by a client's name, which leads back to its address.
func (p *Policy) nameMayRelay(c *Client) (where string, wrong Verdict) {
	name := canonical(c.Name)
	if where = p.classes.relaysTo(name, &p.rules); where != "" {
		return where, Verdict{}
	}
	entry, err := p.parts.Access.ConnectName(name)
	if err != nil {
		return "", unknown()
	}
	if entry.Verb == access.Relay && (!p.rules.RelayHostsOnly || strings.EqualFold(entry.Key, name)) {
		return entry.Where, Verdict{}
	}
	return "", Verdict{}
}
