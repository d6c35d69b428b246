package main

import (
	"context"
	"fmt"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/msp"
	"mailcrane/queue"
)

// ListQueue is mailq.
func (s *services) ListQueue(ctx context.Context, l msp.Listing) int {
	c, err := s.config()
	if err != nil {
		return s.fail(err)
	}
	if err := s.useGroup(l.Run.Group); err != nil {
		return s.fail(err)
	}
	direct, err := s.mayUseSpool(c)
	switch {
	case err != nil:
		return s.fail(err)
	case !direct:
		return s.askMailq(ctx, c, l)
	}
	k, others := s.clerk(ctx, c), false
	list, err := k.spool.List(queue.ListOrder{
		Key: mailqOrder(c.Queue),
		Want: func(n queue.Name) bool {
			kind, wanted := mailqWants(k.spool, l.Run, n)
			if wanted && s.owner != "" {
				e, ok := k.spool.Shown(n)
				return ok && s.owns(e)
			}
			others = others || kind && !wanted
			return wanted
		},
	})
	if err != nil {
		return s.fail(cannotUseSpool(c, err))
	}
	if l.CountOnly {
		fmt.Fprintf(s.stdout, "%s: entries=%d\n", c.Spools, list.Len())
		return sysexits.OK
	}
	printed := list.Len()
	if most := c.Queue.MaxRunSize; most > 0 {
		printed = min(printed, most)
	}
	overloaded, now := s.runner(c, k.out, plainLog{s.stderr}).Overloaded(), s.now()
	err = msp.WriteQueue(s.stdout, msp.QueueList{
		Dir: c.Spools.String(), Total: list.Len(), Printed: printed, Others: others,
		Entries: func(yield func(*msp.QueueEntry) bool) {
			left := printed
			list.Each(func(e queue.Entry) bool {
				if left--; left < 0 {
					return false
				}
				w := k.describe(e)
				entry := mailqEntry(w)
				entry.Priority = e.Name.Priority(c.Queue)
				entry.Status = mailqStatus(w, now, overloaded)
				return yield(&entry)
			})
		},
	}, l.Verbose)
	if err != nil {
		return s.fail(sysexits.Errorf(sysexits.IOErr, "", "%w", err))
	}
	return sysexits.OK
}

// askMailq is mailq of a user whose mail the machine's agent keeps.
func (s *services) askMailq(ctx context.Context, c *config.Config, l msp.Listing) int {
	if len(l.Run.Selectors) > 0 || l.Run.Lost || l.Run.Quarantined || l.Run.Group != "" {
		return s.fail(onlyRoot("mailq -q…"))
	}
	var words []string
	switch {
	case l.CountOnly:
		words = []string{"count"}
	case l.Verbose:
		words = []string{"verbose"}
	}
	if err := s.askMachine(ctx, c, "mailq", words); err != nil {
		if err.Error() == "" {
			return codeOf(err)
		}
		return s.fail(err)
	}
	return sysexits.OK
}

// mailqOrder is that of a queue run, as far as names tell it.
func mailqOrder(t config.Queue) func(queue.Name) int64 {
	switch t.Sort {
	case config.ByPriority, config.ByHost, config.ByModification:
		return func(n queue.Name) int64 { return n.Order(t) }
	case config.ByTime, config.ByFilename, config.AtRandom, config.Unsorted:
	}
	return nil
}

// mailqWants says whether a message is of the kind that is listed, and whether
// the selectors want it. The message is read only where its name does not
// tell.
func mailqWants(s *queue.Spool, run msp.QueueRun, n queue.Name) (kind, wanted bool) {
	if len(run.Selectors) == 0 && !n.Held && !run.Lost {
		kind = n.Quarantined == run.Quarantined
		return kind, kind
	}
	e, ok := s.Shown(n)
	kind = ok && (e.Trouble != "" || ofKind(run, e))
	return kind, kind && (len(run.Selectors) == 0 || e.Trouble == "" && chosen(run, e))
}

// mailqStatus is the character behind the id.
func mailqStatus(w waiting, now time.Time, overloaded func(queue.Name) bool) byte {
	switch {
	case w.Trouble != "":
		return ' '
	case w.Busy:
		return '*'
	case w.Lost():
		return '?'
	case w.Name.Waits():
		return ' '
	case !w.Name.Due(now), w.kept, w.uncalled:
		return '-'
	case overloaded(w.Name):
		return 'X'
	}
	return ' '
}

func mailqEntry(w waiting) msp.QueueEntry {
	e := msp.QueueEntry{
		ID: string(w.Name.ID), Size: w.Name.Size, Received: w.Envelope.Received.Local(),
		Sender: w.Envelope.From, Message: w.why, Warned: w.Name.Warned,
	}
	switch {
	case w.Name.Quarantined:
		e.Quarantine, e.Message = w.Quarantine(), ""
	case w.Name.Held:
		e.Message = "held: " + w.why
	}
	if w.Name.Content.EightBit {
		e.BodyType = "8BITMIME"
	}
	if w.Trouble != "" {
		return e // nothing else is known of it
	}
	for i, to := range w.Envelope.To {
		if r := w.Results[i]; !r.Done() {
			e.Recipients = append(e.Recipients, msp.QueueRecipient{Address: to.Address, Status: r.Last.Reply().String()})
		}
	}
	return e
}
