package listen

import (
	"io"
	"net"
	"time"
)

// A stdio is standard input and output as a connection. It has no deadlines:
// whoever started the program can end it.
type stdio struct {
	io.Reader
	io.Writer
}

// Close leaves both open: they are the caller's.
func (stdio) Close() error                     { return nil }
func (stdio) LocalAddr() net.Addr              { return stdioAddr{} }
func (stdio) RemoteAddr() net.Addr             { return stdioAddr{} }
func (stdio) SetDeadline(time.Time) error      { return nil }
func (stdio) SetReadDeadline(time.Time) error  { return nil }
func (stdio) SetWriteDeadline(time.Time) error { return nil }

type stdioAddr struct{}

func (stdioAddr) Network() string { return "stdio" }
func (stdioAddr) String() string  { return "standard input" }
