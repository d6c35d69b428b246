//go:build unix

package local

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// toTarget delivers to the file or the program that an alias, a list or a .forward
// names.
func (d *Deliverer) toTarget(ctx context.Context, j Job) queue.Reply {
	command, isProgram := strings.CutPrefix(j.Target, "|")
	switch {
	case !isProgram && !strings.HasPrefix(j.Target, "/"):
		return reply(550, "5.1.3", shown(j.Target)+" is neither a path from the root nor a program")
	case !d.root && !d.Rules.Blame.Has(config.NonRootSafeAddr):
		what := "files"
		if isProgram {
			what = "programs"
		}
		return reply(550, "5.7.1", fmt.Sprintf("Address %s is unsafe for mailing to %s: the server does not run as root, and NonRootSafeAddr is not set in mta.dont_blame_sendmail", shown(j.Target), what))
	}
	a, personal, err := d.targetUser(j)
	if err != nil {
		return faultReply(err, j.Target)
	}
	if !isProgram {
		return d.toFile(ctx, j, a)
	}
	if command = strings.TrimSpace(command); command == "" {
		return reply(550, "5.1.3", "no program is named after |")
	}
	d.lookAt(command)
	p := program{argv: []string{"/bin/sh", "-c", command}, account: a, fromLine: true, name: "the program " + shown(command)}
	if personal {
		p.dir = a.Home
	}
	return d.run(ctx, j, p)
}

// targetUser is who a target runs as, and whether in their own name: the user of
// a .forward, the owner of a list, and DefaultUser for aliases and for root.
func (d *Deliverer) targetUser(j Job) (a Account, personal bool, err error) {
	by, whose, _ := strings.Cut(j.By, ":")
	switch by {
	case "forward":
		var refused *queue.Reply
		if a, refused = d.account(whose); refused != nil {
			return a, false, &refusal{*refused}
		}
	case "include":
		text, _, _ := strings.Cut(whose, ":")
		uid, err := id(text)
		if err != nil {
			return a, false, refuse(554, "5.3.5", "no user is named for %s: %q", shown(j.Target), shown(j.By))
		}
		a = owner(uid, d.defaultUser.GID)
	case "alias":
		a = d.defaultUser
	default:
		return a, false, refuse(554, "5.3.5", "nobody is named who has asked for %s: %q", shown(j.Target), shown(j.By))
	}
	if personal = by != "alias" && a.UID != 0; !personal {
		a = d.defaultUser
	}
	if !d.root {
		a = d.self(a)
	}
	return a, personal, nil
}

// self is the account of this process, where it can be nobody else.
func (d *Deliverer) self(a Account) Account {
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid()) //nolint:gosec // a uid
	if a.UID == uid {
		return a
	}
	return owner(uid, gid)
}

// lookAt has the log say that others can change a program.
func (d *Deliverer) lookAt(command string) {
	path, _, _ := strings.Cut(command, " ")
	if !strings.HasPrefix(path, "/") {
		return
	}
	f, err := d.Rules.Open(safefile.Program, path)
	if err != nil {
		return // sh says it
	}
	defer f.Close()
	for _, text := range f.Warnings {
		d.Warn("program " + strconv.Quote(path) + ": " + text)
	}
}
