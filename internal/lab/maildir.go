package lab

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// match picks from everything in the sink, in order of arrival. Of each file
// it keeps the header only: other tests' messages may be 50 MB.
func (m *Mailbox) match(want func(Mail) bool) []Mail {
	m.t.Helper()
	var found []Mail
	for _, name := range m.names() {
		path := filepath.Join(m.sink, name)
		mail, ok := m.seen[name]
		if !ok {
			head, err := readHead(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // another test has ended and deleted it
			}
			if err != nil {
				m.t.Fatalf("cannot read the smarthost's mail: %v", err)
			}
			mail = parse(head)
			m.seen[name] = mail
		}
		if !want(mail) {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			m.t.Fatalf("cannot read the smarthost's mail: %v", err)
		}
		found = append(found, parse(raw))
	}
	return found
}

// names lists the files of the sink in order of arrival.
func (m *Mailbox) names() []string {
	m.t.Helper()
	entries, err := os.ReadDir(m.sink)
	if err != nil {
		m.t.Fatalf("cannot read the smarthost's mail: %v", err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	slices.SortStableFunc(names, func(a, b string) int {
		aSec, aMicro := arrival(a)
		bSec, bMicro := arrival(b)
		return cmp.Or(cmp.Compare(aSec, bSec), cmp.Compare(aMicro, bMicro))
	})
	return names
}

// remove deletes the test's messages, so that the sink stays small.
func (m *Mailbox) remove() {
	for _, name := range m.names() {
		path := filepath.Join(m.sink, name)
		if head, err := readHead(path); err == nil && m.mine(parse(head)) {
			os.Remove(path)
		}
	}
}

func (m *Mailbox) mine(mail Mail) bool {
	return strings.Contains(strings.ToLower(mail.To), m.tag)
}

// arrival is the time in a Maildir file's name: seconds, and microseconds
// behind an M ("1700000000.V801I7M523.host", "1700000000.H523P1.host" where
// the writer is Exim).
func arrival(name string) (seconds, micros int) {
	sec, rest, _ := strings.Cut(name, ".")
	unique, _, _ := strings.Cut(rest, ".")
	seconds, _ = strconv.Atoi(sec)
	if i := strings.IndexAny(unique, "MH"); i >= 0 {
		digits := unique[i+1:]
		if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = digits[:end]
		}
		micros, _ = strconv.Atoi(digits)
	}
	return seconds, micros
}

// readHead is the header of the file at path, or its first 256 KiB.
func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 256 << 10
	head, err := io.ReadAll(io.LimitReader(f, most))
	if end := bytes.Index(head, []byte("\n\n")); end >= 0 {
		head = head[:end+1]
	}
	return head, err
}

// parse tells what the smarthost put on top from what was sent. All
// smarthosts write Return-Path first, the recipient into a field of their own
// (Delivered-To, Envelope-to), and close with their Received.
func parse(raw []byte) Mail {
	mail := Mail{Raw: raw}
	rest := raw
	for len(rest) > 0 {
		field, after := firstField(rest)
		name, value, _ := strings.Cut(string(field), ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "return-path":
			mail.From = strings.Trim(value, "<>")
		case "delivered-to", "x-original-to", "envelope-to":
			// X-Original-To is the address as it came, Delivered-To comes after
			// it and is the same here.
			mail.To = value
		case "received":
			mail.Sent = after
			return mail
		default:
			mail.Sent = rest
			return mail
		}
		rest = after
	}
	mail.Sent = rest
	return mail
}

// firstField is a header field with its continuation lines, and the rest.
func firstField(header []byte) (field, rest []byte) {
	end := 0
	for {
		i := bytes.IndexByte(header[end:], '\n')
		if i < 0 {
			return header, nil
		}
		end += i + 1
		if end == len(header) || (header[end] != ' ' && header[end] != '\t') {
			return header[:end], header[end:]
		}
	}
}

// unfolded is the header of a message with every field on one line.
func unfolded(message []byte) []byte {
	if bytes.HasPrefix(message, []byte("\n")) {
		return nil // no header at all
	}
	header, _, _ := bytes.Cut(message, []byte("\n\n"))
	header = bytes.ReplaceAll(header, []byte("\n\t"), []byte(" "))
	return bytes.ReplaceAll(header, []byte("\n "), []byte(" "))
}
