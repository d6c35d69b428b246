package migrate

import (
	"context"
	"path"
	"slices"
	"strings"

	"mailcrane/internal/config"
)

func msmtpFile(name string) bool {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	return strings.HasSuffix(base, "msmtprc") || strings.HasSuffix(path.Dir(name), "/msmtp") && base == "config"
}

// msmtpSettings reads the person's file and the system's, which gives the
// account "default" where the person's has none (msmtp(1), "Configuration
// files").
func msmtpSettings(_ context.Context, m *Machine, f *Found, named string) {
	places := []string{m.home(".msmtprc"), m.home(".config/msmtp/config"), "/etc/msmtprc"}
	if dir := m.env("XDG_CONFIG_HOME"); dir != "" {
		places[1] = path.Join(dir, "msmtp/config")
	}
	if named != "" {
		places = []string{named}
	}
	r := &msmtpReader{machine: m, found: f, byName: make(map[string]*msmtpAccount)}
	for i, name := range places {
		if i == 1 && len(f.Files) > 0 {
			continue // it is read only where the first is not there
		}
		if lines, ok := m.lines(f, name); ok {
			r.read(name, lines)
		}
	}
	for _, a := range r.accounts {
		r.take(a)
	}
}

// An msmtpAccount is an account as it is written: each command by its name.
type msmtpAccount struct {
	name, where string
	set         map[string]setting
	own         bool // it has commands of its own
	base        string
	taken       *Account // what was made of it, or nil
}

type msmtpReader struct {
	machine  *Machine
	found    *Found
	accounts []*msmtpAccount
	byName   map[string]*msmtpAccount
	defaults *msmtpAccount
	current  *msmtpAccount
}

func (r *msmtpReader) read(file string, lines []string) {
	r.defaults = &msmtpAccount{set: make(map[string]setting)}
	r.current = nil
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		command, argument := line, ""
		if at := strings.IndexAny(line, " \t"); at > 0 {
			command, argument = line[:at], strings.TrimSpace(line[at:])
		}
		if len(argument) > 1 && argument[0] == '"' && argument[len(argument)-1] == '"' {
			argument = argument[1 : len(argument)-1]
		}
		r.command(place(file, i), command, argument)
	}
}

func (r *msmtpReader) command(where, command, argument string) {
	switch command {
	case "defaults":
		r.current = r.defaults
	case "account":
		r.account(where, argument)
	case "eval":
		r.found.leave(where, "run it yourself, and import the file that has its settings", "eval takes settings from a program, which is not run")
	default:
		if r.current == nil {
			r.found.leave(where, "", "%s stands before the first account, where msmtp takes none", command)
			return
		}
		r.current.set[command] = setting{argument, where}
		r.current.own = true
	}
}

// account begins one: "NAME", or "NAME : OTHER[,OTHER]" with the settings of
// others.
func (r *msmtpReader) account(where, argument string) {
	name, bases, inherits := strings.Cut(argument, ":")
	name = strings.TrimSpace(name)
	if r.byName[name] != nil || len(r.accounts) == mostAccounts {
		r.found.leave(where, "", "the account %q is there already; the first one counts", name)
		r.current = &msmtpAccount{set: make(map[string]setting)}
		return
	}
	a := &msmtpAccount{name: name, where: where, set: make(map[string]setting)}
	for command, value := range r.defaults.set {
		a.set[command] = value
	}
	if inherits {
		for base := range strings.SplitSeq(bases, ",") {
			a.base = strings.TrimSpace(base)
			other := r.byName[a.base]
			if other == nil {
				r.found.leave(where, "", "it takes its settings from the account %q, which is not above it", a.base)
				continue
			}
			for command, value := range other.set {
				a.set[command] = value
			}
		}
	}
	r.byName[name] = a
	r.accounts = append(r.accounts, a)
	r.current = a
}

func (a *msmtpAccount) get(command, standard string) (text, where string) {
	if v, ok := a.set[command]; ok {
		return v.text, v.where
	}
	return standard, a.where
}

func (a *msmtpAccount) on(command string, standard bool) bool {
	text, _ := a.get(command, "")
	if text == "" {
		_, set := a.set[command]
		return standard || set
	}
	return text == "on"
}

// take makes an account of it. One that is only another name for an account is
// the default one.
func (r *msmtpReader) take(a *msmtpAccount) {
	f := r.found
	base := r.byName[a.base]
	if a.name == "default" && !a.own && base != nil && base.taken != nil {
		f.Default = base.taken.Name
		return
	}
	if p, where := a.get("protocol", "smtp"); p == "lmtp" {
		f.leave(where, "", "the account %s speaks LMTP, which delivers into mailboxes; mailcrane sends by SMTP", a.name)
		return
	}
	if socket, where := a.get("socket", ""); socket != "" {
		f.leave(where, "", "the account %s goes by a Unix socket, which is no server that mailcrane sends by", a.name)
		return
	}
	tls, port := config.Insecure, "25"
	if a.on("tls", false) {
		if tls = config.StartTLS; !a.on("tls_starttls", true) {
			tls, port = config.Implicit, "465"
		}
	}
	host, where := a.get("host", "")
	port, _ = a.get("port", port)
	out := f.account(a.name)
	if !f.sendsBy(out, where, host, port, tls) {
		return
	}
	a.taken = out
	r.senders(a, out)
	r.login(a, out)
	r.certificates(a, out)
	r.others(a)
	if a.name == "default" {
		f.Default = out.Name
		if base != nil && base.taken != nil {
			r.merge(base.taken, out)
		}
	}
}

