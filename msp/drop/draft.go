package drop

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/cespare/xxhash/v2"

	"mailcrane/queue"
)

// A Draft is a dropped file that is being written.
type Draft struct {
	dir  string
	id   ID
	file *os.File
	sum  xxhash.Digest
	// body is where the message begins, and octets all that stands behind the
	// first line.
	body, octets int64
}

// Create begins a file in dir. A file that is there already, or a link, is an
// error.
func Create(dir string, id ID, e *queue.Envelope) (*Draft, error) {
	d := &Draft{dir: dir, id: id}
	d.sum.Reset()
	file, err := os.OpenFile(d.path(Writing), os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o640)
	if err != nil {
		return nil, err
	}
	d.file = file
	// The umask of the caller may have taken the group's bit away, without which
	// the agent could not read it.
	if err := file.Chmod(0o640); err != nil {
		d.Discard()
		return nil, err
	}
	if _, err = file.Write(head(0, 0)); err == nil {
		_, err = d.Write(queue.AppendEnvelope(nil, e))
	}
	if err != nil {
		d.Discard()
		return nil, err
	}
	d.body = HeadLength + d.octets
	return d, nil
}

func (d *Draft) path(kind string) string { return filepath.Join(d.dir, string(d.id)+kind) }

// Write appends to the message.
func (d *Draft) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	d.sum.Write(p[:n]) //nolint:errcheck // never fails
	d.octets += int64(n)
	return n, err
}

// Message is what was written of it so far.
func (d *Draft) Message() io.Reader {
	return io.NewSectionReader(d.file, d.body, HeadLength+d.octets-d.body)
}

// Keep gives the file the name by which the agent takes it in. When it returns
// nil the message and that name are on the disk; after an error nothing was
// left.
func (d *Draft) Keep() error {
	_, err := d.file.WriteAt(head(d.sum.Sum64(), d.octets), 0)
	if err == nil {
		err = d.file.Sync()
	}
	if err == nil {
		err = os.Rename(d.path(Writing), d.path(Whole))
	}
	if err != nil {
		d.Discard()
		return err
	}
	if err = syncName(d.file); err != nil {
		// Whether the name is on the disk is not known: take it back, rather than
		// have the agent send what the caller will hand in again.
		err = errors.Join(err, os.Remove(d.path(Whole)))
	}
	return errors.Join(err, d.file.Close())
}

// Discard takes the file away.
func (d *Draft) Discard() {
	d.file.Close()
	os.Remove(d.path(Writing))
}
