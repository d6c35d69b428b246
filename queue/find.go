package queue

import (
	"context"
	"errors"

	"mailcrane/internal/sysexits"
)

// mostGone is how often a name is tried that its directory lists and that is
// not there: another process may have changed it, and back. Beyond that it is
// the disk, as after a fault of its journal, and to go on would never end.
const mostGone = 20

var errNotThere = errors.New("its directory lists it, and it is not there: the disk is at fault (look with: dmesg)")

// find is the name under which the message of that ID stands now. A name that
// is changed while its directory is read may be missed, so that only a message
// that was not seen in several readings is not there.
func (s *Spool) find(id ID) (Name, error) {
	const readings = 2
	var found *Name
	var err error
	for i := 0; i < readings && found == nil && err == nil; i++ {
		err = s.Names(func(n Name) bool {
			if n.ID == id {
				found = &n
			}
			return found == nil
		})
	}
	switch {
	case err != nil:
		return Name{}, err
	case found == nil:
		return Name{}, noSuch(id)
	}
	return *found, nil
}

// NoMessage says that the queue has no message of that ID: there was none, or
// it has left.
type NoMessage ID

func (id NoMessage) Error() string {
	return "there is no message " + string(id) + " in the queue"
}

func noSuch(id ID) error {
	return sysexits.Errorf(sysexits.DataErr, "what became of it, if it has left: mailcrane explain "+string(id), "%w", NoMessage(id))
}

// unreadable is for a person who names a message that cannot be read.
func unreadable(id ID, why error) error {
	hint := "look at its owner and mode"
	if _, damaged := errors.AsType[*damagedError](why); damaged {
		hint = "the next queue run sets it aside, below damaged/ in the spool: mailcrane flush"
	}
	return sysexits.Errorf(sysexits.DataErr, hint, "message %s cannot be read: %w", id, why)
}

func onItsWay(id ID) error {
	return sysexits.Errorf(sysexits.TempFail, "try again in a moment", "message %s is on its way just now", id)
}

// claimID claims the message that a person names. It waits for another process
// as long as the spool's patience lasts.
func (s *Spool) claimID(ctx context.Context, id ID) (*Message, error) {
	patient, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	for gone := 0; ctx.Err() == nil; gone++ {
		name, err := s.find(id)
		if err != nil {
			return nil, err
		}
		m, err := s.claim(name, false)
		if errors.Is(err, errBusy) && patient.Err() == nil {
			s.await(patient, name)
			gone = 0
			continue
		}
		if errors.Is(err, errBusy) {
			return nil, onItsWay(id)
		}
		if _, damaged := errors.AsType[*damagedError](err); damaged {
			return nil, unreadable(id, err)
		}
		if !errors.Is(err, errGone) {
			return m, err
		}
		if gone == mostGone {
			return nil, unreadable(id, errNotThere)
		}
	}
	return nil, ctx.Err()
}

// claimNamed claims the message of that name, or of that ID, should it have
// another name by now.
func (s *Spool) claimNamed(ctx context.Context, name Name) (*Message, error) {
	m, err := s.claim(name, false)
	_, damaged := errors.AsType[*damagedError](err)
	switch {
	case errors.Is(err, errGone):
		return s.claimID(ctx, name.ID)
	case errors.Is(err, errBusy):
		return nil, onItsWay(name.ID)
	case damaged:
		return nil, unreadable(name.ID, err)
	}
	return m, err
}
