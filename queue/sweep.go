package queue

import (
	"errors"
	"io/fs"
	"strings"
)

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
