package route

import (
	"context"
	"slices"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/policy"
)

// masks are the classes by which senders are rewritten.
type masks struct {
	config.Masquerade

	generics *policy.Class // G
	hidden   *policy.Class // M
	kept     *policy.Class // N
}

func newMasks(parts Parts) (m masks, err error) {
	c := &parts.Config.MTA
	m.Masquerade = c.Masquerade
	if hub, wrong := config.ParseNextHop(c.Routing.NullClient); c.Routing.NullClient != "" && wrong == nil && hub.Mailer != "account" {
		// FEATURE(nullclient) is MASQUERADE_AS the hub, in all of a message.
		if m.As == "" {
			m.As = strings.Trim(firstHost(hub), "[]")
		}
		m.Envelope, m.All = true, true
	}
	with := policy.Parts{Config: parts.Config, Safe: parts.Safe, Now: parts.Now, Log: parts.Log}
	for _, o := range []struct {
		of policy.ClassOf
		to **policy.Class
	}{
		{policy.ClassOf{Key: "mta.route.generics", Names: c.Routing.Generics, File: c.Routing.GenericsFile, Below: c.Routing.GenericsEntireDomain}, &m.generics},
		{policy.ClassOf{Key: "mta.masquerade.domains", Names: c.Masquerade.Domains, Below: c.Masquerade.EntireDomain}, &m.hidden},
		{policy.ClassOf{Key: "mta.masquerade.exceptions", Names: c.Masquerade.Exceptions, Below: true}, &m.kept},
	} {
		if *o.to, err = policy.NewClass(with, o.of); err != nil {
			return m, err
		}
	}
	return m, nil
}

// A person is an address that is being rewritten.
type person struct {
	local, domain string
	// own: it has no domain, or our own name, which the mail of this machine gets
	// when it is taken in. sendmail calls that *LOCAL*.
	own bool
}

// generically asks the genericstable for a sender, in sendmail's order. done says
// that the answer is an address with a domain, which stays as it is.
func (t *Table) generically(ctx context.Context, p *person) (done bool, err error) {
	if t.generics.none() || !p.own && t.masks.generics.Where(p.domain) == "" {
		return false, nil
	}
	for _, k := range genericKeys(p.local, p.domain, p.own) {
		value, _, ok, err := t.generics.find(ctx, "genericstable", k.key)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if value = filled(value, k.args...); value == "" { // %1 of a key that has none
			continue
		}
		at := strings.LastIndexByte(value, '@')
		if at < 0 {
			p.local, p.domain, p.own = value, t.classes.Host(), true
			return false, nil
		}
		p.local, p.domain = value[:at], value[at+1:]
		return true, nil
	}
	return false, nil
}

// genericKeys are those of an address, which is our own or in class G.
func genericKeys(local, domain string, own bool) []virtualKey {
	user, detail := detailed(local)
	plus := user != local
	keys := []virtualKey{{local + "@" + domain, nil}}
	if plus {
		keys = append(keys, virtualKey{user + "+*@" + domain, []string{detail}}, virtualKey{user + "@" + domain, nil})
	}
	if !own {
		keys = append(keys, virtualKey{"@" + domain, []string{local}})
	}
	keys = append(keys, virtualKey{local, nil})
	if plus {
		keys = append(keys, virtualKey{user + "+*", []string{detail}}, virtualKey{user, nil})
	}
	return keys
}

// hide gives a person the domain of the masquerade.
func (t *Table) hide(p *person) {
	m := &t.masks
	switch {
	case m.As == "" || m.kept.Where(p.domain) != "":
		return
	case !p.own && m.hidden.Where(p.domain) == "" && (m.Limited || t.classes.Local(p.domain) == ""):
		return
	case slices.ContainsFunc(m.Exposed, func(user string) bool { return strings.EqualFold(user, p.local) }):
		return
	}
	p.domain = m.As
}
