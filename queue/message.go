package queue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/cespare/xxhash/v2"
)

// The reasons why a message cannot be claimed. None is a fault.
var (
	errBusy = errors.New("another process is at this message")
	errGone = errors.New("the message is no longer in the queue")
	// errLater: a person has given it a time since its name was read, or the
	// name did not show that for a crash.
	errLater = errors.New("it is not to leave yet")
)

// A Message is a queued message that this process has claimed: no other
// changes, sends or removes it until Release, or until this process ends.
type Message struct {
	Name     Name
	Envelope *Envelope
	// Results has one entry for each recipient of Envelope.To.
	Results []Result

	spool *Spool
	file  File
	// history is all that was written down of the message.
	history []Record
	// historySize is that of the result file, where it was written to.
	historySize int64
	// start is where the message begins in the file, behind the envelope, and
	// end where the file ends.
	start, end int64
}

// claim locks the message of that name and reads its envelope and results.
// With wait it waits until another process has let go.
func (s *Spool) claim(name Name, wait bool) (*Message, error) {
	path := s.file(name)
	f, err := s.disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errGone
	}
	if errors.Is(err, errNotRegular) {
		return nil, &damagedError{err.Error()}
	}
	if err != nil {
		return nil, err
	}
	m := &Message{Name: name, spool: s, file: f}
	if err := m.lock(path, wait); err != nil {
		f.Close()
		return nil, err
	}
	if err := m.load(); err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

// aGlance is longer than Spool.busy holds a lock.
const aGlance = 2 * time.Millisecond

func (m *Message) lock(path string, wait bool) error {
	ok, err := m.file.Lock(wait)
	if err == nil && !ok && m.Name.Size > longOnWay {
		// Perhaps only a list is looking whether it is busy.
		time.Sleep(aGlance)
		ok, err = m.file.Lock(false)
	}
	switch {
	case err != nil:
		return err
	case !ok:
		return errBusy
	case !m.file.IsAt(path):
		// Renamed or removed between our open and our lock: what we hold is
		// no longer what the name says.
		return errGone
	}
	return nil
}

// load checks the whole file against the sum in its name before anything of
// it is believed, then reads the envelope.
func (m *Message) load() error {
	buffer := m.spool.borrow()
	defer m.spool.giveBack(buffer)
	sum, head := xxhash.New(), 0
	for {
		n, err := m.file.Read(buffer[head:])
		sum.Write(buffer[head : head+n]) //nolint:errcheck // never fails
		m.end += int64(n)
		if m.end < int64(len(buffer)) {
			head += n // what is read of a small message is kept
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if sum.Sum64() != m.Name.Sum {
		return &damagedError{fmt.Sprintf("its check sum is %016x, and its name says %016x: the file was changed after it was accepted", sum.Sum64(), m.Name.Sum)}
	}
	if err := m.readEnvelope(buffer[:head]); err != nil {
		return &damagedError{err.Error()}
	}
	var err error
	if m.history, err = m.spool.History(m.Name); err != nil {
		return err
	}
	m.Results = m.Envelope.amend(m.history)
	return m.rename(m.follow)
}

// readEnvelope reads the envelope from the file's head, or where that does not
// hold it from the file.
func (m *Message) readEnvelope(head []byte) (err error) {
	if end := bytes.Index(head, []byte("\n\n")); end >= 0 {
		m.start = int64(end + 2)
		if m.Envelope, err = cutEnvelope(string(head[:m.start])); !errors.Is(err, errCut) {
			return err
		}
	}
	m.Envelope, m.start, err = readEnvelope(io.NewSectionReader(m.file, 0, m.end))
	return err
}

// Open returns the message as it came, without the envelope block.
func (m *Message) Open() io.ReadSeeker {
	return io.NewSectionReader(m.file, m.start, m.end-m.start)
}

// Pending is the places in Envelope.To of the recipients still to be tried.
func (m *Message) Pending() []int {
	return pending(m.Results)
}

// note appends records and takes them into Results.
func (m *Message) note(records ...Record) error {
	if len(records) == 0 {
		return nil
	}
	size, err := m.spool.appendRecords(m.Name, records)
	if err != nil {
		return err
	}
	m.historySize = size
	m.history = append(m.history, records...)
	update(m.Results, records)
	return nil
}

// rename gives the message a new state. It is durable only after a sync of
// the directory; without one, a power cut shows the old state again.
func (m *Message) rename(change func(*Name)) error {
	name := m.Name
	change(&name)
	name.History = max(name.History, m.historySize)
	if name == m.Name {
		return nil
	}
	s := m.spool
	if err := s.disk.Rename(s.file(m.Name), s.file(name)); err != nil {
		return err
	}
	m.Name = name
	return nil
}

// remove takes the message out of the queue. The message goes first, for good:
// if the machine stops in between, results without a message say nothing,
// while a message without its results would be sent to everybody again.
func (m *Message) remove() error {
	s := m.spool
	if err := s.disk.Remove(s.file(m.Name)); err != nil {
		return err
	}
	if len(m.history) > 0 {
		if err := s.syncDir(s.placeOf(m.Name).dir); err != nil {
			return err
		}
	}
	s.dropTranscript(m.Name.ID)
	err := s.disk.Remove(s.resultFile(m.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Release lets other processes at the message again.
func (m *Message) Release() { m.file.Close() }
