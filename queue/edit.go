package queue

import (
	"context"
	"time"
)

// What a person can do to a message. Each claims it first, so that none works
// against a queue run.

// Hold keeps the message from being tried until it is released.
func (s *Spool) Hold(ctx context.Context, id ID, why string) error {
	return s.edit(ctx, id, "held", why, func(n *Name) { n.Held = true })
}

// ReleaseHeld lets a held message go, and makes it due.
func (s *Spool) ReleaseHeld(ctx context.Context, id ID) error {
	return s.edit(ctx, id, "released", "", func(n *Name) { n.Held, n.Next = false, time.Time{} })
}

// Retry makes a message due at once.
func (s *Spool) Retry(ctx context.Context, id ID) error {
	return s.edit(ctx, id, "retried", "", func(n *Name) { n.Next = time.Time{} })
}

// Remove takes a message out of the queue, undelivered and without a bounce.
func (s *Spool) Remove(ctx context.Context, id ID) error {
	m, err := s.claimID(ctx, id)
	if err != nil {
		return err
	}
	defer m.Release()
	if err := m.remove(); err != nil {
		return err
	}
	return s.disk.SyncDir(s.QueueDir())
}

func (s *Spool) edit(ctx context.Context, id ID, event, why string, change func(*Name)) error {
	m, err := s.claimID(ctx, id)
	if err != nil {
		return err
	}
	defer m.Release()
	if err := m.note(Record{At: s.now(), To: -1, Event: event, Text: why}); err != nil {
		return err
	}
	if err := m.rename(change); err != nil {
		return err
	}
	return s.disk.SyncDir(s.QueueDir())
}

// tmpAge is how old a file under tmp/ must be before it counts as left behind
// by a process that died; the Maildir convention.
const tmpAge = 36 * time.Hour

// Sweep removes what dead processes left under tmp/. It was never accepted.
func (s *Spool) Sweep() error {
	var names []string
	err := s.disk.Names(s.path(dirTmp, ""), func(name string) bool {
		names = append(names, name)
		return len(names) < 10_000
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		at, err := s.disk.Modified(s.path(dirTmp, name))
		if err == nil && s.now().Sub(at) > tmpAge {
			s.disk.Remove(s.path(dirTmp, name))
		}
	}
	return nil
}
