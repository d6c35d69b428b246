package migrate

import (
	"context"
	"encoding/base64"
	"path"
	"slices"
	"strings"

	"mailcrane/internal/config"
)

const sendmailDir = "/etc/mail"

func sendmailFile(name string) bool {
	switch path.Base(name) {
	case "sendmail.mc", "submit.mc", "sendmail.cf", "submit.cf":
		return true
	}
	return false
}

// sendmailSettings reads the macros of sendmail.mc, of submit.mc where that
// hands mail to another machine, and the log-ins of authinfo and of the access
// table (cf/README, "FEATURE(`authinfo')").
func sendmailSettings(_ context.Context, m *Machine, f *Found, named string) {
	places := []string{path.Join(sendmailDir, "sendmail.mc"), path.Join(sendmailDir, "submit.mc"), path.Join(sendmailDir, "sendmail.cf")}
	if named != "" {
		places = []string{named}
	}
	s := &sendmail{machine: m, found: f, set: make(map[string]setting)}
	for i, name := range places {
		if i == 2 && len(f.Files) > 0 {
			break // the .cf is made from them
		}
		lines, ok := m.lines(f, name)
		switch {
		case !ok:
		case strings.HasSuffix(name, ".cf"):
			s.readCF(name, lines)
		default:
			s.readMC(name, lines)
		}
	}
	if len(f.Files) == 0 {
		return
	}
	dir := path.Dir(f.Files[0])
	host, ok := s.set["SMART_HOST"]
	if !ok {
		host, ok = s.set["MSP"]
	}
	if !ok {
		f.leave(f.Files[0], "add an account by hand, or: mailcrane setup", "sendmail has no SMART_HOST: it delivers to each domain's own servers")
		return
	}
	s.account(dir, host)
}

type sendmail struct {
	machine *Machine
	found   *Found
	set     map[string]setting
}

// readMC finds define, FEATURE and MASQUERADE_AS; what stands behind dnl is a
// comment.
func (s *sendmail) readMC(name string, lines []string) {
	for i, line := range lines {
		if at := dnl(line); at >= 0 {
			line = line[:at]
		}
		macro, words, ok := m4Call(strings.TrimSpace(line))
		if !ok || len(words) == 0 {
			continue
		}
		value := ""
		if len(words) > 1 {
			value = words[1]
		}
		switch where := place(name, i); macro {
		case "define":
			s.set[words[0]] = setting{value, where}
		case "MASQUERADE_AS":
			s.set[macro] = setting{words[0], where}
		case "FEATURE":
			if strings.EqualFold(words[0], "msp") {
				s.msp(where, value)
				continue
			}
			s.set["FEATURE "+words[0]] = setting{value, where}
		}
	}
}

// msp is where submit.mc hands mail to: another machine is a smarthost, this
// one is only the other half of sendmail.
func (s *sendmail) msp(where, host string) {
	name, _ := hostPort(host, "")
	if host != "" && !(config.Smarthost{Host: name}).Loopback() {
		s.set["MSP"] = setting{host, where}
	}
}

// dnl is where the word dnl begins, -1 without one.
func dnl(line string) int {
	for i := 0; ; {
		at := strings.Index(line[i:], "dnl")
		if at < 0 {
			return -1
		}
		at += i
		before := at == 0 || !wordOctet(line[at-1])
		after := at+3 == len(line) || !wordOctet(line[at+3])
		if before && after {
			return at
		}
		i = at + 3
	}
}

func wordOctet(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// m4Call takes NAME(`ARGUMENT', `ARGUMENT') apart.
func m4Call(line string) (name string, words []string, ok bool) {
	name, rest, ok := strings.Cut(line, "(")
	if !ok || strings.ContainsAny(name, " \t`'") {
		return "", nil, false
	}
	var word strings.Builder
	depth := 0
	for i := range len(rest) {
		c := rest[i]
		switch {
		case c == '`':
			if depth++; depth > 1 {
				word.WriteByte(c)
			}
		case c == '\'' && depth > 0:
			if depth--; depth > 0 {
				word.WriteByte(c)
			}
		case depth > 0:
			word.WriteByte(c)
		case c == ',' || c == ')':
			words = append(words, strings.TrimSpace(word.String()))
			word.Reset()
			if c == ')' {
				return name, words, true
			}
		default:
			word.WriteByte(c)
		}
	}
	return "", nil, false
}

// readCF finds the smarthost and the masquerade in what m4 has made: macros S
// and M.
func (s *sendmail) readCF(name string, lines []string) {
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "DS") && len(line) > 2:
			s.set["SMART_HOST"] = setting{strings.TrimSpace(line[2:]), place(name, i)}
		case strings.HasPrefix(line, "DM") && len(line) > 2:
			s.set["MASQUERADE_AS"] = setting{strings.TrimSpace(line[2:]), place(name, i)}
		}
	}
}

