package queue

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"time"
)

// Names calls f with the name of each message in the queue, in no order,
// until f returns false. A file whose name is not ours is passed over here
// and set aside by the next queue run. A queue that was never used is empty.
func (s *Spool) Names(f func(Name) bool) error {
	return s.eachFile(func(p *place, file string) bool {
		name, err := ParseName(file)
		return err != nil || f(s.standingAt(name, p))
	})
}

// Sorted is the names of all messages, oldest first. A message that was
// renamed while the directory was read may have shown twice: the later name
// is the one that has been tried more often.
func (s *Spool) Sorted() ([]Name, error) {
	var names []Name
	err := s.Names(func(n Name) bool {
		names = append(names, n)
		return true
	})
	slices.SortFunc(names, compareNames)
	return slices.CompactFunc(names, func(a, b Name) bool { return a.ID == b.ID }), err
}

// compareNames puts messages into the order of receipt, and of the names of
// one message the latest first.
func compareNames(a, b Name) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(b.History, a.History), cmp.Compare(b.Attempts, a.Attempts), b.Next.Compare(a.Next))
}

// An Entry is a message as a person sees it in the queue.
type Entry struct {
	Name     Name
	Envelope *Envelope
	Results  []Result
	// Busy: a process is sending it just now.
	Busy bool
	// Trouble is why the message cannot be read, or "". If it cannot, the
	// envelope has nothing but the time of its receipt.
	Trouble string
	// hold is why it was held last, and quarantine why it was quarantined; "" if
	// it never was.
	hold, quarantine string
}

// Entry reads the message of that name without claiming it. ok is false if
// it has gone or moved on since the name was read, or cannot be read.
func (s *Spool) Entry(name Name) (entry Entry, ok bool) {
	entry, err := s.entry(name)
	return entry, err == nil
}

// Shown is Entry for a list: a message that cannot be read shows too, with
// its Trouble. ok is false if it has gone or moved on.
func (s *Spool) Shown(name Name) (entry Entry, ok bool) { return s.shownAt(name, s.file(name)) }

func (s *Spool) shownAt(name Name, path string) (entry Entry, ok bool) {
	entry, err := s.entryAt(name, path)
	switch {
	case err == nil:
		s.look(&entry, path)
		return entry, true
	case errors.Is(err, fs.ErrNotExist):
		return Entry{}, false
	}
	return Entry{
		Name: name, Envelope: &Envelope{Received: name.ID.Received()},
		Trouble: fmt.Sprintf("%s cannot be read: %v", path, cause(err)),
	}, true
}

// longOnWay is from how many octets on a message that is being sent shows as such
// in a list though its name does not say so before the last octet goes out. At
// 9.6 kbit/s this takes a minute.
const longOnWay = 64 << 10

// look sees whether a large message is being sent.
func (s *Spool) look(e *Entry, path string) {
	if n := e.Name; n.Size > longOnWay && !n.OnWire && !n.Waits() {
		e.Busy = s.busy(path)
	}
}

func (s *Spool) entry(name Name) (Entry, error) { return s.entryAt(name, s.file(name)) }

// entryAt is entry for a name whose path is known.
func (s *Spool) entryAt(name Name, path string) (Entry, error) {
	e, err := s.envelope(path)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Name: name, Envelope: e}
	var history []Record
	if name.Attempts > 0 || name.History > 0 || name.Waits() || name.Edited || name.OnWire || name.Unsure || !name.Next.IsZero() {
		if history, err = s.History(name); err != nil {
			return Entry{}, err
		}
	}
	entry.Results = e.amend(history)
	for _, r := range history {
		switch r.Event {
		case EventHeld:
			entry.hold = r.Text
		case EventQuarantined:
			entry.quarantine = r.Text
		}
	}
	if name.OnWire {
		entry.Busy = s.busy(path)
	}
	return entry, nil
}

// peekLength is how much of a message's file is read for its envelope at
// first: a page, which holds some fifty recipients.
const peekLength = 4096

// envelope is that of the message in the file.
func (s *Spool) envelope(path string) (*Envelope, error) {
	buffer := s.borrow()
	defer s.giveBack(buffer)
	n, err := s.disk.Peek(path, buffer[:peekLength])
	if err != nil {
		return nil, err
	}
	head := buffer[:n]
	if end := bytes.Index(head, []byte("\n\n")); end >= 0 {
		head = head[:end+2] // no more of the message is kept in memory
	}
	e, err := cutEnvelope(string(head))
	if !errors.Is(err, errCut) {
		return e, err
	}
	f, err := s.disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e, _, err = readEnvelope(f)
	return e, err
}

// busy says that a process has claimed the message.
func (s *Spool) busy(path string) bool {
	f, err := s.disk.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := f.Lock(false)
	return err == nil && !free
}

// borrow is a buffer for the beginning of a file.
func (s *Spool) borrow() *[maxResultLine]byte {
	if b, ok := s.buffers.Get().(*[maxResultLine]byte); ok {
		return b
	}
	return new([maxResultLine]byte)
}

func (s *Spool) giveBack(b *[maxResultLine]byte) { s.buffers.Put(b) }

// State is one word for where the message stands.
func (e Entry) State(now time.Time) string {
	switch {
	case e.Trouble != "":
		return "unreadable"
	case e.Busy:
		return "sending"
	case e.Name.Held:
		return "held"
	case e.Name.Quarantined:
		return "quarantined"
	case e.Name.Unsure || e.Name.OnWire:
		return "uncertain"
	case e.Name.NotBefore.After(now):
		return "scheduled"
	case e.Name.Attempts > 0 && !e.Name.Due(now):
		return "deferred"
	}
	return "queued"
}

// Quarantine is why the message is quarantined, or "" if it is not.
func (e Entry) Quarantine() string {
	switch {
	case !e.Name.Quarantined:
		return ""
	case e.quarantine == "":
		return "quarantined"
	}
	return e.quarantine
}

// Why is the reason for which the message cannot be read, or waits, else the
// last thing that was said about it, or "".
func (e Entry) Why() string {
	if e.Trouble != "" {
		return e.Trouble
	}
	if e.Name.Held && e.hold != "" {
		return e.hold
	}
	if why := e.Quarantine(); why != "" {
		return why
	}
	var last Record
	for _, r := range e.Results {
		if !r.Done() && r.State != 0 && !r.Last.At.Before(last.At) {
			last = r.Last
		}
	}
	return last.Reply().String()
}

// Read is the message of that ID as it is in the queue, with its text. It
// does not claim it; a message that is removed meanwhile can be read to its end.
func (s *Spool) Read(id ID) (Entry, io.ReadCloser, error) {
	name, err := s.find(id)
	if err != nil {
		return Entry{}, nil, err
	}
	f, err := s.disk.Open(s.file(name))
	if err != nil {
		return Entry{}, nil, notRead(id, err)
	}
	_, start, err := readEnvelope(io.NewSectionReader(f, 0, math.MaxInt64))
	entry, err2 := s.entry(name)
	if err := errors.Join(err, err2); err != nil {
		f.Close()
		return Entry{}, nil, notRead(id, err)
	}
	s.look(&entry, s.file(name))
	return entry, struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, start, math.MaxInt64-start), f}, nil
}

func notRead(id ID, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return noSuch(id)
	}
	if _, disk := errors.AsType[*fs.PathError](err); !disk {
		err = &damagedError{err.Error()}
	}
	return unreadable(id, cause(err))
}