// merge drops a default account that differs from the one it is made of in
// nothing that is taken over.
func (r *msmtpReader) merge(base, standard *Account) {
	if base.Smarthost == standard.Smarthost && base.User == standard.User && slices.Equal(base.From, standard.From) {
		f := r.found
		f.Default = base.Name
		f.Accounts = slices.DeleteFunc(f.Accounts, func(a *Account) bool { return a == standard })
	}
}

// senders: %U is the user's name, %M the machine's mail name; a pattern is
// msmtp's own, with * and ?.
func (r *msmtpReader) senders(a *msmtpAccount, out *Account) {
	from, where := a.get("from", "")
	if domain, _ := a.get("maildomain", ""); from == "" && domain != "" && a.on("auto_from", false) {
		from = "%U@" + domain
	}
	if strings.Contains(from, "%M") {
		from = strings.ReplaceAll(from, "%M", r.machine.mailname())
	}
	if r.machine.User != "" {
		from = strings.ReplaceAll(from, "%U", r.machine.User)
	}
	switch {
	case from == "":
	case strings.ContainsAny(from, "%?[") || !strings.Contains(from, "@"):
		r.found.leave(where, "write the addresses into from", "from %s is not an address that mailcrane could tell a sender by", from)
	default:
		out.From = []string{from}
	}
}

func (r *msmtpReader) login(a *msmtpAccount, out *Account) {
	auth, where := a.get("auth", "off")
	if auth == "" {
		auth = "on" // msmtp takes it so
	}
	if auth == "off" {
		return
	}
	out.Auth = r.found.mechanism(where, auth)
	out.User, _ = a.get("user", "")
	if out.User == "" {
		if out.Auth != "external" {
			r.found.leave(where, "add user = \"…\" to the new account", "the account %s logs in, but names no user", a.name)
		}
		return
	}
	password, _ := a.get("password", "")
	command, _ := a.get("passwordeval", "")
	switch {
	case password != "":
		out.Password = passwordOf(password)
	case command != "":
		out.Secret = config.Secret{Kind: "command", Value: command}
	default:
		for _, name := range []string{r.machine.home(".netrc"), "/etc/netrc"} {
			if out.Password = r.machine.netrc(r.found, name, out.Smarthost.Host, out.User); out.Password.Known() {
				return
			}
		}
		r.found.leave(where, "type: mailcrane login "+out.Name,
			"the password of the account %s is in no file: msmtp has it from the keyring or asks for it", a.name)
	}
}

func (r *msmtpReader) certificates(a *msmtpAccount, out *Account) {
	f := r.found
	if !a.on("tls", false) {
		return
	}
	file := func(command string) string {
		text, _ := a.get(command, "")
		return r.machine.tilde(text)
	}
	if ca := file("tls_trust_file"); ca != "" && ca != "system" && !systemTrust(ca) {
		out.TLS.CA = ca
	}
	out.TLS.Cert, out.TLS.Key = file("tls_cert_file"), file("tls_key_file")
	if out.TLS.Cert != "" && out.TLS.Key == "" {
		out.TLS.Key = out.TLS.Cert
	}
	if print, where := a.get("tls_fingerprint", ""); print != "" {
		if pin := f.pin(where, print); pin != "" {
			out.TLS.Pin = []string{pin}
		}
	}
	if _, where := a.get("tls_certcheck", "on"); !a.on("tls_certcheck", true) {
		f.leave(where, "pin the server's certificate instead: tls.pin", "the certificate was not checked at all; mailcrane always checks it")
	}
}

// systemTrust names the files in which Linux and the BSDs keep the system's
// authorities, which mailcrane takes anyhow.
func systemTrust(file string) bool {
	switch file {
	case "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/certs":
		return true
	}
	return false
}

// others are the commands that have no counterpart, or another one. What
// changes nothing that anybody sees is passed over: logging, time-outs, and
// what mailcrane does anyhow.
func (r *msmtpReader) others(a *msmtpAccount) {
	notes := []struct{ command, off, why, mend string }{
		{"aliases", "", "recipients were replaced by aliases", "name the file in the new configuration: aliases = \"FILE\""},
		{"set_from_header", "auto", "msmtp rewrote the From field", ""},
		{"allow_from_override", "on", "programs were kept from naming another sender", ""},
		{"from_full_name", "", "msmtp put a name into the From field", ""},
		{"undisclosed_recipients", "off", "msmtp replaced To, Cc and Bcc", ""},
		{"dsn_notify", "off", "delivery reports were asked for all mail", "ask for each: sendmail -N success"},
		{"dsn_return", "off", "delivery reports were asked for all mail", "ask for each: sendmail -R hdrs"},
		{"remove_bcc_headers", "on", "the Bcc field was sent on; mailcrane always takes it out", ""},
		{"proxy_host", "", "mail went by a SOCKS proxy, which mailcrane does not know", ""},
		{"source_ip", "", "mail went out from a fixed address of this machine", ""},
		{"domain", "", "the greeting named this machine; with privacy, mailcrane's names none", "set privacy = false and hostname to have it named"},
		{"tls_crl_file", "", "a list of revoked certificates was asked", ""},
		{"tls_host_override", "", "the certificate was checked for another name than the server's", "name the server by the name in its certificate"},
		{"tls_priorities", "", "the kinds of TLS were chosen by hand; mailcrane takes TLS 1.2 and 1.3", ""},
		{"ntlmdomain", "", "NTLM is no way to log in that mailcrane knows", ""},
	}
	for _, n := range notes {
		v, set := a.set[n.command]
		if set && v.text != n.off && v.text != "" && v.where != "" {
			r.found.leave(v.where, n.mend, "%s: %s", n.command, n.why)
		}
	}
}
