package msp

import (
	"bytes"
	"io"
)

// A survey is what must be known of the octets of a message before they go to
// the machine's agent by SMTP.
type survey struct {
	octets   int64 // all of them
	bare     int64 // LFs without a CR before them, which get one on the wire
	eightBit bool
	// unfit: a NUL, or a CR without an LF, which SMTP does not take.
	unfit bool
	last  byte
}

// Write takes octets in; it never fails.
func (s *survey) Write(p []byte) (int, error) {
	s.octets += int64(len(p))
	for _, c := range p {
		switch {
		case c == '\n' && s.last != '\r':
			s.bare++
		case c != '\n' && s.last == '\r', c == 0:
			s.unfit = true
		}
		s.eightBit = s.eightBit || c >= 0x80
		s.last = c
	}
	return len(p), nil
}

// fit says that the message can go by SMTP.
func (s *survey) fit() bool { return !s.unfit && s.last != '\r' }

// onWire is its octets there.
func (s *survey) onWire() int64 { return s.octets + s.bare }

// A crlfWriter puts a CR before each LF that has none.
type crlfWriter struct {
	to   io.Writer
	last byte
	out  []byte
}

// Write is of what was surveyed.
func (w *crlfWriter) Write(p []byte) (int, error) {
	w.out = w.out[:0]
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			w.out = append(w.out, rest...)
			w.last = rest[len(rest)-1]
			break
		}
		before := w.last
		if i > 0 {
			before = rest[i-1]
		}
		w.out = append(w.out, rest[:i]...)
		if before != '\r' {
			w.out = append(w.out, '\r')
		}
		w.out = append(w.out, '\n')
		w.last = '\n'
		rest = rest[i+1:]
	}
	if _, err := w.to.Write(w.out); err != nil {
		return 0, err
	}
	return len(p), nil
}
