// Package mbox writes messages in the form of a mailbox that is one file, the
// variant that puts ">" before a line that would begin another message.
package mbox

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"time"
)

// A Writer writes one message. An error sticks, and Close returns it.
type Writer struct {
	out    *bufio.Writer
	inLine bool
	held   []byte // the start of a line that may become "From "
	err    error
}

const from = "From "

// NewWriter begins a message; sender is its reverse-path. Write nothing else
// to out before Close.
func NewWriter(out io.Writer, sender string, at time.Time) *Writer {
	w := &Writer{out: bufio.NewWriterSize(out, 64<<10)}
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	sender = strings.ReplaceAll(sender, " ", "_")
	_, w.err = w.out.WriteString(from + sender + " " + at.UTC().Format("Mon Jan _2 15:04:05 2006") + "\n")
	return w
}

// Write takes the message in portions of any size.
func (w *Writer) Write(p []byte) (int, error) {
	n := len(p)
	if len(w.held) > 0 {
		p = append(w.held, p...)
		w.held = nil
	}
	for len(p) > 0 && w.err == nil {
		if !w.inLine {
			if len(p) < len(from) && strings.HasPrefix(from, string(p)) {
				w.held = bytes.Clone(p)
				break
			}
			if bytes.HasPrefix(p, []byte(from)) {
				w.out.WriteByte('>')
			}
		}
		end := bytes.IndexByte(p, '\n') + 1
		w.inLine = end == 0
		if w.inLine {
			end = len(p)
		}
		_, w.err = w.out.Write(p[:end])
		p = p[end:]
	}
	return n, w.err
}

// Copy writes the whole message and closes.
func (w *Writer) Copy(message io.Reader) error {
	if _, err := io.Copy(w, message); err != nil {
		return err
	}
	return w.Close()
}

// Close ends the message with its blank line.
func (w *Writer) Close() error {
	w.out.Write(w.held)
	end := "\n"
	if w.inLine || len(w.held) > 0 {
		end = "\n\n"
	}
	w.out.WriteString(end)
	if err := w.out.Flush(); w.err == nil {
		w.err = err
	}
	return w.err
}
