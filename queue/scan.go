package queue

import (
	"bytes"
	"encoding/binary"
)

// longestLine is the most octets that RFC 5322 section 2.1.1 allows in a
// line, without its CRLF.
const longestLine = 998

// A scanner finds, in one pass over the octets of a message, what kind of
// content it is, which class its header asks for, and how large it will be on
// the wire.
type scanner struct {
	content Content
	header  classifier
	size    int64 // with every line end as CRLF
	line    int   // octets of the line so far
	cr      bool  // the last octet was CR
}

func (s *scanner) write(p []byte) {
	s.size += int64(len(p))
	if !s.content.EightBit {
		s.content.EightBit = hasEightBit(p)
	}
	if !s.content.Binary {
		s.content.Binary = bytes.IndexByte(p, 0) >= 0
	}
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.part(p)
			return
		}
		s.part(p[:i])
		if !s.cr {
			s.size++ // a lone LF becomes CRLF
		}
		if s.cr {
			s.line-- // the CR belongs to the line end
		}
		s.endLine()
		p = p[i+1:]
	}
}

// part takes octets without LF.
func (s *scanner) part(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.cr {
		s.content.Binary = true // a CR, and no LF behind it
	}
	s.cr = p[len(p)-1] == '\r'
	if !s.content.Binary && bytes.IndexByte(p[:len(p)-1], '\r') >= 0 {
		s.content.Binary = true
	}
	s.line += len(p)
	s.header.part(p)
}

func (s *scanner) endLine() {
	if s.line > longestLine {
		s.content.LongLine = true
	}
	s.line, s.cr = 0, false
	s.header.endLine()
}

// end is called after the last octet. A message without a final line end
// gets one on the wire.
func (s *scanner) end() {
	if s.cr {
		s.content.Binary = true
	}
	if s.line > 0 {
		s.size += 2
	}
	s.header.end()
	s.endLine()
}

func hasEightBit(p []byte) bool {
	const high = 0x8080808080808080
	for ; len(p) >= 8; p = p[8:] {
		if binary.NativeEndian.Uint64(p)&high != 0 {
			return true
		}
	}
	for _, c := range p {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
