package msp

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"mailcrane/internal/address"
)

// A QueueEntry is a message as mailq shows it.
type QueueEntry struct {
	ID string
	// Status is '*' for a message that is being sent, '-' for one that is too
	// young to be tried, 'X' for one that waits for the load to fall, '?' for
	// a lost one, ' ' for any other.
	Status byte
	// Size is the message's octets.
	Size     int64
	Received time.Time
	Sender   string
	// Message is the last thing that was said about the whole of it, or "".
	Message string
	// Quarantine is why the message is held, or "".
	Quarantine string
	// BodyType is "8BITMIME" or "".
	BodyType string
	// Priority and Warned (the sender was told of the delay) are for -v.
	Priority   int64
	Warned     bool
	Recipients []QueueRecipient
}

// A QueueRecipient is one of them who has not got the message yet.
type QueueRecipient struct {
	Address string
	// Status is the last answer, shown with -v; or "".
	Status string
}

// A QueueList is a queue directory as mailq shows it.
type QueueList struct {
	Dir string
	// Total is how many messages are asked for, and Printed how many of them
	// Entries gives.
	Total, Printed int
	// Others: there are messages besides, which the selectors leave out.
	Others  bool
	Entries iter.Seq[*QueueEntry]
}

// WriteQueue prints a list in the layout of sendmail's mailq, which scripts
// read column by column. The first entry is printed at once.
func WriteQueue(w io.Writer, q QueueList, verbose bool) error {
	dir, total := q.Dir, q.Total
	out := bufio.NewWriter(w)
	switch {
	case total == 0 && q.Others:
		// sendmail calls the queue empty then, which frightens people.
		fmt.Fprintf(out, "\t\t%s (0 requests)\n", dir)
	case total == 0:
		fmt.Fprintf(out, "%s is empty\n", dir)
	default:
		fmt.Fprintf(out, "\t\t%s (%d request%s", dir, total, plural(total))
		if q.Printed < total {
			fmt.Fprintf(out, ", only %d printed", q.Printed)
		}
		out.WriteString(")\n")
		if verbose {
			out.WriteString("-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------\n")
		} else {
			out.WriteString("-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n")
		}
	}
	first := true
	for e := range q.Entries {
		e.write(out, verbose)
		if first {
			out.Flush() //nolint:errcheck // the writer keeps its error
		}
		first = false
	}
	fmt.Fprintf(out, "\t\tTotal requests: %d\n", total)
	return out.Flush()
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func (e *QueueEntry) write(w io.Writer, verbose bool) {
	when := e.Received.Format("Mon Jan _2 15:04")
	fmt.Fprintf(w, "%13s%c%8d ", e.ID, max(e.Status, ' '), e.Size)
	tabs := "\t\t\t\t\t"
	if verbose {
		warned := ' '
		if e.Warned {
			warned = '+'
		}
		fmt.Fprintf(w, "%10d%c%s ", e.Priority, warned, when[4:])
		tabs += "\t"
	} else {
		fmt.Fprintf(w, "%s ", when)
	}
	fmt.Fprintf(w, "%s\n", cut("<"+e.Sender+">", 39))
	if e.Quarantine != "" {
		fmt.Fprintf(w, "     QUARANTINE: %s\n", cut(e.Quarantine, 60))
	}
	switch {
	case e.Message != "":
		fmt.Fprintf(w, "    %10.10s   (%s)\n", e.BodyType, cut(e.Message, 60))
	case e.BodyType != "":
		fmt.Fprintf(w, "    %10.10s\n", e.BodyType)
	}
	for _, r := range e.Recipients {
		fmt.Fprintf(w, "%s %s\n", tabs, cut("<"+r.Address+">", 38))
		if verbose && r.Status != "" {
			fmt.Fprintf(w, "%s (%s)\n", tabs, cut(r.Status, 60))
		}
	}
}

// cut is text fit for a terminal, at most n octets of it.
func cut(text string, n int) string {
	text = address.Shown(text)
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return text
}
