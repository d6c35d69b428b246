package candidate

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"mailcrane/internal/sysexits"
)

// machineTables are those of one agent for all users of a machine.
const machineTables = `
[system]
socket = "/run/mailcrane/submit.sock"
drop = "/var/spool/mailcrane/drop"

[queue]
directory = "/var/spool/mailcrane/queue"
`

// agentUser is whom the machine's agent runs as.
const agentUser = "mailcrane"

// AddMachine makes it the configuration of one agent for all users, unless it
// is. admin gets their mail, unless somebody does.
func (c *File) AddMachine(admin string, getenv func(string) string) error {
	keys, tables := "", ""
	if !c.Config.System.Used() {
		tables = machineTables
	}
	if c.Config.Admin == "" && admin != "" {
		keys = "admin = " + Quote(admin) + "\n"
	}
	if keys+tables == "" {
		return nil
	}
	return c.Add(keys, tables, getenv)
}

// LetIn lets the programs of all users read where the machine's agent is, and
// the agent alone the files of passwords. Where the package has not made its
// user, the agent is root, or one whom systemd makes.
func (c *File) LetIn(passwords ...string) error {
	err := errors.Join(os.Chmod(filepath.Dir(c.Path), 0o755), os.Chmod(c.Path, 0o644))
	if u, unknown := user.Lookup(agentUser); unknown == nil {
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		err = errors.Join(err, err1, err2)
		for _, path := range passwords {
			err = errors.Join(err, os.Chown(path, uid, gid))
		}
	}
	if err != nil {
		return sysexits.Errorf(sysexits.NoPerm, "look at it with: ls -l "+filepath.Dir(c.Path), "the machine's agent cannot be let in: %w", err)
	}
	return nil
}
