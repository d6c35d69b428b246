package migrate

import (
	"cmp"
	"context"
	"path"
	"strings"

	"mailcrane/internal/config"
)

func dmaFile(name string) bool { return path.Base(name) == "dma.conf" }

// dmaSettings reads dma.conf and the file of passwords that it names (dma(8)).
func dmaSettings(_ context.Context, m *Machine, f *Found, named string) {
	name := cmp.Or(named, "/etc/dma/dma.conf")
	lines, ok := m.lines(f, name)
	if !ok {
		return
	}
	set := make(map[string]setting)
	for i, line := range lines {
		line, _, _ = strings.Cut(line, "#") // dma ends a line there
		words := strings.Fields(line)
		if len(words) > 0 {
			set[words[0]] = setting{strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), words[0])), place(name, i)}
		}
	}
	dmaNotes(f, set)
	host := set["SMARTHOST"]
	if host.text == "" {
		f.leave(name, "add an account by hand, or: mailcrane setup", "dma has no smarthost: it delivers to each domain's own servers")
		return
	}
	a := f.account("dma")
	f.Default = a.Name
	port := set["PORT"].text
	if port == "" {
		port = "25"
	}
	_, secure := set["SECURETRANSFER"]
	_, starttls := set["STARTTLS"]
	tls := config.Insecure
	switch {
	case secure && starttls:
		tls = config.StartTLS
	case secure:
		tls = config.Implicit
	}
	if !f.sendsBy(a, host.where, host.text, port, tls) {
		return
	}
	if print, ok := set["FINGERPRINT"]; ok {
		if pin := f.pin(print.where, print.text); pin != "" {
			a.TLS.Pin = []string{pin}
		}
	}
	a.TLS.Cert, a.TLS.Key = set["CERTFILE"].text, set["CERTFILE"].text
	a.From = dmaSender(m, set)
	if auth := set["AUTHPATH"]; auth.text != "" {
		dmaPassword(m, f, a, auth.text)
	}
}

// dmaSender is from MASQUERADE (USER@, HOST or USER@HOST) and MAILNAME.
func dmaSender(m *Machine, set map[string]setting) []string {
	domain := set["MAILNAME"].text
	if strings.HasPrefix(domain, "/") {
		domain = m.firstLine("/", domain)
	}
	local := "*"
	if as := set["MASQUERADE"].text; as != "" {
		user, host, at := strings.Cut(as, "@")
		switch {
		case !at:
			domain = as
		case host == "":
			local = user
		default:
			local, domain = user, host
		}
	}
	if domain == "" {
		return nil
	}
	return []string{local + "@" + domain}
}

// dmaPassword finds USER|SMARTHOST:PASSWORD, where the colon may be a blank; the
// last one counts.
func dmaPassword(m *Machine, f *Found, a *Account, name string) {
	lines, ok := m.lines(f, name)
	if !ok {
		f.leave(name, "", "dma has its passwords there, and it is not there")
		return
	}
	for i, line := range lines {
		if line == "" || line[0] == '#' {
			continue
		}
		user, rest, _ := strings.Cut(line, "|")
		end := strings.IndexAny(rest, ": \t")
		switch {
		case end < 0:
			f.leave(place(name, i), "", "the line is not USER|SMARTHOST:PASSWORD")
		case rest[:end] == a.Smarthost.Host:
			a.User, a.Password = user, passwordOf(rest[end+1:])
		default:
			f.leave(place(name, i), "", "it has the password of %s for %s, which is not the smarthost", user, rest[:end])
		}
	}
}

func dmaNotes(f *Found, set map[string]setting) {
	for _, n := range []struct{ key, why, mend string }{
		{"OPPORTUNISTIC_TLS", "TLS was used only where the server offered it; the new account wants it", ""},
		{"INSECURE", "a password could be sent without TLS; mailcrane never does", ""},
		{"DEFER", "mail was sent only when somebody said so", "set in the new configuration: on_demand = true"},
		{"MASQUERADE", "dma put this sender on all mail; mailcrane keeps the sender that a program names, and carries those that match", ""},
		{"ALIASES", "mail to users of this machine was sent on by this file", "name it in the new configuration: aliases = \"FILE\""},
		{"FULLBOUNCE", "bounces had the whole message in them", ""},
	} {
		if v, ok := set[n.key]; ok && (n.key != "ALIASES" || v.text != "/etc/aliases") {
			f.leave(v.where, n.mend, "%s: %s", n.key, n.why)
		}
	}
}
