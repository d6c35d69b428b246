package migrate

import (
	"context"
	"errors"
	"os/exec"
	"path"
	"slices"
	"strings"

	"mailcrane/internal/config"
)

func gitFile(name string) bool {
	base := path.Base(name)
	return base == ".gitconfig" || base == "gitconfig" || base == "config" && strings.HasSuffix(path.Dir(name), "git")
}

// gitSettings asks git itself for what git send-email is set up with
// (git-send-email(1)), so that includes and conditions count as they do there.
func gitSettings(ctx context.Context, m *Machine, f *Found, named string) {
	args := []string{"config", "--list", "--includes", "-z"}
	where := "git config"
	switch {
	case named != "":
		args, where = []string{"config", "--file", m.at(named), "--list", "--includes", "-z"}, named
	case !m.here():
		if where = m.home(".gitconfig"); where == "" {
			return
		}
		if _, err := m.settings(where); err != nil {
			return
		}
		args = []string{"config", "--file", m.at(where), "--list", "-z"}
	}
	if m.Git == nil {
		return
	}
	text, err := m.Git(ctx, args...)
	switch {
	case errors.Is(err, exec.ErrNotFound) && named == "":
		return
	case errors.Is(err, exec.ErrNotFound):
		f.leave(named, "install git", "git itself reads its files, and there is no git here")
		return
	case err != nil:
		f.leave(where, "", "git could not read its settings: %v", err)
		return
	}
	g := gitSet(text)
	if !m.here() && named == "" && g.values["include.path"] != "" {
		// What it names may be a file of this machine.
		f.leave(where, "import that file by its name", "it includes %s, which is not read on another machine's disk", g.values["include.path"])
	}
	if !slices.ContainsFunc(g.identities, func(id string) bool { return g.get(id, "smtpserver") != "" }) {
		return
	}
	f.read(where)
	standard := g.values["sendemail.identity"]
	for _, id := range g.identities {
		if id == "" && len(g.identities) > 1 && g.values["sendemail.smtpserver"] == "" {
			continue
		}
		g.account(f, where, id, id == standard)
	}
}

type gitConfig struct {
	values     map[string]string
	identities []string // "" is what stands without one
}

// gitSet reads "key\nvalue\0…"; the last of a key counts. Names of keys have no
// case, those of identities do.
func gitSet(text []byte) gitConfig {
	g := gitConfig{values: make(map[string]string), identities: []string{""}}
	for entry := range strings.SplitSeq(string(text), "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		g.values[key] = value
		if rest, ok := strings.CutPrefix(key, "sendemail."); ok {
			if dot := strings.LastIndexByte(rest, '.'); dot > 0 && len(g.identities) < mostAccounts && !slices.Contains(g.identities, rest[:dot]) {
				g.identities = append(g.identities, rest[:dot])
			}
		}
	}
	return g
}

// get is a setting of an identity, else the common one.
func (g gitConfig) get(identity, key string) string {
	if v, ok := g.values["sendemail."+identity+"."+key]; ok && identity != "" {
		return v
	}
	return g.values["sendemail."+key]
}

func (g gitConfig) account(f *Found, where, id string, standard bool) {
	server := g.get(id, "smtpserver")
	key := "sendemail." + id
	switch {
	case server == "":
		return
	case strings.HasPrefix(server, "/") || strings.HasPrefix(server, "~"):
		f.leave(where, "", "%s.smtpserver is the program %s: its own settings are what counts", strings.TrimSuffix(key, "."), server)
		return
	}
	tls, port := config.Insecure, "25"
	switch encryption := g.get(id, "smtpencryption"); encryption {
	case "ssl":
		tls, port = config.Implicit, "465"
	case "tls":
		tls = config.StartTLS
	}
	if p := g.get(id, "smtpserverport"); p != "" {
		port = p
	}
	name := id
	if name == "" {
		name = "git"
	}
	a := f.account(name)
	host, _ := hostPort(server, "")
	if !f.sendsBy(a, where, host, port, tls) {
		return
	}
	if standard {
		f.Default = a.Name
	}
	a.User, a.Password = g.get(id, "smtpuser"), passwordOf(g.get(id, "smtppass"))
	auth := g.get(id, "smtpauth")
	if methods := strings.Fields(auth); len(methods) == 1 {
		a.Auth = f.mechanism(where, methods[0])
	}
	if a.User != "" && !a.Password.Known() && a.Auth != "none" {
		f.leave(where, "type: mailcrane login "+a.Name, "git asks a credential helper or you for the password of %s; the new account has it in the keyring", a.User)
	}
	if ca := g.get(id, "smtpsslcertpath"); ca != "" && !systemTrust(ca) {
		a.TLS.CA = ca
	}
	a.From = g.senders(id)
	if option := g.get(id, "smtpserveroption"); option != "" {
		f.leave(where, "", "smtpserveroption has no counterpart")
	}
}

// senders are the addresses that git send-email sends as.
func (g gitConfig) senders(id string) []string {
	var from []string
	for _, text := range []string{g.get(id, "envelopesender"), g.get(id, "from"), g.values["user.email"]} {
		if i := strings.LastIndexByte(text, '<'); i >= 0 {
			text = strings.TrimSuffix(strings.TrimSpace(text[i+1:]), ">")
		}
		if strings.Contains(text, "@") && !slices.Contains(from, text) {
			from = append(from, text)
		}
		if len(from) > 0 && text != g.get(id, "envelopesender") {
			break
		}
	}
	return from
}
