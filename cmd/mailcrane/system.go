package main

import (
	"context"
	"io"
	"log/slog"

	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
	"mailcrane/msp/drop/intake"
	"mailcrane/msp/listen"
	"mailcrane/queue"
)

// Bounds of the socket that all users of the machine share.
const (
	sharedConnections = 200
	sharedPerUser     = 20
	// dropSlack is what an envelope may take beside its message.
	dropSlack = 8 << 20
	// dropMost bounds a dropped message where nothing else does.
	dropMost = 1 << 30
)

// serveMachine takes in the mail of all users of this machine: over the shared
// socket, and what they have left in the drop directory.
func (t *takesMail) serveMachine(ctx context.Context, a *app, c *config.Config, log *slog.Logger, inherited *socket.Inheritance, left func()) error {
	if !c.System.Used() {
		return nil
	}
	memory, err := intake.Remember(a.spool(c), a.logged(a.program(nil).SubmitSMTP(c, a.spool(c)), log), log)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	in := &intake.Intake{Dir: c.System.Drop, Submit: memory.Submit, MaxSize: dropMost, Now: a.now, Log: log}
	if c.Submit.MaxMessage > 0 {
		in.MaxSize = 2*c.Submit.MaxMessage + dropSlack
	}
	if err := in.Open(); err != nil {
		return err
	}
	access := listen.Access{Everyone: true}
	l, theirs, err := listen.TakeOver(ctx, inherited, "unix:"+c.System.Socket, access)
	if err != nil {
		return err
	}
	t.bound = t.bound || !theirs
	o := a.submissionOptions(c, log, left)
	o.Access, o.MaxConnections, o.MaxPerUser, o.Answer = access, sharedConnections, sharedPerUser, a.answerUser
	if o.MaxRecipients == 0 {
		o.MaxRecipients = queue.MaxRecipients
	}
	server := listen.New(memory.Submit, o)
	t.servers = append(t.servers, server)
	log.Info("taking mail of all users", "address", "unix:"+c.System.Socket, "drop", c.System.Drop)
	t.all.Go(func() {
		if err := server.Serve(ctx, l); err != nil {
			log.Error("listener ended", "address", c.System.Socket, "err", err)
		}
	})
	t.all.Go(func() {
		if err := in.Run(ctx); err != nil {
			log.Error("dropped mail is not taken in", "err", err)
		}
	})
	return nil
}

// logged has the log tell whose each message is: what the kernel says, not what
// the message says.
func (a *app) logged(submit intake.Submit, log *slog.Logger) intake.Submit {
	return func(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error) {
		id, err := submit(ctx, e, message)
		switch {
		case err == nil:
			log.Info("message taken in", "id", id, "uid", e.Owner, "from", printable(e.From), "recipients", len(e.To))
		case sysexits.Code(err) == sysexits.NoPerm:
			log.Warn("message refused", "uid", e.Owner, "from", printable(e.From), "err", err)
		}
		return id, err
	}
}
