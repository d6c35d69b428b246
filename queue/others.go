package queue

import (
	"context"
	"errors"
)

// awaitOthers waits until no other process is at the messages that were busy.
// It says whether one of them is still as it was: not tried after all.
func (f *flush) awaitOthers(ctx context.Context) (more bool, err error) {
	if f.run.Only != nil {
		f.sum.Others += len(f.busy)
		f.busy = nil
		return false, nil
	}
	if len(f.busy) > 0 {
		f.tell(Event{Kind: Awaiting, Of: len(f.busy)})
	}
	names, err := f.leftByOthers(ctx, f.busy)
	f.sum.Others += len(f.busy) - len(names)
	f.busy = nil
	for _, n := range names {
		f.meet(n, again)
	}
	return len(names) > 0, err
}

// leftByOthers waits until no other process is at the messages that were
// busy, and returns those that are still as they were: not tried after all.
func (r *Runner) leftByOthers(ctx context.Context, busy []Name) ([]Name, error) {
	if len(busy) == 0 {
		return nil, nil
	}
	before := make(map[ID]Name, len(busy))
	for _, name := range busy {
		before[name.ID] = name
	}
	var names, left []Name
	err := r.Spool.Names(func(n Name) bool {
		if _, was := before[n.ID]; was {
			names = append(names, n)
		}
		return true
	})
	for _, name := range names {
		old := before[name.ID]
		if now, here := r.Spool.await(ctx, name); here && now.Attempts == old.Attempts && !r.passesOver(now) {
			left = append(left, now)
		}
	}
	return left, err
}

// await waits until no other process is at the message, and says under which
// name it then stands, if it still does.
func (s *Spool) await(ctx context.Context, name Name) (Name, bool) {
	for gone := 0; ctx.Err() == nil && gone < mostGone; gone++ {
		free := make(chan error, 1)
		go func() {
			m, err := s.claim(name, true)
			if err == nil {
				m.Release()
			}
			free <- err
		}()
		select {
		case err := <-free:
			if !errors.Is(err, errGone) {
				return name, true
			}
		case <-ctx.Done():
			return name, true
		}
		now, err := s.find(name.ID)
		if err != nil {
			return name, false
		}
		name = now
	}
	return name, ctx.Err() != nil
}
