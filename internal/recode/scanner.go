package recode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// A lineEnd is what a piece of a line ends in.
type lineEnd uint8

const (
	open lineEnd = iota // nothing: the line goes on in the next piece, or the input ends
	lf
	crlf
)

// raw is the line end as it came.
func (e lineEnd) raw() string { return [...]string{"", "\n", "\r\n"}[e] }

// A scanner cuts a message into lines, and lines longer than its buffer into
// pieces, so that no line is too long for it. It is neither bufio.Scanner nor
// textproto.Reader because line ends, offsets and bare CRs must be known.
type scanner struct {
	r   *bufio.Reader
	pos int64 // offset behind the piece and its line end

	text  []byte // the piece without its line end; valid until the next call
	end   lineEnd
	first bool // the piece begins a line
	last  bool // the piece reaches the end of its line
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, bufSize), last: true}
}

// next reads a piece; false is the end of the input.
func (s *scanner) next() (bool, error) {
	s.first = s.last
	b, err := s.r.ReadSlice('\n')
	s.end, s.last = open, true
	switch {
	case err == nil:
		s.end = lf
	case errors.Is(err, bufio.ErrBufferFull):
		s.last = false
		if b[len(b)-1] == '\r' { // its LF may be the next octet
			if err := s.r.UnreadByte(); err != nil {
				return false, err
			}
			b = b[:len(b)-1]
		}
	case !errors.Is(err, io.EOF):
		return false, err
	case len(b) == 0:
		s.text = nil
		return false, nil
	}
	s.pos += int64(len(b))
	if s.end == lf {
		b = b[:len(b)-1]
		if n := len(b); n > 0 && b[n-1] == '\r' {
			s.end, b = crlf, b[:n-1]
		}
	}
	s.text = b
	return true, nil
}

// textEnd is the offset behind the piece, before its line end.
func (s *scanner) textEnd() int64 { return s.pos - int64(len(s.end.raw())) }

// dirt is what a stretch of octets has that some server cannot take.
type dirt struct {
	high int64 // how many octets above 127
	nul  bool
	cr   bool // a CR without LF
	long bool // a line over maxLine
}

// unfit says whether a server of that need cannot take it.
func (d dirt) unfit(n Need) bool {
	return n.SevenBit && d.high > 0 || n.ShortLines && (d.nul || d.cr || d.long)
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// add measures octets that hold no line end, eight at a time: this is the
// inner loop of the first reading.
func (d *dirt) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		if h := v & highs; h != 0 {
			d.high += int64(bits.OnesCount64(h))
		}
		x := v ^ ones*'\r'
		if zero := ((v-ones)&^v | (x-ones)&^x) & highs; zero != 0 {
			d.addSlow(b[:8], false)
		}
	}
	d.addSlow(b, true)
}

func (d *dirt) addSlow(b []byte, countHigh bool) {
	for _, c := range b {
		switch {
		case c == 0:
			d.nul = true
		case c == '\r':
			d.cr = true
		case c >= 0x80 && countHigh:
			d.high++
		}
	}
}
