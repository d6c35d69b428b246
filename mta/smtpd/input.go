package smtpd

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// Bounds of what is read at once.
const (
	idleBuffer = 4 << 10  // octets, the most of a command line but AUTH's
	bodyBuffer = 64 << 10 // octets, while a message comes
)

var (
	errLineTooLong = errors.New("the line is too long")

	idleBuffers = sync.Pool{New: func() any { return new([idleBuffer]byte) }}
	bodyBuffers = sync.Pool{New: func() any { return new([bodyBuffer]byte) }}
)

// An input is what the client has said and nobody has looked at: a small
// buffer, so that a client that waits costs little, and a large one for as long as a message comes.
type input struct {
	small *[idleBuffer]byte
	large *[bodyBuffer]byte
	buf   []byte // one of them
	r, w  int    // what of buf is unread
}

func (in *input) open() {
	in.small = idleBuffers.Get().(*[idleBuffer]byte)
	in.buf = in.small[:]
}

func (in *input) close() {
	in.narrow()
	in.buf, in.r, in.w = nil, 0, 0
	if in.small != nil {
		idleBuffers.Put(in.small)
		in.small = nil
	}
	if in.large != nil {
		bodyBuffers.Put(in.large)
		in.large = nil
	}
}

// unread are the octets at hand; they stay until the next fill.
func (in *input) unread() []byte { return in.buf[in.r:in.w] }

// take marks n of them as read.
func (in *input) take(n int) { in.r += n }

// forget drops all that is at hand.
func (in *input) forget() { in.r, in.w = 0, 0 }

// widen makes room for a message.
func (in *input) widen() {
	if in.large != nil {
		return
	}
	in.large = bodyBuffers.Get().(*[bodyBuffer]byte)
	in.w = copy(in.large[:], in.unread())
	in.r, in.buf = 0, in.large[:]
}

// narrow gives the room back, as soon as what is unread fits the small buffer.
func (in *input) narrow() {
	if in.large == nil || in.w-in.r > idleBuffer {
		return
	}
	in.w = copy(in.small[:], in.unread())
	in.r, in.buf = 0, in.small[:]
	bodyBuffers.Put(in.large)
	in.large = nil
}

// fill reads once from r, behind what is unread. There must be room for it.
func (in *input) fill(r io.Reader) error {
	if in.r > 0 {
		in.w = copy(in.buf, in.unread())
		in.r = 0
	}
	n, err := r.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// line reads one line, its end too. It stays whole until the next fill. A
// line of more than most octets is errLineTooLong; what has come of it stays unread.
func (in *input) line(r io.Reader, most func(start []byte) int) ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(in.unread()[seen:], '\n'); i >= 0 {
			line := in.unread()[:seen+i+1]
			if len(line) > most(line) {
				return nil, errLineTooLong
			}
			in.take(len(line))
			return line, nil
		}
		seen = len(in.unread())
		if seen >= most(in.unread()) {
			return nil, errLineTooLong
		}
		if seen == len(in.buf) {
			in.widen()
		}
		if err := in.fill(r); err != nil {
			return nil, err
		}
	}
}
