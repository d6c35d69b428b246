package migrate

import (
	"cmp"
	"context"
	"path"
	"strings"

	"mailcrane/internal/config"
)

const eximDir = "/etc/exim4"

func eximFile(name string) bool { return path.Base(name) == "update-exim4.conf.conf" }

// eximSettings reads the answers that Debian's Exim is set up by
// (update-exim4.conf(8)) and passwd.client (exim4-config_files(5)).
func eximSettings(_ context.Context, m *Machine, f *Found, named string) {
	name := cmp.Or(named, path.Join(eximDir, "update-exim4.conf.conf"))
	lines, ok := m.lines(f, name)
	if !ok {
		return
	}
	if _, err := m.settings(path.Join(path.Dir(name), "exim4.conf")); err == nil {
		f.leave(path.Join(path.Dir(name), "exim4.conf"), "look into it for a smarthost, and add what is missing by hand",
			"Exim goes by this file of your own and not by %s, which is what was read", name)
	}
	set := shellSettings(name, lines)
	switch kind := set["dc_eximconfig_configtype"]; kind.text {
	case "smarthost", "satellite":
	default:
		f.leave(kind.at(name), "add an account by hand, or: mailcrane setup", "Exim is set up as %q, which sends by no smarthost", kind.text)
		return
	}
	host := set["dc_smarthost"]
	first := true
	for _, text := range eximList(host.text) {
		a := eximAccount(m, f, path.Dir(name), host.at(name), text)
		if a == nil {
			continue
		}
		if !first {
			f.leave(host.at(name), "choose it by from or by a rule [policy.…]", "Exim tries %s when the server before it fails; here it is an account beside the first", text)
			continue
		}
		first, f.Default = false, a.Name
		a.From = eximSenders(m, f, path.Dir(name), set)
	}
}

// at is the place of a setting, the file where it is not set.
func (s setting) at(file string) string {
	if s.where == "" {
		return file
	}
	return s.where
}

// shellSettings reads NAME='VALUE', as the shell does that sources the file.
func shellSettings(name string, lines []string) map[string]setting {
	set := make(map[string]setting)
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		words := quotedWords(line, `"'`)
		if len(words) == 0 {
			continue
		}
		if key, value, ok := strings.Cut(words[0], "="); ok {
			set[key] = setting{value, place(name, i)}
		}
	}
	return set
}

// eximList divides at semicolons.
func eximList(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(strings.TrimPrefix(strings.TrimSpace(text), "<;"), ";") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// eximAccount is one that sends by HOST or HOST::PORT, colons of an address
// doubled. Debian's transport uses STARTTLS where it is offered, and gives a
// password away only under TLS.
func eximAccount(m *Machine, f *Found, dir, where, text string) *Account {
	host, port := text, "25"
	if i := strings.LastIndex(text, "::"); i > 0 && !strings.Contains(text[:i], "::") || strings.Contains(text, "]::") {
		host, port = text[:i], text[i+2:]
	}
	host = strings.ReplaceAll(host, "::::", "::")
	tls := config.StartTLS
	if port == "465" {
		tls = config.Implicit
	}
	a := f.account("exim")
	if !f.sendsBy(a, where, host, port, tls) {
		return nil
	}
	a.User, a.Password = eximPassword(m, f, path.Join(dir, "passwd.client"), a.Smarthost.Host)
	if a.User == "" && tls == config.StartTLS {
		f.leave(where, "if the server offers none, write smtp+insecure:// for smtp://", "TLS was used only where the server offered it; the new account wants it")
	}
	return a
}

// eximPassword finds HOST:USER:PASSWORD, where HOST may be * or *SUFFIX
// (nwildlsearch: the first that fits).
func eximPassword(m *Machine, f *Found, name, host string) (string, Password) {
	lines, ok := m.lines(f, name)
	if !ok {
		return "", Password{}
	}
	others := &Found{Program: f.Program} // noted where no line fits
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, rest, ok := strings.Cut(line, ":")
		user, password, ok2 := strings.Cut(strings.TrimSpace(rest), ":")
		suffix, wild := strings.CutPrefix(key, "*")
		switch {
		case !ok || !ok2:
			f.leave(place(name, i), "", "the line is not HOST:USER:PASSWORD")
		case strings.EqualFold(key, host), wild && strings.HasSuffix(strings.ToLower(host), strings.ToLower(suffix)):
			return user, passwordOf(password)
		case strings.HasPrefix(key, "^"):
			f.leave(place(name, i), "", "the host is a regular expression, which is not tried")
		default:
			others.leave(place(name, i), "if it is another name of the smarthost, add user = \"…\" and type: mailcrane login", "it has the password of %s for %s, which is not the smarthost's name", user, key)
		}
	}
	for _, l := range others.Left {
		f.leave(l.Where, l.Mend, "%s", l.Why)
	}
	return "", Password{}
}

// eximSenders is the person's own address in email-addresses, and the domain
// that senders get.
func eximSenders(m *Machine, f *Found, dir string, set map[string]setting) []string {
	var from []string
	addresses := path.Join(path.Dir(dir), "email-addresses")
	lines, _ := m.lines(f, addresses)
	for i, line := range lines {
		user, address, ok := strings.Cut(strings.TrimSpace(line), ":")
		if address = strings.TrimSpace(address); !ok || strings.HasPrefix(user, "#") || !strings.Contains(address, "@") {
			continue
		}
		if user == m.User {
			from = append(from, address)
		}
		f.leave(place(addresses, i), "", "Exim rewrote the sender %s to %s; programs have to name it themselves now", user, address)
	}
	domain := m.mailname()
	if hide := set["dc_hide_mailname"]; hide.text == "true" && set["dc_readhost"].text != "" {
		domain = set["dc_readhost"].text
		f.leave(hide.where, "", "Exim put %s on senders of this machine; mailcrane keeps the sender that a program names", domain)
	}
	if strings.Contains(domain, ".") {
		from = append(from, "*@"+domain)
	}
	return from
}
