package syntax

import "bytes"

// A Scanner looks at the octets of one message as they come off the wire.
// Servers differ in which octets they take for the end of a message (RFC 5321
// section 2.3.8, 4.1.1.4), so a message that holds a bare CR, a bare LF or a
// NUL could hide a second message, and is to be refused.
type Scanner struct {
	// Lines are the whole lines so far.
	Lines int
	// Size is the octets so far, without dots that stuffing added.
	Size int64

	window uint64 // the last octets, the youngest lowest
}

// The octets that end a message, and those that stand before its first.
const (
	endOfData   = '\r'<<32 | '\n'<<24 | '.'<<16 | '\r'<<8 | '\n'
	fiveOctets  = 1<<40 - 1
	startOfLine = '\r'<<8 | '\n'
)

// AfterLines is a Scanner at the start of a line, which lines lines stand before.
func AfterLines(lines int) Scanner { return Scanner{Lines: lines, window: startOfLine} }

// Previous is the last octet; 0 before the first.
func (s *Scanner) Previous() byte { return byte(s.window) }

// Next takes one octet and says what is wrong with it, or "".
func (s *Scanner) Next(c byte) (wrong string) {
	before := s.Previous()
	switch {
	case c == 0:
		wrong = "a NUL octet"
	case before == '\r' && c != '\n':
		wrong = "a bare CR"
	case before != '\r' && c == '\n':
		wrong = "a bare LF"
	case c == '\n':
		s.Lines++
	}
	s.window = s.window<<8 | uint64(c)
	s.Size++
	return wrong
}

// NextStuffed is Next for a DATA body, whose size is without added dots.
func (s *Scanner) NextStuffed(c byte) (wrong string) {
	if c == '.' && s.window&0xffff == startOfLine {
		s.Size--
	}
	return s.Next(c)
}

// Ended says that CRLF.CRLF is whole.
func (s *Scanner) Ended() bool { return s.window&fiveOctets == endOfData }

// Ambiguous says that the last octets are a line of one dot to some server,
// but not the end of a message by RFC 5321. It is asked for a spoiled message.
func (s *Scanner) Ambiguous() bool {
	last, dot, first := byte(s.window), byte(s.window>>8), byte(s.window>>16)
	if lineEnd(last) && dot == '.' && lineEnd(first) {
		strict := last == '\r' && first == '\n' && byte(s.window>>24) == '\r'
		return !strict
	}
	// CRLF . CR with no LF after it
	return dot == '\r' && last != '\n' && first == '.' && lineEnd(byte(s.window>>24))
}

func lineEnd(c byte) bool { return c == '\r' || c == '\n' }

// AtLineStart says that the next octet begins a line, as the first one of a
// Scanner of AfterLines does.
func (s *Scanner) AtLineStart() bool { return s.window&0xffff == startOfLine }

// Clean takes a run of octets in which nothing is wrong, at the pace of a
// search; where something is, it takes none and is false.
func (s *Scanner) Clean(run []byte) bool {
	before, lines := s.Previous(), 0
	if bytes.IndexByte(run, 0) >= 0 {
		return false
	}
	for rest := run; len(rest) > 0; {
		if before == '\r' {
			if rest[0] != '\n' {
				return false
			}
			lines++
			before, rest = '\n', rest[1:]
			continue
		}
		i := bytes.IndexByte(rest, '\n')
		line := rest[:max(i, 0)]
		if i < 0 {
			line = rest
		}
		if i == 0 || bytes.IndexByte(line[:len(line)-1], '\r') >= 0 {
			return false
		}
		before = line[len(line)-1]
		if i > 0 && before != '\r' {
			return false
		}
		rest = rest[len(line):]
	}
	for _, c := range run[max(0, len(run)-8):] {
		s.window = s.window<<8 | uint64(c)
	}
	s.Lines += lines
	s.Size += int64(len(run))
	return true
}
