package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// movedToSlow begins the text of EventMoved, before the name of the slow queue,
// unless the message went back to the queue.
const movedToSlow = "to the slow queue "

// movedTo is the slow queue to which a move has taken a message, or "".
func (r Record) movedTo() string {
	slow, ok := strings.CutPrefix(r.Text, movedToSlow)
	if !ok {
		return ""
	}
	return slow
}

// nextRun is when a slow queue is run for a message that moves there, or that
// was tried there, now: at a whole multiple of the interval, so that what waits
// there goes over one session, and not before half of it has passed. Nothing
// about the last run is kept, and a machine that slept through one is not late
// for the next: what fell due meanwhile goes as soon as there is a way out.
func nextRun(q config.SlowQueue, now time.Time) time.Time {
	earliest := now.Add(q.Interval / 2)
	run := earliest.Truncate(q.Interval)
	if run.Before(earliest) {
		run = run.Add(q.Interval)
	}
	return run
}

// slowDown moves a message that was just tried, and stays in the queue, to the
// slow queue in which it belongs by now. One that is there already waits for
// the next run of it.
func (r *Runner) slowDown(m *Message) {
	if m.Name.Waits() || m.Name.OnWire || len(m.Pending()) == 0 {
		return
	}
	now := r.Now()
	to, move := r.Tuning.SlowFor(m.Name.Slow(), now.Sub(m.Name.ID.Received()), m.Name.Attempts)
	var err error
	switch {
	case move:
		if err = r.Spool.move(m, to, now); err == nil {
			r.Log.Info("message moved to a slow queue", "id", m.Name.ID, "queue", to.Name, "next", m.Name.Next)
		}
	case m.Name.Slow() != "":
		next := nextRun(r.Tuning.SlowQueue(m.Name.Slow()), now)
		err = m.rename(func(n *Name) { n.Next = next })
	}
	if err != nil {
		r.Log.Error("cannot put the message into its slow queue", "id", m.Name.ID, "err", err)
	}
}

// Slow moves a message to a slow queue, which is made if there is none of that
// name; of the name, only the ID need be known. One that is being sent is an
// error with EX_TEMPFAIL, and one that stands there already with EX_DATAERR:
// both are left where they are.
func (s *Spool) Slow(ctx context.Context, name Name, to config.SlowQueue) error {
	m, err := s.claimNamed(ctx, name)
	if err != nil {
		return err
	}
	defer m.Release()
	return s.move(m, to, s.now())
}

// Back moves a message from a slow queue back to the queue, and makes it due.
func (s *Spool) Back(ctx context.Context, name Name) error {
	m, err := s.claimNamed(ctx, name)
	if err != nil {
		return err
	}
	defer m.Release()
	if m.Name.Slow() == "" {
		return sysexits.Errorf(sysexits.DataErr, "", "message %s is in no slow queue", m.Name.ID)
	}
	return m.moveTo(&s.placeOf(m.Name).root.main, time.Time{}, "back to the queue")
}

// move takes a claimed message to a slow queue of its root.
func (s *Spool) move(m *Message, to config.SlowQueue, now time.Time) error {
	if m.Name.Slow() == to.Name {
		return sysexits.Errorf(sysexits.DataErr, "", "message %s is in the slow queue %s already", m.Name.ID, to.Name)
	}
	place := s.slowPlace(s.placeOf(m.Name).root, to.Name)
	if err := s.makeSlow(place); err != nil {
		return err
	}
	return m.moveTo(place, nextRun(to, now), movedToSlow+to.Name)
}

// MakeSlow makes a slow queue, so that it can be run and listed before any
// message goes there.
func (s *Spool) MakeSlow(name string) error {
	for _, r := range s.roots {
		if err := s.makeDirs(r); err != nil {
			return err
		}
		if err := s.makeSlow(s.slowPlace(r, name)); err != nil {
			return err
		}
	}
	return nil
}

// makeSlow makes the directory of a slow queue, durable in its parents before
// any message stands in it. Where it is there already it is synced all the
// same: the process that made it may have died before it did so.
func (s *Spool) makeSlow(p *place) error {
	parent := p.root.path(dirSlow, "")
	for _, dir := range [...]string{parent, p.dir} {
		if err := s.disk.Mkdir(dir); err != nil {
			return err
		}
	}
	if err := s.syncDir(p.root.dir); err != nil {
		return err
	}
	return s.syncDir(parent)
}

// moveTo moves a claimed message to another place of its root, in this order:
//
//  1. the story says so, synced: a message is never where its story does not
//     say; the other way round does no harm
//  2. the one rename: every process sees it in one of the two places, with its
//     lock and, but for when it is next due, its state
//  3. the new directory is synced before the old one, so that a file system
//     that keeps the two apart has it twice after a power cut, never not at
//     all; mendMoves then takes one name away
//
// Its result file stays where it is.
func (m *Message) moveTo(to *place, next time.Time, text string) error {
	s, from := m.spool, m.spool.placeOf(m.Name)
	name := s.standingAt(m.Name, to)
	name.Next = next
	if there, err := s.disk.Modified(s.file(name)); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("a file of its name is there already, from %s", there.UTC().Format(time.RFC3339))
		}
		return sysexits.Errorf(sysexits.CantCreat, "look at both, and move one of them away", "message %s cannot move to %s: %w", name.ID, to.dir, err)
	}
	if err := m.note(Record{At: s.now(), To: -1, Event: EventMoved, Text: text}); err != nil {
		return err
	}
	if err := m.rename(func(n *Name) { *n = name }); err != nil {
		return err
	}
	if err := s.syncDir(to.dir); err != nil {
		return err
	}
	return s.syncDir(from.dir)
}

// mendMoves looks for messages that a power cut in the middle of a move has
// left with two names, and takes the older one away, which says less of its
// story. It is the same file, so nothing is lost.
func (s *Spool) mendMoves() error {
	places, err := s.places()
	if err != nil || len(places) == len(s.roots) {
		return err
	}
	// All of a full queue is seen, and hardly ever one of it twice.
	seen, twice := make(map[uint64]bool), make(map[uint64][]Name)
	err = s.Names(func(n Name) bool {
		key := n.ID.key()
		if seen[key] {
			twice[key] = nil
		}
		seen[key] = true
		return true
	})
	if err != nil || len(twice) == 0 {
		return err
	}
	err = s.Names(func(n Name) bool {
		if others, ok := twice[n.ID.key()]; ok {
			twice[n.ID.key()] = append(others, n)
		}
		return true
	})
	for _, names := range twice {
		slices.SortFunc(names, compareNames)
		for _, older := range names[min(1, len(names)):] {
			err = errors.Join(err, s.dropName(older, names[0]))
		}
	}
	return err
}

// dropName removes the older of two names in different places if both are of
// one file: by now, the message may also have moved, or gone.
func (s *Spool) dropName(older, newer Name) error {
	if s.placeOf(older) == s.placeOf(newer) {
		return nil // it was renamed while the directory was read
	}
	m, err := s.claim(older, false)
	if err != nil {
		return nil //nolint:nilerr // it has gone, or a process is at it, or it is for examine
	}
	defer m.Release()
	if !m.file.IsAt(s.file(newer)) {
		return nil
	}
	// To claim it may have made its name follow an edit.
	if err := s.disk.Remove(s.file(m.Name)); err != nil {
		return err
	}
	return s.syncDir(s.placeOf(older).dir)
}
