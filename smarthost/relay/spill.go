package relay

import (
	"bytes"
	"io"
	"os"
)

// inMemory is how large a re-encoded message may be before it goes to a file.
const inMemory = 1 << 20

// A spill holds a re-encoded message: in memory, or when that becomes too
// large in a file that has no name and goes with the process. It counts the
// octets that the message will have on the wire.
type spill struct {
	mem   bytes.Buffer
	file  *os.File
	wire  int64
	cr    bool // the last octet was CR
	ended bool // the last octet was LF, or there was none
}

func newSpill() *spill { return &spill{ended: true} }

func (s *spill) Write(p []byte) (int, error) {
	s.count(p)
	if s.file == nil && s.mem.Len()+len(p) > inMemory {
		if err := s.toFile(); err != nil {
			return 0, err
		}
	}
	if s.file != nil {
		return s.file.Write(p)
	}
	return s.mem.Write(p)
}

func (s *spill) count(p []byte) {
	s.wire += int64(len(p))
	for rest := p; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		at := len(p) - len(rest) + i
		if at > 0 && p[at-1] != '\r' || at == 0 && !s.cr {
			s.wire++
		}
		rest = rest[i+1:]
	}
	if len(p) > 0 {
		s.cr, s.ended = p[len(p)-1] == '\r', p[len(p)-1] == '\n'
	}
}

func (s *spill) toFile() error {
	f, err := os.CreateTemp("", "mailcrane-*")
	if err != nil {
		return err
	}
	// Systems that cannot remove an open file do it in close.
	_ = os.Remove(f.Name())
	s.file = f
	_, err = f.Write(s.mem.Bytes())
	s.mem = bytes.Buffer{}
	return err
}

// size is the message's octets on the wire.
func (s *spill) size() int64 {
	if !s.ended {
		return s.wire + int64(len("\r\n"))
	}
	return s.wire
}

// open reads the message from its start. Only one reader at a time is good.
func (s *spill) open() (io.ReadCloser, error) {
	if s.file == nil {
		return io.NopCloser(bytes.NewReader(s.mem.Bytes())), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return io.NopCloser(s.file), err
}

func (s *spill) close() {
	if s.file == nil {
		return
	}
	s.file.Close()
	_ = os.Remove(s.file.Name())
}
