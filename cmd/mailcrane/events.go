package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"
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
	return a.follow(ctx, c, func() {}, func(e eventItem) {
		if !a.json {
			sayEvent(a.stdout, e)
			return
		}
		if out.Encode(e) != nil {
			cancel() // who listened has gone
		}
	})
}
