package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func (a *app) queueCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "queue",
		Short: "What is waiting, and why; and what to do about it",
		Example: `  mailcrane queue
  mailcrane queue show cemj155mdf2w5
  mailcrane queue hold cemj155mdf2w5`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.queueList(cmd.Context()) },
	}
	c.PersistentFlags().BoolVar(&a.json, "json", false, "one JSON object a line")
	c.AddCommand(a.queueListCommand(), a.queueShowCommand(), a.queueSlowCommand(), a.envelopeCommand())
	for _, e := range queueEdits {
		c.AddCommand(a.queueEditCommand(e))
	}
	return c
}

// A queueEdit is what a person does to messages by their ids.
type queueEdit struct {
	name, short, done string
	do                func(ctx context.Context, s *queue.Spool, id queue.ID) error
}

var queueEdits = [...]queueEdit{
	{
		"hold", "Keep messages from being sent until they are released", "held",
		func(ctx context.Context, s *queue.Spool, id queue.ID) error {
			return s.Hold(ctx, id, "a person said hold")
		},
	},
	{
		"release", "Let messages go that are held or quarantined", "released",
		func(ctx context.Context, s *queue.Spool, id queue.ID) error { return s.ReleaseHeld(ctx, id) },
	},
	{
		"remove", "Take messages out of the queue, undelivered and for good", "removed",
		func(ctx context.Context, s *queue.Spool, id queue.ID) error { return s.Remove(ctx, id) },
	},
	{
		"retry", "Make messages due at once", "due at once",
		func(ctx context.Context, s *queue.Spool, id queue.ID) error { return s.Retry(ctx, id) },
	},
}

// writeJSON prints one object on a line of its own.
func writeJSON(w io.Writer, v any) { writeItem(json.NewEncoder(w), v) }

func writeItem(e *json.Encoder, v any) {
	e.Encode(v) //nolint:errcheck,errchkjson // the writer keeps its error
}

// A doneToItem is what was done to a message, in --json.
type doneToItem struct {
	ID   queue.ID `json:"id"`
	Done string   `json:"done"`
}

// sayDone tells what was done to a message.
func (a *app) sayDone(id queue.ID, done string) {
	if a.json {
		writeJSON(a.stdout, doneToItem{id, done})
		return
	}
	fmt.Fprintf(a.stdout, "%s %s\n", id, done)
}

func (a *app) queueEditCommand(e queueEdit) *cobra.Command {
	c := &cobra.Command{
		Use: e.name + " ID...", Short: e.short, Example: "  mailcrane queue " + e.name + " cemj155mdf2w5",
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			ids, err := parseIDs(words)
			if err != nil {
				return err
			}
			return a.editAll(cmd.Context(), ids, e)
		},
	}
	a.mayWait(c)
	return c
}

func (a *app) editAll(ctx context.Context, ids []queue.ID, e queueEdit) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	code := sysexits.OK
	for _, id := range ids {
		if err := e.do(ctx, a.spool(c), id); err != nil {
			err = cannotUseSpool(c, err)
			sysexits.Report(a.stderr, "mailcrane", err)
			code = sysexits.Code(err)
			continue // one that cannot be changed is no reason to leave the others
		}
		a.sayDone(id, e.done)
	}
	if err := a.sayStillKept(ctx, c, ids); err != nil {
		return err
	}
	return exit(code)
}
