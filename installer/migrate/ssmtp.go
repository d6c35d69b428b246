package migrate

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"mailcrane/internal/config"
)

func ssmtpFile(name string) bool { return path.Base(name) == "ssmtp.conf" }

// ssmtpSettings reads ssmtp.conf and the revaliases beside it (ssmtp.conf(5),
// ssmtp(8)).
func ssmtpSettings(_ context.Context, m *Machine, f *Found, named string) {
	name := cmp.Or(named, "/etc/ssmtp/ssmtp.conf")
	lines, ok := m.lines(f, name)
	if !ok {
		return
	}
	set := ssmtpLines(f, name, lines)
	hub := set["mailhub"]
	if hub.text == "" {
		f.leave(name, "", "it names no mailhub")
		return
	}
	host, port := hostPort(hub.text, "25")
	tls := config.Insecure
	switch {
	case yes(set["usestarttls"].text):
		tls = config.StartTLS
	case yes(set["usetls"].text):
		if tls = config.Implicit; port == "587" {
			f.leave(set["usetls"].where, "", "TLS at once at the port 587 is not what that port is for; if the server does not answer, write smtp:// for smtps://")
		}
	}
	a := f.account("ssmtp")
	f.Default = a.Name
	if !f.sendsBy(a, hub.where, host, port, tls) {
		return
	}
	a.User, a.Password = set["authuser"].text, passwordOf(set["authpass"].text)
	if method := set["authmethod"]; method.text != "" {
		a.Auth = f.mechanism(method.where, method.text)
	}
	a.TLS.Cert, a.TLS.Key = set["tlscert"].text, set["tlskey"].text
	if a.TLS.Cert != "" && a.TLS.Key == "" {
		a.TLS.Key = a.TLS.Cert
	}
	if ca := set["tls_ca_file"].text; ca != "" && !systemTrust(ca) {
		a.TLS.CA = ca
	}
	domain := set["rewritedomain"].text
	if domain == "" {
		domain = set["hostname"].text
	}
	if domain != "" {
		a.From = []string{"*@" + domain}
	}
	ssmtpNotes(f, set)
	ssmtpReverse(m, f, path.Join(path.Dir(name), "revaliases"), a)
}

// ssmtpLines is KEYWORD=VALUE as ssmtp takes it apart: # begins a comment
// wherever it stands, a value ends at a blank, and the first line of a keyword
// counts. A line in another form is passed over.
func ssmtpLines(f *Found, name string, lines []string) map[string]setting {
	set := make(map[string]setting)
	for i, line := range lines {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if strings.TrimSpace(line) == "" {
			continue
		}
		if !ok || strings.ContainsAny(key, " \t:") {
			f.leave(place(name, i), "", "the line is not KEYWORD=VALUE; ssmtp passes it over")
			continue
		}
		words := strings.Fields(value)
		if _, before := set[key]; !before && len(words) > 0 {
			set[key] = setting{words[0], place(name, i)}
		}
	}
	return set
}

func yes(text string) bool { return strings.EqualFold(text, "yes") }

func ssmtpNotes(f *Found, set map[string]setting) {
	if root := set["root"]; root.text != "" && root.text != "postmaster" {
		f.leave(root.where, "set in the new configuration: admin = \""+root.text+"\"", "mail to users of this machine went to %s", root.text)
	}
	if _, ok := set["rewritedomain"]; ok {
		f.leave(set["rewritedomain"].where, "", "ssmtp put this domain on senders; mailcrane keeps the sender that a program names")
	}
	known := []string{"root", "mailhub", "rewritedomain", "hostname", "fromlineoverride", "usetls", "usestarttls", "tlscert", "tlskey", "tls_ca_file", "authuser", "authpass", "authmethod", "useoldauth", "usetlscert", "debug"}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(known, key) {
			f.leave(set[key].where, "", "%s has no counterpart", key)
		}
	}
}

// ssmtpReverse reads USER:ADDRESS:MAILHUB: the address that a user of this
// machine sends as, and by which server.
func ssmtpReverse(m *Machine, f *Found, name string, main *Account) {
	lines, _ := m.lines(f, name)
	for i, line := range lines {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		user, rest, _ := strings.Cut(line, ":")
		address, hub, _ := strings.Cut(rest, ":")
		user, address, hub = strings.TrimSpace(user), strings.TrimSpace(address), strings.TrimSpace(hub)
		if !strings.Contains(address, "@") {
			f.leave(place(name, i), "", "%q is no address that %s could send as", address, user)
			continue
		}
		if user == m.User || m.User == "" {
			f.leave(place(name, i), "", "mail of the user %s was sent as from %s; programs have to name that sender now", user, address)
		}
		host, port := hostPort(hub, "25")
		if hub == "" || host == main.Smarthost.Host && port == main.Smarthost.Port {
			main.From = append([]string{address}, main.From...)
			continue
		}
		other := f.account(address)
		tls := main.Smarthost.TLS
		other.User, other.Password, other.Auth, other.From = main.User, main.Password, main.Auth, []string{address}
		f.sendsBy(other, place(name, i), host, port, tls)
	}
}
