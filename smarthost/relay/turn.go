package relay

import (
	"context"
	"sync"
)

// A turn is the right to write on a session, in the order in which turns were
// taken.
type turn struct {
	session *Session
	before  *turn         // nil for the first, and once it has passed
	passed  chan struct{} // closed when the next may write
	once    sync.Once

	// What follows is guarded by the session's mu. after is the next turn, or
	// nil; waiting, that its owner is ready to write.
	after   *turn
	waiting bool
}

func (s *Session) takeTurn() *turn {
	t := &turn{session: s, passed: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		t.before, s.last.after = s.last, t
	}
	s.last = t
	return t
}

// await waits for the turn, and says why it will not come.
func (t *turn) await(ctx context.Context) error {
	if t.before == nil {
		return nil
	}
	s := t.session
	s.mu.Lock()
	t.waiting = true
	s.mu.Unlock()
	select {
	case <-t.before.passed:
		t.before = nil
		return nil
	case <-s.dialogue.leaving:
		return s.dialogue.goodbye()
	case <-s.dialogue.failed:
		return s.dialogue.over
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pass gives the turn on, whether it was used or not. Unless the next is about
// to write, what was gathered is sent: several small messages share a segment.
func (t *turn) pass() {
	t.once.Do(func() {
		if before := t.before; before != nil {
			// It was never had. Of many in a row none keeps those before it.
			t.before = nil
			go func() {
				<-before.passed
				t.flush()
				close(t.passed)
			}()
			return
		}
		t.flush()
		close(t.passed)
	})
}

// flush leaves the sending to the next turn where that is about to write. An
// error shows when the replies are awaited.
func (t *turn) flush() {
	s := t.session
	s.mu.Lock()
	soon := t.after != nil && t.after.waiting
	s.mu.Unlock()
	if !soon {
		_ = s.dialogue.flush()
	}
}
