package local

import (
	"context"
	"fmt"
	"net"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// Options say how mail is delivered on this machine.
type Options struct {
	config.Deliver
	Timeout config.Timeout
	// Rules are for the files and the programs that aliases and .forward name.
	Rules safefile.Rules
	// Hostname is what LHLO says, and the domain of Delivered-To where a recipient
	// has none.
	Hostname string
	// Users finds the accounts of the machine; nil is the system's own.
	Users func(name string) (Account, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Dial reaches an LMTP server; nil is net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Helper is a command line that ends in Serve. Where the system knows rights of
	// whole processes only, root has it write mailboxes and files as their users;
	// without it they are refused there.
	Helper []string
	// Warn takes what the log should say of a program that others can change; nil
	// is nobody.
	Warn func(text string)
}

// A Deliverer delivers on this machine, by one mailer. It keeps nothing between two
// jobs, and many may be under way at once.
type Deliverer struct {
	Options
	form, rest  string   // of the mailer
	argv        []string // of a program
	defaultUser Account
	root        bool // this process is root's
	lockTime    time.Duration
	threads     bool // a thread can take on a user
}

// lockTime is how long a mailbox that somebody else has locked is waited for.
const lockTime = 30 * time.Second

// New is a Deliverer. It fails where the options name a mailer or a user that is
// not there.
func New(o Options) (*Deliverer, error) {
	if o.Mailer == "" {
		o.Mailer = config.DefaultDeliver().Mailer
	}
	form, rest, err := config.LocalMailer(o.Mailer)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, "see mailcrane config explain mta.deliver.mailer", "mta.deliver.mailer: %w", err)
	}
	o.fillIn()
	d := &Deliverer{Options: o, form: form, rest: rest, root: privileged(), lockTime: lockTime, threads: canBecome}
	switch form {
	case "program":
		d.argv, err = words(rest)
	case "procmail":
		d.argv = procmailArgv(rest)
	}
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, "", "mta.deliver.mailer = %q: %w", o.Mailer, err)
	}
	if d.defaultUser, err = defaultUser(o.DefaultUser, o.Users); err != nil && d.root {
		return nil, sysexits.Errorf(sysexits.Config, "set mta.deliver.default_user to a user of this machine who owns nothing", "mta.deliver.default_user: %w", err)
	}
	if d.root && d.defaultUser.UID == 0 {
		return nil, sysexits.Errorf(sysexits.Config, "set mta.deliver.default_user to a user who owns nothing",
			"mta.deliver.default_user = %q: programs and files of aliases are never root's", o.DefaultUser)
	}
	return d, nil
}

func (o *Options) fillIn() {
	usual := config.DefaultDeliver()
	if o.ProgramTime <= 0 {
		o.ProgramTime = usual.ProgramTime
	}
	if o.ProgramOutput <= 0 {
		o.ProgramOutput = usual.ProgramOutput
	}
	o.Timeout = o.Timeout.OrDefault()
	if o.Hostname == "" {
		o.Hostname = "localhost"
	}
	if o.Users == nil {
		o.Users = LookUp
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
}

// Deliver carries out one job.
func (d *Deliverer) Deliver(ctx context.Context, j Job) queue.Reply {
	if err := ctx.Err(); err != nil {
		return reply(451, "4.3.2", "the server is stopping")
	}
	if err := j.check(); err != nil {
		return reply(550, "5.1.3", err.Error())
	}
	switch {
	case j.Target == "/dev/null":
		return delivered("discarded, as /dev/null says")
	case j.Target != "":
		return d.toTarget(ctx, j)
	case j.Rules != "":
		return d.byRules(ctx, j)
	case d.form == "lmtp":
		return d.byLMTP(ctx, []Job{j})[0]
	}
	a, refusal := d.account(j.User)
	if refusal != nil {
		return *refusal
	}
	switch d.form {
	case "maildir":
		return d.toMaildir(ctx, j, a)
	case "mbox":
		return d.toMbox(ctx, j, a)
	}
	return d.byMailer(ctx, j, a)
}

// DeliverAll carries out jobs for the same message and sender, in one LMTP
// transaction where that is the mailer.
func (d *Deliverer) DeliverAll(ctx context.Context, jobs []Job) []queue.Reply {
	replies := make([]queue.Reply, len(jobs))
	var together []Job
	var at []int
	for i, j := range jobs {
		if d.form == "lmtp" && j.Target == "" && j.Rules == "" && j.check() == nil && j.Sender == jobs[0].Sender {
			together, at = append(together, j), append(at, i)
			continue
		}
		replies[i] = d.Deliver(ctx, j)
	}
	if len(together) > 0 {
		for k, r := range d.byLMTP(ctx, together) {
			replies[at[k]] = r
		}
	}
	return replies
}

// account is whose mailbox it is, or why there is none.
func (d *Deliverer) account(name string) (Account, *queue.Reply) {
	a, err := d.Users(name)
	switch {
	case isUnknown(err):
		r := reply(550, "5.1.1", fmt.Sprintf("there is no user %s on this machine", shown(name)))
		return a, &r
	case err != nil:
		r := reply(451, "4.3.0", fmt.Sprintf("the user %s cannot be looked up just now: %s", shown(name), shown(err.Error())))
		return a, &r
	}
	return a, nil
}
