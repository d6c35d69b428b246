package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

func (a *app) queueCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "queue",
		Short: "What is waiting, and why; and what to do about it",
		Example: `  mailcrane queue
  mailcrane queue show cemj155mdf2w5
  mailcrane queue hold cemj155mdf2w5`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return a.queueList() },
	}
	c.PersistentFlags().BoolVar(&a.json, "json", false, "one JSON object a line")
	list := &cobra.Command{
		Use: "list", Short: "List the messages, oldest first", Example: "  mailcrane queue list --json",
		Args: args(cobra.NoArgs), RunE: func(*cobra.Command, []string) error { return a.queueList() },
	}
	c.AddCommand(list, a.queueShowCommand(), a.queueSlowCommand(), a.envelopeCommand(),
		a.queueEditCommand("hold", "Keep messages from being sent until they are released", "held",
			func(ctx context.Context, s *queue.Spool, id queue.ID) error {
				return s.Hold(ctx, id, "a person said hold")
			}),
		a.queueEditCommand("release", "Let held messages go", "released", func(ctx context.Context, s *queue.Spool, id queue.ID) error { return s.ReleaseHeld(ctx, id) }),
		a.queueEditCommand("remove", "Take messages out of the queue, undelivered and for good", "removed", func(ctx context.Context, s *queue.Spool, id queue.ID) error { return s.Remove(ctx, id) }),
		a.queueEditCommand("retry", "Make messages due at once", "due at once", func(ctx context.Context, s *queue.Spool, id queue.ID) error { return s.Retry(ctx, id) }),
	)
	return c
}

// A queueItem is a message in --json.
type queueItem struct {
	ID       queue.ID        `json:"id"`
	State    string          `json:"state"`
	From     string          `json:"from"`
	To       []recipientItem `json:"to"`
	Size     int64           `json:"size"`
	Received time.Time       `json:"received"`
	Attempts int             `json:"attempts"`
	Next     *time.Time      `json:"next,omitempty"`
	Account  string          `json:"account,omitempty"`
	Why      string          `json:"why,omitempty"`
	Mend     string          `json:"mend,omitempty"`
}

type recipientItem struct {
	Address string `json:"address"`
	State   string `json:"state"`
	Host    string `json:"host,omitempty"`
	Reply   string `json:"reply,omitempty"`
}

// A waiting is all that can be said of one message in the queue.
type waiting struct {
	queue.Entry
	route     queue.Route
	why, mend string
}

// eachWaiting calls f with each message, oldest first.
func (a *app) eachWaiting(c *config.Config, f func(waiting)) error {
	spool, out := a.spool(c), smarthost.New(c, smarthost.Options{Getenv: a.getenv})
	names, err := spool.Sorted()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	routes := make(map[queue.Route]queue.RouteState)
	for _, name := range names {
		entry, ok := spool.Shown(name)
		if !ok {
			continue // sent, or changed by another process, since it was read
		}
		f(describe(spool, out, routes, entry))
	}
	return nil
}

// describe finds why the message waits: its own last answer, its account's
// fault, or that no account carries it.
func describe(s *queue.Spool, out *smarthost.Transport, routes map[queue.Route]queue.RouteState, e queue.Entry) waiting {
	w := waiting{Entry: e, why: e.Why()}
	if e.Trouble != "" {
		w.mend = "look at its owner and mode; what is damaged is set aside by: mailcrane flush"
		return w
	}
	var err error
	w.route, err = out.Route(e.Envelope)
	switch {
	case e.Name.Held: // whatever else there is, it waits for a person
		if w.why == "" {
			w.why = "held"
		}
		w.mend = "let it go with: mailcrane queue release " + string(e.Name.ID)
		return w
	case err != nil:
		w.why, w.mend = err.Error(), sysexits.Hint(err)
		return w
	}
	state, known := routes[w.route]
	if !known {
		if state, err = s.RouteState(w.route); err == nil {
			routes[w.route] = state
		}
	}
	if w.why == "" && state.Fault != nil {
		w.why, w.mend = state.Fault.Sentence, state.Fault.Hint
	}
	return w
}

