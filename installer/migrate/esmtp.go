package migrate

import (
	"context"
	"path"
	"strings"

	"mailcrane/internal/config"
)

func esmtpFile(name string) bool { return strings.HasSuffix(path.Base(name), "esmtprc") }

// esmtpSettings reads the person's file, or the system's where that is not
// there (esmtp(1), esmtprc(5)). Identities have nothing in common.
func esmtpSettings(_ context.Context, m *Machine, f *Found, named string) {
	for _, name := range []string{m.home(".esmtprc"), "/etc/esmtprc"} {
		if named != "" {
			name = named
		}
		lines, ok := m.lines(f, name)
		if !ok {
			continue
		}
		r := &esmtpReader{found: f, file: name, identity: "esmtp"}
		r.begin(name)
		for i, line := range lines {
			r.line(place(name, i), line)
		}
		r.end()
		return
	}
}

type esmtpReader struct {
	found *Found
	file  string
	// The identity under way.
	identity, where string
	set             map[string]setting
}

func (r *esmtpReader) begin(where string) {
	r.where, r.set = where, make(map[string]setting)
}

func (r *esmtpReader) line(where, line string) {
	key, value, ok := esmtpOption(line)
	switch {
	case !ok:
	case key == "identity":
		r.end()
		r.identity = value
		r.begin(where)
	default:
		r.set[key] = setting{value, where}
	}
}

// esmtpOption is KEYWORD=VALUE or KEYWORD VALUE, a value quoted as in C or
// not; # begins a comment.
func esmtpOption(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", "", false
	}
	end := strings.IndexAny(line, "= \t")
	if end < 0 {
		return line, "", true
	}
	key = line[:end]
	if key == "force" { // "force sender", "force reverse_path"
		rest := strings.TrimLeft(line[end:], " \t")
		word, _, _ := strings.Cut(strings.ReplaceAll(rest, "=", " "), " ")
		key, line, end = key+" "+word, rest, len(word)
	}
	value = strings.TrimLeft(line[end:], "= \t")
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		if words := quotedWords(value, value[:1]); len(words) > 0 {
			return key, words[0], true
		}
		return key, "", true
	}
	value, _, _ = strings.Cut(value, "#")
	return key, strings.TrimSpace(value), true
}

// end makes an account of the identity under way.
func (r *esmtpReader) end() {
	f, host := r.found, r.set["hostname"]
	if p := r.set["preconnect"]; p.text != "" {
		f.leave(p.where, "start it beside the agent, for example as a systemd unit", "preconnect ran a command before each connection; mailcrane runs none")
	}
	for _, key := range []string{"mda", "force_mda", "force sender", "force reverse_path", "certificate_passphrase"} {
		if v := r.set[key]; v.text != "" {
			f.leave(v.where, "", "%s has no counterpart", key)
		}
	}
	if host.text == "" {
		if len(r.set) > 0 && r.identity != "esmtp" {
			f.leave(r.where, "", "the identity %s names no server", r.identity)
		}
		return
	}
	name, port := hostPort(host.text, "587")
	tls := config.Insecure
	switch r.set["starttls"].text {
	case "enabled":
		f.leave(r.set["starttls"].where, "", "STARTTLS was used only where the server offered it; the new account wants it")
		tls = config.StartTLS
	case "required":
		tls = config.StartTLS
	}
	a := f.account(r.identity)
	if len(f.Accounts) == 1 {
		f.Default = a.Name // esmtp's own rule
	}
	if !f.sendsBy(a, host.where, name, port, tls) {
		return
	}
	a.User, a.Password = r.set["username"].text, passwordOf(r.set["password"].text)
	switch domain := r.set["qualifydomain"].text; {
	case strings.Contains(r.identity, "@"):
		a.From = []string{r.identity}
	case domain != "":
		a.From = []string{"*@" + domain}
	}
}
