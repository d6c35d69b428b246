package queue

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
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
	dirDamaged = "damaged" // set aside, each with its reason
)

// A Spool is a queue directory. Any number of processes, and of goroutines,
// may use one at once.
type Spool struct {
	dir  string
	disk Disk
	now  func() time.Time
	own  *place
}

// NewSpool is the spool in dir, which Put makes when it is missing.
func NewSpool(dir string, disk Disk, now func() time.Time) *Spool {
	s := &Spool{dir: filepath.Clean(dir), disk: disk, now: now}
	s.own = &place{dir: s.path(dirQueue, ""), result: s.path(dirResult, "")}
	return s
}

// Dir is the spool's directory.
func (s *Spool) Dir() string { return s.dir }

// QueueDir is where accepted messages stand; what is put, released or made
// due shows as a new name there.
func (s *Spool) QueueDir() string { return s.path(dirQueue, "") }

// DamagedDir is where files stand that could not be a message.
func (s *Spool) DamagedDir() string { return s.path(dirDamaged, "") }

// path is that of a file in one of the spool's directories, or of the
// directory where name is "". All of them are clean, so filepath.Join would
// look through them in vain, some ten times a message.
func (s *Spool) path(dir, name string) string {
	const slash = string(filepath.Separator)
	path := s.dir + slash + dir
	if name == "" {
		return path
	}
	return path + slash + name
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
	id, tmp, err := s.create(block.Received)
	if err != nil {
		return "", s.cannotKeep(err)
	}
	name, err := s.fill(ctx, tmp, &block, message)
	if err == nil {
		// Renamed only when whole and on the disk: what stands under queue/
		// can always be sent, whatever happens to the machine.
		name.ID = id
		err = s.publish(id, name)
	}
	if err != nil {
		s.disk.Remove(s.path(dirTmp, string(id)))
		if failed, ok := errors.AsType[*readError](err); ok {
			return "", failed.err
		}
		return "", s.cannotKeep(err)
	}
	return id, nil
}

// A readError is the message's own, not the disk's.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// create makes the temporary file, and the directories if they are missing.
func (s *Spool) create(received time.Time) (ID, File, error) {
	for made := false; ; {
		id := newID(received)
		f, err := s.disk.Create(s.path(dirTmp, string(id)))
		switch {
		case err == nil:
			return id, f, nil
		case errors.Is(err, fs.ErrExist):
		case errors.Is(err, fs.ErrNotExist) && !made:
			if err := s.makeDirs(); err != nil {
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
func (s *Spool) makeDirs() error {
	if err := s.makeDir(s.dir); err != nil {
		return err
	}
	for _, dir := range []string{dirQueue, dirResult, dirDamaged} {
		if err := s.disk.Mkdir(s.path(dir, "")); err != nil {
			return err
		}
	}
	if err := s.disk.SyncDir(s.dir); err != nil {
		return err
	}
	return s.disk.Mkdir(s.path(dirTmp, ""))
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
	return s.disk.SyncDir(parent)
}

// fill writes and syncs the file and says which name it earned.
func (s *Spool) fill(ctx context.Context, f File, e *Envelope, message io.Reader) (Name, error) {
	w := &spoolWriter{file: f}
	w.sum.Reset()
	err := w.copy(ctx, e, message)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return Name{
		Size: w.scan.size, Recipients: len(e.To), Content: w.scan.content, Class: w.scan.header.class(),
		Sum: w.sum.Sum64(), Key: keyOf(e),
	}, err
}

// keyOf is the Key of a message. It is a hint only: two senders may share one.
func keyOf(e *Envelope) uint32 {
	return uint32(xxhash.Sum64String(e.Account + "\n" + e.From)) //nolint:gosec // the low half
}

// publish renames the file into the queue and makes the new name durable.
func (s *Spool) publish(id ID, name Name) error {
	to := s.file(name)
	if err := s.disk.Rename(s.path(dirTmp, string(id)), to); err != nil {
		return err
	}
	if err := s.disk.SyncDir(s.QueueDir()); err != nil {
		// Whether the name is on the disk is not known. It was not accepted:
		// take it back rather than send what the caller will hand in again.
		s.disk.Remove(to)
		return err
	}
	return nil
}

// cannotKeep says why a message was not accepted.
func (s *Spool) cannotKeep(err error) error {
	if _, ok := errors.AsType[*sysexits.Error](err); ok {
		return err
	}
	hint := "nothing was queued; mend the directory, then hand the message in again"
	if diskFull(err) {
		hint = "nothing was queued; free some space (df -h " + s.dir + "), then hand the message in again"
	}
	return sysexits.Errorf(sysexits.TempFail, hint, "cannot keep the message in %s: %w", s.dir, cause(err))
}

// cause is err without the path that package os puts before it; the sentence
// around it names the spool.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

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
func (w *spoolWriter) copy(ctx context.Context, e *Envelope, message io.Reader) error {
	out := bufio.NewWriterSize(w, 64<<10)
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
