package migrate

import (
	"cmp"
	"context"
	"path"
	"strings"

	"mailcrane/internal/config"
)

const nullmailerDir = "/etc/nullmailer"

func nullmailerFile(name string) bool { return path.Base(name) == "remotes" }

// nullmailerSettings makes an account of each line of remotes
// (nullmailer-send(8)). nullmailer tries one after the other with every
// message; here the first carries all, and the others stand by.
func nullmailerSettings(_ context.Context, m *Machine, f *Found, named string) {
	name := cmp.Or(named, path.Join(nullmailerDir, "remotes"))
	lines, ok := m.lines(f, name)
	if !ok {
		return
	}
	domain := m.firstLine(path.Dir(name), "defaultdomain", "me")
	if domain == "" {
		domain = m.mailname()
	}
	for i, line := range lines {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			nullmailerRemote(f, place(name, i), line, domain)
		}
	}
	if len(f.Accounts) > 0 {
		f.Default = f.Accounts[0].Name
	}
	for _, a := range f.Accounts[min(1, len(f.Accounts)):] {
		f.leave(name, "choose it for a sender by from, or for a network by a rule [policy.…] by = \""+a.Name+"\"",
			"nullmailer tries %s when the server before it does not take a message; here it is an account beside the first", a.Smarthost.Host)
	}
	if to := m.firstLine(path.Dir(name), "adminaddr"); to != "" {
		f.leave(path.Join(path.Dir(name), "adminaddr"), "set in the new configuration: admin = \""+to+"\"", "mail to users of this machine went to %s", to)
	}
	if host := m.firstLine(path.Dir(name), "allmailfrom"); host != "" {
		f.leave(path.Join(path.Dir(name), "allmailfrom"), "", "all mail was sent as from %s; mailcrane keeps the sender that a program names", host)
	}
}

// firstLine is the first line of the first of those files that has one.
func (m *Machine) firstLine(dir string, names ...string) string {
	for _, name := range names {
		text, err := m.settings(path.Join(dir, name))
		line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		if line = strings.TrimSpace(line); err == nil && line != "" {
			return line
		}
	}
	return ""
}

func nullmailerRemote(f *Found, where, line, domain string) {
	words := quotedWords(line, `"'`)
	if len(words) == 0 {
		return
	}
	if len(words) > 1 && words[1] != "smtp" {
		f.leave(where, "", "%s is reached by %s, and mailcrane speaks SMTP alone", words[0], words[1])
		return
	}
	r := nullmailerServer{Account: f.account(words[0]), tls: config.Insecure}
	for i := 2; i < len(words); i++ {
		option, value, has := strings.Cut(strings.TrimLeft(words[i], "-"), "=")
		if !has && nullmailerTakes(option) && i+1 < len(words) {
			i++
			value = words[i]
		}
		switch option {
		case "insecure", "tls-anon-auth":
			f.leave(where, "pin the server's certificate instead: tls.pin", "the certificate was not checked; mailcrane always checks it")
		case "source", "x509crlfile", "x509fmtder":
			f.leave(where, "", "the option %s has no counterpart", option)
		default:
			if !r.take(option, value) {
				// It may be a part of the password, where that has blanks and no quotes.
				f.leave(where, "look whether a password with blanks lacks its quotes", "the line has a word that is no option of nullmailer")
			}
		}
	}
	if r.TLS.Cert != "" && r.TLS.Key == "" {
		r.TLS.Key = r.TLS.Cert
	}
	if r.port == "" {
		if r.port = "25"; r.tls == config.Implicit {
			r.port = "465"
		}
	}
	if domain != "" {
		r.From = []string{"*@" + domain}
	}
	f.sendsBy(r.Account, where, words[0], r.port, r.tls)
}

// A nullmailerServer is a line of remotes.
type nullmailerServer struct {
	*Account

	port string
	tls  config.TLSMode
}

// take says whether it knows the option.
func (r *nullmailerServer) take(option, value string) bool {
	switch option {
	case "port":
		r.port = value
	case "user":
		r.User = value
	case "pass":
		r.Password = passwordOf(value)
	case "auth-login":
		r.Auth = "login"
	case "tls", "ssl":
		r.tls = config.Implicit
	case "starttls":
		r.tls = config.StartTLS
	case "x509cafile":
		if !systemTrust(value) {
			r.TLS.CA = value
		}
	case "x509certfile":
		r.TLS.Cert = value
	case "x509keyfile":
		r.TLS.Key = value
	default:
		return false
	}
	return true
}

// nullmailerTakes says which options are followed by a value.
func nullmailerTakes(option string) bool {
	switch option {
	case "port", "user", "pass", "source", "x509certfile", "x509keyfile", "x509cafile", "x509crlfile":
		return true
	}
	return false
}
