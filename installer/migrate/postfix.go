package migrate

import (
	"cmp"
	"context"
	"path"
	"strings"

	"mailcrane/internal/config"
)

func postfixFile(name string) bool { return path.Base(name) == "main.cf" }

// postfixSettings makes accounts of a null client's main.cf: its relayhost,
// and those that depend on the sender (postconf(5)).
func postfixSettings(_ context.Context, m *Machine, f *Found, named string) {
	name := cmp.Or(named, "/etc/postfix/main.cf")
	lines, ok := m.lines(f, name)
	if !ok {
		return
	}
	p := &postfix{machine: m, found: f, file: name, set: mainCF(name, lines)}
	p.notes()
	logins := p.table("smtp_sasl_password_maps")
	relays := p.table("sender_dependent_relayhost_maps")
	relay, where := p.get("relayhost")
	if relay != "" {
		if a := p.account("postfix", where, relay); a != nil {
			f.Default = a.Name
			a.From = p.origin()
			p.login(a, relay, "", logins)
		}
	} else if len(relays) == 0 {
		f.leave(name, "add an account by hand, or: mailcrane setup", "Postfix has no relayhost: it delivers to each domain's own servers")
	}
	for _, row := range relays {
		if row.value == "DUNNO" || row.value == "" {
			continue
		}
		if a := p.account(strings.TrimPrefix(row.key, "@"), row.where, row.value); a != nil {
			a.From = []string{sender(row.key)}
			p.login(a, row.value, row.key, logins)
		}
	}
	p.senders(logins, relays, relay, where)
}

// sender is a key of a sender-dependent table as a from of ours.
func sender(key string) string {
	if strings.HasPrefix(key, "@") {
		return "*" + key
	}
	return key
}

type postfix struct {
	machine *Machine
	found   *Found
	file    string
	set     map[string]setting
}

// mainCF reads NAME = VALUE; a line that begins with white space goes on with
// the one before. The last of a name counts.
func mainCF(name string, lines []string) map[string]setting {
	set := make(map[string]setting)
	last := ""
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if v, ok := set[last]; ok {
				v.text = strings.TrimSpace(v.text + " " + trimmed)
				set[last] = v
			}
			continue
		}
		key, value, _ := strings.Cut(trimmed, "=")
		last = strings.TrimSpace(key)
		set[last] = setting{strings.TrimSpace(value), place(name, i)}
	}
	return set
}

// get is a parameter's value, those that it names put in.
func (p *postfix) get(name string) (text, where string) {
	v, ok := p.set[name]
	if !ok {
		return "", p.file
	}
	return p.expand(v.text, 0), v.where
}

func (p *postfix) on(name string) bool {
	text, _ := p.get(name)
	return text == "yes"
}

// mostExpansion bounds what parameters that name each other come to.
const mostExpansion = 64 << 10

