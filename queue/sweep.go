package queue

import (
	"errors"
	"io/fs"
	"strings"
	"time"
)

// Prepare makes the directories and removes what dead processes left.
func (s *Spool) Prepare() error {
	for _, r := range s.roots {
		if err := s.makeDirs(r); err != nil {
			return err
		}
	}
	if err := s.disk.Mkdir(s.RoutesDir()); err != nil { // so that it can be watched
		return err
	}
	s.forgetDone()
	return s.Sweep()
}

// tmpAge is how old a file under tmp/ must be before it counts as left behind
// by a process that died; the Maildir convention.
const tmpAge = 36 * time.Hour

// Sweep removes what dead processes left: under tmp/, which was never
// accepted, results and transcripts of messages that have gone, and what was
// known of servers that have.
func (s *Spool) Sweep() error {
	for _, r := range s.roots {
		if err := s.sweepTmp(r); err != nil {
			return err
		}
	}
	if err := s.sweepKnown(); err != nil {
		return err
	}
	if s.within != "" {
		return nil // it does not see whose result or transcript is still wanted
	}
	if err := s.sweepResults(); err != nil {
		return err
	}
	return s.sweepTranscripts()
}

func (s *Spool) sweepTmp(r *root) error {
	var names []string
	err := s.disk.Names(r.path(dirTmp, ""), func(name string) bool {
		names = append(names, name)
		return len(names) < 10_000
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		path := r.path(dirTmp, name)
		at, err := s.disk.Modified(path)
		if err == nil && s.now().Sub(at) > tmpAge {
			s.disk.Remove(path)
		}
	}
	return nil
}

// sweepResults removes the result files whose message has left: a machine that
// stopped between the two removals of a finished message leaves one behind.
//
// What is removed in error would leave a message of which nobody knows who has
// it (its name tells, so that it is set aside and not sent again). Therefore
// only what is old counts; a file of that ID in any place, or set aside as
// damaged, speaks for it; and the places are read twice, since a name may be
// missed that changes while its directory is read.
func (s *Spool) sweepResults() error {
	for _, r := range s.roots {
		left, err := s.oldResults(r)
		for range 2 {
			if err == nil && len(left) > 0 {
				err = s.keepClaimed(left)
			}
		}
		if err != nil {
			return err
		}
		for id := range left {
			s.disk.Remove(r.path(dirResult, string(id)))
		}
	}
	return nil
}

// oldResults is the messages that were received, and last written of, long ago.
func (s *Spool) oldResults(r *root) (map[ID]bool, error) {
	old, now := make(map[ID]bool), s.now()
	err := s.disk.Names(r.path(dirResult, ""), func(name string) bool {
		id, err := ParseID(name)
		if err != nil || now.Sub(id.Received()) <= tmpAge {
			return true
		}
		if at, err := s.disk.Modified(r.path(dirResult, name)); err == nil && now.Sub(at) > tmpAge {
			old[id] = true
		}
		return len(old) < mostSwept
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return old, err
}

// keepClaimed takes out of left what a message stands for, in whatever state.
func (s *Spool) keepClaimed(left map[ID]bool) error {
	keep := func(file string) bool {
		id, _, _ := strings.Cut(file, ".")
		delete(left, ID(id))
		return len(left) > 0
	}
	for _, r := range s.roots {
		err := s.disk.Names(r.path(dirDamaged, ""), keep)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.eachFile(func(_ *place, file string) bool { return keep(file) })
}

// sweepTranscripts removes those whose message has left. It reads them before
// it reads the queue: what is put and tried meanwhile is not seen.
func (s *Spool) sweepTranscripts() error {
	left := make(map[ID]bool)
	err := s.disk.Names(s.path(dirTranscript, ""), func(name string) bool {
		left[ID(name)] = true
		return len(left) < mostSwept
	})
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(left) == 0 {
		return nil
	}
	if err == nil {
		err = s.Names(func(n Name) bool {
			delete(left, n.ID)
			return len(left) > 0
		})
	}
	if err != nil {
		return err
	}
	for id := range left {
		s.dropTranscript(id)
	}
	return nil
}

// mostSwept bounds one sweep; the next does the rest.
const mostSwept = 200_000
