package main

import (
	"encoding/json"
	"fmt"

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

func (a *app) queueList() error {
	c, err := a.config()
	if err != nil {
		return err
	}
	l := &queueLister{page: newPage(a.stdout), app: a}
	l.json = json.NewEncoder(l)
	order := queue.ListOrder{Found: l.head}
	now := a.now()
	err = a.eachWaiting(c, order, func(w waiting) bool {
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

func (l *queueLister) row(w waiting) {
	now := l.app.now()
	from, to := path(w.Envelope.From), w.pendingList()
	if w.Trouble != "" {
		from, to = "?", "?"
	}
	row := fmt.Sprintf(listRow, w.Name.ID, ago(now, w.Envelope.Received), octets(w.Name.Size), w.state(now))
	addresses := printable(from) + " -> " + printable(to)
	const indent = "    "
	if whole := row + "  " + addresses; l.fits(whole) {
		l.line("", whole)
	} else {
		l.line("", row)
		l.line(indent, addresses)
	}
	if w.why != "" {
		l.line(indent, printable(w.why))
	}
	if w.mend != "" {
		l.line(indent, w.mend)
	}
}
