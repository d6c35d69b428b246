package policy

import (
	"context"
	"errors"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/visible"
	"mailcrane/mta/access"
	"mailcrane/mta/names"
)

// checkMail is sendmail's check_mail, asked once for a message.
func (v *Visit) checkMail(ctx context.Context) Verdict {
	if v.message.mail != nil {
		return *v.message.mail
	}
	verdict, passed := v.policy.sender(ctx, &v.Client, v.message.from)
	verdict.Rule = "check_mail"
	if ctx.Err() == nil {
		v.message.mail = &verdict
	}
	v.message.passed = passed
	v.message.keep(verdict)
	return verdict
}

// sender judges a reverse-path. passed says that the access map has taken it.
func (p *Policy) sender(ctx context.Context, c *Client, from string) (verdict Verdict, passed bool) {
	if from == "" {
		return Verdict{}, false // reports must be taken (RFC 5321 section 4.5.5)
	}
	local, domain := path(from)
	if p.strange(c, domain) {
		return refuse(553, [3]int{5, 5, 4}, "Real domain name required for sender address"), false
	}
	key := local
	if domain != "" {
		key += "@" + domain
	}
	entry, err := p.parts.Access.From(key)
	if err != nil {
		return unknown(), false
	}
	switch entry.Verb {
	case access.OK, access.Relay:
		return Verdict{}, true
	case access.Nothing, access.Skip:
	default:
		return said(entry, denied()), false
	}
	shown := visible.Line(from, mostShown)
	if domain == "" {
		if p.rules.AcceptUnqualified || c.Unqualified || !c.Addr.IsValid() {
			return Verdict{}, false
		}
		return refuse(553, [3]int{5, 5, 4}, "Domain name required for sender address "+shown), false
	}
	return p.domainOf(ctx, domain, shown), false
}

// strange says that a sender's domain is one that another machine cannot have:
// this machine's word for itself or, on a listener with RequireFQDN, a name
// without a dot.
func (p *Policy) strange(c *Client, domain string) bool {
	if p.rules.AcceptUnqualified || c.Unqualified || domain == "" || !c.Addr.IsValid() || p.classes.local(canonical(c.Name)) {
		return false
	}
	switch domain {
	case "localhost", "[127.0.0.1]", "[ipv6:::1]", "localhost." + p.classes.above:
		return true
	}
	return c.RequireFQDN && !strings.ContainsAny(domain, ".[")
}

// domainOf judges whether a sender's domain is there: what cannot be answered to
// is not taken.
func (p *Policy) domainOf(ctx context.Context, domain, shown string) Verdict {
	if !p.asks || strings.HasPrefix(domain, "[") {
		return Verdict{}
	}
	if !p.rules.AcceptUnresolvable && domain != p.classes.host && !p.classes.local(domain) {
		err := names.Exists(ctx, p.parts.Names, domain)
		switch {
		case errors.Is(err, names.ErrNone):
			return refuse(553, [3]int{5, 1, 8}, "Domain of sender address "+shown+" does not exist")
		case err != nil:
			return refuse(451, [3]int{4, 1, 8}, "Domain of sender address "+shown+" does not resolve")
		}
	}
	if !p.rules.BadMX {
		return Verdict{}
	}
	bad, err := names.BadMX(ctx, p.parts.Names, domain)
	switch {
	case bad != "":
		return refuse(550, [3]int{5, 1, 2}, "Invalid MX record for host "+visible.Line(domain, mostShown))
	case err != nil:
		return refuse(450, [3]int{4, 1, 2}, "MX lookup failure for "+visible.Line(domain, mostShown))
	}
	return Verdict{}
}

// path is the two parts of a path in wire form: without a source route
// (RFC 5321 section 4.1.2), without quotes, the domain as canonical has it.
func path(text string) (local, domain string) {
	if strings.HasPrefix(text, "@") {
		if _, rest, ok := strings.Cut(text, ":"); ok {
			text = rest
		}
	}
	local, domain = address.Split(text)
	return unquoted(local), canonical(domain)
}

// unquoted is a local part without its quotes: they do not change what it means
// (RFC 5321 section 4.1.2), and who relays by them hides behind them.
func unquoted(local string) string {
	inner, ok := strings.CutPrefix(local, `"`)
	if !ok {
		return local
	}
	inner = strings.TrimSuffix(inner, `"`)
	var text strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		text.WriteByte(inner[i])
	}
	return text.String()
}
