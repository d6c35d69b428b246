package migrate

import (
	"errors"
	"path"
	"strings"
)

// dmaQueue reads the pairs of dma's spool: Q… has the envelope, for one
// recipient, and M…, which those for others may be too, the message.
func dmaQueue(m *Machine, f *Found) {
	dir := "/var/spool/dma"
	if text, err := m.settings("/etc/dma/dma.conf"); err == nil {
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "SPOOLDIR" {
				dir = words[1]
			}
		}
	}
	for _, name := range m.names(f, dir) {
		id, ok := strings.CutPrefix(name, "Q")
		if !ok {
			continue
		}
		file := path.Join(dir, name)
		l, err := m.dmaLetter(file, path.Join(dir, "M"+id))
		if err != nil {
			f.skip(file, err)
			continue
		}
		f.add(l)
	}
}

func (m *Machine) dmaLetter(file, message string) (*Letter, error) {
	text, err := m.control(file)
	if err != nil {
		return nil, err
	}
	received, err := m.regular(message, false)
	if err != nil {
		return nil, err
	}
	l := &Letter{File: file, Received: received, message: m.fileFrom(message, false, 0)}
	sender := false
	for line := range strings.Lines(string(text)) {
		whole := strings.HasSuffix(line, "\n")
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case !whole:
			return nil, errors.New("its envelope ends within a line")
		case key == "Sender" || key == "Sender:": // an empty one has no blank behind it
			l.From, sender = value, true
		case key == "Recipient":
			l.To = append(l.To, Recipient{Address: value})
		}
	}
	if !sender {
		return nil, errors.New("its envelope names no sender")
	}
	return l, nil
}
