package migrate

import (
	"net"
	"strconv"
	"strings"

	"mailcrane/internal/config"
)

// smarthost is a host and a port, which may be a name of /etc/services, as
// mailcrane has it. ok is false where they could not stand there.
func smarthost(host, port string, tls config.TLSMode) (config.Smarthost, bool) {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	number, known := portNumber(port)
	if host == "" || !known {
		return config.Smarthost{}, false
	}
	s := config.Smarthost{Host: host, Port: number, TLS: tls}
	again, err := config.ParseSmarthost(s.String())
	return again, err == nil
}

// portNumber knows the services that mail programs name.
func portNumber(port string) (string, bool) {
	switch port {
	case "smtp":
		return "25", true
	case "smtps", "submissions", "ssmtp", "urd":
		return "465", true
	case "submission":
		return "587", true
	}
	n, err := strconv.Atoi(port)
	return strconv.Itoa(n), err == nil && n > 0 && n < 65536
}

// hostPort takes HOST, HOST:PORT, [HOST]:PORT and a bare IPv6 address apart.
func hostPort(text, standard string) (host, port string) {
	text = strings.TrimSpace(text)
	if net.ParseIP(text) != nil {
		return text, standard
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		host, rest, _ := strings.Cut(inner, "]")
		host = strings.TrimPrefix(host, "IPv6:")
		if port, ok = strings.CutPrefix(rest, ":"); ok {
			return host, port
		}
		return host, standard
	}
	if host, port, ok := strings.Cut(text, ":"); ok {
		return host, port
	}
	return text, standard
}

// sendsBy puts the account's smarthost together; where that cannot be, the
// account is taken back, and said so.
func (f *Found) sendsBy(a *Account, where, host, port string, tls config.TLSMode) bool {
	s, ok := smarthost(host, port, tls)
	if ok {
		a.Smarthost = s
		return true
	}
	for i, other := range f.Accounts {
		if other == a {
			f.Accounts = append(f.Accounts[:i], f.Accounts[i+1:]...)
			break
		}
	}
	if host == "" {
		f.leave(where, "", "it names no server to send by, so no account can be made of it")
	} else {
		f.leave(where, "", "%q with the port %q is no server that mail could be sent to", host, port)
	}
	return false
}

// mechanism is how another program logs in, as account.NAME.auth has it.
func (f *Found) mechanism(where, name string) string {
	switch name = strings.ToLower(name); name {
	case "", "on", "auto":
		return "auto"
	case "off", "none":
		return "none"
	case "plain", "login", "cram-md5", "scram-sha-256", "scram-sha-256-plus", "oauthbearer", "xoauth2", "external":
		return name
	}
	f.leave(where, "", "mailcrane does not log in by %s; the new account takes the best that the server offers", strings.ToUpper(name))
	return "auto"
}

// pin is a fingerprint of a certificate, "" where it is none of SHA-256.
func (f *Found) pin(where, text string) string {
	digits := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(text))
	if len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == "" {
		return digits
	}
	kind := "a fingerprint that is none of SHA-256"
	switch len(digits) {
	case 40:
		kind = "a SHA-1 fingerprint, which can be forged"
	case 32:
		kind = "an MD5 fingerprint, which can be forged"
	}
	f.leave(where, "take the SHA-256 one from the server and put it into tls.pin", "the certificate is known by %s; the new account checks it against the system's authorities", kind)
	return ""
}
