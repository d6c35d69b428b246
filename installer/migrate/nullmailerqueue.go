package migrate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// nullmailerQueue reads the files of nullmailer-queue(8): the sender on a line,
// the recipients on a line each, an empty line, the message.
func nullmailerQueue(m *Machine, f *Found) {
	for dir, held := range map[string]string{"queue": "", "failed": "nullmailer had given it up"} {
		dir = path.Join("/var/spool/nullmailer", dir)
		for _, name := range m.names(f, dir) {
			file := path.Join(dir, name)
			l, err := m.nullmailerLetter(file)
			if err != nil {
				f.skip(file, err)
				continue
			}
			l.Held = held
			f.add(l)
		}
	}
}

func (m *Machine) nullmailerLetter(name string) (*Letter, error) {
	received, err := m.regular(name, true)
	if err != nil {
		return nil, err
	}
	f, err := m.open(name, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l := &Letter{File: name, Received: received}
	lines, at, err := envelopeLines(f)
	if err != nil {
		return nil, err
	}
	l.From = lines[0]
	for _, to := range lines[1:] {
		l.To = append(l.To, Recipient{Address: to})
	}
	l.message = m.fileFrom(name, true, at)
	return l, nil
}

// envelopeLines reads the first line, which may be empty, and those up to an
// empty one; at is where the message begins.
func envelopeLines(from io.Reader) (lines []string, at int64, err error) {
	r := bufio.NewReader(io.LimitReader(from, mostControl))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, 0, errors.New("it ends within its envelope")
		}
		at += int64(len(line))
		line = strings.TrimSuffix(line, "\n")
		if line == "" && len(lines) > 0 {
			return lines, at, nil
		}
		if strings.ContainsAny(line, "\r\x00") {
			return nil, 0, fmt.Errorf("its envelope has a line that is no address: %q", line)
		}
		lines = append(lines, line)
	}
}
