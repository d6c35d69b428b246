//go:build unix

package local

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"

	"mailcrane/queue"
)

// byMailer hands the message to the program that delivers to mailboxes. It runs as
// the user; where this process is not root's, it must change users by itself, as a
// set-uid procmail does.
func (d *Deliverer) byMailer(ctx context.Context, j Job, a Account) queue.Reply {
	if d.root {
		if err := d.whoMayRun(a); err != nil {
			return faultReply(err, a.Name)
		}
	}
	argv := make([]string, len(d.argv))
	for i, word := range d.argv {
		argv[i] = d.argument(word, j, a)
		// An address must not become an option; behind one it cannot.
		if strings.HasPrefix(word, "$") && strings.HasPrefix(argv[i], "-") && !strings.HasPrefix(d.argv[max(i-1, 0)], "-") {
			return reply(550, "5.1.7", shown(argv[i])+" begins with a hyphen, which "+filepath.Base(d.argv[0])+" would take for an option")
		}
	}
	return d.mailer(ctx, j, a, argv)
}

// byRules has procmail work through a file of rules, as the owner of that file.
func (d *Deliverer) byRules(ctx context.Context, j Job) queue.Reply {
	path := "procmail"
	if d.form == "procmail" {
		path = d.argv[0]
	}
	a, err := d.rulesUser(j.Rules)
	if err != nil {
		return faultReply(err, "the rules "+j.Rules)
	}
	sender := j.Sender
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	return d.mailer(ctx, j, a, []string{path, "-Y", "-m", j.Rules, sender, j.recipient()})
}

func (d *Deliverer) mailer(ctx context.Context, j Job, a Account, argv []string) queue.Reply {
	path, err := findProgram(argv[0])
	if err != nil {
		return reply(451, "4.3.5", argv[0]+" is not on this machine: install it, or set mta.deliver.mailer")
	}
	argv[0] = path
	return d.run(ctx, j, program{argv: argv, account: a, dir: a.Home, name: filepath.Base(path)})
}

// checkProgram says that the program is not there.
func (d *Deliverer) checkProgram() error {
	if _, err := findProgram(d.argv[0]); err != nil {
		return missing(d.argv[0])
	}
	return nil
}

// findProgram looks where sendmail's configurations have procmail.
func findProgram(name string) (string, error) {
	if filepath.IsAbs(name) {
		return exec.LookPath(name)
	}
	for _, dir := range [...]string{"/usr/bin", "/usr/local/bin", "/opt/local/bin", "/usr/pkg/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}
