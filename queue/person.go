package queue

import (
	"context"
	"time"

	"mailcrane/internal/sysexits"
)

// What a person can do to a message. Each claims it first, so that none works
// against a queue run.

// Hold keeps the message from being tried until it is released.
func (s *Spool) Hold(ctx context.Context, id ID, why string) error {
	return s.edit(ctx, id, Record{Event: EventHeld, Text: why}, func(n *Name) error {
		n.Held = true
		return nil
	})
}

// ReleaseHeld lets a message go that is held, or quarantined, or both, and makes
// it due. One that is neither is an error: it might be kept back for another
// reason, such as the time to take it back.
func (s *Spool) ReleaseHeld(ctx context.Context, id ID) error {
	return s.edit(ctx, id, Record{Event: EventReleased}, func(n *Name) error {
		if !n.Held && !n.Quarantined {
			return sysexits.Errorf(sysexits.DataErr, "see what it waits for with: mailcrane explain "+string(id), "message %s is neither held nor quarantined", id)
		}
		n.Held, n.Quarantined, n.Next = false, false, time.Time{}
		return nil
	})
}

// Retry makes a message due at once, whatever it waits for: the next try, the
// time that its sender has set, or the end of the time to take it back. One
// that is held is an error.
func (s *Spool) Retry(ctx context.Context, id ID) error {
	return s.edit(ctx, id, Record{Event: EventRetried}, func(n *Name) error {
		n.Next, n.NotBefore = time.Time{}, time.Time{}
		if n.Waits() {
			return sysexits.Errorf(sysexits.DataErr, "let it go with: mailcrane queue release "+string(id), "message %s is %s", id, n.Stopped())
		}
		return nil
	})
}

// Remove takes a message out of the queue, undelivered and without a bounce.
func (s *Spool) Remove(ctx context.Context, id ID) error {
	m, err := s.claimID(ctx, id)
	if err != nil {
		return err
	}
	defer m.Release()
	s.rememberSubmission(m)
	if err := m.remove(); err != nil {
		return err
	}
	s.remember(m, nil)
	return s.syncDir(s.placeOf(m.Name).dir)
}

// claimToChange claims the message that a person is about to change. If a
// process died while it was on the wire, that is written down first, for good:
// who is made a recipient now has certainly not got it before, and who changes
// it is told of those who may have.
func (s *Spool) claimToChange(ctx context.Context, id ID) (*Message, error) {
	m, err := s.claimID(ctx, id)
	if err != nil || !m.Name.OnWire {
		return m, err
	}
	if _, err = m.recover(s.now(), ""); err == nil {
		err = s.syncDir(s.placeOf(m.Name).dir)
	}
	if err != nil {
		m.Release()
		return nil, err
	}
	return m, nil
}

// edit writes down what a person does, and does it, unless change forbids it.
func (s *Spool) edit(ctx context.Context, id ID, done Record, change func(*Name) error) error {
	m, err := s.claimToChange(ctx, id)
	if err != nil {
		return err
	}
	defer m.Release()
	name := m.Name
	if err := change(&name); err != nil {
		return err
	}
	done.At, done.To = s.now(), -1
	if err := m.note(done); err != nil {
		return err
	}
	if err := m.rename(func(n *Name) { *n = name }); err != nil {
		return err
	}
	return s.syncDir(s.placeOf(m.Name).dir)
}
