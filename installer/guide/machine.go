package guide

import (
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"mailcrane/installer/candidate"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// systemTables are those of one agent for all users of a machine.
const systemTables = `
[system]
socket = "/run/mailcrane/submit.sock"
drop = "/var/spool/mailcrane/drop"

[queue]
directory = "/var/spool/mailcrane/queue"
`

// agentUser is whom the machine's agent runs as.
const agentUser = "mailcrane"

// mayChange refuses a set-up of the whole machine by somebody who may not.
func (g *Guide) mayChange(context.Context) error {
	if !g.System {
		return nil
	}
	if os.Geteuid() > 0 {
		return sysexits.Errorf(sysexits.NoPerm, "sudo mailcrane setup --system", "the machine's mail is set up by root")
	}
	if g.Secret == "" {
		// No service has a session, and so no keyring.
		g.Secret = "file"
	}
	return nil
}

// beside adds what is wished for besides the account, unless it is there.
func (g *Guide) beside(d *candidate.File) error {
	keys, tables := "", ""
	if len(g.Listen) > 0 && len(g.before.ListenMSP) == 0 {
		var words []string
		for _, address := range g.Listen {
			words = append(words, candidate.Quote(address))
		}
		tables += "\n[listen]\nmsp = [" + strings.Join(words, ", ") + "]\n"
	}
	if g.System && !g.before.System.Used() {
		tables += systemTables
	}
	if g.System && g.before.Admin == "" {
		keys = "admin = " + candidate.Quote(g.Address) + "\n"
	}
	if keys+tables == "" {
		return nil
	}
	return d.Add(keys, tables, g.Getenv)
}

// open lets the programs of all users read where the machine's agent is, and the
// agent alone the password.
func (g *Guide) open(a *config.Account) error {
	if !g.System {
		return nil
	}
	err := errors.Join(os.Chmod(filepath.Dir(g.Path), 0o755), os.Chmod(g.Path, 0o644))
	if a.Secret.Kind == "file" && a.Secret.Value == g.passwordFile() {
		err = errors.Join(err, giveToAgent(a.Secret.Value))
	}
	if err != nil {
		return sysexits.Errorf(sysexits.NoPerm, "look at it with: ls -l "+filepath.Dir(g.Path), "the machine's agent cannot be let in: %w", err)
	}
	return nil
}

// giveToAgent makes the agent's user the owner, where the package made that user.
func giveToAgent(path string) error {
	u, err := user.Lookup(agentUser)
	if err != nil {
		return nil //nolint:nilerr // without that user the agent is root, or one whom systemd makes
	}
	uid, err := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
