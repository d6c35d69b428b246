package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"mailcrane/internal/sysexits"
)

// The reasons why a message cannot be claimed. None is a fault.
var (
	errBusy = errors.New("another process is at this message")
	errGone = errors.New("the message is no longer in the queue")
	// errLater: a person has given it a time since its name was read, or the
	// name did not show that for a crash.
	errLater = errors.New("it is not to leave yet")
)

// A damagedError says why a file under queue/ cannot be a message.
type damagedError struct{ why string }

func (e *damagedError) Error() string { return e.why }

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

func (m *Message) lock(path string, wait bool) error {
	ok, err := m.file.Lock(wait)
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
	sum := xxhash.New()
	buffer := make([]byte, 64<<10)
	for {
		n, err := m.file.Read(buffer)
		sum.Write(buffer[:n]) //nolint:errcheck // never fails
		m.end += int64(n)
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
	var err error
	m.Envelope, m.start, err = readEnvelope(io.NewSectionReader(m.file, 0, m.end))
	if err != nil {
		return &damagedError{err.Error()}
	}
	if m.history, err = m.spool.History(m.Name); err != nil {
		return err
	}
	m.Results = m.Envelope.amend(m.history)
	return m.rename(m.follow)
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
		if err := s.disk.SyncDir(s.placeOf(m.Name).dir); err != nil {
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

// whySuffix is added to the name of a file that was set aside for that of the
// file with the reason.
const whySuffix = ".why"

// resultSuffix is added for its result file.
const resultSuffix = ".result"

// setAside moves a damaged file out of the way, and writes the reason beside
// it. It is never deleted, sent or bounced; nor is one of the same name that
// was set aside before.
func (s *Spool) setAside(from *place, fileName, why string) error {
	there, note, err := s.reserve(from.root, fileName)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(note, "%s: set aside: %s\n", s.now().UTC().Format(time.RFC3339), why)
	if cerr := note.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := s.disk.Rename(from.dir+slash+fileName, there); err != nil {
		return err
	}
	if name, ok := s.belonging(fileName); ok {
		// What became of it so far goes with it.
		err := s.disk.Rename(s.resultFile(s.standingAt(name, from)), there+resultSuffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Nothing rests on this one.
		_ = s.disk.Rename(s.path(dirTranscript, string(name.ID)), there+transcriptSuffix)
	}
	if err := s.disk.SyncDir(from.root.path(dirDamaged, "")); err != nil {
		return err
	}
	return s.disk.SyncDir(from.dir)
}

// belonging says whose result file goes with a file that is set aside: where
// its name is damaged, that of the id at its head, unless a message has it.
func (s *Spool) belonging(fileName string) (Name, bool) {
	if name, err := ParseName(fileName); err == nil {
		return name, true
	}
	head, _, _ := strings.Cut(fileName, ".")
	id, err := ParseID(head)
	if err != nil {
		return Name{}, false
	}
	_, err = s.find(id)
	return Name{ID: id}, err != nil
}

// reserve is a path in damaged/ that no other file has, and the file for the
// reason beside it, which keeps the path for us.
func (s *Spool) reserve(r *root, fileName string) (path string, note File, err error) {
	const most = 1000
	for i := range most {
		path = r.path(dirDamaged, fileName)
		if i > 0 {
			path += "." + strconv.Itoa(i+1)
		}
		if note, err = s.disk.Create(path + whySuffix); !errors.Is(err, fs.ErrExist) {
			return path, note, err
		}
	}
	return "", nil, err
}

// find is the name under which the message of that ID stands now.
func (s *Spool) find(id ID) (Name, error) {
	var found *Name
	err := s.Names(func(n Name) bool {
		if n.ID == id {
			found = &n
		}
		return found == nil
	})
	switch {
	case err != nil:
		return Name{}, err
	case found == nil:
		return Name{}, noSuch(id)
	}
	return *found, nil
}

// NoMessage says that the queue has no message of that ID: there was none, or
// it has left.
type NoMessage ID

func (id NoMessage) Error() string {
	return "there is no message " + string(id) + " in the queue"
}

func noSuch(id ID) error {
	return sysexits.Errorf(sysexits.DataErr, "see what is there with: mailcrane queue", "%w", NoMessage(id))
}

// unreadable is for a person who names a message that cannot be read.
func unreadable(id ID, why error) error {
	hint := "look at its owner and mode"
	if _, damaged := errors.AsType[*damagedError](why); damaged {
		hint = "the next queue run sets it aside, below damaged/ in the spool: mailcrane flush"
	}
	return sysexits.Errorf(sysexits.DataErr, hint, "message %s cannot be read: %w", id, why)
}

func onItsWay(id ID) error {
	return sysexits.Errorf(sysexits.TempFail, "try again in a moment", "message %s is on its way just now", id)
}

// claimID claims the message that a person names. It waits for another process
// as long as the spool's patience lasts.
func (s *Spool) claimID(ctx context.Context, id ID) (*Message, error) {
	patient, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	for ctx.Err() == nil {
		name, err := s.find(id)
		if err != nil {
			return nil, err
		}
		m, err := s.claim(name, false)
		if errors.Is(err, errBusy) && patient.Err() == nil {
			s.await(patient, name)
			continue
		}
		if errors.Is(err, errBusy) {
			return nil, onItsWay(id)
		}
		if _, damaged := errors.AsType[*damagedError](err); damaged {
			return nil, unreadable(id, err)
		}
		if !errors.Is(err, errGone) {
			return m, err
		}
	}
	return nil, ctx.Err()
}
