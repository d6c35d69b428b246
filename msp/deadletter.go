package msp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A deadLetter is dead.letter in the home directory, to which a message that
// could not be sent is appended in mbox form. Its Write never fails: saving
// the message must not stop it from being queued for other recipients.
type deadLetter struct {
	path   string
	stderr io.Writer
	file   *os.File
	out    *bufio.Writer
	start  int64 // where this message begins
	ours   int64 // octets of it that are in the file
	inLine bool
	held   []byte // the start of a line that may become "From "
	err    error
}

// deadLetterIfFailed opens dead.letter where the error mode asks for it.
func (s *submission) deadLetterIfFailed() *deadLetter {
	if len(s.failures) == 0 || s.inv.ErrorMode != ErrorPrint {
		return nil
	}
	return s.openDeadLetter()
}

func (s *submission) openDeadLetter() *deadLetter {
	home := s.Getenv("HOME")
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
	d.out = bufio.NewWriterSize(appender{d}, 64<<10)
	sender := s.envelope.From
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	fmt.Fprintf(d.out, "From %s %s\n", strings.ReplaceAll(sender, " ", "_"), s.Now().UTC().Format("Mon Jan _2 15:04:05 2006"))
	return d
}

// An appender counts what it puts into the file.
type appender struct{ *deadLetter }

func (a appender) Write(p []byte) (int, error) {
	n, err := a.file.Write(p)
	a.ours += int64(n)
	return n, err
}

// Write appends, with > before each line that would start another message.
func (d *deadLetter) Write(p []byte) (int, error) {
	const from = "From "
	n := len(p)
	if len(d.held) > 0 {
		p = append(d.held, p...)
		d.held = nil
	}
	for len(p) > 0 && d.err == nil {
		if !d.inLine {
			if len(p) < len(from) && strings.HasPrefix(from, string(p)) {
				d.held = bytes.Clone(p)
				break
			}
			if bytes.HasPrefix(p, []byte(from)) {
				d.out.WriteByte('>')
			}
		}
		end := bytes.IndexByte(p, '\n') + 1
		d.inLine = end == 0
		if d.inLine {
			end = len(p)
		}
		_, d.err = d.out.Write(p[:end])
		p = p[end:]
	}
	return n, nil
}

// close ends the message and says where it is; failed is what went wrong with
// the message itself.
func (d *deadLetter) close(failed error) {
	if d.file != nil {
		d.out.Write(d.held)
		end := "\n"
		if d.inLine || len(d.held) > 0 {
			end = "\n\n"
		}
		d.out.WriteString(end)
		if err := d.out.Flush(); d.err == nil {
			d.err = err
		}
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
