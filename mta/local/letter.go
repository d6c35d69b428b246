package local

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"mailcrane/internal/address"
	"mailcrane/internal/header"
)

// maxSection bounds a header that is looked into; a longer one stays as it is.
const maxSection = 1 << 20

// letter is the message of a job as a mailbox has it: line ends LF, Return-Path for
// its reverse-path (RFC 5321 section 4.4, one and no other), and Delivered-To if
// asked for. done closes it.
func (d *Deliverer) letter(j Job, deliveredTo bool) (message io.Reader, done func() error, err error) {
	in, err := j.Open()
	if err != nil {
		return nil, nil, err
	}
	text := bufio.NewReaderSize(&lineFeeds{in: bufio.NewReaderSize(in, 64<<10)}, 64<<10)
	fields := header.New("Return-Path", "<"+j.Sender+">", "\n").Raw
	if deliveredTo {
		fields = append(fields, header.New("Delivered-To", address.Qualify(j.recipient(), d.Hostname), "\n").Raw...)
	}
	rest, err := withoutReturnPath(text)
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return io.MultiReader(bytes.NewReader(fields), rest), in.Close, nil
}

// recipient is the address for fields and variables.
func (j Job) recipient() string {
	switch {
	case j.Recipient != "":
		return j.Recipient
	case j.Detail != "":
		return j.User + "+" + j.Detail
	}
	return j.User
}

// withoutReturnPath takes the fields of earlier deliveries out of the header.
func withoutReturnPath(in io.Reader) (io.Reader, error) {
	var scan header.Scan
	var section int
	var seen []byte
	head, _, err := header.Read(in, maxSection, func(b []byte, eof bool) bool {
		var ended bool
		section, _, ended = scan.End(b, eof)
		seen = b
		return ended
	})
	if errors.Is(err, header.ErrTooLarge) {
		return io.MultiReader(bytes.NewReader(seen), in), nil
	}
	if err != nil {
		return nil, err
	}
	fields := header.Parse(head[:section])
	if !fields.Has("Return-Path") {
		return io.MultiReader(bytes.NewReader(head), in), nil
	}
	fields.Delete("Return-Path")
	return io.MultiReader(bytes.NewReader(fields.AppendTo(nil)), bytes.NewReader(head[section:]), in), nil
}

// lineFeeds turns CRLF into LF; a CR elsewhere stays.
type lineFeeds struct {
	in *bufio.Reader
}

func (l *lineFeeds) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c, err := l.in.ReadByte()
		if err != nil {
			if n > 0 && errors.Is(err, io.EOF) {
				return n, nil
			}
			return n, err
		}
		if c == '\r' {
			if next, _ := l.in.Peek(1); len(next) == 1 && next[0] == '\n' {
				continue
			}
		}
		p[n] = c
		n++
	}
	return n, nil
}

// watchedSource remembers that the message could not be read: a program that has got half
// of it has not got it.
type watchedSource struct {
	in     io.Reader
	failed error
}

func (w *watchedSource) Read(p []byte) (int, error) {
	n, err := w.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.failed = err
	}
	return n, err
}
