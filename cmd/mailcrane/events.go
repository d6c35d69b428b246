package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func (a *app) eventsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "events", Short: "Tell what happens to mail and accounts, as it happens",
		Long: `events prints a line for each thing that happens from now on, until it is
stopped: a message was queued, sent, deferred, refused, held or removed, by
whatever program; and as long as an agent runs, how far a message on its way is,
what it costs, and how each account stands. It needs no agent, and goes on when
one begins, ends, or is started anew. A message is told as sent when the server
has said that it has it, and never before.

For programs there is --json: one object a line, each as soon as it happens.`,
		Example: "  mailcrane events\n  mailcrane events --json",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.events(cmd.Context()) },
	}
	c.Flags().BoolVar(&a.json, "json", false, "one JSON object a line")
	return c
}

func (a *app) events(ctx context.Context) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := json.NewEncoder(a.stdout)
	return a.follow(ctx, c, func() {}, func(e events.Item) {
		if !a.json {
			sayEvent(a.stdout, e)
			return
		}
		if out.Encode(e) != nil {
			cancel() // who listened has gone
		}
	})
}

// follow calls tell with each event of the configured queue; see events.Follow.
func (a *app) follow(ctx context.Context, c *config.Config, begun func(), tell func(events.Item)) error {
	o := events.Options{
		Spool: a.spool(c), Now: a.now, Remembers: c.Queue.Remember > 0,
		Socket: agentSocket(c.Spools[0]), Start: serviceCall(c, "start"),
		Agent: func(ctx context.Context) (net.Conn, error) { return tellAgent(ctx, c, askEvents) },
	}
	for _, account := range c.Accounts {
		o.Routes = append(o.Routes, queue.Route(account.Name))
	}
	err := o.Spool.Prepare()
	if err == nil {
		err = events.Follow(ctx, o, begun, tell)
	}
	switch {
	case errors.Is(err, events.ErrMoved):
		return sysexits.Errorf(sysexits.CantCreat, "start this again when it is back", "the queue in %s was moved or removed", c.Spools)
	case err != nil:
		return cannotUseSpool(c, err)
	}
	return nil
}

// sayEvent prints an event as a line for a person.
func sayEvent(w io.Writer, e events.Item) {
	what := e.Event
	switch e.Event {
	case events.AgentUp, events.AgentDown, events.Missed:
		sayLine(w, e.At.Local().Format(time.TimeOnly)+" ", fmt.Sprintf("%-13s %s", what, e.Why))
		return
	}
	about := e.Account
	if e.ID != "" {
		about = string(e.ID)
	}
	sayLine(w, e.At.Local().Format(time.TimeOnly)+" ", fmt.Sprintf("%-13s %s%s", what, about, aboutEvent(e)))
}

// aboutEvent is what there is to say of an event besides what it is about.
func aboutEvent(e events.Item) string {
	text := ""
	add := func(before, what string) {
		if what != "" {
			text += before + what
		}
	}
	switch e.Event {
	case events.Queued:
		add(" from ", path(e.From))
		add(", ", octets(e.Size))
	case events.Progress:
		add(" ", fmt.Sprintf("%s of %s", octets(e.Octets), octets(e.Size)))
	}
	add(" ", e.Address)
	add(": ", e.Reply)
	add(": ", e.Why)
	if e.Session != nil {
		add(" ", fmt.Sprintf("with %s: %s, %s sent, %s received", e.Session.Server, count(e.Session.Messages, "message"), octets(e.Session.Sent), octets(e.Session.Received)))
	}
	add("; ", e.Mend)
	return text
}
