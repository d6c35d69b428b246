package queue

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"mailcrane/internal/sysexits"
	"mailcrane/internal/visible"
)

// The directories of a spool (docs/spool.md).
const (
	dirTmp     = "tmp"     // being written; never sent, removed when old
	dirQueue   = "queue"   // accepted
	dirResult  = "result"  // what became of each recipient so far
	dirSlow    = "slow"    // the slow queues, a directory each
	dirDamaged = "damaged" // set aside, each with its reason
)

// A Spool is a queue directory, or several that serve as one. Any number of
// processes, and of goroutines, may use one at once.
type Spool struct {
	// Remember is about how many of the messages that have left the queue are
	// remembered, to tell what became of them; 0 is none. It is set before use.
	Remember int

	// Patience is how long what a person does to a message waits for another
	// process that is at it. It is set before use.
	Patience time.Duration

	roots []*root
	disk  Disk
	now   func() time.Time
	owed  owed
	syncs dirSyncs
	// within confines the spool to one slow queue; "" is no bound.
	within string

	// buffers are for the beginnings of files, writers for what is put.
	buffers, writers sync.Pool

	mu   sync.Mutex
	slow []*place // the slow queues that were met so far
}

// NewSpool is the spool in dir, which Put makes when it is missing.
func NewSpool(dir string, disk Disk, now func() time.Time) *Spool {
	return newSpool([]string{dir}, disk, now)
}

// NewSpoolOver is the spool over several queue directories, at least one. The
// first keeps the state of the routes too; a message is put into any. Where the
// only directory is that of a slow queue, SPOOL/slow/NAME, it is the spool
// confined to that.
func NewSpoolOver(dirs []string, disk Disk, now func() time.Time) *Spool {
	if len(dirs) == 1 {
		if spool, slow := slowDir(filepath.Clean(dirs[0]), disk); slow != "" {
			return NewSpool(spool, disk, now).Within(slow)
		}
	}
	return newSpool(dirs, disk, now)
}

func newSpool(dirs []string, disk Disk, now func() time.Time) *Spool {
	s := &Spool{roots: make([]*root, len(dirs)), disk: disk, now: now}
	for i, dir := range dirs {
		s.roots[i] = newRoot(filepath.Clean(dir))
	}
	return s
}

// Dir is the spool's directory, the first of several.
func (s *Spool) Dir() string { return s.roots[0].dir }

// QueueDir is where the accepted messages of the first directory stand.
func (s *Spool) QueueDir() string { return s.roots[0].main.dir }

// path is that of a file in one of the first root's directories, or of the
// directory where name is "".
func (s *Spool) path(dir, name string) string { return s.roots[0].path(dir, name) }

// A Stamped message wants to know under what name it is kept, for its Received
// field: Put says so before it reads.
type Stamped interface {
	io.Reader
	Stamp(id ID)
}

// Put is the one way in: when it returns nil, the message and its directory
// entry are on the disk (law 1). It streams message, which is kept as it
// comes. e.Received is set to now if it is zero.
//
// An error of the disk is a *sysexits.Error with EX_TEMPFAIL; an error of
// message is returned wrapped. After an error nothing is queued.
func (s *Spool) Put(ctx context.Context, e *Envelope, message io.Reader) (ID, error) {
	block := *e
	if block.Received.IsZero() {
		block.Received = s.now()
	}
	block.Submitter = oneLine(block.Submitter)
	if err := block.check(); err != nil {
		return "", sysexits.Errorf(sysexits.DataErr, "", "%w", err)
	}
	id, at, tmp, err := s.create(block.Received)
	if err != nil {
		return "", s.cannotKeep(at, err)
	}
	if m, ok := message.(Stamped); ok {
		m.Stamp(id)
	}
	name, err := s.fill(ctx, tmp, &block, message)
	if err == nil {
		// Renamed only when whole and on the disk: what stands under queue/
		// can always be sent, whatever happens to the machine.
		name.ID = id
		err = s.publish(s.standingAt(name, at))
	}
	if err != nil {
		s.disk.Remove(at.root.path(dirTmp, string(id)))
		if failed, ok := errors.AsType[*readError](err); ok {
			return "", failed.err
		}
		return "", s.cannotKeep(at, err)
	}
	return id, nil
}

// A readError is the message's own, not the disk's.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// create makes the temporary file for a message that is to stand at the place
// it returns: of several directories in one by chance, or else in the next
// that takes it. After an error the place is the first that was tried.
func (s *Spool) create(received time.Time) (ID, *place, File, error) {
	first := 0
	if len(s.roots) > 1 {
		first = rand.IntN(len(s.roots))
	}
	var refused error
	for i := range s.roots {
		r := s.roots[(first+i)%len(s.roots)]
		id, f, err := s.createIn(r, received)
		if err == nil {
			at := &r.main
			if s.within != "" {
				at = s.slowPlace(r, s.within)
				err = s.makeSlow(at)
			}
			if err == nil {
				return id, at, f, nil
			}
			f.Close()
			s.disk.Remove(r.path(dirTmp, string(id)))
		}
		if refused == nil {
			refused = err
		}
	}
	return "", &s.roots[first].main, nil, refused
}

