package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/queue"
)

func (a *app) queueShowCommand() *cobra.Command {
	raw, transcript := false, false
	c := &cobra.Command{
		Use: "show ID", Short: "One message: its envelope, its story, and its text",
		Example: "  mailcrane queue show cemj155mdf2w5\n  mailcrane queue show --raw cemj155mdf2w5 > saved.eml\n  mailcrane queue show --transcript cemj155mdf2w5",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			if transcript {
				return a.queueTranscript(words[0])
			}
			return a.queueShow(cmd.Context(), words[0], raw)
		},
	}
	c.Flags().BoolVar(&raw, "raw", false, "print the message alone, as it came")
	c.Flags().BoolVar(&transcript, "transcript", false, "print what was said in the last session about it")
	c.MarkFlagsMutuallyExclusive("raw", "transcript")
	return c
}

func (a *app) queueShow(ctx context.Context, word string, raw bool) error {
	ids, c, err := a.named(word)
	if err != nil {
		return err
	}
	spool := a.spool(c)
	entry, message, err := spool.Read(ids[0])
	if err != nil {
		return cannotUseSpool(c, err)
	}
	defer message.Close()
	if raw {
		_, err := io.Copy(a.stdout, message)
		return err
	}
	history, err := spool.History(entry.Name)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	w := a.clerk(ctx, c).describe(entry)
	if a.json {
		writeJSON(a.stdout, shownItem{w.item(a.now()), history})
		return nil
	}
	a.tell(w, history)
	fmt.Fprintln(a.stdout)
	_, err = io.Copy(a.stdout, message)
	return err
}

// A shownItem is queue show in --json.
type shownItem struct {
	queueItem
	History []queue.Record `json:"history"`
}

// tell prints the envelope and the story.
func (a *app) tell(w waiting, history []queue.Record) {
	a.labelled("id", "%s, %s, %s", w.Name.ID, w.state(a.now()), octets(w.Name.Size))
	a.labelled("received", "%s by %s", w.Envelope.Received.Local().Format(time.DateTime), w.Envelope.Submitter)
	a.labelled("from", "%s", path(w.Envelope.From))
	for i, to := range w.Envelope.To {
		a.labelled("to", "%s: %s", to.Address, w.Results[i].State)
	}
	if w.route != "" {
		a.labelled("account", "%s", w.route)
	}
	if w.why != "" {
		a.labelled("why", "%s", w.why)
	}
	if w.mend != "" {
		fmt.Fprintf(a.stdout, "%-9s %s\n", "mend", w.mend)
	}
	for _, r := range history {
		if untold(r.Event) {
			continue
		}
		text := r.Event
		if r.Address != "" {
			text += " for " + r.Address
		}
		if r.Host != "" {
			text += " by " + r.Host
		}
		if said := r.Reply().String(); said != "" {
			text += ": " + said
		}
		if edit := editWords(r); edit != "" {
			text = edit
		}
		a.labelled(r.At.Local().Format("01-02 15:04"), "%s", text)
	}
}