func (w waiting) item(now time.Time) queueItem {
	item := queueItem{
		To: []recipientItem{}, // not null
		ID: w.Name.ID, State: w.State(now), From: w.Envelope.From, Size: w.Name.Size,
		Received: w.Envelope.Received, Attempts: w.Name.Attempts, Account: string(w.route), Why: w.why, Mend: w.mend,
	}
	if at := w.Name.DueAt(); !at.IsZero() {
		item.Next = &at
	}
	for i, to := range w.Envelope.To {
		r := w.Results[i]
		reply := ""
		if r.State != 0 {
			reply = r.Last.Reply().String()
		}
		item.To = append(item.To, recipientItem{to.Address, r.State.String(), r.Last.Host, reply})
	}
	return item
}

func (a *app) queueList() error {
	const row = "%-13s  %-11s  %8s  %-10s  %s -> %s\n"
	c, err := a.config()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.stdout)
	count, now := 0, a.now()
	err = a.eachWaiting(c, func(w waiting) {
		if a.json {
			writeJSON(out, w.item(now))
			return
		}
		if count++; count == 1 {
			fmt.Fprintf(out, row, "ID", "RECEIVED", "SIZE", "STATE", "FROM", "TO")
		}
		from, to := path(w.Envelope.From), w.pendingList()
		if w.Trouble != "" {
			from, to = "?", "?"
		}
		fmt.Fprintf(out, row, w.Name.ID, ago(now, w.Envelope.Received), octets(w.Name.Size), w.state(now), printable(from), printable(to))
		if w.why != "" {
			fmt.Fprintf(out, "    %s\n", printable(w.why))
		}
		if w.mend != "" {
			fmt.Fprintf(out, "    %s\n", w.mend)
		}
	})
	if err == nil && count == 0 && !a.json {
		fmt.Fprintln(out, "the queue is empty")
	}
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	return err
}

// state is State with when it will be tried again.
func (w waiting) state(now time.Time) string {
	state := w.State(now)
	switch {
	case w.Name.Waits():
	case w.Name.NotBefore.After(now):
		state += ", leaves " + ago(now, w.Name.NotBefore)
	case w.Name.Next.After(now):
		state += ", next " + ago(now, w.Name.Next)
	}
	return state
}

func path(address string) string {
	if address == "" {
		return "<>"
	}
	return address
}

// pendingList is the recipients still to be tried, the first few of them.
func (w waiting) pendingList() string {
	const most = 3
	var pending []string
	for i, to := range w.Envelope.To {
		if !w.Results[i].Done() {
			pending = append(pending, to.Address)
		}
	}
	if len(pending) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(pending[:most], ", "), len(pending)-most)
	}
	return strings.Join(pending, ", ")
}

func writeJSON(w io.Writer, v any) {
	json.NewEncoder(w).Encode(v) //nolint:errcheck,errchkjson // the writer keeps its error
}

func (a *app) queueEditCommand(name, short, done string, edit func(context.Context, *queue.Spool, queue.ID) error) *cobra.Command {
	c := &cobra.Command{
		Use: name + " ID...", Short: short, Example: "  mailcrane queue " + name + " cemj155mdf2w5",
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			ids, err := parseIDs(words)
			if err != nil {
				return err
			}
			c, err := a.config()
			if err != nil {
				return err
			}
			code := sysexits.OK
			for _, id := range ids {
				if err := edit(cmd.Context(), a.spool(c), id); err != nil {
					err = cannotUseSpool(c, err)
					sysexits.Report(a.stderr, "mailcrane", err)
					code = sysexits.Code(err)
					continue // one that cannot be changed is no reason to leave the others
				}
				fmt.Fprintf(a.stdout, "%s %s\n", id, done)
			}
			return exit(code)
		},
	}
	a.mayWait(c)
	return c
}
