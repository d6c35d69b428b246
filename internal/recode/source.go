package recode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// spillAbove is how much of a message that cannot be read twice is kept in
// memory.
const spillAbove = 256 << 10

// A source is a message that can be read a second time.
type source struct {
	io.ReadSeeker
	start int64
	spill *os.File // to be removed, or nil
}

func rereadable(r io.Reader) (source, error) {
	if s, ok := r.(io.ReadSeeker); ok {
		// A pipe is an *os.File too, and cannot seek.
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			return source{ReadSeeker: s, start: start}, nil
		}
	}
	var head bytes.Buffer
	n, err := io.CopyN(&head, r, spillAbove)
	if n < spillAbove {
		if err != nil && !errors.Is(err, io.EOF) {
			return source{}, fmt.Errorf("reading the message: %w", err)
		}
		return source{ReadSeeker: bytes.NewReader(head.Bytes())}, nil
	}
	f, err := os.CreateTemp("", "mailcrane-recode-*")
	if err != nil {
		return source{}, fmt.Errorf("keeping a copy of the message to read it twice: %w", err)
	}
	s := source{ReadSeeker: f, spill: f}
	if _, err = io.Copy(f, io.MultiReader(&head, r)); err == nil {
		err = s.rewind()
	}
	if err != nil {
		return source{}, errors.Join(fmt.Errorf("keeping a copy of the message to read it twice: %w", err), s.Close())
	}
	return s, nil
}

func (s source) rewind() error {
	_, err := s.Seek(s.start, io.SeekStart)
	return err
}

// Close removes the copy, if one was made; a reader that was handed in stays
// open.
func (s source) Close() error {
	if s.spill == nil {
		return nil
	}
	err := errors.Join(s.spill.Close(), os.Remove(s.spill.Name()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a cleaner of temporary files was faster
	}
	return err
}
