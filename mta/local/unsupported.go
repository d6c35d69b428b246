//go:build !unix

package local

import (
	"context"
	"errors"
	"io"

	"mailcrane/queue"
)

// canBecome: there is no root whose rights would matter.
const canBecome = false

func privileged() bool { return false }

// unsupported: there are no users to become, and no sh.
func unsupported() queue.Reply {
	return reply(451, "4.3.5", "this system has no mailboxes of that kind: set mta.deliver.mailer to lmtp:HOST:PORT")
}

func (d *Deliverer) toTarget(context.Context, Job) queue.Reply           { return unsupported() }
func (d *Deliverer) byRules(context.Context, Job) queue.Reply            { return unsupported() }
func (d *Deliverer) byMailer(context.Context, Job, Account) queue.Reply  { return unsupported() }
func (d *Deliverer) toMaildir(context.Context, Job, Account) queue.Reply { return unsupported() }
func (d *Deliverer) toMbox(context.Context, Job, Account) queue.Reply    { return unsupported() }

func (d *Deliverer) checkProgram() error { return missing(d.argv[0]) }

// Serve has nothing to do here.
func Serve(context.Context, io.Reader, io.Writer) error {
	return errors.New("this system has no mailboxes of users")
}
