package queue

import (
	"fmt"
	"path/filepath"
	"slices"

	"mailcrane/internal/address"
	"mailcrane/internal/mbox"
	"mailcrane/queue/dsn"
)

// lastResort deals with the failures of a message with the null reverse-path,
// which has no sender to tell (RFC 5321 section 4.5.5), in sendmail's order:
// the mailbox for double bounces; else a file for dead letters; else it is
// held for a person to see. A report to that mailbox can only go to the file
// or be held in its turn, so that no chain is longer than message, bounce,
// double bounce.
func (r *Runner) lastResort(route Route, m *Message, records []Record, left bool) (notes []Record, held bool, err error) {
	failed := unreported(slices.Concat(m.history, records))
	if len(failed) == 0 {
		return nil, false, nil
	}
	note := Record{At: r.Now(), To: -1, Event: EventUnreported, Route: route}
	if r.Tuning.DoubleBounce == "" {
		note.Text = "it could not be delivered, has no sender to tell, and nobody is set to be told (DoubleBounceAddress)"
		r.Log.Warn("message dropped", "id", m.Name.ID, "to", failed[0].Address, "why", note.Text)
		return []Record{note}, false, nil
	}
	to, account := r.mailbox(r.Tuning.DoubleBounce, route)
	if to != "" && !m.Envelope.DoubleBounce && !slices.ContainsFunc(failed, func(rec Record) bool { return address.Key(rec.Address) == address.Key(to) }) {
		report := r.reportOn(dsn.Failure, m, to, failed)
		e := ReportEnvelope(report, m.Name.ID, account)
		e.DoubleBounce = true // an alias may take it to an address that nothing else tells from others
		note, err := r.put(report, e, m.Name.ID, route, EventBounced)
		return []Record{note}, false, err
	}
	if left {
		return nil, false, nil // it stays in the queue for the others
	}
	if drop := r.Tuning.DeadLetterDrop; drop != "" {
		err := r.deadLetter(drop, m)
		if err == nil {
			note.Text = "it could not be delivered, and was added to " + drop
			r.Log.Warn("message added to the dead letters", "id", m.Name.ID, "file", drop)
			return []Record{note}, false, nil
		}
		r.Log.Error("cannot add the message to the dead letters", "id", m.Name.ID, "file", drop, "err", err)
	}
	note.Event = EventHeld
	note.Text = "it could not be delivered, and it has no sender to tell: read it, then remove it"
	r.Log.Error("message is lost unless a person acts: nobody can be told that it was not delivered", "id", m.Name.ID, "to", failed[0].Address)
	return []Record{note}, true, nil
}

// unreported is the failures that no report has gone out for, and that no
// person has seen: one who released the message has. That it was held says
// nothing, since a crash may have kept that out of its name.
func unreported(history []Record) []Record {
	var failed []Record
	for _, rec := range history {
		switch rec.Event {
		case Failed.String():
			failed = append(failed, rec)
		case EventBounced, EventUnreported, EventReleased:
			failed = nil
		}
	}
	return failed
}

// deadLetter appends the message to an mbox file. When it returns nil the
// message is on the disk there, so that it can be taken out of the queue; a
// crash before that leaves it in both.
func (r *Runner) deadLetter(path string, m *Message) error {
	disk := r.Spool.disk
	f, err := disk.Append(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// Two agents must not mix their lines.
	if _, err := f.Lock(true); err != nil {
		return err
	}
	var first [1]byte
	if n, _ := f.ReadAt(first[:], 0); n > 0 {
		// What stands there may have been cut off in the middle of a line.
		if _, err := f.Write([]byte("\n")); err != nil {
			return err
		}
	}
	letter := mbox.NewWriter(f, m.Envelope.From, r.Now())
	if err := letter.Copy(m.Open()); err != nil {
		return fmt.Errorf("%s holds a part of the message: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(path))
}
