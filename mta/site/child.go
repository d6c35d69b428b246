package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"mailcrane/mta/expand"
	"mailcrane/queue"
)

// A child is a message that is put into the queue for one door.
type child struct {
	route  queue.Route
	sender string
	to     []queue.Recipient
	// from are the recipients, by their places, in whose place those of to stand.
	from []int
	id   queue.ID
}

func (c *child) of(i int) bool { return slices.Contains(c.from, i) }

// mostTogether bounds the recipients of a child, as servers do.
const mostTogether = 1000

// gather finds the children.
func (w *sorting) gather() {
	open := make(map[string]*child)
	for i := range w.answers {
		if w.done[i] {
			continue
		}
		for _, to := range w.answers[i].Destinations {
			if to.Discard {
				continue
			}
			c := w.childFor(open, to)
			c.to = append(c.to, recipientOf(to))
			if !c.of(i) {
				c.from = append(c.from, i)
			}
		}
	}
}

func (w *sorting) childFor(open map[string]*child, to expand.Destination) *child {
	r, sender := to.Route, w.delivery.Envelope.From
	if r == "" {
		r = refusalDoor + ":"
	}
	if to.Owned {
		sender = to.Owner
	}
	key := string(r) + "\n" + sender
	c := open[key]
	if c == nil || len(c.to) >= mostTogether {
		c = &child{route: r, sender: sender}
		open[key] = c
		w.children = append(w.children, c)
	}
	return c
}

// recipientOf is a destination as the queue keeps it.
func recipientOf(to expand.Destination) queue.Recipient {
	r := queue.Recipient{Address: to.Address, Notify: to.Notify, ORcpt: to.ORcpt}
	switch {
	case to.Route == "":
		r.Target = fmt.Sprintf("%d %s %s", to.Reply.Code, to.Reply.Enhanced, to.Reply.Text)
	case to.Target != "":
		r.Target = url.QueryEscape(to.By) + " " + to.Target
	case to.User != "":
		r.Target = MailboxOf(to.User, to.Detail)
	}
	return r
}

// MailboxOf is the Target of a recipient, at the door of this machine, who has a
// mailbox here.
func MailboxOf(user, detail string) string { return "user:" + url.QueryEscape(user) + " " + detail }

// putChildren puts them into the queue. One that an attempt before has put is not
// put again.
func (w *sorting) putChildren(ctx context.Context) {
	w.gather()
	var before map[string]queue.ID
	if w.delivery.Unsure {
		before = w.putBefore()
	}
	for n, c := range w.children {
		e := w.envelope(n, c)
		if id, ok := before[e.Submission]; ok {
			c.id = id
		} else if err := w.putChild(ctx, c, e); err != nil {
			w.trouble = err
			continue
		}
		for _, i := range c.from {
			w.put[i]++
		}
	}
}

func (w *sorting) putChild(ctx context.Context, c *child, e *queue.Envelope) error {
	message, err := w.delivery.Open()
	if err != nil {
		return err
	}
	defer message.Close()
	rewriter := w.site.Leaving
	if Here(c.route) {
		rewriter = w.site.Staying
	}
	if e.From, err = rewriter.Reverse(ctx, e.From); err != nil {
		return err
	}
	body, err := rewriter.Message(ctx, message)
	if err != nil {
		return err
	}
	c.id, err = w.site.Spool.Put(ctx, e, body)
	return err
}

// envelope is that of the nth child. By its Submission it is known again.
func (w *sorting) envelope(n int, c *child) *queue.Envelope {
	d := w.delivery
	e := &queue.Envelope{
		From: c.sender, To: c.to, Ret: d.Envelope.Ret, EnvID: d.Envelope.EnvID, UTF8: d.Envelope.UTF8,
		Submitter: "sorting, from " + string(d.ID), Owner: d.Envelope.Owner, Account: string(c.route),
		DoubleBounce: d.Envelope.DoubleBounce,
	}
	if p, ok := d.Class.Priority(); ok {
		e.Priority = &p
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n%s\n", d.ID, c.route, c.sender)
	for _, to := range c.to {
		fmt.Fprintf(sum, "%s %s\n", to.Address, to.Target)
	}
	e.Submission = hex.EncodeToString(sum.Sum(nil)[:16])
	return e
}

// putBefore are the children that an attempt before has put: a crash, or a full
// disk, came between them and what was to be written down.
func (w *sorting) putBefore() map[string]queue.ID {
	known := make(map[string]queue.ID)
	owner := w.delivery.Envelope.Owner
	err := w.site.Spool.Submissions(w.delivery.ID.Received(), func(by, submission string, id queue.ID) {
		if by == owner {
			known[submission] = id
		}
	})
	if err != nil {
		return nil // it may go twice, rather than never
	}
	return known
}

// targetOf reads what recipientOf wrote.
func targetOf(to queue.Recipient) (user, detail, by, target string) {
	who, rest, _ := strings.Cut(to.Target, " ")
	if name, is := strings.CutPrefix(who, "user:"); is {
		name, _ = url.QueryUnescape(name)
		return name, rest, "", ""
	}
	by, _ = url.QueryUnescape(who)
	return "", "", by, rest
}