func (s *sendmail) account(dir string, relay setting) {
	f := s.found
	mailer, host := "relay", relay.text
	if before, after, ok := strings.Cut(host, ":"); ok && !strings.HasPrefix(host, "[") {
		mailer, host = before, after
	}
	if slices.Contains([]string{"local", "prog", "uucp", "uucp-dom", "suucp", "fax", "procmail"}, mailer) {
		f.leave(relay.where, "", "mail goes by the mailer %s, which is no server", mailer)
		return
	}
	name, port := hostPort(host, "")
	if port == "" {
		port = s.port(mailer)
	}
	tls := config.StartTLS
	if port == "465" {
		tls = config.Implicit
	}
	a := f.account("sendmail")
	f.Default = a.Name
	if !f.sendsBy(a, relay.where, name, port, tls) {
		return
	}
	if !strings.HasPrefix(host, "[") {
		f.leave(relay.where, "see whether it answers with: mailcrane config check --online",
			"without brackets, sendmail asks the DNS for the mail servers of %s; mailcrane goes to the host of that name", name)
	}
	s.login(dir, a)
	if tls == config.StartTLS && a.Smarthost.Loopback() && a.User == "" {
		a.Smarthost.TLS = config.Insecure
	} else if tls == config.StartTLS {
		f.leave(relay.where, "if the server offers none, write smtp+insecure:// for smtp://", "TLS was used only where the server offered it; the new account wants it")
	}
	if domain := s.set["MASQUERADE_AS"]; domain.text != "" {
		a.From = []string{"*@" + domain.text}
		f.leave(domain.where, "", "sendmail put %s on senders; mailcrane keeps the sender that a program names", domain.text)
	} else if domain := s.machine.mailname(); strings.Contains(domain, ".") {
		a.From = []string{"*@" + domain}
	}
	for _, feature := range []string{"genericstable", "mailertable", "virtusertable"} {
		if v, ok := s.set["FEATURE "+feature]; ok {
			f.leave(v.where, "", "FEATURE(%s): this table is not carried", feature)
		}
	}
}

// port is the last word of RELAY_MAILER_ARGS or ESMTP_MAILER_ARGS, "TCP $h
// PORT".
func (s *sendmail) port(mailer string) string {
	words := strings.Fields(s.set[strings.ToUpper(mailer)+"_MAILER_ARGS"].text)
	if len(words) == 3 {
		return words[2]
	}
	return "25"
}

// login looks where sendmail does: authinfo if that feature is on, else the
// access table, and the old file of default log-ins.
func (s *sendmail) login(dir string, a *Account) {
	var places []string
	if feature, ok := s.set["FEATURE authinfo"]; ok {
		places = append(places, path.Join(dir, "authinfo"))
		if _, file, found := strings.Cut(strings.TrimSpace(feature.text), " "); found {
			words := strings.Fields(file)
			places = append(places, strings.TrimSuffix(words[len(words)-1], ".db"))
		}
	} else {
		places = append(places, path.Join(dir, "access"), path.Join(dir, "authinfo"))
	}
	for _, name := range places {
		if s.machine.at(name) == "" || a.User != "" {
			continue
		}
		s.authInfo(name, a)
	}
	if a.User == "" {
		s.defaultAuth(path.Join(dir, "default-auth-info"), a)
	}
}

// authInfo finds AuthInfo:HOST "U:…" "I:…" "P:…" "M:…"; AuthInfo: alone is for
// every host.
func (s *sendmail) authInfo(name string, a *Account) {
	text, err := s.machine.settings(name)
	if err != nil {
		return
	}
	lines := strings.Split(string(text), "\n")
	used, exact, others := false, false, 0
	for i, line := range lines {
		words := quotedWords(strings.TrimSpace(line), `"`)
		if len(words) < 2 || len(words[0]) < 9 || !strings.EqualFold(words[0][:9], "AuthInfo:") {
			continue
		}
		host, _ := hostPort(words[0][9:], "")
		switch {
		case strings.EqualFold(host, a.Smarthost.Host):
			exact = true
		case host != "" || exact:
			others++
			continue
		}
		used = true
		s.authWords(place(name, i), words[1:], a)
	}
	if !used && a.User == "" && others > 0 {
		s.found.leave(name, "if one is another name of the smarthost, add user = \"…\" and type: mailcrane login "+a.Name,
			"it has log-ins for other servers than %s", a.Smarthost.Host)
	}
	if used {
		s.found.read(name)
	}
}

func (s *sendmail) authWords(where string, words []string, a *Account) {
	for _, word := range words {
		if len(word) < 2 {
			continue
		}
		value := word[2:]
		if word[1] == '=' {
			plain, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				s.found.leave(where, "", "%c= is no base64", word[0])
				continue
			}
			value = string(plain)
		}
		switch word[0] | 0x20 {
		case 'i': // what it logs in as; U, whom it acts for
			a.User = value
		case 'u':
			if a.User == "" {
				a.User = value
			}
		case 'p':
			a.Password = passwordOf(value)
		case 'm':
			if names := strings.Fields(value); len(names) == 1 {
				a.Auth = s.found.mechanism(where, names[0])
			}
		}
	}
}

// defaultAuth is sendmail's DefaultAuthInfo: user, user, password and realm, a
// line each.
func (s *sendmail) defaultAuth(name string, a *Account) {
	text, err := s.machine.settings(name)
	lines := strings.Split(string(text), "\n")
	if err != nil || len(lines) < 3 {
		return
	}
	s.found.read(name)
	a.User, a.Password = lines[1], passwordOf(lines[2])
	if a.User == "" {
		a.User = lines[0]
	}
}
