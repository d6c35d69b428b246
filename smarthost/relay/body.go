package relay

import (
	"bytes"
	"io"
)

// readPiece is how much of a stored message is read at once.
const readPiece = 64 << 10

// An encoder turns the line ends of a stored message, LF or CRLF, into the
// CRLF of the wire, and stuffs dots for DATA (RFC 5321 section 4.5.2). A CR
// that no LF follows passes as it is; a message that has one goes by
// BINARYMIME, or was re-encoded before.
type encoder struct {
	dots    bool
	inLine  bool // something of the current line has passed
	afterCR bool // the last octet that passed was CR
}

// encode appends src to dst in wire form, at most 2*len(src)+1 octets.
func (e *encoder) encode(dst, src []byte) []byte {
	for len(src) > 0 {
		if e.dots && !e.inLine && src[0] == '.' {
			dst = append(dst, '.')
		}
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			e.inLine, e.afterCR = true, src[len(src)-1] == '\r'
			return append(dst, src...)
		}
		if i > 0 && src[i-1] == '\r' || i == 0 && e.afterCR {
			dst = append(dst, src[:i+1]...)
		} else {
			dst = append(append(dst, src[:i]...), '\r', '\n')
		}
		e.inLine, e.afterCR = false, false
		src = src[i+1:]
	}
	return dst
}

// end appends the line end that the last line may lack. DATA cannot do
// without it; BDAT could, but what arrives must not depend on the way.
func (e *encoder) end(dst []byte) []byte {
	if e.inLine {
		e.inLine, e.afterCR = false, false
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// wireForm is all of a stored message in wire form, for one of size octets.
func wireForm(src io.Reader, size int64) ([]byte, error) {
	raw := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := raw.ReadFrom(src); err != nil {
		return nil, err
	}
	var e encoder
	return e.end(e.encode(make([]byte, 0, size+int64(len("\r\n"))), raw.Bytes())), nil
}

// A body gives a stored message in wire form, in portions that fit a buffer.
type body struct {
	src     io.Reader
	encoder encoder
	piece   []byte // what was read and has not been encoded
	buf     []byte // space for piece
	ended   bool
}

// next appends the next portion to dst[:0], at most cap(dst) octets, and says
// whether it is the last. cap(dst) must be at least 3*readPiece.
func (b *body) next(dst []byte) (portion []byte, last bool, err error) {
	dst = dst[:0]
	for {
		if len(b.piece) == 0 && !b.ended {
			if err := b.read(); err != nil {
				return nil, false, err
			}
		}
		if b.ended && len(b.piece) == 0 {
			return b.encoder.end(dst), true, nil
		}
		if cap(dst)-len(dst) < worst(len(b.piece)) {
			return dst, false, nil
		}
		dst = b.encoder.encode(dst, b.piece)
		b.piece = nil
	}
}

// worst is how long n octets can become, with the last line's end.
func worst(n int) int { return 2*n + 3 }

func (b *body) read() error {
	n, err := io.ReadFull(b.src, b.buf)
	b.piece = b.buf[:n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		b.ended = true
		return nil
	}
	return err
}
