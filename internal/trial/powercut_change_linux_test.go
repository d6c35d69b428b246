package trial

import (
	"context"
	"time"

	"mailcrane/queue"
)

// byHand is what a person can do to a message.
type byHand struct {
	hold, quarantine, release, retry, remove, slow, back func(ctx context.Context, id queue.ID) error
	edit                                                 func(ctx context.Context, id queue.ID, change queue.Change) error
	// sender is whether the envelope's may be changed.
	sender bool
}

// change does one of them to one of the messages. Before what lets a letter go
// is begun, and after what keeps it has succeeded, the ledger is told.
func (p *powercut) change(dice *dice, do byHand) {
	l, ctx := p.ledger, p.t.Context()
	letter, name := l.pick(dice.roll(1 << 30))
	if letter == nil {
		return
	}
	note := func(change func()) {
		l.mu.Lock()
		defer l.mu.Unlock()
		change()
	}
	did := func(err error, change func()) {
		if err == nil {
			note(change)
		}
	}
	switch dice.roll(20) {
	case 0:
		note(func() { letter.removing = true })
		did(do.remove(ctx, name), func() { letter.gone = true; l.counts.removed++ })
	case 1, 2:
		did(do.hold(ctx, name), func() { letter.held = true; l.counts.held++ })
	case 3:
		did(do.quarantine(ctx, name), func() { letter.held = true; l.counts.quarantined++ })
	case 4, 5, 6:
		note(func() { letter.held, letter.kept = false, false })
		did(do.release(ctx, name), func() { l.counts.released++ })
	case 7, 8:
		at := time.Now().Add(later)
		did(do.edit(ctx, name, queue.Change{NotBefore: &at}), func() { letter.timed = true; l.counts.timed++ })
	case 9, 10:
		note(func() { letter.kept = false })
		did(do.slow(ctx, name), func() { l.counts.moved++ })
	case 11:
		note(func() { letter.kept = false })
		did(do.back(ctx, name), func() { l.counts.moved++ })
	case 12, 13, 14, 15, 16:
		p.edit(dice, letter, name, do)
	default:
		note(func() { letter.timed, letter.kept = false, false })
		did(do.retry(ctx, name), func() { l.counts.retried++ })
	}
}

// edit gives one recipient of a letter another address, by one of the two ways,
// and adds one.
func (p *powercut) edit(dice *dice, letter *promise, name queue.ID, do byHand) {
	e := p.ledger.edits(letter, dice.roll(1<<30))
	if e == nil {
		return
	}
	change := queue.Change{Add: []string{e.added}}
	if dice.roll(2) == 0 {
		change.Redirect = []queue.Redirection{{Old: e.old, New: e.fresh}}
	} else {
		change.Drop, change.Add = []string{e.old}, append(change.Add, e.fresh)
	}
	if sender := "other@trial.example"; do.sender && dice.roll(4) == 0 {
		change.From = &sender
	}
	if do.edit(p.t.Context(), name, change) == nil {
		p.ledger.edited(letter, true)
	}
}

// releaseAll lets every message go that waits for a person or a time.
func (p *powercut) releaseAll() {
	p.t.Helper()
	s, now := p.spool(), time.Now()
	names, err := s.Sorted()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, n := range names {
		if n.Held || n.Quarantined {
			if err := s.ReleaseHeld(p.t.Context(), n.ID); err != nil {
				p.t.Error(err)
			}
		}
		// The cut may have kept a time out of the name, or the end of one.
		e, ok := s.Entry(n)
		if !ok || n.NotBefore.After(now) || e.Envelope.NotBefore.After(now) || n.Attempts == 0 && n.Next.After(now) {
			if err := s.Retry(p.t.Context(), n.ID); err != nil {
				p.t.Error(err)
			}
		}
	}
	p.ledger.mu.Lock()
	for _, promise := range p.ledger.letters {
		promise.held, promise.timed, promise.kept = false, false, false
	}
	p.ledger.mu.Unlock()
}