// expand puts values for $name, ${name}, $(name), ${name?text} and
// ${name:text} (postconf(5)).
func (p *postfix) expand(text string, depth int) string {
	if depth > 16 {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(text) && b.Len() < mostExpansion; i++ {
		if text[i] != '$' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		rest := text[i+1:]
		if rest[0] == '$' {
			b.WriteByte('$')
			i++
			continue
		}
		name, n := parameterName(rest)
		if n == 0 {
			b.WriteByte('$')
			continue
		}
		b.WriteString(p.value(name, depth))
		i += n
	}
	return b.String()[:min(b.Len(), mostExpansion)]
}

// parameterName is what stands behind a $, and how long that is.
func parameterName(rest string) (name string, length int) {
	closing := map[byte]byte{'{': '}', '(': ')'}[rest[0]]
	if closing == 0 {
		n := 0
		for n < len(rest) && (rest[n] == '_' || rest[n] >= '0' && rest[n] <= '9' || rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z') {
			n++
		}
		return rest[:n], n
	}
	depth := 0
	for i := range len(rest) {
		switch rest[i] {
		case rest[0]:
			depth++
		case closing:
			if depth--; depth == 0 {
				return rest[1:i], i + 1
			}
		}
	}
	return "", 0
}

func (p *postfix) value(name string, depth int) string {
	if i := strings.IndexAny(name, "?:"); i > 0 {
		set := p.set[name[:i]].text != ""
		yes, no := name[i+1:], ""
		if strings.HasPrefix(yes, "{") {
			if inner, n := parameterName(yes); n > 0 {
				no = strings.TrimPrefix(strings.TrimSpace(yes[n:]), ":")
				yes = inner
			}
		}
		if name[i] == ':' {
			yes, no = "", name[i+1:]
		}
		if no = strings.TrimSpace(no); strings.HasPrefix(no, "{") {
			no, _ = parameterName(no)
		}
		if set {
			return p.expand(yes, depth+1)
		}
		return p.expand(no, depth+1)
	}
	if v, ok := p.set[name]; ok {
		return p.expand(v.text, depth+1)
	}
	switch name {
	case "config_directory", "meta_directory":
		return path.Dir(p.file)
	case "mydomain":
		host := p.value("myhostname", depth+1)
		_, domain, _ := strings.Cut(host, ".")
		return domain
	case "myorigin":
		return p.value("myhostname", depth+1)
	case "default_database_type":
		return "hash"
	}
	return ""
}

// account is one that sends by a relay as Postfix writes it.
func (p *postfix) account(name, where, relay string) *Account {
	text := strings.TrimPrefix(strings.TrimPrefix(relay, "smtp:"), "relay:")
	host, port := hostPort(text, "25")
	tls, sure := p.tls()
	if port == "465" || port == "smtps" || port == "submissions" {
		tls = config.Implicit
	}
	a := p.found.account(name)
	if !p.found.sendsBy(a, where, host, port, tls) {
		return nil
	}
	if !strings.HasPrefix(text, "[") && !a.Smarthost.Loopback() {
		p.found.leave(where, "see whether it answers with: mailcrane config check --online",
			"without brackets, Postfix asks the DNS for the mail servers of %s; mailcrane goes to the host of that name", host)
	}
	if !sure && tls == config.StartTLS {
		p.found.leave(where, "if the server offers none, write smtp+insecure:// for smtp://",
			"TLS was used only where the server offered it; the new account wants it")
	}
	p.certificates(a)
	return a
}

// tls is how connections are protected, and whether that was sure.
func (p *postfix) tls() (mode config.TLSMode, sure bool) {
	if p.on("smtp_tls_wrappermode") {
		return config.Implicit, true
	}
	level, _ := p.get("smtp_tls_security_level")
	if level == "" {
		switch {
		case p.on("smtp_enforce_tls"):
			level = "encrypt"
		case p.on("smtp_use_tls"):
			level = "may"
		}
	}
	switch level {
	case "", "none":
		return config.Insecure, true
	case "may", "dane":
		return config.StartTLS, false
	}
	return config.StartTLS, true
}

func (p *postfix) certificates(a *Account) {
	if a.Smarthost.TLS == config.Insecure {
		return
	}
	if ca, _ := p.get("smtp_tls_CAfile"); ca != "" && !systemTrust(ca) {
		a.TLS.CA = ca
	}
	if cert, _ := p.get("smtp_tls_cert_file"); cert != "" {
		a.TLS.Cert = cert
		if a.TLS.Key, _ = p.get("smtp_tls_key_file"); a.TLS.Key == "" {
			a.TLS.Key = cert
		}
	}
	if level, _ := p.get("smtp_tls_security_level"); level == "fingerprint" {
		prints, where := p.get("smtp_tls_fingerprint_cert_match")
		for _, print := range strings.FieldsFunc(prints, func(r rune) bool { return r == ' ' || r == '|' || r == ',' || r == '\t' }) {
			if pin := p.found.pin(where, print); pin != "" {
				a.TLS.Pin = append(a.TLS.Pin, pin)
			}
		}
	}
}

// origin is the domain that Postfix appends to senders, as a pattern.
func (p *postfix) origin() []string {
	domain, _ := p.get("myorigin")
	if strings.HasPrefix(domain, "/") {
		domain = p.machine.firstLine("/", domain)
	}
	if domain == "" {
		domain = p.value("myorigin", 0)
	}
	if !strings.Contains(domain, ".") {
		return nil
	}
	return []string{"*@" + domain}
}

// login finds user and password: by sender where that is asked for, else by
// the relay as it is written, else by its host.
func (p *postfix) login(a *Account, relay, from string, logins []row) {
	if !p.on("smtp_sasl_auth_enable") {
		return
	}
	host, _ := hostPort(relay, "")
	keys := []string{relay, host, anyKey}
	if from != "" && p.on("smtp_sender_dependent_authentication") {
		keys = append([]string{from}, keys...)
	}
	for _, key := range keys {
		for _, r := range logins {
			if strings.EqualFold(r.key, key) {
				user, password, _ := strings.Cut(r.value, ":")
				a.User, a.Password = user, passwordOf(password)
				return
			}
		}
	}
}

// senders are those with a log-in of their own, by the common relay.
func (p *postfix) senders(logins, relays []row, relay, where string) {
	if relay == "" || !p.on("smtp_sender_dependent_authentication") {
		return
	}
	for _, r := range logins {
		routed := false
		for _, other := range relays {
			routed = routed || strings.EqualFold(other.key, r.key)
		}
		if !strings.Contains(r.key, "@") || routed {
			continue
		}
		if a := p.account(strings.TrimPrefix(r.key, "@"), where, relay); a != nil {
			a.From = []string{sender(r.key)}
			p.login(a, relay, r.key, logins)
		}
	}
}

func (p *postfix) notes() {
	for _, n := range []struct{ name, why, mend string }{
		{"sender_dependent_default_transport_maps", "the way out was chosen by sender in another table", "make an account for each sender, with its from"},
		{"transport_maps", "mail to some domains went other ways", ""},
		{"smtp_generic_maps", "addresses were rewritten on the way out; mailcrane keeps them", ""},
		{"sender_canonical_maps", "senders were rewritten; mailcrane keeps them", ""},
		{"canonical_maps", "addresses were rewritten; mailcrane keeps them", ""},
		{"smtp_header_checks", "header fields were changed on the way out", ""},
		{"header_checks", "header fields were looked at", ""},
		{"virtual_alias_maps", "recipients were replaced by a table", ""},
		{"default_transport", "mail goes by another transport than smtp", ""},
		{"relay_transport", "mail goes by another transport", ""},
		{"smtp_tls_policy_maps", "TLS was chosen by server in a table of its own", "look at the new account's smarthost and tls"},
		{"always_bcc", "a copy of all mail went to another address", ""},
		{"smtp_tls_CApath", "certificates were checked against a directory of authorities", "name a file in tls.ca, if the server's is not a public one"},
		{"smtpd_relay_restrictions", "this machine may take mail from others; mailcrane takes it from this machine only", ""},
	} {
		if text, where := p.get(n.name); text != "" && text != "smtp" {
			p.found.leave(where, n.mend, "%s: %s", n.name, n.why)
		}
	}
	if text, where := p.get("inet_interfaces"); text != "" && text != "loopback-only" && text != "localhost" && text != "127.0.0.1" {
		p.found.leave(where, "keep Postfix if other machines send by this one", "Postfix takes mail from the network; mailcrane takes it from this machine only")
	}
	if text, where := p.get("alias_maps"); text != "" && text != "hash:/etc/aliases" && text != "lmdb:/etc/aliases" {
		p.found.leave(where, "name a text file in the new configuration: aliases = \"FILE\"", "alias_maps: mail to users of this machine was sent on by this table")
	}
}
