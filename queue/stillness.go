package queue

import (
	"context"
	"time"
)

// A stillness watches the deliveries of one lane: when nothing has moved in any
// of them for longer than the runner's patience, the lane counts as standing
// still, and the messages behind go by another one.
type stillness struct {
	lane  *lane
	ctx   context.Context //nolint:containedctx // the lane's own, for the lane that is opened past it
	timer *time.Timer
	// still and busy are guarded by the carrier's mu, as is the making of timer.
	still, busy bool
}

// begin says that a delivery has begun. The caller holds mu.
func (s *stillness) begin() {
	if s.timer == nil {
		s.timer = time.AfterFunc(s.lane.carrier.runner.patience(), s.stands)
	}
	s.setMoving(true)
}

// stands is called by the timer, also once too late.
func (s *stillness) stands() {
	c := s.lane.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.still || !s.busy {
		return
	}
	s.still = true
	c.pass(s.ctx)
}

func (s *stillness) moved() {
	c := s.lane.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	s.setMoving(s.busy)
}

// end says that no delivery is under way. The caller holds mu.
func (s *stillness) end() {
	s.setMoving(false)
	s.timer.Stop()
}

// setMoving is called with mu held.
func (s *stillness) setMoving(busy bool) {
	s.still, s.busy = false, busy
	s.timer.Reset(s.lane.carrier.runner.patience())
}