// createIn makes the temporary file, and the directories if they are missing.
func (s *Spool) createIn(r *root, received time.Time) (ID, File, error) {
	for made := false; ; {
		id := newID(received)
		f, err := s.disk.Create(r.path(dirTmp, string(id)))
		switch {
		case err == nil:
			return id, f, nil
		case errors.Is(err, fs.ErrExist):
		case errors.Is(err, fs.ErrNotExist) && !made:
			if err := s.makeDirs(r); err != nil {
				return "", nil, err
			}
			made = true
		default:
			return "", nil, err
		}
	}
}

// makeDirs makes the tree, each new directory durable in its parent. Where
// tmp/ is, create takes the others to be there and durable: it comes last.
func (s *Spool) makeDirs(r *root) error {
	if err := s.makeDir(r.dir); err != nil {
		return err
	}
	for _, dir := range [...]string{dirQueue, dirSlow, dirResult, dirDamaged} {
		if err := s.disk.Mkdir(r.path(dir, "")); err != nil {
			return err
		}
	}
	if err := s.syncDir(r.dir); err != nil {
		return err
	}
	return s.disk.Mkdir(r.path(dirTmp, ""))
}

func (s *Spool) makeDir(dir string) error {
	parent := filepath.Dir(dir)
	err := s.disk.Mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err = s.makeDir(parent); err == nil {
			err = s.disk.Mkdir(dir)
		}
	}
	if err != nil {
		return err
	}
	return s.syncDir(parent)
}

// fill writes and syncs the file and says which name it earned.
func (s *Spool) fill(ctx context.Context, f File, e *Envelope, message io.Reader) (Name, error) {
	w := &spoolWriter{file: f}
	w.sum.Reset()
	out, ok := s.writers.Get().(*bufio.Writer)
	if !ok {
		out = bufio.NewWriterSize(nil, writeBuffer)
	}
	out.Reset(w)
	err := w.copy(ctx, out, e, message)
	out.Reset(nil) // the pool is to hold no message's file
	s.writers.Put(out)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return Name{
		Size: w.scan.size, Recipients: len(e.To), Content: w.scan.content, Class: classOf(e, &w.scan.header),
		Sum: w.sum.Sum64(), Key: keyOf(e), Held: e.Held, Quarantined: e.Quarantined,
		NotBefore: atSecond(seconds(e.NotBefore)), Next: graceEnd(e),
	}, err
}

// graceEnd is until when the message can be taken back; zero for not at all.
func graceEnd(e *Envelope) time.Time {
	if e.Grace <= 0 {
		return time.Time{}
	}
	const roundUp = time.Second - 1
	return e.Received.Add(e.Grace + roundUp).Truncate(time.Second)
}

// keyOf is the Key of a message. It is a hint only: two senders may share one.
func keyOf(e *Envelope) uint32 {
	return uint32(xxhash.Sum64String(e.Account + "\n" + e.From)) //nolint:gosec // the low half
}

// publish renames the file to where it is to stand and makes the new name
// durable.
func (s *Spool) publish(name Name) error {
	at, to := s.placeOf(name), s.file(name)
	if err := s.disk.Rename(at.root.path(dirTmp, string(name.ID)), to); err != nil {
		return err
	}
	if err := s.syncDir(at.dir); err != nil {
		// Whether the name is on the disk is not known. It was not accepted:
		// take it back rather than send what the caller will hand in again.
		s.disk.Remove(to)
		return err
	}
	return nil
}

// cannotKeep says why a message was not accepted.
func (s *Spool) cannotKeep(at *place, err error) error {
	if _, ok := errors.AsType[*sysexits.Error](err); ok {
		return err
	}
	hint := "nothing was queued; mend the directory, then hand the message in again"
	if diskFull(err) {
		hint = "nothing was queued; free some space (df -h " + at.root.dir + "), then hand the message in again"
	}
	return sysexits.Errorf(sysexits.TempFail, hint, "cannot keep the message in %s: %w", at.root.dir, cause(err))
}

// cause is err without the path that package os puts before it; the sentence
// around it names the spool.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// writeBuffer is how much of a message is written at once, in octets.
const writeBuffer = 64 << 10

// A spoolWriter writes a message's file and learns what its name must say.
type spoolWriter struct {
	file File
	sum  xxhash.Digest
	scan scanner
}

func (w *spoolWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.sum.Write(p[:n]) //nolint:errcheck // never fails
	return n, err
}

// copy writes envelope and message. The message is read straight into the
// write buffer, so that a small one is one write and a large one needs no
// memory of its own.
func (w *spoolWriter) copy(ctx context.Context, out *bufio.Writer, e *Envelope, message io.Reader) error {
	if _, err := out.Write(appendEnvelope(out.AvailableBuffer(), e)); err != nil {
		return err
	}
	for {
		if out.Available() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return &readError{err}
		}
		space := out.AvailableBuffer()
		n, err := message.Read(space[:cap(space)])
		w.scan.write(space[:n])
		if _, werr := out.Write(space[:n]); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) {
			w.scan.end()
			return out.Flush()
		}
		if err != nil {
			return &readError{err}
		}
	}
}

// oneLine makes text fit for the envelope block, and for a result file.
func oneLine(text string) string { return visible.Line(text, maxEnvelopeLine/8) }

func diskFull(err error) bool {
	for _, full := range diskFullErrors() {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}
