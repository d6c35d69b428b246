package header

import (
	"errors"
	"io"
)

// ErrTooLarge says that a header section has more octets than it may have.
var ErrTooLarge = errors.New("552 5.6.0 Headers too large")

// Read reads until end can tell where the header section ends, as Scan.End does.
// buf holds all that was read; ended says that the input ends with it.
// More than limit octets are ErrTooLarge.
func Read(in io.Reader, limit int64, end func(b []byte, eof bool) bool) (buf []byte, ended bool, err error) {
	buf = make([]byte, 0, 16<<10)
	for !end(buf, ended) {
		if int64(len(buf)) > limit {
			return nil, false, ErrTooLarge
		}
		if cap(buf)-len(buf) < 4<<10 {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			ended = true
		} else if err != nil {
			return nil, false, err
		}
	}
	return buf, ended, nil
}
