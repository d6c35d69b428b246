package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"mailcrane/internal/config"
	"mailcrane/internal/socket"
	"mailcrane/msp/listen"
	"mailcrane/queue"
)

// A takesMail is the agent's submission listeners.
type takesMail struct {
	all     sync.WaitGroup
	servers []*listen.Server
	// bound: one of the listeners is not the service manager's.
	bound bool
}

// listen opens the submission listeners, or takes those over that the service
// manager has opened. left is called whenever a client has gone.
func (a *app) listen(ctx context.Context, c *config.Config, log *slog.Logger, inherited *socket.Inheritance, left func()) (*takesMail, error) {
	taking := &takesMail{}
	for _, address := range c.ListenMSP {
		l, theirs, err := listen.TakeOver(ctx, inherited, address, listen.Access{})
		if err != nil {
			return nil, err
		}
		taking.bound = taking.bound || !theirs
		if !strings.HasPrefix(address, "unix:") {
			address = l.Addr().String()
		}
		log.Info("taking mail", "address", address)
		server := a.submissionServer(c, log, left)
		taking.servers = append(taking.servers, server)
		taking.all.Go(func() {
			if err := server.Serve(ctx, l); err != nil {
				log.Error("listener ended", "address", address, "err", err)
			}
		})
	}
	if err := taking.serveMachine(ctx, a, c, log, inherited, left); err != nil {
		return nil, err
	}
	for _, address := range inherited.Close() {
		log.Warn("the service listens where the configuration does not; type: "+serviceCall(c, "install"), "address", address)
	}
	return taking, nil
}

// serve runs the server of server mode beside the listeners, where there is one,
// and the queue runs that it asks for by the runner given; and it has mail fetched. Its end ends the agent;
// why is said when all has ended.
func (t *takesMail) serve(ctx context.Context, by given, fetches *pickup, runner queue.Runner, stop func()) (why *error) {
	why = new(error)
	if by.nodes != nil {
		t.all.Go(func() { by.nodes.serve(ctx, runner) })
	}
	if fetches != nil {
		t.all.Go(func() { fetches.serve(ctx) })
	}
	if by.turns != nil {
		by.turns.Begin(runner)
	}
	if by.server != nil {
		t.all.Go(func() {
			defer stop()
			*why = by.server(ctx)
		})
	}
	return why
}

func (a *app) submissionServer(c *config.Config, log *slog.Logger, left func()) *listen.Server {
	return listen.New(a.program(nil).SubmitSMTP(c, a.spool(c)), a.submissionOptions(c, log, left))
}

func (a *app) submissionOptions(c *config.Config, log *slog.Logger, left func()) listen.Options {
	return listen.Options{
		Now:      a.now,
		Hostname: hostname(c), Log: log, Left: left,
		MaxSize: c.Submit.MaxMessage, MaxRecipients: c.Submit.MaxRecipients,
		NoDSN: c.Submit.Privacy.Has(config.NoReceipts),
		Idle:  c.Timeout.Command, Block: c.Timeout.DataBlock,
		Load: listen.Load{Average: a.load, Refuse: c.Queue.RefuseLoad, Delay: c.Queue.DelayLoad, LogInterval: c.Queue.RejectLogInterval},
	}
}
