package queue

import (
	"errors"
	"io/fs"
	"strings"
	"time"
)

// dirKnown keeps what transports know of their servers between sessions, runs
// and restarts, in files of their own making. It is not synced: what is lost
// costs the next session some time and nothing else.
const dirKnown = "known"

// MaxKnown bounds a file of what is known of a server, in octets.
const MaxKnown = 128 << 10

// knownAge is how long a file is kept that nobody has written to: every session
// writes, so that its account or its server has gone.
const knownAge = 90 * 24 * time.Hour

// Known is what was kept under name, at most MaxKnown octets of it; "" if
// nothing was.
func (s *Spool) Known(name string) (string, error) {
	text, err := s.readAll(s.path(dirKnown, knownFile(name)), MaxKnown)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return text, err
}

// KeepKnown keeps text under name, which begins with a letter. Of processes
// that do so at once, the last wins.
func (s *Spool) KeepKnown(name, text string) error {
	return s.replace(dirKnown, knownFile(name), []byte(text))
}

// knownFile is the file of that name, which does not leave the directory.
func knownFile(name string) string { return strings.ReplaceAll(name, "/", "_") }

// sweepKnown removes what nobody has written to for long.
func (s *Spool) sweepKnown() error {
	var names []string
	err := s.disk.Names(s.path(dirKnown, ""), func(name string) bool {
		names = append(names, name)
		return len(names) < mostSwept
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		path := s.path(dirKnown, name)
		if at, err := s.disk.Modified(path); err == nil && s.now().Sub(at) > knownAge {
			s.disk.Remove(path)
		}
	}
	return err
}
