package msp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mailcrane/internal/config"
	"mailcrane/internal/mbox"
)

// A deadLetter is dead.letter in the home directory, to which a message that
// could not be sent is appended in mbox form. Its Write never fails: saving
// the message must not stop it from being queued for other recipients.
type deadLetter struct {
	path    string
	stderr  io.Writer
	file    *os.File
	message *mbox.Writer
	start   int64 // where this message begins
	ours    int64 // octets of it that are in the file
	err     error
}

// deadLetterIfFailed opens dead.letter where the error mode asks for it.
func (s *submission) deadLetterIfFailed() *deadLetter {
	if len(s.failures) == 0 || s.set.ErrorMode != config.ErrorPrint {
		return nil
	}
	return s.openDeadLetter()
}

func (s *submission) openDeadLetter() *deadLetter {
	home := config.Home(s.Getenv)
	if !filepath.IsAbs(home) {
		return nil
	}
	d := &deadLetter{path: filepath.Join(home, "dead.letter"), stderr: s.Stderr}
	d.file, d.err = os.OpenFile(d.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if d.err != nil {
		return d
	}
	if info, err := d.file.Stat(); err == nil {
		d.start = info.Size()
	}
	d.message = mbox.NewWriter(appender{d}, s.envelope.From, s.Now())
	return d
}

// An appender counts what it puts into the file.
type appender struct{ *deadLetter }

func (a appender) Write(p []byte) (int, error) {
	n, err := a.file.Write(p)
	a.ours += int64(n)
	return n, err
}

// Write appends to the message.
func (d *deadLetter) Write(p []byte) (int, error) {
	if d.file != nil {
		d.message.Write(p) //nolint:errcheck // close tells
	}
	return len(p), nil
}

// close ends the message and says where it is; failed is what went wrong with
// the message itself.
func (d *deadLetter) close(failed error) {
	if d.file != nil {
		d.err = d.message.Close()
		if err := d.file.Close(); d.err == nil {
			d.err = err
		}
	}
	switch {
	case d.err != nil:
		fmt.Fprintf(d.stderr, "%s... the message could not be saved there: %v\n", d.path, plain(d.err))
	case failed != nil:
		fmt.Fprintf(d.stderr, "%s... Saved what could be read of the message (%v)\n", d.path, plain(failed))
	default:
		fmt.Fprintf(d.stderr, "%s... Saved message in %s\n", d.path, d.path)
	}
}

// discard takes back what was appended: the caller keeps the message. Where
// another program has appended its own since, nothing may be cut off.
func (d *deadLetter) discard() {
	if d == nil || d.file == nil {
		return
	}
	defer d.file.Close()
	if d.ours == 0 {
		return
	}
	info, err := d.file.Stat()
	if err == nil && info.Size() != d.start+d.ours {
		err = errors.New("another message stands behind it")
	}
	if err == nil {
		err = d.file.Truncate(d.start)
	}
	if err != nil {
		fmt.Fprintf(d.stderr, "%s... holds a part of this message: %v\n", d.path, plain(err))
	}
}
