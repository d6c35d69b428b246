package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"mailcrane/queue"
)

// listRow is the columns of a list before its addresses.
const listRow = "%-13s  %-11s  %8s  %-10s"

// A queueLister prints messages one after another: the first at once, so that
// a long list begins before it is read.
type queueLister struct {
	*page
	app   *app
	json  *json.Encoder
	count int
}

func (a *app) queueListCommand() *cobra.Command {
	done, live := false, false
	c := &cobra.Command{
		Use: "list", Short: "List the messages, oldest first",
		Example: "  mailcrane queue list --json\n  mailcrane queue list --done\n  mailcrane queue list --watch",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if done {
				return a.doneList()
			}
			if live {
				return a.watchList(cmd.Context())
			}
			return a.queueList(cmd.Context())
		},
	}
	c.Flags().BoolVar(&live, "watch", false, "stay, and keep the list true until Ctrl-C; where it goes to a program, a line for each change")
	c.Flags().BoolVar(&done, "done", false, "list the last messages that have left the queue, and what became of them")
	c.MarkFlagsMutuallyExclusive("done", "watch")
	return c
}

func (a *app) queueList(ctx context.Context) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	l := &queueLister{page: newPage(a.stdout), app: a}
	l.json = json.NewEncoder(l)
	order := queue.ListOrder{Found: l.head}
	if a.owner != "" { // who asks is not to learn whether others have mail
		order.Found = nil
	}
	now := a.now()
	err = a.eachWaiting(ctx, c, order, func(w waiting) bool {
		if l.count == 0 && order.Found == nil {
			l.head()
		}
		if a.json {
			writeItem(l.json, w.item(now))
		} else {
			l.row(w)
		}
		if l.count++; l.count == 1 {
			return l.Flush() == nil
		}
		_, err := l.Write(nil) // a reader that has gone, as head, ends it
		return err == nil
	})
	if err == nil && l.count == 0 && !a.json {
		fmt.Fprintln(l, "the queue is empty")
	}
	if ferr := l.Flush(); err == nil {
		err = ferr
	}
	return err
}

// head is printed when there is a message, and before all their names are
// read and sorted.
func (l *queueLister) head() {
	if l.app.json {
		return
	}
	head := fmt.Sprintf(listRow, "ID", "RECEIVED", "SIZE", "STATE")
	l.line("", head+"  FROM -> TO")
	l.Flush() //nolint:errcheck // the writer keeps its error
}

// indent is that of what belongs to the line above.
const indent = "    "

// entry is a row with its addresses, which get a line of their own where the
// terminal is too narrow.
func (l *queueLister) entry(row, from, to string) {
	addresses := printable(from) + " -> " + printable(to)
	if whole := row + "  " + addresses; l.fits(whole) {
		l.line("", whole)
		return
	}
	l.line("", row)
	l.line(indent, addresses)
}

func (l *queueLister) row(w waiting) {
	now := l.app.now()
	from, to := path(w.Envelope.From), w.pendingList()
	if w.Trouble != "" {
		from, to = "?", "?"
	}
	l.entry(fmt.Sprintf(listRow, w.Name.ID, ago(now, w.Envelope.Received), octets(w.Name.Size), w.state(now)), from, to)
	if w.why != "" {
		l.line(indent, printable(w.why))
	}
	if w.mend != "" {
		l.line(indent, w.mend)
	}
}

// doneList prints what is remembered of messages that have left the queue.
func (a *app) doneList() error {
	c, err := a.config()
	if err != nil {
		return err
	}
	done, err := a.spool(c).Done()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	l := &queueLister{page: newPage(a.stdout), app: a}
	l.json = json.NewEncoder(l)
	now := a.now()
	for _, d := range done {
		item := finishedItem(d)
		if a.json {
			writeItem(l.json, item)
			continue
		}
		if l.count++; l.count == 1 {
			l.line("", fmt.Sprintf(listRow, "ID", "LEFT", "SIZE", "STATE")+"  FROM -> TO")
		}
		last := item.Story[len(item.Story)-1]
		l.entry(fmt.Sprintf(listRow, d.ID, ago(now, last.Last), octets(d.Size), item.State), path(d.From), few(doneTo(d)))
	}
	if l.count == 0 && !a.json {
		l.line("", "nothing is remembered of messages that have left the queue")
	}
	return l.Flush()
}

// doneTo is the recipients of a message that has left.
func doneTo(d queue.Finished) []string {
	var to []string
	for _, r := range d.Records {
		if r.To >= 0 && r.Event != queue.Uncertain.String() {
			to = append(to, r.Address)
		}
	}
	return to
}
