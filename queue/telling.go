package queue

import (
	"errors"
	"io"
	"io/fs"
)

// Files of a spool that only tell a person something: nothing rests on them.

// replace gives a file of a directory that only tells a new content: readers
// see the old one or the new one, and a power cut may leave either, or none.
func (s *Spool) replace(dir, name string, text []byte) error {
	// Under tmp/, where Sweep finds what a process that died has left.
	tmp := s.path(dirTmp, dir+"-"+string(newID(s.now())))
	f, err := s.disk.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = s.disk.Rename(tmp, s.path(dir, name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.disk.Mkdir(s.path(dir, "")); err == nil {
			err = s.disk.Rename(tmp, s.path(dir, name))
		}
	}
	if err != nil {
		s.disk.Remove(tmp)
	}
	return err
}

// readAll is a file's text, at most so many octets of it.
func (s *Spool) readAll(path string, most int64) (string, error) {
	f, err := s.disk.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most))
	return string(text), err
}
